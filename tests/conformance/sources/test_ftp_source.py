"""FTP servers as pull sources: login, TLS, and faulty servers."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support import gateway_reader as reading
from tests.support.faulty_ftp_server import rigged_ftp
from tests.support.file_servers import (
    PASSWORD,
    USER,
    Certificate,
    TlsHandler,
    aioftp_server,
    make_certificate,
    pyftpd,
)
from tests.support.gateway_reader import paths, read
from tests.support.loopback_policy import allow_origins

from trapline.server.platform.errors import FileGone
from trapline.server.platform.network.dialing import Dialer
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.sources.gateways.ftp_connection import FtpAddress, FtpCredentials
from trapline.server.sources.gateways.ftp_connection_pool import FtpConnectionPool
from trapline.server.sources.gateways.ftp_gateway import FtpGateway
from trapline.server.sources.gateways.gateway import Walk
from trapline.server.sources.gateways.rate_limiter import RateLimiter

LOGIN = FtpCredentials(USER, PASSWORD)
LIST_ONLY = {"MLSD": "502 no", "MLST": "502 no"}


@asynccontextmanager
async def opened(
    port: int,
    login: FtpCredentials = LOGIN,
    path: str = "",
    *,
    tls: ssl.SSLContext | None = None,
    tls_at_once: bool = False,
    **timeouts: float,
) -> AsyncIterator[FtpGateway]:
    policy = allow_origins(("127.0.0.1", port))
    address, limits = FtpAddress("127.0.0.1", port, tls, tls_at_once), Timeouts(**timeouts)
    connections = FtpConnectionPool(Dialer(policy), address, login, limits)
    gateway = FtpGateway(connections, f"ftp://127.0.0.1:{port}/{path}", limits, RateLimiter())
    try:
        yield gateway
    finally:
        await gateway.close()


failure = partial(reading.failure, secret=PASSWORD)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    (folder / "DCIM" / "100 MEDIA").mkdir(parents=True)
    (folder / "DCIM" / "a.jpg").write_bytes(b"a" * 300_000)
    (folder / "DCIM" / "100 MEDIA" / "b.jpg").write_bytes(b"b")
    return folder


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


async def test_accounts_and_folders_of_a_server(root: Path) -> None:
    with pyftpd(root) as port:
        async with opened(port) as gateway:
            assert await paths(gateway) == ["DCIM/100 MEDIA/b.jpg", "DCIM/a.jpg"]
        async with opened(port, FtpCredentials(), path="DCIM/") as gateway:
            assert await paths(gateway) == ["100 MEDIA/b.jpg", "a.jpg"], "anonymous login works"
            assert await read(gateway, "100 MEDIA/b.jpg") == b"b"
        async with opened(port, path="%2FDCIM/100%20MEDIA") as gateway:
            assert await paths(gateway) == ["b.jpg"]
        async with opened(port, FtpCredentials(USER, "wrong")) as gateway:
            assert "check user name and password" in await failure(gateway)
        async with opened(port, path="nowhere") as gateway:
            assert "folder does not exist" in await failure(gateway)


async def test_files_are_read_side_by_side(root: Path) -> None:
    with pyftpd(root) as port:
        async with (
            opened(port) as gateway,
            gateway.open_file("DCIM/a.jpg") as one,
            gateway.open_file("DCIM/a.jpg") as two,
        ):
            assert one is not None
            assert two is not None
            first, second = aiter(one.chunks), aiter(two.chunks)
            assert await anext(first)
            assert await anext(second)
            assert await read(gateway, "DCIM/100 MEDIA/b.jpg") == b"b"
        async with opened(port) as gateway:
            assert {
                len(data)
                for data in await asyncio.gather(*[read(gateway, "DCIM/a.jpg") for _ in range(8)])
            } == {300_000}


async def test_tls_after_it_was_asked_for(root: Path, certificate: Certificate) -> None:
    names: list[str] = []

    def note(_: Any, line: str) -> None:
        names.append(line)

    with pyftpd(root, TlsHandler, certfile=str(certificate.path)) as port:
        async with opened(port, tls=certificate.trusted) as gateway:
            assert await paths(gateway) == ["DCIM/100 MEDIA/b.jpg", "DCIM/a.jpg"]
            assert len(await read(gateway, "DCIM/a.jpg")) == 300_000
        async with opened(port) as gateway:
            assert "requires TLS (550): use a URL that starts with ftps://" in await failure(
                gateway
            )
    with pyftpd(root, TlsHandler, certfile=str(certificate.path), ftp_USER=note) as port:
        async with opened(port, tls=ssl.create_default_context()) as gateway:
            assert "certificate of 127.0.0.1 is not trusted" in await failure(gateway)
    assert names == [], "no credentials are sent to an untrusted server"


async def test_tls_at_once(root: Path, certificate: Certificate) -> None:
    with aioftp_server(root, certificate.path) as port:
        async with opened(port, tls=certificate.trusted, tls_at_once=True) as gateway:
            assert await paths(gateway) == ["DCIM/100 MEDIA/b.jpg", "DCIM/a.jpg"]
            assert len(await read(gateway, "DCIM/a.jpg")) == 300_000
        async with opened(port, tls=ssl.create_default_context(), tls_at_once=True) as gateway:
            assert "not trusted" in await failure(gateway)


async def test_a_certificate_of_another_host_and_a_closed_port(root: Path, tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "127.0.0.2")
    with aioftp_server(root, other.path) as port:
        async with opened(port, tls=other.trusted, tls_at_once=True) as gateway:
            assert "certificate of 127.0.0.1 is not trusted" in await failure(gateway)
    async with opened(port, tls=other.trusted, tls_at_once=True) as gateway:
        assert "Connection refused; if the server starts TLS on its FTP port" in await failure(
            gateway
        )


async def test_no_sign_in_where_tls_is_wanted_and_not_offered() -> None:
    async with rigged_ftp(answers={"AUTH": "502 what?"}) as ftp:
        async with opened(ftp.port, tls=ssl.create_default_context()) as gateway:
            assert "does not offer TLS" in await failure(gateway)
        assert ftp.asked == ["AUTH TLS"]
    async with rigged_ftp(answers={"AUTH": "234 yes\r\n200 already done\r\n200 this too"}) as ftp:
        async with opened(ftp.port, tls=ssl.create_default_context()) as gateway:
            assert "sent unencrypted data" in await failure(gateway)
        assert ftp.asked == ["AUTH TLS"]


async def test_data_comes_from_the_server_that_was_dialled_and_no_other() -> None:
    """A PASV reply with another host must not make Trapline connect to that host."""
    knocks: list[str] = []

    async def canary(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append(str(writer.get_extra_info("peername")))
        writer.close()

    answers = {"EPSV": "500 what?", "PASV": "227 here (127,0,0,2,{high},{low})"} | LIST_ONLY
    async with (
        rigged_ftp(files={b"a.jpg": b"picture"}, answers=answers) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert await read(gateway, "a.jpg") == b"picture", (
            "the port of the reply is used, its host is not"
        )
        elsewhere = await asyncio.start_server(canary, "127.0.0.2", 0)
        async with elsewhere:
            high, low = divmod(elsewhere.sockets[0].getsockname()[1], 256)
            ftp.answers["PASV"] = f"227 here (127,0,0,2,{high},{low})"
            assert "broke" in await failure(gateway, "a.jpg")
    assert any(asked == "PASV" for asked in ftp.asked)
    assert knocks == []


@pytest.mark.parametrize("port", [22, 80, 6379, 5432])
async def test_data_does_not_come_from_a_port_of_something_else(port: int) -> None:
    async with (
        rigged_ftp(answers={"EPSV": f"229 here (|||{port}|)"}) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert f"uses port {port} for data" in await failure(gateway)


@pytest.mark.parametrize(
    ("rigged", "words"),
    [
        ({"fault": "cut"}, "before the announced length"),
        (
            {"fault": "cut", "answers": LIST_ONLY | {"226": "426 oh"}},
            r"before the announced length|aborted the transfer",
        ),
        ({"fault": "stall"}, "did not answer in the time"),
        ({"answers": LIST_ONLY | {"SIZE": "213 9999"}}, "before the announced length"),
        ({"answers": LIST_ONLY | {"SIZE": "213 3"}}, "size of the file changed"),
        ({"answers": LIST_ONLY | {"SIZE": "550 Permission denied"}}, "denied access"),
        ({"answers": LIST_ONLY | {"RETR": "550 not there"}}, "does not exist"),
        ({"answers": LIST_ONLY | {"EPSV": "229 nonsense"}}, "invalid FTP reply"),
        (
            {"answers": {"MLST": "250-x\r\n type=dir;size=1; a.jpg\r\n250 end"}},
            "not a regular file",
        ),
        ({"answers": {"PASS": f"500 what is {PASSWORD}?"}}, "500"),
        ({"answers": {"": "220-" + "x\r\n220-" * 1500 + "\r\n220 at last"}}, "too many lines"),
        ({"answers": {"": "SSH-2.0-OpenSSH"}}, "invalid FTP reply|in the time"),
        ({"answers": {"USER": "530 not you"}}, "check user name"),
        ({"answers": {"USER": "550 not you"}}, "refused the command (550)"),
        ({"answers": {"USER": "421 too many"}}, "accepts no more connections"),
    ],
)
async def test_failures_have_messages(rigged: dict[str, Any], words: str) -> None:
    rigged = {"files": {b"a.jpg": b"picture" * 100}, "answers": LIST_ONLY, **rigged}
    # Only silent servers have short timeouts, because the others may be slow on a busy machine.
    connect_s, download_s = (0.5, 0.2) if "in the time" in words else (10.0, 10.0)
    async with (
        rigged_ftp(**rigged) as ftp,
        opened(ftp.port, connect_s=connect_s, download_s=download_s) as gateway,
    ):
        said = await failure(gateway, "a.jpg")
        assert any(word in said for word in words.split("|")), said


async def test_a_file_that_broke_does_not_spoil_the_next(root: Path) -> None:
    async with (
        rigged_ftp(files={b"a.jpg": b"picture" * 100}, answers=LIST_ONLY) as ftp,
        opened(ftp.port) as gateway,
    ):
        ftp.fault = "cut"
        assert "before the announced length" in await failure(gateway, "a.jpg")
        ftp.fault = ""
        assert await read(gateway, "a.jpg") == b"picture" * 100
        with pytest.raises(FileGone):
            await read(gateway, "b.jpg")
        async with gateway.open_file("a.jpg") as left_unread:
            assert left_unread is not None
        assert await read(gateway, "a.jpg") == b"picture" * 100


async def test_a_listing_that_drips_ends(root: Path) -> None:
    async with rigged_ftp(fault="drip") as ftp, opened(ftp.port, listing_s=0.3) as gateway:
        assert "longer than 0.3 seconds" in await failure(gateway)


async def test_a_server_that_takes_one_at_a_time_gets_one_at_a_time() -> None:
    files = {f"{number}.jpg".encode(): b"picture" * number for number in range(1, 7)}
    async with (
        rigged_ftp(files=files, answers=LIST_ONLY, most=1) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert len(await read(gateway, "1.jpg")) == 7
        found = await asyncio.gather(*[read(gateway, name.decode()) for name in files])
        assert found == list(files.values())


async def test_a_server_that_hangs_up_after_each_file_is_called_again() -> None:
    files = {f"{number}.jpg".encode(): b"picture" * number for number in range(1, 4)}
    async with (
        rigged_ftp(files=files, answers=LIST_ONLY, hangs_up=True) as ftp,
        opened(ftp.port) as gateway,
    ):
        for name, data in files.items():
            assert await read(gateway, name.decode()) == data


async def test_a_server_that_hangs_up_on_a_caller_is_called_once_more() -> None:
    files = {b"a.jpg": b"picture"}
    async with (
        rigged_ftp(files=files, answers=LIST_ONLY, hangs_up_on=(1,)) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert await read(gateway, "a.jpg") == b"picture"
        assert ftp.clients == 2
    async with (
        rigged_ftp(files=files, answers=LIST_ONLY, hangs_up_on=(1, 2)) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert "broke" in await failure(gateway, "a.jpg")
        assert ftp.clients == 2


async def test_a_name_is_resolved_once_for_all_connections_of_a_sign_in() -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        del port
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with rigged_ftp(files={b"a.jpg": b"picture"}, answers=LIST_ONLY) as ftp:
        policy = allow_origins(("127.0.0.1", ftp.port), ("127.0.0.2", ftp.port))
        address = FtpAddress("camera.example", ftp.port)
        connections = FtpConnectionPool(Dialer(policy, rebinding), address, LOGIN, Timeouts())
        gateway = FtpGateway(
            connections, f"ftp://camera.example:{ftp.port}/", Timeouts(), RateLimiter()
        )
        assert await read(gateway, "a.jpg") == b"picture"
        assert await read(gateway, "a.jpg") == b"picture"
        await gateway.close()
        assert asked == ["camera.example"]


async def test_odd_names_are_listed_and_opened() -> None:
    listing = (
        b"type=cdir;modify=20260501060000; /\r\n"
        b"type=pdir; ..\r\n"
        b"Type=file;Size=7;Modify=20260501060000; F\xfcchse #1.jpg\r\n"
        b"type=file;size=7;modify=20260501060000.123; \xc3\xa4.jpg\r\n"
        b"type=file;size=7; two  spaces .jpg\r\n"
        b"type=file;size=7; ../../etc/passwd\r\n"
        b"type=OS.unix=slink:/etc;size=7; link.jpg\r\n"
        b"type=file;size=7; .half\r\n"
        b"type=file;size=7; bell\x07.jpg\r\n"
        b"type=file;size=7; all\xff.jpg\r\n"
        b"type=file;size=7; broken\r\n"
        b"line.jpg\r\n"
    )
    files = {
        b"F\xfcchse #1.jpg": b"picture",
        "ä.jpg".encode(): b"picture",
        b"two  spaces .jpg": b"picture",
    }
    # The server removes the doubling of byte 255 (RFC 854) before it looks for a file.
    files |= dict.fromkeys((b".half", b"bell\x07.jpg", b"all\xff\xff.jpg"), b"picture")
    async with rigged_ftp(files=files, listing=listing) as ftp, opened(ftp.port) as gateway:
        walk = Walk()
        entries = [entry async for entry in gateway.list_files(walk)]
        assert [entry.path for entry in entries] == [
            r"F\xfcchse #1.jpg", "ä.jpg", "two  spaces .jpg", ".half", r"bell\x07.jpg",
            r"all\xff.jpg",
        ]  # fmt: skip
        assert walk.left_out == {"unrepresentable name": 2, "symbolic link": 1}
        assert {entry.size for entry in entries} == {7}
        assert entries[0].modified_at == entries[1].modified_at
        for entry in entries:
            assert await read(gateway, entry.path) == b"picture"


async def test_a_folder_that_is_its_own_child_ends() -> None:
    async with (
        rigged_ftp(listing=b"type=dir; again\r\ntype=file;size=1; a.jpg\r\n") as ftp,
        opened(ftp.port) as gateway,
    ):
        walk = Walk()
        assert len([entry async for entry in gateway.list_files(walk)]) == 21
        assert [folder.reason for folder in walk.folders] == ["it lies more than 20 folders deep"]


async def test_an_empty_folder_is_empty_however_that_is_said() -> None:
    for answers in (
        LIST_ONLY,
        {"MLSD": "550 no files found"},
        LIST_ONLY | {"LIST": "550 no files found"},
    ):
        async with rigged_ftp(answers=answers) as ftp, opened(ftp.port) as gateway:
            assert await paths(gateway) == []
    async with (
        rigged_ftp(answers=LIST_ONLY | {"LIST": "550 access denied"}) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert "denied access" in await failure(gateway)


async def test_a_listing_in_no_known_form_is_not_an_empty_one() -> None:
    async with (
        rigged_ftp(listing=b"<html>welcome</html>\r\n", answers=LIST_ONLY) as ftp,
        opened(ftp.port) as gateway,
    ):
        assert "format of the listing" in await failure(gateway)
