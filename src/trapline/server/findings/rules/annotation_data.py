"""Validation of the `data` of annotations by type, and scaling to the upright original.

Formats of segmentations are those of COCO (cocodataset.org, "Data format"): run lengths are in
column order from the top left and start with the background.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from trapline.server.findings.rules.geometry import Frame

OVER = 1.0
"""Pixels by which a box or a point may exceed its frame; it is clipped instead of refused."""
LONGEST_NAME = 255
COLOR_MAPS = ("viridis", "magma", "turbo", "jet", "grey", "gray")
"""The colour maps of heatmaps that the viewer draws, in any case; `gray` is `grey`."""
LONGEST_SIDE = 2**31
LARGEST = sys.float_info.max
"""The largest double: JSON integers can be larger."""
MOST_POINTS = 100_000
MOST_RINGS = 1_000
MOST_CLASSES = 1_000
MOST_KEYPOINTS = 1_000
MOST_PAIRS = 10_000

Data = dict[str, Any]


class InvalidAnnotationData(Exception):
    """The data is not valid for its type; `field` is the path of the wrong field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Scale(NamedTuple):
    """Factors that convert x and y in a frame to pixels of the upright original."""

    frame: Frame
    image: Frame
    x: float
    y: float

    @property
    def is_one(self) -> bool:
        """Whether coordinates are unchanged."""
        return self.frame == self.image


def _scale(frame: Frame, image: Frame) -> Scale:
    return Scale(frame, image, image.width / frame.width, image.height / frame.height)


def _number(data: Data, field: str) -> float:
    value = data.get(field)
    if (type(value) is float or type(value) is int) and -LARGEST <= value <= LARGEST:
        return float(value)
    raise InvalidAnnotationData(field, "must be a number" if field in data else "is missing")


def _size(data: Data, field: str) -> int:
    value = data.get(field)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 < value <= LONGEST_SIDE:
        raise InvalidAnnotationData(
            field, "must be a whole number of pixels" if field in data else "is missing"
        )
    return value


def _find_scale(data: Data, image: Frame, *, required: bool) -> Scale:
    if not required and data.get("image_width") is None and data.get("image_height") is None:
        return _scale(image, image)
    return _scale(Frame(_size(data, "image_width"), _size(data, "image_height")), image)


def _scaled(data: Data, changed: Data, scale: Scale) -> Data:
    """Return the data with the changed fields; their original values are added as `given`."""
    given = {
        field: data[field] for field in changed if field in data and data[field] != changed[field]
    }
    if not given:
        return {**data, **changed}
    marked = {"given": given} if scale.is_one else {"given": given, "scaled": True}
    return {**data, **changed, **marked}


def _lies_within(data: Data, image: Frame) -> bool:
    """Whether a box is in pixels of the image and inside it: a fast check for nearly all boxes."""
    x_min, y_min, x_max, y_max = (
        data.get("x_min"),
        data.get("y_min"),
        data.get("x_max"),
        data.get("y_max"),
    )
    if not (type(x_min) is type(y_min) is type(x_max) is type(y_max) is float):
        return False
    if data.get("image_width") != image.width or data.get("image_height") != image.height:
        return False
    return bool(0.0 <= x_min < x_max <= image.width and 0.0 <= y_min < y_max <= image.height)


def _check_box(data: Data, image: Frame) -> Data:
    if _lies_within(data, image):
        return data
    scale = _find_scale(data, image, required=True)
    frame = scale.frame
    x_min, y_min, x_max, y_max = (
        _number(data, field) for field in ("x_min", "y_min", "x_max", "y_max")
    )
    if x_min < -OVER or y_min < -OVER or x_max > frame.width + OVER or y_max > frame.height + OVER:
        raise InvalidAnnotationData(
            "x_min", f"the box is outside its frame of {frame.width} by {frame.height} pixels"
        )
    x_min, x_max = (_along(x, frame.width, scale.x, image.width) for x in (x_min, x_max))
    y_min, y_max = (_along(y, frame.height, scale.y, image.height) for y in (y_min, y_max))
    if x_min >= x_max:
        raise InvalidAnnotationData("x_min", "must be less than x_max, within the frame")
    if y_min >= y_max:
        raise InvalidAnnotationData("y_min", "must be less than y_max, within the frame")
    changed: Data = {"x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max}
    if not scale.is_one:
        changed |= {"image_width": image.width, "image_height": image.height}
    return _scaled(data, changed, scale)


def _check_classification(data: Data, _: Frame) -> Data:
    topk, score = data.get("topk"), data.get("score")
    scores, logits = data.get("scores"), data.get("logits")
    if topk is None and score is None and scores is None:
        raise InvalidAnnotationData(
            "topk",
            "is missing: a classification has `topk`, a list of class and confidence, or `score`",
        )
    if score is not None:
        _fraction(_number(data, "score"), "score")
    if topk is not None:
        if not isinstance(topk, list) or len(topk) > MOST_CLASSES:
            raise InvalidAnnotationData(
                "topk",
                f"must be a list of at most {MOST_CLASSES:,} entries of class and confidence",
            )
        for place, entry in enumerate(topk):
            if not isinstance(entry, dict):
                raise InvalidAnnotationData(f"topk.{place}", "must have a class and a confidence")
            name = entry.get("class")
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
                raise InvalidAnnotationData(
                    f"topk.{place}.class", f"must be a text of 1 to {LONGEST_NAME} characters"
                )
            try:
                _fraction(_number(entry, "confidence"), "confidence")
            except InvalidAnnotationData as error:
                raise InvalidAnnotationData(f"topk.{place}.confidence", error.message) from None
    for field, numbers in (("scores", scores), ("logits", logits)):
        if numbers is not None:
            _check_numbers(numbers, field)
    return data


def _check_numbers(numbers: Any, field: str) -> None:
    if not isinstance(numbers, list):
        raise InvalidAnnotationData(field, "must be a list of numbers")
    for place, number in enumerate(numbers):
        if (
            type(number) is not float and type(number) is not int
        ) or not -LARGEST <= number <= LARGEST:
            raise InvalidAnnotationData(f"{field}.{place}", "must be a number")


def _fraction(number: float, field: str) -> None:
    if not 0 <= number <= 1:
        raise InvalidAnnotationData(field, "must be from 0 to 1")


def _check_raster(data: Data, image: Frame) -> Data:
    width, height = _size(data, "width"), _size(data, "height")
    color_map = data.get("color_map")
    if color_map is not None and not (
        isinstance(color_map, str) and color_map.lower() in COLOR_MAPS
    ):
        raise InvalidAnnotationData("color_map", f"must be one of {', '.join(COLOR_MAPS)}")
    # A raster of any size is scaled to the size of the image.
    return data if (width, height) == image else {**data, "scaled": True}


def _check_segmentation(data: Data, image: Frame) -> Data:
    match data.get("format"):
        case "rle":
            return _check_rle(data, image)
        case "polygon":
            return _check_polygon(data, image)
    raise InvalidAnnotationData("format", "must be rle or polygon")


def _check_rle(data: Data, image: Frame) -> Data:
    size = data.get("size")
    if size is None:
        frame = image
    else:
        if not isinstance(size, list) or len(size) != 2 or not all(map(_is_side, size)):
            raise InvalidAnnotationData("size", "must be [height, width] in pixels")
        frame = Frame(size[1], size[0])
    try:
        # Imported on first use: the import takes a tenth of the start time of a process.
        from trapline.server.findings.rules.run_lengths import count_pixels

        pixels = count_pixels(data.get("counts"))
    except ValueError as error:
        raise InvalidAnnotationData("counts", str(error)) from None
    if pixels != frame.width * frame.height:
        raise InvalidAnnotationData(
            "counts", f"cover {pixels} pixels; the size says {frame.height} by {frame.width}"
        )
    scale = _scale(frame, image)
    extent = _check_extent(data, scale)
    sized = {**data, "size": [frame.height, frame.width]}
    # The run lengths are kept: a mask of any size is drawn over the whole image.
    return sized if frame == image else {**_scaled(sized, extent, scale), "scaled": True}


def _is_side(side: Any) -> bool:
    return type(side) is int and 0 < side <= LONGEST_SIDE


def _check_extent(data: Data, scale: Scale) -> Data:
    """Check the area and the box of a segmentation, if present; return their scaled values."""
    moved: Data = {}
    if data.get("area") is not None and _number(data, "area") < 0:
        raise InvalidAnnotationData("area", "must not be negative")
    bbox = data.get("bbox")
    if bbox is not None:
        if not isinstance(bbox, list) or len(bbox) != 4:
            raise InvalidAnnotationData("bbox", "must be [x, y, width, height]")
        _check_numbers(bbox, "bbox")
        if not scale.is_one:
            moved["bbox"] = [
                side * along for side, along in zip(bbox, (scale.x, scale.y) * 2, strict=True)
            ]
            _check_numbers(moved["bbox"], "bbox")
    if data.get("area") is not None and not scale.is_one:
        moved["area"] = _number({"area": data["area"] * scale.x * scale.y}, "area")
    return moved


def _check_polygon(data: Data, image: Frame) -> Data:
    scale = _find_scale(data, image, required=False)
    points = data.get("points")
    if not isinstance(points, list) or not points:
        raise InvalidAnnotationData(
            "points", "must be a list of points [x, y], or of rings of points"
        )
    is_one_ring = not (isinstance(points[0], list) and points[0] and isinstance(points[0][0], list))
    rings = [points] if is_one_ring else points
    if (
        len(rings) > MOST_RINGS
        or sum(len(ring) for ring in rings if isinstance(ring, list)) > MOST_POINTS
    ):
        raise InvalidAnnotationData(
            "points",
            f"must be at most {MOST_POINTS:,} points in {MOST_RINGS:,} rings; use run lengths",
        )
    moved = [_check_ring(ring, f"points.{place}", scale) for place, ring in enumerate(rings)]
    extent = _check_extent(data, scale)
    if scale.is_one and moved == rings:
        return data
    changed: Data = {**extent, "points": moved[0] if is_one_ring else moved}
    if not scale.is_one:
        changed |= {"image_width": image.width, "image_height": image.height}
    return _scaled(data, changed, scale)


def _check_ring(ring: Any, field: str, scale: Scale) -> list[list[float]]:
    if not isinstance(ring, list) or len(ring) < 3:
        raise InvalidAnnotationData(field, "must have at least 3 points")
    moved = [_check_point(point, f"{field}.{number}", scale) for number, point in enumerate(ring)]
    if _is_flat(moved) and not _is_flat(ring):
        raise InvalidAnnotationData(
            field, f"is outside its frame of {scale.frame.width} by {scale.frame.height} pixels"
        )
    return moved


def _is_flat(ring: list[list[float]]) -> bool:
    """Whether a ring has no width or no height."""
    (x, y), *others = ring
    return all(point[0] == x for point in others) or all(point[1] == y for point in others)


def _check_point(point: Any, field: str, scale: Scale) -> list[float]:
    if not isinstance(point, list) or len(point) != 2:
        raise InvalidAnnotationData(field, "must be [x, y]")
    _check_numbers(point, field)
    return _place(float(point[0]), float(point[1]), field, scale)


def _place(x: float, y: float, field: str, scale: Scale) -> list[float]:
    """Clip a point to its frame and scale it to the upright original."""
    frame, image = scale.frame, scale.image
    if not (-OVER <= x <= frame.width + OVER and -OVER <= y <= frame.height + OVER):
        raise InvalidAnnotationData(
            field, f"is outside its frame of {frame.width} by {frame.height} pixels"
        )
    return [
        _along(x, frame.width, scale.x, image.width),
        _along(y, frame.height, scale.y, image.height),
    ]


def _along(value: float, length: int, scale: float, end: int) -> float:
    # Rounding can move the scaled edge of the frame outside the image.
    return min(min(max(value, 0.0), float(length)) * scale, float(end))


def _check_keypoints(data: Data, image: Frame) -> Data:
    scale = _find_scale(data, image, required=False)
    points = data.get("keypoints")
    if not isinstance(points, list) or not 1 <= len(points) <= MOST_KEYPOINTS:
        raise InvalidAnnotationData(
            "keypoints",
            f"must be a list of 1 to {MOST_KEYPOINTS:,} with a name, x, y and a confidence",
        )
    moved = [
        _check_keypoint(point, f"keypoints.{place}", scale) for place, point in enumerate(points)
    ]
    _check_skeleton(data.get("skeleton"), len(points))
    if scale.is_one and moved == points:
        return data
    changed: Data = {"keypoints": moved}
    if not scale.is_one:
        changed |= {"image_width": image.width, "image_height": image.height}
    return _scaled(data, changed, scale)


def _check_keypoint(point: Any, field: str, scale: Scale) -> Data:
    if not isinstance(point, dict):
        raise InvalidAnnotationData(field, "must have a name, x, y and a confidence")
    name = point.get("name")
    if name is not None and not (isinstance(name, str) and len(name) <= LONGEST_NAME):
        raise InvalidAnnotationData(
            f"{field}.name", f"must be a text of at most {LONGEST_NAME} characters"
        )
    try:
        if point.get("confidence") is not None:
            _fraction(_number(point, "confidence"), "confidence")
        if point.get("x") is None and point.get("y") is None:
            return point  # a keypoint that is not visible has no coordinates
        x, y = _place(_number(point, "x"), _number(point, "y"), "x", scale)
    except InvalidAnnotationData as error:
        raise InvalidAnnotationData(f"{field}.{error.field}", error.message) from None
    return {**point, "x": x, "y": y}


def _check_skeleton(skeleton: Any, points: int) -> None:
    if skeleton is None:
        return
    if not isinstance(skeleton, list) or len(skeleton) > MOST_PAIRS:
        raise InvalidAnnotationData(
            "skeleton", f"must be a list of at most {MOST_PAIRS:,} pairs of indices"
        )
    for place, pair in enumerate(skeleton):
        is_pair = isinstance(pair, list) and len(pair) == 2
        if not is_pair or not all(type(index) is int and 0 <= index < points for index in pair):
            raise InvalidAnnotationData(
                f"skeleton.{place}", f"must be two indices of keypoints, 0 to {points - 1}"
            )


CHECKS: dict[str, Callable[[Data, Frame], Data]] = {
    "bounding_box": _check_box,
    "classification": _check_classification,
    "heatmap": _check_raster,
    "mask": _check_raster,
    "segmentation": _check_segmentation,
    "keypoint": _check_keypoints,
}
NEEDS_FILE: Sequence[str] = ("heatmap", "mask")


def validate_data(kind: str, data: Data, image: Frame) -> Data:
    """Validate the data of an annotation and scale its coordinates to the upright original.

    If a value changes, its original value is kept in `given`; `scaled` marks a frame of another
    size. Only the server sets these two fields; values in a request are dropped. Custom data is
    not checked. Raises InvalidAnnotationData.
    """
    check = CHECKS.get(kind)
    if check is None:
        return data
    if "given" in data or "scaled" in data:
        data = {field: value for field, value in data.items() if field not in ("given", "scaled")}
    return check(data, image)
