"""Ends of WebSocket connections: no message is lost, and no server is listed too often."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from sqlalchemy import text
from structlog.testing import capture_logs
from tests.integration.sources.test_feeds import Field, open_field, told
from tests.support.pull_source import SYSTEM
from websockets.asyncio.server import ServerConnection

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.background.feeds import FeedManager
from trapline.wire.sources import AuthType

BASIC = {"auth_type": AuthType.BASIC, "auth_username": "ranger", "auth_password": "CANARY4711"}
NAMES = [f"IMG_{number:02}.JPG" for number in range(40)]


async def reopen(
    place: Field, handle: Callable[[ServerConnection], Coroutine[Any, Any, None]]
) -> None:
    """Replace how the server handles connections."""
    await place.tower.close()
    place.tower.treat = handle
    await place.tower.open()


async def stop_listing(place: Field) -> None:
    """Remove the listing of the source, so that only messages announce files."""
    await place.change(options={"files_url": place.camera.url})


async def tell_each(place: Field) -> None:
    for name in NAMES:
        await place.tower.tell(told(place.camera, name))


async def test_unrelated_changes_end_no_connection(system: AppContext) -> None:
    async with open_field(system, **BASIC) as place:
        background = FeedManager(place.system)
        await place.until_connected(background)
        before = set(place.tower.connections)
        await place.change(name="mast", max_files_per_run=7, schedule="5 * * * *")
        for _ in range(3):
            await background.step()
            await asyncio.sleep(0.05)
        assert place.tower.connections == before
        await background.close()


async def test_a_change_loses_no_message_that_was_received(system: AppContext) -> None:
    async with open_field(system) as place:
        await stop_listing(place)
        background = FeedManager(place.system)
        await place.until_connected(background)
        [before] = place.tower.connections
        await tell_each(place)
        await place.change(connect_timeout_s=9)

        async def is_made_anew() -> bool:
            await background.step()
            return place.tower.connections not in ({before}, set())

        await until(is_made_anew)
        assert place.tower.most_at_once == 1, "the old connection ends before the new one starts"
        assert sorted(await place.states()) == NAMES
        await background.close()


async def test_a_process_that_was_cut_off_notes_what_it_has_received(system: AppContext) -> None:
    async with open_field(system) as place:
        await stop_listing(place)
        background = FeedManager(place.system, margin_s=4.0)
        await place.until_connected(background)
        async with place.system.database.transaction(SYSTEM) as tx:
            # Messages cannot be recorded until another process has claimed the connection.
            of_this = {"id": place.source_id}
            await tx.session.execute(
                text("select 1 from pull_sources where id = :id for update"), of_this
            )
            await tell_each(place)
            await until(lambda: _is(not place.tower.connections))
            lost = "update source_connections set holder = gen_random_uuid() where source_id = :id"
            await tx.session.execute(text(lost), of_this)

        async def are_noted() -> bool:
            return sorted(await place.states()) == NAMES

        await until(are_noted)
        await background.close()


async def test_a_process_that_stops_notes_what_it_has_received(system: AppContext) -> None:
    async with open_field(system) as place:
        await stop_listing(place)
        background = FeedManager(place.system)
        await place.until_connected(background)
        await tell_each(place)
        await background.close()
        assert sorted(await place.states()) == NAMES
        assert not place.tower.connections


async def test_messages_of_a_server_are_not_repeated(system: AppContext) -> None:
    async with open_field(system, **BASIC) as place:
        background = FeedManager(place.system)

        async def quote(connection: ServerConnection) -> None:
            assert connection.request is not None
            assert "authorization" in connection.request.headers
            record = {
                "eventName": "CANARY",
                "s3": {"bucket": {"name": "a"}, "object": {"key": "b"}},
            }
            for message in ({"urls": ["CANARY"]}, {"Records": [record]}, {"CANARY": 1}):
                await connection.send(json.dumps(message))
            await connection.close(1008, "CANARY is wrong")

        await reopen(place, quote)
        seen: list[Any] = []

        async def says_why() -> bool:
            seen.append((await place.show()).model_dump_json())
            return "closed the connection (code 1008, policy violation)" in seen[-1]

        with capture_logs() as logged:
            await place.until(says_why, background)
            await background.close()
        reasons = [line["reason"] for line in logged if "reason" in line]
        assert len(reasons) >= 4, "each rejected message has a reason"
        assert not [words for words in (*seen, *map(str, logged)) if "CANARY" in words]


async def test_a_server_that_hangs_up_again_and_again_is_listed_once_a_minute(
    system: AppContext,
) -> None:
    async with open_field(system) as place:
        background = FeedManager(place.system)
        await place.sql(
            "update pull_sources set next_run_at = now() + interval '1 day' where id = :id"
        )

        async def flap(connection: ServerConnection) -> None:
            await connection.send(json.dumps({"urls": []}))

        await reopen(place, flap)

        async def is_brought_forward() -> bool:
            query = (
                "select next_run_at < now() + interval '2 hours' from pull_sources where id = :id"
            )
            return await place.sql(query) == [(True,)]

        await place.until(is_brought_forward, background)
        [[wait_s]] = await place.sql(
            "select extract(epoch from next_run_at - now()) from pull_sources where id = :id"
        )
        assert 30 < wait_s <= 60, "the next listing finds missed files"
        assert len(place.tower.seen) >= 2
        assert place.camera.asked().count("") == 1

        # A failing source is also not listed before its backoff has ended.
        await place.sql(
            "update pull_runs set started_at = started_at - interval '2 minutes'"
            " where source_id = :id"
        )
        await place.sql(
            "update pull_sources"
            " set consecutive_failures = 2, not_before = now() + interval '1 hour',"
            " next_run_at = now() + interval '1 day' where id = :id"
        )
        await place.until(is_brought_forward, background)
        await place.drive(background)
        assert place.camera.asked() == []
        assert await place.sql(
            "select next_run_at = not_before from pull_sources where id = :id"
        ) == [(True,)]
        await background.close()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await happened():
            await asyncio.sleep(0.02)


async def _is(value: bool) -> bool:
    return value
