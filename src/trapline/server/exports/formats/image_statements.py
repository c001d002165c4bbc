"""Apply a person's correction of a whole image to the boxes that models found on it.

The correction states everything that the image shows. A box that agrees with it is kept under the
person's name. It agrees if its label is the same taxon, an ancestor of it, or generic. Other boxes
are overruled and are in no export. Between the correction and an identification of one box, the
later one decides for that box.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from trapline.server.exports.formats.box_labels import find_box_label
from trapline.server.exports.formats.export_records import AnnotationRecord, TaxonRecord
from trapline.server.exports.formats.observed_images import (
    BOX,
    CLASSIFICATION,
    DRAWN,
    ObservationType,
)
from trapline.server.exports.formats.taxon_resolver import CLASS_PARTS, TaxonResolver
from trapline.server.exports.queries.export_gathering import ExportedIdentification
from trapline.server.review.rules.identifications import ActiveIdentification
from trapline.server.review.rules.taxon_names import name_key
from trapline.wire.identifications import IdentificationKind

GENERIC = frozenset(
    {
        "",
        "object",
        "animal",
        "unknown",
        "unidentified",
        "unknown animal",
        "unidentified animal",
        "wildlife",
        "fauna",
    }
)
"""Labels of detectors that only state that an animal is present."""
GROUPS = {
    "mammal": "mammalia",
    "bird": "aves",
    "reptile": "reptilia",
    "amphibian": "amphibia",
    "insect": "insecta",
}
"""Common names of classes of animals, as used by detectors."""


@dataclass
class Resolution:
    """IDs of the annotations that a correction overrules, and of those that it names."""

    overruled: set[UUID] = field(default_factory=set)
    named: set[UUID] = field(default_factory=set)


class Agreement:
    """Decide whether labels of models agree with identifications; each pair is cached."""

    def __init__(self, taxa: Mapping[UUID, TaxonRecord]) -> None:
        self._taxa = taxa
        self._naming = TaxonResolver(taxa)
        self._known: dict[tuple[str, UUID | None, str, UUID | None], bool] = {}

    def is_given(
        self, label: str, taxon: UUID | None, stated: str, stated_taxon: UUID | None
    ) -> bool:
        """Return whether a label of a model agrees with a stated label or taxon."""
        key = (label, taxon, stated, stated_taxon)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._agree(*key)
        return known

    def _agree(
        self, label: str, taxon: UUID | None, stated: str, stated_taxon: UUID | None
    ) -> bool:
        if taxon is not None and taxon == stated_taxon:
            return True
        kind = self._naming.find(stated, _text(stated_taxon)).kind
        own = self._naming.find(label, _text(taxon)).kind
        if kind is ObservationType.BLANK:
            return False
        if kind in (ObservationType.HUMAN, ObservationType.VEHICLE):
            return own is kind
        if own in (ObservationType.HUMAN, ObservationType.VEHICLE):
            return False
        names = set(self._names(label, taxon))
        if not names or names & GENERIC:
            return True
        record = self._taxa.get(stated_taxon) if stated_taxon is not None else None
        return bool(names & _list_ancestors(stated, record))

    def _names(self, label: str, taxon: UUID | None) -> Iterable[str]:
        """Return the names by which a label of a model is compared."""
        record = self._taxa.get(taxon) if taxon is not None else None
        if record is not None:
            return [name_key(record.scientific_name)]
        parts = [name_key(part) for part in label.split(";")]
        if len(parts) != CLASS_PARTS:
            return [name_key(label), GROUPS.get(name_key(label), name_key(label))]
        # In a class string of SpeciesNet, the most specific rank is the name.
        ranks = [*parts[1:5], f"{parts[4]} {parts[5]}" if parts[5] else ""]
        return [next((rank for rank in reversed(ranks) if rank), parts[-1])]


def _text(taxon: UUID | None) -> str | None:
    return None if taxon is None else str(taxon)


def _list_ancestors(stated: str, taxon: TaxonRecord | None) -> set[str]:
    """Return the names of the stated taxon and of all taxa above it."""
    names = {name_key(stated)} - {""}
    if taxon is None:
        return names
    words = name_key(taxon.scientific_name).split(" ")
    names |= {" ".join(words[:count]) for count in range(1, len(words) + 1)}
    names |= {name_key(rank) for rank in taxon.higher_ranks.values()}
    return names | {name_key(name) for of_it in taxon.common_names.values() for name in of_it}


def resolve_correction(
    records: Sequence[AnnotationRecord],
    holds: Mapping[UUID, ActiveIdentification | None],
    whole: ExportedIdentification,
    agreement: Agreement,
) -> Resolution:
    """Return the annotations that a correction of the whole image overrules, and those it names.

    `holds` is the effective identification of each annotation.
    """
    resolution = Resolution()
    there = {one.id for one in records}
    under: dict[UUID, list[AnnotationRecord]] = {}
    for one in records:
        if one.parent_id in there and one.parent_id is not None and one.type != BOX:
            under.setdefault(one.parent_id, []).append(one)
    for one in records:
        if one.type != BOX and one.parent_id in there:
            continue
        parts = under.get(one.id, [])
        group = {one.id, *(part.id for part in parts)}
        own = holds[one.id]
        if own is not None and own.kind is IdentificationKind.BLANK:
            # A person removed the box, and a name for the image does not restore it.
            continue
        if any(
            (said := holds[key]) is not None and (said.at, said.id) >= (whole.at, whole.id)
            for key in group
        ):
            continue
        if (one.type == BOX or one.type in DRAWN) and _agrees(one, parts, whole, agreement):
            resolution.named |= group
        else:
            resolution.overruled |= group
    return resolution


def _agrees(
    root: AnnotationRecord,
    parts: Sequence[AnnotationRecord],
    whole: ExportedIdentification,
    agreement: Agreement,
) -> bool:
    names = [part for part in parts if part.type == CLASSIFICATION]
    name = find_box_label(root, names) if names else None
    # A classifier's name decides, unless it is generic; then the detector's label decides.
    named_by = name if name is not None and name_key(name.class_name or "") not in GENERIC else root
    return agreement.is_given(
        named_by.class_name or "", named_by.taxon, whole.label or "", whole.taxon
    )
