"""Find the box of an annotation within its image."""

import msgspec

from trapline.server.exports.formats.observed_images import (
    BOX,
    DRAWN,
    BoxCorners,
    ObservedAnnotation,
    ObservedImage,
)
from trapline.server.external.formats.coco_analysis import build_shape
from trapline.server.findings.rules.geometry import Frame, PixelBox, clip_box

_read_corners = msgspec.json.Decoder(BoxCorners).decode


def find_box(
    found: ObservedAnnotation, image: ObservedImage
) -> tuple[float, float, float, float] | None:
    """Return the box of an annotation within its image, or None."""
    if found.type == BOX:
        try:
            corners = _read_corners(found.data)
        except msgspec.ValidationError:
            return None
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
