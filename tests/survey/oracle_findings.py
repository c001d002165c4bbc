"""The oracle's rules for findings of models: thresholds, names, and several pipelines combined.

It imports nothing of Trapline.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from tests.survey.oracle_images import SeenImage, Subject

SAME = 0.5
"""Boxes of two pipelines are one animal from this intersection over union on."""
BLANK_NAMES = frozenset({"blank", "empty"})
"""Classes that state an empty image in every project; they are not findings."""
GENERIC = frozenset({"animal"})
"""Labels of detectors that name no species."""
HUMAN, VEHICLE = "person", "vehicle"


@dataclass(frozen=True)
class Meaning:
    """The meaning of a label: a kind, and the scientific name or the label."""

    kind: str
    name: str

    @property
    def is_generic(self) -> bool:
        """Whether it names no species."""
        return self.kind == "unknown" or self.name in GENERIC

    def includes(self, other: "Meaning") -> bool:
        """Whether it says as much as another, or more."""
        return self.name == other.name or (other.is_generic and other.kind == self.kind)


UNNAMED = Meaning("unknown", "")


@dataclass(frozen=True)
class Finding:
    """A finding above its threshold, with the label and the score that name it."""

    subject: Subject
    box: tuple[float, ...] | None
    score: float
    pipeline: str
    meaning: Meaning
    label: str | None
    confidence: float
    run: str


@dataclass(frozen=True)
class Models:
    """The combined findings of the pipelines of an image."""

    findings: list[Finding]
    is_disputed: bool
    is_analysed: bool
    blank: tuple[str, float] | None
    """The label and the score of the surest statement that nothing is there."""


class ModelRules:
    """The rules for the findings of models in one project."""

    def __init__(self, labels: dict[str, str], settings: dict[str, Any]) -> None:
        self._labels, self.settings = labels, settings
        listed = [one["name"] for one in settings["pipelines"]]
        self._places = {name: place for place, name in enumerate(listed)}
        self._ignored = {
            one["name"]
            for one in settings["pipelines"]
            if one.get("superseded") or one.get("counts") is False
        }

    def explain(self, label: str) -> Meaning:
        """Return what a label means."""
        if label in self._labels:
            return Meaning("animal", self._labels[label])
        if label in BLANK_NAMES or label in self.settings["blank_labels"]:
            return Meaning("blank", "blank")
        return Meaning({HUMAN: "human", VEHICLE: "vehicle"}.get(label, "animal"), label)

    def explain_box(self, found: dict[str, Any]) -> tuple[Meaning, str | None, float]:
        """Return what names a box: the meaning, the label and the score.

        A class of the classifier below the threshold does not name the box, and the detector of
        the worker's pipeline gives no label.
        """
        if "name_score" not in found:
            return self.explain(found["name"]), found["name"], found["score"]
        if found["name_score"] >= self.settings["classification_threshold"]:
            return self.explain(found["name"]), found["name"], found["name_score"]
        return UNNAMED, None, found["score"]

    def list_counted(self, image: SeenImage) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """List the analyses that count: the newest of each pipeline that is not left out.

        A pipeline that looks for something else than animals, people and vehicles does not count.
        """
        return [
            one
            for name, one in image.list_newest().items()
            if name not in self._ignored and one[0]["looks_for"] != ["other"]
        ]

    def combine(self, image: SeenImage, left_out: Collection[Subject] = ()) -> Models:
        """Combine the findings of all pipelines, without those that people decided about."""
        analyses = [self._select(run, found) for run, found in self.list_counted(image)]
        kept = [one for found, _ in analyses for one in found]
        chosen = sorted(
            (one for one in kept if one.subject not in left_out),
            key=lambda one: (self._rank(one.pipeline), -one.score),
        )
        boxes = self._merge([one for one in chosen if one.box is not None])
        findings = self._place(boxes, [one for one in chosen if one.box is None])
        blanks = [one for _, blank in analyses for one in blank]
        return Models(
            findings,
            is_disputed=len({bool(found) for found, _ in analyses}) > 1,
            is_analysed=bool(analyses),
            blank=max(blanks, key=lambda one: one[1], default=None),
        )

    def _rank(self, pipeline: str) -> tuple[int, str]:
        return self._places.get(pipeline, len(self._places)), pipeline

    def _select(
        self, run: dict[str, Any], found: list[dict[str, Any]]
    ) -> tuple[list[Finding], list[tuple[str, float]]]:
        """Select the findings above their thresholds, and the statements that nothing is there."""
        kept: list[Finding] = []
        blanks: list[tuple[str, float]] = []
        for index, one in enumerate(found):
            is_box = one["type"] == "box"
            meaning, label, confidence = self.explain_box(one)
            least = (
                self._get_threshold(label, meaning)
                if is_box
                else self.settings["classification_threshold"]
            )
            if one["score"] < least:
                continue
            if meaning.kind == "blank":
                blanks.append((one["name"], one["score"]))
                continue
            box = tuple(map(float, one["box"])) if is_box else None
            kept.append(
                Finding(
                    (run["key"], index), box, one["score"], run["pipeline"], meaning, label,
                    confidence, run["key"],
                )
            )  # fmt: skip
        return kept, blanks

    def _get_threshold(self, label: str | None, meaning: Meaning) -> float:
        """Return the least score of a box: that of the class that names it, or of all boxes."""
        least: float = self.settings["detection_threshold"]
        exceptions: dict[str, float] = self.settings["class_thresholds"]
        return exceptions.get(label or "", exceptions.get(meaning.name, least))

    def _merge(self, boxes: list[Finding]) -> list[Finding]:
        """Merge boxes of several pipelines at one place; the first pipeline names the animal."""
        kept: list[Finding] = []
        for one in boxes:
            if all(other.pipeline == one.pipeline or not is_same(other, one) for other in kept):
                kept.append(one)
        return kept

    def _place(self, boxes: list[Finding], classes: list[Finding]) -> list[Finding]:
        """Add the classes of the whole image that no box has, or name the only animal."""
        boxes, kept = list(boxes), list[Finding]()
        for one in classes:
            if any(other.meaning.includes(one.meaning) for other in (*boxes, *kept)):
                continue
            animals = [place for place, box in enumerate(boxes) if box.meaning.kind == "animal"]
            if len(animals) == 1 and one.meaning.kind == "animal":
                box = boxes[animals[0]]
                if one.meaning.includes(box.meaning):
                    boxes[animals[0]] = replace(
                        box,
                        meaning=one.meaning,
                        label=one.label,
                        confidence=one.confidence,
                        run=one.run,
                    )
                    continue
            kept.append(one)
        return [*boxes, *kept]


def is_same(one: Finding, other: Finding) -> bool:
    """Return whether two findings are boxes at the same place."""
    return one.box is not None and other.box is not None and share(one.box, other.box) >= SAME


def share(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Return the intersection over union of two boxes."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
