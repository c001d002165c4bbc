"""How the boxes of an image are shared among the taxa that a person stated for the whole image."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from trapline.server.findings.rules.geometry import PixelBox
from trapline.server.review.rules.observation_inputs import Meaning, StatedTaxon
from trapline.wire.observations import ObservationKind as Kind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A box that a stated taxon may name; `subject` is null for a whole-image classification."""

    subject: UUID | None
    named: Meaning
    box: PixelBox | None
    score: float


@dataclass(slots=True)
class TaxonShare:
    """The boxes of one stated taxon; `decided` counts boxes that later statements decide about."""

    taxon: StatedTaxon
    boxes: list[Candidate] = field(default_factory=list)
    decided: int = 0

    @property
    def wants_more(self) -> bool:
        """Whether the stated count leaves room for another box."""
        return self.taxon.count is None or len(self.boxes) + self.decided < self.taxon.count

    @property
    def has_rest(self) -> bool:
        """Whether animals without a box remain."""
        taken = len(self.boxes) + self.decided
        return taken == 0 if self.taxon.count is None else taken < self.taxon.count

    @property
    def rest(self) -> int | None:
        """The number of animals without a box; null where none was stated."""
        if self.taxon.count is None:
            return None
        return self.taxon.count - len(self.boxes) - self.decided


def assign_boxes(
    taxa: Sequence[StatedTaxon], boxes: Sequence[Candidate], decided: Sequence[Candidate]
) -> list[TaxonShare]:
    """Assign each box of an image to a stated taxon that it agrees with, the surest boxes first.

    A box agrees with its own taxon, with a descendant of its taxon, and if its label is generic
    with any taxon of its kind. Boxes with a specific name are assigned first. A box that fits
    several taxa goes to the one with the most animals left. The counts of a taxon's boxes never
    exceed its stated count: other boxes are not observations.
    """
    shares = [TaxonShare(taxon) for taxon in taxa]
    for one in decided:
        if share := _find_share(shares, one):
            share.decided += 1
    for one in sorted(boxes, key=_order):
        if share := _find_share(shares, one):
            share.boxes.append(one)
    return shares


def assign_all_boxes(taxa: Sequence[StatedTaxon], boxes: Sequence[Candidate]) -> list[TaxonShare]:
    """Assign every box of an image to one of the taxa that a person stated for its sequence.

    Each box shows one of the stated taxa, whatever a model called it, and the stated counts are
    those of the whole sequence. A box goes to a taxon that it agrees with where there is one.
    """
    shares = [TaxonShare(taxon) for taxon in taxa]
    for one in sorted(boxes, key=_order):
        fitting = [share for share in shares if agrees(one.named, share.taxon.named)]
        same = [share for share in fitting if share.taxon.named.name == one.named.name]
        max(same or fitting or shares, key=_count_left).boxes.append(one)
    return shares


def _order(one: Candidate) -> tuple[bool, float, str]:
    return one.named.is_generic, -one.score, str(one.subject)


def _find_share(shares: Sequence[TaxonShare], box: Candidate) -> TaxonShare | None:
    fitting = [one for one in shares if one.wants_more and agrees(box.named, one.taxon.named)]
    same = [one for one in fitting if one.taxon.named.name == box.named.name]
    return max(same or fitting, key=_count_left, default=None)


def _count_left(share: TaxonShare) -> int:
    return (share.taxon.count or 1) - len(share.boxes) - share.decided


def agrees(box: Meaning, stated: Meaning) -> bool:
    """Whether a box's name does not contradict a stated taxon.

    >>> deer = Meaning("Cervus elaphus", Kind.ANIMAL, specificity=7)
    >>> agrees(Meaning("animal", Kind.ANIMAL), deer)
    True
    >>> agrees(Meaning("Vulpes vulpes", Kind.ANIMAL, specificity=7), deer)
    False
    """
    if stated.is_within(box) or box.kind in (Kind.UNKNOWN, Kind.UNCLASSIFIED):
        return True
    return box.is_generic and box.kind is stated.kind
