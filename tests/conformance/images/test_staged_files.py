"""Large sets of images, announced, sent directly to the store and imported: on either store."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import House, build_house
from tests.support.s3_server import S3Server

from trapline.server.images.actions.staged_files import purge_staged_files
from trapline.server.operations.actions.image_deletion import purge_discarded_files
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.s3_store import S3Store
from trapline.server.platform.store.storage_keys import build_staged_key

HTML = b"<html>sign in</html>"
SYSTEM = Scope.system()


@dataclass
class Desk:
    """A project, its owner's requests, and a client that sends files with only a URL."""

    app: FastAPI
    system: AppContext
    client: httpx2.AsyncClient
    sender: httpx2.AsyncClient
    house: House

    def use(self, **changes: Any) -> None:
        """Continue with another system."""
        self.system = self.app.state.system = replace(self.system, **changes)

    async def ask(self, path: str, body: Any) -> httpx2.Response:
        """Call as the owner."""
        headers = {"Authorization": f"Bearer {self.house.tokens['owner']}"}
        return await self.client.post(f"/api/v2/images/{path}", json=body, headers=headers)

    async def announce(self, *files: bytes) -> list[dict[str, Any]]:
        """Announce files, which are named by their place."""
        told = [tell(f"{at}.jpg", data) for at, data in enumerate(files)]
        answer = await self.ask(
            "presign", {"deployment": self.house.ids["deployment_id"], "files": told}
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["files"])

    async def announced(self, data: bytes) -> httpx2.Response:
        """Announce one file, whatever the answer."""
        return await self.ask(
            "presign", {"deployment": self.house.ids["deployment_id"], "files": [tell("a", data)]}
        )

    async def upload(self, data: bytes) -> httpx2.Response:
        """Upload one file by a form."""
        headers = {"Authorization": f"Bearer {self.house.tokens['owner']}"}
        form, files = (
            {"deployment": self.house.ids["deployment_id"]},
            {"files": ("a.jpg", data, "image/jpeg")},
        )
        return await self.client.post("/api/v2/images", data=form, files=files, headers=headers)

    async def send(self, staged: dict[str, Any], data: bytes) -> int:
        """Send a file to its address; answers the status."""
        return (
            await self.sender.put(staged["upload_url"], content=data, headers=staged["headers"])
        ).status_code

    async def take(self, staged: list[dict[str, Any]]) -> dict[str, Any]:
        """Import files."""
        answer = await self.ask("import", {"files": [one["file_id"] for one in staged]})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def key(self, staged: dict[str, Any]) -> str:
        """Where a file lies until it is imported."""
        return build_staged_key(int(self.house.ids["project_id"]), staged["file_id"])

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        async with self.system.database.transaction(SYSTEM) as tx:
            row = await (await tx.execute(f"select count(*) from {table}")).fetchone()
        assert row is not None
        return int(row[0])


def tell(name: str, data: bytes) -> dict[str, Any]:
    """Build the announcement of a file."""
    return {
        "filename": name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "media_type": "image/jpeg",
    }


def outcomes(taken: dict[str, Any]) -> list[str]:
    """Return the outcome of each file."""
    return [one["outcome"] for one in taken["files"]]


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


async def test_files_are_announced_sent_and_imported_once(desk: Desk) -> None:
    one, other = make_jpeg(1), make_jpeg(2)
    staged = await desk.announce(one, other, HTML, one)
    assert [file["state"] for file in staged] == ["send"] * 4
    assert staged[0]["file_id"] == staged[3]["file_id"], "the same bytes are sent once"
    for file, data in zip(staged, (one, other, HTML), strict=False):
        assert await desk.send(file, data[:-1] + b"x") >= 400, "what was not announced"
        assert await desk.send(file, data) == 200
    first, twin = await asyncio.gather(desk.take(staged), desk.take(staged))
    assert (first["imported"], first["duplicate"], first["refused"], len(first["files"])) == (
        2,
        0,
        1,
        3,
    )
    assert "HTML page" in first["files"][2]["detail"]
    assert twin == first == await desk.take(staged), "asked again it says the same"
    assert await desk.count("images") == 3, "with the house's own"
    for file in staged:
        assert await desk.system.store.find_size(desk.key(file)) is None, (
            "nothing of it is left but the image"
        )

    known = await desk.announce(one, HTML)
    assert (known[0]["state"], known[0]["image_id"]) == ("duplicate", first["files"][0]["image_id"])
    assert known[1]["state"] == "send", "another server may take it"
    headers = {"Authorization": f"Bearer {desk.house.tokens['owner']}"}
    form = {"deployment": desk.house.ids["deployment_id"]}
    files = {"files": ("again.jpg", other, "image/jpeg")}
    again = (
        await desk.client.post("/api/v2/images", data=form, files=files, headers=headers)
    ).json()
    assert again["files"][0]["image_id"] == first["files"][1]["image_id"]
    assert again["duplicate"] == 1
    shown = (
        await desk.client.get(f"/api/v2/images/{first['files'][0]['image_id']}", headers=headers)
    ).json()
    assert (shown["filename"], shown["sha256"]) == ("0.jpg", hashlib.sha256(one).hexdigest())


async def test_a_picture_is_given_whole_and_in_parts(desk: Desk) -> None:
    picture = make_jpeg(1)
    staged = await desk.announce(picture)
    assert await desk.send(staged[0], picture) == 200
    taken = await desk.take(staged)
    headers = {"Authorization": f"Bearer {desk.house.tokens['owner']}"}
    image = (
        await desk.client.get(f"/api/v2/images/{taken['files'][0]['image_id']}", headers=headers)
    ).json()
    url, size = image["file_url"], len(picture)

    async def get(method: str = "GET", **told: str) -> httpx2.Response:
        return await desk.client.request(
            method, url, headers={name.replace("_", "-"): value for name, value in told.items()}
        )

    whole = await get()
    assert (whole.content, whole.headers["accept-ranges"]) == (picture, "bytes")
    for asked, first, last in (
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        (f"bytes={size - 1}-", size - 1, size - 1),
        ("bytes=5-999999", 5, size - 1),
        ("bytes=-5", size - 5, size - 1),
    ):
        for method in ("GET", "HEAD"):
            part = await get(method, Range=asked)
            assert (part.status_code, part.headers["content-range"]) == (
                206,
                f"bytes {first}-{last}/{size}",
            ), asked
            assert part.headers["content-length"] == str(last - first + 1)
            assert part.content == (picture[first : last + 1] if method == "GET" else b"")
    for asked in (f"bytes={size}-", "bytes=999999-1000000", "bytes=-0"):
        beyond = await get(Range=asked)
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}"), (
            asked
        )
        assert beyond.content == b""
    for asked in (
        "bytes=0-1,4-5",
        "bytes=9-1",
        "bytes=",
        "bytes=a-b",
        "apples=0-1",
        f"bytes=-{10 * size}",
    ):
        ignored = await get(Range=asked)
        assert (ignored.status_code, ignored.content) == (200, picture), (
            f"{asked} is the whole file"
        )
    etag = whole.headers["etag"]
    for named in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        assert (await get(If_None_Match=named)).status_code == 304, named
    assert (await get(If_None_Match='"other"')).status_code == 200
    assert (await get(Range="bytes=0-1", If_Range=etag)).status_code == 206
    assert (await get(Range="bytes=0-1", If_Range='"other"')).content == picture, (
        "the rest of another version is none"
    )
    head = await get("HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    assert (await get("POST")).status_code in (404, 405)


async def test_interrupted_uploads_continue(desk: Desk) -> None:
    one, other = make_jpeg(1), make_jpeg(2)
    staged = await desk.announce(one, other)
    assert await desk.send(staged[0], one) == 200
    taken = await desk.take(staged[1:])
    assert outcomes(taken) == ["missing"]
    assert "not uploaded yet" in taken["files"][0]["detail"]
    again = await desk.announce(one, other)
    assert [file["state"] for file in again] == ["arrived", "send"]
    assert [file["file_id"] for file in again] == [file["file_id"] for file in staged]
    assert again[0]["upload_url"] is None
    assert outcomes(await desk.take(again)) == ["imported", "missing"]
    assert await desk.send(again[1], other) == 200
    assert outcomes(await desk.take(again)) == ["imported", "imported"]


async def test_files_that_differ_from_the_announcement_are_deleted(desk: Desk) -> None:
    picture = make_jpeg(1)
    [staged] = await desk.announce(picture)
    for wrong in (
        make_jpeg(2),
        picture[:-1] + b"x",
        picture * 2,
    ):  # as through a server that checks nothing
        async with desk.system.store.receive() as incoming:
            incoming.write(wrong)
            await desk.system.store.keep(incoming, desk.key(staged))
        taken = await desk.take([staged])
        assert outcomes(taken) == ["missing"]
        assert "did not match the announcement" in taken["files"][0]["detail"]
        assert await desk.system.store.find_size(desk.key(staged)) is None
    assert await desk.send(staged, picture) == 200
    assert outcomes(await desk.take([staged])) == ["imported"]


async def test_files_that_were_never_imported_are_deleted(desk: Desk) -> None:
    picture = make_jpeg(1)
    [staged] = await desk.announce(picture)
    assert await desk.send(staged, picture) == 200
    await purge_staged_files(desk.system, SYSTEM)
    await purge_discarded_files(desk.system, SYSTEM)
    assert await desk.system.store.find_size(desk.key(staged)) == len(picture), (
        "not before its time"
    )
    async with desk.system.database.transaction(SYSTEM) as tx:
        await tx.execute(
            "update staged_files set announced_at = announced_at - interval '7 days 1 second'"
        )
        await tx.execute("update discarded_files set due_at = due_at - interval '7 days 1 second'")
    assert not await purge_staged_files(desk.system, SYSTEM)
    assert not await purge_discarded_files(desk.system, SYSTEM)
    assert await desk.system.store.find_size(desk.key(staged)) is None
    assert await desk.count("staged_files") == 0
    answer = await desk.ask("import", {"files": [staged["file_id"]]})
    assert (answer.status_code, answer.json()["detail"][-25:]) == (404, "Announce the files again.")


async def test_a_deleted_image_is_told_of_as_one(local: Desk) -> None:
    picture = make_jpeg(1)
    staged = await local.announce(picture)
    await local.send(staged[0], picture)
    image_id = (await local.take(staged))["files"][0]["image_id"]
    assert (
        await local.ask("delete", {"images": [image_id], "reason": "a person"})
    ).status_code == 200
    [known] = await local.announce(picture)
    assert (known["state"], known["image_id"]) == ("duplicate", image_id)
    assert "restore it" in known["detail"]
