"""Decode and validate posted annotations; invalid bodies are parsed again to name every error."""

import hashlib
import mmap
from collections.abc import Sequence
from struct import Struct
from typing import Any
from uuid import UUID

import msgspec
from pydantic import BaseModel, ValidationError

from trapline.server.findings.rules.annotation_data import (
    NEEDS_FILE,
    InvalidAnnotationData,
    validate_data,
)
from trapline.server.findings.rules.geometry import Frame
from trapline.server.platform.errors import InvalidRequest, Unprocessable
from trapline.server.platform.formats.json_stream import has_many_values
from trapline.server.queue.formats.result_rows import SHORT_LIST
from trapline.wire.annotations import AnnotationType
from trapline.wire.bulk_annotations import BulkAnnotation, BulkAnnotationsRequest, BulkMode
from trapline.wire.values import DEEPEST, exceeds_depth

MOST_PROBLEMS = 100
MOST_FIELDS = 20
MOST_VALUES = 4_000_000
"""One value for every 8 bytes of a body of 32 MiB; a value is an object of up to a hundred bytes.
"""
MOST_DATA_BYTES = 2 * 1024 * 1024
LONGEST_NAME = 255
NAMES = frozenset(kind.value for kind in AnnotationType)
BOX = AnnotationType.BOUNDING_BOX.value
CLASSIFICATION = AnnotationType.CLASSIFICATION.value
CUSTOM = AnnotationType.CUSTOM.value
NUL = b"\\u0000"
EXACT = 2**53
_FLOAT, _DOUBLE = Struct(">f"), Struct(">d")

Problems = list[tuple[str, str]]


class DecodedAnnotation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One annotation as posted."""

    annotation_type: str
    data: dict[str, Any]
    class_name: str | None = None
    confidence: float | None = None
    storage_path: str | None = None
    ordering: int | None = None
    parent: int | str | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    annotations: list[DecodedAnnotation]
    mode: str = BulkMode.APPEND.value


_DECODER = msgspec.json.Decoder(_Body)
_ENCODER = msgspec.json.Encoder()
_SORTED = msgspec.json.Encoder(order="sorted")


class ValidatedAnnotation(msgspec.Struct, gc=False):
    """A valid annotation, with its data in pixels of the upright original.

    `parent` is the position of its box in the same request, or the ID of a stored box. `encoded` is
    its data as stored; `vectors` are long lists of scores and logits, which are stored separately.
    The fingerprint is a hash of `about`, `confidence_key` and the fingerprint of the box.
    `single_key` replaces `confidence_key` in the fingerprint of versions that stored confidences in
    single precision; it is None if both are equal.
    """

    kind: str
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]
    storage_path: str | None
    ordering: int | None
    parent: int | UUID | None
    encoded: bytes
    vectors: tuple[list[float], list[float] | None] | None
    about: bytes
    confidence_key: bytes
    single_key: bytes | None


def decode_annotations(
    body: bytes | mmap.mmap, most: int
) -> tuple[list[DecodedAnnotation], BulkMode]:
    """Decode a request.

    Raises:
        InvalidRequest: the body is not JSON, or has too many values.
        Unprocessable: the content is not valid; the error lists every problem.
    """
    if has_many_values(body, MOST_VALUES):
        raise InvalidRequest(
            f"A request may have at most {MOST_VALUES:,} values. Nothing was stored. Send its "
            "annotations in several requests with the mode append."
        )
    try:
        found = _DECODER.decode(body)
        mode = BulkMode(found.mode)
    except (msgspec.DecodeError, RecursionError, ValueError, UnicodeError):
        found, mode = _decode_patiently(body, most)
    if len(found.annotations) > most:
        raise _too_many(len(found.annotations), most)
    if body.find(NUL) >= 0:
        # A backslash before the escape may be part of the text; the strict parser decides.
        _decode_patiently(body, most)
    return found.annotations, mode


def _too_many(count: int, most: int) -> InvalidRequest:
    return InvalidRequest(
        f"A request may have at most {most:,} annotations; this one has {count:,}. Nothing was "
        f"stored. Send them in several requests with the mode append, {most:,} in each."
    )


def _decode_patiently(body: bytes | mmap.mmap, most: int) -> tuple[_Body, BulkMode]:
    """Parse a body again to list every problem; return it if it has none."""
    try:
        plain = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError) as error:
        raise InvalidRequest(
            f"The body is not JSON that can be read: {str(error)[:200]}. Nothing was stored."
        ) from error
    if (
        isinstance(plain, dict)
        and isinstance(plain.get("annotations"), list)
        and len(plain["annotations"]) > most
    ):
        raise _too_many(len(plain["annotations"]), most)
    items = plain.get("annotations") if isinstance(plain, dict) else None
    if not isinstance(items, list) or len(plain) > MOST_FIELDS:
        raise reject_batch([("annotations", "must be a list of annotations, in an object")])
    problems = _find_problems(BulkAnnotationsRequest, {**plain, "annotations": []}, "")
    for place, item in enumerate(items):
        # One by one, until the error is long enough: the time for an invalid body is bounded.
        if len(problems) > MOST_PROBLEMS:
            break
        if isinstance(item, dict) and len(item) > MOST_FIELDS:
            problems.append((f"annotations.{place}", f"has more than {MOST_FIELDS} fields"))
        else:
            problems += _find_problems(BulkAnnotation, item, f"annotations.{place}.")
    if problems:
        raise reject_batch(problems)
    read = [BulkAnnotation.model_validate(item) for item in items]
    mode = BulkMode(plain.get("mode", BulkMode.APPEND))
    return _Body([_plain(one) for one in read], mode.value), mode


def _find_problems(kind: type[BaseModel], value: Any, before: str) -> Problems:
    try:
        kind.model_validate(value)
    except ValidationError as error:
        return [
            (
                before + ".".join(str(part) for part in found["loc"])[:300],
                found["msg"].removeprefix("Value error, ")[:1000],
            )
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    return []


def _plain(one: BulkAnnotation) -> DecodedAnnotation:
    return DecodedAnnotation(
        one.annotation_type.value,
        one.data,
        one.class_name,
        one.confidence,
        one.storage_path,
        one.ordering,
        str(one.parent) if isinstance(one.parent, UUID) else one.parent,
    )


def reject_batch(problems: Problems) -> Unprocessable:
    """Build the error for a request; it lists at most a hundred problems."""
    shown = "; ".join(f"{where}: {message}" for where, message in problems[:3])
    more = f"; and {len(problems) - 3:,} more" if len(problems) > 3 else ""
    return Unprocessable(f"{shown}{more}. Nothing was stored.", problems[:MOST_PROBLEMS])


def validate_annotations(
    posted: Sequence[DecodedAnnotation], picture: Frame
) -> list[ValidatedAnnotation]:
    """Validate annotations by type.

    Raises:
        Unprocessable: lists each invalid annotation by position and field.
    """
    problems: Problems = []
    checked = []
    boxes = _places_of_boxes(posted)
    for place, one in enumerate(posted):
        fault = _find_fault(one, boxes)
        data = one.data
        if fault is None:
            try:
                data = validate_data(one.annotation_type, one.data, picture)
            except InvalidAnnotationData as error:
                fault = (f"data.{error.field}", error.message)
        if fault is not None:
            problems.append((f"annotations.{place}.{fault[0]}", fault[1]))
            if len(problems) > MOST_PROBLEMS:
                break
            continue
        found = _prepare(one, data, _parent_of(one, boxes))
        if len(found.encoded) > MOST_DATA_BYTES:
            problems.append(
                (f"annotations.{place}.data", f"is longer than {MOST_DATA_BYTES:,} bytes")
            )
        checked.append(found)
    if problems:
        raise reject_batch(problems)
    return checked


def _places_of_boxes(posted: Sequence[DecodedAnnotation]) -> dict[int, int | None]:
    """Return the position of the box of each ordering; None if several boxes have it."""
    places: dict[int, int | None] = {}
    for place, one in enumerate(posted):
        if one.annotation_type == BOX and one.ordering is not None:
            first = places.setdefault(one.ordering, place)
            if first is not None and posted[first] != one:
                places[one.ordering] = None
    return places


def _find_fault(one: DecodedAnnotation, boxes: dict[int, int | None]) -> tuple[str, str] | None:
    if exceeds_depth(one.data):
        return "data", f"is nested more than {DEEPEST} levels deep"
    if one.annotation_type not in NAMES:
        return "annotation_type", f"must be one of {', '.join(sorted(NAMES))}"
    if one.class_name is not None and len(one.class_name) > LONGEST_NAME:
        return "class_name", f"must have at most {LONGEST_NAME} characters"
    if one.confidence is not None and not 0 <= one.confidence <= 1:
        return "confidence", "must be from 0 to 1"
    if one.ordering is not None and not -(2**31) <= one.ordering < 2**31:
        return "ordering", "must be a whole number of 32 bits"
    if one.storage_path is None:
        if one.annotation_type in NEEDS_FILE:
            return (
                "storage_path",
                f"is missing: a {one.annotation_type} is a file that was uploaded before",
            )
    elif len(one.storage_path) > 1000:
        return "storage_path", "must have at most 1000 characters"
    return None if one.parent is None else _find_fault_of_parent(one, boxes)


def _find_fault_of_parent(
    one: DecodedAnnotation, boxes: dict[int, int | None]
) -> tuple[str, str] | None:
    if one.annotation_type != CLASSIFICATION:
        return "parent", "belongs to a classification: it names its box"
    if isinstance(one.parent, str):
        try:
            UUID(one.parent)
        except ValueError:
            return (
                "parent",
                "must be the ordering of a box in this request, or the ID of a stored box",
            )
        return None
    if one.parent not in boxes:
        return "parent", f"no box of this request has the ordering {one.parent}"
    if boxes[one.parent] is None:
        return "parent", f"several boxes of this request have the ordering {one.parent}"
    return None


def _parent_of(one: DecodedAnnotation, boxes: dict[int, int | None]) -> int | UUID | None:
    return (
        boxes[one.parent]
        if isinstance(one.parent, int)
        else UUID(one.parent)
        if one.parent
        else None
    )


def format_float32(number: float) -> float:
    """Return the shortest decimal that single precision rounds to the same number."""
    if -1 <= number <= 1 and round(number, 6) == number:
        return number
    packed = _FLOAT.pack(number)
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if _FLOAT.pack(short) == packed:
            return short
    return float(f"{number:.9g}")


def _encode_confidence(number: float | None) -> tuple[bytes, bytes | None]:
    """Encode a confidence for the fingerprint, and as earlier versions did if that differs.

    Earlier versions stored single precision. A number that single precision represents, or its
    shortest decimal, is still encoded in this form, so that its fingerprint stays the same.
    """
    if number is None:
        return b"", None
    shortest = format_float32(number)
    single = _FLOAT.pack(shortest + 0.0)
    if number in (shortest, _FLOAT.unpack(single)[0]):
        return single, None
    return _DOUBLE.pack(number + 0.0), single


def _prepare(
    one: DecodedAnnotation, data: dict[str, Any], parent: int | UUID | None
) -> ValidatedAnnotation:
    kind = one.annotation_type
    confidence = one.confidence
    vectors = None
    kept = data
    if kind == CLASSIFICATION:
        scores, logits = data.get("scores") or [], data.get("logits")
        if max(len(scores), len(logits or ())) > SHORT_LIST:
            vectors = (scores, logits)
            kept = {name: value for name, value in data.items() if name not in ("scores", "logits")}
    # The fields that the server adds for other frames are not part of the fingerprint, because a
    # client may post data as it was returned.
    own = data
    if kind != CUSTOM and ("given" in data or "scaled" in data):
        own = {name: data[name] for name in data if name not in ("given", "scaled")}
    about = _SORTED.encode((kind, one.class_name, one.storage_path, one.ordering, _canonical(own)))
    encoded = _ENCODER.encode(kept)
    return ValidatedAnnotation(
        kind,
        one.class_name,
        confidence,
        data,
        one.storage_path,
        one.ordering,
        parent,
        encoded,
        vectors,
        about,
        *_encode_confidence(confidence),
    )


def _canonical(value: Any) -> Any:
    """Return equal numbers in one form, because JSON has 10, 10.0 and -0.0."""
    kind = type(value)
    if kind is dict:
        # Numbers are converted here: a function call for each would be a third of the time for a
        # box.
        return {
            name: (int(inner) if inner.is_integer() and -EXACT < inner < EXACT else inner)
            if type(inner) is float
            else inner
            if type(inner) is int
            else _canonical(inner)
            for name, inner in value.items()
        }
    if kind is float:
        return int(value) if value.is_integer() and -EXACT < value < EXACT else value
    if kind is list:
        return [_canonical(inner) for inner in value]
    return value


def build_fingerprint(one: ValidatedAnnotation, parent: bytes | None) -> bytes:
    """Build the 16 bytes that identify an annotation within its analysis.

    `parent` is the fingerprint of its box.
    """
    return _hash(one.about, one.confidence_key, parent)


def build_single_fingerprint(one: ValidatedAnnotation, parent: bytes | None) -> bytes | None:
    """Build the fingerprint of versions with single precision; None if it is the same."""
    return None if one.single_key is None else _hash(one.about, one.single_key, parent)


def _hash(about: bytes, confidence: bytes, parent: bytes | None) -> bytes:
    return hashlib.sha256(b"\0".join((about, confidence, parent or b""))).digest()[:16]
