"""Masks, key points and embeddings of detections: shapes to draw, and values to store unchanged."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from trapline.server.findings.rules.annotation_data import InvalidAnnotationData, validate_data
from trapline.server.findings.rules.geometry import Frame
from trapline.server.queue.formats.result_decoding import NOTHING, DetectionStruct
from trapline.wire.annotations import AnnotationType

DRAWN = {"mask": AnnotationType.SEGMENTATION, "keypoints": AnnotationType.KEYPOINT}
SIZE = frozenset({"image_width", "image_height"})
FIELDS = {
    AnnotationType.SEGMENTATION: SIZE | {"format", "size", "counts", "points", "bbox", "area"},
    AnnotationType.KEYPOINT: SIZE | {"keypoints", "skeleton"},
}


@dataclass(frozen=True)
class DetectionShape:
    """The mask or the key points of a box: the type and the data of their annotation."""

    kind: AnnotationType
    data: dict[str, Any]


def has_extras(detection: DetectionStruct) -> bool:
    """Return whether a detection has more than a box and classifications; most have not."""
    return (
        detection.mask is not NOTHING
        or detection.keypoints is not NOTHING
        or detection.embedding is not NOTHING
    )


def list_extras(detection: DetectionStruct) -> dict[str, Any]:
    """List the mask, the key points and the embedding of a detection as they were sent."""
    kept: dict[str, Any] = {}
    add_given(
        kept,
        mask=get_given(detection.mask),
        keypoints=get_given(detection.keypoints),
        embedding=get_given(detection.embedding),
    )
    return kept


def read_extras(
    detection: DetectionStruct, frame: Frame, *, may_draw: bool
) -> tuple[list[DetectionShape], dict[str, Any]]:
    """Return the shapes of a detection, and the values to store unchanged.

    A shape that cannot be drawn is stored as it was sent, with the reason in `invalid`, so that
    nothing that a worker posts is lost.
    """
    kept = list_extras(detection)
    shapes: list[DetectionShape] = []
    for name, kind in DRAWN.items():
        if name not in kept:
            continue
        try:
            if not may_draw:
                raise InvalidAnnotationData("bbox", "is empty within the image")
            shapes.append(
                DetectionShape(kind, validate_data(kind, _parse_shape(kind, kept[name]), frame))
            )
        except InvalidAnnotationData as error:
            kept.setdefault("invalid", {})[name] = f"{error.field} {error.message}"
        else:
            del kept[name]
    return shapes, kept


def _parse_shape(kind: AnnotationType, raw: Raw) -> dict[str, Any]:
    """Parse the data of a shape, also run lengths of COCO and a plain list of key points.

    Unknown fields are moved to `extra`, because the packed data of workers reserves some names.
    """
    data = msgspec.json.decode(raw)
    if kind is AnnotationType.KEYPOINT and isinstance(data, list):
        return {"keypoints": data}
    if not isinstance(data, dict):
        raise InvalidAnnotationData(kind.value, "must be an object")
    known = {name: value for name, value in data.items() if name in FIELDS[kind]}
    if kind is AnnotationType.SEGMENTATION and "format" not in known and "counts" in known:
        known["format"] = "rle"
    if extra := {name: value for name, value in data.items() if name not in FIELDS[kind]}:
        known["extra"] = extra
    return known


def get_given(raw: Raw) -> Raw | None:
    """Return the value as sent; None if it is missing or null."""
    return None if raw is NOTHING or bytes(raw) == b"null" else raw


def add_given(data: dict[str, Any], **values: Any) -> None:
    """Add the values that are not None."""
    data.update({name: value for name, value in values.items() if value is not None})
