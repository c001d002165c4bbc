"""Missing or damaged originals in either store: detected, and restored from the same bytes."""

import hashlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.conformance.images.test_staged_files import SYSTEM, Desk, outcomes
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import build_house
from tests.support.s3_server import S3Server

from trapline.server.operations.actions.backups import create_backup, read_manifest
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.s3_store import S3Store


@pytest.fixture
async def local(system: AppContext, application: FastAPI, app_client: httpx2.AsyncClient) -> Desk:
    return Desk(application, system, app_client, app_client, await build_house(system, "house"))


@pytest.fixture
async def on_s3(s3: S3Server, local: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as sender:
        local.sender = sender
        local.use(store=S3Store(s3.bucket(), tmp_path))
        yield local


@pytest.fixture(params=["local", "on_s3"])
def desk(request: pytest.FixtureRequest) -> Desk:
    found: Desk = request.getfixturevalue(request.param)
    return found


async def upload(desk: Desk, *files: bytes) -> list[dict[str, Any]]:
    """Upload files as a form; answers what became of each."""
    answer = await desk.client.post(
        "/api/v2/images",
        data={"project": desk.house.ids["project_id"]},
        files=[
            ("files", (f"{number}.jpg", data, "image/jpeg")) for number, data in enumerate(files)
        ],
        headers={"Authorization": f"Bearer {desk.house.tokens['owner']}"},
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json()["files"])


async def find_key(desk: Desk, image_id: str) -> str:
    """The key of an image's original."""
    async with desk.system.database.transaction(SYSTEM) as tx:
        row = await (
            await tx.execute("select storage_key from images where id = %s", (image_id,))
        ).fetchone()
    assert row is not None
    return str(row[0])


async def read(desk: Desk, key: str) -> bytes:
    """All bytes of a stored file."""
    return b"".join([piece async for piece in desk.system.store.open(key)])


async def harm(desk: Desk, key: str, how: str) -> None:
    """Lose a stored file, flip one of its bytes, or cut it, as a disk would."""
    data = bytearray(await read(desk, key))
    if how == "missing":
        await desk.system.store.delete(key)
        return
    data[len(data) // 2] ^= 1
    async with desk.system.store.receive() as incoming:
        incoming.write(bytes(data if how == "flipped" else data[:-100]))
        await desk.system.store.keep(incoming, key)


@pytest.mark.parametrize("how", ["missing", "flipped", "cut"])
async def test_the_same_upload_again_writes_a_lost_original_again(desk: Desk, how: str) -> None:
    one, other = make_jpeg(1), make_jpeg(2)
    first, second = await upload(desk, one, other)
    key, other_key = (
        await find_key(desk, first["image_id"]),
        await find_key(desk, second["image_id"]),
    )
    await harm(desk, key, how)
    await harm(desk, other_key, how)
    left = None if how == "missing" else await read(desk, other_key)
    [again] = await upload(desk, one)
    assert (again["outcome"], again["image_id"]) == ("duplicate", first["image_id"])
    word = "missing" if how == "missing" else "damaged"
    assert again["detail"] == f"the stored file was {word} and was written again"
    assert await read(desk, key) == one
    assert (None if left is None else await read(desk, other_key)) == left, (
        "another file was written"
    )
    async with desk.system.database.transaction(SYSTEM) as tx:
        found = await (
            await tx.execute(
                "select subject_id, details->>'was' from audit where action = 'repair'"
            )
        ).fetchall()
    assert found == [(first["image_id"], word)]
    [sound] = await upload(desk, one)
    assert (sound["outcome"], sound["detail"]) == ("duplicate", None)


@pytest.mark.parametrize("how", ["missing", "flipped"])
async def test_an_announced_duplicate_is_sent_again_where_its_original_is_lost(
    desk: Desk, how: str
) -> None:
    one, other = make_jpeg(1), make_jpeg(2)
    first, _ = await upload(desk, one, other)
    assert [file["state"] for file in await desk.announce(one, other)] == ["duplicate", "duplicate"]
    key = await find_key(desk, first["image_id"])
    await harm(desk, key, how)
    staged = await desk.announce(one, other)
    assert [file["state"] for file in staged] == ["send", "duplicate"]
    assert await desk.send(staged[0], one) == 200
    taken = await desk.take(staged[:1])
    assert outcomes(taken) == ["duplicate"]
    assert "was written again" in taken["files"][0]["detail"]
    assert await read(desk, key) == one
    assert [file["state"] for file in await desk.announce(one, other)] == ["duplicate", "duplicate"]


async def test_bytes_of_duplicates_are_hashed_next_to_the_event_loop(
    local: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing the announced files may last 10 s, in which the process answers other requests."""
    picture = make_jpeg(1)
    await upload(local, picture)
    make_digest, threads = hashlib.sha256, list[int]()

    class WatchedDigest:
        def __init__(self, data: bytes = b"", **options: Any) -> None:
            self.digest_of = make_digest(data, **options)

        def update(self, data: bytes) -> None:
            if data and picture.startswith(data):
                threads.append(threading.get_ident())
            self.digest_of.update(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.digest_of, name)

    with monkeypatch.context() as watched:
        watched.setattr(hashlib, "sha256", WatchedDigest)
        files = await local.announce(picture)
    assert [file["state"] for file in files] == ["duplicate"]
    assert threads, "the bytes were not compared"
    assert threading.get_ident() not in threads


async def test_a_backup_names_the_images_whose_originals_are_lost_or_damaged(
    desk: Desk, tmp_path: Path
) -> None:
    uploaded = await upload(desk, make_jpeg(1), make_jpeg(2), make_jpeg(3))
    keys = [await find_key(desk, file["image_id"]) for file in uploaded]
    await harm(desk, keys[0], "flipped")
    await harm(desk, keys[1], "missing")
    (tmp_path / "data").mkdir()
    await create_backup(desk.system, tmp_path / "data", tmp_path / "saved", lambda _: None)
    manifest = read_manifest(tmp_path / "saved")
    assert manifest["damaged"] == [keys[0]]
    assert set(manifest["missing"]) == {keys[1], "originals/1/aa/aa"}, (
        "with the house's own, which is a row alone"
    )
    named = {(one["image"], one["filename"], one["file"]) for one in manifest["harmed_images"]}
    assert {
        (uploaded[0]["image_id"], "0.jpg", keys[0]),
        (uploaded[1]["image_id"], "1.jpg", keys[1]),
    } <= named
    assert uploaded[2]["image_id"] not in {one["image"] for one in manifest["harmed_images"]}
