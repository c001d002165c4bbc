"""Faults of staged uploads: late and large files, full disks, failing stores."""

import io
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from tests.conformance.images.test_staged_files import SYSTEM, Desk, local, outcomes, tell
from tests.support.image_factory import make_jpeg

from trapline.server.images.actions.image_import import build_import_target
from trapline.server.images.actions.staged_files import _stage
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.platform.app_context import IngestLimits
from trapline.server.platform.errors import NotFound, ServiceUnavailable
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.url_signatures import FILES
from trapline.wire.staged_files import NewStagedFile

__all__ = ["local"]


async def test_an_address_is_over_when_its_file_is_imported(local: Desk) -> None:
    picture = make_jpeg(1)
    [staged] = await local.announce(picture)
    assert await local.send(staged, picture) == 200
    await local.take([staged])
    assert await local.send(staged, picture) == 409
    assert await local.system.store.find_size(local.key(staged)) is None


async def test_too_large_files_are_refused_before_any_byte_is_sent(local: Desk) -> None:
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
