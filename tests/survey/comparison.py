"""The comparison table of the survey: expected and actual values of each surface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN = 160
"""How many characters of a value the table shows."""


@dataclass(frozen=True)
class Line:
    """A row of the table."""

    surface: str
    what: str
    expected: str
    actual: str
    equal: bool

    @property
    def name(self) -> str:
        """The name by which a known difference lists the line."""
        return f"{self.surface}: {self.what}"


@dataclass
class Comparison:
    """The rows of the table."""

    lines: list[Line] = field(default_factory=list)

    def compare(self, surface: str, what: str, expected: Any, actual: Any) -> None:
        """Compare two values; if they differ, the table shows the differences."""
        if expected == actual:
            self.lines.append(Line(surface, what, _sum_up(expected), _sum_up(actual), equal=True))
        else:
            self.lines.append(Line(surface, what, *_find_difference(expected, actual), equal=False))

    def skip(self, surface: str, what: str, reason: str) -> None:
        """Record that something was not compared on this machine, and the reason."""
        self.lines.append(Line(surface, what, "", f"not compared: {reason}"[:SHOWN], equal=True))

    def name_phase(self, phase: str) -> "Comparison":
        """Return a table whose lines are added to this one, with a phase before each surface."""
        return _Phase(self.lines, phase)

    def list_differences(self) -> list[Line]:
        """List the lines that differ."""
        return [one for one in self.lines if not one.equal]

    def render(self) -> str:
        """Render the table as text."""
        rows = [("surface", "what", "expected", "actual", "equal")]
        rows += [
            (one.surface, one.what, one.expected, one.actual, "yes" if one.equal else "NO")
            for one in self.lines
        ]
        widths = [min(max(len(row[place]) for row in rows), 60) for place in range(4)]
        return "\n".join(
            " | ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]
            )
            for row in rows
        )


@dataclass
class _Phase(Comparison):
    """The rows of a table that belong to one phase."""

    phase: str = ""

    def compare(self, surface: str, what: str, expected: Any, actual: Any) -> None:
        super().compare(f"{self.phase} {surface}", what, expected, actual)


def _sum_up(value: Any) -> str:
    if isinstance(value, Mapping) and value and all(isinstance(one, int) for one in value.values()):
        return f"{len(value)} keys, sum {sum(value.values())}"
    if isinstance(value, Sequence | Mapping | set | frozenset) and not isinstance(value, str):
        return f"{len(value)} items"
    return repr(value)[:SHOWN]


def _find_difference(expected: Any, actual: Any) -> tuple[str, str]:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        keys = [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]
        parts = [
            {key: one[key] for key in [key for key in keys if key in one][:3]}
            for one in (expected, actual)
        ]
        return f"{len(keys)} differ: {parts[0]!r}"[: SHOWN * 3], f"{parts[1]!r}"[: SHOWN * 3]
    if isinstance(expected, set | frozenset) and isinstance(actual, set | frozenset):
        return _show_some(expected - actual), _show_some(actual - expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return (f"{len(expected)}: {_show_some(_subtract(expected, actual))}",
                f"{len(actual)}: {_show_some(_subtract(actual, expected))}")  # fmt: skip
    return repr(expected)[:SHOWN], repr(actual)[:SHOWN]


def _subtract(one: list[Any], other: list[Any]) -> list[Any]:
    left = list(other)
    found = []
    for item in one:
        if item in left:
            left.remove(item)
        else:
            found.append(item)
    return found


def _show_some(values: Any) -> str:
    listed = list(values)
    return f"{len(listed)} only here: {listed[:2]!r}"[: SHOWN * 2]
