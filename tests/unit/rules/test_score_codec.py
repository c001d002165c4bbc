"""Score lists come back bit by bit, and take little room."""

import numpy as np
import pytest

from trapline.server.rules.score_codec import Vector, decode_scores, encode_scores


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


def test_they_take_less_room_than_plain() -> None:
    scores, logits = _made(2_500)
    assert len(encode_scores(scores, logits)) < 0.95 * 2_500 * 8


@pytest.mark.parametrize("content", [b"", b"12345678", b"\x01\0\0\0\0\0\0\0" + encode_scores([], None)[8:]])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a score vector"):
        decode_scores(content)
