"""Build the observations of an export's images, for every format.

They are the project's current observations, or with the content `model` the raw output of models.
The annotations contribute only the geometry and the origin.
"""

from collections.abc import Mapping, Sequence

from trapline.server.exports.formats.model_findings import build_model_findings, list_parts
from trapline.server.exports.formats.observation_boxes import find_box
from trapline.server.exports.formats.observed_images import (
    CLASSIFICATION,
    ExportedObservation,
    ObservationType,
    ObservedAnnotation,
    ObservedImage,
    StoredObservation,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver


def build_observations(image: ObservedImage, naming: TaxonResolver) -> list[ExportedObservation]:
    """Build the observations of an image.

    An image without any has one observation: that it is not classified yet, or that nothing on it
    reaches the minimum confidence of the export.
    """
    if image.observed is None:
        return build_model_findings(image, naming)
    naming.formless += image.formless
    found = {one.id: one for one in image.found}
    _, drawn = list_parts(image.found)
    seen = [_build(one, found, drawn, image) for one in image.observed]
    return seen or [_build_nothing(image)]


def _build(
    stored: StoredObservation,
    found: Mapping[str, ObservedAnnotation],
    drawn: Mapping[str, Sequence[ObservedAnnotation]],
    image: ObservedImage,
) -> ExportedObservation:
    is_blank = stored.kind is ObservationType.BLANK
    subject = found.get(stored.found) if stored.found is not None else None
    named_by = found.get(stored.named_by) if stored.named_by is not None else None
    box = None
    if subject is not None and subject.type != CLASSIFICATION and not is_blank:
        box = find_box(subject, image)
    return ExportedObservation(
        id=f"{image.id}-blank" if is_blank else stored.id,
        kind=stored.kind,
        taxon=stored.taxon,
        label="" if is_blank else stored.label,
        confidence=stored.confidence,
        box=box,
        found=subject,
        said=stored.said,
        named_by=named_by or subject,
        parts=drawn.get(subject.id, ()) if subject is not None else (),
        needs_review=stored.needs_review,
        remarks=stored.remarks,
    )


def _build_nothing(image: ObservedImage) -> ExportedObservation:
    is_unsure = image.blank is not None
    kind = ObservationType.UNKNOWN if is_unsure else ObservationType.UNCLASSIFIED
    return ExportedObservation(f"{image.id}-{kind}", kind)
