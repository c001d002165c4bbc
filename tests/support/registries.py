"""Whether a program failed only because the package registries cannot be reached."""

import os
from subprocess import CompletedProcess

import pytest

UNAVAILABLE = "could not be downloaded"
WRONG_CONTENT = ("downloaded file has", "file has", "differs from", "is not the photograph")


def lacks_registries(done: CompletedProcess[str]) -> bool:
    """Say whether a file could not be downloaded; a file with wrong content is another fault."""
    said = done.stderr
    return (
        done.returncode != 0
        and UNAVAILABLE in said
        and not any(wrong in said for wrong in WRONG_CONTENT)
    )


def skip_without_registries(done: CompletedProcess[str]) -> None:
    """Skip the test if it needs the registries and is not run by CI, where they must be there."""
    if lacks_registries(done) and not os.environ.get("CI"):
        pytest.skip(f"the package registries cannot be reached: {done.stderr[-300:]}")
