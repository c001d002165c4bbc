"""The demo: the whole way with a real model, its exit code the truth."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.registries import skip_without_registries
from tests.support.running_server import quiet_environment

from trapline.cli.demo_images import get_cache_folder, list_demo_images


@pytest.fixture
def demo(make_folder: Callable[[], Path]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `trapline demo --exit` on a new folder; skip if nothing can be downloaded."""
    folder = make_folder()

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "trapline.cli.main",
                "demo",
                "--exit",
                "--data",
                str(folder),
                *arguments,
            ],
            env=quiet_environment(**settings),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        skip_without_registries(done)
        return done

    return run


def test_the_demo_finds_what_is_on_the_photographs_and_runs_again(
    demo: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = demo("--port", str(other.getsockname()[1]))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "is in use; the page uses port" in done.stdout
    for picture in list_demo_images():
        assert picture.name in done.stdout
        assert picture.licence in done.stdout
    for found in ("carnivore", "person", "5 of 5 images analysed"):
        assert found in done.stdout
    again = demo("--port", "0")
    assert again.returncode == 0, f"{again.stdout}\n{again.stderr}"
    assert "0 imported" in again.stdout


@pytest.mark.long
def test_the_demo_says_what_it_could_not_fetch_and_where_to_put_it(
    make_folder: Callable[[], Path], tmp_path: Path
) -> None:
    # Nor may packages that lie on this very machine help out.
    nowhere = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "trapline.cli.main", "demo", "--exit", "--data", str(make_folder())],
        env=quiet_environment(TRAPLINE_CACHE=str(tmp_path), UV_NO_CACHE="1", **nowhere),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--images DIR" in done.stderr
    for picture in list_demo_images():
        assert f"{tmp_path / 'pictures' / picture.name}" in done.stderr
    assert get_cache_folder() != tmp_path
