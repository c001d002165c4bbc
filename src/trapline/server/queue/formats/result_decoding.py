"""Decode posted results element by element, so that an invalid element does not affect the others.

The models of the wire format (wire/results.py) have the same fields for the documentation; a test
compares both. Here the results are decoded into structs, because a body may hold millions of
scores. The structs have no cycles, so the garbage collector skips them.
"""

import contextlib
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from trapline.server.platform.formats.json_stream import LARGEST_ELEMENT, has_many_values
from trapline.wire.values import LONGEST_LEASE_TOKEN, LONGEST_TEXT

LONGEST_NAME = 10_000
LONGEST_KEY = 255
LONGEST_EXTRA = 8 << 20
MOST_VALUES = 2_000_000
"""The limit of values in one element; a value is an object of up to a hundred bytes.

30 detections with scores and logits over 30,000 classes have fewer values.
"""
LARGEST_VERSION = (1 << 31) - 1
Text = Annotated[str, Meta(max_length=LONGEST_NAME)]
LongText = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Kind = TypeVar("Kind")
NOTHING = Raw()
"""The default of fields that are kept as raw JSON, which takes a twentieth of the memory of
objects.
"""


class AlgorithmReferenceStruct(Struct, gc=False):
    """A reference to the algorithm that made a finding."""

    key: str
    name: Text = ""


class BoundingBoxStruct(Struct, gc=False):
    """A box in absolute pixels of the image as served."""

    x1: float
    y1: float
    x2: float
    y2: float


class ClassificationStruct(Struct, gc=False):
    """A classification of one box."""

    classification: str
    algorithm: AlgorithmReferenceStruct
    labels: list[Text] | None = None
    scores: list[float] | None = None
    logits: list[float] | None = None
    inference_time: float | None = None
    terminal: bool = True
    timestamp: Text | None = None


class DetectionStruct(Struct, gc=False):
    """A detected object; without a box it states that the image has no objects."""

    source_image_id: Text
    algorithm: AlgorithmReferenceStruct
    bbox: BoundingBoxStruct | None = None
    score: float | None = None
    inference_time: float | None = None
    timestamp: Text | None = None
    crop_image_url: LongText | None = None
    classifications: list[ClassificationStruct] = []
    mask: Raw = NOTHING
    keypoints: Raw = NOTHING
    embedding: Raw = NOTHING


class SourceImageStruct(Struct, gc=False):
    """The image of a result."""

    id: Text
    url: LongText = ""


class SuccessStruct(Struct):
    """The findings of a pipeline on an image."""

    source_images: list[SourceImageStruct]
    detections: list[DetectionStruct]
    pipeline: Text = ""
    algorithms: dict[str, Any] | None = None
    total_time: float | None = None
    config: Raw = NOTHING


class FailureStruct(Struct):
    """The reason why a pipeline failed on an image."""

    error: str
    image_id: Text | None = None


class RejectedElement(Struct):
    """An element that cannot be decoded, with the reason for its sender."""

    reason: str


class ResultElement(Struct):
    """One element of a batch: the lease token, "" if it has none, and the content."""

    reply_subject: str
    result: SuccessStruct | FailureStruct | RejectedElement


class AlgorithmRevision(NamedTuple):
    """The key and version of an algorithm; the version is None if the result does not give one."""

    key: str
    version: int | None


class _RawElement(Struct):
    reply_subject: str
    result: Raw


class _UsualElement(Struct):
    reply_subject: str
    result: SuccessStruct


class _OnlyToken(Struct):
    reply_subject: str | UnsetType = UNSET


class _Probe(Struct):
    error: Raw | UnsetType = UNSET


def decode_elements(raw: Iterable[bytes | None]) -> list[ResultElement]:
    """Decode the elements of a batch; reject invalid ones, and those too large to keep (None)."""
    return [_read_element(element) for element in raw]


def _read_element(raw: bytes | None) -> ResultElement:
    if raw is None:
        return ResultElement(
            "", RejectedElement(f"an element has at most {LARGEST_ELEMENT:,} bytes")
        )
    if has_many_values(raw, MOST_VALUES):
        return ResultElement(
            _find_token(raw), RejectedElement(f"an element has at most {MOST_VALUES:,} values")
        )
    if b'"error"' not in raw and b"\\u0000" not in raw:
        # Nearly every element matches, and a large one is expensive to decode twice.
        with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
            usual = _decode(raw, _UsualElement)
            _check(usual.result)
            return ResultElement(_bound_token(usual.reply_subject), usual.result)
    try:
        element = _decode(raw, _RawElement)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return ResultElement(_find_token(raw), RejectedElement(_words(error)))
    token = _bound_token(element.reply_subject)
    try:
        is_failure = _decode(element.result, _Probe).error is not UNSET
        result: SuccessStruct | FailureStruct = (
            _decode(element.result, FailureStruct)
            if is_failure
            else _decode(element.result, SuccessStruct)
        )
        _check(result)
        _check_text(result)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return ResultElement(token, RejectedElement(_words(error)))
    return ResultElement(token, result)


def _decode(raw: bytes | Raw, kind: type[Kind]) -> Kind:
    return msgspec.json.decode(raw, type=kind)


def _find_token(raw: bytes) -> str:
    try:
        token = _decode(raw, _OnlyToken).reply_subject
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return _bound_token(token) if isinstance(token, str) else ""


def _bound_token(token: str) -> str:
    """Return a lease token, or "" for a text that is too long for one or cannot be returned."""
    return token if len(token) <= LONGEST_LEASE_TOKEN and "\x00" not in token else ""


def _words(error: Exception) -> str:
    return str(error).replace("\x00", "\\0")[:500]


def _check(result: SuccessStruct | FailureStruct) -> None:
    """Validate what the types do not express.

    The decoder guarantees that numbers are finite.

    Raises:
        ValueError: the result is not valid.
    """
    if isinstance(result, FailureStruct):
        result.error = result.error[:LONGEST_TEXT]
        return
    _check_extra("config", result.config)
    for found in result.detections:
        _check_algorithm(found.algorithm)
        _check_extra("mask", found.mask)
        _check_extra("keypoints", found.keypoints)
        _check_extra("embedding", found.embedding)
        if found.score is not None and not 0 <= found.score <= 1:
            raise ValueError("score must lie between 0 and 1")
        for named in found.classifications:
            _check_algorithm(named.algorithm)
            if len(named.classification) > LONGEST_NAME:
                raise ValueError(f"a classification has more than {LONGEST_NAME:,} characters")


def _check_algorithm(algorithm: AlgorithmReferenceStruct) -> None:
    if not 1 <= len(algorithm.key) <= LONGEST_KEY:
        raise ValueError(f"the key of an algorithm has 1 to {LONGEST_KEY} characters")


def _check_extra(name: str, raw: Raw) -> None:
    if raw is NOTHING:
        return
    if len(memoryview(raw)) > LONGEST_EXTRA:
        raise ValueError(f"{name} has more than {LONGEST_EXTRA:,} bytes")
    _check_text(msgspec.json.decode(raw))


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("text contains the NUL character, which cannot be stored")
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            _check_text(getattr(value, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key)
            _check_text(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_text(inner)


def list_image_ids(result: SuccessStruct | FailureStruct) -> set[str]:
    """List every image that a result names."""
    if isinstance(result, FailureStruct):
        return {result.image_id} if result.image_id is not None else set()
    return {image.id for image in result.source_images} | {
        found.source_image_id for found in result.detections
    }


def is_about_image(result: SuccessStruct | FailureStruct, image_id: UUID) -> bool:
    """Return whether a result names no other image than this one; it may also name none."""
    return list_image_ids(result) <= {str(image_id)}


def list_algorithms(result: SuccessStruct | FailureStruct) -> dict[AlgorithmRevision, str]:
    """List the algorithms that made findings, with their names."""
    if isinstance(result, FailureStruct):
        return {}
    names = {}
    for found in result.detections:
        names[found.algorithm.key] = found.algorithm.name
        for named in found.classifications:
            names[named.algorithm.key] = named.algorithm.name
    told = result.algorithms or {}
    return {AlgorithmRevision(key, _version(told.get(key))): name for key, name in names.items()}


def _version(told: Any) -> int | None:
    version = told.get("version") if isinstance(told, dict) else None
    return version if type(version) is int and 0 <= version <= LARGEST_VERSION else None
