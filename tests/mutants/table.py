"""The mutants: important lines, each with a change that breaks it and the tests that must fail."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """A changed line.

    `old` occurs once in `file`, a path relative to the repository; `tests` are pytest node IDs.
    """

    name: str
    file: Path
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, source: str) -> str:
        """Return the broken source. Raises ValueError if `old` does not occur exactly once."""
        if (count := source.count(self.old)) != 1:
            raise ValueError(f"{self.name}: the text occurs {count} times in {self.file}, not once")
        return source.replace(self.old, self.new)


def load_mutants() -> list[Mutant]:
    """Load all entries of tests/mutants, ordered by file and position.

    Each name starts with its file's name.
    """
    return [
        Mutant(
            f"{path.stem}/{entry['name']}",
            Path(entry["file"]),
            entry["old"],
            entry["new"],
            tuple(entry["tests"]),
        )
        for path in sorted(Path(__file__).parent.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    ]
