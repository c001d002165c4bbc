"""Detections and classifications of models above their thresholds, combined."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from uuid import UUID

from trapline.server.findings.rules.geometry import PixelBox
from trapline.server.review.rules.observation_inputs import (
    AnalysisInput,
    DerivationSettings,
    DerivedObservation,
    FindingInput,
    Meaning,
)
from trapline.wire.observations import ObservationKind as Kind

MIN_IOU = 0.5
"""Boxes that overlap at least this much show the same thing."""
UNNAMED = Meaning("", Kind.UNKNOWN)
"""The meaning of a finding without a label."""


@dataclass(frozen=True, slots=True)
class NamedFinding:
    """A finding above its threshold, and what names it.

    Attributes:
        found: The detection, or the classification of the whole image.
        namer: The finding whose label and confidence the observation takes.
        named: The meaning of that label.
        model_name: The pipeline.
        rank: The priority of the pipeline.
    """

    found: FindingInput
    namer: FindingInput
    named: Meaning
    model_name: str
    rank: int

    @property
    def order(self) -> tuple[int, str, float, UUID]:
        """The order in which findings are taken: priority, name of the pipeline, score, id."""
        return self.rank, self.model_name, -self.found.counted_score, self.found.id

    def observe(self, *, needs_review: bool = False) -> DerivedObservation:
        """Build the observation of this finding."""
        is_box = not self.found.is_classification
        return DerivedObservation(
            subject=self.found.id if is_box else None,
            kind=self.named.kind,
            name=self.named.name,
            label=self.namer.label if self.named is not UNNAMED else None,
            taxon_id=self.named.taxon_id,
            count=1 if is_box else None,
            confidence=self.namer.score,
            analysis_id=self.namer.analysis_id,
            needs_review=needs_review,
            finding_id=self.found.id,
        )


@dataclass(frozen=True, slots=True)
class AnalysisFindings:
    """The findings of one analysis that count, and how surely it states that nothing is there."""

    analysis: AnalysisInput
    boxes: tuple[NamedFinding, ...]
    classifications: tuple[NamedFinding, ...]
    blank: FindingInput | None

    @property
    def has_findings(self) -> bool:
        """Whether anything was found."""
        return bool(self.boxes or self.classifications)


@dataclass(frozen=True, slots=True)
class ModelFindings:
    """The findings of all pipelines of an image, combined.

    Attributes:
        findings: Boxes first, then classifications of the whole image.
        is_disputed: Whether one pipeline found something and another nothing.
        blank: The observation of an image on which nothing was found; None without an analysis.
    """

    findings: tuple[NamedFinding, ...]
    is_disputed: bool
    blank: DerivedObservation | None


def combine_findings(
    analyses: Sequence[AnalysisInput],
    settings: DerivationSettings,
    *,
    left_out: Set[UUID] = frozenset(),
) -> ModelFindings:
    """Combine the findings of all pipelines; `left_out` are findings that people decided about."""
    per_analysis = [select_findings(one, settings) for one in analyses]
    boxes = [one for each in per_analysis for one in each.boxes if one.found.id not in left_out]
    classifications = [
        one for each in per_analysis for one in each.classifications if one.found.id not in left_out
    ]
    boxes.sort(key=lambda one: one.order)
    classifications.sort(key=lambda one: (-one.named.specificity, *one.order))
    if settings.combines:
        boxes = _merge_boxes(boxes)
        boxes, classifications = _place_classifications(boxes, classifications)
    found = [each.has_findings for each in per_analysis]
    is_disputed = settings.combines and any(found) and not all(found)
    return ModelFindings((*boxes, *classifications), is_disputed, _observe_blank(per_analysis))


def select_findings(analysis: AnalysisInput, settings: DerivationSettings) -> AnalysisFindings:
    """Select the findings of one analysis that reach their thresholds, and name its boxes."""
    rank = settings.ranks[analysis.model_name]
    ids = {one.id for one in analysis.findings}
    children: dict[UUID, list[FindingInput]] = {}
    for one in analysis.findings:
        if one.is_classification and one.parent_id in ids:
            children.setdefault(one.parent_id, []).append(one)
    boxes: list[NamedFinding] = []
    classifications: list[NamedFinding] = []
    blanks: list[FindingInput] = []
    for one in analysis.findings:
        if one.parent_id in ids or one.is_empty:
            continue
        if one.is_classification:
            namer: FindingInput | None = one
            is_kept = (
                one.terminal is not False
                and one.named is not None
                and one.counted_score >= settings.classification_threshold
            )
        else:
            detector, namer = name_box(one, children.get(one.id, ()), settings)
            is_kept = one.counted_score >= _find_threshold(namer, detector, settings)
        if not is_kept:
            continue
        named = namer.named if namer is not None and namer.named is not None else UNNAMED
        finding = NamedFinding(one, namer or one, named, analysis.model_name, rank)
        if named.kind is Kind.BLANK:
            blanks.append(finding.namer)
        else:
            (classifications if one.is_classification else boxes).append(finding)
    blank = min(blanks, key=lambda one: (-one.counted_score, one.id), default=None)
    return AnalysisFindings(analysis, tuple(boxes), tuple(classifications), blank)


def name_box(
    box: FindingInput, children: Sequence[FindingInput], settings: DerivationSettings
) -> tuple[FindingInput | None, FindingInput | None]:
    """Find the label that the detector gave, and what names the box; None for nothing.

    A worker marks the classification that is final: the last final one names the box, or if it is
    below the threshold, the label of the detector itself. Of other sources the most specific
    classification names it.
    """
    detector = _find_detector_label(box, children)
    labelled = detector.named if detector is not None else None
    finals = [one for one in children if one.terminal]
    if finals:
        last = max(finals, key=lambda one: (one.ordering, one.id))
        is_sure = last.counted_score >= settings.classification_threshold
        return detector, last if is_sure and last.named is not None else detector
    others = [
        one
        for one in children
        if one.terminal is None
        and one.named is not None
        and one.counted_score >= settings.classification_threshold
    ]
    if others:
        best = min(others, key=lambda one: _order_of_names(one, settings))
        assert best.named is not None
        if not (best.named.is_generic and labelled is not None and not labelled.is_generic):
            return detector, best
    return detector, detector


def _find_threshold(
    namer: FindingInput | None, detector: FindingInput | None, settings: DerivationSettings
) -> float:
    """Find the least score of a box: that of its class, of the detector's label, or of all."""
    for one in (namer, detector):
        if one is not None and one.named is not None and one.named.detection_threshold is not None:
            return one.named.detection_threshold
    return settings.detection_threshold


def _order_of_names(one: FindingInput, settings: DerivationSettings) -> tuple[int, float, UUID]:
    specificity = one.named.specificity if one.named is not None and settings.combines else 0
    return -specificity, -one.counted_score, one.id


def _find_detector_label(
    box: FindingInput, children: Sequence[FindingInput]
) -> FindingInput | None:
    """Find the label that the detector gave: its own classification, or the label of the box.

    The label of a worker's box is that of its final classification, so it is not the detector's.
    """
    own = [
        one
        for one in children
        if one.terminal is not None and one.named and one.algorithm_id == box.algorithm_id
    ]
    if own:
        return min(own, key=lambda one: (-one.counted_score, one.id))
    if any(one.terminal for one in children) or box.named is None:
        return None
    return box


def _merge_boxes(boxes: Sequence[NamedFinding]) -> list[NamedFinding]:
    """Leave out each box that overlaps a box of another pipeline that was taken before."""
    kept: list[NamedFinding] = []
    for one in boxes:
        is_known = any(
            other.model_name != one.model_name and overlap(other.found.box, one.found.box)
            for other in kept
        )
        if not is_known:
            kept.append(one)
    return kept


def _place_classifications(
    boxes: list[NamedFinding], classifications: Sequence[NamedFinding]
) -> tuple[list[NamedFinding], list[NamedFinding]]:
    """Let classifications of the whole image name the only animal box, or leave out known names."""
    kept: list[NamedFinding] = []
    for one in classifications:
        if any(_says_as_much(other.named, one.named) for other in (*boxes, *kept)):
            continue
        animals = [place for place, box in enumerate(boxes) if box.named.kind is Kind.ANIMAL]
        if len(animals) == 1 and one.named.kind is Kind.ANIMAL:
            box = boxes[animals[0]]
            if _says_as_much(one.named, box.named):
                boxes[animals[0]] = replace(box, namer=one.namer, named=one.named)
                continue
        kept.append(one)
    return boxes, kept


def _says_as_much(one: Meaning, other: Meaning) -> bool:
    """Whether a name includes all that another says: the same, a descendant, or a generic one."""
    return one.is_within(other) or (other.is_generic and one.kind is other.kind)


def _observe_blank(per_analysis: Sequence[AnalysisFindings]) -> DerivedObservation | None:
    if not per_analysis:
        return None
    stated = [each.blank for each in per_analysis if each.blank is not None]
    blank = min(stated, key=lambda one: (-one.counted_score, one.id), default=None)
    return DerivedObservation(
        subject=None,
        kind=Kind.BLANK,
        name=Kind.BLANK,
        label=blank.label if blank is not None else None,
        confidence=blank.score if blank is not None else None,
        analysis_id=blank.analysis_id if blank is not None else per_analysis[0].analysis.id,
    )


def overlap(one: PixelBox | None, other: PixelBox | None) -> bool:
    """Whether two boxes overlap enough to show the same thing.

    >>> overlap(PixelBox(0, 0, 10, 10), PixelBox(0, 0, 10, 6))
    True
    >>> overlap(PixelBox(0, 0, 10, 10), PixelBox(9, 9, 20, 20))
    False
    """
    if one is None or other is None:
        return False
    width = min(one.x_max, other.x_max) - max(one.x_min, other.x_min)
    height = min(one.y_max, other.y_max) - max(one.y_min, other.y_min)
    if width <= 0 or height <= 0:
        return False
    both = width * height
    areas = (one.x_max - one.x_min) * (one.y_max - one.y_min) + (other.x_max - other.x_min) * (
        other.y_max - other.y_min
    )
    return both >= MIN_IOU * (areas - both)


def index_findings(analyses: Iterable[AnalysisInput]) -> Mapping[UUID, FindingInput]:
    """Index the findings of analyses by their ids."""
    return {one.id: one for analysis in analyses for one in analysis.findings}
