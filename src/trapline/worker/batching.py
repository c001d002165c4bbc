"""Running a pipeline over a batch so that one bad picture, or too little memory, costs nothing else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from trapline.wire.results import (
    AlgorithmReference,
    BoundingBox,
    Classification,
    Detection,
    Failure,
    SourceImage,
    Success,
)
from trapline.worker.model_watch import ModelWatch
from trapline.worker.pipeline import InputImage, ModelClassification, ModelDetection, Pipeline


@dataclass
class BatchLimit:
    """How many pictures and pixels a batch may have; it is halved when memory runs out."""

    pictures: int
    pixels: int

    def fits(self, count: int, pixels: int) -> bool:
        """Whether one more picture may be added to a batch of `count` that would then have `pixels`."""
        return count == 0 or (count < self.pictures and pixels <= self.pixels)

    def halve(self, count: int) -> None:
        """A batch of `count` was too much."""
        self.pictures = max(1, min(self.pictures, count // 2))


def run_isolated(
    pipeline: Pipeline, pictures: Sequence[InputImage], limit: BatchLimit, watch: ModelWatch
) -> list[list[ModelDetection] | Exception]:
    """What a pipeline finds on each picture, or the exception that this picture alone is the cause
    of.

    Each call of the pipeline is watched separately, so that images that are run again have their
    own time limit.
    """
    try:
        with watch.running(pipeline.slug, len(pictures)):
            found = pipeline.run(pictures)
            if len(found) != len(pictures):
                raise ValueError(
                    f"the pipeline gave {len(found)} answers for {len(pictures)} pictures"
                )
        return list(found)
    except Exception as error:
        if len(pictures) == 1:
            return [error]
        if is_out_of_memory(error):
            limit.halve(len(pictures))
            middle = len(pictures) // 2
            halves = (pictures[:middle], pictures[middle:])
            return [
                answer for half in halves for answer in run_isolated(pipeline, half, limit, watch)
            ]
    return [
        answer for picture in pictures for answer in run_isolated(pipeline, [picture], limit, watch)
    ]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, in the words of Python, ONNX Runtime and PyTorch."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or "out of memory" in text
        or "failed to allocate memory" in text
    )


def build_success(
    pipeline: Pipeline,
    picture: InputImage,
    image_url: str,
    found: Sequence[ModelDetection],
    seconds: float,
) -> Success:
    """The result of a picture. ValueError where the pipeline gave a number that is none.

    Models are made without validation: a thousand scores a crop are checked by numpy at once.
    """
    names = {algorithm.key: algorithm.name for algorithm in pipeline.algorithms}
    now = datetime.now(UTC).isoformat()

    def refer(key: str) -> AlgorithmReference:
        return AlgorithmReference.model_construct(name=names.get(key, key), key=key)

    def classification(named: ModelClassification) -> Classification:
        made: dict[str, Any] = {
            "classification": named.name,
            "scores": _numbers(named.scores, f"a score of {named.name}"),
            "algorithm": refer(named.algorithm),
            "terminal": named.terminal,
            "timestamp": now,
        }
        if named.logits is not None:
            made["logits"] = _numbers(named.logits, f"a logit of {named.name}")
        return Classification.model_construct(**made)

    detections = []
    for thing in found:
        x1, y1, x2, y2 = _numbers(thing.box, "a corner of a box")
        drawn: dict[str, Any] = {
            "source_image_id": picture.image_id,
            "bbox": BoundingBox.model_construct(x1=x1, y1=y1, x2=x2, y2=y2),
            "algorithm": refer(thing.algorithm),
            "timestamp": now,
            "classifications": [classification(named) for named in thing.names],
        }
        if thing.score is not None:
            if not math.isfinite(thing.score) or not 0 <= thing.score <= 1:
                raise ValueError(
                    f"the pipeline gave a box the score {thing.score}, which is not from 0 to 1"
                )
            drawn["score"] = float(thing.score)
        detections.append(Detection.model_construct(**drawn))
    if not detections and pipeline.algorithms:
        # "Nothing found" is a finding: it says which algorithm looked.
        detections.append(
            Detection.model_construct(
                source_image_id=picture.image_id,
                bbox=None,
                algorithm=refer(pipeline.algorithms[0].key),
                timestamp=now,
                classifications=[],
            )
        )
    return Success.model_construct(
        pipeline=pipeline.slug,
        algorithms={},
        total_time=seconds,
        source_images=[SourceImage.model_construct(id=picture.image_id, url=image_url)],
        detections=detections,
    )


def build_failure(error: BaseException | str, image_id: str) -> Failure:
    """The result of a picture that could not be worked on."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    clean = text.encode("utf-8", "replace").decode().replace("\x00", "")
    return Failure(error=clean[:10_000] or "unknown error", image_id=image_id)


def _numbers(values: object, what: str) -> list[float]:
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"the pipeline gave {what} that is not a finite number")
    listed: list[float] = numbers.tolist()
    return listed
