"""The results of the survey's pipelines: partly wrong, contradictory, unsure or replaced.

`survey-eye` runs in the worker in two versions and draws boxes that a classifier names. The others
are external. `gate-net`, in two versions, posts boxes, a class of the whole image, a class for an
empty image, or no finding. `box-net` knows only animals, people and vehicles. `old-net` is
superseded in the settings, and `plate-reader` declares that it looks for something else.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.survey.fauna import ANIMAL, PERSON, PLATE, SPECIES, VEHICLE

EYE, GATE, BOXES, OLD, PLATES = "survey-eye", "gate-net", "box-net", "old-net", "plate-reader"
CLASSES = [*SPECIES, "person", "vehicle", "grey thing"]
Found = list[dict[str, Any]]
File = dict[str, Any]

SETTINGS: dict[str, Any] = {
    "detection_threshold": 0.2,
    "classification_threshold": 0.5,
    "review_threshold": 0.0,
    "rule": "latest",
    "agreement": 2,
    "class_thresholds": {"roe deer": 0.45},
    "blank_labels": ["leer"],
    "pipelines": [
        {"name": EYE},
        {"name": OLD, "superseded": True},
    ],
}
"""The settings of the project; pipelines that are not listed follow by name."""
PHASES: list[dict[str, Any]] = [
    SETTINGS,
    {**SETTINGS, "rule": "agreement"},
    {
        **SETTINGS,
        "rule": "expert",
        "detection_threshold": 0.6,
        "classification_threshold": 0.3,
        "review_threshold": 0.7,
        "pipelines": [{"name": GATE}, {"name": EYE}],
    },
    SETTINGS,
]
"""The settings of the project one after the other; the last are the first again."""


def draw_runs(truth: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Draw the runs in their order; each has the files that it analyses."""
    stored = [one for one in truth["files"] if one["fate"] == "stored"]
    keys = [one["key"] for one in truth["deployments"]]
    again = set(keys[::2])
    # The worker does not see the last deployment; external pipelines see a part of it.
    seen = set(keys[:-1])
    selections: list[tuple[str, str, str, Sequence[File], float, set[str] | None]] = [
        ("eye-1", EYE, "1", [one for one in stored if one["deployment"] in seen], 0.15, seen),
        ("old-1", OLD, "0.9", stored[2::9], 0.8, None),
        ("gate-1", GATE, "1.0", stored[1::4], 0.3, None),
        ("plate-1", PLATES, "3", stored[::6], 0.1, None),
        ("box-1", BOXES, "5", stored[3::5], 0.1, None),
        ("eye-2", EYE, "2", [one for one in stored if one["deployment"] in again & seen], 0.04,
         again & seen),
        ("gate-2", GATE, "2.0", stored[1::8], 0.1, None),
    ]  # fmt: skip
    ways: dict[str, Callable[[File, random.Random, float], Found]] = {
        EYE: _look,
        GATE: _guess,
        BOXES: _detect,
        OLD: _guess,
        PLATES: _read_plates,
    }
    runs = [
        {
            "key": key,
            "pipeline": pipeline,
            "version": version,
            "deployments": None if chosen is None else sorted(chosen),
            "looks_for": ["other"] if pipeline == PLATES else None,
            "found": {one["id"]: ways[pipeline](one, chance, errors) for one in files},
        }
        for key, pipeline, version, files, errors, chosen in selections
    ]
    _mistake_for_people(truth, runs)
    return runs


def _mistake_for_people(truth: dict[str, Any], runs: list[dict[str, Any]]) -> None:
    """Let the newest run of the worker take one animal of three images for a person."""
    newest = runs[-2] if runs[-2]["found"] else runs[0]
    files = {one["id"]: one for one in truth["files"]}
    alone = [
        key
        for key, found in newest["found"].items()
        if len(found) == 1
        and [one["class"] for one in files[key]["objects"]] == [found[0]["name"]]
        and found[0]["name"] in SPECIES
    ]
    truth["mistaken"] = alone[1::2][:3]
    for key in truth["mistaken"]:
        newest["found"][key][0] |= {"name": PERSON, "score": 0.75, "name_score": 0.875}


def _look(file: File, chance: random.Random, errors: float) -> Found:
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


def _guess(file: File, chance: random.Random, errors: float) -> Found:
    names = [one["class"] for one in file["objects"]]
    drawn = chance.random()
    if drawn < errors / 3:
        names = []
    elif drawn < errors:
        names = [chance.choice(sorted(SPECIES))]
    if not names:
        # Ways to state an empty image: a class for it, perhaps an unsure one, or no finding at all.
        return chance.choice(
            [
                [],
                [{"type": "classification", "name": "blank", "score": 0.90625}],
                [{"type": "classification", "name": "leer", "score": _draw_score(chance)}],
            ]
        )
    if file["objects"] and chance.random() < 0.5:
        return [
            _post_box(file, thing["box"], name, chance)
            for thing, name in zip(file["objects"], names, strict=False)
        ]
    return [
        {"type": "classification", "name": name, "score": _draw_score(chance)}
        for name in sorted(set(names))
    ]


def _detect(file: File, chance: random.Random, errors: float) -> Found:
    """Draw the boxes of a detector that knows no species."""
    return [
        _post_box(
            file,
            thing["box"],
            thing["class"] if thing["class"] in (PERSON, VEHICLE) else ANIMAL,
            chance,
        )
        for thing in file["objects"]
        if chance.random() >= errors
    ]


def _read_plates(file: File, chance: random.Random, errors: float) -> Found:
    """Draw number plates: on vehicles, and by mistake on other things."""
    return [
        _post_box(file, thing["box"], PLATE, chance)
        for thing in file["objects"]
        if thing["class"] == VEHICLE or chance.random() < errors
    ]


def _post_box(file: File, box: list[int], name: str, chance: random.Random) -> dict[str, Any]:
    """Draw a box of an external pipeline, which posts its name and score without a classifier."""
    built = _build_box(file, box, name, chance)
    return {key: value for key, value in built.items() if key != "name_score"}


def _build_box(file: File, box: list[int], name: str, chance: random.Random) -> dict[str, Any]:
    x1, y1, x2, y2 = (edge + chance.randrange(-2, 3) for edge in box)
    return {
        "type": "box",
        "box": [max(x1, 0), max(y1, 0), min(x2, file["width"]), min(y2, file["height"])],
        "name": name,
        "score": _draw_score(chance),
        "name_score": _draw_score(chance),
    }


def _draw_score(chance: random.Random) -> float:
    # These fractions are exact in single and in double precision; equal scores are rare.
    return chance.randrange(100, 1000) / 1024
