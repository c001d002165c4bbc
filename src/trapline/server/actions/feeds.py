"""Feeds: the connection of each pull source that pushes, held by exactly one process, and what comes over it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from uuid import UUID, uuid4

import structlog

from trapline.server.actions.gateways import open_feed_of
from trapline.server.actions.pulls import begin_run
from trapline.server.actions.pushed import note_told
from trapline.server.db.source_connections import (
    claim_connections,
    let_go,
    note_broken,
    note_connected,
    note_message,
)
from trapline.server.db.sources import get_source
from trapline.server.errors import DatabaseAway, NotFound, OutboundFailed, TraplineError
from trapline.server.rules.access import Scope
from trapline.server.rules.pushed import NotAMessage, read_message
from trapline.server.system import System
from trapline.server.vault import WrongKey

log = structlog.get_logger(__name__)

WEBSOCKET = "websocket"
MOST = 200
"""How many connections one process holds."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
WELL_AFTER_S = 30.0
"""A connection that lasted so long, or brought a message, begins its pauses anew."""
AWAY_PAUSE_S = 1.0
_chance = random.Random()  # noqa: S311 - jitter is no secret


class NotOurs(Exception):
    """Another process holds the connection by now, or its source is gone."""


async def claim_feeds(system: System, scope: Scope, holder: UUID) -> dict[UUID, datetime]:
    """Say which connections this process holds from now on, each with the version of its source."""
    async with system.database.transaction(scope) as tx:
        return await claim_connections(scope, tx, holder, WEBSOCKET, MOST)


async def let_feeds_go(system: System, scope: Scope, holder: UUID) -> None:
    """Let every connection of this process go, so that another one need not wait for its silence."""
    async with system.database.transaction(scope) as tx:
        await let_go(scope, tx, holder)


async def follow_feed(system: System, scope: Scope, source_id: UUID, holder: UUID) -> None:
    """Keep the connection of a source: take its messages, and connect again whenever it ends, until cancelled."""
    failures = 0
    bound = log.bind(source=str(source_id))
    while True:
        began = time.monotonic()
        progress = [0]
        try:
            await _follow_once(system, scope, source_id, holder, progress)
        except (NotOurs, NotFound):
            return
        except DatabaseAway:
            await asyncio.sleep(AWAY_PAUSE_S)
            continue
        except (TraplineError, WrongKey) as error:
            words = error.detail if isinstance(error, TraplineError) else str(error)
        except Exception as error:
            bound.exception("a feed broke")
            words = f"something happened that Trapline did not foresee ({type(error).__name__}); its log says more"
        if progress[0] or time.monotonic() - began > WELL_AFTER_S:
            failures = 0
        failures += 1
        bound.warning("a feed ended and is opened again", reason=words)
        await _note_broken(system, scope, source_id, holder, words)
        pause = min(FIRST_PAUSE_S * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S)
        await asyncio.sleep(pause * _chance.uniform(0.5, 1.5))


async def _follow_once(system: System, scope: Scope, source_id: UUID, holder: UUID, progress: list[int]) -> None:
    async with system.database.transaction(scope) as tx:
        row = await get_source(scope, tx, source_id)
    async with AsyncExitStack() as opened:
        messages: AsyncIterator[str | bytes] = await opened.enter_async_context(open_feed_of(system, row))
        await _note_connected(system, scope, source_id, holder)
        async for message in messages:
            await _take(system, scope, source_id, holder, message)
            progress[0] += 1
    raise OutboundFailed("the server closed the connection")


async def _note_connected(system: System, scope: Scope, source_id: UUID, holder: UUID) -> None:
    """Note that the connection stands, and list what was told of while it did not, where there is a listing."""
    async with system.database.transaction(scope) as tx:
        row = await get_source(scope, tx, source_id, lock=True)
        if not await note_connected(scope, tx, source_id, holder):
            raise NotOurs
        if row.options.get("listing_url"):
            await begin_run(scope, tx, row, "connected")


async def _take(system: System, scope: Scope, source_id: UUID, holder: UUID, message: str | bytes) -> None:
    """Take one message; while the database is away, it and those behind it wait."""
    try:
        told = read_message(message) if message else []
        refused = None if message else "a message was empty, or larger than 1 MiB"
    except NotAMessage as error:
        told, refused = [], f"a message could not be read: {error}"
    while True:
        try:
            async with system.database.transaction(scope) as tx:
                row = await get_source(scope, tx, source_id, lock=True)
                if told:
                    taken = await note_told(scope, tx, row, told, uuid4().hex)
                    if taken.refused:
                        refused = f"{taken.refused[0].element} was not taken: {taken.refused[0].reason}"
                if not await note_message(scope, tx, source_id, holder, refused):
                    raise NotOurs
            break
        except DatabaseAway:
            await asyncio.sleep(AWAY_PAUSE_S)
    if refused:
        log.warning("a message of a feed was refused", source=str(source_id), reason=refused)


async def _note_broken(system: System, scope: Scope, source_id: UUID, holder: UUID, words: str) -> None:
    words = words.replace("\x00", "").encode("utf-8", "replace").decode()
    try:
        async with system.database.transaction(scope) as tx:
            await note_broken(scope, tx, source_id, holder, words)
    except DatabaseAway:
        return
