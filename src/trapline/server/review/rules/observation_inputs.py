"""Inputs of observations: settings, meanings of names, findings and identifications."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from trapline.server.findings.rules.geometry import PixelBox
from trapline.wire.identifications import IdentificationKind
from trapline.wire.observation_settings import DecisionRule
from trapline.wire.observations import ObservationKind

EVERYTHING = ""
"""The name of a finding without a class."""


@dataclass(frozen=True, slots=True)
class DerivationSettings:
    """The settings of one derivation.

    Attributes:
        detection_threshold: The least score of a detection, 0 to 1.
        classification_threshold: The least score of a classification, 0 to 1.
        review_threshold: Model observations with a lower confidence need review.
        combines: Whether findings of one image are combined: overlapping boxes of several
            pipelines are merged, and a classification of the whole image names its only box.
        rule: The users whose identification counts.
        agreement: How many reviewers must agree under `DecisionRule.AGREEMENT`.
        ranks: The pipelines that count, by `model_name`, with their priority; 0 is the first.
    """

    detection_threshold: float = 0.2
    classification_threshold: float = 0.5
    review_threshold: float = 0.0
    combines: bool = True
    rule: DecisionRule = DecisionRule.LATEST
    agreement: int = 2
    ranks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a label or a taxon in a project.

    Attributes:
        name: The accepted scientific name, or the label where no taxon is known.
        kind: Its kind; `blank` for a label that states that nothing is there.
        taxon_id: The accepted taxon.
        lineage: The names of the taxon and its ancestors, in lower case.
        specificity: 0 for a generic label such as "animal", higher for lower ranks.
        detection_threshold: The least score of a detection with this label, where the project sets
            one for it.
    """

    name: str
    kind: ObservationKind
    taxon_id: UUID | None = None
    lineage: frozenset[str] = frozenset()
    specificity: int = 0
    detection_threshold: float | None = None

    @property
    def is_generic(self) -> bool:
        """Whether it names no particular animal, person or vehicle."""
        return self.specificity == 0

    def is_within(self, other: "Meaning") -> bool:
        """Whether it is the same as another, or one of its descendants.

        >>> fox = Meaning("Vulpes vulpes", ObservationKind.ANIMAL,
        ...     lineage=frozenset({"vulpes vulpes", "canidae"}), specificity=7)
        >>> fox.is_within(Meaning("Canidae", ObservationKind.ANIMAL, specificity=5))
        True
        """
        return self.name == other.name or other.name.lower() in self.lineage


@dataclass(frozen=True, slots=True)
class FindingInput:
    """A finding of an analysis: a box, a segmentation, key points, or a classification.

    Attributes:
        score: Its confidence, null where the model gives none.
        named: The meaning of its label; None for a finding without a label.
        label: The label as the model gave it.
        parent_id: The finding that it belongs to.
        terminal: Whether a worker's classification is final; null for other sources.
        algorithm_id: The algorithm that made it.
        box: Its extent in upright pixels, where it has one.
        is_empty: Whether a box has no area within the image.
    """

    id: UUID
    analysis_id: UUID
    is_classification: bool
    label: str | None = None
    named: Meaning | None = None
    score: float | None = None
    parent_id: UUID | None = None
    ordering: int = 0
    terminal: bool | None = None
    algorithm_id: int | None = None
    box: PixelBox | None = None
    is_empty: bool = False

    @property
    def counted_score(self) -> float:
        """The score that is compared with thresholds; a missing one counts as 1."""
        return 1.0 if self.score is None else self.score


@dataclass(frozen=True, slots=True)
class AnalysisInput:
    """A completed analysis with its findings; one that states nothing about animals is left out."""

    id: UUID
    model_name: str
    completed_at: datetime
    findings: tuple[FindingInput, ...] = ()
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class StatedTaxon:
    """One taxon that an identification names, with its details.

    `subject` is the box that a confirmation confirmed; null for the whole image.
    """

    named: Meaning
    label: str
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class StatementInput:
    """An identification that counts: not withdrawn, and not a comment.

    Attributes:
        subject: The box that it is about; null for the whole image.
        taxa: The taxa that it names; for a confirmation those that it confirmed.
        of_sequence: Whether it was made for the sequence of the image.
        applies_to_all: Whether images of the sequence without a box get it, too.
        by_expert: Whether an owner or manager made it.
    """

    id: UUID
    kind: IdentificationKind
    by: str
    at: datetime
    subject: UUID | None = None
    taxa: tuple[StatedTaxon, ...] = ()
    of_sequence: bool = False
    applies_to_all: bool = False
    by_expert: bool = False

    @property
    def moment(self) -> tuple[datetime, UUID]:
        """The sort key of statements."""
        return self.at, self.id


@dataclass(frozen=True, slots=True)
class HumanBox:
    """A box that a person drew; `supersedes` names the model's box that it corrects.

    `by` last said what it shows, at `at`, and `drawn_at` is when it was created. An
    identification of the box that was made before `named_at`, when a person last said what the box
    shows, counts no longer.
    """

    id: UUID
    taxon: StatedTaxon
    by: str
    at: datetime
    box: PixelBox | None = None
    supersedes: UUID | None = None
    drawn_at: datetime | None = None
    named_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImageInput:
    """All that is known about an image.

    Attributes:
        analyses: The newest completed analysis of each pipeline that counts.
        statements: The identifications of the image, its boxes and its sequence.
        boxes: The boxes that people drew.
        earlier: Findings of earlier analyses that a person made a statement about.
        versions: The newest completed analysis of each version of each pipeline that looks for
            animals, people or vehicles, replaced pipelines included.
    """

    id: UUID
    analyses: tuple[AnalysisInput, ...] = ()
    statements: tuple[StatementInput, ...] = ()
    boxes: tuple[HumanBox, ...] = ()
    earlier: tuple[FindingInput, ...] = ()
    versions: tuple[AnalysisInput, ...] = ()


@dataclass(frozen=True, slots=True)
class DerivedObservation:
    """One observation; `subject` is its box, or null for the whole image.

    `finding_id` is the classification that an observation of the whole image comes from.
    """

    subject: UUID | None
    kind: ObservationKind
    name: str
    label: str | None = None
    taxon_id: UUID | None = None
    count: int | None = None
    sex: str | None = None
    life_stage: str | None = None
    behaviour: str | None = None
    individual_id: str | None = None
    is_human: bool = False
    confidence: float | None = None
    analysis_id: UUID | None = None
    identification_id: UUID | None = None
    identified_by: str | None = None
    identified_at: datetime | None = None
    needs_review: bool = False
    finding_id: UUID | None = None
