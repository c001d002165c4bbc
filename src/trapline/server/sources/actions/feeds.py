"""Feeds: the connection of each WebSocket source, and the messages that arrive over it.

Exactly one process holds the connection of a source.
"""

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
from trapline.server.sources.actions.next_run import advance_next_run
from trapline.server.sources.actions.pull_run import format_internal_error
from trapline.server.sources.actions.pull_run_starts import begin_run
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
"""The maximum number of connections per process."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
WELL_AFTER_S = 30.0
"""A connection that lasted this long, in seconds, resets the backoff."""
AWAY_PAUSE_S = 1.0
_chance = random.Random()  # noqa: S311 - jitter needs no secure randomness


class FeedOwnershipLost(Exception):
    """Another process holds the connection now, or the source was deleted."""


async def claim_feeds(system: AppContext, scope: Scope, holder: UUID) -> dict[UUID, str]:
    """Claim connections for this process; returns a hash of the settings of each by source ID."""
    async with system.database.transaction(scope) as tx:
        return await claim_connections(scope, tx, holder, WEBSOCKET, MOST)


async def release_feeds(system: AppContext, scope: Scope, holder: UUID) -> None:
    """Release all connections of this process, so that others can claim them immediately."""
    async with system.database.transaction(scope) as tx:
        await release_connections(scope, tx, holder)


async def run_feed(system: AppContext, scope: Scope, source_id: UUID, holder: UUID) -> None:
    """Hold the connection of a source: process its messages and reconnect when it ends.

    The first cancellation closes the connection and records the received messages. The second one
    stops immediately.
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
            words = format_internal_error(error)
        if time.monotonic() - began > WELL_AFTER_S:
            failures = 0
        failures += 1
        bound.warning("a feed ended and is opened again", reason=words)
        await _record_disconnected(system, scope, source_id, holder, words)
        pause = min(FIRST_PAUSE_S * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S)
        await asyncio.sleep(pause * _chance.uniform(0.5, 1.5))


async def _follow_once(system: AppContext, scope: Scope, source_id: UUID, holder: UUID) -> None:
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id)
    async with open_source_feed(system, row) as inbox:
        taking = asyncio.create_task(_process_messages(system, scope, source_id, holder, inbox))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            inbox.hang_up()
            await asyncio.gather(taking, return_exceptions=True)
            raise


async def _process_messages(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID, inbox: "MessageBuffer"
) -> None:
    """Process messages until the connection ends.

    When another process has claimed the connection, the messages already received are recorded.
    """
    is_holder = await _retry_until_available(
        lambda: _record_connected(system, scope, source_id, holder)
    )
    try:
        if not is_holder:
            inbox.hang_up()
        async for message in inbox:
            if not await _process_message(system, scope, source_id, holder, message):
                is_holder = False
                inbox.hang_up()
    except OutboundFailed:
        if is_holder:
            raise
    raise FeedOwnershipLost


async def _record_connected(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID
) -> bool:
    """Record that the source is connected, and list the source to find missed files.

    The listing runs at most once per minute and not before the backoff of a failing source has
    ended. Returns False if another process holds the connection.
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


async def _process_message(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID, message: str | bytes
) -> bool:
    """Record one message, waiting while the database is unavailable.

    Returns False if another process holds the connection.
    """
    files: list[PushedFile] = []
    refused = None if message else "a message was empty or larger than 1 MiB"
    try:
        files = parse_message(message) if message else []
    except InvalidMessage as error:
        refused = f"a message could not be parsed: {error}"
    event = uuid4().hex

    async def note() -> bool:
        nonlocal refused
        async with system.database.transaction(scope) as tx:
            row = await get_source_row(scope, tx, source_id, lock=True)
            if files:
                result = await record_pushed_files(scope, tx, row, files, event)
                if result.refused:
                    # Only the reason is stored: the element may contain the credentials.
                    refused = f"an element of a message was rejected: {result.refused[0].reason}"
            return await record_message(scope, tx, source_id, holder, refused)

    is_holder = await _retry_until_available(note)
    if refused:
        log.warning("a message of a feed was refused", source=str(source_id), reason=refused)
    return is_holder


async def _retry_until_available(step: Callable[[], Awaitable[bool]]) -> bool:
    """Repeat a step until the database is available."""
    while True:
        try:
            return await step()
        except (DatabaseUnavailable, StatementTimeout):
            await asyncio.sleep(AWAY_PAUSE_S)


async def _record_disconnected(
    system: AppContext, scope: Scope, source_id: UUID, holder: UUID, words: str
) -> None:
    words = words.replace("\x00", "").encode("utf-8", "replace").decode()
    try:
        async with system.database.transaction(scope) as tx:
            await record_disconnected(scope, tx, source_id, holder, words)
    except DatabaseUnavailable:
        return
