"""The ledger's hard cases, on a real database, against a camera that misbehaves."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from tests.support.camera_server import MODIFIED
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Conflict
from trapline.server.sources.actions import pull_runs, sources
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.server.sources.rules.pull_policy import QUARANTINE_AFTER
from trapline.wire.sources import SourceSettings


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


async def test_each_file_once_and_nothing_for_nothing_new(feed: Feed) -> None:
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


async def test_late_and_rolled_over_and_renamed_and_changed_files_all_come_out_right(
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


async def test_a_file_that_only_looks_changed_is_not_fetched_again(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    await feed.run()
    feed.camera.modified["a.jpg"] = MODIFIED + timedelta(days=1)
    feed.camera.asked()
    again = await feed.run()
    assert (again.new, again.imported, again.bytes) == (1, 0, 0)
    assert feed.camera.requests[-1][1]["if-none-match"]
    assert await feed.states() == {"a.jpg": "imported"}


async def test_one_bad_file_never_blocks_and_is_quarantined(feed: Feed) -> None:
    fill(feed.camera, "b.jpg", "c.jpg", "d.jpg", "e.jpg", "z.jpg")
    feed.camera.files |= {
        "a.jpg": b"<!doctype html><html>Please sign in</html>",
        "empty.jpg": b"",
        "half.jpg": make_jpeg(200, size=(400, 300))[:1200],
        "movie.mp4": b"\x00\x00\x00\x20ftypisom" + bytes(40),
        "moving.jpg": b"GIF89a.........",
    }
    feed.camera.faults = {"b.jpg": "404", "c.jpg": "cut"}
    first = await feed.run(max_files=0)
    assert (first.state, first.imported, first.failed, first.skipped) == ("completed", 3, 5, 2)
    errors = await feed.errors()
    assert "sign-in" in (errors["a.jpg"] or "")
    assert "404" in (errors["b.jpg"] or "")
    assert "before the length" in (errors["c.jpg"] or "")
    assert "0 bytes" in (errors["empty.jpg"] or "")
    assert "truncated" in (errors["half.jpg"] or "")
    assert "video" in (errors["movie.mp4"] or "")
    assert "GIF" in (errors["moving.jpg"] or "")
    feed.camera.asked()
    assert (await feed.run(max_files=0)).failed == 0, "they wait for their turn"
    assert feed.camera.asked() == [""]
    feed.camera.faults.clear()
    await feed.make_due()
    assert (await feed.run(max_files=0)).imported == 2
    for _ in range(3):
        await feed.make_due()
        await feed.run(max_files=0)
    states = await feed.states()
    assert {path for path, state in states.items() if state == "quarantined"} == {
        "a.jpg",
        "empty.jpg",
        "half.jpg",
    }
    feed.camera.files["half.jpg"] = make_jpeg(200, size=(400, 300))
    assert (await sources.retry_files(feed.system, SYSTEM, feed.source_id, "half.jpg")).files == 1
    assert (await feed.run(max_files=0)).imported == 1
    assert (await feed.states())["half.jpg"] == "imported"
    assert (await feed.states())["empty.jpg"] == "quarantined"
    assert (await sources.retry_files(feed.system, SYSTEM, feed.source_id)).files == 2


async def test_a_time_with_the_offset_of_the_camera_needs_no_zone(feed: Feed) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2026:05:03 14:15:00", 0x882A: -5})
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (7, 90, 90)).save(buffer, "JPEG", exif=exif)
    feed.camera.files["a.jpg"] = buffer.getvalue()
    assert (await feed.run()).imported == 1
    assert await feed.sql(
        "select captured_at, captured_at_source from images where source_id = :id"
    ) == [(datetime(2026, 5, 3, 19, 15, tzinfo=UTC), "exif")]


async def test_a_failed_file_is_tried_again_by_the_clock(feed: Feed) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "404"
    assert (await feed.change(schedule="0 0 29 2 *")).schedule == "0 0 29 2 *"
    await feed.run()
    for minutes in (1, 2, 4, 8):
        next_run = (await feed.show()).next_run
        assert next_run is not None
        wait = (next_run - datetime.now(UTC)).total_seconds() / 60
        assert 0.7 * minutes < wait < 1.2 * minutes + 0.5, (minutes, wait)
        # As if that time had passed.
        await feed.make_due()
        await feed.sql("update pull_sources set next_run_at = now() where id = :id")
        assert await pull_runs.start_due_runs(feed.system, SYSTEM) == 1
        [(run_id,)] = await feed.sql(
            "select id from pull_runs where source_id = :id and state = 'running'"
        )
        await pull_runs.run_pull(feed.system, SYSTEM, run_id)
    assert await feed.states() == {"a.jpg": "quarantined", "b.jpg": "imported"}
    next_run = (await feed.show()).next_run
    assert next_run is not None
    assert next_run - datetime.now(UTC) > timedelta(days=1), "it is polled on its schedule again"


async def test_a_new_source_is_polled_without_waiting_for_its_schedule(feed: Feed) -> None:
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
    assert await wait() > timedelta(days=1), "a run by hand was its first one"


async def test_the_limit_of_a_run_says_how_many_remain(feed: Feed) -> None:
    fill(feed.camera, *[f"IMG_{number:04}.JPG" for number in range(1, 26)])
    runs = [await feed.run(), await feed.run(), await feed.run()]
    assert [(run.imported, run.remaining) for run in runs] == [(10, 15), (10, 5), (5, 0)]
    assert len(await feed.images()) == 25


async def test_a_scheduled_run_is_followed_while_files_wait(feed: Feed) -> None:
    fill(feed.camera, *[f"IMG_{number:04}.JPG" for number in range(1, 26)])
    assert (await feed.run(max_files=2)).remaining == 23, "one by hand stops at its limit"
    running = "select id from pull_runs where source_id = :id and state = 'running'"
    await feed.sql("update pull_sources set next_run_at = now() where id = :id")
    assert await pull_runs.start_due_runs(feed.system, SYSTEM) == 1
    runs = []
    while following := await feed.sql(running):
        await pull_runs.run_pull(feed.system, SYSTEM, following[0][0])
        runs.append(await sources.get_run(feed.system, SYSTEM, feed.source_id, following[0][0]))
        assert len(runs) < 10
    assert [run.remaining for run in runs] == [13, 3, 0]
    assert (runs[0].trigger, {run.trigger for run in runs[1:]}) == ("schedule", {"backlog"})
    assert len(await feed.images()) == 25
    assert feed.camera.asked().count("") == 2, "a backlog costs no listing for each run"


async def test_half_written_files_are_left_for_the_next_run(feed: Feed) -> None:
    await sources.update_source(feed.system, SYSTEM, feed.source_id, SourceSettings(min_age_s=60))
    fill(feed.camera, "young.jpg", "old.jpg")
    feed.camera.modified["young.jpg"] = datetime.now(UTC) - timedelta(seconds=5)
    run = await feed.run()
    assert (run.imported, run.failed) == (1, 0)
    assert await feed.states() == {"old.jpg": "imported", "young.jpg": "seen"}
    feed.camera.modified["young.jpg"] = datetime.now(UTC) - timedelta(seconds=90)
    await feed.run()
    await feed.make_due()
    assert (await feed.run()).imported == 1


async def test_a_truncated_young_file_is_waited_for_once(feed: Feed) -> None:
    whole = make_jpeg(3, size=(400, 300))
    feed.camera.files["a.jpg"] = whole[: len(whole) // 2]
    feed.camera.modified["a.jpg"] = datetime.now(UTC)
    run = await feed.run()
    assert (run.imported, run.failed) == (0, 0)
    feed.camera.files["a.jpg"] = whole
    await feed.run()
    await feed.make_due()
    assert (await feed.run()).imported == 1


async def test_a_source_that_is_away_fails_backs_off_and_comes_back(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    feed.camera.faults[""] = "500"
    for failures in (1, 2):
        run = await feed.run()
        assert (run.state, run.imported) == ("failed", 0)
        source = await sources.get_source(feed.system, SYSTEM, feed.source_id)
        assert source.health == "failing"
        assert "500" in (source.health_detail or "")
        assert source.next_run is not None
        assert source.next_run - datetime.now(UTC) > timedelta(seconds=45 * 2 ** (failures - 1))
    feed.camera.faults.clear()
    assert (await feed.run()).imported == 1
    assert (await sources.get_source(feed.system, SYSTEM, feed.source_id)).health == "ok"


async def test_retry_after_is_honoured_and_is_no_files_fault(feed: Feed) -> None:
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg", "c.jpg")
    feed.camera.faults["b.jpg"] = "429"
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("failed", 1, 0)
    assert "429" in (run.error or "")
    assert feed.camera.asked() == ["", "a.jpg", "b.jpg"]
    [(attempts, wait)] = await feed.sql(
        "select attempts, next_attempt_at - now() from pulled_files where path = 'b.jpg'"
    )
    assert attempts == 0
    assert timedelta(seconds=100) < wait <= timedelta(seconds=120)


async def test_a_file_that_is_refused_while_the_listing_comes_is_left_for_longer_each_time(
    feed: Feed,
) -> None:
    """One such file must not keep a quiet source failing; one that refuses all is not held against each of them."""
    fill(feed.camera, "a.jpg", "b.jpg", "c.jpg")
    feed.camera.faults = dict.fromkeys(feed.camera.files, "503")
    query = "select attempts from pulled_files where source_id = :id order by path"
    await feed.change(concurrency=1)
    for _ in range(3):
        assert ((await feed.run()).failed, await feed.sql(query)) == (0, [(0,)] * 3), (
            "once is no file's fault"
        )
    await feed.make_due()
    for blamed in (1, 2, 3):
        run = await feed.run()
        assert (run.state, run.imported, run.failed) == ("failed", 0, 1)
        attempts = [count for (count,) in await feed.sql(query)]
        assert (sum(attempts), max(attempts)) == (blamed, 1), (
            "one of them a run, and each time another one"
        )
        await feed.sql("update pulled_files set next_attempt_at = now() where attempts = 0")
    assert (await feed.run()).state == "completed", "the source is well while it waits for them"
    longest = "select min(next_attempt_at - now()) from pulled_files where source_id = :id"
    assert (await feed.sql(longest))[0][0] > timedelta(minutes=40)
    feed.camera.faults = {"a.jpg": "503"}
    for _ in range(QUARANTINE_AFTER - 1):
        await feed.make_due()
        await feed.run()
    assert await feed.states() == {"a.jpg": "quarantined", "b.jpg": "imported", "c.jpg": "imported"}
    assert ((await feed.run()).state, (await feed.show()).health) == ("completed", "ok")


async def test_a_source_has_one_run_at_a_time(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    accepted = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    with pytest.raises(Conflict, match=str(accepted.run_id)):
        await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    await pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id)
    with pytest.raises(Conflict):
        await sources.delete_source(feed.system, SYSTEM, feed.source_id)
    feed.camera.go_on.set()
    await going
    assert feed.camera.asked() == ["", "a.jpg"]


async def test_many_schedulers_begin_a_due_run_once(feed: Feed) -> None:
    await feed.sql(
        "update pull_sources set next_run_at = now() - interval '5 hours' where id = :id"
    )
    begun = await asyncio.gather(*[pull_runs.start_due_runs(feed.system, SYSTEM) for _ in range(5)])
    assert sum(begun) == 1, "five missed hours are caught up once, by one"
    assert [
        count for (count,) in await feed.sql("select count(*) from pull_runs where source_id = :id")
    ] == [1]
    assert [
        count
        for (count,) in await feed.sql("select count(*) from procrastinate.procrastinate_jobs")
    ] == [1]
    source = await sources.get_source(feed.system, SYSTEM, feed.source_id)
    assert source.next_run is not None
    assert source.next_run > datetime.now(UTC)


async def test_a_dead_run_is_followed_and_a_late_one_cannot_write(feed: Feed) -> None:
    """The process of a run falls silent in the middle of a download; another takes over; then the first wakes up."""
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg", "c.jpg")
    feed.camera.faults["b.jpg"] = "hang"
    accepted = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    frozen = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await feed.until_imported("a.jpg")
    await feed.sql(
        "update pull_runs set started_at = now() - interval '60 s', heartbeat_at = now() - interval '30 s' "
        "where source_id = :id"
    )
    feed.camera.faults.clear()
    assert [await pull_runs.restart_dead_runs(feed.system, SYSTEM) for _ in range(2)] == [1, 0]
    [(following,)] = await feed.sql(
        "select id from pull_runs where source_id = :id and state = 'running'"
    )
    assert following != accepted.run_id
    await pull_runs.run_pull(feed.system, SYSTEM, following)
    feed.camera.go_on.set()
    await frozen
    dead = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (dead.state, dead.imported) == ("interrupted", 1)
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, following)
    assert (run.state, run.imported) == ("completed", 2)
    assert await feed.images() == ["a.jpg", "b.jpg", "c.jpg"]


async def test_a_stop_marks_the_run_and_the_next_tick_goes_on(feed: Feed) -> None:
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["b.jpg"] = "hang"
    accepted = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await feed.until_imported("a.jpg")
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    feed.camera.go_on.set()
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (run.state, run.imported) == ("interrupted", 1)
    assert await pull_runs.start_due_runs(feed.system, SYSTEM) == 1


async def test_a_crash_between_store_and_row_neither_loses_nor_doubles(feed: Feed) -> None:
    """The store has the bytes and the database fails the transaction: the next run imports the file."""
    feed.camera.files["a.jpg"] = make_jpeg(1, orientation=6)
    await feed.sql("alter table images add constraint refuse_all check (size_bytes < 0) not valid")
    assert (await feed.run()).failed == 1
    assert [path for path in feed.system.store.root.rglob("originals/*/*/*")]  # type: ignore[attr-defined]
    assert "did not foresee" in ((await feed.errors())["a.jpg"] or "")
    await feed.sql("alter table images drop constraint refuse_all")
    await feed.make_due()
    assert (await feed.run()).imported == 1
    assert await feed.images() == ["a.jpg"]
    assert len(list((feed.system.store.root / "upright").rglob("*.jpg"))) == 1  # type: ignore[attr-defined]


async def test_a_long_listing_costs_one_listing_each_time(feed: Feed) -> None:
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


async def test_credentials_are_sent_and_never_stored_in_the_clear(feed: Feed) -> None:
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
