"""Scenes to break, the figures that were seen, and the seed of the run."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.external_service import Outsider
from tests.support.fault_report import FIGURES
from tests.support.fault_run import Figures
from tests.support.fault_scene import Scene
from tests.support.prepared_database import copy_prepared, prepare
from tests.support.up_scene import UpScene

MakeScene = Callable[..., Scene]


@pytest.fixture(scope="session")
def figures() -> Figures:
    """Where tests leave what they saw."""
    return FIGURES


@pytest.fixture(scope="session")
def scenes() -> Iterator[Path]:
    """The folder of all scenes, which PostgreSQL's unprivileged uid can reach."""
    parent = Path(tempfile.mkdtemp(prefix="trapline-faults-"))
    parent.chmod(0o711)
    # The watcher's standard input ends when this process does, however that happens: PostgreSQL
    # ends then, too.
    end = (
        'read -r _; for file in "$0"/*/database/postmaster.pid; '
        'do kill -QUIT "$(head -n 1 "$file")"; done; rm -rf "$0"'
    )
    watcher = subprocess.Popen(
        ["sh", "-c", end, str(parent)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield parent
    watcher.kill()
    watcher.communicate()
    remove(parent)


@pytest.fixture(scope="session")
def prepared(scenes: Path) -> Path:
    """A data folder with a migrated, stopped database."""
    return prepare(scenes / "prepared")


@pytest.fixture
def make_scene(prepared: Path, scenes: Path) -> Iterator[MakeScene]:
    """Make scenes of the test's own, not started yet; they end with the test.

    With `up` of the real `trapline up`.
    """
    made: list[Scene] = []

    def make(*, up: bool = False, **options: Any) -> Scene:
        folder = Path(tempfile.mkdtemp(dir=scenes))
        folder.chmod(0o711)
        copy_prepared(prepared, folder)
        made.append((UpScene if up else Scene)(folder, **options))
        return made[-1]

    yield make
    for scene in made:
        scene.end()
        remove(scene.folder)


@pytest.fixture
def outsider() -> Iterator[Outsider]:
    """Start an external service on loopback, which TRAPLINE_ALLOWED_NETWORKS allows in a scene."""
    with Outsider() as running:
        yield running


def remove(folder: Path) -> None:
    """Remove a scene's folder."""
    shutil.rmtree(folder, ignore_errors=True)
