"""The systemd unit: complete, valid, and never written over a file of another origin."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from trapline.cli.service import NAME, install
from trapline.cli.service_unit import Service, write_unit, write_user
from trapline.cli.up import up


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trapline.cli.main", "service", "install", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_unit_is_written_once_and_said_how_to_start(tmp_path: Path) -> None:
    printed = run("--data", str(tmp_path / "data"), XDG_CONFIG_HOME=str(tmp_path))
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "systemd" / "user" / NAME
    assert str(file) in printed.stdout
    assert (
        "systemctl --user daemon-reload && systemctl --user enable --now trapline.service"
        in printed.stdout
    )
    written = file.read_text(encoding="utf-8")
    assert f"--data {tmp_path / 'data'} --host 127.0.0.1 --port 8000\n" in written
    assert run("--data", str(tmp_path / "data"), XDG_CONFIG_HOME=str(tmp_path)).returncode == 0
    other = run("--data", str(tmp_path / "other"), XDG_CONFIG_HOME=str(tmp_path))
    assert other.returncode == 1
    assert "Nothing was written" in other.stderr
    assert file.read_text(encoding="utf-8") == written


def read_command(unit: str) -> list[str]:
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    return shlex.split(line.removeprefix("ExecStart="))


def write(folder: Path, *options: str) -> str:
    done = run("--print", "--data", str(folder / "data"), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def list_options(command: Callable[..., None]) -> set[str]:
    alone = typer.Typer(add_completion=False)
    alone.command()(command)
    return {
        name
        for it in typer.main.get_command(alone).params
        for name in (*it.opts, *it.secondary_opts)
    }


def test_every_option_of_up_can_be_installed(tmp_path: Path) -> None:
    """Otherwise a service would run with other options than the command that it replaces."""
    of_up, of_install = list_options(up), list_options(install)
    assert {"--data", "--no-private-sources", "--processes"} <= of_up <= of_install
    options = ["--host", "::1", "--port", "8443", "--processes", "2", "--no-worker"]
    options += ["--pipeline", "one", "--pipeline", "two", "--no-private-sources"]
    command = read_command(write(tmp_path, *options))
    assert command[1:] == ["up", "--data", str(tmp_path / "data"), *options]
    assert read_command(write(tmp_path, "--private-sources"))[-1] == "--private-sources"
    plain = read_command(write(tmp_path))
    assert plain[1:] == [
        "up",
        "--data",
        str(tmp_path / "data"),
        "--host",
        "127.0.0.1",
        "--port",
        "8000",
    ]


def test_the_data_folder_is_that_of_the_file_of_settings(tmp_path: Path) -> None:
    settings = tmp_path / "settings"
    settings.write_text(f"TRAPLINE_DATA={tmp_path / 'of the file'}\n", encoding="utf-8")
    printed = run(
        "--print", "--env-file", str(settings), TRAPLINE_DATA=str(tmp_path / "of the environment")
    )
    assert read_command(printed.stdout)[3] == str(tmp_path / "of the file")
    printed = run("--print", TRAPLINE_DATA=str(tmp_path / "of the environment"))
    assert read_command(printed.stdout)[3] == str(tmp_path / "of the environment")


def test_a_service_of_the_machine_has_a_user_of_its_own_and_few_rights(tmp_path: Path) -> None:
    lines = write(tmp_path, "--system").splitlines()
    for line in (
        "User=trapline",
        "Group=trapline",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        f"ReadWritePaths={tmp_path / 'data'}",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "UMask=0077",
        "KillMode=mixed",
    ):
        assert line in lines
    assert "User=cameras" in write(tmp_path, "--system", "--user", "cameras").splitlines()
    assert "User=" not in write(tmp_path), "a unit of a user runs as that user"
    assert (
        "AmbientCapabilities=CAP_NET_BIND_SERVICE"
        in write(tmp_path, "--system", "--port", "443").splitlines()
    )
    assert (
        "ProtectHome=read-only"
        in run(
            "--print", "--system", "--data", str(Path("/home") / "ada" / "data")
        ).stdout.splitlines()
    )
    refused = run("--print", "--system", "--user", "root")
    assert refused.returncode == 1
    assert "cannot run as root" in refused.stderr


def test_a_folder_that_the_user_cannot_reach_is_refused(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    refused = run("--system", "--data", str(closed / "data"))
    assert refused.returncode == 1
    assert "The user trapline cannot access " in refused.stderr
    assert not (Path("/etc/systemd/system") / NAME).exists()


@pytest.mark.parametrize("user", [None, "trapline"])
def test_systemd_reads_the_unit_as_it_is_meant(tmp_path: Path, user: str | None) -> None:
    program = tmp_path / "a program of 100%"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = write_unit(
        Service(
            (str(program),),
            tmp_path / "data of $HOME",
            tmp_path / "settings",
            "::1",
            8443,
            user=user,
        )
    )
    assert "100%%" in unit
    assert "data of $$HOME" in unit
    assert "KillMode=mixed" in unit, "the children are ended in their order, by their supervisor"
    (tmp_path / NAME).write_text(unit, encoding="utf-8")
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine: the unit was not read by systemd")
    read = analyze("verify", "--man=no", "--recursive-errors=no", str(tmp_path / NAME))
    assert read.returncode == 0, read.stderr
    assert NAME not in read.stderr, read.stderr


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine"
)
def test_systemd_rates_the_service_of_the_machine_as_hardly_exposed(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(write(tmp_path, "--system"), encoding="utf-8")
    # The rating is from 0 to 10, here in tenths; a service that runs as root without any
    # restriction has 96.
    rated = analyze("security", "--offline=true", "--threshold=25", str(tmp_path / NAME))
    assert rated.returncode == 0, rated.stdout[-300:] + rated.stderr


@pytest.mark.skipif(
    shutil.which("systemd-sysusers") is None, reason="no systemd-sysusers on this machine"
)
def test_systemd_creates_the_user(tmp_path: Path) -> None:
    file = tmp_path / "trapline.conf"
    file.write_text(
        write_user(Service(("/opt/trapline",), Path("/srv/trapline"), user="trapline")),
        encoding="utf-8",
    )
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    done = subprocess.run(
        ["systemd-sysusers", f"--root={root}", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    account = (root / "etc" / "passwd").read_text(encoding="utf-8").strip().split(":")
    assert (account[0], account[5]) == ("trapline", "/srv/trapline")
    assert account[6].endswith("nologin")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
