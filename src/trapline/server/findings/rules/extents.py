"""The extent of a finding in upright pixels."""

from typing import Any

from trapline.server.findings.rules.geometry import PixelBox
from trapline.wire.annotations import AnnotationType


def find_extent(kind: str, data: dict[str, Any]) -> PixelBox | None:
    """Find the extent of a box, a segmentation or key points; None where it has none.

    `data` is the unpacked data of the annotation.
    """
    match kind:
        case AnnotationType.BOUNDING_BOX:
            corners = (data.get("x_min"), data.get("y_min"), data.get("x_max"), data.get("y_max"))
            if all(isinstance(one, int | float) for one in corners):
                return PixelBox(*(float(one) for one in corners if one is not None))
        case AnnotationType.SEGMENTATION:
            return _find_mask_extent(data)
        case AnnotationType.KEYPOINT:
            points = [
                (point["x"], point["y"])
                for point in data["keypoints"]
                if point.get("x") is not None and point.get("confidence") != 0
            ]
            return _enclose(points)
    return None


def _find_mask_extent(data: dict[str, Any]) -> PixelBox | None:
    if data.get("bbox") is not None:
        x, y, width, height = data["bbox"]
        return PixelBox(x, y, x + width, y + height)
    if data["format"] == "polygon":
        points = data["points"]
        rings = points if isinstance(points[0][0], list) else [points]
        return _enclose([(x, y) for ring in rings for x, y in ring])
    # Loaded with the first mask: it takes a tenth of the start of a process.
    from trapline.server.findings.rules.run_lengths import get_extent, parse_run_lengths

    height, _ = data["size"]
    x, y, width, along = get_extent(parse_run_lengths(data["counts"]), height).bbox
    return PixelBox(x, y, x + width, y + along)


def _enclose(points: list[tuple[float, float]]) -> PixelBox | None:
    if not points:
        return None
    across, down = [x for x, _ in points], [y for _, y in points]
    return PixelBox(min(across), min(down), max(across), max(down))
