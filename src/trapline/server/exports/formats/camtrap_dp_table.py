"""Tables of a Camtrap DP that are validated while they are written."""

from dataclasses import dataclass, field
from typing import BinaryIO

from trapline.server.exports.formats.camtrap_dp_validation import (
    find_invalid_row,
)


@dataclass
class PackageTable:
    """A table of the package: validates each row and keeps the first ones for Frictionless."""

    name: str
    header: str
    out: BinaryIO
    rows: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    written: int = 0
    wrong: str | None = None

    def __post_init__(self) -> None:
        """Write the header."""
        self.out.write(f"{self.header}\n".encode())
        self.first.append(f"{self.header}\n")

    def flush(self) -> None:
        """Validate and write the buffered rows."""
        rows = "".join(self.rows)
        if self.wrong is None:
            self.wrong = find_invalid_row(self.name, rows)
        self.out.write(rows.encode())
        self.written += len(self.rows)
        self.rows.clear()
