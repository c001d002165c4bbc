"""`trapline service`: a unit for systemd, so that a server starts with its machine."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from trapline.cli.service_unit import Service, write_unit, write_user

app = typer.Typer(
    help="Let systemd start and stop `trapline up`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

NAME = "trapline.service"
SYSUSERS = Path("/etc/sysusers.d")


@app.callback()
def _root() -> None:
    pass


@app.command("install")
def install(
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The data folder. [TRAPLINE_DATA, ./trapline-data]"),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", help="A file of settings, with one NAME=value per line."),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that serve HTTP. [1]")
    ] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker; other workers can connect.")
    ] = False,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline", "-p", help="Pipeline of the worker here; may be given several times."
        ),
    ] = None,
    private_sources: Annotated[
        bool | None,
        typer.Option(
            "--private-sources/--no-private-sources",
            help="Allow or refuse pull sources in private networks. "
            "[TRAPLINE_ALLOW_PRIVATE_SOURCES, allowed]",
            show_default=False,
        ),
    ] = None,
    whole_machine: Annotated[
        bool,
        typer.Option(
            "--system", help="Install a service of the machine with a separate user. Requires root."
        ),
    ] = False,
    user: Annotated[
        str, typer.Option("--user", help="With --system: the user of the service.")
    ] = "trapline",
    show: Annotated[
        bool, typer.Option("--print", help="Print the unit and write nothing.")
    ] = False,
) -> None:
    """Write a systemd unit that runs `trapline up`, and print how to start it. It is not
    started.

    Example: `trapline service install --data /srv/trapline --env-file /etc/trapline.env`
    """
    from trapline.cli.errors import CommandError

    if whole_machine and user in ("root", "0", "nobody"):
        raise CommandError(
            f"The service cannot run as {user}. Choose a user that only Trapline uses."
        )
    service = Service(
        program=tuple(_find_program()),
        folder=_choose_folder(data, env_file),
        env_file=env_file and env_file.resolve(),
        host=host,
        port=port,
        processes=processes,
        with_worker=not no_worker,
        pipelines=tuple(pipeline or ()),
        private_sources=private_sources,
        user=user if whole_machine else None,
    )
    unit = write_unit(service)
    if show:
        print(unit, end="")
        return
    place = Path("/etc/systemd/system") if whole_machine else _own_units()
    if whole_machine:
        _require_reachable(service)
        _write(SYSUSERS / f"{user}.conf", write_user(service))
    _write(place / NAME, unit)
    _print_next_steps(service)


def _print_next_steps(service: Service) -> None:
    folder, own = shlex.quote(str(service.folder)), "" if service.user else " --user"
    if service.user is not None:
        print(f"Create the user {service.user}, and give it the data folder:")
        print(f"    systemd-sysusers {SYSUSERS / f'{service.user}.conf'}")
        print(f"    mkdir -p {folder} && chown -R {service.user}: {folder}")
    print("Start it now and at each boot:")
    print(f"    systemctl{own} daemon-reload && systemctl{own} enable --now {NAME}")
    if service.user is None:
        print("    loginctl enable-linger    # to run it while you are not signed in")
    print(f"The first owner's link: journalctl{own} -u {NAME}, or trapline link --data {folder}")


def _write(file: Path, text: str) -> None:
    """Write a file, unless there is another one. Raises CommandError."""
    from trapline.cli.errors import CommandError

    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise CommandError(
            f"{file} exists with other content. Nothing was written. Remove the file first."
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from None
    print(f"Wrote {file}.")


def _choose_folder(data: Path | None, env_file: Path | None) -> Path:
    """Return the data folder: the flag, the environment file, or the setting of `trapline up`."""
    from dotenv import dotenv_values

    from trapline.cli.server_session import get_variable

    if data is None and env_file is not None:
        data = Path(found) if (found := dotenv_values(env_file).get("TRAPLINE_DATA")) else None
    return (data or Path(get_variable("TRAPLINE_DATA") or "trapline-data")).resolve()


def _require_reachable(service: Service) -> None:
    """Refuse a program or a data folder that the user of the service cannot reach."""
    from trapline.cli.errors import CommandError
    from trapline.server.platform.postgres.data_folder import find_blocking_parent

    for path, instead in (
        (Path(service.program[0]), "Install Trapline"),
        (service.folder, "Choose a data folder"),
    ):
        blocking = find_blocking_parent(path)
        if blocking is not None:
            raise CommandError(
                f"The user {service.user} cannot access {path}, because of the permissions of "
                f"{blocking}. Nothing was written. {instead} elsewhere, such as below /opt or /srv."
            )


def _find_program() -> list[str]:
    found = Path(sys.argv[0]).resolve()
    if found.name == "trapline":
        return [str(found)]
    installed = shutil.which("trapline", path=str(Path(sys.executable).parent))
    return [installed] if installed else [sys.executable, "-m", "trapline.cli.main"]


def _own_units() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
