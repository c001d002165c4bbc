"""Errors that differ only in numbers, names of files and addresses have one reason."""

import pytest

from trapline.server.queue.rules.failure_reasons import LONGEST, normalise_error

SAME = [
    ["failed to load image", "  failed to   load image\n"],
    ["cannot read /data/a/0001.jpg", "cannot read /data/b/c/9.JPG", "cannot read /x/y"],
    ["timed out after 30.5 s", "timed out after 7 s"],
    [
        "CUDA out of memory. Tried to get 20.00 MiB (GPU 0)",
        "CUDA out of memory. Tried to get 1,024 MiB (GPU 1)",
    ],
    ["GET http://10.0.0.1:8000/files/a?x=1 failed", "GET https://elsewhere.example/b failed"],
    [
        "no such image 01a1fd01-fc60-7307-a892-9d89f02a4d08",
        "no such image 0badf00d-fc60-7307-a892-9d89f02a4d08",
    ],
    [
        "cannot identify file <_io.BytesIO object at 0x7f3a>",
        "cannot identify file <_io.BytesIO object at 0x11>",
    ],
    ["image IMG_0001.JPG is not an image", "image cam-7.png is not an image"],
    [r"cannot open C:\data\a.jpg now", r"cannot open D:\b\c\d.jpg now"],
    [
        "Traceback (most recent call last):\n  File 'a.py', line 3\nValueError: size 3x4",
        "ValueError: size 10x20",
    ],
    ["shape (3, 640, 480) does not fit", "shape (1, 2) does not fit"],
    ["sha256 deadbeef0 differs", "sha256 0123abcd differs"],
]
APART = [
    ["HTTP 404 for http://a/b", "HTTP 503 for http://a/b"],
    ["status code: 404", "status code: 500"],
    ["[Errno 2] No such file", "[Errno 13] Permission denied"],
    ["exit code -9", "exit code 1"],
    ["float16 is not known", "float64 is not known"],
    ["failed to load image", "failed to load model"],
    ["no animal and/or person", "no animal"],
]
EACH = [error for errors in SAME + APART for error in errors]


@pytest.mark.parametrize("errors", SAME)
def test_one_reason(errors: list[str]) -> None:
    assert len({normalise_error(error) for error in errors}) == 1, [
        normalise_error(error) for error in errors
    ]


@pytest.mark.parametrize("errors", APART)
def test_reasons_apart(errors: list[str]) -> None:
    assert len({normalise_error(error) for error in errors}) == len(errors), [
        normalise_error(error) for error in errors
    ]


@pytest.mark.parametrize(
    "error",
    [error for errors in SAME + APART for error in errors] + ["", "\n", "é" * 5000, "1 " * 5000],
)
def test_a_reason_is_its_own_reason_and_short(error: str) -> None:
    reason = normalise_error(error)
    assert normalise_error(reason) == reason
    assert len(reason) <= LONGEST


def test_a_reason_can_still_be_read() -> None:
    assert (
        normalise_error("GET http://cam/1.jpg: HTTP 404 after 3 tries")
        == "GET …: HTTP 404 after … tries"
    )
    assert normalise_error(
        "no result: leased 5 times, and each time the worker stopped responding"
    ) == ("no result: leased … times, and each time the worker stopped responding")


def test_long_errors_are_named_in_no_time() -> None:
    for piece in ("a/", "9", "1.", "\\a", "x" * 9 + " ", "deadbeef"):
        assert len(normalise_error(piece * 1_000_000)) <= LONGEST
