"""The pipelines that are installed: what each finds, what it fetches, under which licences, and what it still needs."""

from dataclasses import dataclass
from pathlib import Path

from trapline.worker.model_files import NEEDS_ACCEPTANCE, cached_path
from trapline.worker.pipeline import Pipeline, find_missing, find_named_slugs, find_slugs, make_pipeline


@dataclass(frozen=True)
class Entry:
    """A pipeline of the catalogue. `download_bytes` is None where a publisher tells no size.

    `licences` are those of its model files, `to_accept` those that a person has to say yes to first, `here` is whether
    all files are in the cache, `install` what to install in a clone of the repository before it runs.
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


def list_catalogue(cache: Path) -> list[Entry]:
    """Every installed pipeline, by its slug; those that run without being named come first."""
    return [
        _describe(make_pipeline(slug), cache, only_when_named=named)
        for named, slugs in ((False, find_slugs()), (True, find_named_slugs()))
        for slug in slugs
    ]


def _describe(pipeline: Pipeline, cache: Path, *, only_when_named: bool) -> Entry:
    sizes = [model.size for model in pipeline.models]
    licences = sorted({model.licence for model in pipeline.models})
    return Entry(
        slug=pipeline.slug,
        name=pipeline.name,
        finds=pipeline.description or "",
        licences=licences,
        to_accept=[licence for licence in licences if licence.startswith(NEEDS_ACCEPTANCE)],
        download_bytes=None if None in sizes else sum(size for size in sizes if size is not None),
        here=all(cached_path(model, cache).exists() for model in pipeline.models),
        install=f".[worker,{pipeline.extra}]" if find_missing(pipeline) else None,
        only_when_named=only_when_named,
    )
