"""Feeds: the connection of each pull source that pushes, held by exactly one process, and what comes over it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import (
    DatabaseUnavailable,
    NotFound,
    OutboundFailed,
    StatementTimeout,
    TraplineError,
)
from trapline.server.platform.vault import DecryptionError
from trapline.server.sources.actions.gateways import open_source_feed
from trapline.server.sources.actions.pull_runs import advance_next_run, begin_run
from trapline.server.sources.actions.pushed_events import record_pushed_files
from trapline.server.sources.queries.pull_runs import has_listed_since
from trapline.server.sources.queries.source_connections import (
    claim_connections,
    record_connected,
    record_disconnected,
    record_message,
    release_connections,
)
from trapline.server.sources.queries.sources import get_source_row
from trapline.server.sources.rules.pull_policy import MINUTE
from trapline.server.sources.rules.pushed_events import InvalidMessage, PushedFile, parse_message

if TYPE_CHECKING:
    from trapline.server.sources.gateways.websocket_gateway import MessageBuffer

log = structlog.get_logger(__name__)

WEBSOCKET = "websocket"
MOST = 200
"""How many connections one process holds."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
WELL_AFTER_S = 30.0
"""After a connection that lasted so long the pauses begin anew."""
AWAY_PAUSE_S = 1.0
_chance = random.Random()  # noqa: S311 - jitter is no secret


class FeedOwnershipLost(Exception):
    """Another process holds the connection by now, or its source is gone."""


async def claim_feeds(system: AppContext, scope: Scope, holder: UUID) -> dict[UUID, str]:
    """Say which connections this process holds from now on, and what each is made of."""
    async with system.database.transaction(scope) as tx:
        return await claim_connections(scope, tx, holder, WEBSOCKET, MOST)


async def release_feeds(system: AppContext, scope: Scope, holder: UUID) -> None:
    """Let every connection of this process go, so that another one need not wait for its silence."""
    async with system.database.transaction(scope) as tx:
        await release_connections(scope, tx, holder)


async def run_feed(system: AppContext, scope: Scope, source_id: UUID, holder: UUID) -> None:
    """Keep the connection of a source: take its messages, and connect again whenever it ends, until
    cancelled.

    Cancelled once, it hangs up and notes what it has received before it ends; cancelled again, it
    ends.
    """
    failures = 0
    bound = log.bind(source=str(source_id))
    while True:
        began = time.monotonic()
        try:
            await _follow_once(system, scope, source_id, holder)
        except (FeedOwnershipLost, NotFound):
            return
        except DatabaseUnavailable:
            await asyncio.sleep(AWAY_PAUSE_S)
            continue
        except (TraplineError, DecryptionError) as error:
            words = error.detail if isinstance(error, TraplineError) else str(error)
        except Exception as error:
            bound.exception("a feed broke")
            words = f"something happened that Trapline did not foresee ({type(error).__name__}); its log says more"
        if time.monotonic() - began > WELL_AFTER_S:
            failures = 0
        failures += 1
        bound.warning("a feed ended and is opened again", reason=words)
        await _note_broken(system, scope, source_id, holder, words)
        pause = min(FIRST_PAUSE_S * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S)
        await asyncio.sleep(pause * _chance.uniform(0.5, 1.5))


async def _follow_once(system: AppContext, scope: Scope, source_id: UUID, holder: UUID) -> None:
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id)
    async with open_source_feed(system, row) as inbox:
        taking = asyncio.create_task(_take_all(system, scope, source_id, holder, inbox))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            inbox.hang_up()
            await asyncio.gather(taking, return_exceptions=True)
            raise


async def _take_all(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID, inbox: "MessageBuffer"
) -> None:
    """Take what comes until the connection ends; also of one that is no longer ours all that was received."""
    ours = await _once_there(lambda: _note_connected(system, scope, source_id, holder))
    try:
        if not ours:
            inbox.hang_up()
        async for message in inbox:
            if not await _take(system, scope, source_id, holder, message):
                ours = False
                inbox.hang_up()
    except OutboundFailed:
        if ours:
            raise
    raise FeedOwnershipLost


async def _note_connected(system: AppContext, scope: Scope, source_id: UUID, holder: UUID) -> bool:
    """Note that the connection stands, and list what was told of while it did not, where there is a
    listing.

    At most once a minute, and no sooner than a source that fails is asked again. False where it is
    no longer ours.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        if not await record_connected(scope, tx, source_id, holder):
            return False
        if row.options.get("listing_url"):
            is_too_soon = row.consecutive_failures > 0 or await has_listed_since(
                scope, tx, source_id, MINUTE
            )
            if is_too_soon or await begin_run(scope, tx, row, "connected") is None:
                advance_next_run(row, datetime.now(UTC) + MINUTE)
        return True


async def _take(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID, message: str | bytes
) -> bool:
    """Take one message, and wait with it while the database is away; False where the connection is no longer ours."""
    told: list[PushedFile] = []
    refused = None if message else "a message was empty, or larger than 1 MiB"
    try:
        told = parse_message(message) if message else []
    except InvalidMessage as error:
        refused = f"a message could not be read: {error}"
    event = uuid4().hex

    async def note() -> bool:
        nonlocal refused
        async with system.database.transaction(scope) as tx:
            row = await get_source_row(scope, tx, source_id, lock=True)
            if told:
                taken = await record_pushed_files(scope, tx, row, told, event)
                if taken.refused:
                    # The element itself is the server's to word: it may hold our sign-in.
                    refused = f"an element of a message was not taken: {taken.refused[0].reason}"
            return await record_message(scope, tx, source_id, holder, refused)

    ours = await _once_there(note)
    if refused:
        log.warning("a message of a feed was refused", source=str(source_id), reason=refused)
    return ours


async def _once_there(step: Callable[[], Awaitable[bool]]) -> bool:
    """Do a step, again and again until the database is there for it."""
    while True:
        try:
            return await step()
        except (DatabaseUnavailable, StatementTimeout):
            await asyncio.sleep(AWAY_PAUSE_S)


async def _note_broken(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID, words: str
) -> None:
    words = words.replace("\x00", "").encode("utf-8", "replace").decode()
    try:
        async with system.database.transaction(scope) as tx:
            await record_disconnected(scope, tx, source_id, holder, words)
    except DatabaseUnavailable:
        return
