"""Compact storage of the data of boxes and classifications from workers.

The common fields are packed into one short text: the corners of a box, the size of its image and
times; or the highest scores of a classification and times. JSON would need three times as many
bytes, mostly for keys. `unpack_data` returns exactly what jsonb would return: the same values in
the same order of keys. Other data is stored unpacked, and so are rows of older versions. Keys that
queries read (`terminal`, `empty`, `class_list`, short score lists) are never packed.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any

PACKED = "packed"
UNPACKED_BYTES = 512
"""Unpacked JSON is longer than packed data by less than this plus the class name, in bytes."""
_CORNERS = ("x_min", "y_min", "x_max", "y_max")
_PACKABLE = frozenset(
    {*_CORNERS, "image_width", "image_height", "topk", "inference_time", "timestamp"}
)
_HAS_BOX, _HAS_TOP, _IS_SHORT, _HAS_DURATION, _HAS_TIME = 1, 2, 4, 8, 16
_ZONES = ("", "Z", "+00:00")
_ZONE_SHIFT = 5
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a worker's time without a zone stays without one
_MICROSECOND = timedelta(microseconds=1)
_MOST = 1e15
"""From this magnitude on, jsonb returns floats as integers."""
_FLOATS = {float}
_FLAGS, _SIZE, _DOUBLE, _TIME = Struct("<B"), Struct("<HH"), Struct("<d"), Struct("<q")
_SINGLES = [Struct(f"<{count}f") for count in range(6)]
_DOUBLES = [Struct(f"<{count}d") for count in range(6)]


def pack_data(data: dict[str, Any], class_name: str | None) -> dict[str, Any]:
    """Pack the data of an annotation of a worker; return data that does not fit unchanged."""
    if "x_min" in data:
        width, height = data["image_width"], data["image_height"]
        numbers = _pack_numbers([data[corner] for corner in _CORNERS])
        if numbers is None or not (0 <= width < 1 << 16 and 0 <= height < 1 << 16):
            return data
        flags, names = _HAS_BOX, None
        content = _SIZE.pack(width, height) + numbers[1]
    elif top := data.get("topk"):
        names = _join_names(top, class_name)
        numbers = _pack_numbers([one["confidence"] for one in top])
        if names is None or numbers is None:
            return data
        flags, content = _HAS_TOP, numbers[1]
    else:
        return data
    rest = {key: value for key, value in data.items() if key not in _PACKABLE}
    flags |= numbers[0]
    if (duration := data.get("inference_time")) is not None:
        if type(duration) is float and -_MOST < duration < _MOST:
            flags |= _HAS_DURATION
            content += _DOUBLE.pack(duration + 0.0)
        else:
            rest["inference_time"] = duration
    if (timestamp := data.get("timestamp")) is not None:
        if at := _parse_time(timestamp):
            flags |= _HAS_TIME | at[1] << _ZONE_SHIFT
            content += _TIME.pack(at[0])
        else:
            rest["timestamp"] = timestamp
    text = b2a_base64(_FLAGS.pack(flags) + content, newline=False).decode().rstrip("=")
    rest[PACKED] = text if names is None else f"{text}\n{names}"
    return rest


def unpack_data(
    data: dict[str, Any], class_name: str | None, algorithm_id: int | None
) -> dict[str, Any]:
    """Unpack the data of an annotation as jsonb returns it.

    Rows without an algorithm are not of workers.
    """
    if algorithm_id is None or PACKED not in data:
        return data
    text, _, names = data[PACKED].partition("\n")
    content = a2b_base64(text + "=" * (-len(text) % 4))
    flags, place = content[0], 1
    values: dict[str, Any] = {}
    kinds = _SINGLES if flags & _IS_SHORT else _DOUBLES
    if flags & _HAS_BOX:
        values["image_width"], values["image_height"] = _SIZE.unpack_from(content, place)
        kind = kinds[len(_CORNERS)]
        values.update(zip(_CORNERS, kind.unpack_from(content, place + _SIZE.size), strict=True))
        place += _SIZE.size + kind.size
    elif flags & _HAS_TOP:
        classes = names.split("\n")
        classes[0] = classes[0] or class_name or ""
        kind = kinds[len(classes)]
        numbers = kind.unpack_from(content, place)
        place += kind.size
        values["topk"] = [
            {"class": name, "confidence": number}
            for name, number in zip(classes, numbers, strict=True)
        ]
    if flags & _HAS_DURATION:
        [values["inference_time"]] = _DOUBLE.unpack_from(content, place)
        place += _DOUBLE.size
    if flags & _HAS_TIME:
        [time] = _TIME.unpack_from(content, place)
        values["timestamp"] = (_EPOCH + time * _MICROSECOND).isoformat() + _ZONES[
            flags >> _ZONE_SHIFT
        ]
    values |= {key: value for key, value in data.items() if key != PACKED}
    # The order in which jsonb returns keys.
    return dict(sorted(values.items(), key=lambda item: (len(item[0]), item[0])))


def _join_names(top: Sequence[dict[str, Any]], class_name: str | None) -> str | None:
    """Join class names; the first is empty if it is that of the annotation. None if unusual."""
    names = [one["class"] for one in top]
    if not names[0] and class_name:
        return None
    if names[0] == class_name:
        names[0] = ""
    joined = "\n".join(names)
    return joined if len(names) < len(_SINGLES) and joined.count("\n") == len(names) - 1 else None


def _pack_numbers(numbers: Sequence[Any]) -> tuple[int, bytes] | None:
    """Pack numbers, in single precision if exact; None if jsonb would return other floats."""
    if set(map(type, numbers)) != _FLOATS or not (min(numbers) > -_MOST and max(numbers) < _MOST):
        return None
    # jsonb has no negative zero.
    plain = [number + 0.0 for number in numbers]
    single = _SINGLES[len(plain)]
    short = single.pack(*plain)
    if single.unpack(short) == tuple(plain):
        return _IS_SHORT, short
    return 0, _DOUBLES[len(plain)].pack(*plain)


@lru_cache(maxsize=1024)
def _parse_time(text: str) -> tuple[int, int] | None:
    """Parse a time to microseconds and an index in `_ZONES`; None for other formats."""
    zone = next((place for place in (1, 2) if text.endswith(_ZONES[place])), 0)
    plain = text.removesuffix(_ZONES[zone])
    try:
        at = datetime.fromisoformat(plain)
        if at.tzinfo is not None or at.isoformat() != plain:
            return None
    except ValueError:
        return None
    return (at - _EPOCH) // _MICROSECOND, zone
