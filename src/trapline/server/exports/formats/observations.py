"""Build the observations of an export's images, for every format.

A box is one observation. The classifications under it name it (see `box_labels`) and are not
separate observations; the same holds for the key points of a mask. Identifications by people take
precedence. Masks stored as files, heatmaps and custom data are not observations.
"""

from collections.abc import Mapping, Sequence

import msgspec

from trapline.server.exports.formats.box_labels import find_box_label
from trapline.server.exports.formats.observed_images import (
    BOX,
    CLASSIFICATION,
    DRAWN,
    BoxCorners,
    Observation,
    ObservationType,
    ObservedAnnotation,
    ObservedIdentification,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.external.formats.coco_analysis import build_shape
from trapline.server.findings.rules.geometry import Frame, PixelBox, clip_box

_read_corners = msgspec.json.Decoder(BoxCorners).decode


def build_observations(image: ObservedImage, naming: TaxonResolver) -> list[Observation]:
    """Build the observations of an image.

    An image without any has one observation: that it is blank, or not analysed yet.
    """
    whole = image.said
    seen: list[Observation] = []
    nothing: Observation | None = None
    if whole is None or whole.kind != "blank":
        under, drawn = _list_parts(image.found)
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
            elif nothing is None or _takes_precedence(one, nothing):
                nothing = one
        if whole is not None and whole.kind in ("correct", "confirm"):
            is_named = _share_details(whole, seen)
            if whole.kind == "correct" and not is_named:
                seen.append(_build_statement(f"{image.id}-image", whole, naming))
        elif whole is not None and whole.kind == "unsure":
            seen.append(_build_statement(f"{image.id}-image", whole, naming))
        if seen:
            return seen
    return [_build_blank(image, whole, nothing)]


def _share_details(whole: ObservedIdentification, seen: list[Observation]) -> bool:
    """Copy the details of an identification of the whole image to the observations that it names.

    Details apply only if all these observations are of one kind. Their counts add up to the stated
    count. Each counts for one, and the first also for individuals without a box. An observation
    that exceeds the stated count has the count 0. Returns whether it names any observation.
    """
    named = [(one, one.said) for one in seen if one.said is not None and one.said.of_image]
    if len({(one.kind, one.taxon or one.label) for one, _ in named}) == 1:
        for place, (one, said) in enumerate(named):
            count = None
            if whole.count is not None:
                count = (
                    max(whole.count - len(named) + 1, 1) if place == 0 else int(place < whole.count)
                )
            one.said = msgspec.structs.replace(
                said,
                count=count,
                sex=whole.sex,
                life_stage=whole.life_stage,
                behaviour=whole.behaviour,
            )
    return bool(named)


def _list_parts(
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


def _takes_precedence(one: Observation, other: Observation) -> bool:
    """Return whether one blank finding takes precedence over another.

    Identified ones come first, then those with the higher confidence.
    """
    if one.said is None and other.said is None:
        return (one.confidence or 0) > (other.confidence or 0)
    return one.said is not None


def _build_from_annotation(
    found: ObservedAnnotation,
    under: Sequence[ObservedAnnotation] | None,
    image: ObservedImage,
    naming: TaxonResolver,
) -> Observation | None:
    """Build the observation of an annotation, which may be blank; None for a box without area."""
    named_by, said = found, found.said
    name = find_box_label(found, under) if under is not None else None
    if name is not None:
        named_by, said = (
            name if _is_more_specific(name, found, naming) else found,
            name.said or said,
        )
    label, taxon, confidence = named_by.class_name or "", named_by.taxon, named_by.confidence
    if said is not None:
        confidence = None
        if said.kind == "correct":
            label, taxon = said.label or "", said.taxon
    if said is not None and said.kind in ("blank", "unsure"):
        kind, taxon = (
            ObservationType.BLANK if said.kind == "blank" else ObservationType.UNKNOWN,
            None,
        )
    else:
        kind = naming.find(label, taxon).kind
    box = None
    if found.type != CLASSIFICATION and kind is not ObservationType.BLANK:
        box = _find_box(found, image)
        if box is None and found.type == BOX and (said is None or said.kind != "unsure"):
            return None
    return Observation(found.id, kind, taxon, label, confidence, box, found, said, named_by)


def _is_more_specific(
    name: ObservedAnnotation, found: ObservedAnnotation, naming: TaxonResolver
) -> bool:
    """Return whether a name is more specific than the box's label.

    A name never replaces a taxon or a known type by an unknown one.
    """
    if name.taxon is not None or (name.said is not None and found.said is None):
        return True
    if found.taxon is not None:
        return False
    if naming.find(name.class_name or "", name.taxon).kind is not ObservationType.UNKNOWN:
        return True
    return naming.find(found.class_name or "", found.taxon).kind is ObservationType.UNKNOWN


def _find_box(
    found: ObservedAnnotation, image: ObservedImage
) -> tuple[float, float, float, float] | None:
    """Return the box of an annotation within its image, or None."""
    if found.type == BOX:
        corners = _read_corners(found.data)
        x_min, y_min, x_max, y_max = corners.x_min, corners.y_min, corners.x_max, corners.y_max
        if 0 <= x_min < x_max <= image.width and 0 <= y_min < y_max <= image.height:
            return x_min, y_min, x_max - x_min, y_max - y_min
    elif found.type in DRAWN:
        form = build_shape(
            found.type, msgspec.json.decode(found.data), Frame(image.width, image.height)
        )
        assert form is not None
        x_min, y_min, width, height = form["bbox"]
        x_max, y_max = x_min + width, y_min + height
    else:
        return None
    cut = clip_box(PixelBox(x_min, y_min, x_max, y_max), Frame(image.width, image.height))
    return (
        None
        if cut.is_empty
        else (cut.x_min, cut.y_min, cut.x_max - cut.x_min, cut.y_max - cut.y_min)
    )


def _build_statement(key: str, said: ObservedIdentification, naming: TaxonResolver) -> Observation:
    if said.kind == "unsure":
        return Observation(key, ObservationType.UNKNOWN, said=said)
    label = said.label or ""
    return Observation(key, naming.find(label, said.taxon).kind, said.taxon, label, said=said)


def _build_blank(
    image: ObservedImage, said: ObservedIdentification | None, nothing: Observation | None
) -> Observation:
    """Build the observation of an image without findings.

    `nothing` is a finding that was identified or labelled as blank.
    """
    if said is None and nothing is not None:
        found, named_by = nothing.found, nothing.named_by
        return Observation(
            f"{image.id}-blank",
            ObservationType.BLANK,
            None,
            "",
            nothing.confidence,
            None,
            found,
            nothing.said,
            named_by,
        )
    found = next((one for one in image.found if not one.aside), None)
    if said is not None or image.blank or (image.blank is None and image.analysed):
        return Observation(
            f"{image.id}-blank", ObservationType.BLANK, found=found, said=said, named_by=found
        )
    # The findings are below the minimum confidence of this export.
    kind = ObservationType.UNKNOWN if image.analysed else ObservationType.UNCLASSIFIED
    return Observation(f"{image.id}-{kind}", kind, found=found, named_by=found)
