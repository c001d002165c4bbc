"""Large sets of images, announced, sent directly to the store and imported: on either store."""

import asyncio
import hashlib
import io
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from PIL import Image
from tests.support.image_factory import make_jpeg
from tests.support.project_with_roles import House, build_house
from tests.support.s3_server import S3Server

from trapline.server.images.actions.image_import import build_import_target
from trapline.server.images.actions.staged_files import _stage, purge_staged_files
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.operations.actions.image_deletion import purge_discarded_files
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext, IngestLimits
from trapline.server.platform.errors import NotFound, ServiceUnavailable
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.s3_store import S3Store
from trapline.server.platform.store.storage_keys import FILES, build_staged_key
from trapline.wire.staged_files import NewStagedFile

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


async def test_what_broke_off_goes_on(desk: Desk) -> None:
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


async def test_what_is_not_what_was_announced_is_deleted_and_asked_for_again(desk: Desk) -> None:
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


async def test_what_was_never_imported_is_forgotten_with_its_bytes(desk: Desk) -> None:
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


async def test_an_address_is_over_when_its_file_is_imported(local: Desk) -> None:
    picture = make_jpeg(1)
    [staged] = await local.announce(picture)
    assert await local.send(staged, picture) == 200
    await local.take([staged])
    assert await local.send(staged, picture) == 409
    assert await local.system.store.find_size(local.key(staged)) is None


async def test_what_is_too_large_is_refused_before_a_byte_is_sent(local: Desk) -> None:
    local.use(limits=IngestLimits(image_bytes=1024 * 1024))
    large, small = await local.announce(b"x" * (1024 * 1024 + 1), b"x")
    assert (large["state"], large["detail"]) == (
        "refused",
        "it is larger than the 1 MiB that are allowed",
    )
    assert (large["file_id"], small["state"]) == (None, "send")


class Moody(LocalStore):
    """A store without the files named here, with a given free space and a callback at each read."""

    away: str | None = None
    free: float = 0.5
    at_each_look: Callable[[], Awaitable[object]] | None = None

    def open(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        if key == self.away:
            raise ServiceUnavailable("The store is away. Nothing was stored; try again.")
        return super().open(key, first, length)

    async def find_free_fraction(self) -> float | None:
        if self.at_each_look is not None:
            await self.at_each_look()
        return self.free


async def test_a_deployment_that_is_deleted_meanwhile_is_not_found(
    local: Desk, tmp_path: Path
) -> None:
    store = Moody(tmp_path, local.system.secrets.derive_all(FILES), local.system.public_url)
    local.use(store=store)
    headers = {"Authorization": f"Bearer {local.house.tokens['owner']}"}
    given = {"project": int(local.house.ids["project_id"]), "name": "short-lived"}
    made = await local.client.post("/api/v2/deployments", json=given, headers=headers)
    deployment, picture = made.json()["id"], make_jpeg(1)
    told = {"deployment": deployment, "files": [tell("a.jpg", picture)]}
    [staged] = (await local.ask("presign", told)).json()["files"]
    assert await local.send(staged, picture) == 200
    async with local.system.database.transaction(SYSTEM) as tx:
        place = build_import_target(await get_deployment_row(SYSTEM, tx, UUID(deployment)))
    store.at_each_look = partial(
        local.client.delete, f"/api/v2/deployments/{deployment}", headers=headers
    )
    gone = await local.ask("import", {"files": [staged["file_id"]]})
    assert (gone.status_code, "was deleted" in gone.json()["detail"]) == (404, True), gone.text
    with pytest.raises(NotFound, match="was deleted"):
        async with local.system.database.transaction(SYSTEM) as tx:
            await _stage(SYSTEM, tx, place, [NewStagedFile(**tell("b.jpg", b"x"))])


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)], check=False
    )
    if made.returncode != 0:
        pytest.skip("no small file system can be made here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
async def test_a_disk_that_is_really_full_takes_nothing_and_spoils_nothing(
    local: Desk, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small") as place:
        store = LocalStore(place, local.system.secrets.derive_all(FILES), local.system.public_url)
        local.use(store=store)
        # A copy for browsers is made of it, which needs more room than it does.
        noise = Image.effect_noise((1100, 1100), 90)
        large, small = as_bytes(noise, "TIFF", compression="jpeg", quality=20), make_jpeg(2)
        staged = await local.announce(large, small)
        assert await local.send(staged[0], large) == 200
        ballast = place / "ballast"
        free = os.statvfs(place)
        ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - int(0.06 * 8 * 2**20)))
        for wrong in (
            (await local.ask("import", {"files": [staged[0]["file_id"]]})),
            await local.upload(noise_jpeg()),
        ):
            assert (wrong.status_code, "Nothing was stored" in wrong.json()["detail"]) == (
                503,
                True,
            ), wrong.text
        with ballast.open("ab") as more:
            more.write(bytes(int(0.03 * 8 * 2**20)))
        for refused in (await local.announced(small), await local.upload(small)):
            assert refused.status_code == 503
            assert "% of the disk is free" in refused.json()["detail"]
        assert await local.send(staged[1], small) == 503
        assert list((place / "incoming").iterdir()) == []
        assert await local.count("images") == 1, "the house's own"
        ballast.unlink()
        assert await local.send(staged[1], small) == 200
        assert outcomes(await local.take(staged)) == ["imported", "imported"]


def noise_jpeg() -> bytes:
    """Draw an image that does not fit into 6 % of 8 MB."""
    return as_bytes(Image.effect_noise((1100, 1100), 90), "JPEG", quality=95)


def as_bytes(image: Image.Image, form: str, **options: Any) -> bytes:
    """Encode an image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


async def test_a_store_that_fails_on_the_way_and_a_full_disk_lose_nothing(
    local: Desk, tmp_path: Path
) -> None:
    store = Moody(tmp_path, local.system.secrets.derive_all(FILES), local.system.public_url)
    local.use(store=store)
    pictures = [make_jpeg(number) for number in range(1, 4)]
    staged = await local.announce(*pictures)
    for file, data in zip(staged, pictures, strict=True):
        assert await local.send(file, data) == 200
    store.away = local.key(staged[2])
    answer = await local.ask("import", {"files": [staged[2]["file_id"]]})
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "The store is away. Nothing was stored; try again.",
    )
    assert outcomes(await local.take(staged[:2])) == ["imported", "imported"]
    taken = await local.take(staged)
    assert outcomes(taken) == ["imported", "imported", "waiting"]
    assert "away" in taken["files"][2]["detail"]

    store.away, store.free = None, 0.049
    for path, body in (
        ("import", {"files": [staged[2]["file_id"]]}),
        (
            "presign",
            {"project": int(local.house.ids["project_id"]), "files": [tell("a.jpg", make_jpeg(9))]},
        ),
    ):
        answer = await local.ask(path, body)
        assert answer.status_code == 503
        assert "Only 4.9% of the disk is free" in answer.json()["detail"]
        assert answer.headers["retry-after"]
    store.free = 0.051
    assert outcomes(await local.take(staged)) == ["imported"] * 3
