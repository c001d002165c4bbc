"""Truncated JPEGs: imported and flagged with half of their rows or more, otherwise refused."""

import csv
import io
import random
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from PIL import Image
from tests.integration.sources.test_pushed_events import do_runs, push, told
from tests.support.camera_server import MODIFIED, Camera, running_camera
from tests.support.pull_source import Feed, make_feed
from tests.support.source_client import PATH, SYSTEM, Desk, open_desk

from trapline.server.exports.actions.export_build import build_export
from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions.event_secrets import create_event_secret

SIZE = (320, 240)


def make_photograph(seed: int, **options: Any) -> bytes:
    """Make a JPEG whose rows take about the same number of bytes each."""
    noise = random.Random(seed).randbytes(SIZE[0] * SIZE[1] * 3)
    buffer = io.BytesIO()
    Image.frombytes("RGB", SIZE, noise).save(buffer, "JPEG", quality=80, **options)
    return buffer.getvalue()


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def cut_before(data: bytes, marker: bytes, share: float, extra: int = 0) -> bytes:
    """Cut a file at the first of these markers after a share of its bytes; keep `extra` of it."""
    found = re.compile(b"\xff" + marker).search(data, int(len(data) * share))
    assert found is not None
    return data[: found.start() + extra]


RESTART, TABLE = b"[\xd0-\xd7]", b"\xc4"


@pytest.fixture
async def camera() -> AsyncIterator[Camera]:
    async with running_camera() as camera:
        yield camera


@pytest.fixture
async def desk(system: AppContext, camera: Camera) -> AsyncIterator[Desk]:
    async with open_desk(system) as desk:
        desk.reach(camera.port)
        yield desk


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as feed:
        yield feed


async def list_flags(feed: Feed) -> list[tuple[str, bool]]:
    """List the names of the images of a source, and whether each is flagged as truncated."""
    query = "select filename, 'truncated' = any(flags) from images where source_id = :id"
    return [(name, flagged) for name, flagged in await feed.sql(query)]


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


async def test_jpegs_that_end_between_their_parts_are_truncated(desk: Desk, camera: Camera) -> None:
    restarts, rows, half = (
        {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}, {"restart_marker_rows": 8}
    )  # fmt: skip
    camera.files = {
        "at a restart.jpg": cut_before(make_photograph(11, **restarts), RESTART, 0.7),
        "in a restart.jpg": cut_before(make_photograph(12, **restarts), RESTART, 0.7, 1),
        "after a restart.jpg": cut_before(make_photograph(13, **restarts), RESTART, 0.7, 2),
        "at a row.jpg": cut_before(make_photograph(14, **rows), RESTART, 0.7),
        "at the first restart.jpg": cut_before(make_photograph(20, **half), RESTART, 0.1),
        "few rows.jpg": cut_before(make_photograph(15, **rows), RESTART, 0.3),
        "between scans.jpg": cut_before(make_photograph(16, progressive=True), TABLE, 0.4),
        "progressive end.jpg": make_photograph(17, progressive=True)[:-2],
        "restarts end.jpg": make_photograph(18, **restarts)[:-2],
        "rows end.jpg": make_photograph(19, **rows)[:-2],
    }
    source = (await desk.make(camera.url)).json()["id"]
    run = await desk.run(source)
    assert (run["imported"], run["failed"]) == (9, 1)
    assert await list_names(desk, truncated="false") == {"restarts end.jpg", "rows end.jpg"}
    assert await list_names(desk, truncated="true") == {
        "at a restart.jpg", "in a restart.jpg", "after a restart.jpg", "at a row.jpg",
        "at the first restart.jpg", "between scans.jpg", "progressive end.jpg",
    }  # fmt: skip
    files = (await desk.client.get(f"{PATH}/{source}/files?state=failed")).json()["results"]
    assert {file["path"] for file in files} == {"few rows.jpg"}
    assert "rows" in files[0]["error"]


async def test_a_young_truncated_file_is_waited_for(desk: Desk, camera: Camera) -> None:
    camera.files["a young one.jpg"] = cut(make_photograph(9), 0.8)
    camera.modified["a young one.jpg"] = datetime.now(UTC)
    source = (await desk.make(camera.url)).json()["id"]
    run = await desk.run(source)
    assert (run["imported"], run["failed"]) == (0, 0)
    [file] = (await desk.client.get(f"{PATH}/{source}/files")).json()["results"]
    assert (file["state"], "truncated" in file["error"]) == ("seen", True)


@pytest.mark.parametrize("modified", [None, MODIFIED])
async def test_a_transfer_whose_end_is_unconfirmed_is_repeated(
    feed: Feed, modified: datetime | None
) -> None:
    whole = make_photograph(10)
    if modified is not None:
        feed.camera.modified["a.jpg"] = modified
    feed.camera.files["a.jpg"] = cut(whole, 0.7)
    feed.camera.faults["a.jpg"] = "unframed"
    run = await feed.run()
    assert (run.imported, run.failed) == (0, 1)
    assert "truncated" in ((await feed.errors())["a.jpg"] or "")
    feed.camera.files["a.jpg"] = whole
    await feed.make_due()
    assert (await feed.run()).imported == 1
    assert await list_flags(feed) == [("a.jpg", False)]


async def test_an_unconfirmed_end_is_accepted_after_two_equal_transfers(feed: Feed) -> None:
    whole = make_photograph(11)
    feed.camera.faults["a.jpg"] = "unframed"
    for share in (0.6, 0.7):
        feed.camera.files["a.jpg"] = cut(whole, share)
        await feed.make_due()
        assert (await feed.run()).imported == 0
    await feed.make_due()
    assert (await feed.run()).imported == 1
    assert await list_flags(feed) == [("a.jpg", True)]


async def test_an_old_file_in_chunks_is_accepted_at_the_first_transfer(feed: Feed) -> None:
    feed.camera.files["a.jpg"] = cut(make_photograph(12), 0.7)
    feed.camera.faults["a.jpg"] = "chunked"
    assert (await feed.run()).imported == 1
    assert await list_flags(feed) == [("a.jpg", True)]


async def test_a_growing_file_is_imported_when_it_is_whole(feed: Feed) -> None:
    whole = make_photograph(13)
    feed.camera.pages[""] = (b'<a href="a.jpg">a.jpg</a>', {"Content-Type": "text/html"})
    for share in (0.6, 0.7, 0.8, 0.8):
        feed.camera.files["a.jpg"] = cut(whole, share)
        feed.camera.modified["a.jpg"] = datetime.now(UTC)
        await feed.make_due()
        assert (await feed.run()).imported == 0
    feed.camera.files["a.jpg"] = whole
    # The size differs from that of the last request, so one run leaves the file.
    for _ in range(2):
        await feed.make_due()
        await feed.run()
    assert await list_flags(feed) == [("a.jpg", False)]


async def test_a_file_that_is_always_young_is_accepted_when_it_stopped_changing(feed: Feed) -> None:
    feed.camera.files["a.jpg"] = cut(make_photograph(15), 0.7)
    feed.camera.modified["a.jpg"] = datetime.now(UTC)
    for _ in range(3):
        await feed.make_due()
        assert (await feed.run()).imported == 0
    # As if the last transfer had been three minutes ago.
    await feed.sql("update pulled_files set updated_at = updated_at - interval '3 minutes'")
    await feed.make_due()
    assert (await feed.run()).imported == 1
    assert await list_flags(feed) == [("a.jpg", True)]


async def test_a_pushed_file_that_still_grows_is_imported_when_it_is_whole(
    feed: Feed, app_client: httpx2.AsyncClient, application: FastAPI
) -> None:
    application.state.system = feed.system
    secret = (await create_event_secret(feed.system, SYSTEM, feed.source_id)).secret
    whole = make_photograph(14)
    # Nothing but the message names it, so that no listing shows its new size.
    feed.camera.pages[""] = (b"<html></html>", {"Content-Type": "text/html"})
    feed.camera.files["a.jpg"] = whole[: len(whole) * 6 // 10]
    feed.camera.modified["a.jpg"] = datetime.now(UTC)
    assert (await push(app_client, feed, secret, told(feed, "a.jpg"))).status_code == 202
    [run] = await do_runs(feed)
    assert run.imported == 0
    await feed.make_due()
    assert (await feed.run()).imported == 0, "it is still young"
    feed.camera.files["a.jpg"] = whole
    await feed.make_due()
    assert (await feed.run()).imported == 1
    query = "select cardinality(flags) from images where source_id = :id"
    assert await feed.sql(query) == [(0,)], "it is not flagged as truncated"
