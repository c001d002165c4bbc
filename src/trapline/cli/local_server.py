"""Access to the server on this machine: its data folder, and its actions without HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from trapline.cli.errors import CommandError
from trapline.server.accounts.actions.auth import get_token_scope
from trapline.server.accounts.actions.tokens import create_token
from trapline.server.app.app_startup import open_app_context
from trapline.server.app.settings import Settings, load_settings
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unauthenticated
from trapline.server.platform.postgres.data_folder import write_secret
from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.auth import NewToken, TokenKind


def resolve_settings(data: Path | None) -> Settings:
    """Return the settings with an absolute data folder and the URL of its running database.

    Raises CommandError if there is no DATABASE_URL and no Trapline runs on the folder.
    """
    settings = load_settings()
    folder = (data or settings.data).resolve()
    url = settings.database_url
    if url is None:
        running = find_running_url(folder)
        if running is None:
            raise CommandError(
                f"No Trapline runs on {folder}. Start it with `trapline up --data {folder}`."
            )
        url = SecretStr(running)
    update: dict[str, object] = {"data": folder, "database_url": url}
    url_file = folder / "public-url"
    if "public_url" not in settings.model_fields_set and url_file.exists():
        update["public_url"] = url_file.read_text(encoding="utf-8").strip()
    return settings.model_copy(update=update)


@asynccontextmanager
async def open_local_context(data: Path | None) -> AsyncIterator[AppContext]:
    """Open the context of a server on this machine, in addition to its own processes."""
    async with open_app_context(resolve_settings(data)) as system:
        yield system


async def ensure_token(
    system: AppContext, folder: Path, name: str, scope: Scope, new: NewToken
) -> str:
    """Return the API token stored under this name in the data folder, or create a new one."""
    stored = await asyncio.to_thread(_load_token, folder / name)
    if stored is not None:
        try:
            await get_token_scope(system, stored, RequestOrigin())
        except Unauthenticated:
            await asyncio.to_thread((folder / name).unlink)
        else:
            return stored
    created = await create_token(system, scope, new)
    await asyncio.to_thread(write_secret, folder / name, created.token)
    return created.token


def _load_token(file: Path) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


async def ensure_worker_token(system: AppContext, folder: Path) -> str:
    """Return the token of the worker of this machine, which is valid in all projects."""
    new = NewToken(name="local worker", kind=TokenKind.WORKER)
    return await ensure_token(system, folder, "worker-token", Scope.system("up"), new)
