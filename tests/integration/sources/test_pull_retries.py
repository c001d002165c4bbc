"""Retries of files and sources: delays, quarantine, Retry-After, and files still being written."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import pull_run_starts, pull_runs, sources
from trapline.server.sources.rules.pull_policy import QUARANTINE_AFTER
from trapline.wire.sources import SourceSettings


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


async def test_bad_files_are_quarantined_and_do_not_block_others(feed: Feed) -> None:
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
    assert (await feed.run(max_files=0)).failed == 0, "they wait for their retry"
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


async def test_a_failed_file_is_retried_before_the_next_scheduled_run(feed: Feed) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "404"
    assert (await feed.change(schedule="0 0 29 2 *")).schedule == "0 0 29 2 *"
    await feed.run()
    for minutes in (1, 2, 4, 8):
        next_run = (await feed.show()).next_run
        assert next_run is not None
        wait = (next_run - datetime.now(UTC)).total_seconds() / 60
        assert 0.7 * minutes < wait < 1.2 * minutes + 0.5, (minutes, wait)
        # Simulate that this time has passed.
        await feed.make_due()
        await feed.sql("update pull_sources set next_run_at = now() where id = :id")
        assert await pull_run_starts.start_due_runs(feed.system, SYSTEM) == 1
        [(run_id,)] = await feed.sql(
            "select id from pull_runs where source_id = :id and state = 'running'"
        )
        await pull_runs.run_pull(feed.system, SYSTEM, run_id)
    assert await feed.states() == {"a.jpg": "quarantined", "b.jpg": "imported"}
    next_run = (await feed.show()).next_run
    assert next_run is not None
    assert next_run - datetime.now(UTC) > timedelta(days=1), "it is polled on its schedule"


async def test_files_younger_than_the_minimum_age_are_left_for_later(feed: Feed) -> None:
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


async def test_a_recent_truncated_file_is_left_for_the_next_run(feed: Feed) -> None:
    whole = make_jpeg(3, size=(400, 300))
    feed.camera.files["a.jpg"] = whole[: len(whole) // 2]
    feed.camera.modified["a.jpg"] = datetime.now(UTC)
    run = await feed.run()
    assert (run.imported, run.failed) == (0, 0)
    feed.camera.files["a.jpg"] = whole
    await feed.run()
    await feed.make_due()
    assert (await feed.run()).imported == 1


async def test_a_failing_source_backs_off_and_recovers(feed: Feed) -> None:
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


async def test_retry_after_is_honoured_and_does_not_count_as_an_attempt(feed: Feed) -> None:
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


async def test_files_refused_with_retry_after_are_quarantined_one_by_one(
    feed: Feed,
) -> None:
    """A refused file must not keep a source failing; a refusal of all files costs one attempt."""
    fill(feed.camera, "a.jpg", "b.jpg", "c.jpg")
    feed.camera.faults = dict.fromkeys(feed.camera.files, "503")
    query = "select attempts from pulled_files where source_id = :id order by path"
    await feed.change(concurrency=1)
    for _ in range(3):
        assert ((await feed.run()).failed, await feed.sql(query)) == (0, [(0,)] * 3), (
            "the first refusal counts for no file"
        )
    await feed.make_due()
    for blamed in (1, 2, 3):
        run = await feed.run()
        assert (run.state, run.imported, run.failed) == ("failed", 0, 1)
        attempts = [count for (count,) in await feed.sql(query)]
        assert (sum(attempts), max(attempts)) == (blamed, 1), (
            "one file per run, each time a different one"
        )
        await feed.sql("update pulled_files set next_attempt_at = now() where attempts = 0")
    assert (await feed.run()).state == "completed", "the source works while the files wait"
    longest = "select min(next_attempt_at - now()) from pulled_files where source_id = :id"
    assert (await feed.sql(longest))[0][0] > timedelta(minutes=40)
    feed.camera.faults = {"a.jpg": "503"}
    for _ in range(QUARANTINE_AFTER - 1):
        await feed.make_due()
        await feed.run()
    assert await feed.states() == {"a.jpg": "quarantined", "b.jpg": "imported", "c.jpg": "imported"}
    assert ((await feed.run()).state, (await feed.show()).health) == ("completed", "ok")
