"""Find the annotations that the observations of an image come from."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from trapline.server.exports.formats.box_labels import find_box_label
from trapline.server.exports.formats.observed_images import BOX, CLASSIFICATION
from trapline.server.exports.queries.export_gathering import ExportedAnnotation
from trapline.server.exports.queries.exported_observations import CurrentObservation, DrawnBox
from trapline.server.findings.rules.geometry import PixelBox
from trapline.server.review.rules.drawn_shapes import build_shape_data, get_annotation_type

_decode = msgspec.json.Decoder().decode
_Name = tuple[UUID | None, str | None, float | None]


class ObservationOrigin(NamedTuple):
    """The annotation that an observation describes, its parts, and the one that names it.

    The parts are the classifications and the key points of a box.
    """

    subject: ExportedAnnotation | None
    parts: Sequence[ExportedAnnotation]
    namer: ExportedAnnotation | None


class ObservationOrigins:
    """The annotations of one image, by what observations know of them."""

    def __init__(self, found: Sequence[ExportedAnnotation]) -> None:
        self._there = {one.id: one for one in found if one.id is not None}
        self._parts: dict[UUID, list[ExportedAnnotation]] = {}
        self._named: dict[_Name, ExportedAnnotation] = {}
        for one in found:
            if one.parent_id is not None and one.type != BOX:
                self._parts.setdefault(one.parent_id, []).append(one)
            if one.id is not None:
                self._named.setdefault(_get_name(one), one)

    def find(self, row: CurrentObservation) -> ObservationOrigin:
        """Return the annotations of an observation."""
        subject = self._there.get(row.annotation_id or row.id)
        parts = self._parts.get(subject.id, []) if subject is not None and subject.id else []
        if row.human:
            return ObservationOrigin(subject, parts, _find_model_name(subject, parts))
        wanted = (row.analysis_id, row.label, row.confidence)
        near = (*parts, subject) if subject is not None else ()
        namer = next((one for one in near if _get_name(one) == wanted), None)
        return ObservationOrigin(subject, parts, namer or self._named.get(wanted) or subject)


def build_drawn_annotation(box: DrawnBox) -> ExportedAnnotation:
    """Build the annotation of a box that a person drew; it has no analysis and no model."""
    extent = PixelBox(box.x_min, box.y_min, box.x_max, box.y_max)
    return ExportedAnnotation(
        image_id=box.image_id,
        analysis_id=box.id,
        model_name="",
        model_version="",
        completed_at=box.at,
        id=box.id,
        type=get_annotation_type(extent, box.polygon).value,
        class_name=None,
        confidence=None,
        data=msgspec.json.encode(build_shape_data(extent, box.polygon)).decode(),
        parent_id=None,
    )


def _get_name(one: ExportedAnnotation) -> _Name:
    return one.analysis_id, one.class_name, one.confidence


class _Labelled:
    """An annotation as `find_box_label` reads it."""

    def __init__(self, found: ExportedAnnotation) -> None:
        self.found = found
        self.confidence = found.confidence
        self.model = f"{found.model_name} {found.model_version}"
        says = _decode(found.data).get("terminal")
        self.terminal = says if isinstance(says, bool) else None


def _find_model_name(
    subject: ExportedAnnotation | None, parts: Sequence[ExportedAnnotation]
) -> ExportedAnnotation | None:
    """Return the annotation with the name that a model gave a box, which a person replaced."""
    names = [_Labelled(one) for one in parts if one.type == CLASSIFICATION]
    if subject is None or not names:
        return subject
    label = find_box_label(_Labelled(subject), names)
    return label.found if label is not None else subject
