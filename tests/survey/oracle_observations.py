"""The oracle's rules for the observations in exports: models propose, people decide.

It imports nothing of Trapline.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.survey.oracle import BLANK_NAMES, Oracle, SeenImage

SAME = 0.5
"""Boxes of two analyses are one animal from this intersection over union on."""
DETAILS = ("count", "sex", "life_stage", "behaviour")
HUMAN = "Homo sapiens"
Said = dict[str, Any]


@dataclass
class Thing:
    """A finding of a run, with the position of its run and its effective identification."""

    found: dict[str, Any]
    run: int
    index: int
    pipeline: str
    newest: bool
    latest: bool
    said: Said | None = None
    aside: bool = False

    @property
    def is_box(self) -> bool:
        """Whether it is a box; otherwise it is a class of the whole image."""
        return bool(self.found["type"] == "box")


@dataclass
class Observation:
    """One thing that an image shows; `count` is None if no one stated it."""

    kind: str
    name: str
    label: str
    box: tuple[float, ...] | None = None
    confidence: float | None = None
    said: Said | None = None
    run: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


class Observations:
    """The observations of each image."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle, self.labels = oracle, oracle.truth["labels"]
        self._order = {id(one): place for place, one in enumerate(oracle.truth["decisions"])}

    # Statements

    def find_whole(self, image: SeenImage) -> Said | None:
        """Find the latest statement about the image, except a blank before a named box."""
        whole = self.find_latest(image, None)
        if whole is not None and whole["kind"] == "blank":
            named = [
                one
                for one in self._decide(image)
                if one["run"] and one["kind"] in ("confirm", "correct")
            ]
            # The latest statement about each box is effective.
            latest = {(one["run"], one["index"]): one for one in self._decide(image) if one["run"]}
            if any(one in latest.values() and self.is_later(one, whole) for one in named):
                return None
        return whole

    def _decide(self, image: SeenImage) -> list[Said]:
        return [one for one in image.decisions if one["kind"] != "comment"]

    def find_latest(self, image: SeenImage, about: tuple[str, int] | None) -> Said | None:
        """Find the latest statement about a box, or about the whole image."""
        wanted = (None, None) if about is None else about
        found = [one for one in self._decide(image) if (one["run"], one["index"]) == wanted]
        return found[-1] if found else None

    def is_later(self, one: Said, other: Said) -> bool:
        """Return whether a statement was made after another."""
        return self._order[id(one)] > self._order[id(other)]

    # Findings

    def list_things(self, image: SeenImage) -> list[Thing]:
        """List the findings in exports: of each pipeline's newest run, and older identified ones.

        An identified finding is kept, and the same finding of a newer run of its pipeline is left
        out. A finding is `aside` if it is neither of the latest run nor identified; only formats
        that list the findings of each model have it.
        """
        newest = {run["pipeline"]: place for place, (run, _) in enumerate(image.runs)}
        latest = self._find_shown(image)
        whole = self.find_latest(image, None)
        things, spoken = [], []
        for place, (run, found) in enumerate(image.runs):
            for index, one in enumerate(found):
                thing = Thing(
                    one,
                    place,
                    index,
                    run["pipeline"],
                    newest[run["pipeline"]] == place,
                    place == latest,
                )
                own = self.find_latest(image, (run["key"], index))
                thing.said = own
                if (
                    whole is not None
                    and whole["kind"] == "blank"
                    and (own is None or self.is_later(whole, own))
                ):
                    thing.said = whole
                if (
                    whole is not None
                    and whole["kind"] == "confirm"
                    and own is None
                    and thing.latest
                ):
                    thing.said = whole
                things.append(thing)
                if thing.said is not None and (
                    thing.said is own or thing.said["kind"] == "confirm"
                ):
                    spoken.append((self._order[id(thing.said)], thing))
        kept = self._settle([one for _, one in sorted(spoken, key=lambda pair: -pair[0])], things)
        if whole is not None and whole["kind"] == "correct":
            kept = self._obey(kept, whole)
        return kept

    def _find_shown(self, image: SeenImage) -> int:
        """Find the run that the page shows: the latest with findings, else the latest."""
        current = {run["pipeline"]: place for place, (run, _) in enumerate(image.runs)}.values()
        finding = [
            place
            for place in current
            if any(one["name"] not in BLANK_NAMES for one in image.runs[place][1])
        ]
        return max(finding or current, default=-1)

    def _list_shown(self, image: SeenImage) -> list[dict[str, Any]]:
        return image.runs[self._find_shown(image)][1] if image.runs else []

    def _settle(self, spoken: list[Thing], things: list[Thing]) -> list[Thing]:
        kept: list[Thing] = []
        out: list[Thing] = []
        first = [*spoken, *(one for one in things if one not in spoken)]
        roots: list[Thing] = []
        twins: set[tuple[int, int]] = set()
        for thing in first:
            twin = next(
                (
                    one
                    for one in roots
                    if one.run != thing.run
                    and (id(one), thing.run) not in twins
                    and _share(one, thing) >= SAME
                ),
                None,
            )
            if thing not in spoken and not thing.newest:
                out.append(thing)
            elif twin is not None:
                twins.add((id(twin), thing.run))
                thing.aside = twin.pipeline != thing.pipeline
                (kept if thing.aside else out).append(thing)
            elif thing in spoken:
                roots.append(thing)
                kept.append(thing)
            else:
                thing.aside = not thing.latest
                kept.append(thing)
        return [one for one in things if one in kept]

    def _obey(self, things: list[Thing], whole: Said) -> list[Thing]:
        """Apply a correction: boxes of its taxon get its name, others are overruled."""
        kept = []
        for thing in things:
            if thing.said is not None and self.is_later(thing.said, whole):
                kept.append(thing)
            elif thing.is_box and self.labels.get(thing.found["name"]) == whole["taxon"]:
                thing.said = whole
                kept.append(thing)
        return kept

    # Observations of an image

    def observe(self, image: SeenImage) -> list[Observation]:
        """List the observations of an image; a blank image has one."""
        whole = self.find_whole(image)
        seen: list[Observation] = []
        if whole is None or whole["kind"] != "blank":
            things = [one for one in self.list_things(image) if not one.aside]
            seen = [one for one in map(self._look, things) if one.kind != "blank"]
            named = [one for one in seen if whole is not None and one.said is whole]
            if whole is not None and whole["kind"] == "correct":
                self._share_count(whole, named)
                if not named:
                    details = {name: whole.get(name) for name in DETAILS}
                    seen.append(
                        Observation(
                            "animal", whole["taxon"], whole["taxon"], said=whole, details=details
                        )
                    )
            if whole is not None and whole["kind"] == "unsure":
                seen.append(Observation("unknown", "", "", said=whole))
        if seen:
            return seen
        # The class of an empty image has a score, like any other class.
        scores = [one["score"] for one in self._list_shown(image) if one["name"] in BLANK_NAMES]
        said = whole
        removed = [
            one.said for one in self.list_things(image) if not one.aside and one.said is not None
        ]
        if said is None and removed:
            said = removed[-1]
        if not image.runs and whole is None:
            return [Observation("unclassified", "", "")]
        return [
            Observation(
                "blank",
                "",
                "",
                said=said,
                confidence=max(scores, default=None) if said is None else None,
            )
        ]

    def _look(self, thing: Thing) -> Observation:
        kind, name = self.name_label(thing.found["name"])
        label, said = thing.found["name"], thing.said
        confidence = (
            thing.found["name_score"] if "name_score" in thing.found else thing.found["score"]
        )
        details: dict[str, Any] = {}
        if said is not None:
            confidence = None
            if said["run"] is not None:
                details = {one: said.get(one) for one in DETAILS}
            if said["kind"] == "correct":
                kind, name, label = "animal", said["taxon"], said["taxon"]
            elif said["kind"] in ("blank", "unsure"):
                kind, name = ("blank" if said["kind"] == "blank" else "unknown"), ""
        box = tuple(thing.found["box"]) if thing.is_box else None
        return Observation(kind, name, label, box, confidence, said, thing.run, details)

    def name_label(self, label: str) -> tuple[str, str]:
        """Return the type of a label, and its scientific name if it has one."""
        if label in BLANK_NAMES:
            return "blank", ""
        if label in self.labels:
            return "animal", self.labels[label]
        return {"person": ("human", HUMAN), "vehicle": ("vehicle", "")}.get(label, ("animal", ""))

    def _share_count(self, whole: Said, named: list[Observation]) -> None:
        """Share the stated count: each box counts for one, the first also for those without one."""
        for place, one in enumerate(named):
            count = None
            if whole["count"] is not None:
                count = (
                    max(whole["count"] - len(named) + 1, 1)
                    if place == 0
                    else int(place < whole["count"])
                )
            one.details = {**{name: whole.get(name) for name in DETAILS}, "count": count}

    def title(self, one: Observation) -> str:
        """Return the category of an observation: its scientific name, label or type."""
        _, name = self.name_label(one.label)
        if one.kind == "unknown":
            return (name if one.label not in self.labels else "") or one.label or one.kind
        return one.name or one.label or one.kind

    def list_all(self) -> Iterator[tuple[SeenImage, list[Observation]]]:
        """List every image with its observations."""
        for image in self.oracle.images.values():
            yield image, self.observe(image)


def _share(one: Thing, other: Thing) -> float:
    """Return the intersection over union of two boxes; classes of an image count as equal."""
    if one.is_box != other.is_box:
        return 0.0
    if not one.is_box:
        return 1.0
    a, b = one.found["box"], other.found["box"]
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))
