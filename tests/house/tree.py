"""The files of the repository, as git sees them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@cache
def list_files() -> tuple[Path, ...]:
    """Every file that is tracked, or would be with the next `git add`, relative to ROOT."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(
        sorted(
            {Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
        )
    )


def list_text(*endings: str) -> list[Path]:
    """Files of the repository whose names end so."""
    return [path for path in list_files() if path.name.endswith(endings)]


def read(path: Path) -> str:
    """The text of a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")
