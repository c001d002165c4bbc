"""Requirements for all gateways, tested with each of them against real servers."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support import file_servers, web_servers
from tests.support.json_api_server import MAPPING, json_feed
from tests.support.loopback_policy import allow_origins

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.dialing import Dialer
from trapline.server.platform.network.outbound import OutboundClient, Timeouts
from trapline.server.sources.gateways.folder_gateway import FolderGateway
from trapline.server.sources.gateways.ftp_connection import FtpAddress, FtpCredentials
from trapline.server.sources.gateways.ftp_connection_pool import FtpConnectionPool
from trapline.server.sources.gateways.ftp_gateway import FtpGateway
from trapline.server.sources.gateways.gateway import Gateway
from trapline.server.sources.gateways.http_directory_gateway import HttpDirectoryGateway
from trapline.server.sources.gateways.rate_limiter import RateLimiter
from trapline.server.sources.gateways.rest_gateway import RestGateway
from trapline.server.sources.gateways.sftp_gateway import SftpGateway
from trapline.server.sources.gateways.ssh_credentials import SshCredentials, parse_host_key

NAMES = [
    "IMG_0001.JPG",
    "with space.jpg",
    "Füchse & Dachse #1.jpg",
    "100%25 wild.jpg",
    "what?.jpg",
    "quote\"d 'name'.jpg",
    "a_name_that_is_longer_than_fifty_characters_and_is_cut_off_in_what_is_shown_0001.jpg",
    "100MEDIA/IMG_0001.JPG",
    "100MEDIA/deep er/IMG_9999.JPG",
]


@dataclass(frozen=True)
class Kind:
    """A gateway with its server, and which facts the listing of the server has."""

    name: str
    serve: Callable[[Path, Path], AbstractContextManager[str]]
    tells_changes: bool = True
    tells_etags: bool = True


@contextmanager
def folder(root: Path, work: Path) -> Iterator[str]:
    yield f"file://{root}"


KINDS = [
    Kind("folder", folder),
    Kind("python", web_servers.python_server, tells_changes=False, tells_etags=False),
    Kind("nginx-html", web_servers.nginx),
    Kind("nginx-json", partial(web_servers.nginx, form="json")),
    Kind("apache-table", web_servers.apache),
    Kind("apache-pre", partial(web_servers.apache, option="FancyIndexing NameWidth=20")),
    Kind("apache-plain", partial(web_servers.apache, option="-FancyIndexing"), tells_changes=False),
    Kind("lighttpd", web_servers.lighttpd),
    Kind("rest", json_feed),
    Kind("ftp-aioftp", file_servers.ftp_of_aioftp),
    Kind("ftp-pyftpdlib", file_servers.ftp_of_pyftpdlib),
    Kind("ftp-list", partial(file_servers.ftp_of_pyftpdlib, handler=file_servers.PlainHandler)),
    Kind("sftp", file_servers.sftp),
]


@dataclass
class Place:
    """A source of one kind: its folder, and a gateway to it."""

    kind: Kind
    root: Path
    gateway: Gateway

    async def paths(self) -> list[str]:
        return [entry.path async for entry in self.gateway.list_files()]

    async def fingerprint(self, path: str) -> str:
        return next(
            iter(
                [
                    entry.fingerprint
                    async for entry in self.gateway.list_files()
                    if entry.path == path
                ]
            )
        )

    async def read(self, path: str) -> bytes:
        async with self.gateway.open_file(path) as file:
            assert file is not None
            return b"".join([chunk async for chunk in file.chunks])


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    # Apache runs as an unprivileged user, who cannot read below the folder of pytest.
    with tempfile.TemporaryDirectory(prefix="trapline-gateway-") as name:
        work, root = Path(name), Path(name) / "camera"
        fill(work, root)
        kind: Kind = request.param
        with kind.serve(root, work) as url:
            gateway = open_gateway(url, root, is_rest=kind.name == "rest")
            yield Place(kind, root, gateway)
            await gateway.close()


def open_gateway(url: str, root: Path, *, is_rest: bool) -> Gateway:
    split = urlsplit(url)
    port = split.port or 80
    policy = allow_origins((split.hostname or "", port))
    match split.scheme:
        case "file":
            return FolderGateway(root)
        case "ftp":
            login = FtpCredentials(file_servers.USER, file_servers.PASSWORD)
            connections = FtpConnectionPool(
                Dialer(policy), FtpAddress("127.0.0.1", port), login, Timeouts()
            )
            return FtpGateway(connections, url, Timeouts(), RateLimiter())
        case "sftp":
            host_key = file_servers.public(file_servers.HOST_KEY)
            known = SshCredentials(
                "127.0.0.1",
                port,
                file_servers.USER,
                file_servers.PASSWORD,
                host_key=parse_host_key(host_key),
            )
            return SftpGateway(Dialer(policy), known, url, Timeouts(), RateLimiter())
        case _:
            outbound = OutboundClient(policy)
            return (
                RestGateway(outbound, url, MAPPING, pace=RateLimiter())
                if is_rest
                else HttpDirectoryGateway(outbound, url)
            )


def fill(work: Path, root: Path) -> None:
    work.chmod(0o755)
    for path in NAMES:
        write(root / path, path.encode() * 50)
    (root / "empty").mkdir()
    (root / "outside").symlink_to("/etc")


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


async def test_lists_every_file_once_and_opens_it_under_that_name(place: Place) -> None:
    listed = [path for path in await place.paths() if not path.startswith("outside/")]
    assert len(listed) == len(set(listed)) == len(NAMES)
    read = {await place.read(path) for path in listed}
    assert read == {name.encode() * 50 for name in NAMES}
    readable = {name for name in NAMES if "%" not in name}
    assert readable <= set(listed)


async def test_exact_values_of_a_listing_are_exact(place: Place) -> None:
    async for entry in place.gateway.list_files():
        if entry.path.startswith("outside/") or "%" in entry.path:
            continue
        status = (place.root / entry.path).stat()
        if entry.size is not None:
            assert entry.size == status.st_size, entry
        if entry.is_exact and entry.modified_at is not None:
            assert abs(entry.modified_at.timestamp() - status.st_mtime) < 60


async def test_new_bytes_under_the_same_name_are_noticed(place: Place) -> None:
    before = await place.fingerprint("IMG_0001.JPG")
    assert await place.fingerprint("IMG_0001.JPG") == before
    write(place.root / "IMG_0001.JPG", b"changed" * 1000)
    os.utime(place.root / "IMG_0001.JPG", (1_700_000_000, 1_700_000_000))
    assert (await place.fingerprint("IMG_0001.JPG") != before) is place.kind.tells_changes
    assert await place.read("IMG_0001.JPG") == b"changed" * 1000


async def test_an_open_file_tells_its_size_and_time(place: Place) -> None:
    os.utime(place.root / "IMG_0001.JPG", (1_700_000_000, 1_700_000_000))
    await place.paths()
    async with place.gateway.open_file("IMG_0001.JPG") as file:
        assert file is not None
        assert file.size == 600
        assert file.modified_at is not None
        assert file.modified_at.timestamp() == 1_700_000_000
        etag = file.etag
    assert (etag is not None) is place.kind.tells_etags
    if etag is not None:
        async with place.gateway.open_file("IMG_0001.JPG", known_etag=etag) as again:
            assert again is None


async def test_a_file_that_is_gone_is_said_in_words(place: Place) -> None:
    await place.paths()
    with pytest.raises(OutboundFailed, match=r"exist|there|lists"):
        await place.read("IMG_4711.JPG")


async def test_a_late_file_with_a_smaller_name_and_a_new_folder_are_listed(place: Place) -> None:
    await place.paths()
    write(place.root / "AAA_0001.JPG", b"late")
    write(place.root / "101MEDIA/IMG_0001.JPG", b"new")
    assert {"AAA_0001.JPG", "101MEDIA/IMG_0001.JPG"} <= set(await place.paths())


async def test_ten_thousand_entries(place: Place) -> None:
    many = place.root / "many"
    many.mkdir()
    for number in range(10_000):
        (many / f"IMG_{number:04}.JPG").touch()
    listed = [path for path in await place.paths() if path.startswith("many/")]
    assert len(set(listed)) == len(listed) == 10_000


async def test_no_path_leads_out_of_the_source(place: Place) -> None:
    for path in ("../web_servers.py", "100MEDIA/../../etc/passwd", "/etc/passwd"):
        with pytest.raises(OutboundFailed):
            await place.read(path)
    if place.kind.name == "folder":
        with pytest.raises(OutboundFailed, match="link"):
            await place.read("outside/passwd")
