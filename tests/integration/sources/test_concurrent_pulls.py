"""Parallel downloads of a source: within its limits, each file once, independent of others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from tests.support.camera_server import running_camera
from tests.support.image_factory import make_jpeg
from tests.support.loopback_policy import allow_origins
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.app.background import background_tasks
from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.object_store import IncomingFile, StoredObject
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key
from trapline.server.platform.store.url_signatures import FILES
from trapline.server.sources.actions import pull_run_starts, pull_runs, sources
from trapline.server.sources.actions.file_scheduler import PROBES
from trapline.server.sources.actions.pull_run import FAILING_AFTER
from trapline.server.sources.gateways.rate_limiter import RateLimiter
from trapline.server.sources.rules.pull_policy import QUARANTINE_AFTER
from trapline.wire.sources import NewSource, PullRun


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


class ThumbnailBlockingStore(LocalStore):
    """A store that never finishes to store a thumbnail."""

    reached: asyncio.Event

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        if key.startswith("thumbs/"):
            self.reached.set()
            await asyncio.Event().wait()
        return await super().keep(incoming, key, media_type)


async def begin(feed: Feed, max_files: int | None = None) -> asyncio.Task[PullRun]:
    """Start a run that continues in the background."""
    return asyncio.create_task(feed.run(max_files))


async def until_asked(feed: Feed, count: int) -> None:
    """Wait until the camera has this many requests, and a little longer to detect more."""
    async with asyncio.timeout(30):
        while len(feed.camera.requests) < count:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


@pytest.mark.parametrize("at_once", [1, 3])
async def test_as_many_downloads_at_once_as_the_source_allows(feed: Feed, at_once: int) -> None:
    await feed.change(concurrency=at_once)
    names = [f"{number}.jpg" for number in range(8)]
    fill(feed.camera, *names)
    feed.camera.faults = dict.fromkeys(names, "hang")
    going = await begin(feed)
    await until_asked(feed, 1 + at_once)
    assert len(feed.camera.asked()) == 1 + at_once
    feed.camera.go_on.set()
    run = await going
    assert (run.state, run.imported) == ("completed", 8)
    assert feed.camera.most_at_once == at_once


async def test_the_limit_of_a_run_is_exact(feed: Feed) -> None:
    fill(feed.camera, *[f"{number:02}.jpg" for number in range(12)])
    await feed.change(concurrency=16)
    runs = [await feed.run(max_files=5) for _ in range(3)]
    assert [(run.imported, run.remaining) for run in runs] == [(5, 7), (5, 2), (2, 0)]
    assert len([path for path in feed.camera.asked() if path]) == 12


async def test_the_same_bytes_at_once_are_one_image(feed: Feed) -> None:
    same = make_jpeg(7)
    feed.camera.files = {f"{number}.jpg": same for number in range(6)}
    new = NewSource(
        name="other", base_url=feed.camera.url, deployment=UUID(feed.house.ids["deployment_id"])
    )
    other = Feed(
        feed.system,
        feed.camera,
        (await sources.create_source(feed.system, SYSTEM, new)).id,
        feed.house,
    )
    runs = await asyncio.gather(feed.run(), other.run())
    assert sum(run.imported for run in runs) == 1
    assert sum(run.duplicate for run in runs) == 11
    assert await feed.sql("select count(*) from images where source_id is not null") == [(1,)]
    assert await feed.sql("select count(distinct image_id), count(image_id) from pulled_files") == [
        (1, 12)
    ]


async def test_one_file_that_the_database_refuses_leaves_the_others(feed: Feed) -> None:
    fill(feed.camera, *[f"{number}.jpg" for number in range(6)])
    await feed.sql(
        "alter table images add constraint refuse_one check (filename <> '3.jpg') not valid"
    )
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 5, 1)
    assert "unexpected error" in ((await feed.errors())["3.jpg"] or "")
    await feed.sql("alter table images drop constraint refuse_one")
    await feed.make_due()
    assert (await feed.run()).imported == 1


async def test_files_in_progress_are_kept_when_a_server_asks_for_patience(feed: Feed) -> None:
    names = [f"{number:02}.jpg" for number in range(9)]
    fill(feed.camera, *names)
    await feed.change(concurrency=3)
    feed.camera.faults = {"00.jpg": "hang", "01.jpg": "hang", "02.jpg": "429"}
    going = await begin(feed)
    await until_asked(feed, 4)
    feed.camera.go_on.set()
    run = await going
    assert (run.state, run.imported, run.failed) == ("failed", 2, 0)
    assert sorted(feed.camera.asked()) == ["", *names[:3]], "no file is requested after a 429"


async def test_a_server_that_fails_is_left_alone_soon(feed: Feed) -> None:
    names = [f"{number:02}.jpg" for number in range(30)]
    fill(feed.camera, *names)
    feed.camera.faults = dict.fromkeys(names, "500")
    run = await feed.run(max_files=0)
    assert (run.state, run.imported) == ("failed", 0)
    assert FAILING_AFTER + PROBES <= run.failed < FAILING_AFTER + PROBES + 4


async def test_bad_files_before_good_ones_are_no_sick_source(feed: Feed) -> None:
    bad = [f"a{number:02}.jpg" for number in range(6 * FAILING_AFTER)]
    fill(feed.camera, *bad, "y.jpg", "z1.jpg", "z2.jpg")
    feed.camera.faults = dict.fromkeys(bad, "500")
    run = await feed.run(max_files=0)
    assert (run.imported, run.failed) == (3, run.failed)
    assert run.failed >= 3 * FAILING_AFTER, (
        "each good file shows that the source works, and the run continues"
    )


async def test_one_file_that_asks_for_patience_for_ever_is_quarantined(feed: Feed) -> None:
    feed.camera.faults = {"a.jpg": "503"}
    runs = []
    for number in range(QUARANTINE_AFTER + 2):
        fill(feed.camera, "a.jpg", f"b{number}.jpg")
        await feed.make_due()
        runs.append(await feed.run())
    assert (await feed.states()).pop("a.jpg") == "quarantined"
    assert (runs[-1].state, len(await feed.images())) == ("completed", QUARANTINE_AFTER + 2)


async def test_a_slow_good_file_shows_that_the_source_is_well(feed: Feed) -> None:
    bad = [f"b{number}.jpg" for number in range(FAILING_AFTER)]
    fill(feed.camera, "a.jpg", *bad, "z.jpg")
    await feed.change(concurrency=2)
    feed.camera.faults = {"a.jpg": "hang", **dict.fromkeys(bad, "500")}
    going = await begin(feed)
    await until_asked(feed, 2 + len(bad))
    assert "z.jpg" not in [path for path, _ in feed.camera.requests], (
        "it waits for the outcome of the slow file"
    )
    feed.camera.go_on.set()
    run = await going
    assert (run.state, run.imported, run.failed) == ("completed", 2, FAILING_AFTER)


async def test_transfers_that_break_off_keep_no_good_file_waiting(feed: Feed) -> None:
    bad = [f"a{number:02}.jpg" for number in range(3 * FAILING_AFTER)]
    fill(feed.camera, *bad, "z.jpg")
    feed.camera.faults = dict.fromkeys(bad, "cut")
    run = await feed.run(max_files=0)
    assert (run.state, run.imported, run.failed) == ("completed", 1, len(bad))


async def test_thumbnails_come_with_the_picture(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    feed.camera.files["b.jpg"] = make_jpeg(2, orientation=6)
    await feed.run()
    rows = await feed.sql(
        "select id, thumbnails_at is not null, thumbnails_claimed_until"
        " from images where source_id = :id"
    )
    assert [(made, claimed) for _, made, claimed in rows] == [(True, None)] * 2
    for image_id, _, _ in rows:
        for size in THUMBNAIL_SIZES:
            assert await feed.system.store.find_size(build_thumbnail_key(image_id, size))


async def test_thumbnails_of_a_run_that_died_are_made_later(
    feed: Feed,
) -> None:
    fill(feed.camera, "a.jpg")
    await feed.sql("update images set thumbnails_at = now()")
    system = feed.system
    assert isinstance(system.store, LocalStore)
    store = ThumbnailBlockingStore(
        system.store.root, system.secrets.derive_all(FILES), system.public_url
    )
    store.reached = asyncio.Event()
    run = await begin(replace(feed, system=replace(system, store=store)))
    async with asyncio.timeout(30):
        await store.reached.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await generate_thumbnails(feed.system, SYSTEM) == 0, (
        "the importing process has claimed the thumbnails"
    )
    await feed.sql("update images set thumbnails_claimed_until = now() - interval '1 s'")
    assert await generate_thumbnails(feed.system, SYSTEM) == 1
    assert await feed.images() == ["a.jpg"]


async def test_a_poll_of_known_files_writes_a_run_and_nothing_else(feed: Feed) -> None:
    fill(feed.camera, *[f"{number:02}.jpg" for number in range(40)])
    await feed.run(max_files=0)

    async def rows() -> dict[str, str]:
        """Return all rows of all tables, with the position and transaction of each."""
        tables = await feed.sql("select tablename from pg_tables where schemaname = 'public'")
        query = (
            "select coalesce(string_agg(ctid::text || xmin::text, ' ' order by ctid), '') from {}"
        )
        return {name: (await feed.sql(query.format(name)))[0][0] for (name,) in tables}

    before = await rows()
    run_id = (await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)).run_id
    feed.camera.asked()
    await pull_runs.run_pull(feed.system, SYSTEM, run_id)
    after = await rows()
    assert feed.camera.asked() == [""]
    changed = {name for name in after if after[name] != before[name]}
    assert {"pull_runs"} <= changed <= {"pull_runs", "pull_sources", "audit"}
    assert len(after["pull_runs"].split()) <= len(before["pull_runs"].split()) + 1


async def test_a_rate_holds_for_all_that_ask_at_once() -> None:
    pace = RateLimiter(rate_per_s=50)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*[pace.wait_turn() for _ in range(6)])
    assert loop.time() - began >= 5 / 50 * 0.99


async def test_slow_sources_keep_no_other_waiting(feed: Feed) -> None:
    """More slow sources than an earlier limit of parallel runs, each waiting for its listing."""
    fill(feed.camera, "a.jpg")
    async with running_camera() as slow:
        slow.faults[""] = "hang"
        own = allow_origins(("127.0.0.1", feed.camera.port), ("127.0.0.1", slow.port))
        system = replace(feed.system, outbound=own)
        for number in range(20):
            deployment = UUID(feed.house.ids["deployment_id"])
            new = NewSource(
                name=f"{number}", base_url=slow.url, deployment=deployment, list_timeout_s=600
            )
            source = await sources.create_source(system, SYSTEM, new)
            await pull_run_starts.start_run(system, SYSTEM, source.id, None)
        stop = asyncio.Event()
        working = asyncio.create_task(background_tasks.run_background_tasks(system, stop))
        async with asyncio.timeout(30):
            while len(slow.requests) < 20:
                await asyncio.sleep(0.02)
        await pull_run_starts.start_run(system, SYSTEM, feed.source_id, None)
        await feed.until_imported("a.jpg")
        stop.set()
        slow.go_on.set()
        await working
