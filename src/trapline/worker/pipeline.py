"""What an author of a pipeline writes, and how pipelines are found."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trapline.extras import describe_install
from trapline.wire.pipelines import Algorithm, CategoryMap, Stage
from trapline.wire.pipelines import PipelineDefinition as Declaration
from trapline.worker.model_files import ModelFile

ENTRY_POINTS = "trapline.pipelines"
NAMED_ENTRY_POINTS = "trapline.pipelines.named"
"""Pipelines that run only when they are named: large models, and those that want an extra."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class InputImage:
    """One picture to work on.

    `pixels` is height x width x 3, RGB, 0 to 255, and must not be written to.
    """

    image_id: str
    pixels: Pixels
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelClassification:
    """What one algorithm says a box shows: a class of its own list, and a score for each class of
    that list.

    `algorithm` is the algorithm's key. The last terminal one of a box names it to people.
    """

    name: str
    algorithm: str
    scores: NDArray[np.floating[Any]] | Sequence[float] = ()
    logits: NDArray[np.floating[Any]] | Sequence[float] | None = None
    terminal: bool = True


@dataclass(frozen=True, kw_only=True)
class ModelDetection:
    """One thing found: a box in pixels of the picture (x1, y1, x2, y2) and what it may be, coarsest
    first.

    `algorithm` is the key of the one that drew the box, `score` its confidence from 0 to 1.
    """

    box: tuple[float, float, float, float]
    algorithm: str
    score: float | None = None
    names: Sequence[ModelClassification] = ()


@dataclass(frozen=True)
class Device:
    """What a pipeline is loaded on: `device` is "cpu" or "cuda:0", `threads` is for one model at a
    time.

    `fetch` brings a model file into the cache and gives its path.
    """

    device: str
    threads: int
    fetch: Callable[[ModelFile], Path]


class Pipeline(ABC):
    """A pipeline: what it is called, the algorithms it is made of, and how it turns pictures into
    findings.

    A worker makes one instance, calls `load` once and `run` for each batch, always in the same
    thread. An exception from `run` is no catastrophe: the batch is run again one by one, and the
    picture that fails is reported with it.

    `models` are the files it fetches, for the catalogue. `needs` are modules that the extra `extra`
    of this package brings; they are imported within `load` only.
    """

    slug: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[int] = 1
    description: ClassVar[str | None] = None
    stages: ClassVar[Sequence[Stage]] = ()
    algorithms: Sequence[Algorithm]
    models: ClassVar[Sequence[ModelFile]] = ()
    extra: ClassVar[str | None] = None
    needs: ClassVar[Sequence[str]] = ()

    def prepare(self, machine: Device) -> None:  # noqa: B027 - few need it
        """Bring what the declaration is made of, where a class list comes with the model.

        Called before that.
        """

    def load(self, machine: Device) -> None:  # noqa: B027 - an author may need it
        """Bring the models into memory. Nothing to do for a pipeline that has none."""

    @abstractmethod
    def run(self, pictures: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """What is found on each picture, in their order; an empty list where nothing is."""


class MissingExtra(Exception):
    """A pipeline needs packages that are not installed; the message says how to install them."""


class UnknownPipeline(Exception):
    """No installed package offers a pipeline of that slug."""


def build_category_map(*labels: str) -> CategoryMap:
    """A category map of labels in the order of the scores."""
    return CategoryMap(
        data=[{"index": index, "label": label} for index, label in enumerate(labels)],
        labels=list(labels),
    )


def list_default_slugs() -> list[str]:
    """The slugs of the installed pipelines that run unless others are named; none of them is imported."""
    return sorted({entry.name for entry in entry_points(group=ENTRY_POINTS)})


def list_optional_slugs() -> list[str]:
    """The slugs of the installed pipelines that run only when they are named; none of them is imported."""
    return sorted({entry.name for entry in entry_points(group=NAMED_ENTRY_POINTS)})


def build_pipeline(slug: str) -> Pipeline:
    """An instance of an installed pipeline, not loaded yet.

    UnknownPipeline names those that there are.
    """
    for entry in (
        *entry_points(group=ENTRY_POINTS, name=slug),
        *entry_points(group=NAMED_ENTRY_POINTS, name=slug),
    ):
        made = entry.load()()
        if not isinstance(made, Pipeline):
            raise UnknownPipeline(
                f"{entry.value} is offered as pipeline {slug}, but it is not a trapline Pipeline"
            )
        if made.slug != slug:
            raise UnknownPipeline(
                f"{entry.value} is offered as pipeline {slug}, but calls itself {made.slug}"
            )
        return made
    there = ", ".join([*list_default_slugs(), *list_optional_slugs()]) or "none"
    raise UnknownPipeline(f"no installed package offers pipeline {slug}; there are {there}")


def list_missing_modules(pipeline: Pipeline) -> list[str]:
    """The modules that a pipeline needs and that are not installed; none of them is imported."""
    return [module for module in pipeline.needs if find_spec(module) is None]


def require_extra(pipeline: Pipeline) -> None:
    """Whether everything that a pipeline needs is installed.

    ExtraMissing says how to install it.
    """
    missing = list_missing_modules(pipeline)
    if missing:
        raise MissingExtra(
            f"pipeline {pipeline.slug} needs {', '.join(missing)}: {describe_install('worker', pipeline.extra or '')}"
        )


def build_definition(pipeline: Pipeline) -> Declaration:
    """A pipeline as it is registered with a server."""
    return Declaration(
        name=pipeline.name,
        slug=pipeline.slug,
        version=pipeline.version,
        description=pipeline.description,
        stages=list(pipeline.stages),
        algorithms=list(pipeline.algorithms),
    )
