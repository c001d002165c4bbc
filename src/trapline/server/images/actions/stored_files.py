"""Checks of stored originals against their SHA-256, and repair of missing or damaged ones."""

import asyncio
import errno
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import StrEnum
from uuid import UUID

import structlog

from trapline.server.images.hooks import file_repaired
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.platform.store.storage_keys import build_original_key

log = structlog.get_logger(__name__)

UNREADABLE = (errno.EIO, errno.EACCES, errno.EPERM, errno.EBADMSG, errno.EUCLEAN, errno.ELOOP)
"""Errors of an unreadable sector, a wrong checksum, a file of another user, or a symbolic link."""
COMPARED_AT_ONCE = 8
COMPARING_S = 10.0
"""Time limit for comparing the bytes of duplicates; after it, only their existence is checked."""

Read = Callable[[int], Awaitable[None]]
"""Called with the number of bytes after each chunk that was read; it may wait."""


class StoredFileState(StrEnum):
    """Whether a stored file has the bytes that its row names."""

    INTACT = "intact"
    MISSING = "missing"
    DAMAGED = "damaged"


async def find_state(
    system: AppContext, key: str, sha256: str, read: Read | None = None
) -> StoredFileState:
    """Compare a stored file with a SHA-256 in hexadecimal. Raises ServiceUnavailable."""
    digest = hashlib.sha256()
    try:
        async with aclosing(system.store.open(key)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                await asyncio.to_thread(digest.update, chunk)
                if read is not None:
                    await read(len(chunk))
    except NotFound:
        return StoredFileState.MISSING
    except OSError as error:
        if error.errno not in UNREADABLE:
            raise
        return StoredFileState.DAMAGED
    return StoredFileState.INTACT if digest.hexdigest() == sha256 else StoredFileState.DAMAGED


async def restore_original(
    system: AppContext,
    scope: Scope,
    incoming: IncomingFile,
    project_id: int,
    image_id: UUID,
    origin: str,
) -> StoredFileState:
    """Store an original again if it is missing or damaged; return the state in which it was found.

    `origin` is where the identical bytes came from, for the audit. The key contains the SHA-256 of
    the bytes, so no other file can be overwritten. Raises ServiceUnavailable.
    """
    key, sha256 = build_original_key(project_id, incoming.sha256), incoming.sha256
    state = await find_state(system, key, sha256)
    if state is StoredFileState.INTACT:
        return state
    await system.store.keep(incoming, key)
    log.warning(
        "a stored original was written again",
        image=str(image_id),
        key=key,
        was=state.value,
        origin=origin,
    )
    async with system.database.transaction(scope) as tx:
        for handler in file_repaired:
            await handler(scope, tx, [key])
        tx.audit("repair", "image", image_id, project_id, was=state.value, origin=origin)
    return state


async def list_not_intact(system: AppContext, project_id: int, hashes: Sequence[str]) -> set[str]:
    """List which of these originals are missing, or were found damaged within COMPARING_S."""
    door = asyncio.Semaphore(COMPARED_AT_ONCE)
    ends_at = time.monotonic() + COMPARING_S

    async def is_intact(sha256: str) -> bool:
        key = build_original_key(project_id, sha256)
        async with door:
            if time.monotonic() > ends_at:
                return await system.store.find_size(key) is not None
            return await find_state(system, key, sha256) is StoredFileState.INTACT

    found = await asyncio.gather(*[is_intact(sha256) for sha256 in hashes])
    return {sha256 for sha256, intact in zip(hashes, found, strict=True) if not intact}
