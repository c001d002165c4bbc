"""The seed that repeats a run, the two sizes of each proof, and the measured values."""

import os
import random
from dataclasses import dataclass, field

import pytest

SEED = int(os.environ.get("TRAPLINE_FAULT_SEED") or random.SystemRandom().randrange(2**32))
FULL = os.environ.get("TRAPLINE_SOAK") == "1"


UP_OR_PARTS = [
    pytest.param(False, marks=pytest.mark.long, id="parts"),
    pytest.param(True, id="trapline up"),
]
"""For tests of `trapline up`, and in the soak of its parts, started by the test."""


def sized(full: int, small: int | None = None) -> int:
    """Return the size of the full form, or a tenth of it.

    `small` is for sizes where a tenth is too few.
    """
    return full if FULL else small if small is not None else max(1, full // 10)


def make_chance(name: str) -> random.Random:
    """Return a random generator with the same values in all runs with the same seed."""
    return random.Random(f"{SEED}:{name}")


@dataclass(frozen=True)
class Figure:
    """A measurement: the requirement and the result, as text."""

    promise: str
    what: str
    asked: str
    seen: str


@dataclass
class Figures:
    """The figures of a run, printed at its end."""

    rows: list[Figure] = field(default_factory=list)

    def add(self, promise: str, what: str, asked: object, seen: object) -> None:
        """Keep one line of the table."""
        self.rows.append(Figure(promise, what, str(asked), str(seen)))

    def describe(self) -> list[str]:
        """The table, one string a line."""
        rows = [Figure("promise", "what", "asked", "seen"), *self.rows]
        widths = [
            max(len(value) for value in column)
            for column in zip(
                *[(row.promise, row.what, row.asked, row.seen) for row in rows], strict=True
            )
        ]
        return [
            "  ".join(
                value.ljust(width)
                for value, width in zip(
                    (row.promise, row.what, row.asked, row.seen), widths, strict=True
                )
            ).rstrip()
            for row in rows
        ]


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
