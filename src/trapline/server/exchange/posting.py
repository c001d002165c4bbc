"""Annotations as posted: decoded fast, and once more with patience where something is wrong, so that all is named."""

import hashlib
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from pydantic import ValidationError

from trapline.server.errors import Invalid, Unprocessable
from trapline.server.rules.annotation_data import NEEDS_FILE, WrongData, check_data
from trapline.server.rules.geometry import Frame
from trapline.wire.annotations import AnnotationType
from trapline.wire.posting import PostedAnnotations, PostMode

MOST_PROBLEMS = 100
LONGEST_NAME = 255
NAMES = frozenset(kind.value for kind in AnnotationType)
BOX = AnnotationType.BOUNDING_BOX.value
CLASSIFICATION = AnnotationType.CLASSIFICATION.value
NUL = b"\\u0000"
_FLOAT = Struct(">f")

Problems = list[tuple[str, str]]


class Posted(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One annotation as posted."""

    annotation_type: str
    data: dict[str, Any]
    class_name: str | None = None
    confidence: float | None = None
    storage_path: str | None = None
    ordering: int | None = None
    parent: int | str | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    annotations: list[Posted]
    mode: str = PostMode.APPEND.value


_DECODER = msgspec.json.Decoder(_Body)
_SORTED = msgspec.json.Encoder(order="sorted")


@dataclass(slots=True)
class Checked:
    """An annotation that may be stored: its data brought to the upright original, its confidence as it will be kept.

    `parent` is the place of its box in the same request, or the id of one that is there.
    """

    kind: str
    class_name: str | None
    confidence: float | None
    data: dict[str, Any]
    storage_path: str | None
    ordering: int | None
    parent: int | UUID | None


def decode_posted(body: bytes | mmap.mmap, most: int) -> tuple[list[Posted], PostMode]:
    """Decode a request. Raises Invalid for what is not JSON or is too much, Unprocessable with everything wrong."""
    try:
        found = _DECODER.decode(body)
        mode = PostMode(found.mode)
    except (msgspec.DecodeError, RecursionError, ValueError, UnicodeError):
        found, mode = _decode_patiently(body, most)
    if len(found.annotations) > most:
        raise _too_many(len(found.annotations), most)
    if body.find(NUL) >= 0:
        # The escape may as well stand behind a backslash of the text's own: this way of reading tells.
        _decode_patiently(body, most)
    return found.annotations, mode


def _too_many(count: int, most: int) -> Invalid:
    return Invalid(
        f"A request may have at most {most:,} annotations; this one has {count:,}. Nothing was stored. Send them in "
        f"several requests with the mode append, {most:,} in each."
    )


def _decode_patiently(body: bytes | mmap.mmap, most: int) -> tuple[_Body, PostMode]:
    """Read a body again to name everything that is wrong with it; answers it where nothing is."""
    try:
        plain = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError) as error:
        raise Invalid(f"The body is not JSON that can be read: {str(error)[:200]}. Nothing was stored.") from error
    if isinstance(plain, dict) and isinstance(plain.get("annotations"), list) and len(plain["annotations"]) > most:
        raise _too_many(len(plain["annotations"]), most)
    try:
        read = PostedAnnotations.model_validate(plain)
    except ValidationError as error:
        problems = [
            (".".join(str(part) for part in found["loc"])[:300], found["msg"].removeprefix("Value error, ")[:1000])
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise refuse_all(problems) from error
    posted = [
        Posted(
            one.annotation_type.value,
            one.data,
            one.class_name,
            one.confidence,
            one.storage_path,
            one.ordering,
            str(one.parent) if isinstance(one.parent, UUID) else one.parent,
        )
        for one in read.annotations
    ]
    return _Body(posted, read.mode.value), read.mode


def refuse_all(problems: Problems) -> Unprocessable:
    """Refuse a request for all that is wrong with it, in words; at most a hundred problems are listed."""
    shown = "; ".join(f"{where}: {message}" for where, message in problems[:3])
    more = f"; and {len(problems) - 3:,} more" if len(problems) > 3 else ""
    return Unprocessable(f"{shown}{more}. Nothing was stored.", problems[:MOST_PROBLEMS])


def check_posted(posted: Sequence[Posted], picture: Frame) -> list[Checked]:
    """Check every annotation by its type. Raises Unprocessable naming each that is wrong, by its place and field."""
    problems: Problems = []
    checked = []
    boxes = _places_of_boxes(posted)
    for place, one in enumerate(posted):
        fault = _find_fault(one, boxes)
        data = one.data
        if fault is None:
            try:
                data = check_data(one.annotation_type, one.data, picture)
            except WrongData as error:
                fault = (f"data.{error.field}", error.message)
        if fault is not None:
            problems.append((f"annotations.{place}.{fault[0]}", fault[1]))
            if len(problems) > MOST_PROBLEMS:
                break
            continue
        confidence = None if one.confidence is None else to_single(one.confidence)
        parent = _parent_of(one, boxes)
        checked.append(
            Checked(one.annotation_type, one.class_name, confidence, data, one.storage_path, one.ordering, parent)
        )
    if problems:
        raise refuse_all(problems)
    return checked


def _places_of_boxes(posted: Sequence[Posted]) -> dict[int, int | None]:
    """Where the box of each ordering stands; None for an ordering that several different ones have."""
    places: dict[int, int | None] = {}
    for place, one in enumerate(posted):
        if one.annotation_type == BOX and one.ordering is not None:
            first = places.setdefault(one.ordering, place)
            if first is not None and posted[first] != one:
                places[one.ordering] = None
    return places


def _find_fault(one: Posted, boxes: dict[int, int | None]) -> tuple[str, str] | None:
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
            return "storage_path", f"is missing: a {one.annotation_type} is a file that was uploaded before"
    elif len(one.storage_path) > 1000:
        return "storage_path", "must have at most 1000 characters"
    return None if one.parent is None else _find_fault_of_parent(one, boxes)


def _find_fault_of_parent(one: Posted, boxes: dict[int, int | None]) -> tuple[str, str] | None:
    if one.annotation_type != CLASSIFICATION:
        return "parent", "belongs to a classification: it names its box"
    if isinstance(one.parent, str):
        try:
            UUID(one.parent)
        except ValueError:
            return "parent", "must be the ordering of a box in this request, or the id of one that is there"
        return None
    if one.parent not in boxes:
        return "parent", f"no box of this request has the ordering {one.parent}"
    if boxes[one.parent] is None:
        return "parent", f"several boxes of this request have the ordering {one.parent}"
    return None


def _parent_of(one: Posted, boxes: dict[int, int | None]) -> int | UUID | None:
    return boxes[one.parent] if isinstance(one.parent, int) else UUID(one.parent) if one.parent else None


def to_single(number: float) -> float:
    """The shortest decimal that is this number in single precision, which is what is kept."""
    return float(str(np.float32(number)))


def fingerprint(one: Checked, parent: bytes | None) -> bytes:
    """Name an annotation by all that makes it what it is: 16 bytes. `parent` is the fingerprint of its box."""
    about = _SORTED.encode((one.kind, one.class_name, one.storage_path, one.ordering, one.data))
    confidence = b"" if one.confidence is None else _FLOAT.pack(one.confidence)
    return hashlib.sha256(about + b"\0" + confidence + b"\0" + (parent or b"")).digest()[:16]
