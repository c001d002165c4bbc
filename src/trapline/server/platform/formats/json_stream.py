"""Split a body of results into its elements without parsing them.

A body can have hundreds of megabytes. It may be stored in a file, and only one group of elements is
in memory at a time. Each element is parsed separately later, so that one that is not JSON does not
affect the others.
"""

import mmap
import re
from collections.abc import Generator, Iterator

import msgspec
from msgspec import Raw, Struct

from trapline.server.platform.errors import InvalidRequest

Body = bytes | mmap.mmap
GROUP = 2 << 20
GROUP_ELEMENTS = 1_000
LARGEST_ELEMENT = 32 << 20
"""Twenty detections with scores and logits of 30,000 classes, at full precision, have 24 MiB."""
STEP = 1 << 18
"""Bytes scanned per call, because a regular expression holds the interpreter's lock."""
LONGEST_KEY = 256
BOM = b"\xef\xbb\xbf"
"""The byte order mark that some programs write before UTF-8."""
SMALL = 1 << 20
"""Bodies up to this size are split in one step, which takes a few milliseconds."""

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb"[^,\[\]{}\" \t\r\n]*+")
NESTED = 6


def _nest(levels: int) -> bytes:
    """Build a pattern of a list or object that is nested at most this many levels deep."""
    inner = rb'[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+"'
    if levels > 1:
        inner += b"|" + _nest(levels - 1)
    return rb"\{(?:" + inner + rb")*+\}|\[(?:" + inner + rb")*+\]"


_USUAL = re.compile(_nest(NESTED), re.DOTALL)
_COMPLETE = re.compile(
    rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+"|' + _nest(NESTED) + rb")*+", re.DOTALL
)
"""The rest of a list or object, up to its end or to a value that is too long or nested deeper."""
_NUMERIC = frozenset(b"-0123456789"[place : place + 1] for place in range(11))


class _Batch(Struct):
    results: list[Raw]


def split_body(body: Body) -> Iterator[list[bytes | None]]:
    """Split a body, `{"results": [...]}` or a list, into groups of elements of about 2 MiB.

    An element of more than LARGEST_ELEMENT bytes is None: it is never in memory.

    Raises:
        InvalidRequest: the body is neither. This may be known only at its end, so the caller must
            not store anything before.
    """
    if len(body) <= SMALL and isinstance(body, bytes):
        try:
            bare = body.lstrip()[:1] == b"["
            elements = (
                msgspec.json.decode(body, type=list[Raw])
                if bare
                else msgspec.json.decode(body, type=_Batch, strict=True).results
            )
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass  # one element may be wrong, so the elements are split without the parser
        else:
            yield [bytes(element) for element in elements]
            return
    group: list[bytes | None] = []
    size = 0
    for start, end in _find_elements(body):
        is_large = end - start > LARGEST_ELEMENT
        group.append(None if is_large else bytes(body[start:end]))
        size += 0 if is_large else end - start
        if size >= GROUP or len(group) >= GROUP_ELEMENTS:
            yield group
            group, size = [], 0
            _release(body, end)
    yield group


def has_many_values(body: Body, most: int) -> bool:
    """Return whether a body may have more than `most` values and keys, from an upper bound.

    Each value and key is next to one of four characters, which are counted; texts may contain them
    too. Each is a Python object of at most a hundred bytes.
    """
    if len(body) <= most:
        return False
    counted = 1
    for start in range(0, len(body), STEP):
        piece = body[start : start + STEP]
        counted += sum(map(piece.count, (b",", b":", b"[", b"{")))
        if counted > most:
            return True
    return False


def find_value_spans(body: Body) -> dict[str, tuple[int, int]]:
    """Find the position of the value of each key of an object; for repeated keys, of the last.

    The whole body is scanned, so that a truncated file is refused before any of it is imported.

    Raises:
        InvalidRequest: the body is not an object, or it is not JSON.
    """
    position = _skip_space(body, len(BOM) if body[: len(BOM)] == BOM else 0)
    if body[position : position + 1] != b"{":
        raise InvalidRequest("The body is not a JSON object. Nothing was stored.")
    parts: dict[str, tuple[int, int]] = {}
    position = _skip_space(body, position + 1)
    while body[position : position + 1] != b"}":
        key = _STRING.match(body, position, position + STEP)
        if key is None:
            raise _invalid("a key was expected", position)
        position = _skip_space(body, key.end())
        if body[position : position + 1] != b":":
            raise _invalid("a colon was expected", position)
        position = _skip_space(body, position + 1)
        start = position
        # A list is scanned element by element: a pattern over all of them would block the other
        # threads.
        is_list = body[start : start + 1] == b"["
        position = _find_end_of_list(body, start) if is_list else _find_end(body, start)
        if len(key[0]) <= LONGEST_KEY:
            parts[key[0][1:-1].decode("utf-8", "replace")] = start, position
        _release(body, position)
        position = _skip_comma(body, position, b"}")
    if _skip_space(body, position + 1) != len(body):
        raise _invalid("unexpected content after its end", position)
    return parts


def _find_end_of_list(body: Body, position: int) -> int:
    elements, read = _find_in_list(body, position), position
    while True:
        try:
            _, end = next(elements)
        except StopIteration as over:
            return int(over.value)
        if end - read > GROUP:
            _release(body, end)
            read = end


def list_element_spans(body: Body, position: int) -> Iterator[tuple[int, int]]:
    """Iterate over the start and end of each element of the list that begins here.

    Raises:
        InvalidRequest: the value is not a list.
    """
    read = position
    for start, end in _find_in_list(body, position):
        yield start, end
        if end - read > GROUP:
            _release(body, end)
            read = end


def _release(body: Body, end: int) -> None:
    """Release the memory of the part that has been read, which is still in the file."""
    if isinstance(body, mmap.mmap):
        body.madvise(mmap.MADV_DONTNEED, 0, end // mmap.PAGESIZE * mmap.PAGESIZE)


def _find_elements(body: Body) -> Iterator[tuple[int, int]]:
    position = _skip_space(body, 0)
    opening = body[position : position + 1]
    found = opening == b"["
    if found:
        position = yield from _find_in_list(body, position)
    elif opening == b"{":
        position = _skip_space(body, position + 1)
        while body[position : position + 1] != b"}":
            key = _STRING.match(body, position, position + STEP)
            if key is None:
                raise _invalid("a key was expected", position)
            position = _skip_space(body, key.end())
            if body[position : position + 1] != b":":
                raise _invalid("a colon was expected", position)
            position = _skip_space(body, position + 1)
            if key[0] == b'"results"' and not found:
                found = True
                position = yield from _find_in_list(body, position)
            else:
                position = _find_end(body, position)
            position = _skip_comma(body, position, b"}")
        position += 1
    if not found:
        raise InvalidRequest(
            'The body is not a list of results, nor {"results": [...]}. Nothing was stored.'
        )
    if _skip_space(body, position) != len(body):
        raise _invalid("unexpected content after its end", position)


def _find_in_list(body: Body, position: int) -> Generator[tuple[int, int], None, int]:
    if body[position : position + 1] != b"[":
        raise _invalid("a list was expected", position)
    position = _skip_space(body, position + 1)
    while body[position : position + 1] != b"]":
        end = _find_end(body, position)
        yield position, end
        position = _skip_comma(body, end, b"]")
    return position + 1


def _skip_comma(body: Body, position: int, closing: bytes) -> int:
    position = _skip_space(body, position)
    if body[position : position + 1] == b",":
        position = _skip_space(body, position + 1)
        if body[position : position + 1] == closing:
            raise _invalid("a value was expected after the comma", position)
    elif body[position : position + 1] != closing:
        raise _invalid(f"a comma or {closing.decode()} was expected", position)
    return position


def _find_end(body: Body, position: int) -> int:
    """Return the end of the value that begins here, by counting brackets only."""
    first = body[position : position + 1]
    if first == b'"':
        return _skip_string(body, position)
    if first not in (b"{", b"["):
        end = _skip(_SCALAR, body, position)
        if end == position:
            raise _invalid("a value was expected", position)
        return end
    usual = _USUAL.match(body, position, position + STEP)
    if usual is not None:
        return usual.end()
    depth, position = 1, position + 1
    while True:
        position = _skip_to_bracket(body, position)
        bracket = body[position : position + 1]
        if bracket in (b"{", b"["):
            depth += 1
        elif bracket in (b"}", b"]"):
            depth -= 1
        else:
            raise _invalid("it ends too early", position)
        position += 1
        if depth == 0:
            return position


def _skip_to_bracket(body: Body, position: int) -> int:
    if body[position - 1 : position] == b"[" and body[position : position + 1] in _NUMERIC:
        # Nearly all bytes of a large body are in lists of numbers, and finding one byte is a
        # hundred times faster than a pattern.
        end = body.find(b"]", position, position + STEP)
        if end > 0 and all(
            body.find(other, position, end) < 0 for other in (b'"', b"[", b"{", b"}")
        ):
            return end
    while True:
        position = _skip(_COMPLETE, body, position)
        if body[position : position + 1] != b'"':
            return position
        position = _skip_string(body, position)  # the string does not end within a step


def _skip_string(body: Body, position: int) -> int:
    start = position
    position += 1
    while True:
        end = _skip(_IN_STRING, body, position)
        if body[end : end + 1] == b'"':
            return end + 1
        if end == position or end >= len(body):
            raise _invalid("a text does not end", start)
        position = end  # a step ended between a backslash and its character


def _skip_space(body: Body, position: int) -> int:
    return _skip(_SPACE, body, position)


def _skip(pattern: re.Pattern[bytes], body: Body, position: int) -> int:
    """Skip everything that a pattern matches, in steps, so that other threads run between them."""
    while True:
        found = pattern.match(body, position, position + STEP)
        assert found is not None
        if found.end() < position + STEP:
            return found.end()
        position = found.end()
        _release(body, position)


def _invalid(what: str, position: int) -> InvalidRequest:
    return InvalidRequest(
        f"The body is not JSON: {what}, at byte {position:,}. Nothing was stored."
    )
