"""Build what models found on the images of an export of raw model output.

A box is one finding. The classifications under it name it (see `box_labels`) and are not separate
findings; the same holds for the key points of a mask. Masks stored as files, heatmaps and custom
data are not findings. Statements of people are not considered.
"""

from collections.abc import Mapping, Sequence

from trapline.server.exports.formats.box_labels import find_box_label
from trapline.server.exports.formats.observation_boxes import find_box
from trapline.server.exports.formats.observed_images import (
    BOX,
    CLASSIFICATION,
    DRAWN,
    ExportedObservation,
    ObservationType,
    ObservedAnnotation,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver


def build_model_findings(image: ObservedImage, naming: TaxonResolver) -> list[ExportedObservation]:
    """Build the findings of an image.

    An image without any has one: that it is blank, or not analysed yet.
    """
    seen: list[ExportedObservation] = []
    nothing: ExportedObservation | None = None
    under, drawn = list_parts(image.found)
    for found in image.found:
        if found.aside or (found.parent_id is not None and _is_part(found, under, drawn)):
            continue
        if found.type not in (BOX, CLASSIFICATION) and found.type not in DRAWN:
            naming.formless += 1
            continue
        one = _build_from_annotation(found, under.get(found.id), image, naming)
        if one is None:
            continue
        one.parts = drawn.get(found.id, ())
        if one.kind is not ObservationType.BLANK:
            seen.append(one)
        elif nothing is None or (one.confidence or 0) > (nothing.confidence or 0):
            nothing = one
    return seen or [_build_blank(image, nothing)]


def list_parts(
    found: list[ObservedAnnotation],
) -> tuple[dict[str, list[ObservedAnnotation]], dict[str, list[ObservedAnnotation]]]:
    """Return the classifications of each box, and the shapes drawn of each annotation, by ID."""
    under: dict[str, list[ObservedAnnotation]] = {}
    drawn: dict[str, list[ObservedAnnotation]] = {}
    there: set[str] | None = None
    for one in found:
        if one.parent_id is not None and one.type != BOX:
            if there is None:
                there = {other.id for other in found}
            if one.parent_id in there:
                (under if one.type == CLASSIFICATION else drawn).setdefault(
                    one.parent_id, []
                ).append(one)
    return under, drawn


def _is_part(
    found: ObservedAnnotation,
    under: Mapping[str, list[ObservedAnnotation]],
    drawn: Mapping[str, list[ObservedAnnotation]],
) -> bool:
    return found.type != BOX and (found.parent_id in under or found.parent_id in drawn)


def _build_from_annotation(
    found: ObservedAnnotation,
    under: Sequence[ObservedAnnotation] | None,
    image: ObservedImage,
    naming: TaxonResolver,
) -> ExportedObservation | None:
    """Build the finding of an annotation, which may be blank; None for a box without area."""
    name = find_box_label(found, under) if under is not None else None
    named_by = name if name is not None and _is_more_specific(name, found, naming) else found
    label, taxon = named_by.class_name or "", named_by.taxon
    kind = naming.find(label, taxon).kind
    box = None
    if found.type != CLASSIFICATION and kind is not ObservationType.BLANK:
        box = find_box(found, image)
        if box is None and found.type == BOX:
            return None
    return ExportedObservation(
        found.id, kind, taxon, label, named_by.confidence, box, found, None, named_by
    )


def _is_more_specific(
    name: ObservedAnnotation, found: ObservedAnnotation, naming: TaxonResolver
) -> bool:
    """Return whether a name is more specific than the box's label.

    A name never replaces a taxon or a known type by an unknown one.
    """
    if name.taxon is not None:
        return True
    if found.taxon is not None:
        return False
    if naming.find(name.class_name or "", name.taxon).kind is not ObservationType.UNKNOWN:
        return True
    return naming.find(found.class_name or "", found.taxon).kind is ObservationType.UNKNOWN


def _build_blank(image: ObservedImage, nothing: ExportedObservation | None) -> ExportedObservation:
    """Build the finding of an image without others; `nothing` is a finding that means blank."""
    if nothing is not None:
        return ExportedObservation(
            f"{image.id}-blank",
            ObservationType.BLANK,
            None,
            "",
            nothing.confidence,
            None,
            nothing.found,
            None,
            nothing.named_by,
        )
    found = next((one for one in image.found if not one.aside), None)
    if image.blank or (image.blank is None and image.analysed):
        return ExportedObservation(
            f"{image.id}-blank", ObservationType.BLANK, found=found, named_by=found
        )
    # The findings are below the minimum confidence of this export.
    kind = ObservationType.UNKNOWN if image.analysed else ObservationType.UNCLASSIFIED
    return ExportedObservation(f"{image.id}-{kind}", kind, found=found, named_by=found)
