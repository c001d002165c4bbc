"""JPEGs that end early: imported and flagged from half of their rows on, refused with the reason below."""

import csv
import io
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from tests.integration.camera import Camera, running_camera
from tests.integration.source_desk import PATH, SYSTEM, Desk, open_desk
from trapline.server.exports.actions.export_build import build_export
from trapline.server.platform.app_context import AppContext

SIZE = (320, 240)


def make_photograph(seed: int, **options: Any) -> bytes:
    """Make a JPEG whose rows take about the same number of bytes each."""
    noise = random.Random(seed).randbytes(SIZE[0] * SIZE[1] * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", SIZE, noise).save(buffer, "JPEG", quality=80, **options)
    return buffer.getvalue()


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


@pytest.fixture
async def camera() -> AsyncIterator[Camera]:
    async with running_camera() as camera:
        yield camera


@pytest.fixture
async def desk(system: AppContext, camera: Camera) -> AsyncIterator[Desk]:
    async with open_desk(system) as desk:
        desk.reach(camera.port)
        yield desk


async def list_names(desk: Desk, **filters: str) -> set[str]:
    answer = await desk.client.get(
        "/api/v2/images", params={"project": desk.house.ids["project_id"], **filters}
    )
    assert answer.status_code == 200, answer.text
    return {image["filename"] for image in answer.json()["results"]} - {"a.jpg"}


async def export(desk: Desk) -> list[dict[str, str]]:
    """Export the truncated images as CSV."""
    new = {
        "project": desk.house.ids["project_id"],
        "format": "csv",
        "selection": {"truncated": True},
    }
    made = await desk.client.post("/api/v2/exports", json=new)
    assert made.status_code == 202, made.text
    await build_export(desk.system, SYSTEM, UUID(made.json()["id"]))
    text = (await desk.client.get(f"/api/v2/exports/{made.json()['id']}/download")).text
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_truncated_jpegs_are_flagged_from_half_of_their_rows_on(
    desk: Desk, camera: Camera
) -> None:
    whole, turned = make_photograph(1), Image.Exif()
    turned[0x0112] = 6
    camera.files = {
        "whole.jpg": whole,
        "most.jpg": cut(make_photograph(2), 0.8),
        "turned.jpg": cut(make_photograph(3, exif=turned), 0.8),
        "half.jpg": cut(make_photograph(4), 0.56),
        "less.jpg": cut(make_photograph(5), 0.44),
        "endless.jpg": make_photograph(6)[:-2],
        "optimised.jpg": cut(make_photograph(7, optimize=True), 0.3),
        "head.jpg": make_photograph(8)[:500],
    }  # fmt: skip
    source = (await desk.make(camera.url)).json()["id"]
    run = await desk.run(source)
    assert (run["imported"], run["failed"]) == (5, 3)
    flagged = {"most.jpg", "turned.jpg", "half.jpg"}
    assert await list_names(desk, truncated="true") == flagged
    assert await list_names(desk, truncated="false") == {"whole.jpg", "endless.jpg"}
    assert await list_names(desk) == {*flagged, "whole.jpg", "endless.jpg"}
    rows = await export(desk)
    assert {row["filename"] for row in rows} == flagged
    assert all("truncated" in row["flags"].split("; ") for row in rows)
    files = (await desk.client.get(f"{PATH}/{source}/files?state=failed")).json()["results"]
    errors = {file["path"]: file["error"] for file in files}
    assert set(errors) == {"less.jpg", "optimised.jpg", "head.jpg"}
    assert "rows" in errors["less.jpg"]
    assert "truncated" in errors["head.jpg"]
    images = (
        await desk.client.get("/api/v2/images", params={"project": desk.house.ids["project_id"]})
    ).json()
    for image in images["results"]:
        if image["filename"] == "a.jpg":
            continue
        assert ("truncated" in image["flags"]) == (image["filename"] in flagged)
        data = (await desk.client.get(image["file_url"])).content
        decoded = Image.open(io.BytesIO(data))
        decoded.load()  # Pillow refuses a file without its end
        assert decoded.size == (image["width"], image["height"])
        assert image["width"] == (240 if image["filename"] == "turned.jpg" else 320)


async def test_a_young_truncated_file_is_waited_for(desk: Desk, camera: Camera) -> None:
    camera.files["a young one.jpg"] = cut(make_photograph(9), 0.8)
    camera.modified["a young one.jpg"] = datetime.now(UTC)
    source = (await desk.make(camera.url)).json()["id"]
    run = await desk.run(source)
    assert (run["imported"], run["failed"]) == (0, 0)
    [file] = (await desk.client.get(f"{PATH}/{source}/files")).json()["results"]
    assert (file["state"], "truncated" in file["error"]) == ("seen", True)
