"""The unit for systemd: whole, readable to systemd itself, and never written over somebody else's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trapline.cli.service import NAME, write_unit


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trapline.cli.main", "service", "install", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_unit_is_written_once_and_said_how_to_start(tmp_path: Path) -> None:
    told = run("--data", str(tmp_path / "data"), XDG_CONFIG_HOME=str(tmp_path))
    assert told.returncode == 0, told.stderr
    file = tmp_path / "systemd" / "user" / NAME
    assert str(file) in told.stdout
    assert "systemctl --user daemon-reload && systemctl --user enable --now trapline.service" in told.stdout
    written = file.read_text(encoding="utf-8")
    assert f"--data {tmp_path / 'data'} --host 127.0.0.1 --port 8000\n" in written
    assert run("--data", str(tmp_path / "data"), XDG_CONFIG_HOME=str(tmp_path)).returncode == 0
    other = run("--data", str(tmp_path / "other"), XDG_CONFIG_HOME=str(tmp_path))
    assert other.returncode == 1
    assert "Nothing was written" in other.stderr
    assert file.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("whole_machine", [False, True])
def test_systemd_reads_the_unit_as_it_is_meant(tmp_path: Path, whole_machine: bool) -> None:
    program = tmp_path / "a program of 100%"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = write_unit(
        [str(program)], tmp_path / "data of $HOME", tmp_path / "settings", "::1", 8443, whole_machine=whole_machine
    )
    assert "100%%" in unit
    assert "data of $$HOME" in unit
    assert "KillMode=mixed" in unit, "the children are ended in their order, by their supervisor"
    (tmp_path / NAME).write_text(unit, encoding="utf-8")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine: the unit was not read by systemd")
    read = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / NAME)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    assert NAME not in read.stderr, read.stderr
