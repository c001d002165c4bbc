"""SFTP servers as pull sources: host keys, login, and faulty servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncssh
import pytest
from tests.support import gateway_reader as reading
from tests.support.file_servers import HOST_KEY, PASSWORD, USER, USER_KEY, public, ssh_server
from tests.support.gateway_reader import paths, read
from tests.support.loopback_policy import allow_origins

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.dialing import Dialer
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.sources.gateways.rate_limiter import RateLimiter
from trapline.server.sources.gateways.sftp_gateway import SftpGateway
from trapline.server.sources.gateways.ssh_credentials import (
    SshCredentials,
    parse_host_key,
    parse_private_key,
)

KNOWN = parse_host_key(public(HOST_KEY))


@asynccontextmanager
async def opened(
    port: int, path: str = "/", timeouts: Timeouts | None = None, **login: Any
) -> AsyncIterator[SftpGateway]:
    policy = allow_origins(("127.0.0.1", port))
    who = replace(SshCredentials("127.0.0.1", port, USER, PASSWORD, host_key=KNOWN), **login)
    url = f"sftp://127.0.0.1:{port}{path}"
    gateway = SftpGateway(Dialer(policy), who, url, timeouts or Timeouts(), RateLimiter())
    try:
        yield gateway
    finally:
        await gateway.close()


failure = partial(reading.failure, secret=PASSWORD)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    (folder / "DCIM" / "100 MEDIA").mkdir(parents=True)
    (folder / "DCIM" / "a.jpg").write_bytes(b"a" * 3_000_000)
    (folder / "DCIM" / "100 MEDIA" / "b.jpg").write_bytes(b"b")
    (folder / "DCIM" / "link.jpg").symlink_to("a.jpg")
    return folder


async def test_an_unknown_server_is_named_and_gets_nothing(root: Path) -> None:
    async with ssh_server(root) as place:
        async with opened(place.port, host_key=None) as gateway:
            said = await failure(gateway)
        assert "not known yet" in said
        assert KNOWN in said
        assert HOST_KEY.get_fingerprint() in said
        assert place.tried == []
        for host_key in (
            KNOWN,
            HOST_KEY.get_fingerprint(),
            parse_host_key(f"[127.0.0.1]:{place.port} {KNOWN} box"),
        ):
            async with opened(place.port, host_key=host_key) as gateway:
                assert await paths(gateway) == ["DCIM/100 MEDIA/b.jpg", "DCIM/a.jpg"]


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
async def test_another_key_than_the_known_one_is_refused_and_gets_nothing(
    root: Path, kind: str
) -> None:
    other = asyncssh.generate_private_key(kind)
    async with ssh_server(root) as place:
        for host_key in (parse_host_key(public(other)), other.get_fingerprint()):
            async with opened(place.port, host_key=host_key) as gateway:
                said = await failure(gateway)
                assert "different key" in said or "no key of the type" in said
                assert "No credentials were sent" in said
        assert place.tried == []


async def test_a_password_or_a_key_signs_in(root: Path) -> None:
    key = parse_private_key(USER_KEY.export_private_key().decode().strip())
    async with ssh_server(root) as place:
        async with opened(place.port, "/DCIM", password=None, key=key) as gateway:
            assert await paths(gateway) == ["100 MEDIA/b.jpg", "a.jpg"]
            assert await read(gateway, "a.jpg") == b"a" * 3_000_000
        async with opened(place.port, "/~/DCIM/100%20MEDIA/") as gateway:
            assert await paths(gateway) == ["b.jpg"]
        for wrong in ({"password": "wrong"}, {"username": "nobody"}, {"password": None}):
            async with opened(place.port, **wrong) as gateway:
                assert "check user name, and password or key" in await failure(gateway)
        async with opened(place.port, "/nowhere") as gateway:
            assert "folder does not exist" in await failure(gateway)
    async with ssh_server(root, sftp_factory=None) as place, opened(place.port) as gateway:
        assert "does not offer SFTP" in await failure(gateway)


def test_keys_that_cannot_be_used_are_refused_in_words() -> None:
    for text in ("", "hunter2", public(USER_KEY), "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"):
        with pytest.raises(ValueError, match="not a private key") as caught:
            parse_private_key(text)
        assert "hunter2" not in str(caught.value)
    for form in ("pkcs8-pem", "pkcs1-pem"):
        key = (
            asyncssh.generate_private_key("ssh-rsa", key_size=1024)
            if form == "pkcs1-pem"
            else USER_KEY
        )
        with pytest.raises(ValueError, match="ssh-keygen -p"):
            parse_private_key(key.export_private_key(form, passphrase="sesame").decode())
    for text in ("", "ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:short", "hello there"):
        with pytest.raises(ValueError, match="neither a public key"):
            parse_host_key(text)


async def test_nothing_of_this_machine_s_own_settings_is_used(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knocks: list[bytes] = []

    async def agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append(await reader.read(100))
        writer.close()

    settings = tmp_path / "home" / ".ssh"
    settings.mkdir(parents=True)
    (settings / "config").write_text(
        f"Host *\n  User nobody\n  ProxyCommand touch {tmp_path}/proxied\n"
    )
    (settings / "id_ed25519").write_bytes(USER_KEY.export_private_key())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    async with (
        await asyncio.start_unix_server(agent, tmp_path / "agent"),
        ssh_server(root) as place,
    ):
        (settings / "known_hosts").write_text(f"[127.0.0.1]:{place.port} {public(HOST_KEY)}\n")
        async with opened(place.port, host_key=None) as gateway:
            assert "not known yet" in await failure(gateway)
        async with opened(place.port, password=None) as gateway:
            assert "check user name" in await failure(gateway)
        async with opened(place.port) as gateway:
            assert len(await paths(gateway)) == 2
    assert knocks == []
    assert not (tmp_path / "proxied").exists()


async def test_links_are_neither_listed_nor_followed_out(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (root / "outside").symlink_to(tmp_path)
    async with (
        ssh_server(root, sftp_factory=asyncssh.SFTPServer) as place,
        opened(place.port, str(root)) as gateway,
    ):
        assert await paths(gateway) == ["DCIM/100 MEDIA/b.jpg", "DCIM/a.jpg"]
        assert "link leads out" in await failure(gateway, "outside/secret.jpg")
        for path in ("../secret.jpg", "/etc/passwd", "DCIM//a.jpg"):
            assert "does not exist" in await failure(gateway, path)


class Rigged(asyncssh.SFTPServer):
    """A server that reports wrong file sizes, or stalls during a transfer."""

    longer = 0
    stalls_at = 10**9
    ended = asyncio.Event()
    drips = False

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        attrs = asyncssh.SFTPAttrs.from_local(super().fstat(file_obj))  # type: ignore[arg-type]
        attrs.size = (attrs.size or 0) + self.longer
        return attrs

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if offset >= self.stalls_at:
            await self.ended.wait()
        return cast(bytes, super().read(file_obj, offset, size))

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for name in super().scandir(path):
            yield name
        while self.drips and not self.ended.is_set():
            await asyncio.sleep(0.01)
            yield asyncssh.SFTPName(b"x.jpg", attrs=asyncssh.SFTPAttrs(size=1))


@pytest.mark.parametrize(
    ("rigged", "words"),
    [
        ({"longer": 5}, "announced length"),
        ({"stalls_at": 1_000_000}, "did not answer in the time"),
    ],
)
async def test_a_file_that_does_not_come_whole(
    root: Path, rigged: dict[str, int], words: str
) -> None:
    made: type[Rigged] = type("Made", (Rigged,), {"ended": asyncio.Event(), **rigged})
    limits = Timeouts(download_s=0.3)
    async with (
        ssh_server(root, sftp_factory=made) as place,
        opened(place.port, f"{root}/DCIM", limits) as gateway,
    ):
        assert words in await failure(gateway, "a.jpg")
        made.ended.set()


async def test_a_listing_that_drips_ends(root: Path) -> None:
    made: type[Rigged] = type("Made", (Rigged,), {"ended": asyncio.Event(), "drips": True})
    limits = Timeouts(listing_s=0.3)
    async with (
        ssh_server(root, sftp_factory=made) as place,
        opened(place.port, str(root), limits) as gateway,
    ):
        assert "longer than 0.3 seconds" in await failure(gateway)
        assert not made.ended.is_set()
        made.ended.set()


async def test_a_connection_that_broke_is_made_anew(root: Path) -> None:
    async with ssh_server(root) as place, opened(place.port, "/DCIM") as gateway:
        async with gateway.open_file("a.jpg") as file:
            assert file is not None
            assert await anext(aiter(file.chunks))
            place.connections[0].abort()
            with pytest.raises(OutboundFailed, match="broke"):
                await anext(aiter(file.chunks))
        assert await read(gateway, "100 MEDIA/b.jpg") == b"b"
        found = await asyncio.gather(*[read(gateway, "a.jpg") for _ in range(4)])
        assert {len(data) for data in found} == {3_000_000}
        assert len(place.connections) == 2


async def test_other_servers_than_ssh_have_a_message() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 FTP ready\r\n" * 2000)
        writer.close()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for serve, words in ((talk, "invalid SSH|ended|broke"), (silence, "in the time")):
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with opened(port, timeouts=Timeouts(connect_s=0.1)) as gateway:
                said = await failure(gateway)
                assert any(word in said for word in words.split("|")), said
