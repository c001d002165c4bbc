"""Pull runs against a camera server: what is listed, imported, counted and left for later."""

import io
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from PIL import Image
from tests.support.camera_server import MODIFIED
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.app.hooks import register_hooks
from trapline.server.images.hooks import image_added
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.sources.actions import pull_run_starts, pull_runs, sources
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.wire.sources import SourceSettings


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


async def test_each_file_is_imported_once_and_known_files_cost_no_write(feed: Feed) -> None:
    await feed.change(concurrency=1)
    fill(feed.camera, "IMG_0001.JPG", "IMG_0002.JPG", "100MEDIA/IMG_0001.JPG")
    first = await feed.run()
    assert (first.state, first.listed, first.new, first.imported, first.remaining) == (
        "completed",
        3,
        3,
        3,
        0,
    )
    assert first.bytes == sum(len(data) for data in feed.camera.files.values())
    assert feed.camera.asked() == ["", "100MEDIA/IMG_0001.JPG", "IMG_0001.JPG", "IMG_0002.JPG"]
    before = await feed.sql("select xmin::text, path from pulled_files order by path")
    second = await feed.run()
    assert (second.listed, second.new, second.imported) == (3, 0, 0)
    assert feed.camera.asked() == [""], "a poll that finds nothing new costs one listing"
    assert await feed.sql("select xmin::text, path from pulled_files order by path") == before, (
        "no write per known file"
    )
    source = await sources.get_source(feed.system, SYSTEM, feed.source_id)
    assert source.counts.imported == 3
    assert (source.health, source.last_pulled_filename) == ("ok", "IMG_0002.JPG")


async def test_a_pull_calls_the_hook_of_new_images_in_its_transaction(feed: Feed) -> None:
    calls: list[tuple[int, set[UUID], set[UUID]]] = []

    async def record(scope: Scope, tx: Transaction, project_id: int, images: list[UUID]) -> None:
        cursor = await tx.execute("select id from images where id = any(%s)", (images,))
        calls.append((project_id, set(images), {image for (image,) in await cursor.fetchall()}))

    fill(feed.camera, "IMG_0001.JPG", "IMG_0002.JPG")
    image_added.register(*image_added, record)
    try:
        await feed.run()
        number_of_calls = len(calls)
        feed.camera.files["copy.JPG"] = feed.camera.files["IMG_0001.JPG"]
        assert (await feed.run()).duplicate == 1
    finally:
        register_hooks()
    pulled = await feed.sql("select project_id, id from images where source_id is not null")
    assert len(pulled) == 2
    assert {(project, image) for project, images, _ in calls for image in images} == set(pulled)
    assert all(images == visible for _, images, visible in calls)
    assert len(calls) == number_of_calls, "no call for a duplicate"


async def test_late_rolled_over_renamed_and_changed_files_are_imported(
    feed: Feed,
) -> None:
    fill(feed.camera, "IMG_9998.JPG", "IMG_9999.JPG")
    await feed.run()
    fill(feed.camera, "IMG_0001.JPG", "IMG_2.JPG", "IMG_10.JPG", "AAA_late.JPG")
    rolled = await feed.run()
    assert rolled.imported == 4
    feed.camera.files["renamed.JPG"] = feed.camera.files["IMG_9999.JPG"]
    del feed.camera.files["IMG_9998.JPG"]
    renamed = await feed.run()
    assert (renamed.new, renamed.imported, renamed.duplicate) == (1, 0, 1)
    feed.camera.files["IMG_9999.JPG"] = make_jpeg(77)
    feed.camera.modified["IMG_9999.JPG"] = MODIFIED + timedelta(days=1)
    changed = await feed.run()
    assert (changed.new, changed.imported) == (1, 1)
    assert len(await feed.images()) == 7
    assert Counter((await feed.states()).values()) == {"imported": 6, "duplicate": 1}


async def test_a_file_with_an_unchanged_etag_is_not_downloaded_again(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    await feed.run()
    feed.camera.modified["a.jpg"] = MODIFIED + timedelta(days=1)
    feed.camera.asked()
    again = await feed.run()
    assert (again.new, again.imported, again.bytes) == (1, 0, 0)
    assert feed.camera.requests[-1][1]["if-none-match"]
    assert await feed.states() == {"a.jpg": "imported"}


async def test_an_exif_time_with_an_offset_needs_no_time_zone(feed: Feed) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2026:05:03 14:15:00", 0x882A: -5})
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (7, 90, 90)).save(buffer, "JPEG", exif=exif)
    feed.camera.files["a.jpg"] = buffer.getvalue()
    assert (await feed.run()).imported == 1
    assert await feed.sql(
        "select captured_at, captured_at_source from images where source_id = :id"
    ) == [(datetime(2026, 5, 3, 19, 15, tzinfo=UTC), "exif")]


async def test_the_first_run_of_a_source_does_not_wait_for_its_schedule(feed: Feed) -> None:
    async def wait() -> timedelta:
        next_run = (await feed.show()).next_run
        assert next_run is not None
        return next_run - datetime.now(UTC)

    assert await wait() < timedelta(seconds=45)
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, is_active=False)
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, is_active=True)
    await feed.change(schedule="0 0 29 2 *")
    assert await wait() < timedelta(seconds=45)
    fill(feed.camera, "a.jpg")
    assert (await feed.run()).imported == 1
    assert await wait() > timedelta(days=1), "the run on request was its first run"


async def test_a_run_with_a_file_limit_reports_the_remaining_files(feed: Feed) -> None:
    fill(feed.camera, *[f"IMG_{number:04}.JPG" for number in range(1, 26)])
    runs = [await feed.run(), await feed.run(), await feed.run()]
    assert [(run.imported, run.remaining) for run in runs] == [(10, 15), (10, 5), (5, 0)]
    assert len(await feed.images()) == 25


async def test_a_scheduled_run_is_followed_until_no_files_remain(feed: Feed) -> None:
    fill(feed.camera, *[f"IMG_{number:04}.JPG" for number in range(1, 26)])
    assert (await feed.run(max_files=2)).remaining == 23, "a run on request stops at its limit"
    running = "select id from pull_runs where source_id = :id and state = 'running'"
    await feed.sql("update pull_sources set next_run_at = now() where id = :id")
    assert await pull_run_starts.start_due_runs(feed.system, SYSTEM) == 1
    runs = []
    while following := await feed.sql(running):
        await pull_runs.run_pull(feed.system, SYSTEM, following[0][0])
        runs.append(await sources.get_run(feed.system, SYSTEM, feed.source_id, following[0][0]))
        assert len(runs) < 10
    assert [run.remaining for run in runs] == [13, 3, 0]
    assert (runs[0].trigger, {run.trigger for run in runs[1:]}) == ("schedule", {"backlog"})
    assert len(await feed.images()) == 25
    assert feed.camera.asked().count("") == 2, "runs of the backlog do not list again"


async def test_a_large_listing_is_loaded_once_per_run(feed: Feed) -> None:
    await sources.update_source(
        feed.system, SYSTEM, feed.source_id, SourceSettings(include=["IMG_*.JPG"])
    )
    feed.camera.files = {f"IMG_{number:06}.JPG": b"x" for number in range(20_000)}
    run = await feed.run(max_files=1)
    assert (run.listed, run.new, run.remaining) == (20_000, 20_000, 19_999)
    feed.camera.asked()
    again = await feed.run(max_files=1)
    assert (again.listed, again.new) == (20_000, 0)


async def test_a_test_stores_nothing(feed: Feed) -> None:
    fill(feed.camera, "a.jpg", "b.jpg", "c.jpg")
    found = await run_source_test(feed.system, SYSTEM, feed.source_id, 2)
    assert (found.ok, found.listed, found.new) == (True, 3, 3)
    assert [file.fetched for file in found.files] == [True, True, False]
    assert (found.files[0].width, found.files[0].captured_at_source) == (64, "modified_time")
    assert await feed.states() == {}
    assert await feed.images() == []
    assert list((feed.system.store.root / "incoming").iterdir()) == []  # type: ignore[attr-defined]
    changed = SourceSettings(include=["b.*"], name="another")
    assert (await run_source_test(feed.system, SYSTEM, feed.source_id, 0, changed)).new == 1
    assert ((await feed.show()).include, (await feed.show()).name) == ([], "camera")
    feed.camera.faults[""] = "401"
    refused = await run_source_test(feed.system, SYSTEM, feed.source_id, 2)
    assert (refused.ok, refused.listed) == (False, 0)
    assert "401" in refused.detail


async def test_credentials_are_sent_and_stored_only_encrypted(feed: Feed) -> None:
    secret = "canary-secret-4711"
    change = SourceSettings.model_validate(
        {"auth_type": "basic", "auth_username": "ranger", "auth_password": secret, "min_age_s": 0}
    )
    source = await sources.update_source(feed.system, SYSTEM, feed.source_id, change)
    assert source.has_password
    assert secret not in source.model_dump_json()
    fill(feed.camera, "a.jpg")
    await feed.run()
    assert all(headers["authorization"].startswith("basic ") for _, headers in feed.camera.requests)
    [(sealed,)] = await feed.sql("select secrets from pull_sources where id = :id")
    assert secret.encode() not in bytes(sealed)
    for table in ("pull_sources", "audit", "pull_runs", "pulled_files"):
        for (row,) in await feed.sql(f"select t::text from {table} t"):
            assert secret not in row
