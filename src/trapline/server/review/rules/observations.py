"""Observations: what an image shows, derived from the findings of models and from what people say.

`derive_observations` is the definition. A set-based SQL statement does the same for the images of
one pipeline about which people said nothing; tests compare the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from trapline.server.review.rules.effective_statements import (
    EffectiveStatement,
    choose_statements,
)
from trapline.server.review.rules.model_observations import (
    ModelFindings,
    combine_findings,
    index_findings,
    overlap,
)
from trapline.server.review.rules.observation_inputs import (
    AnalysisInput,
    DerivationSettings,
    DerivedObservation,
    FindingInput,
    HumanBox,
    ImageInput,
    Meaning,
    StatedTaxon,
    StatementInput,
)
from trapline.server.review.rules.stated_counts import (
    Candidate,
    TaxonShare,
    assign_all_boxes,
    assign_boxes,
)
from trapline.wire.identifications import IdentificationKind
from trapline.wire.observations import ObservationKind as Kind


def derive_observations(
    image: ImageInput, settings: DerivationSettings
) -> tuple[DerivedObservation, ...]:
    """Derive the observations of an image; none where nothing is known about it.

    An identification of a box replaces the observation of that box, and one of the whole image
    replaces all others; of the two, the later one decides. Where a person removed all that was
    found, the image is blank.
    """
    return _Derivation(image, settings).derive()


@dataclass(frozen=True, slots=True)
class _Stated:
    """The identifications of one image, by subject."""

    chosen: Mapping[UUID | None, EffectiveStatement]
    whole: StatementInput | None
    is_pending: bool

    def is_overruled(self, one: StatementInput | HumanBox) -> bool:
        """Whether a later statement about the whole image decides instead of this one."""
        decides = self.whole is not None and self.whole.kind is not IdentificationKind.UNSURE
        return decides and self.whole is not None and self.whole.moment > (one.at, one.id)


class _Derivation:
    """The derivation of one image."""

    def __init__(self, image: ImageInput, settings: DerivationSettings) -> None:
        self._image, self._settings = image, settings
        self._drawn = {box.id: box for box in image.boxes}
        current = [one for one in image.statements if not self._is_outdated(one)]
        chosen = choose_statements(current, settings)
        whole = chosen.get(None)
        self._stated = _Stated(
            chosen,
            whole.statement if whole is not None else None,
            whole is not None and whole.is_pending,
        )
        self._findings = dict(index_findings(image.analyses))
        self._findings.update({one.id: one for one in image.earlier})
        self._own: list[DerivedObservation] = []
        self._overruled: list[Candidate] = []
        self._removals: list[StatementInput] = []
        self._left_out: set[UUID] = set()

    def _is_outdated(self, one: StatementInput) -> bool:
        """Whether a person said what a drawn box shows after this statement about it."""
        drawn = self._drawn.get(one.subject) if one.subject is not None else None
        return drawn is not None and drawn.named_at is not None and one.at < drawn.named_at

    def derive(self) -> tuple[DerivedObservation, ...]:
        """Derive the observations."""
        self._decide_human_boxes()
        self._decide_boxes()
        models = combine_findings(
            self._image.analyses,
            self._settings,
            left_out=self._left_out,
        )
        base = self._observe_models(models)
        observations = [*self._own, *self._apply_whole(base)]
        if observations:
            return tuple(observations)
        return self._observe_nothing(models)

    def _decide_human_boxes(self) -> None:
        """Apply the boxes that people drew, and what people say about them."""
        for box in self._image.boxes:
            superseded = self._findings.get(box.supersedes) if box.supersedes else None
            if superseded is not None:
                self._left_out.add(superseded.id)
                self._hide_others(superseded)
            for analysis in self._image.analyses:
                if analysis.completed_at > (box.drawn_at or box.at):
                    self._hide(box, analysis)
            chosen = self._stated.chosen.get(box.id)
            statement = chosen.statement if chosen is not None else None
            if statement is not None and not self._stated.is_overruled(statement):
                self._decide_box(box.id, statement, box)
            elif self._stated.is_overruled(box):
                self._overruled.append(Candidate(box.id, box.taxon.named, box.box, 1.0))
            else:
                is_asked = chosen is not None and chosen.is_pending
                self._own.append(replace(_observe_human_box(box), needs_review=is_asked))

    def _decide_boxes(self) -> None:
        """Apply the statements about the boxes of models, those of earlier analyses included.

        Of several statements about boxes at one place the latest decides.
        """
        stated = [
            (chosen.statement, self._findings[subject])
            for subject, chosen in self._stated.chosen.items()
            if chosen.statement is not None
            and subject is not None
            and subject in self._findings
            and subject not in self._drawn
        ]
        for statement, found in sorted(stated, key=lambda one: one[0].moment, reverse=True):
            if found.id in self._left_out or self._stated.is_overruled(statement):
                continue
            if statement.kind is not IdentificationKind.UNSURE:
                self._left_out.add(found.id)
                self._hide_others(found)
                self._decide_box(found.id, statement, None)

    def _hide_others(self, decided: FindingInput) -> None:
        """Hide the boxes of other analyses that show what a person decided about."""
        self._left_out.update(
            one.id
            for one in self._findings.values()
            if one.analysis_id != decided.analysis_id and overlap(one.box, decided.box)
        )

    def _hide(self, decided: FindingInput | HumanBox, analysis: AnalysisInput) -> None:
        self._left_out.update(one.id for one in analysis.findings if overlap(one.box, decided.box))

    def _decide_box(self, subject: UUID, statement: StatementInput, drawn: HumanBox | None) -> None:
        match statement.kind:
            case IdentificationKind.BLANK:
                self._removals.append(statement)
            case IdentificationKind.UNSURE if drawn is not None:
                self._own.append(replace(_observe_human_box(drawn), needs_review=True))
            case IdentificationKind.CONFIRM | IdentificationKind.CORRECT:
                taxa = statement.taxa or ((drawn.taxon,) if drawn is not None else ())
                found = self._findings.get(subject)
                is_box = found is None or not found.is_classification
                for taxon in taxa[:1]:
                    count = taxon.count or (1 if is_box else None)
                    self._own.append(observe_stated(taxon, statement, subject, count))

    def _observe_models(self, models: ModelFindings) -> list[tuple[Candidate, DerivedObservation]]:
        observed, asked = [], self._list_asked()
        for one in models.findings:
            is_asked = any(
                other.id == one.found.id
                or (
                    other.analysis_id != one.found.analysis_id and overlap(other.box, one.found.box)
                )
                for other in asked
            )
            is_unsure = one.namer.counted_score < self._settings.review_threshold
            observation = one.observe(
                needs_review=models.is_disputed
                or is_unsure
                or is_asked
                or self._stated.is_pending
                or _is_unsure(self._stated.whole)
            )
            candidate = Candidate(
                observation.subject, one.named, one.found.box, one.found.counted_score
            )
            observed.append((candidate, observation))
        return observed

    def _list_asked(self) -> list[FindingInput]:
        """List the findings about which people are unsure or disagree.

        The question is one about what is at that place, in the findings of all pipelines.
        """
        return [
            self._findings[subject]
            for subject, chosen in self._stated.chosen.items()
            if subject is not None
            and subject in self._findings
            and (chosen.is_pending or _is_unsure(chosen.statement))
        ]

    def _apply_whole(
        self, base: Sequence[tuple[Candidate, DerivedObservation]]
    ) -> list[DerivedObservation]:
        whole, observed = self._stated.whole, [one for _, one in base]
        if whole is None or whole.kind is IdentificationKind.UNSURE:
            return observed
        boxes = [one for one, _ in base if one.subject is not None] + self._overruled
        match whole.kind:
            case IdentificationKind.BLANK:
                return []
            case IdentificationKind.CONFIRM if whole.taxa:
                return self._confirm(whole, boxes)
            case IdentificationKind.CONFIRM:
                return []
            case _:
                return self._correct(whole, boxes, observed)

    def _confirm(
        self, whole: StatementInput, boxes: Sequence[Candidate]
    ) -> list[DerivedObservation]:
        """Observe what a person confirmed, without boxes that a later statement decides.

        A later statement about a box, or a later box of a person, also decides about boxes at the
        same place.
        """
        there = {one.subject for one in boxes} | self._findings.keys()
        decided = {one.subject for one in self._own} | {one.subject for one in self._removals}
        decided |= self._left_out
        return [
            observe_stated(taxon, whole, taxon.subject, taxon.count)
            for taxon in whole.taxa
            if taxon.subject is None or (taxon.subject in there and taxon.subject not in decided)
        ]

    def _correct(
        self,
        whole: StatementInput,
        boxes: Sequence[Candidate],
        observed: Sequence[DerivedObservation],
    ) -> list[DerivedObservation]:
        if whole.of_sequence:
            return self._correct_in_sequence(whole, boxes, observed)
        decided = [
            Candidate(one.subject, self._meaning_of(one), None, 1.0)
            for one in self._own
            if one.subject is not None
        ]
        observations = []
        for share in assign_boxes(whole.taxa, boxes, decided):
            observations += _observe_boxes(share, whole)
            if share.has_rest:
                observations.append(observe_stated(share.taxon, whole, None, share.rest))
        return observations

    def _correct_in_sequence(
        self,
        whole: StatementInput,
        boxes: Sequence[Candidate],
        observed: Sequence[DerivedObservation],
    ) -> list[DerivedObservation]:
        """Apply a statement about the sequence: it names boxes, and images without any if asked."""
        if not boxes and not whole.applies_to_all:
            return list(observed)
        observations = []
        for share in assign_all_boxes(whole.taxa, boxes):
            observations += _observe_boxes(share, whole)
            if not boxes:
                observations.append(observe_stated(share.taxon, whole, None, None))
        return observations

    def _meaning_of(self, own: DerivedObservation) -> Meaning:
        """Return the name of a box before a later statement names it."""
        if own.subject in self._drawn:
            return self._drawn[own.subject].taxon.named
        found: FindingInput | None = self._findings.get(own.subject) if own.subject else None
        if found is not None and found.named is not None:
            return found.named
        return Meaning(own.name, own.kind)

    def _observe_nothing(self, models: ModelFindings) -> tuple[DerivedObservation, ...]:
        """Observe an image without any observation: blank by a person or by models, or unknown."""
        whole = self._stated.whole
        decider = max(self._removals, key=lambda one: one.moment, default=None)
        if whole is not None and whole.kind is not IdentificationKind.UNSURE:
            is_silent = whole.of_sequence and whole.kind is IdentificationKind.CORRECT
            if not is_silent and (decider is None or whole.moment > decider.moment):
                decider = whole
        if decider is not None:
            blank = DerivedObservation(None, Kind.BLANK, Kind.BLANK)
            return (_attribute(blank, decider),)
        needs_review = self._stated.is_pending or _is_unsure(whole)
        if models.blank is not None:
            return (replace(models.blank, needs_review=needs_review),)
        if needs_review:
            return (DerivedObservation(None, Kind.UNKNOWN, "", needs_review=True),)
        return ()


def _is_unsure(statement: StatementInput | None) -> bool:
    return statement is not None and statement.kind is IdentificationKind.UNSURE


def observe_stated(
    taxon: StatedTaxon, statement: StatementInput, subject: UUID | None, count: int | None
) -> DerivedObservation:
    """Build the observation of a taxon that a person stated."""
    observation = DerivedObservation(
        subject=subject,
        kind=taxon.named.kind,
        name=taxon.named.name,
        label=taxon.label or None,
        taxon_id=taxon.named.taxon_id,
        count=count,
        sex=taxon.sex,
        life_stage=taxon.life_stage,
        behaviour=taxon.behaviour,
        individual_id=taxon.individual_id,
    )
    return _attribute(observation, statement)


def _observe_boxes(share: TaxonShare, statement: StatementInput) -> list[DerivedObservation]:
    return [observe_stated(share.taxon, statement, box.subject, 1) for box in share.boxes]


def _attribute(observation: DerivedObservation, statement: StatementInput) -> DerivedObservation:
    return replace(
        observation,
        is_human=True,
        identification_id=statement.id,
        identified_by=statement.by,
        identified_at=statement.at,
    )


def _observe_human_box(box: HumanBox) -> DerivedObservation:
    taxon = box.taxon
    return DerivedObservation(
        subject=box.id,
        kind=taxon.named.kind,
        name=taxon.named.name,
        label=taxon.label,
        taxon_id=taxon.named.taxon_id,
        count=taxon.count or 1,
        sex=taxon.sex,
        life_stage=taxon.life_stage,
        behaviour=taxon.behaviour,
        individual_id=taxon.individual_id,
        is_human=True,
        identified_by=box.by,
        identified_at=box.at,
    )
