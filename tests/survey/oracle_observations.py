"""The oracle's rules for what an image shows: models propose, people decide.

It imports nothing of Trapline.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median_low
from typing import Any

from tests.survey.oracle_findings import SAME as SAME_PLACE
from tests.survey.oracle_findings import UNNAMED, Finding, Meaning, ModelRules, Models, share
from tests.survey.oracle_images import DRAWN, Said, SeenImage, Subject, get_subject
from tests.survey.oracle_shares import TaxonShare, choose_share

DETAILS = ("count", "sex", "life_stage", "behaviour", "individual_id")
DECIDING = ("confirm", "correct", "blank")
OWNER = "Owner"
"""The only owner or manager of a survey."""


@dataclass(frozen=True)
class Observation:
    """One thing that an image shows; `said` is the decision of a person, null for models."""

    kind: str
    name: str
    label: str | None = None
    subject: Subject | None = None
    box: tuple[float, ...] | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    confidence: float | None = None
    run: str | None = None
    said: Said | None = field(default=None, compare=False)
    needs_review: bool = False

    @property
    def by(self) -> str | None:
        """The name of the person who decided."""
        return None if self.said is None else str(self.said["by"])


@dataclass(frozen=True)
class _Stated:
    """The decision that counts for one subject; `is_pending` while reviewers do not agree."""

    said: Said | None
    is_pending: bool = False


class Observations:
    """The observations of each image, with the settings of a project.

    `reviewed_with` are the rules that were in force when people confirmed findings.
    """

    def __init__(
        self,
        truth: dict[str, Any],
        settings: dict[str, Any],
        reviewed_with: "Observations | None" = None,
    ) -> None:
        self.settings, self.models = settings, ModelRules(truth["labels"], settings)
        self._order = {id(one): place for place, one in enumerate(truth["decisions"])}
        self._reviewed_with = reviewed_with or self
        self._confirmed: dict[tuple[str, int], list[Observation]] = {}
        self._medians: list[Said] = []

    def observe(self, image: SeenImage, said: Iterable[Said] | None = None) -> list[Observation]:
        """List the observations of an image; none where nothing is known about it."""
        given = image.decisions if said is None else said
        return _OneImage(self, image, [one for one in given if one["kind"] != "comment"]).observe()

    def is_later(self, one: Said, other: Said) -> bool:
        """Return whether a decision was made after another."""
        return self._order[id(one)] > self._order[id(other)]

    def get_place(self, one: Said) -> int:
        """Return the position of a decision in the order of all."""
        return self._order[id(one)]

    def list_confirmed(self, image: SeenImage, said: Said) -> list[Observation]:
        """List what a person confirmed: what the image, or the box, showed at that time."""
        key = image.key, id(said)
        if key not in self._confirmed:
            before = [one for one in image.decisions if self.is_later(said, one)]
            shown = self._reviewed_with.observe(image, before)
            subject = get_subject(said)
            if subject is not None:
                found = image.find_subject(subject)
                shown = [one for one in shown if one.subject == subject]
                if not shown:
                    meaning, label, _ = self._reviewed_with.models.explain_box(found)
                    shown = [Observation(meaning.kind, meaning.name, label, subject)]
            self._confirmed[key] = [one for one in shown if one.kind != "blank"]
        return self._confirmed[key]

    def choose(self, image: SeenImage, said: Sequence[Said]) -> _Stated:
        """Choose the decision about one subject that counts, by the rule of the project."""
        rule, experts = self.settings["rule"], [one for one in said if one["by"] == OWNER]
        if rule == "latest" or (rule == "expert" and not experts):
            return _Stated(said[-1])
        if rule == "expert":
            return _Stated(experts[-1])
        answers: dict[frozenset[str], list[Said]] = {}
        for one in {one["by"]: one for one in said}.values():
            if one["kind"] != "unsure":
                answers.setdefault(self._get_answer(image, one), []).append(one)
        least = self.settings["agreement"]
        enough = [sorted(one, key=self.get_place) for one in answers.values() if len(one) >= least]
        # That of most reviewers; of two with equally many, the one that had enough of them first.
        enough.sort(key=lambda agreed: (-len(agreed), self.get_place(agreed[least - 1])))
        if enough:
            return _Stated(self._take_median(enough[0]))
        is_open = len(answers) >= self.settings["agreement"]
        if is_open and experts and experts[-1]["kind"] != "unsure":
            return _Stated(experts[-1])
        return _Stated(None, is_pending=True) if answers else _Stated(said[-1])

    def _get_answer(self, image: SeenImage, said: Said) -> frozenset[str]:
        if said["kind"] == "confirm":
            return frozenset(one.name for one in self.list_confirmed(image, said))
        taxa = list_taxa(said) if said["kind"] == "correct" else []
        return frozenset(one["taxon"] for one in taxa)

    def _take_median(self, agreed: list[Said]) -> Said:
        """Return the latest decision with the median of the counts of all, for each taxon."""
        last = max(agreed, key=self.get_place)
        if last["kind"] != "correct":
            return last
        taxa = []
        for taxon in list_taxa(last):
            counts = [
                one["count"]
                for said in agreed
                for one in list_taxa(said)
                if said["kind"] == "correct"
                and one["taxon"] == taxon["taxon"]
                and one["count"] is not None
            ]
            taxa.append({**taxon, "count": median_low(counts)} if counts else taxon)
        median = {**last, "taxa": taxa}
        # The position of the latest decision is kept.
        self._order[id(median)] = self.get_place(last)
        self._medians.append(median)
        return median


def list_taxa(said: Said) -> list[dict[str, Any]]:
    """List the taxa of a correction, each with its details."""
    taxa: list[dict[str, Any]] = said.get("taxa", [said])
    return taxa


class _OneImage:
    """The observations of one image."""

    def __init__(self, rules: Observations, image: SeenImage, said: Sequence[Said]) -> None:
        self.rules, self.models, self.image = rules, rules.models, image
        self.drawn = [one for one in said if DRAWN in one]
        said = [one for one in said if DRAWN not in one]
        self.stated: dict[Subject | None, _Stated] = {}
        for subject in dict.fromkeys(get_subject(one) for one in said):
            of_it = [one for one in said if get_subject(one) == subject]
            self.stated[subject] = rules.choose(image, of_it)
        whole = self.stated.get(None, _Stated(None))
        self.whole, self.is_pending = whole.said, whole.is_pending
        self.is_unsure = self.whole is not None and self.whole["kind"] == "unsure"
        self.own: list[Observation] = []
        self.removals: list[Said] = []
        self.left_out: set[Subject] = set()
        self.overruled: list[Finding] = []

    def observe(self) -> list[Observation]:
        self._decide_drawn_boxes()
        self._decide_boxes()
        models = self.models.combine(self.image, self.left_out)
        found = [*self.own, *self._apply_whole(models)]
        return found or self._observe_nothing(models)

    # Boxes

    def _decide_drawn_boxes(self) -> None:
        """Observe the boxes that people drew, instead of those that they supersede.

        A later statement about the whole image names a drawn box as it names those of models.
        """
        for one in self.drawn:
            subject, taxon = (DRAWN, one[DRAWN]), one["taxon"]
            if one["supersedes"] is not None:
                run, index = one["supersedes"]
                self.left_out |= {(run, index), *self._list_same((run, index))}
            if self._is_overruled(one):
                box, named = _get_box(self.image, subject), Meaning("animal", taxon)
                self.overruled.append(Finding(subject, box, 1.0, "", named, taxon, 1.0, ""))
            else:
                self.own.append(self._name(one, one, subject, one["count"] or 1))

    def _decide_boxes(self) -> None:
        """Apply the decisions about boxes, the latest first, to all boxes at their places."""
        decided = [
            (subject, one.said)
            for subject, one in self.stated.items()
            if subject is not None and one.said is not None and one.said["kind"] != "unsure"
        ]
        decided.sort(key=lambda one: self.rules.get_place(one[1]), reverse=True)
        for subject, said in decided:
            if subject in self.left_out or self._is_overruled(said):
                continue
            self.left_out |= {subject, *self._list_same(subject)}
            if said["kind"] == "blank":
                self.removals.append(said)
            elif said["kind"] == "correct":
                [taxon] = list_taxa(said)
                self.own.append(self._name(said, taxon, subject, taxon["count"] or 1))
            else:
                [shown] = self.rules.list_confirmed(self.image, said)[:1]
                self.own.append(self._repeat(shown, said, subject, shown.count or 1))

    def _is_overruled(self, said: Said) -> bool:
        return (
            self.whole is not None
            and self.whole["kind"] in DECIDING
            and self.rules.is_later(self.whole, said)
        )

    def _list_same(self, subject: Subject) -> list[Subject]:
        """List the boxes of other runs at the same place."""
        box = self.image.find_subject(subject)["box"]
        return [
            (run["key"], index)
            for run, found in self.image.runs
            if run["key"] != subject[0]
            for index, one in enumerate(found)
            if one["type"] == "box" and share(one["box"], box) >= SAME_PLACE
        ]

    # The whole image

    def _apply_whole(self, models: Models) -> list[Observation]:
        whole = self.whole
        if whole is None or self.is_unsure:
            return [self._propose(one, models) for one in models.findings]
        boxes = [one for one in models.findings if one.box is not None] + self.overruled
        if whole["kind"] == "correct":
            if whole.get("of_sequence"):
                return self._correct_sequence(whole, boxes, models)
            return self._correct(whole, boxes)
        if whole["kind"] == "confirm":
            decided = {one.subject for one in self.own}
            decided |= {get_subject(one) for one in self.removals} | self.left_out
            return [
                self._repeat(one, whole, one.subject, one.count)
                for one in self.rules.list_confirmed(self.image, whole)
                if one.subject is None or one.subject not in decided
            ]
        return []

    def _correct(self, whole: Said, boxes: list[Finding]) -> list[Observation]:
        """Name the boxes that agree, up to the stated counts; the rest is of the whole image."""
        shares = [TaxonShare(one) for one in list_taxa(whole)]
        for own in self.own:
            if own.subject is not None:
                named = Meaning(own.kind, own.name)
                if own.subject[0] != DRAWN:
                    named = self.models.explain(self.image.find_subject(own.subject)["name"])
                if share := choose_share([one for one in shares if one.takes(named)], named):
                    share.decided += 1
        for box in sorted(boxes, key=lambda one: (one.meaning.is_generic, -one.score)):
            fitting = [one for one in shares if one.takes(box.meaning)]
            if share := choose_share(fitting, box.meaning):
                share.boxes.append(box)
        seen: list[Observation] = []
        for one in shares:
            seen += [self._name(whole, one.taxon, box.subject, 1) for box in one.boxes]
            if one.taxon["count"] is None:
                if not one.boxes and not one.decided:
                    seen.append(self._name(whole, one.taxon, None, None))
            elif one.left > 0:
                seen.append(self._name(whole, one.taxon, None, one.left))
        return seen

    def _correct_sequence(
        self, whole: Said, boxes: list[Finding], models: Models
    ) -> list[Observation]:
        """Name every box; an image without a box is named only if that was asked for."""
        shares = [TaxonShare(one) for one in list_taxa(whole)]
        for box in sorted(boxes, key=lambda one: (one.meaning.is_generic, -one.score)):
            fitting = [one for one in shares if one.agrees(box.meaning)]
            chosen = choose_share(fitting or shares, box.meaning)
            assert chosen is not None
            chosen.boxes.append(box)
        if not boxes and whole["apply_to"] == "all":
            return [self._name(whole, one.taxon, None, None) for one in shares]
        if not boxes:
            return [self._propose(one, models) for one in models.findings]
        return [self._name(whole, one.taxon, box.subject, 1) for one in shares for box in one.boxes]

    # Observations

    def _propose(self, one: Finding, models: Models) -> Observation:
        is_sure = one.confidence >= self.rules.settings["review_threshold"]
        is_box = one.box is not None
        asked = [
            subject
            for subject, stated in self.stated.items()
            if subject is not None
            and (stated.is_pending or (stated.said is not None and stated.said["kind"] == "unsure"))
        ]
        # The question about a box is one about what is at its place.
        is_asked = is_box and any(
            subject == one.subject or one.subject in self._list_same(subject) for subject in asked
        )
        return Observation(
            one.meaning.kind,
            one.meaning.name,
            one.label,
            one.subject if is_box else None,
            one.box,
            1 if is_box else None,
            confidence=one.confidence,
            run=one.run,
            needs_review=models.is_disputed
            or is_asked
            or self.is_pending
            or self.is_unsure
            or not is_sure,
        )

    def _name(
        self, said: Said, taxon: dict[str, Any], subject: Subject | None, count: int | None
    ) -> Observation:
        return Observation(
            "animal",
            taxon["taxon"],
            taxon["taxon"],
            subject,
            None if subject is None else _get_box(self.image, subject),
            count,
            taxon.get("sex"),
            taxon.get("life_stage"),
            taxon.get("behaviour"),
            taxon.get("individual_id"),
            said=said,
        )

    def _repeat(
        self, shown: Observation, said: Said, subject: Subject | None, count: int | None
    ) -> Observation:
        return replace(
            shown,
            subject=subject,
            box=None if subject is None else _get_box(self.image, subject),
            count=count,
            confidence=None,
            run=None,
            said=said,
            needs_review=False,
        )

    def _observe_nothing(self, models: Models) -> list[Observation]:
        """Observe a blank image, by a person or by models, or one about which nothing is known."""
        deciders = list(self.removals)
        if self.whole is not None and self.whole["kind"] in DECIDING:
            # A name for a sequence says nothing of its images without a box.
            is_silent = self.whole.get("of_sequence") and self.whole["kind"] == "correct"
            deciders += [] if is_silent else [self.whole]
        if deciders:
            return [Observation("blank", "blank", said=max(deciders, key=self.rules.get_place))]
        asked = self.is_pending or self.is_unsure
        if models.is_analysed:
            label, score = models.blank or (None, None)
            return [Observation("blank", "blank", label, confidence=score, needs_review=asked)]
        return [Observation(UNNAMED.kind, "", needs_review=True)] if asked else []


def _get_box(image: SeenImage, subject: Subject) -> tuple[float, ...]:
    return tuple(map(float, image.find_subject(subject)["box"]))
