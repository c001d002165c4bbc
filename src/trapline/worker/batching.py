"""Run a pipeline over a batch, and isolate the images that fail or need too much memory."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
from trapline.worker.shapes import build_keypoints, build_mask, list_numbers

RAISE_AFTER = 10
LATEST_RAISE = 640


@dataclass
class BatchLimit:
    """Largest number of images and pixels of a batch of one pipeline.

    It is halved when memory runs out, and doubled up to its first value after a number of full
    batches that succeeded. The number doubles each time, so that a limit that is too high is tried
    less and less often.
    """

    images: int
    pixels: int
    _most: int = field(init=False)
    _raise_after: int = RAISE_AFTER
    _succeeded: int = 0

    def __post_init__(self) -> None:
        self._most = self.images

    def fits(self, count: int, pixels: int) -> bool:
        """Return whether an image fits into a batch of `count` images.

        `pixels` is the number of pixels that the batch would have with the image.
        """
        return count == 0 or (count < self.images and pixels <= self.pixels)

    def halve(self, count: int) -> None:
        """Halve the limit after a batch of `count` images ran out of memory."""
        smaller = max(1, min(self.images, count // 2))
        if smaller < self.images:
            self._raise_after = min(LATEST_RAISE, 2 * self._raise_after)
        self.images = smaller
        self._succeeded = 0

    def record_success(self, count: int) -> None:
        """Record a batch of `count` images that succeeded; raise the limit after enough of them."""
        if count < self.images or self.images == self._most:
            return
        self._succeeded += 1
        if self._succeeded >= self._raise_after:
            self.images = min(self._most, 2 * self.images)
            self._succeeded = 0


def run_isolated(
    pipeline: Pipeline, images: Sequence[InputImage], limit: BatchLimit, watch: ModelWatch
) -> list[list[ModelDetection] | Exception]:
    """Run a pipeline over images and return the detections, or the exception, of each image.

    A batch that fails is run again image by image; one that runs out of memory is halved first.
    Each call of the pipeline is watched separately, so that images that are run again have their
    own time limit.
    """
    try:
        with watch.running(pipeline.slug, len(images)):
            found = pipeline.run(images)
            if len(found) != len(images):
                raise ValueError(
                    f"the pipeline returned {len(found)} results for {len(images)} images"
                )
    except Exception as error:
        if is_out_of_memory(error):
            limit.halve(len(images))
        if len(images) == 1:
            return [error]
        if is_out_of_memory(error):
            middle = len(images) // 2
            halves = (images[:middle], images[middle:])
            return [
                answer for half in halves for answer in run_isolated(pipeline, half, limit, watch)
            ]
    else:
        limit.record_success(len(images))
        return list(found)
    return [answer for image in images for answer in run_isolated(pipeline, [image], limit, watch)]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, ONNX Runtime or PyTorch means that memory ran out."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or "out of memory" in text
        or "failed to allocate memory" in text
    )


def build_success(
    pipeline: Pipeline,
    image: InputImage,
    image_url: str,
    found: Sequence[ModelDetection],
    seconds: float,
) -> Success:
    """Build the result of an image.

    The models are built without validation, because numpy validates thousands of scores at a time.

    Raises:
        ValueError: the pipeline returned a number that is not finite or out of range.
    """
    names = {algorithm.key: algorithm.name for algorithm in pipeline.algorithms}
    now = datetime.now(UTC).isoformat()

    def refer(key: str) -> AlgorithmReference:
        return AlgorithmReference.model_construct(name=names.get(key, key), key=key)

    def classification(named: ModelClassification) -> Classification:
        fields: dict[str, Any] = {
            "classification": named.name,
            "scores": list_numbers(named.scores, f"a score of {named.name}"),
            "algorithm": refer(named.algorithm),
            "terminal": named.terminal,
            "timestamp": now,
        }
        if named.logits is not None:
            fields["logits"] = list_numbers(named.logits, f"a logit of {named.name}")
        return Classification.model_construct(**fields)

    height, width = image.pixels.shape[:2]
    detections = []
    for thing in found:
        x1, y1, x2, y2 = list_numbers(thing.box, "a corner of a box")
        drawn: dict[str, Any] = {
            "source_image_id": image.image_id,
            "bbox": BoundingBox.model_construct(x1=x1, y1=y1, x2=x2, y2=y2),
            "algorithm": refer(thing.algorithm),
            "timestamp": now,
            "classifications": [classification(named) for named in thing.names],
        }
        if thing.score is not None:
            if not math.isfinite(thing.score) or not 0 <= thing.score <= 1:
                raise ValueError(
                    f"the pipeline returned a box with score {thing.score}, which is not from 0 to "
                    "1"
                )
            drawn["score"] = float(thing.score)
        mask = build_mask(thing, width, height)
        if mask is not None:
            drawn["mask"] = mask
        keypoints = build_keypoints(thing, width, height)
        if keypoints is not None:
            drawn["keypoints"] = keypoints
        if thing.embedding is not None:
            drawn["embedding"] = list_numbers(thing.embedding, "an embedding")
        detections.append(Detection.model_construct(**drawn))
    if not detections and pipeline.algorithms:
        # A detection without a box records that the algorithm ran and found nothing.
        detections.append(
            Detection.model_construct(
                source_image_id=image.image_id,
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
        source_images=[SourceImage.model_construct(id=image.image_id, url=image_url)],
        detections=detections,
    )


def build_failure(error: BaseException | str, image_id: str) -> Failure:
    """Build the result of an image that failed."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    clean = text.encode("utf-8", "replace").decode().replace("\x00", "")
    return Failure(error=clean[:10_000] or "unknown error", image_id=image_id)
