"""JSON APIs with invalid items, links to other servers, or endless pages."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.scripted_server import ToldServer, allow, say, told_server

from trapline.server.platform.errors import AddressNotAllowed, FileGone, OutboundFailed
from trapline.server.platform.network.outbound import OutboundClient
from trapline.server.sources.gateways import rest_gateway
from trapline.server.sources.gateways.gateway import RemoteFile, Walk
from trapline.server.sources.gateways.rest_gateway import RestGateway
from trapline.wire.gateway_options import RestMapping

FIRST = datetime(2026, 11, 21, 4, 39, 26, tzinfo=UTC)
MAPPING = RestMapping(items="files", name="name", time="time", size="size", next="next")


@dataclass
class Interface:
    """A JSON API with given responses, and a second server."""

    server: ToldServer
    other: ToldServer

    def tell(self, path: str, page: Any) -> None:
        self.server.answers[path] = say(page if isinstance(page, bytes) else json.dumps(page))

    def open(self, mapping: RestMapping = MAPPING, **more: Any) -> RestGateway:
        outbound = OutboundClient(allow(self.server, self.other))
        return RestGateway(outbound, f"{self.server.url}api", mapping, **more)

    async def list(self, mapping: RestMapping = MAPPING, **more: Any) -> list[RemoteFile]:
        gateway = self.open(mapping, **more)
        try:
            return [entry async for entry in gateway.list_files()]
        finally:
            await gateway.close()

    async def fails(self, mapping: RestMapping = MAPPING) -> str:
        with pytest.raises(OutboundFailed) as failed:
            await self.list(mapping)
        return failed.value.detail


@pytest.fixture
async def interface() -> AsyncIterator[Interface]:
    async with told_server() as server, told_server() as other:
        yield Interface(server, other)


async def read(gateway: RestGateway, path: str) -> bytes:
    async with gateway.open_file(path) as file:
        assert file is not None
        return b"".join([chunk async for chunk in file.chunks])


@pytest.mark.parametrize(
    ("told", "moment", "is_exact"),
    [
        ("2026-11-21T04:39:26Z", FIRST, True),
        ("2026-11-21T05:39:26.000+01:00", FIRST, True),
        ("2026-11-21 04:39:26", FIRST, False),
        (1795235966, FIRST, True),
        (1795235966.0, FIRST, True),
        (1795235966000, FIRST, True),
        (0, datetime(1970, 1, 1, tzinfo=UTC), True),
        ("0001-01-01T00:00:00+10:00", None, False),
        ("yesterday", None, False),
        (-5, None, False),
        (10**30, None, False),
        (True, None, False),
        (None, None, False),
        ({}, None, False),
    ],
    ids=str,
)
async def test_times_in_every_form(
    interface: Interface, told: Any, moment: datetime | None, is_exact: bool
) -> None:
    interface.tell("/api", {"files": [{"url": "a.jpg", "time": told}]})
    [entry] = await interface.list()
    assert (entry.modified_at, entry.is_exact) == (moment, is_exact)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "9" * 5000, "-0"])
async def test_odd_numbers_are_their_own_trouble(interface: Interface, number: str) -> None:
    odd = f'{{"url": "a.jpg", "time": {number}, "size": {number}}}'
    page = f'{{"files": [{odd}, {{"url": "b.jpg", "size": 5}}]}}'
    interface.tell("/api", page.encode())
    listed = await interface.list()
    assert [(entry.path, entry.size) for entry in listed] == [
        ("a.jpg", 0 if number == "-0" else None),
        ("b.jpg", 5),
    ]


async def test_an_odd_item_is_left_out_and_the_others_are_listed(interface: Interface) -> None:
    odd: list[Any] = [
        None, 5, "a.jpg", [], {}, {"url": None}, {"url": 5}, {"url": "http://[x/"},
        {"url": "ftp://a/b.jpg"},
        {"url": "javascript:alert(1)"}, {"url": "x\ud800.jpg"},
        {"url": "x.jpg", "name": "x\u0000.jpg"},
        {"url": "x.jpg", "name": "a/.."}, {"url": "x.jpg", "name": "a/"},
        {"url": "x.jpg", "name": "x" * 1000},
    ]  # fmt: skip
    interface.tell("/api", {"files": [*odd, {"url": "good.jpg"}]})
    assert [entry.path for entry in await interface.list()] == [r"x\x00.jpg", "good.jpg"]
    walk = Walk()
    gateway = interface.open()
    assert len([entry async for entry in gateway.list_files(walk)]) == 2
    await gateway.close()
    assert sum(walk.left_out.values()) == len(odd) - 1
    assert walk.left_out["unrepresentable name"] == 4
    assert walk.left_out["path longer than 1,000 characters"] == 1


async def test_broken_utf8_takes_no_other_name_with_it(interface: Interface) -> None:
    interface.server.answers["/api"] = say(
        b'{"files": [{"url": "F\xfcchse.jpg"}, {"url": "good.jpg"}]}'
    )
    walk = Walk()
    gateway = interface.open()
    assert [entry.path async for entry in gateway.list_files(walk)] == ["good.jpg"]
    await gateway.close()
    assert walk.left_out == {"unrepresentable name": 1}


async def test_names_that_are_not_utf8_stay_apart_and_are_asked_for_as_they_are(
    interface: Interface,
) -> None:
    urls = [
        "/raw/K%E4fer.jpg",
        "/raw/K%F6fer.jpg",
        "/raw/a%2Fb.jpg",
        "/raw/F%C3%BCchse%20%231.jpg?size=full",
    ]
    interface.tell("/api", {"files": [{"url": url} for url in urls]})
    for url in urls:
        interface.server.answers[url] = say(url)
    gateway = interface.open()
    listed = [entry.path async for entry in gateway.list_files()]
    assert listed == ["raw/K%E4fer.jpg", "raw/K%F6fer.jpg", "raw/a%2Fb.jpg", "raw/Füchse #1.jpg"]
    assert [await read(gateway, path) for path in listed] == [url.encode() for url in urls]
    await gateway.close()


async def test_two_files_of_one_name_are_two_whichever_comes_first(interface: Interface) -> None:
    """A camera that restarts its counter creates a second file with the name of the first."""
    old, new = (
        {"url": f"/raw/{at}", "name": "IMG_0001.JPG", "time": at}
        for at in (1_700_000_000, 1_790_000_000)
    )
    for at in (1_700_000_000, 1_790_000_000):
        interface.server.answers[f"/raw/{at}"] = say(str(at))
    for files in ([old], [new, old], [new, old, old]):
        interface.tell("/api", {"files": files})
        gateway = interface.open()
        paths = list(dict.fromkeys([entry.path async for entry in gateway.list_files()]))
        assert all(path.endswith("IMG_0001.JPG") for path in paths)
        assert [await read(gateway, path) for path in paths] == [
            str(file["time"]).encode() for file in files
        ][:2]
        await gateway.close()


async def test_a_file_that_is_signed_anew_stays_the_same(interface: Interface) -> None:
    """This includes a file that a new one has moved to the next page during the listing."""
    seen = []
    for first in (1, 2):
        urls = [f"/raw/a.jpg?signature={number}" for number in (first, first + 10)]
        interface.tell("/api", {"files": [{"url": url, "size": 5} for url in urls]})
        seen.append(set(await interface.list()))
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1


async def test_pages_are_followed_by_address_and_over_empty_ones(interface: Interface) -> None:
    interface.tell("/api", {"files": [{"url": "1.jpg"}], "next": "/api?page=2"})
    interface.tell("/api?page=2", {"files": [], "next": f"{interface.server.url}api?page=3"})
    interface.tell("/api?page=3", {"files": [{"url": "3.jpg"}], "next": None})
    assert [entry.path for entry in await interface.list()] == ["1.jpg", "3.jpg"]


async def test_pages_that_loop_or_never_end_are_left(
    interface: Interface, monkeypatch: pytest.MonkeyPatch
) -> None:
    interface.tell("/api", {"files": [{"url": "1.jpg"}], "next": "/api?page=2"})
    interface.tell("/api?page=2", {"files": [{"url": "2.jpg"}], "next": "/api#again"})
    assert "earlier page" in await interface.fails()
    count = iter(range(10**6))
    interface.server.answers.clear()
    interface.server.answer = lambda _: say(
        json.dumps({"files": [], "next": f"/api?page={next(count)}"})
    )
    assert await interface.list() == []
    monkeypatch.setattr(rest_gateway, "MAX_FOLDERS", 5)
    interface.server.answer = lambda _: say(
        json.dumps({"files": [{"url": "1.jpg"}], "next": f"?page={next(count)}"})
    )
    assert "more than 5 pages" in await interface.fails()
    monkeypatch.setattr(rest_gateway, "MAX_ENTRIES", 3)
    assert "more than 3 entries" in await interface.fails()


@pytest.mark.parametrize("following", [True, {"a": 1}, [], 1.5, "http://[x/"], ids=str)
async def test_a_next_that_is_none_is_said_in_words(interface: Interface, following: Any) -> None:
    interface.tell("/api", {"files": [], "next": following})
    assert "next" in await interface.fails()


async def test_a_page_elsewhere_is_never_asked_for(interface: Interface) -> None:
    for following in (
        f"{interface.other.url}api",
        f"https://127.0.0.1:{interface.server.port}/api",
        "http://10.0.0.7/",
    ):
        interface.tell("/api", {"files": [], "next": following})
        assert "which is a different server" in await interface.fails()
    assert interface.other.requests == []
    assert set(interface.server.asked()) == {"/api"}


async def test_a_file_elsewhere_is_fetched_only_where_that_is_allowed(interface: Interface) -> None:
    interface.tell("/api", {"files": [{"url": f"{interface.other.url}a.jpg"}]})
    interface.other.answers["/a.jpg"] = say("picture")
    gateway = interface.open()
    assert [entry.path async for entry in gateway.list_files()] == ["a.jpg"]
    with pytest.raises(AddressNotAllowed, match="file_origins"):
        await read(gateway, "a.jpg")
    await gateway.close()
    assert interface.other.requests == []
    gateway = interface.open(file_origins=[interface.other.url])
    assert [entry.path async for entry in gateway.list_files()] == ["a.jpg"]
    assert await read(gateway, "a.jpg") == b"picture"
    with pytest.raises(FileGone):
        await read(gateway, "b.jpg")
    await gateway.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (say("<html>Sign in</html>"), "not JSON"),
        (say('{"files": ['), "not JSON"),
        (say(b'{"files": "\xff"}'), "no list"),
        (say("[" * 200_000), "not JSON"),
        (say('{"items": []}'), "no list at 'files'"),
        (say("[]"), "no list at 'files'"),
        (say("no", 401), "401"),
        (say("no", 500), "500"),
        (say("{}", Content_Encoding="br"), "compresses the listing with br"),
        (say("{}", Content_Encoding="gzip"), "compression is not the announced one"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "before the length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_answer_that_is_no_listing_is_said_in_words(
    interface: Interface, answer: bytes, words: str
) -> None:
    interface.server.answers["/api"] = answer
    assert words in await interface.fails()


async def test_a_page_has_a_limit(interface: Interface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_gateway, "PAGE_BYTES", 2**20)
    interface.tell("/api", b" " * (2**20 + 1))
    assert "longer than 1 MiB" in await interface.fails()


async def test_patience_that_is_asked_for_is_told(interface: Interface) -> None:
    interface.server.answers["/api"] = say("no", 429, Retry_After="77")
    with pytest.raises(OutboundFailed) as failed:
        await interface.list()
    assert failed.value.retry_after_s == 77
