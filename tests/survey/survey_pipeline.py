"""The deterministic pipeline of the survey.

The survey copies it into a package that a worker finds by entry point. It reads the number of each
image from the pixels, and returns the findings that the truth has for this version.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from survey_marker import read_number  # type: ignore[import-not-found]

from trapline.wire.pipelines import Algorithm
from trapline.worker.pipeline import (
    InputImage,
    ModelClassification,
    ModelDetection,
    Pipeline,
    build_category_map,
)

SAYS: dict[str, Any] = json.loads(
    Path(__file__).with_name("survey_says.json").read_text(encoding="utf-8")
)
CLASSES: list[str] = SAYS["classes"]


class SurveyEye(Pipeline):
    """A detector of boxes, with a classifier that names each of them."""

    slug, name = SAYS["pipeline"], "Survey eye"
    version = int(SAYS["version"])
    algorithms = [
        Algorithm(name="Survey boxes", key="survey-boxes", task_type="localization"),
        Algorithm(
            name="Survey names", key="survey-names", category_map=build_category_map(*CLASSES)
        ),
    ]

    def run(self, pictures: Sequence[InputImage]) -> list[list[ModelDetection]]:
        """Return the findings of each image."""
        return [
            [_build(one) for one in SAYS["found"][str(read_number(picture.pixels))]]
            for picture in pictures
        ]


def _build(one: dict[str, Any]) -> ModelDetection:
    x1, y1, x2, y2 = one["box"]
    rest = (1 - one["name_score"]) / (len(CLASSES) - 1)
    scores = [one["name_score"] if name == one["name"] else rest for name in CLASSES]
    named = ModelClassification(name=one["name"], algorithm="survey-names", scores=scores)
    return ModelDetection(
        box=(x1, y1, x2, y2), algorithm="survey-boxes", score=one["score"], names=[named]
    )
