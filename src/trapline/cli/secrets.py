"""`trapline secrets`: the stored secrets, and the key that encrypts them."""

import asyncio
import fcntl
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trapline.server.platform.app_context import AppContext
    from trapline.server.platform.postgres.key_file import KeyFile

app = typer.Typer(
    help="Manage the key that encrypts stored secrets (passwords of sources, service keys).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Data = Annotated[
    Path | None, typer.Option("--data", help="The data folder. [TRAPLINE_DATA, ./trapline-data]")
]
WAIT_S, LOOK_S = 30.0, 0.5


@app.callback()
def _root() -> None:
    pass


@app.command("rotate")
def rotate(
    *,
    data: Data = None,
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="Delete the old key even if leases or external pipelines still need it."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Encrypt every secret at rest with the newest key, on the server's machine, while it runs.

    Without TRAPLINE_SECRET_KEY the key is in the data folder: a new one is created first, and the
    old one is deleted at the end. With it, name both keys (`1:OLD,2:NEW`), restart every process,
    and run this. Killed in the middle, run it again. Example: `trapline secrets rotate --data
    /srv/trapline`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import build_console, print_json
    from trapline.server.platform.vault import DecryptionError

    console = build_console(to_errors=True)
    try:
        result = asyncio.run(_rotate(data, console.print, now=now))
    except DecryptionError as error:
        raise CommandError(
            f"{error} Set the keys that encrypt these secrets, and run the command again."
        ) from error
    if as_json:
        print_json(result)
    else:
        print(result["detail"])
    if result["left"]:
        raise typer.Exit(ExitCode.NOT_DONE)


async def _rotate(
    data: Path | None, report: "Callable[[str], None]", *, now: bool
) -> dict[str, Any]:
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.local_server import open_local_context
    from trapline.server.operations.actions.key_rotation import (
        count_secrets,
        reencrypt_secrets,
        verify_secrets,
    )
    from trapline.server.platform.access import Scope
    from trapline.server.platform.postgres.key_file import KeyFile

    scope = Scope.system("secrets rotate")
    async with open_local_context(data) as system:
        keys = system.secrets.by_version
        with _lock_key_file(keys):
            before = await verify_secrets(system, scope)
            if isinstance(keys, KeyFile) and len(keys) == 1:
                _add_key(keys)
                report(f"Key {max(keys)} is created; all processes use it from now on.")
            elif len(keys) == 1:
                raise CommandError(
                    "TRAPLINE_SECRET_KEY has only one key. Nothing was changed. Set the old and "
                    "the new key as 1:OLD,2:NEW, restart every process, and run the command again.",
                    ExitCode.WRONG_USAGE,
                )
            total = (await count_secrets(system, scope)).old
            done = await reencrypt_secrets(
                system,
                scope,
                lambda done: report(f"{done} of {total} secrets are encrypted with the new key."),
            )
            left = (await count_secrets(system, scope)).old
            detail = (
                f"{before.total} stored secrets; {done} were encrypted with the new key, "
                f"{left} are left. "
            )
            detail += await _finish(system, keys, now=now, left=left)
    return {
        "total": before.total,
        "done": done,
        "left": left,
        "keys": sorted(keys),
        "detail": detail,
    }


async def _finish(system: "AppContext", keys: Any, *, now: bool, left: int) -> str:
    """Delete the old key of the data folder, or return when keys of the settings can be removed."""
    from trapline.server.operations.actions.key_rotation import delete_old_keys, find_old_key_use
    from trapline.server.platform.access import Scope
    from trapline.server.platform.postgres.key_file import KeyFile

    scope = Scope.system("secrets rotate")
    newest = system.secrets.current
    old = ", ".join(str(version) for version in sorted(keys) if version != newest)
    if left:
        return (
            "Another process encrypted them with an old key: restart it with both keys, and run "
            "the command again."
        )
    if not isinstance(keys, KeyFile):
        return (
            f"No stored secret needs key {old} any more. Remove it from TRAPLINE_SECRET_KEY when "
            f"every process was started with key {newest} and the earlier leases and analyses of "
            "external pipelines have ended. Then restart every process."
        )
    # The file was last written when the newest key was added.
    since = datetime.fromtimestamp(keys.path.stat().st_mtime, UTC)
    deadline = time.monotonic() + (0 if now else WAIT_S)
    while (
        hindrance := await find_old_key_use(system, scope, since)
    ) and time.monotonic() < deadline:
        if not hindrance.endswith("was there"):
            break
        await asyncio.sleep(LOOK_S)
    if hindrance and not now:
        return f"Key {old} is still in use: {hindrance}. Run the command again later to delete it."

    def drop() -> None:
        keys.replace({newest: keys[newest]})

    if not await delete_old_keys(system, scope, drop):
        return f"Key {old} was kept: a secret was just encrypted with it. Run the command again."
    return f"Key {old} is deleted. Key {newest} is the only key."


def _add_key(keys: "KeyFile") -> None:
    from trapline.cli.errors import CommandError
    from trapline.server.platform.postgres.key_file import generate_key

    newest = max(keys) + 1
    if newest > 255:
        raise CommandError(
            "The key was rotated 254 times, which is the maximum. Nothing was changed."
        )
    keys.replace({**keys, newest: generate_key().encode()})


@contextmanager
def _lock_key_file(keys: Any) -> "Iterator[None]":
    """Lock the key file against a second change; raises CommandError if it is locked."""
    from trapline.cli.errors import CommandError
    from trapline.server.platform.postgres.key_file import KeyFile

    if not isinstance(keys, KeyFile):
        yield
        return
    with keys.path.with_name(f".{keys.path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                "Another `trapline secrets rotate` runs on this data folder. Wait for it."
            ) from None
        yield
