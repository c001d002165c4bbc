"""Failures of one source or file do not affect others: bad files, bugs, slow servers."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.app.background import background_tasks
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network.outbound_policy import AllowedNetwork, OutboundPolicy
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.object_store import IncomingFile, StoredObject
from trapline.server.queue.actions.jobs import create_job
from trapline.server.sources.actions import (
    pull_files,
    pull_run,
    pull_run_starts,
    pull_runs,
    source_tests,
    sources,
)
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.wire.jobs import NewJob
from trapline.wire.sources import NewSource


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


async def test_bad_files_do_not_delay_good_files(feed: Feed) -> None:
    feed.camera.files |= {
        f"a{number:02}.jpg": b"<!doctype html>" + bytes([number]) for number in range(10)
    }
    fill(feed.camera, "z.jpg")
    assert (await feed.run()).imported == 0
    await feed.make_due()
    second = await feed.run()
    assert (second.imported, second.failed) == (1, 9), (
        "new files first, then those with the fewest attempts"
    )
    await feed.make_due()
    await feed.run(max_files=1)
    attempts = await feed.sql(
        "select attempts, count(*) from pulled_files where source_id = :id group by 1 order by 1"
    )
    assert attempts == [(0, 1), (2, 10)]


async def test_deleted_files_do_not_make_the_source_fail(feed: Feed) -> None:
    fill(feed.camera, *[f"a{number:02}.jpg" for number in range(10)], "z.jpg")
    await feed.run(max_files=1)
    for number in range(1, 10):
        del feed.camera.files[f"a{number:02}.jpg"]
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 1, 9)
    assert (await feed.show()).health == "ok"
    assert "no such URL (404)" in ((await feed.errors())["a01.jpg"] or "")


class _FailingNetworks(tuple[AllowedNetwork, ...]):
    """Raises an unexpected error whenever a connection is about to be opened."""

    def __iter__(self) -> Iterator[AllowedNetwork]:
        raise LookupError("canary-4711")


async def test_an_unexpected_error_ends_a_run_with_a_message(feed: Feed) -> None:
    feed.system = replace(feed.system, outbound=OutboundPolicy(allowed_networks=_FailingNetworks()))
    run = await feed.run()
    source = await feed.show()
    assert run.state == "failed"
    assert "unexpected error occurred (LookupError)" in (run.error or "")
    assert (source.health, source.health_detail) == ("failing", run.error)
    assert source.next_run is not None
    assert source.next_run - datetime.now(UTC) > timedelta(seconds=30)
    tested = await run_source_test(feed.system, SYSTEM, feed.source_id, 0)
    assert "unexpected error" in tested.detail
    assert "4711" not in tested.detail + (run.error or "")


class _FailingStore(LocalStore):
    """A store that raises an unexpected error for one file."""

    def __init__(self, root: Path, data: bytes) -> None:
        super().__init__(root, [b"secret"], "http://trapline.test")
        self.sha256 = hashlib.sha256(data).hexdigest()

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        if incoming.sha256 == self.sha256:
            raise LookupError
        return await super().keep(incoming, key, media_type)


async def test_an_unexpected_error_of_one_file_does_not_affect_others(
    feed: Feed, tmp_path: Path
) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.system = replace(feed.system, store=_FailingStore(tmp_path, feed.camera.files["a.jpg"]))
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 1, 1)


async def test_slow_sources_do_not_block_other_background_tasks(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_tasks, "AT_ONCE", dict.fromkeys(background_tasks.AT_ONCE, 1))
    feed.camera.faults[""] = "hang"
    stop = asyncio.Event()
    run = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    working = asyncio.create_task(background_tasks.run_background_tasks(feed.system, stop))
    async with asyncio.timeout(30):
        await feed.camera.reached.wait()
        asked = NewJob(project=int(feed.house.ids["project_id"]), pipeline="p")
        job = await create_job(feed.system, SYSTEM, asked)
        while await feed.sql(f"select expanded from jobs where id = {job.id}") != [(True,)]:
            await asyncio.sleep(0.02)
    assert (
        await sources.get_run(feed.system, SYSTEM, feed.source_id, run.run_id)
    ).state == "running"
    feed.camera.go_on.set()
    stop.set()
    await working


async def test_a_source_that_cannot_start_does_not_block_others(feed: Feed) -> None:
    await feed.sql("update pull_sources set next_run_at = now() - interval '1 h' where id = :id")
    bad = await sources.create_source(
        feed.system,
        SYSTEM,
        NewSource(
            name="bad", base_url=feed.camera.url, deployment=UUID(feed.house.ids["deployment_id"])
        ),
    )
    async with feed.system.database.transaction(SYSTEM) as tx:
        broken = (
            "update pull_sources set next_run_at = now() - interval '2 h', schedule = 'no'"
            " where id = %s"
        )
        await tx.execute(broken, (bad.id,))
    assert await pull_run_starts.start_due_runs(feed.system, SYSTEM) == 1
    assert await pull_run_starts.start_due_runs(feed.system, SYSTEM) == 0
    assert (await sources.get_source(feed.system, SYSTEM, bad.id)).health == "failing"


async def test_downloads_listings_tests_and_runs_have_time_limits(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = timedelta(seconds=0.2)
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    # Long enough for the good file on a busy machine.
    monkeypatch.setattr(pull_files, "FILE_WITHIN", timedelta(seconds=2))
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 1, 1)
    assert "download took longer than" in ((await feed.errors())["a.jpg"] or "")
    feed.camera.faults["a.jpg"] = "drip"
    await feed.make_due()
    await feed.change(download_timeout_s=0.5)
    monkeypatch.setattr(pull_files, "FILE_WITHIN", timedelta(minutes=1))
    monkeypatch.setattr(pull_files, "SLOWEST_OVER", timedelta(seconds=0.5))
    assert (await feed.run()).failed == 1
    assert "bytes per second" in ((await feed.errors())["a.jpg"] or ""), (
        "it sends bytes all the time, but too few"
    )
    feed.camera.faults[""] = "hang"
    monkeypatch.setattr(pull_runs, "LIST_WITHIN", short)
    assert "listing took longer" in ((await feed.run()).error or "")
    monkeypatch.setattr(source_tests, "TEST_WITHIN", short)
    assert (
        "test took longer" in (await run_source_test(feed.system, SYSTEM, feed.source_id, 0)).detail
    )
    feed.camera.faults.clear()
    await feed.make_due()
    monkeypatch.setattr(pull_run, "RUN_WITHIN", timedelta(0))
    late = await feed.run()
    assert (late.state, late.imported, late.remaining) == ("completed", 0, 1)
