"""What the `data` of an annotation must be, by its type: geometry checked, and brought to the upright original.

Formats of segmentations are those of COCO (cocodataset.org, "Data format"): run lengths go down the columns, from the
top left, beginning with the background.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from trapline.server.rules.geometry import Frame
from trapline.server.rules.run_lengths import count_pixels

OVER = 1.0
"""By how many pixels a box may reach over its frame and is clipped rather than refused."""
LONGEST_NAME = 255
MOST_POINTS = 100_000

Data = dict[str, Any]


class WrongData(Exception):
    """The data is not what its type asks for; `field` says where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Scale(NamedTuple):
    """By what coordinates are multiplied, across and down."""

    x: float
    y: float

    @property
    def is_one(self) -> bool:
        """Whether they stay as they are."""
        return self.x == 1.0 and self.y == 1.0


def _number(data: Data, field: str) -> float:
    value = data.get(field)
    if type(value) is float or type(value) is int:
        number = float(value)
        if math.isfinite(number):
            return number
    raise WrongData(field, "must be a number" if field in data else "is missing")


def _size(data: Data, field: str) -> int:
    value = data.get(field)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 < value <= 2**31:
        raise WrongData(field, "must be a whole number of pixels" if field in data else "is missing")
    return value


def _frame(data: Data, picture: Frame, *, required: bool) -> tuple[Frame, Scale]:
    if not required and data.get("image_width") is None and data.get("image_height") is None:
        return picture, Scale(1.0, 1.0)
    frame = Frame(_size(data, "image_width"), _size(data, "image_height"))
    return frame, Scale(picture.width / frame.width, picture.height / frame.height)


def _scaled(data: Data, changed: Data, scale: Scale) -> Data:
    """The data with what changed, and what was given beside it."""
    given = {field: data[field] for field in changed if field in data and data[field] != changed[field]}
    if not given:
        return {**data, **changed}
    marked = {"given": given} if scale.is_one else {"given": given, "scaled": True}
    return {**data, **changed, **marked}


def _lies_within(data: Data, picture: Frame) -> bool:
    """Tell the box that nearly every one is, within the picture and in its pixels: asked first, thousands of times."""
    x_min, y_min, x_max, y_max = data.get("x_min"), data.get("y_min"), data.get("x_max"), data.get("y_max")
    if not (type(x_min) is type(y_min) is type(x_max) is type(y_max) is float):
        return False
    if data.get("image_width") != picture.width or data.get("image_height") != picture.height:
        return False
    return bool(0.0 <= x_min < x_max <= picture.width and 0.0 <= y_min < y_max <= picture.height)


def _check_box(data: Data, picture: Frame) -> Data:
    if _lies_within(data, picture):
        return data
    frame, scale = _frame(data, picture, required=True)
    corners = [_number(data, field) for field in ("x_min", "y_min", "x_max", "y_max")]
    x_min, y_min, x_max, y_max = corners
    if x_min < -OVER or y_min < -OVER or x_max > frame.width + OVER or y_max > frame.height + OVER:
        raise WrongData("x_min", f"the box reaches out of its frame of {frame.width} by {frame.height} pixels")
    x_min, y_min = max(x_min, 0.0), max(y_min, 0.0)
    x_max, y_max = min(x_max, float(frame.width)), min(y_max, float(frame.height))
    if x_min >= x_max:
        raise WrongData("x_min", "must be less than x_max, within the frame")
    if y_min >= y_max:
        raise WrongData("y_min", "must be less than y_max, within the frame")
    changed: Data = {"x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max}
    if not scale.is_one:
        changed = {
            "x_min": x_min * scale.x, "y_min": y_min * scale.y,
            "x_max": min(x_max * scale.x, float(picture.width)), "y_max": min(y_max * scale.y, float(picture.height)),
            "image_width": picture.width, "image_height": picture.height,
        }  # fmt: skip
    elif list(changed.values()) == corners:
        return {**data, **changed}
    return _scaled(data, changed, scale)


def _check_classification(data: Data, _: Frame) -> Data:
    topk, score = data.get("topk"), data.get("score")
    scores, logits = data.get("scores"), data.get("logits")
    if topk is None and score is None and scores is None:
        raise WrongData("topk", "is missing: a classification has `topk`, a list of class and confidence, or `score`")
    if score is not None:
        _fraction(_number(data, "score"), "score")
    if topk is not None:
        if not isinstance(topk, list):
            raise WrongData("topk", "must be a list of class and confidence")
        for place, entry in enumerate(topk):
            if not isinstance(entry, dict):
                raise WrongData(f"topk.{place}", "must have a class and a confidence")
            name = entry.get("class")
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
                raise WrongData(f"topk.{place}.class", f"must be a text of 1 to {LONGEST_NAME} characters")
            try:
                _fraction(_number(entry, "confidence"), "confidence")
            except WrongData as error:
                raise WrongData(f"topk.{place}.confidence", error.message) from None
    for field, numbers in (("scores", scores), ("logits", logits)):
        if numbers is not None:
            _check_numbers(numbers, field)
    return data


def _check_numbers(numbers: Any, field: str) -> None:
    if not isinstance(numbers, list):
        raise WrongData(field, "must be a list of numbers")
    for place, number in enumerate(numbers):
        if (type(number) is not float and type(number) is not int) or not math.isfinite(number):
            raise WrongData(f"{field}.{place}", "must be a number")


def _fraction(number: float, field: str) -> None:
    if not 0 <= number <= 1:
        raise WrongData(field, "must be from 0 to 1")


def _check_raster(data: Data, picture: Frame) -> Data:
    width, height = _size(data, "width"), _size(data, "height")
    color_map = data.get("color_map")
    if color_map is not None and not (isinstance(color_map, str) and len(color_map) <= LONGEST_NAME):
        raise WrongData("color_map", "must be the name of a colour map")
    # A raster is stretched over the picture, whatever its own size.
    return data if (width, height) == picture else {**data, "scaled": True}


def _check_segmentation(data: Data, picture: Frame) -> Data:
    match data.get("format"):
        case "rle":
            return _check_rle(data, picture)
        case "polygon":
            return _check_polygon(data, picture)
    raise WrongData("format", "must be rle or polygon")


def _check_rle(data: Data, picture: Frame) -> Data:
    size = data.get("size")
    if size is None:
        frame = picture
    else:
        whole = isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
        if not whole:
            raise WrongData("size", "must be [height, width] in pixels")
        frame = Frame(size[1], size[0])
    try:
        pixels = count_pixels(data.get("counts"))
    except ValueError as error:
        raise WrongData("counts", str(error)) from None
    if pixels != frame.width * frame.height:
        raise WrongData("counts", f"cover {pixels} pixels; the size says {frame.height} by {frame.width}")
    _check_extent(data)
    changed = {**data, "size": [frame.height, frame.width]}
    # The runs themselves stay: they are drawn over the whole picture, whatever their own size.
    return changed if frame == picture else {**changed, "scaled": True}


def _check_extent(data: Data) -> None:
    if data.get("area") is not None and _number(data, "area") < 0:
        raise WrongData("area", "must not be negative")
    bbox = data.get("bbox")
    if bbox is not None:
        if not isinstance(bbox, list) or len(bbox) != 4:
            raise WrongData("bbox", "must be [x, y, width, height]")
        _check_numbers(bbox, "bbox")


def _check_polygon(data: Data, picture: Frame) -> Data:
    frame, scale = _frame(data, picture, required=False)
    points = data.get("points")
    if not isinstance(points, list) or not points:
        raise WrongData("points", "must be a list of points [x, y], or of rings of points")
    is_one_ring = not (isinstance(points[0], list) and points[0] and isinstance(points[0][0], list))
    rings = [points] if is_one_ring else points
    checked = [_check_ring(ring, place, frame) for place, ring in enumerate(rings)]
    _check_extent(data)
    if scale.is_one:
        return data
    moved = [[[x * scale.x, y * scale.y] for x, y in ring] for ring in checked]
    changed: Data = {"points": moved[0] if is_one_ring else moved}
    return _scaled(data, {**changed, "image_width": picture.width, "image_height": picture.height}, scale)


def _check_ring(ring: Any, place: int, frame: Frame) -> list[tuple[float, float]]:
    if not isinstance(ring, list) or not 3 <= len(ring) <= MOST_POINTS:
        raise WrongData(f"points.{place}", f"must have 3 to {MOST_POINTS:,} points")
    return [_check_point(point, f"points.{place}.{number}", frame) for number, point in enumerate(ring)]


def _check_point(point: Any, field: str, frame: Frame) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise WrongData(field, "must be [x, y]")
    _check_numbers(point, field)
    return _within(float(point[0]), float(point[1]), field, frame)


def _within(x: float, y: float, field: str, frame: Frame) -> tuple[float, float]:
    if not (-OVER <= x <= frame.width + OVER and -OVER <= y <= frame.height + OVER):
        raise WrongData(field, f"lies out of its frame of {frame.width} by {frame.height} pixels")
    return x, y


def _check_keypoints(data: Data, picture: Frame) -> Data:
    frame, scale = _frame(data, picture, required=False)
    points = data.get("keypoints")
    if not isinstance(points, list) or not 1 <= len(points) <= MOST_POINTS:
        raise WrongData("keypoints", "must be a list of name, x, y and confidence")
    moved = [_check_keypoint(point, f"keypoints.{place}", frame, scale) for place, point in enumerate(points)]
    _check_skeleton(data.get("skeleton"), len(points))
    if scale.is_one:
        return data
    changed = {"keypoints": moved, "image_width": picture.width, "image_height": picture.height}
    return _scaled(data, changed, scale)


def _check_keypoint(point: Any, field: str, frame: Frame, scale: Scale) -> Data:
    if not isinstance(point, dict):
        raise WrongData(field, "must have a name, x, y and a confidence")
    name = point.get("name")
    if name is not None and not (isinstance(name, str) and len(name) <= LONGEST_NAME):
        raise WrongData(f"{field}.name", f"must be a text of at most {LONGEST_NAME} characters")
    try:
        if point.get("confidence") is not None:
            _fraction(_number(point, "confidence"), "confidence")
        if point.get("x") is None and point.get("y") is None:
            return point  # one that was not seen has no place
        x, y = _within(_number(point, "x"), _number(point, "y"), "x", frame)
    except WrongData as error:
        raise WrongData(f"{field}.{error.field}", error.message) from None
    return {**point, "x": x * scale.x, "y": y * scale.y}


def _check_skeleton(skeleton: Any, points: int) -> None:
    if skeleton is None:
        return
    if not isinstance(skeleton, list):
        raise WrongData("skeleton", "must be a list of pairs of indices")
    for place, pair in enumerate(skeleton):
        is_pair = isinstance(pair, list) and len(pair) == 2
        if not is_pair or not all(type(index) is int and 0 <= index < points for index in pair):
            raise WrongData(f"skeleton.{place}", f"must be two indices of keypoints, 0 to {points - 1}")


CHECKS: dict[str, Callable[[Data, Frame], Data]] = {
    "bounding_box": _check_box,
    "classification": _check_classification,
    "heatmap": _check_raster,
    "mask": _check_raster,
    "segmentation": _check_segmentation,
    "keypoint": _check_keypoints,
}
NEEDS_FILE: Sequence[str] = ("heatmap", "mask")


def check_data(kind: str, data: Data, picture: Frame) -> Data:
    """Check the data of an annotation and bring its coordinates to the upright original. Raises WrongData.

    Where something moved, what was given stays under `given`; `scaled` marks a frame of another size. Both names are
    the server's: what a sender puts there is dropped. Custom data is taken as it is.
    """
    check = CHECKS.get(kind)
    if check is None:
        return data
    if "given" in data or "scaled" in data:
        data = {field: value for field, value in data.items() if field not in ("given", "scaled")}
    return check(data, picture)
