"""The results of the survey's two pipelines in two versions: partly wrong or contradictory.

`survey-eye` runs in the worker and draws boxes that a classifier names. `gate-net` is an external
pipeline whose callbacks have boxes, a class of the whole image, `blank`, or no finding.
"""

import random
from collections.abc import Sequence
from typing import Any

from tests.survey.fauna import SPECIES

EYE, GATE = "survey-eye", "gate-net"
CLASSES = [*SPECIES, "person", "vehicle", "grey thing"]


def draw_runs(truth: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Draw the runs in their order; each has the files that it analyses."""
    stored = [one for one in truth["files"] if one["fate"] == "stored"]
    again = {one["key"] for one in truth["deployments"][::2]}
    selections: list[tuple[str, str, str, Sequence[dict[str, Any]], float]] = [
        ("eye-1", EYE, "1", stored, 0.15),
        ("gate-1", GATE, "1.0", stored[1::4], 0.3),
        ("eye-2", EYE, "2", [one for one in stored if one["deployment"] in again], 0.04),
        ("gate-2", GATE, "2.0", stored[1::8], 0.1),
    ]
    return [
        {
            "key": key,
            "pipeline": pipeline,
            "version": version,
            "deployments": sorted(again) if key == "eye-2" else None,
            "found": {
                one["id"]: _look(one, chance, errors)
                if pipeline == EYE
                else _guess(one, chance, errors)
                for one in files
            },
        }
        for key, pipeline, version, files, errors in selections
    ]


def _look(file: dict[str, Any], chance: random.Random, errors: float) -> list[dict[str, Any]]:
    found = []
    for thing in file["objects"]:
        drawn = chance.random()
        if drawn < errors / 3:
            continue
        name = (
            chance.choice(sorted(set(CLASSES) - {thing["class"]}))
            if drawn < errors
            else thing["class"]
        )
        found.append(_build_box(file, thing["box"], name, chance))
    if not file["objects"] and chance.random() < errors / 2:
        found.append(_build_box(file, [100, 60, 150, 100], chance.choice(sorted(SPECIES)), chance))
    return found


def _guess(file: dict[str, Any], chance: random.Random, errors: float) -> list[dict[str, Any]]:
    names = [one["class"] for one in file["objects"]]
    drawn = chance.random()
    if drawn < errors / 3:
        names = []
    elif drawn < errors:
        names = [chance.choice(sorted(SPECIES))]
    if not names:
        # Two ways to state an empty image: a class for it, or no finding at all.
        return (
            []
            if chance.random() < 0.5
            else [{"type": "classification", "name": "blank", "score": 0.9}]
        )
    if file["objects"] and chance.random() < 0.5:
        boxes = [
            _build_box(file, thing["box"], name, chance)
            for thing, name in zip(file["objects"], names, strict=False)
        ]
        # An external pipeline posts the name and the score of its boxes, and no classifier's words.
        return [
            {name: value for name, value in one.items() if name != "name_score"} for one in boxes
        ]
    return [
        {"type": "classification", "name": name, "score": _draw_score(chance)}
        for name in sorted(set(names))
    ]


def _build_box(
    file: dict[str, Any], box: list[int], name: str, chance: random.Random
) -> dict[str, Any]:
    x1, y1, x2, y2 = (edge + chance.randrange(-2, 3) for edge in box)
    return {
        "type": "box",
        "box": [max(x1, 0), max(y1, 0), min(x2, file["width"]), min(y2, file["height"])],
        "name": name,
        "score": _draw_score(chance),
        "name_score": _draw_score(chance),
    }


def _draw_score(chance: random.Random) -> float:
    # Sixteenths are exact in single and in double precision.
    return chance.randrange(4, 16) / 16
