"""The guarded way out: pinned addresses, checked redirects, credentials for one origin only."""

import asyncio
import subprocess
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from tests.support.loopback_policy import allow_origins

from trapline.server.platform.errors import AddressNotAllowed, OutboundFailed
from trapline.server.platform.network.outbound import (
    Credentials,
    OutboundClient,
    Timeouts,
    parse_url,
)
from trapline.server.platform.network.outbound_policy import OutboundPolicy, parse_allowed_network


class Canary:
    """A server on loopback that records every request and returns a configured response."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer: Callable[[str], bytes] = lambda _: (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        )
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        writer.write(self.answer(head.split(" ")[1]))
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def canary(address: str = "127.0.0.1") -> AsyncIterator[Canary]:
    recorder = Canary()
    server = await asyncio.start_server(recorder.handle, address, 0)
    recorder.port = server.sockets[0].getsockname()[1]
    async with server:
        yield recorder


def redirect(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def read(outbound: OutboundClient, url: str) -> bytes:
    async with outbound.get(url) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])


async def refused(outbound: OutboundClient, url: str) -> str:
    with pytest.raises(AddressNotAllowed) as caught:
        await read(outbound, url)
    await outbound.close()
    return caught.value.detail


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "①②⑦.0.0.1",
        "127.0.1",
        "0x7f.1",
        "0177.1",
        "017700000001",
        "0x7f.0x0.0x0.0x1",
        "127.0.0.1.",
        "localhost.",
        "LOCALHOST",
        "127.255.255.254",
        "0.0.0.0",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[2002:7f00:1::]",
        "[2002:7f00:1::1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2001:0:7f00:1::]",
        "[fe80::1%25lo]",
        "127。0。0。1",
    ],
)
async def test_no_spelling_of_loopback_reaches_the_canary(host: str) -> None:
    async with canary() as server:
        outbound = OutboundClient(OutboundPolicy(allow_private=True))
        with pytest.raises(OutboundFailed):
            await read(outbound, f"http://{host}:{server.port}/")
        await outbound.close()
        assert server.requests == []


async def test_every_spelling_that_a_resolver_could_answer_with_is_refused() -> None:
    """The same by a name: what it leads to counts, not how it is called."""
    async with canary() as server:
        for address in (
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "169.254.169.254",
            "::1",
        ):

            async def resolve(host: str, port: int, address: str = address) -> list[str]:
                return [address]

            outbound = OutboundClient(OutboundPolicy(allow_private=True), resolve=resolve)
            expected = "TRAPLINE_ALLOWED_NETWORKS"
            assert expected in await refused(outbound, f"http://camera.example:{server.port}/")
        assert server.requests == []


@pytest.mark.parametrize(
    "port", [1, 21, 22, 25, 53, 110, 445, 993, 2049, 2375, 3306, 5432, 6379, 9200, 11211, 27017]
)
async def test_ports_of_other_services_are_refused_before_anything_is_sent(port: int) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["192.168.1.1"]

    outbound = OutboundClient(OutboundPolicy(allow_private=True), resolve=resolve)
    assert "is not one that Trapline connects to" in await refused(
        outbound, f"http://camera.example:{port}/"
    )


async def test_a_resolver_that_changes_its_mind_is_asked_once() -> None:
    """The resolver returns a public address, then loopback; the checked address is used."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) > 1 else ["127.0.0.1"]

    async with canary() as server:
        outbound = OutboundClient(OutboundPolicy(), resolve=rebinding)
        advice = f"TRAPLINE_ALLOWED_NETWORKS=127.0.0.1:{server.port}"
        assert advice in await refused(outbound, f"http://camera.example:{server.port}/")
        assert asked == ["camera.example"]
        assert server.requests == []


def own_addresses() -> list[str]:
    """The addresses of this machine's interfaces, as the system lists them."""
    listed = subprocess.run(
        ["hostname", "-I"], capture_output=True, text=True, check=True
    ).stdout.split()
    return [address for address in listed if not address.startswith("fe80")]


@pytest.mark.skipif(not own_addresses(), reason="this machine has no interface but loopback")
async def test_an_address_of_this_machine_counts_as_this_host() -> None:
    for address in own_addresses():
        host = f"[{address}]" if ":" in address else address
        async with canary(address) as server:
            outbound = OutboundClient(OutboundPolicy(allow_private=True))
            detail = await refused(outbound, f"http://{host}:{server.port}/")
            assert f"{address} is this host" in detail
            assert f"TRAPLINE_ALLOWED_NETWORKS={host}:{server.port}" in detail
            assert server.requests == []
            allowed = OutboundPolicy(
                allowed_networks=(parse_allowed_network(f"{host}:{server.port}"),)
            )
            outbound = OutboundClient(allowed)
            assert await read(outbound, f"http://{host}:{server.port}/") == b"ok"
            await outbound.close()


async def test_an_entry_opens_its_port_and_no_other() -> None:
    async with canary() as server, canary() as other:
        outbound = OutboundClient(allow_origins(("127.0.0.1", server.port)))
        assert await read(outbound, f"http://127.0.0.1:{server.port}/") == b"ok"
        assert "this host" in await refused(outbound, f"http://127.0.0.1:{other.port}/")
        assert other.requests == []


async def test_the_host_keeps_its_name_and_the_address_is_pinned() -> None:
    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with canary() as server:
        outbound = OutboundClient(allow_origins(("camera.example", server.port)), resolve=here)
        detail = await refused(outbound, f"http://camera.example:{server.port}/")
        assert f"TRAPLINE_ALLOWED_NETWORKS=127.0.0.1:{server.port}" in detail
        assert server.requests == [], "a host that leads to this machine opens nothing of it"
        outbound = OutboundClient(allow_origins(("127.0.0.1", server.port)), resolve=here)
        assert await read(outbound, f"http://camera.example:{server.port}/") == b"ok"
        assert f"host: camera.example:{server.port}" in server.requests[0].lower()
        assert "trapline/" in server.requests[0].lower()
        await outbound.close()


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/",
        "http://10.0.0.7/",
        "file:///etc/passwd",
        "http://127.0.0.1:5432/",
    ],
)
async def test_redirects_are_checked_like_the_first_address(target: str) -> None:
    async with canary() as server:
        server.answer = lambda _: redirect(target)
        outbound = OutboundClient(allow_origins(("127.0.0.1", server.port)))
        await refused(outbound, f"http://127.0.0.1:{server.port}/")


async def test_at_most_three_redirects() -> None:
    async with canary() as server:
        server.answer = lambda path: redirect(path + "x")
        outbound = OutboundClient(allow_origins(("127.0.0.1", server.port)))
        with pytest.raises(OutboundFailed, match="more than 3"):
            await read(outbound, f"http://127.0.0.1:{server.port}/")
        assert len(server.requests) == 4
        await outbound.close()


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_credentials_go_to_their_origin_only(header: str) -> None:
    async with canary() as own, canary() as other:
        policy = allow_origins(("127.0.0.1", own.port), ("127.0.0.1", other.port))
        base = f"http://127.0.0.1:{own.port}/"
        outbound = OutboundClient(
            policy, credentials=Credentials.header(base, header, "canary-secret")
        )
        own.answer = lambda _: redirect(f"http://127.0.0.1:{other.port}/there")
        await read(outbound, base)
        await read(outbound, f"http://127.0.0.1:{other.port}/direct")
        assert "canary-secret" in own.requests[0]
        assert len(other.requests) == 2
        assert "canary-secret" not in "".join(other.requests)
        await outbound.close()


@pytest.mark.parametrize(
    "answer",
    ["HTTP/9.9 {}\r\n\r\n", "HTTP/1.1 200 CERTIFICATE_VERIFY_FAILED\r\n{}\r\n\r\n", "{}\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: {}\r\n\r\n", ("HTTP/1.1 302 Found\r\nLocation: "
                                                         "{}:x\r\n\r\n"),
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n"],
)  # fmt: skip
async def test_nothing_that_a_server_says_is_repeated(answer: str) -> None:
    """The response may repeat the credentials, which viewers and logs would then show."""
    async with canary() as server:
        server.answer = lambda _: answer.format("canary-secret").encode()
        base = f"http://127.0.0.1:{server.port}/"
        outbound = OutboundClient(
            allow_origins(("127.0.0.1", server.port)),
            credentials=Credentials.header(base, "Authorization", "canary-secret"),
        )
        with pytest.raises((OutboundFailed, AddressNotAllowed)) as caught:
            await read(outbound, base)
        await outbound.close()
        assert "canary-secret" in server.requests[0]
        assert "canary-secret" not in "".join(traceback.format_exception(caught.value))


async def test_no_cookie_is_kept() -> None:
    """One of a cookie's host would go to each port of it, and from https to http."""
    async with canary() as own, canary() as other:
        policy = allow_origins(("127.0.0.1", own.port), ("127.0.0.1", other.port))
        outbound = OutboundClient(policy)
        location = f"http://127.0.0.1:{other.port}/there"
        own.answer = lambda _: redirect(location).replace(
            b"Location", b"Set-Cookie: session=canary; Path=/\r\nLocation"
        )
        for _ in range(2):
            assert await read(outbound, f"http://127.0.0.1:{own.port}/") == b"ok"
        assert len(own.requests) == len(other.requests) == 2
        assert "cookie" not in "".join(own.requests + other.requests).lower()
        await outbound.close()


async def test_a_body_shorter_than_announced_is_a_failure() -> None:
    async with canary() as server:
        server.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        outbound = OutboundClient(allow_origins(("127.0.0.1", server.port)))
        with pytest.raises(OutboundFailed, match="before the length"):
            await read(outbound, f"http://127.0.0.1:{server.port}/")
        await outbound.close()


async def test_silence_ends() -> None:
    ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        outbound = OutboundClient(allow_origins(("127.0.0.1", port)), timeouts=Timeouts(1, 1, 0.1))
        with pytest.raises(OutboundFailed, match="no response within the time"):
            await read(outbound, f"http://127.0.0.1:{port}/")
        await outbound.close()
        await ended.wait()


async def test_an_answer_whose_head_drips_ends() -> None:
    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"X-Drip: 1\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        policy = allow_origins(("127.0.0.1", port))
        outbound = OutboundClient(policy, timeouts=Timeouts(0.2, 1, 0.2))
        with pytest.raises(OutboundFailed, match="did not complete the head"):
            async with asyncio.timeout(10), outbound.get(f"http://127.0.0.1:{port}/"):
                pass
        await outbound.close()
        await ended.wait()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "gopher://a/",
        "javascript:1",
        "/relative",
        "http://",
        "http://user:pw@host/",
        "http://[::1",
    ],
)
def test_addresses_that_are_not_taken(url: str) -> None:
    with pytest.raises(AddressNotAllowed) as caught:
        parse_url(url)
    assert "pw" not in caught.value.detail


@pytest.mark.parametrize("secret", ["canary-4711\n", "canary-4711\u00e4", "canary-4711\x00"])
async def test_a_secret_that_cannot_be_sent_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(AddressNotAllowed) as caught:
        Credentials.header("http://camera.example/", "Authorization", f"Bearer {secret}")
    assert "4711" not in str(caught.value)
    outbound = OutboundClient(OutboundPolicy(allow_private=True))
    with pytest.raises(OutboundFailed) as failed:
        async with outbound.get("http://10.255.255.1/", {"X-Key": "canary-4711\n"}):
            pass
    await outbound.close()
    assert "4711" not in str(failed.value)
    assert failed.value.__cause__ is None, "a log shows causes as well"


@pytest.mark.parametrize("port", ["0", "99999"])
def test_a_port_that_no_server_has_is_refused(port: str) -> None:
    with pytest.raises(AddressNotAllowed, match="65535"):
        parse_url(f"http://camera.example:{port}/")
