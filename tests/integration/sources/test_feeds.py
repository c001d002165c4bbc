"""WebSocket sources: one connection at a time, also after failures, and no missed files."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
from tests.support.camera_server import Camera, running_camera
from tests.support.loopback_policy import allow_origins
from tests.support.project_with_roles import build_house
from tests.support.pull_source import SYSTEM, Feed, fill
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.sources.actions import pull_runs, sources
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.server.sources.background.feeds import FeedManager
from trapline.wire.sources import AuthType, NewSource, Source


@dataclass
class Tower:
    """A WebSocket server that counts connections, records headers and can refuse them."""

    port: int = 0
    server: Server | None = None
    connections: set[ServerConnection] = field(default_factory=set)
    most_at_once: int = 0
    seen: list[dict[str, str]] = field(default_factory=list)
    status: int | None = None
    treat: Callable[[ServerConnection], Coroutine[Any, Any, None]] | None = None
    """The handler of each connection; by default it stays open until the client ends it."""

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/events"

    async def open(self) -> None:
        self.server = await serve(
            self.treat or self._handle,
            "127.0.0.1",
            self.port,
            process_request=self._judge,
            max_size=None,
            close_timeout=1,
        )
        self.port = next(iter(self.server.sockets)).getsockname()[1]

    async def close(self) -> None:
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()

    async def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.seen.append({name.lower(): value for name, value in request.headers.raw_items()})
        return None if self.status is None else connection.respond(HTTPStatus(self.status), "no")

    async def _handle(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        self.most_at_once = max(self.most_at_once, len(self.connections))
        try:
            await connection.wait_closed()
        finally:
            self.connections.discard(connection)

    async def tell(self, message: Any) -> None:
        """Send a message to all connected clients."""
        for connection in list(self.connections):
            await connection.send(
                message if isinstance(message, str | bytes) else json.dumps(message)
            )


@dataclass
class Field(Feed):
    """A source whose server announces new files."""

    tower: Tower = field(default_factory=Tower)

    async def drive(self, *background: FeedManager) -> None:
        """Run one step of the background processes, and all queued runs."""
        for feeds in background:
            await feeds.step()
        page = await sources.list_runs(self.system, SYSTEM, self.source_id, 10, None)
        for run in page.results:
            if run.state == "running":
                await pull_runs.run_pull(self.system, SYSTEM, run.id)

    async def until(
        self, happened: Callable[[], Awaitable[bool]], *background: FeedManager
    ) -> None:
        """Continue until a condition is true."""
        async with asyncio.timeout(30):
            while not await happened():
                await self.drive(*background)
                await asyncio.sleep(0.05)

    async def until_connected(self, *background: FeedManager) -> None:
        async def connected() -> bool:
            shown = (await self.show()).connection
            return bool(shown and shown.connected_since and self.tower.connections)

        await self.until(connected, *background)

    async def until_states(self, states: dict[str, str], *background: FeedManager) -> None:
        async def there() -> bool:
            return await self.states() == states

        await self.until(there, *background)


@asynccontextmanager
async def open_field(system: AppContext, **more: Any) -> AsyncIterator[Field]:
    tower = Tower()
    await tower.open()
    async with running_camera() as camera:
        try:
            policy = allow_origins(*[("127.0.0.1", port) for port in (camera.port, tower.port)])
            system = replace(system, outbound=policy)
            house = await build_house(system, "house")
            options = more.pop("options", {"listing_url": camera.url})
            new = NewSource(
                name="tower",
                base_url=tower.url,
                deployment=UUID(house.ids["deployment_id"]),
                options=options,
                **more,
            )
            source = await sources.create_source(system, SYSTEM, new)
            yield Field(system, camera, source.id, house, tower)
        finally:
            await tower.close()


@pytest.fixture
async def place(system: AppContext) -> AsyncIterator[Field]:
    async with open_field(system) as place:
        yield place


@pytest.fixture
async def background(place: Field) -> AsyncIterator[FeedManager]:
    feeds = FeedManager(place.system)
    yield feeds
    await feeds.close()


def told(camera: Camera, *names: str) -> dict[str, Any]:
    return {"urls": [camera.url + name for name in names]}


async def test_announced_files_are_imported_and_missed_ones_are_listed(
    place: Field, background: FeedManager
) -> None:
    fill(place.camera, "before.jpg")
    await place.until_connected(background)
    await place.until_states({"before.jpg": "imported"}, background)
    place.camera.asked()
    fill(place.camera, "a.jpg")
    await place.tower.tell(told(place.camera, "a.jpg"))
    await place.until_states({"before.jpg": "imported", "a.jpg": "imported"}, background)
    assert place.camera.asked() == ["a.jpg"], "the source was not listed"

    await place.tower.close()
    fill(place.camera, "missed.jpg")
    # The source is listed at most once per minute.
    await place.sql(
        "update pull_runs set started_at = started_at - interval '2 minutes' where source_id = :id"
    )

    async def is_failing() -> bool:
        shown = await place.show()
        assert shown.connection is not None
        return shown.health == "failing" and shown.connection.connected_since is None

    await place.until(is_failing, background)
    assert "connection" in ((await place.show()).health_detail or "")
    await place.tower.open()
    await place.until_connected(background)
    await place.until_states(
        {"before.jpg": "imported", "a.jpg": "imported", "missed.jpg": "imported"}, background
    )
    shown = await place.show()
    assert (shown.health, shown.health_detail) == ("ok", None)
    assert shown.connection is not None
    assert (shown.connection.messages, shown.connection.fills_gaps) == (1, True)


async def test_two_processes_hold_one_connection_and_the_other_takes_over(
    place: Field, background: FeedManager
) -> None:
    other = FeedManager(place.system)
    try:
        await place.until_connected(background, other)
        for _ in range(3):
            await place.drive(background, other)
        assert place.tower.most_at_once == 1
        # The process with the connection is killed: its heartbeats stop and its connection ends.
        for _, task in background._held.values():
            task.cancel()
        await place.until(lambda: _is(not place.tower.connections))
        await place.sql(
            "update source_connections set heartbeat_at = now() - interval '5.5 seconds'"
        )
        await place.until_connected(other)
        await place.drive(background, other)
        assert place.tower.most_at_once == 1
        assert not background._held, "a process that returns has lost the connection"
        # A process that stops releases the connection immediately.
        await other.close()
        await place.until(lambda: _is(not place.tower.connections))
        await background.step()
        await place.until_connected(background)
        assert place.tower.most_at_once == 1
    finally:
        await other.close()


async def _is(value: bool) -> bool:
    return value


async def test_a_process_that_the_database_does_not_hear_lets_go_before_another_takes_over(
    place: Field,
) -> None:
    background = FeedManager(place.system, margin_s=4.5)
    await place.until_connected(background)
    async with asyncio.timeout(10):
        while place.tower.connections:
            await asyncio.sleep(0.02)
    await place.until_connected(background)
    await background.close()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("garbage", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 900_000, "nested"),
        ('{"urls": ["' + "x" * 1_100_000 + '"]}', "larger than 1 MiB"),
        ({"urls": ["http://169.254.169.254/latest/a.jpg"]}, "not below the URL"),
        ({"hello": "world"}, "neither"),
    ],
    ids=["text", "bytes", "deep", "huge", "elsewhere", "other"],
)
async def test_odd_messages_are_noted_and_the_connection_goes_on(
    place: Field, background: FeedManager, message: Any, words: str
) -> None:
    await place.until_connected(background)
    [before] = place.tower.connections
    await place.tower.tell(message)

    async def is_noted() -> bool:
        shown = (await place.show()).connection
        return bool(shown and shown.refused == 1 and words in (shown.detail or ""))

    await place.until(is_noted, background)
    fill(place.camera, "a.jpg")
    await place.tower.tell(told(place.camera, "a.jpg"))
    await place.until_states({"a.jpg": "imported"}, background)
    assert place.tower.connections == {before}


async def test_pausing_changing_and_deleting_end_the_connection(
    place: Field, background: FeedManager
) -> None:
    await place.until_connected(background)
    [first] = place.tower.connections
    await place.change(connect_timeout_s=9)
    await place.until(lambda: _is(place.tower.connections not in ({first}, set())), background)
    assert place.tower.most_at_once == 1, "the old connection ends before the new one starts"
    await sources.toggle_source(place.system, SYSTEM, place.source_id, is_active=False)
    await place.until(lambda: _is(not place.tower.connections), background)
    await sources.toggle_source(place.system, SYSTEM, place.source_id, is_active=True)
    await place.until_connected(background)
    await place.drive()
    await sources.delete_source(place.system, SYSTEM, place.source_id)
    async with asyncio.timeout(10):
        while place.tower.connections:
            await background.step()
            await asyncio.sleep(0.05)


async def test_a_sick_server_is_told_in_words_without_the_password(system: AppContext) -> None:
    async with open_field(
        system, auth_type=AuthType.BASIC, auth_username="ranger", auth_password="pw4711"
    ) as place:  # fmt: skip
        background = FeedManager(place.system)
        said = ""

        async def says(words: str) -> bool:
            nonlocal said
            shown: Source = await place.show()
            said = shown.health_detail or ""
            return words in said and shown.health == "failing"

        for status, words in ((401, "denied the login"), (302, "redirects"), (503, "status 503")):
            place.tower.status = status
            await place.until(lambda words=words: says(words), background)  # type: ignore[misc]
            assert "pw4711" not in said
        place.tower.status = None
        await place.until_connected(background)
        sent = f"Basic {base64.b64encode(b'ranger:pw4711').decode()}"
        assert {one["authorization"] for one in place.tower.seen} == {sent}
        fill(place.camera, "a.jpg")
        await place.tower.tell(told(place.camera, "a.jpg"))
        await place.until_states({"a.jpg": "imported"}, background)
        assert all("authorization" not in headers for _, headers in place.camera.requests), (
            "it has a different origin"
        )
        await background.close()


async def test_without_a_listing_the_source_says_so(system: AppContext) -> None:
    async with open_field(system, options={"files_url": "http://files.example/"}) as place:
        shown = (await place.show()).connection
        assert shown is not None
        assert (shown.fills_gaps, shown.detail) == (
            False,
            "no background process holds a connection",
        )
        assert (await place.run()).state == "completed"
        for options, words in (
            ({}, "listing_url"),
            ({"listing_url": "http://elsewhere.example/"}, "same host"),
        ):
            with pytest.raises(Unprocessable, match=words):
                await place.change(options=options)


async def test_a_test_of_the_source_connects(place: Field) -> None:
    fill(place.camera, "a.jpg")
    proven = await run_source_test(place.system, SYSTEM, place.source_id, 1)
    assert (proven.ok, proven.listed, len(place.tower.seen)) == (True, 1, 1)
    place.tower.status = 403
    refused = await run_source_test(place.system, SYSTEM, place.source_id, 1)
    assert not refused.ok
    assert "denied the login" in refused.detail


async def test_inner_addresses_are_not_connected_to(system: AppContext) -> None:
    async with open_field(system) as place:
        background = FeedManager(replace(place.system, outbound=OutboundPolicy()))

        async def says() -> bool:
            return "may not connect to" in ((await place.show()).health_detail or "")

        await place.until(says, background)
        assert place.tower.seen == []
        await background.close()
