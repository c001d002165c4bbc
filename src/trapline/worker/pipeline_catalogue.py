"""The catalogue of installed pipelines: purpose, model files, licences and missing packages."""

from dataclasses import dataclass
from pathlib import Path

from trapline.worker.model_files import NEEDS_ACCEPTANCE, get_cached_path
from trapline.worker.pipeline import (
    Pipeline,
    build_pipeline,
    list_default_slugs,
    list_missing_modules,
    list_optional_slugs,
)


@dataclass(frozen=True)
class CatalogueEntry:
    """A pipeline of the catalogue.

    `download_bytes` is None if a publisher gives no size. `licences` are the licences of the model
    files, and `to_accept` those that a person must accept first. `here` is whether all files are in
    the cache. `install` is the command that installs missing packages in a clone of the repository.
    """

    slug: str
    name: str
    finds: str
    licences: list[str]
    to_accept: list[str]
    download_bytes: int | None
    here: bool
    install: str | None
    only_when_named: bool


def list_catalogue(cache: Path) -> list[CatalogueEntry]:
    """List every installed pipeline by slug, with those that run by default first."""
    return [
        _build_entry(build_pipeline(slug), cache, only_when_named=named)
        for named, slugs in ((False, list_default_slugs()), (True, list_optional_slugs()))
        for slug in slugs
    ]


def _build_entry(pipeline: Pipeline, cache: Path, *, only_when_named: bool) -> CatalogueEntry:
    sizes = [model.size for model in pipeline.models]
    licences = sorted({model.licence for model in pipeline.models})
    return CatalogueEntry(
        slug=pipeline.slug,
        name=pipeline.name,
        finds=pipeline.description or "",
        licences=licences,
        to_accept=[licence for licence in licences if licence.startswith(NEEDS_ACCEPTANCE)],
        download_bytes=None if None in sizes else sum(size for size in sizes if size is not None),
        here=all(get_cached_path(model, cache).exists() for model in pipeline.models),
        install=f".[worker-cpu,{pipeline.extra}]" if list_missing_modules(pipeline) else None,
        only_when_named=only_when_named,
    )
