"""The decisions of three reviewers and the owner, about boxes or whole images, in order."""

import random
from typing import Any

from tests.survey.fauna import REVIEWERS, SPECIES

KINDS = (
    "confirm",
    "correct",
    "correct box",
    "blank",
    "unsure",
    "comment",
    "confirm box",
    "withdrawn",
)
BEHAVIOUR = "foraging"
OWNER = "Owner"


def draw_decisions(truth: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Draw decisions about a third of the stored images; every tenth of these is decided twice."""
    stored = [one for one in truth["files"] if one["fate"] == "stored"]
    chosen = chance.sample(stored, max(len(KINDS), min(len(stored) // 3, 3000)))
    decisions: list[dict[str, Any]] = []
    for place, file in enumerate(chosen):
        decisions.append(_decide(len(decisions), KINDS[place % len(KINDS)], file, truth, chance))
        if place % 10 == 9:
            decisions.append(_decide(len(decisions), "correct", file, truth, chance))
    # The last decisions are those of the owner in a browser. One of them is about an image that a
    # reviewer may have decided before.
    nothing = [
        one for one in stored if not any(run["found"].get(one["id"]) for run in truth["runs"])
    ]
    files = [*chosen[:1], *chance.sample(stored, 3), nothing[-1]]
    pressed = zip(("confirm", "blank", "unsure", "confirm", "unsure"), files, strict=True)
    for kind, file in pressed:
        decisions.append(
            {**_decide(0, kind, file, truth, chance), "by": OWNER, "channel": "browser"}
        )
    return decisions


def _decide(
    place: int, kind: str, file: dict[str, Any], truth: dict[str, Any], chance: random.Random
) -> dict[str, Any]:
    decision: dict[str, Any] = {
        "by": REVIEWERS[place % len(REVIEWERS)],
        "kind": kind.split()[0],
        "file": file["id"],
        "run": None,
        "index": None,
        "withdrawn": kind == "withdrawn",
        "channel": "api",
    }
    if kind.endswith("box"):
        boxes = [
            (run["key"], index)
            for run in truth["runs"]
            for index, one in enumerate(run["found"].get(file["id"], ()))
            if one["type"] == "box"
        ]
        if not boxes:
            return {**decision, "kind": "unsure"}
        decision["run"], decision["index"] = chance.choice(boxes[-2:])
    if kind == "withdrawn":
        decision["kind"] = "blank"
    if decision["kind"] == "correct":
        decision["taxon"] = SPECIES[chance.choice(sorted(SPECIES))]["scientific_name"]
        if file["objects"] and file["objects"][0]["class"] in SPECIES:
            decision["taxon"] = SPECIES[file["objects"][0]["class"]]["scientific_name"]
        decision["count"] = chance.choice([None, 1, 2, 7])
        decision["sex"] = chance.choice([None, "female", "male"])
        decision["life_stage"] = chance.choice([None, "juvenile"])
        decision["behaviour"] = chance.choice([None, BEHAVIOUR])
    if decision["kind"] == "comment":
        decision["comment"] = '=look at the ears, "both"; twice'
    return decision
