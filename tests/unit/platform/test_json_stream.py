"""A body is taken apart at its elements, whatever is in them."""

import json
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.json_stream import GROUP, SMALL, Body, split_body


@contextmanager
def mapped(content: bytes) -> Iterator[mmap.mmap]:
    """The same bytes as a file, as a large body is."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            yield body


def split(body: Body) -> list[Any]:
    return [json.loads(element or b"") for group in split_body(body) for element in group]


ELEMENTS = [
    {"a": 'quotes " and \\ and "]}" in it', "b": [[], {}, [{"c": "\\\\"}]]},
    "text, with [brackets}",
    3.5,
    None,
    [],
    {},
    {"ü": "\u2028 ]"},
]


@pytest.mark.parametrize("indent", [None, 3])
@pytest.mark.parametrize(
    "body",
    [
        ELEMENTS,
        {"results": ELEMENTS},
        {"x": {"results": [1, "]"]}, "results": ELEMENTS, "y": 'z"'},
        [],
    ],
)
def test_elements_come_out_as_they_went_in(body: Any, indent: int | None) -> None:
    written = json.dumps(body, indent=indent, ensure_ascii=False).encode()
    expected = body["results"] if isinstance(body, dict) else body
    assert split(written) == expected
    with mapped(written) as file:
        assert split(file) == expected


def test_a_large_body_comes_in_groups() -> None:
    elements = [{"number": number, "filling": "x" * 100_000} for number in range(60)]
    written = json.dumps(elements).encode()
    assert len(written) > 2 * GROUP > SMALL
    with mapped(written) as body:
        groups = list(split_body(body))
        assert len(groups) == 3
        assert [json.loads(element or b"") for group in groups for element in group] == elements


def test_an_element_that_is_no_json_harms_no_other() -> None:
    for small in (
        b'[{"a": 1}, {"a": NaN}, {"b": 2}]',
        b'{"results": [{"a": 1}, {"a": NaN}, {"b": 2}]}',
    ):
        [group] = split_body(small)
        assert group == [b'{"a": 1}', b'{"a": NaN}', b'{"b": 2}']


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"[",
        b"3",
        b"null",
        b"\xff",
        b"{}",
        b"[1,]",
        b"[1 2]",
        b"[1}",
        b"[,]",
        b'{"results": 3}',
        b'{"results": {}}',
        b'{"results": []',
        b'{"results": []} []',
        b'{"results": [],}',
        b'{"results" []}',
        b'{"results": [{"a": "]}',
        b'{"a": [], "results": [{]}',
        b"[" * 100_000,
        b'{"results": [' + b'{"a":' * 100_000,
    ],
)
def test_other_bodies_are_invalid(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"Nothing was stored"):
        split(body)
    with mapped(body) as file, pytest.raises(InvalidRequest, match=r"Nothing was stored"):
        split(file)
