"""Which identification of a box or of a whole image counts, by the rule of the project."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from uuid import UUID

from trapline.server.review.rules.observation_inputs import (
    DerivationSettings,
    StatedTaxon,
    StatementInput,
)
from trapline.wire.identifications import IdentificationKind as Kind
from trapline.wire.observation_settings import DecisionRule

Answer = tuple[str, ...]
"""The names in an identification, in order; empty for blank."""


@dataclass(frozen=True, slots=True)
class EffectiveStatement:
    """The statement that decides about a subject; None while reviewers have not agreed yet."""

    statement: StatementInput | None

    @property
    def is_pending(self) -> bool:
        """Whether reviewers have answered, but do not agree yet."""
        return self.statement is None


def choose_statements(
    statements: Iterable[StatementInput], settings: DerivationSettings
) -> Mapping[UUID | None, EffectiveStatement]:
    """Choose the statement that counts for each subject that has one."""
    by_subject: dict[UUID | None, list[StatementInput]] = {}
    for one in sorted(statements, key=lambda one: one.moment):
        by_subject.setdefault(one.subject, []).append(one)
    return {
        subject: EffectiveStatement(_choose(ones, settings)) for subject, ones in by_subject.items()
    }


def _choose(
    statements: Sequence[StatementInput], settings: DerivationSettings
) -> StatementInput | None:
    """Choose one of the statements about a subject, which are in order of time."""
    if settings.rule is DecisionRule.LATEST:
        return statements[-1]
    experts = [one for one in statements if one.by_expert]
    if settings.rule is DecisionRule.EXPERT:
        return experts[-1] if experts else statements[-1]
    latest = {one.by: one for one in statements}
    answers: dict[Answer, list[StatementInput]] = {}
    for one in latest.values():
        if one.kind is not Kind.UNSURE:
            answers.setdefault(_get_answer(one), []).append(one)
    enough = [agreed for agreed in answers.values() if len(agreed) >= settings.agreement]
    if enough:
        return _take_medians(_choose_agreed(enough, settings.agreement))
    if len(answers) >= settings.agreement and experts and experts[-1].kind is not Kind.UNSURE:
        return experts[-1]
    if not answers:
        return statements[-1]
    return None


def _choose_agreed(
    enough: Sequence[Sequence[StatementInput]], agreement: int
) -> Sequence[StatementInput]:
    """Choose of several answers that enough reviewers gave: that of most, then the first one.

    The order does not depend on who answered first, because a reviewer can answer again.
    """
    return min(
        enough,
        key=lambda agreed: (-len(agreed), sorted(one.moment for one in agreed)[agreement - 1]),
    )


def _get_answer(one: StatementInput) -> Answer:
    return tuple(sorted({taxon.named.name for taxon in one.taxa}))


def _take_medians(agreed: Sequence[StatementInput]) -> StatementInput:
    """Return the latest of statements that agree, with the median of all their counts."""
    last = max(agreed, key=lambda one: one.moment)
    counts: dict[str, list[int]] = {}
    for one in agreed:
        totals: dict[str, int] = {}
        for taxon in one.taxa:
            if taxon.count is not None:
                totals[taxon.named.name] = totals.get(taxon.named.name, 0) + taxon.count
        for name, total in totals.items():
            counts.setdefault(name, []).append(total)
    taxa: list[StatedTaxon] = []
    for taxon in last.taxa:
        is_only = sum(other.named.name == taxon.named.name for other in last.taxa) == 1
        if is_only and taxon.named.name in counts:
            taxon = replace(taxon, count=median_low(counts[taxon.named.name]))
        taxa.append(taxon)
    return replace(last, taxa=tuple(taxa))
