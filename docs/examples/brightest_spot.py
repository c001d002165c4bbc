"""A pipeline without a model: it boxes the brightest spot of a picture."""

from collections.abc import Sequence

import numpy as np

from trapline.wire.pipelines import Algorithm
from trapline.worker.pipeline import Found, Named, Picture, Pipeline, list_classes

SPOT = Algorithm(name="Brightest spot", key="brightest-spot", category_map=list_classes("spot"))
HALF = 10


class BrightestSpot(Pipeline):
    """Finds one spot on every picture that is not all black."""

    slug = "brightest-spot"
    name = "Brightest spot"
    algorithms = (SPOT,)

    def run(self, pictures: Sequence[Picture]) -> list[list[Found]]:
        """One answer for each picture, in their order."""
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Picture) -> list[Found]:
        light = picture.pixels.sum(axis=2, dtype=np.int32)
        y, x = (int(place) for place in np.unravel_index(light.argmax(), light.shape))
        score = float(light[y, x]) / (3 * 255)
        if score == 0:
            return []
        box = (max(0, x - HALF), max(0, y - HALF), min(light.shape[1], x + HALF), min(light.shape[0], y + HALF))
        return [
            Found(
                box=box, algorithm=SPOT.key, score=score, names=[Named(name="spot", algorithm=SPOT.key, scores=[score])]
            )
        ]
