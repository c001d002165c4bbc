"""The local store: what was kept is there as a whole, and nothing reaches outside its folder."""

import hashlib
from pathlib import Path

import pytest

from trapline.server.platform.errors import NotFound
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.signed_downloads import sign_download, verify_download
from trapline.server.platform.store.storage_keys import build_original_key
from trapline.server.platform.store.url_signatures import sign_parts


async def read(store: LocalStore, key: str, first: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.open(key, first, length)])


async def keep(store: LocalStore, key: str, data: bytes) -> None:
    async with store.receive() as incoming:
        incoming.write(data)
        stored = await store.keep(incoming, key)
    assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_no_part_of_a_signature_can_be_taken_for_a_part_of_another() -> None:
    signatures = {
        sign_parts(b"k" * 32, parts)
        for parts in (("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), ("abc",))
    }
    assert len(signatures) == 5


async def test_keeps_reads_ranges_and_deletes(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, [b"k" * 32], "http://trapline.test")
    data = bytes(range(256)) * 3000
    key = build_original_key(7, hashlib.sha256(data).hexdigest())
    await keep(store, key, data)
    await keep(store, key, data)
    assert await read(store, key) == data
    assert await read(store, key, 1000, 300_000) == data[1000:301_000]
    assert await store.find_size(key) == len(data)
    assert list((tmp_path / "incoming").iterdir()) == []
    await store.delete(key)
    await store.delete(key)
    assert await store.find_size(key) is None
    with pytest.raises(NotFound):
        await read(store, key)


async def test_files_that_were_not_kept_are_deleted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, [b"k" * 32], "http://trapline.test")
    async with store.receive() as incoming:
        incoming.write(b"half")
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "/etc/passwd",
        "a/../../secret",
        "a//b",
        ".hidden",
        "a/.",
        "a\x00b",
        "",
        "a\\..\\b",
        "a/%2e%2e/b",
    ],
)
async def test_no_key_of_a_client_reaches_the_file_system(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_text("secret")
    store = LocalStore(tmp_path / "store", [b"k" * 32], "http://trapline.test")
    with pytest.raises(NotFound):
        await read(store, key)


async def test_no_symbolic_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    store = LocalStore(tmp_path / "store", [b"k" * 32], "http://trapline.test")
    (store.root / "folder").symlink_to(outside)
    (store.root / "link").symlink_to(outside / "file")
    for key in ("folder/file", "link"):
        with pytest.raises((NotFound, OSError)):
            await read(store, key)


def test_a_signed_address_opens_its_key_until_it_expires_and_nothing_else() -> None:
    now = 1_700_000_000.0
    url = sign_download(
        [b"k" * 32], "https://host", "thumbs/a/320.jpg", now, filename="Füchse & Co.jpg"
    )
    assert url == sign_download(
        [b"k" * 32], "https://host", "thumbs/a/320.jpg", now + 60, filename="Füchse & Co.jpg"
    )
    from urllib.parse import parse_qsl, urlsplit

    query = dict(parse_qsl(urlsplit(url).query))
    key = "thumbs/a/320.jpg"
    assert verify_download([b"k" * 32], "GET", key, query, now)
    assert verify_download([b"n" * 32, b"k" * 32], "HEAD", key, query, now), (
        "an older secret still opens"
    )
    assert int(query["expires"]) % 1800 == 0
    assert 1800 <= int(query["expires"]) - now <= 3600
    assert not verify_download([b"k" * 32], "GET", key, query, float(query["expires"]) + 1)
    assert not verify_download([b"k" * 32], "PUT", key, query, now)
    assert not verify_download([b"k" * 32], "GET", "thumbs/b/320.jpg", query, now)
    assert not verify_download([b"x" * 32], "GET", key, query, now)
    for changed in (
        {"filename": "x.html"},
        {"expires": "9999999999"},
        {"signature": "é"},
        {"expires": "²"},
    ):
        assert not verify_download([b"k" * 32], "GET", key, query | changed, now)
    without = {name: value for name, value in query.items() if name != "filename"}
    assert not verify_download([b"k" * 32], "GET", key, without, now)
