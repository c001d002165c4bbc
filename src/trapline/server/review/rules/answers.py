"""Answers of models and people to what an image shows, and where two of them differ.

An answer is the set of names that one version of a model, one person, or all people together give
to an image. A difference is open until a person decides about the image.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from uuid import UUID

from trapline.server.review.rules.model_observations import combine_findings
from trapline.server.review.rules.observation_inputs import (
    AnalysisInput,
    DerivationSettings,
    DerivedObservation,
    HumanBox,
    ImageInput,
    Meaning,
    StatementInput,
)
from trapline.server.review.rules.observations import derive_observations
from trapline.wire.identifications import IdentificationKind
from trapline.wire.image_filters import PEOPLE, ComparisonKind
from trapline.wire.observation_settings import DecisionRule
from trapline.wire.observations import ObservationKind

MOST_VERSIONS, MOST_PEOPLE = 8, 8
"""Of more model versions or people on one image, the latest are compared."""
MOST_DECISIONS = 50
"""Of more decisions about one image, the latest are examined for what they settle."""
LONGEST_ANSWER = 500
"""Longer answers are cut: they are part of an index."""
BLANK = Meaning(ObservationKind.BLANK.value, ObservationKind.BLANK)
DECISIONS = frozenset(
    {IdentificationKind.CONFIRM, IdentificationKind.CORRECT, IdentificationKind.BLANK}
)
Moment = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one source to an image.

    Attributes:
        source: The key of the source, as callers write it.
        names: The names, without generic ones that another name makes more precise.
    """

    source: str
    names: frozenset[Meaning]

    @property
    def text(self) -> str:
        """The names in order, as lists and the matrix show them."""
        text = " + ".join(sorted({one.name or "unknown" for one in self.names}))
        return text if len(text) <= LONGEST_ANSWER else f"{text[: LONGEST_ANSWER - 1]}…"

    def agrees_with(self, other: "Answer") -> bool:
        """Whether each name of one is the same as, or as precise as, one of the other."""
        return all(
            any(_are_compatible(one, another) for another in those.names)
            for these, those in ((self, other), (other, self))
            for one in these.names
        )


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """The answers of two sources to one image.

    `is_open`: they differ, and no person decided about the image since they do.
    """

    kind: ComparisonKind
    first: Answer
    second: Answer
    differs: bool
    is_open: bool


def compare_answers(
    image: ImageInput,
    observations: Sequence[DerivedObservation],
    settings: DerivationSettings,
) -> list[AnswerPair]:
    """Compare the answers to an image: model versions, models with people, and people.

    `observations` are those of the image. Model versions are ordered by their keys, people too.
    """
    return _Comparison(image, observations, settings).compare()


def _are_compatible(one: Meaning, other: Meaning) -> bool:
    if ObservationKind.BLANK in (one.kind, other.kind):
        return one.kind is other.kind
    if one.is_within(other) or other.is_within(one):
        return True
    return any(
        each.is_generic and (each.kind is another.kind or each.kind is ObservationKind.UNKNOWN)
        for each, another in ((one, other), (other, one))
    )


def build_answer(source: str, names: Iterable[Meaning]) -> Answer:
    """Build an answer; a generic name is left out where another is more precise."""
    given = set(names)
    precise = {one.kind for one in given if not one.is_generic}
    kept = {one for one in given if not (one.is_generic and one.kind in precise)}
    return Answer(source, frozenset(kept) or frozenset({BLANK}))


class _Comparison:
    """The comparison of the answers to one image."""

    def __init__(
        self,
        image: ImageInput,
        observations: Sequence[DerivedObservation],
        settings: DerivationSettings,
    ) -> None:
        self._image, self._observations, self._settings = image, observations, settings
        self._meanings = _index_meanings(image)
        newest = sorted(image.versions, key=lambda one: (one.completed_at, one.id), reverse=True)
        self._versions = [
            (one, self._answer_of_model(one))
            for one in sorted(newest[:MOST_VERSIONS], key=_get_model_key)
        ]
        self._decisions = [
            one
            for one in sorted(image.statements, key=lambda one: one.moment)
            if one.subject is None and one.kind in DECISIONS
        ]

    def compare(self) -> list[AnswerPair]:
        """Compare all pairs of answers."""
        people = self._answer_of_people(self._observations)
        settled_at = self._find_settled_at()
        pairs = []
        for (one, first), (other, second) in combinations(self._versions, 2):
            is_seen = settled_at is not None and settled_at > max(
                one.completed_at, other.completed_at
            )
            pairs.append(_pair(ComparisonKind.MODELS, first, second, is_settled=is_seen))
        for one, answer in self._versions if people is not None else ():
            assert people is not None
            is_seen = settled_at is not None and settled_at > one.completed_at
            pairs.append(_pair(ComparisonKind.MODEL_PEOPLE, answer, people, is_settled=is_seen))
        return pairs + self._compare_people()

    def _compare_people(self) -> list[AnswerPair]:
        answers = self._answers_by_person(self._image.statements, self._image.boxes)
        if len(answers) < 2:
            return []
        since = self._find_reset()
        current = self._answers_by_person(*self._select(since, None))
        pairs = []
        for one, other in combinations(sorted(answers), 2):
            is_settled = (
                one not in current
                or other not in current
                or current[one].agrees_with(current[other])
            )
            pairs.append(
                _pair(ComparisonKind.PEOPLE, answers[one], answers[other], is_settled=is_settled)
            )
        return pairs

    def _find_settled_at(self) -> datetime | None:
        """Find when a person last decided about the whole image, or about all that it shows."""
        moments = [one.at for one in self._decisions]
        said = [one.identified_at for one in self._observations]
        if said and all(one.is_human for one in self._observations):
            moments += [moment for moment in said if moment is not None]
        return max(moments, default=None)

    def _find_reset(self) -> Moment | None:
        """Find the last decision that was made while answers differed: it settles them."""
        reset: Moment | None = None
        before = self._decisions[:-MOST_DECISIONS]
        earlier = before[-1].moment if before else None
        for decision in self._decisions[-MOST_DECISIONS:]:
            statements, boxes = self._select(reset, decision.moment)
            people = list(self._answers_by_person(statements, boxes).values())
            models = [
                answer
                for one, answer in self._versions
                if one.completed_at < decision.at
                and (earlier is None or one.completed_at > earlier[0])
            ]
            if _differ(people) or _differ(models) or self._differs_from_people(models, decision):
                reset = decision.moment
            earlier = decision.moment
        return reset

    def _differs_from_people(self, models: Sequence[Answer], decision: StatementInput) -> bool:
        """Whether models disagreed with what people had said before a decision."""
        statements, boxes = self._select(None, decision.moment)
        if not models or not (statements or boxes):
            return False
        image = replace(self._image, statements=statements, boxes=boxes)
        latest = replace(self._settings, rule=DecisionRule.LATEST)
        people = self._answer_of_people(derive_observations(image, latest))
        return people is not None and not all(people.agrees_with(one) for one in models)

    def _select(
        self, since: Moment | None, before: Moment | None
    ) -> tuple[tuple[StatementInput, ...], tuple[HumanBox, ...]]:
        """Select what people said from one moment on and before another."""
        image = self._image
        return tuple(
            one
            for one in image.statements
            if (since is None or one.moment >= since) and (before is None or one.moment < before)
        ), tuple(
            one
            for one in image.boxes
            if (since is None or one.at >= since[0]) and (before is None or one.at < before[0])
        )

    def _answer_of_model(self, version: AnalysisInput) -> Answer:
        ranks = {version.model_name: 0}
        found = combine_findings([version], replace(self._settings, ranks=ranks)).findings
        return build_answer(_get_model_key(version), [one.named for one in found])

    def _answer_of_people(self, observations: Sequence[DerivedObservation]) -> Answer | None:
        if not any(one.is_human for one in observations):
            return None
        return build_answer(PEOPLE, self._list_names(observations))

    def _answers_by_person(
        self, statements: Sequence[StatementInput], boxes: Sequence[HumanBox]
    ) -> dict[str, Answer]:
        """List what each person alone said, as if no other had said anything."""
        last: dict[str, Moment] = {}
        for by, moment in (
            *((one.by, one.moment) for one in statements),
            *((one.by, (one.at, one.id)) for one in boxes),
        ):
            last[by] = max(moment, last.get(by, moment))
        latest = replace(self._settings, rule=DecisionRule.LATEST)
        answers = {}
        for person in sorted(last, key=lambda by: last[by], reverse=True)[:MOST_PEOPLE]:
            own = replace(
                self._image,
                statements=tuple(one for one in statements if one.by == person),
                boxes=tuple(one for one in boxes if one.by == person),
            )
            found = derive_observations(own, latest)
            if any(one.is_human for one in found):
                answers[person] = build_answer(person, self._list_names(found))
        return answers

    def _list_names(self, observations: Iterable[DerivedObservation]) -> list[Meaning]:
        return [self._meanings.get(one.name) or Meaning(one.name, one.kind) for one in observations]


def _pair(kind: ComparisonKind, first: Answer, second: Answer, *, is_settled: bool) -> AnswerPair:
    differs = not first.agrees_with(second)
    return AnswerPair(kind, first, second, differs, differs and not is_settled)


def _differ(answers: Sequence[Answer]) -> bool:
    return any(not one.agrees_with(other) for one, other in combinations(answers, 2))


def _get_model_key(version: AnalysisInput) -> str:
    return f"model:{version.model_name}/{version.model_version}"


def _index_meanings(image: ImageInput) -> Mapping[str, Meaning]:
    """Index the meanings of all names that are known on an image."""
    analyses = (*image.analyses, *image.versions)
    found = [one.named for each in analyses for one in each.findings]
    found += [one.named for one in image.earlier]
    found += [taxon.named for one in image.statements for taxon in one.taxa]
    found += [one.taxon.named for one in image.boxes]
    return {one.name: one for one in found if one is not None} | {BLANK.name: BLANK}
