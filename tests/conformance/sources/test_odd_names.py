"""Names with invisible characters and unlisted folders, for each gateway with real servers."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.conformance.sources.test_gateways import KINDS, Kind, Place, open_gateway, write
from tests.support import file_servers, web_servers

from trapline.server.sources.gateways.file_names import escape_name, readable_name, spell
from trapline.server.sources.gateways.gateway import Walk

INVISIBLE = {
    "no-break space": "IMG\u00a00001.JPG",
    "ideographic space": "IMG\u30000001.JPG",
    "zero width": "IMG\u200b0001.JPG",
    "right to left": "IMG\u202e0001\u202c.JPG",
    "at the end": "trailing\u00a0",
    "folder": "cam\u00a0era\u3000x/a\u200dx/IMG.JPG",
    "quotes": "a'b\"c %41 #1?.JPG",
    "backslash": r"a\u00a0\x41.JPG",
}
BYTES = {"latin-1": b"F\xfcchse.JPG", "telnet": b"all\xff.JPG", "mixed": b"F\xfcchse/\xc3\xa4.JPG"}


def _make_folders(work: Path) -> tuple[Path, Path]:
    # Apache runs as an unprivileged user, who cannot read below the folder of pytest.
    work.chmod(0o755)
    (work / "camera").mkdir()
    return work, work / "camera"


@pytest.fixture(
    params=[kind for kind in KINDS if kind.name != "apache-plain"], ids=lambda kind: kind.name
)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    with TemporaryDirectory(prefix="trapline-names-") as name:
        work, root = _make_folders(Path(name))
        kind: Kind = request.param
        with kind.serve(root, work) as url:
            gateway = open_gateway(url, root, is_rest=kind.name == "rest")
            yield Place(kind, root, gateway)
            await gateway.close()


async def test_names_that_cannot_be_seen_are_listed_and_read(place: Place) -> None:
    names = dict(INVISIBLE)
    if place.kind.name == "ftp-aioftp":
        del names["at the end"]  # the server strips white space at the end of commands
    for text in names.values():
        write(place.root / text, text.encode())
    walk = Walk()
    listed = [entry.path async for entry in place.gateway.list_files(walk)]
    assert (len(listed), walk.folders) == (len(names), []), listed
    assert all(path.isprintable() for path in listed), "names are escaped"
    assert {(await place.read(path)).decode() for path in listed} == set(names.values())
    is_encoded = place.kind.name not in (
        "folder",
        "rest",
        "sftp",
    ) and not place.kind.name.startswith("ftp")
    shown = {readable_name(path, is_encoded=is_encoded) for path in listed}
    assert {
        names[one] for one in ("no-break space", "ideographic space", "zero width", "quotes")
    } <= shown


async def test_names_in_any_bytes_are_listed_and_read(place: Place) -> None:
    if place.kind.name == "rest" or place.kind.name.startswith("ftp"):
        pytest.skip("this server lists no names but text; see test_ftp_source")
    for raw in BYTES.values():
        write(place.root / os.fsdecode(raw), raw)
    write(place.root / "plain.JPG", b"plain")
    walk = Walk()
    listed = [entry.path async for entry in place.gateway.list_files(walk)]
    if place.kind.name == "nginx-json":
        assert walk.left_out["unrepresentable name"] == 3
        assert listed == ["plain.JPG"]
        return
    assert len(listed) == 4, listed
    assert {await place.read(path) for path in listed} == {*BYTES.values(), b"plain"}


@pytest.mark.parametrize("form", ["html", "json"])
async def test_a_folder_that_nginx_forbids_stops_nothing(
    tmp_path_factory: pytest.TempPathFactory, form: str
) -> None:
    work = tmp_path_factory.mktemp("nginx")
    root = work / "camera"
    for path in ("a.JPG", "oak/b.JPG", "lost+found/secret.JPG", "oak/trash/c.JPG"):
        write(root / path, b"x")
    with web_servers.nginx(root, work, form, "location /lost+found/ { return 403; }") as url:
        gateway = open_gateway(url, root, is_rest=False)
        walk = Walk()
        assert {entry.path async for entry in gateway.list_files(walk)} == {
            "a.JPG",
            "oak/b.JPG",
            "oak/trash/c.JPG",
        }
        assert [folder.path for folder in walk.folders] == ["lost+found"]
        assert "403" in walk.folders[0].reason
        await gateway.close()


async def test_a_folder_that_an_ftp_server_denies_stops_nothing(tmp_path: Path) -> None:
    """One folder cannot be entered, another one cannot be listed."""
    for path in ("a.JPG", "oak/b.JPG", "entered/c.JPG", "listed/d.JPG"):
        write(tmp_path / path, b"x")

    class Denying(file_servers.PlainHandler):
        def ftp_CWD(self, path: str) -> str | None:  # noqa: N802 - pyftpdlib's
            if path.endswith("/entered"):
                self.respond("550 Permission denied.")
                return None
            told: str | None = super().ftp_CWD(path)
            return told

        def ftp_LIST(self, path: str) -> object:  # noqa: N802 - pyftpdlib's
            if path.endswith("/listed"):
                self.respond("550 Failed to open directory.")
                return None
            return super().ftp_LIST(path)

    with file_servers.pyftpd(tmp_path, Denying) as port:
        gateway = open_gateway(f"ftp://127.0.0.1:{port}/", tmp_path, is_rest=False)
        walk = Walk()
        assert {entry.path async for entry in gateway.list_files(walk)} == {"a.JPG", "oak/b.JPG"}
        assert sorted(folder.path for folder in walk.folders) == ["entered", "listed"]
        await gateway.close()


async def test_ftp_names_that_are_not_text_are_read(tmp_path: Path) -> None:
    for raw in (BYTES["latin-1"], BYTES["telnet"]):
        write(tmp_path / os.fsdecode(raw), raw)
    with file_servers.pyftpd(tmp_path, unicode_errors="surrogateescape") as port:
        gateway = open_gateway(f"ftp://127.0.0.1:{port}/", tmp_path, is_rest=False)
        listed = [entry.path async for entry in gateway.list_files()]
        assert sorted(listed) == [r"F\xfcchse.JPG", r"all\xff.JPG"]
        for path in listed:
            async with gateway.open_file(path) as file:
                assert file is not None
                assert b"".join([chunk async for chunk in file.chunks]) == spell(path)
        await gateway.close()


async def test_a_pruned_folder_is_not_asked_for(place: Place) -> None:
    write(place.root / "oak/b.JPG", b"b")
    write(place.root / "trash/c.JPG", b"c")
    walk = Walk(lambda path: "excluded" if path == "trash" else None)
    listed = [entry.path async for entry in place.gateway.list_files(walk)]
    if place.kind.name == "rest":
        pytest.skip("this interface lists no folders")
    assert listed == ["oak/b.JPG"]
    assert walk.left_out["excluded"] == 1


@pytest.mark.parametrize(
    "raw", [b"a.jpg", "ä\u00a0\u3000\u200b\u202e.jpg".encode(), b"F\xfc\xff.jpg",
    rb"a\xff\u00a0.jpg", rb"\\x5cxfc",
            b"line\nbreak", b"tab\tbell\x07", rb"a\b", "\U000e0001.jpg".encode(), b"\xed\xa0\x80"],
)  # fmt: skip
def test_each_name_has_one_path_and_each_path_one_name(raw: bytes) -> None:
    path = escape_name(raw)
    assert path.isprintable()
    assert spell(path) == raw
    assert escape_name(spell(path)) == path
