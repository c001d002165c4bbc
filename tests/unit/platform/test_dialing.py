"""Which ports each protocol may use, and which a server may name for its data."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from trapline.server.platform.errors import AddressNotAllowed
from trapline.server.platform.network.dialing import (
    LOOKED_UP_AT_ONCE,
    Dialer,
    is_data_port,
    resolve_host,
)
from trapline.server.platform.network.outbound_policy import OutboundPolicy


async def private(host: str, port: int) -> list[str]:
    del host, port
    return ["10.0.0.7"]


@pytest.mark.parametrize(
    ("scheme", "allowed", "refused"),
    [
        ("ftp", (21, 2121), (22, 25, 80, 443, 990, 6379)),
        ("ftps", (21, 990, 40_990), (20, 22, 443, 5432)),
        ("sftp", (22, 2222), (21, 23, 80, 990, 11211)),
        ("http", (80, 443, 8080), (21, 22, 990, 9200)),
        ("ws", (80, 443, 9000), (21, 22, 27017)),
    ],
)
async def test_a_port_is_dialled_for_what_is_spoken_there(
    scheme: str, allowed: tuple[int, ...], refused: tuple[int, ...]
) -> None:
    """No connection is opened: the address is private, and it is checked after the port."""
    for port in allowed:
        with pytest.raises(AddressNotAllowed, match="a private address"):
            await Dialer(OutboundPolicy(), private).open_socket(scheme, "camera.example", port, 1)
    for port in refused:
        with pytest.raises(AddressNotAllowed, match=f"port {port} is not one"):
            await Dialer(OutboundPolicy(allow_private=True), private).open_socket(
                scheme, "camera.example", port, 1
            )


def test_ports_for_data() -> None:
    assert all(map(is_data_port, (1024, 20_000, 65_535)))
    assert not any(map(is_data_port, (0, 20, 22, 1023, 3306, 6379, 65_536)))


async def test_names_that_do_not_resolve_keep_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One lookup more than the maximum. Files are written and addresses connected meanwhile."""
    real = socket.getaddrinfo
    answered = threading.Event()

    def answer_late(host: str, port: int, **kwargs: Any) -> Any:
        if "dead" in host and not kwargs["flags"] & socket.AI_NUMERICHOST:
            answered.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, port, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer_late)
    dead = [
        asyncio.create_task(resolve_host(f"dead{at}.example", 80))
        for at in range(LOOKED_UP_AT_ONCE + 1)
    ]
    try:
        for _ in range(2):
            await asyncio.sleep(0)
        assert await resolve_host("127.0.0.1", 80) == ["127.0.0.1"]
        assert await resolve_host("::1", 80) == ["::1"]
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(lambda: "written") == "written"
        assert not any(task.done() for task in dead)
    finally:
        answered.set()
        results = await asyncio.gather(*dead, return_exceptions=True)
    assert all(isinstance(result, socket.gaierror) for result in results)
