"""A pipeline without a model: it draws a box around the brightest spot of an image."""

from collections.abc import Sequence

import numpy as np

from trapline.wire.pipelines import Algorithm
from trapline.worker.pipeline import (
    InputImage,
    ModelClassification,
    ModelDetection,
    Pipeline,
    build_category_map,
)

SPOT = Algorithm(
    name="Brightest spot",
    key="brightest-spot",
    category_map=build_category_map("spot"),
)
HALF = 10


class BrightestSpot(Pipeline):
    """A detector of the brightest spot in each image that is not completely black."""

    slug = "brightest-spot"
    name = "Brightest spot"
    algorithms = (SPOT,)

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Return one list of detections for each image, in the given order."""
        return [self._find(image) for image in images]

    def _find(self, image: InputImage) -> list[ModelDetection]:
        light = image.pixels.sum(axis=2, dtype=np.int32)
        y, x = (int(index) for index in np.unravel_index(light.argmax(), light.shape))
        score = float(light[y, x]) / (3 * 255)
        if score == 0:
            return []
        height, width = light.shape
        box = (max(0, x - HALF), max(0, y - HALF), min(width, x + HALF), min(height, y + HALF))
        spot = ModelClassification(name="spot", algorithm=SPOT.key, scores=[score])
        return [ModelDetection(box=box, algorithm=SPOT.key, score=score, names=[spot])]
