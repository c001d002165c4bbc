"""Long score lists, kept compactly and exactly.

Scores and logits become float32, little-endian, byte-shuffled (all first bytes, all second bytes, ...), so that the
slowly changing exponent bytes lie together, and deflated. Nothing is predicted from anything else: what is read back
must be the same on every machine.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ENCODING = "f4-shuffle-deflate/1"
LEVEL = 1
_HEADER = struct.Struct("<II")

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """The scores of one classification over its class list, and the logits they came from, if they were sent."""

    scores: Vector
    logits: Vector | None


def encode_scores(scores: Sequence[float] | Vector, logits: Sequence[float] | Vector | None) -> bytes:
    """Encode scores, and logits where there are any (float32; a number beyond its range becomes infinite)."""
    vectors = [_to_vector(scores), _to_vector(logits if logits is not None else ())]
    plain = b"".join(_shuffle(vector) for vector in vectors)
    return _HEADER.pack(*(vector.size for vector in vectors)) + zlib.compress(plain, LEVEL)


def decode_scores(content: bytes) -> Scores:
    """Read back exactly what was encoded. Raises ValueError for anything else."""
    try:
        sizes = _HEADER.unpack_from(content)
        plain = zlib.decompress(content[_HEADER.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError(f"not a score vector: {error}") from error
    if len(plain) != 4 * sum(sizes):
        raise ValueError("not a score vector: its length differs")
    scores = _unshuffle(plain[: 4 * sizes[0]])
    logits = _unshuffle(plain[4 * sizes[0] :])
    return Scores(scores, logits if logits.size else None)


def _to_vector(numbers: Sequence[float] | Vector) -> Vector:
    with np.errstate(over="ignore"):
        return np.asarray(numbers, dtype="<f4")


def _shuffle(vector: Vector) -> bytes:
    return vector.view(np.uint8).reshape(-1, 4).T.tobytes() if vector.size else b""


def _unshuffle(plain: bytes) -> Vector:
    return np.frombuffer(plain, np.uint8).reshape(4, -1).T.copy().view("<f4").reshape(-1)
