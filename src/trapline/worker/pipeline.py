"""The interface that pipeline authors implement, and the lookup of installed pipelines."""

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
"""Entry points of pipelines that run only if named: large models, and those that need an extra."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class InputImage:
    """An image to process.

    `pixels` is height x width x 3, RGB, 0 to 255, and must not be written to. `prepared` is what
    the pipeline's `prepare` returned for the image.
    """

    image_id: str
    pixels: Pixels
    config: Mapping[str, Any] = field(default_factory=dict)
    prepared: Any = None


@dataclass(frozen=True, kw_only=True)
class ModelClassification:
    """The class that one algorithm assigns to a box, with a score for each of its classes.

    `algorithm` is the key of the algorithm. The last terminal classification of a box is shown to
    people.
    """

    name: str
    algorithm: str
    scores: NDArray[np.floating[Any]] | Sequence[float] = ()
    logits: NDArray[np.floating[Any]] | Sequence[float] | None = None
    terminal: bool = True


@dataclass(frozen=True, kw_only=True)
class ModelKeypoint:
    """A key point of an object, in pixels; without `x` and `y` it is not visible.

    A point outside the image is reported as not visible. `confidence` is from 0 to 1.
    """

    name: str | None = None
    x: float | None = None
    y: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelDetection:
    """A detected object: a box in pixels (x1, y1, x2, y2), and its classifications, coarsest first.

    `algorithm` is the key of the algorithm that drew the box; `score` is its confidence from 0 to
    1.

    `mask` is an array, height x width, that is true inside the object; an array of another size
    than the image is stretched over it. In its place, `polygon` is a list of rings of points (x, y)
    in pixels; a ring inside another ring is a hole. `skeleton` connects pairs of `keypoints` by
    their indices. `embedding` is a vector of the object, stored unchanged.
    """

    box: tuple[float, float, float, float]
    algorithm: str
    score: float | None = None
    names: Sequence[ModelClassification] = ()
    mask: NDArray[np.bool_] | None = None
    polygon: Sequence[Sequence[tuple[float, float]]] | None = None
    keypoints: Sequence[ModelKeypoint] = ()
    skeleton: Sequence[tuple[int, int]] = ()
    embedding: NDArray[np.floating[Any]] | Sequence[float] | None = None


@dataclass(frozen=True)
class Device:
    """The device that a pipeline is loaded on.

    `device` is "cpu" or "cuda:0"; `threads` is the number of threads of one model. `fetch`
    downloads a model file into the cache and returns its path.
    """

    device: str
    threads: int
    fetch: Callable[[ModelFile], Path]


class Pipeline(ABC):
    """A pipeline: its name, its algorithms, and the code that turns images into detections.

    A worker builds one instance, calls `load` once and `run` for each batch, always in the same
    thread. It calls `prepare` for each image in other threads, several at a time. If `run` raises
    an exception, the worker runs the images of the batch one by one, and reports the exception as
    the failure of each image that raises it again.

    `models` are the files that the pipeline downloads, for the catalogue. `needs` are the modules
    that the extra `extra` of this package installs; import them only within `load`. `load` can set
    `provider` to what runs the model, for example CUDAExecutionProvider; users see it.
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
    provider: str = ""

    def fetch(self, machine: Device) -> None:  # noqa: B027 - few need it
        """Fetch the files that the declaration needs, if a model contains its class list.

        The worker calls this before it declares the pipeline.
        """

    def load(self, machine: Device) -> None:  # noqa: B027 - an author may need it
        """Load the models into memory. Pipelines without models need not override this."""

    def prepare(self, image: InputImage) -> Any:  # noqa: ARG002 - for subclasses
        """Build the model's input from an image, for example a resized array.

        Called in the threads that download and decode, while the model runs; it must not use the
        model and must not change the pipeline. The result is `image.prepared` in `run`. An
        exception fails the image.
        """
        return None

    def get_input(self, image: InputImage) -> Any:
        """Return the model's input of an image; prepare it if no worker did."""
        return self.prepare(image) if image.prepared is None else image.prepared

    @abstractmethod
    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Return the detections of each image, in the order of the images.

        The list of an image without detections is empty.
        """


class MissingExtra(Exception):
    """Packages that a pipeline needs are not installed; the message gives the install command."""


class UnknownPipeline(Exception):
    """No installed package offers a pipeline with this slug."""


def build_category_map(*labels: str) -> CategoryMap:
    """Build a category map of labels in the order of the scores."""
    return CategoryMap(
        data=[{"index": index, "label": label} for index, label in enumerate(labels)],
        labels=list(labels),
    )


def list_default_slugs() -> list[str]:
    """List the slugs of the pipelines that run by default, without importing them."""
    return sorted({entry.name for entry in entry_points(group=ENTRY_POINTS)})


def list_optional_slugs() -> list[str]:
    """List the slugs of the pipelines that run only if named, without importing them."""
    return sorted({entry.name for entry in entry_points(group=NAMED_ENTRY_POINTS)})


def build_pipeline(slug: str) -> Pipeline:
    """Build an instance of an installed pipeline, without loading its models.

    Raises:
        UnknownPipeline: no pipeline has this slug; the message lists the installed ones.
    """
    for entry in (
        *entry_points(group=ENTRY_POINTS, name=slug),
        *entry_points(group=NAMED_ENTRY_POINTS, name=slug),
    ):
        pipeline = entry.load()()
        if not isinstance(pipeline, Pipeline):
            raise UnknownPipeline(
                f"{entry.value} is offered as pipeline {slug}, but it is not a trapline Pipeline"
            )
        if pipeline.slug != slug:
            raise UnknownPipeline(
                f"{entry.value} is offered as pipeline {slug}, but its slug is {pipeline.slug}"
            )
        return pipeline
    there = ", ".join([*list_default_slugs(), *list_optional_slugs()]) or "none"
    raise UnknownPipeline(
        f"no installed package offers pipeline {slug}; installed pipelines: {there}"
    )


def list_missing_modules(pipeline: Pipeline) -> list[str]:
    """List the modules that a pipeline needs and that are not installed, without importing them."""
    return [module for module in pipeline.needs if find_spec(module) is None]


def require_extra(pipeline: Pipeline) -> None:
    """Require that all packages that a pipeline needs are installed.

    Raises:
        MissingExtra: packages are missing; the message gives the install command.
    """
    missing = list_missing_modules(pipeline)
    if missing:
        raise MissingExtra(
            f"pipeline {pipeline.slug} needs {', '.join(missing)}: "
            f"{describe_install('worker-cpu', pipeline.extra or '')}"
        )


def build_definition(pipeline: Pipeline) -> Declaration:
    """Build the declaration of a pipeline for its registration with a server."""
    return Declaration(
        name=pipeline.name,
        slug=pipeline.slug,
        version=pipeline.version,
        description=pipeline.description,
        stages=list(pipeline.stages),
        algorithms=list(pipeline.algorithms),
    )
