"""Runs that are paused, killed, stopped or started twice: the next run loses no file."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Conflict
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.sources.actions import pull_run_starts, pull_runs, sources


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


async def kill_run(feed: Feed) -> None:
    """Change the current run of the source as if its process had died."""
    await feed.sql(
        "update pull_runs set started_at = started_at - interval '60 s',"
        " heartbeat_at = now() - interval '30 s' where source_id = :id and state = 'running'"
    )


async def test_a_source_has_one_run_at_a_time(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    accepted = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    with pytest.raises(Conflict, match=str(accepted.run_id)):
        await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    await pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id)
    with pytest.raises(Conflict):
        await sources.delete_source(feed.system, SYSTEM, feed.source_id)
    feed.camera.go_on.set()
    await going
    assert feed.camera.asked() == ["", "a.jpg"]


async def test_concurrent_schedulers_start_a_due_run_once(feed: Feed) -> None:
    await feed.sql(
        "update pull_sources set next_run_at = now() - interval '5 hours' where id = :id"
    )
    begun = await asyncio.gather(
        *[pull_run_starts.start_due_runs(feed.system, SYSTEM) for _ in range(5)]
    )
    assert sum(begun) == 1, "one scheduler makes up five missed hours with one run"
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


async def test_a_dead_run_is_restarted_and_cannot_write_later(feed: Feed) -> None:
    """A process hangs during a download, another takes over, then the first one continues."""
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg", "c.jpg")
    feed.camera.faults["b.jpg"] = "hang"
    accepted = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    frozen = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await feed.until_imported("a.jpg")
    await feed.sql(
        "update pull_runs set started_at = now() - interval '60 s',"
        " heartbeat_at = now() - interval '30 s' where source_id = :id"
    )
    feed.camera.faults.clear()
    assert [await pull_run_starts.restart_dead_runs(feed.system, SYSTEM) for _ in range(2)] == [
        1,
        0,
    ]
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


async def test_a_stopped_run_is_interrupted_and_the_next_one_continues(feed: Feed) -> None:
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["b.jpg"] = "hang"
    accepted = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await feed.until_imported("a.jpg")
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    feed.camera.go_on.set()
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (run.state, run.imported) == ("interrupted", 1)
    assert await pull_run_starts.start_due_runs(feed.system, SYSTEM) == 1


async def test_a_crash_between_file_and_row_loses_and_duplicates_nothing(feed: Feed) -> None:
    """The file is stored, but the transaction fails: the next run imports the file."""
    feed.camera.files["a.jpg"] = make_jpeg(1, orientation=6)
    await feed.sql("alter table images add constraint refuse_all check (size_bytes < 0) not valid")
    assert (await feed.run()).failed == 1
    assert isinstance(feed.system.store, LocalStore)
    assert list(feed.system.store.root.rglob("originals/*/*/*"))
    assert "unexpected error" in ((await feed.errors())["a.jpg"] or "")
    await feed.sql("alter table images drop constraint refuse_all")
    await feed.make_due()
    assert (await feed.run()).imported == 1
    assert await feed.images() == ["a.jpg"]
    assert len(list((feed.system.store.root / "upright").rglob("*.jpg"))) == 1


async def test_pausing_a_source_interrupts_its_run_at_the_next_file(feed: Feed) -> None:
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    accepted = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, False)
    feed.camera.go_on.set()
    await going
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (run.state, run.imported) == ("interrupted", 1)
    assert "paused" in (run.error or "")
    assert (await feed.run()).imported == 1, "a paused source can be run on request"


async def test_a_source_whose_runs_die_repeatedly_is_failing(feed: Feed) -> None:
    await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    begun = []
    for _ in range(5):
        await kill_run(feed)
        begun.append(await pull_run_starts.restart_dead_runs(feed.system, SYSTEM))
    assert begun == [1, 1, 1, 0, 0]
    source = await feed.show()
    assert source.health == "failing"
    assert "repeatedly" in (source.health_detail or "")
    assert source.next_run is not None
    assert source.next_run - datetime.now(UTC) > timedelta(seconds=30)


async def test_a_dead_run_of_a_paused_source_is_not_restarted(feed: Feed) -> None:
    await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, False)
    await kill_run(feed)
    assert await pull_run_starts.restart_dead_runs(feed.system, SYSTEM) == 0
    assert await feed.sql("select state from pull_runs where source_id = :id") == [("interrupted",)]


async def test_an_unclaimed_run_is_restarted_after_its_task_was_taken(feed: Feed) -> None:
    """A process took the background task and died before it claimed the run."""
    fill(feed.camera, "a.jpg")
    lost = (await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)).run_id
    await feed.sql(
        "update pull_runs set started_at = started_at - interval '2 h',"
        " heartbeat_at = heartbeat_at - interval '2 h'"
    )
    assert await pull_run_starts.restart_dead_runs(feed.system, SYSTEM) == 0, (
        "its background task is still queued"
    )
    await feed.sql("update procrastinate.procrastinate_jobs set status = 'doing'")
    assert await pull_run_starts.restart_dead_runs(feed.system, SYSTEM) == 1
    assert (await sources.get_run(feed.system, SYSTEM, feed.source_id, lost)).state == "interrupted"


async def test_a_source_with_an_unclaimed_run_can_be_deleted(feed: Feed) -> None:
    accepted = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    await sources.delete_source(feed.system, SYSTEM, feed.source_id)
    await pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id)
    assert feed.camera.asked() == []


async def test_a_queued_run_of_an_archived_project_imports_nothing(
    feed: Feed, app_client: httpx2.AsyncClient
) -> None:
    fill(feed.camera, "a.jpg")
    project = f"/api/v2/projects/{feed.house.ids['project_id']}"
    owner = {"Authorization": f"Bearer {feed.house.tokens['owner']}"}
    for by_hand in (True, False):
        if by_hand:
            await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
        else:
            await feed.sql(
                "update pull_sources set next_run_at = now() - interval '1 h' where id = :id"
            )
            assert await pull_run_starts.start_due_runs(feed.system, SYSTEM) == 1
        [waiting] = await feed.sql(
            "select id from pull_runs where source_id = :id and state = 'running'"
        )
        assert (
            await app_client.patch(project, json={"archived": True}, headers=owner)
        ).status_code == 200
        await pull_runs.run_pull(feed.system, SYSTEM, waiting[0])
        run = await sources.get_run(feed.system, SYSTEM, feed.source_id, waiting[0])
        assert (run.state, run.imported, feed.camera.asked()) == ("interrupted", 0, [])
        assert "archived" in (run.error or "")
        assert (
            await app_client.patch(project, json={"archived": False}, headers=owner)
        ).status_code == 200
    assert (await feed.run()).imported == 1
