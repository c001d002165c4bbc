"""The decisions of three reviewers and the owner, in order.

They are about boxes, whole images or sequences, and name one taxon or several.
"""

import random
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.survey.fauna import REVIEWERS, SPECIES
from tests.survey.model_output import BOXES, EYE, GATE

KINDS = (
    "confirm",
    "correct",
    "correct box",
    "blank",
    "unsure",
    "comment",
    "confirm box",
    "withdrawn",
    "rename",
    "unsure box",
    "blank box",
    "several",
)
SEQUENCES = ("sequence", "sequence all", "sequence blank", "sequence unsure", "sequence withdrawn")
BEHAVIOUR = "foraging"
INDIVIDUALS = ("Bella", 'No. 7, "scar"')
OWNER = "Owner"
PANELS: tuple[tuple[str, ...], ...] = (
    ("first 2", "first 4", "second"),
    ("first", "second 2", "third"),
    ("first", "second", "third", "Owner second 3"),
    ("confirm", "second", "confirm"),
    ("blank", "first", "blank"),
    ("unsure", "first 1", "unsure"),
    ("Owner first 2", "second 1"),
    ("confirm box", "first box", "first box"),
    ("Owner first box", "second box", "unsure"),
)
"""Decisions of reviewers about one image in their order: the first, second or third taxon."""
DRAWINGS: tuple[tuple[str, ...], ...] = (
    ("draw over",),
    ("draw",),
    ("draw over withdrawn",),
    ("confirm", "draw over"),
    ("draw over", "confirm"),
    ("first 2", "draw over"),
    ("draw over", "first 2"),
    ("draw", "first"),
    ("blank", "draw"),
    ("draw over", "blank"),
    ("first box", "draw over"),
    ("draw over", "second box"),
    ("draw", "unsure"),
    ("Owner draw over", "draw"),
)
"""Boxes that people draw on one image, over a model's box or not, and their other decisions."""


def draw_decisions(truth: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Draw decisions about half of the stored images; every tenth of these is decided twice.

    On some images people draw boxes, too.
    """
    stored = [one for one in truth["files"] if one["fate"] == "stored"]
    chosen = chance.sample(stored, max(len(KINDS), min(len(stored) // 2, 3000)))
    draw = _Decisions(truth, chance)
    for place, file in enumerate(chosen):
        draw.add(KINDS[place % len(KINDS)], file)
        if place % 10 == 9:
            draw.add("correct", file)
    bursts = [
        one
        for one, other in pairwise(stored)
        if one["deployment"] == other["deployment"]
        and timedelta() < _get_time(other) - _get_time(one) < timedelta(minutes=1)
    ]
    for kind, file in zip(SEQUENCES * 2, chance.sample(bursts, len(bursts)), strict=False):
        draw.add(kind, file)
    for kind, key in zip(("correct", "correct box", "blank"), truth["mistaken"], strict=False):
        draw.add(kind, next(one for one in stored if one["id"] == key))
    with_boxes = [one for one in stored if draw.list_boxes(one)]
    for panel, file in zip(PANELS, chance.sample(with_boxes, len(PANELS)), strict=True):
        draw.ask(panel, file)
    for panel, file in zip(DRAWINGS, chance.sample(with_boxes, len(DRAWINGS)), strict=True):
        draw.ask(panel, file)
    # The last decisions are those of the owner in a browser. One of them is about an image that a
    # reviewer may have decided before.
    nothing = [
        one for one in stored if not any(run["found"].get(one["id"]) for run in truth["runs"])
    ]
    files = [*chosen[:1], *chance.sample(with_boxes, 3), nothing[-1]]
    pressed = zip(("confirm", "blank", "unsure", "confirm", "unsure"), files, strict=True)
    for kind, file in pressed:
        draw.add(kind, file, by=OWNER, channel="browser")
    return draw.decisions


def _get_time(file: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(file["captured_at"])


class _Decisions:
    """The decisions so far."""

    def __init__(self, truth: dict[str, Any], chance: random.Random) -> None:
        self._truth, self._chance, self._drawn = truth, chance, 0
        self.decisions: list[dict[str, Any]] = []
        self._analysed = {
            key
            for run in truth["runs"]
            if run["pipeline"] in (EYE, GATE, BOXES)
            for key in run["found"]
        }

    def list_boxes(self, file: dict[str, Any]) -> list[tuple[str, int]]:
        """List the boxes on a file by the pipelines that count, the newest last."""
        return [
            (run["key"], index)
            for run in self._truth["runs"]
            if run["pipeline"] in (EYE, GATE, BOXES)
            for index, one in enumerate(run["found"].get(file["id"], ()))
            if one["type"] == "box"
        ]

    def ask(self, panel: tuple[str, ...], file: dict[str, Any]) -> None:
        """Add what a panel of reviewers says about one image, or about its newest box."""
        taxa = [
            SPECIES[name]["scientific_name"] for name in self._chance.sample(sorted(SPECIES), 3)
        ]
        choices = dict(zip(("first", "second", "third"), taxa, strict=True))
        for place, answer in enumerate(panel):
            words = answer.split()
            by = words.pop(0) if words[0] == OWNER else REVIEWERS[place % len(REVIEWERS)]
            kind = "correct" if words[0] in (*choices, "draw") else words[0]
            one = self._build(kind, file, by)
            if words[0] == "draw":
                one |= {**self._draw_details(), **self._draw_box(file, over="over" in words)}
                one["withdrawn"] = "withdrawn" in words
            elif "box" in words:
                one["run"], one["index"] = self.list_boxes(file)[-1]
            if words[0] in choices:
                one["taxon"] = choices[words[0]]
                one["count"] = int(words[-1]) if words[-1].isdigit() else None
            self.decisions.append(one)

    def add(
        self, kind: str, file: dict[str, Any], *, by: str | None = None, channel: str = "api"
    ) -> None:
        """Add a decision of a kind, by the next reviewer or by `by`."""
        if kind == "confirm" and file["id"] not in self._analysed:
            kind = "unsure"
        place = len(self.decisions)
        decision = self._build(kind.split()[0], file, by or REVIEWERS[place % len(REVIEWERS)])
        if decision["kind"] == "sequence":
            # The decision is about all images of the sequence of this file.
            said = kind.partition(" ")[2]
            decision |= {"of_sequence": True, "withdrawn": said == "withdrawn", "kind": "correct"}
            if said in ("blank", "unsure"):
                decision["kind"] = said
            else:
                decision["apply_to"] = "all" if said == "all" else "boxes"
        if kind == "several":
            first, second = self._draw_details(), self._draw_details()
            second["taxon"] = next(
                one["scientific_name"]
                for one in SPECIES.values()
                if one["scientific_name"] != first["taxon"]
            )
            decision |= {"kind": "correct", "taxa": [first, second]}
        decision["channel"] = channel
        if kind.endswith("box"):
            boxes = self.list_boxes(file)
            if boxes:
                decision["run"], decision["index"] = self._chance.choice(boxes[-2:])
            else:
                decision["kind"] = "unsure"
        if kind == "withdrawn":
            decision |= {"kind": "blank", "withdrawn": True}
        if kind == "rename":
            # A person may name any species, whatever is drawn.
            decision |= {"kind": "correct", **self._draw_details()}
        if decision["kind"] == "correct" and kind not in ("rename", "several"):
            decision |= self._draw_details()
            if file["objects"] and file["objects"][0]["class"] in SPECIES:
                decision["taxon"] = SPECIES[file["objects"][0]["class"]]["scientific_name"]
        if decision["kind"] == "comment":
            decision["comment"] = '=look at the ears, "both"; twice'
        self.decisions.append(decision)

    def _build(self, kind: str, file: dict[str, Any], by: str) -> dict[str, Any]:
        return {
            "by": by,
            "kind": kind,
            "file": file["id"],
            "run": None,
            "index": None,
            "withdrawn": False,
            "channel": "api",
        }

    def _draw_box(self, file: dict[str, Any], *, over: bool) -> dict[str, Any]:
        """Draw a box of a person, which may correct the newest box of a model."""
        box, superseded = [130, 70, 170, 110], None
        if over:
            run, index = superseded = self.list_boxes(file)[-1]
            found = next(one for one in self._truth["runs"] if one["key"] == run)["found"]
            x1, y1, x2, y2 = found[file["id"]][index]["box"]
            box = [x1 + 4, y1 + 3, x2, y2 - 2]
        self._drawn += 1
        return {"drawn": self._drawn, "box": box, "supersedes": superseded}

    def _draw_details(self) -> dict[str, Any]:
        chance = self._chance
        return {
            "taxon": SPECIES[chance.choice(sorted(SPECIES))]["scientific_name"],
            "count": chance.choice([None, 1, 2, 7]),
            "sex": chance.choice([None, "female", "male"]),
            "life_stage": chance.choice([None, "juvenile"]),
            "behaviour": chance.choice([None, BEHAVIOUR]),
            "individual_id": chance.choice([None, None, None, *INDIVIDUALS]),
        }
