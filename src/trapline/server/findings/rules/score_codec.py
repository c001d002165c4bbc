"""Lossless compression of long score lists.

The scores of a classifier are usually the softmax of its logits. So the logits are stored as
float32, and each score as the number of float32 steps between it and the softmax computed here:
nearly always 0, 1 or 2. Numbers are byte-shuffled (all first bytes, all second bytes, ...), so that
similar bytes are adjacent, and compressed.

Decoding must return the same numbers on every machine. So the softmax uses only IEEE additions,
multiplications and divisions in separate array operations: the exponential functions of libraries
differ between processors in the last bit.
"""

import struct
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODING = "f4-softmax-zstd/1"
OLD_ENCODING = "f4-shuffle-deflate/1"
LEVEL = 1
PLAIN, SOFTMAX = 0, 1
_HEADER = struct.Struct("<BIId")
_OLD_HEADER = struct.Struct("<II")
_NOTHING = np.empty(0, "<f4")

# exp(r) = sum of r^n / n! for |r| <= ln(2) / 2. The terms after the eighth are less than a tenth of
# the last bit of a float32.
_TERMS = (1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0)
_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_LEAST = -700.0

Vector = NDArray[np.float32]
Numbers = Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class ScoreVector:
    """The scores of a classification over its class list, and its logits, if they were sent."""

    scores: Vector
    logits: Vector | None


def encode_scores(scores: Numbers, logits: Numbers | None) -> bytes:
    """Encode scores and optional logits as float32; a number beyond its range becomes infinite."""
    sent, raw = _to_vector(scores), _to_vector(logits if logits is not None else ())
    total, kind, first = 0.0, PLAIN, _shuffle(sent)
    if raw.size and raw.size == sent.size and bool(np.isfinite(raw).all()):
        powers = _exponentials(raw)
        total = float(powers.sum())
        steps = sent.view("<i4").astype(np.int64) - _softmax(powers, total).view("<i4")
        # Scores that are not a softmax differ much from it, and are smaller without it.
        if np.abs(steps).max() < 1 << 30 and np.median(np.abs(steps)) < 1 << 16:
            zigzag = ((steps << 1) ^ (steps >> 63)).astype("<u4")
            kind, first = SOFTMAX, _shuffle(zigzag)
    return _HEADER.pack(kind, sent.size, raw.size, total) + zstd.compress(
        first + _shuffle(raw), level=LEVEL
    )


def decode_scores(content: bytes, encoding: str = ENCODING) -> ScoreVector:
    """Decode scores exactly as they were encoded. Raises ValueError for other content."""
    if encoding == OLD_ENCODING:
        return _decode_old(content)
    if encoding != ENCODING:
        raise ValueError(f"not a score vector: its encoding {encoding!r} is not known")
    try:
        kind, scores_size, logits_size, total = _HEADER.unpack_from(content)
        if kind not in (PLAIN, SOFTMAX):
            raise ValueError("not a score vector: its kind is unknown")
        plain = _decompress(content[_HEADER.size :], 4 * (scores_size + logits_size))
    except (struct.error, zstd.ZstdError) as error:
        raise ValueError(f"not a score vector: {error}") from error
    first, logits = plain[: 4 * scores_size], _unshuffle(plain[4 * scores_size :], "<f4")
    if kind == SOFTMAX and scores_size != logits_size:
        raise ValueError("not a score vector: its logits are missing")
    if kind == SOFTMAX and scores_size:
        zigzag = _unshuffle(first, "<u4").astype(np.int64)
        steps = (zigzag >> 1) ^ -(zigzag & 1)
        scores = (
            (_softmax(_exponentials(logits), total).view("<i4") + steps).astype("<i4").view("<f4")
        )
    else:
        scores = _unshuffle(first, "<f4")
    return ScoreVector(scores, logits if logits.size else None)


def _decompress(content: bytes, size: int) -> bytes:
    unpacking = zstd.ZstdDecompressor()
    plain = unpacking.decompress(content, size + 1)
    if len(plain) != size or not unpacking.eof:
        raise ValueError("not a score vector: its length differs")
    return plain


def _decode_old(content: bytes) -> ScoreVector:
    try:
        sizes = _OLD_HEADER.unpack_from(content)
        plain = zlib.decompress(content[_OLD_HEADER.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError(f"not a score vector: {error}") from error
    if len(plain) != 4 * sum(sizes):
        raise ValueError("not a score vector: its length differs")
    logits = _unshuffle(plain[4 * sizes[0] :], "<f4")
    return ScoreVector(_unshuffle(plain[: 4 * sizes[0]], "<f4"), logits if logits.size else None)


def _exponentials(logits: Vector) -> NDArray[np.float64]:
    """Return exp(logit - maximum), the same bits on every processor; at least exp(-700)."""
    below = np.maximum(logits.astype(np.float64) - np.float64(logits.max()), _LEAST)
    twos = np.rint(below * _LOG2_E)
    below -= twos * _LN2_HIGH
    below -= twos * _LN2_LOW
    power = below * _TERMS[0]
    for term in _TERMS[1:-1]:
        power += term
        power *= below
    power += _TERMS[-1]
    return np.ldexp(power, twos.astype(np.int32))


def _softmax(powers: NDArray[np.float64], total: float) -> Vector:
    return (powers / total).astype("<f4")


def _to_vector(numbers: Numbers) -> Vector:
    if not len(numbers):
        return _NOTHING
    with np.errstate(over="ignore"):
        return np.asarray(numbers, dtype="<f4")


def _shuffle(vector: NDArray[np.float32] | NDArray[np.uint32]) -> bytes:
    return vector.view(np.uint8).reshape(-1, 4).T.tobytes() if vector.size else b""


def _unshuffle(plain: bytes, kind: str) -> NDArray[np.float32]:
    return np.frombuffer(plain, np.uint8).reshape(4, -1).T.copy().view(kind).reshape(-1)
