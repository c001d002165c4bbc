"""Score lists come back bit by bit, and take little room."""

import hashlib
import struct
import zlib

import numpy as np
import pytest

from trapline.server.findings.rules.score_codec import (
    Vector,
    _exponentials,
    _softmax,
    decode_scores,
    encode_scores,
)

FROZEN = "e80c6c28f4a40592ac3eaa5f2afd389a2ebdffd629a8a5410c9fd7938ce48db0"


def _made(classes: int) -> tuple[Vector, Vector]:
    logits = np.random.default_rng(7).normal(0, 3, classes).astype(np.float32)
    odds = np.exp(logits - logits.max())
    return (odds / odds.sum()).astype(np.float32), logits


@pytest.mark.parametrize("classes", [1, 2, 100, 2_500, 30_000])
def test_scores_and_logits_come_back_exactly(classes: int) -> None:
    scores, logits = _made(classes)
    back = decode_scores(encode_scores(scores.tolist(), logits.tolist()))
    assert back.scores.tobytes() == scores.tobytes()
    assert back.logits is not None
    assert back.logits.tobytes() == logits.tobytes()


def test_scores_alone() -> None:
    back = decode_scores(encode_scores([0.1, 1e-45, 0.0, -0.0], None))
    assert back.logits is None
    assert back.scores.tobytes() == np.array([0.1, 1e-45, 0.0, -0.0], "<f4").tobytes()
    assert decode_scores(encode_scores([], None)).scores.size == 0


def test_logits_alone() -> None:
    back = decode_scores(encode_scores([], [1.5, -2.0]))
    assert back.scores.size == 0
    assert back.logits is not None
    assert back.logits.tolist() == [1.5, -2.0]


def test_scores_that_are_no_softmax_come_back_exactly() -> None:
    _, logits = _made(500)
    for scores in (1 / (1 + np.exp(-logits)), np.full(500, np.inf), -logits, np.zeros(500)):
        sent = scores.astype(np.float32)
        assert decode_scores(encode_scores(sent, logits)).scores.tobytes() == sent.tobytes()
    huge = np.array([3e38, -3e38, 1.0], np.float32)
    assert decode_scores(encode_scores(huge, huge)).scores.tobytes() == huge.tobytes()
    back = decode_scores(encode_scores([1e300, 0.5], [1e300, 1.0]))
    assert back.scores.tolist() == [np.inf, 0.5]


def test_they_take_little_room() -> None:
    scores, logits = _made(2_500)
    assert len(encode_scores(scores, logits)) <= 12 * 1024


def test_the_softmax_is_made_of_exact_steps_alone() -> None:
    """Frozen bytes: what was written by another machine must be read here as it was meant there."""
    logits = np.linspace(-20, 3, 41, dtype=np.float32)
    content = encode_scores(np.zeros(41, np.float32) + np.float32(0.25), logits)
    assert hashlib.sha256(_softmax(_exponentials(logits), 7.25).tobytes()).hexdigest() == FROZEN
    assert decode_scores(content).logits is not None


def test_the_first_encoding_is_still_read() -> None:
    scores, logits = _made(100)
    planes = b"".join(v.view(np.uint8).reshape(-1, 4).T.tobytes() for v in (scores, logits))
    old = struct.pack("<II", 100, 100) + zlib.compress(planes, 1)
    back = decode_scores(old, "f4-shuffle-deflate/1")
    assert back.scores.tobytes() == scores.tobytes()
    assert back.logits is not None
    assert back.logits.tobytes() == logits.tobytes()
    with pytest.raises(ValueError, match="not known"):
        decode_scores(old, "rot13")


_EMPTY = encode_scores([], None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"12345678",
        b"\x01" + _EMPTY[1:4] + b"\x01" + _EMPTY[5:],
        b"\x07" + _EMPTY[1:],
        _EMPTY[:-3],
        _EMPTY[:17],
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a score vector"):
        decode_scores(content)
