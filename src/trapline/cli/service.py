"""`trapline service`: a unit for systemd, so that a server starts with its machine."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Let systemd start and stop `trapline up`.", no_args_is_help=True, rich_markup_mode="markdown")

NAME = "trapline.service"


@app.callback()
def _root() -> None:
    pass


@app.command("install")
def install(
    *,
    data: Annotated[
        Path | None, typer.Option("--data", help="The data folder. [TRAPLINE_DATA, ./trapline-data]")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="A file of settings, a line NAME=value each.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    whole_machine: Annotated[
        bool, typer.Option("--system", help="A service of the machine, for root, instead of one of yours.")
    ] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the unit and write nothing.")] = False,
) -> None:
    """Write a systemd unit that runs `trapline up`, and say how to start it. Starts nothing by itself.

    Example: `trapline service install --data /srv/trapline --env-file /etc/trapline.env`
    """
    from trapline.cli.failures import CommandFailed

    folder = (data or Path(os.environ.get("TRAPLINE_DATA") or "trapline-data")).resolve()
    unit = write_unit(_find_program(), folder, env_file and env_file.resolve(), host, port, whole_machine=whole_machine)
    if show:
        print(unit, end="")
        return
    place = Path("/etc/systemd/system") if whole_machine else _own_units()
    file = place / NAME
    if file.exists() and file.read_text(encoding="utf-8") != unit:
        raise CommandFailed(f"{file} is there already and says something else. Nothing was written; remove it first.")
    try:
        place.mkdir(parents=True, exist_ok=True)
        file.write_text(unit, encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}.") from None
    own = "" if whole_machine else " --user"
    print(f"{file} is written. Start it now and with the machine:")
    print(f"    systemctl{own} daemon-reload && systemctl{own} enable --now {NAME}")
    if not whole_machine:
        print("    loginctl enable-linger    # also while you are not signed in")
    print(f"The first owner's link: journalctl{own} -u {NAME}, or trapline link --data {shlex.quote(str(folder))}")


def write_unit(
    program: list[str], folder: Path, env_file: Path | None, host: str, port: int, *, whole_machine: bool
) -> str:
    """Write the unit. SIGTERM reaches the supervisor alone, which ends its children in their order."""
    arguments = [*program[1:], "up", "--data", str(folder), "--host", host, "--port", str(port)]
    # What `up` stands on takes a moment to load, which other commands need not wait for.
    from trapline.cli.up import STOP_WITHIN_S

    # Variables are put into arguments, never into the program's own name.
    command = [_quote(program[0]), *(_quote(part.replace("$", "$$")) for part in arguments)]
    lines = [
        "[Unit]",
        "Description=Trapline, cameras in the field into verified observations",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        f"ExecStart={' '.join(command)}",
        *([f"EnvironmentFile={_escape(str(env_file))}"] if env_file else []),
        "Restart=always",
        "RestartSec=2",
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_WITHIN_S:g}",
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes" if not whole_machine else "PrivateTmp=yes",
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if whole_machine else 'default.target'}",
        "",
    ]
    return "\n".join(lines)


def _find_program() -> list[str]:
    found = Path(sys.argv[0]).resolve()
    if found.name == "trapline":
        return [str(found)]
    beside = shutil.which("trapline", path=str(Path(sys.executable).parent))
    return [beside] if beside else [sys.executable, "-m", "trapline.cli.main"]


def _own_units() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _escape(text: str) -> str:
    """Keep systemd from reading specifiers where a name has a per cent sign."""
    return text.replace("%", "%%")


def _quote(text: str) -> str:
    """Write one word of a command as systemd reads it."""
    told = _escape(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{told}"' if any(sign in told for sign in " \t'\"\\;") else told
