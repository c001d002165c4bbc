"""Sources that say odd things, lose files, drip, or kill: each is told in words and holds up nothing else."""

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.support import camera_server as cameras
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.app.background import background_tasks
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network.outbound_policy import AllowedNetwork, OutboundPolicy
from trapline.server.platform.store.local_store import LocalStore
from trapline.server.platform.store.object_store import IncomingFile, StoredObject
from trapline.server.queue.actions.jobs import create_job
from trapline.server.sources.actions import pull_files, pull_run, pull_runs, source_tests, sources
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.server.sources.gateways import http_directory_gateway
from trapline.wire.jobs import NewJob
from trapline.wire.sources import NewSource, SourceSettings

Headers = dict[str, str]
PLACEHOLDER = "<GOOD>"


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


def list_as(feed: Feed, listing: bytes, headers: Headers, *paths: str) -> None:
    """Let the camera list its files in another way, under its address or these paths."""
    feed.camera.pages |= dict.fromkeys(paths or ("",), (listing, headers))


async def test_bad_first_files_do_not_keep_a_good_one_waiting(feed: Feed) -> None:
    feed.camera.files |= {
        f"a{number:02}.jpg": b"<!doctype html>" + bytes([number]) for number in range(10)
    }
    fill(feed.camera, "z.jpg")
    assert (await feed.run()).imported == 0
    await feed.make_due()
    second = await feed.run()
    assert (second.imported, second.failed) == (1, 9), (
        "a fresh file first, then those that were tried the least"
    )
    await feed.make_due()
    await feed.run(max_files=1)
    attempts = await feed.sql(
        "select attempts, count(*) from pulled_files where source_id = :id group by 1 order by 1"
    )
    assert attempts == [(0, 1), (2, 10)]


async def test_files_that_the_camera_wrote_over_do_not_make_it_sick(feed: Feed) -> None:
    fill(feed.camera, *[f"a{number:02}.jpg" for number in range(10)], "z.jpg")
    await feed.run(max_files=1)
    for number in range(1, 10):
        del feed.camera.files[f"a{number:02}.jpg"]
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 1, 9)
    assert (await feed.show()).health == "ok"
    assert "no such URL (404)" in ((await feed.errors())["a01.jpg"] or "")


async def test_a_listing_whose_sizes_are_never_right_costs_one_more_run(feed: Feed) -> None:
    fill(feed.camera, *[f"a{number}.jpg" for number in range(3)])
    rows = [
        f'<a href="{path}">x</a>  01-May-2026 06:00  {len(data) + 1}\n'
        for path, data in feed.camera.files.items()
    ]
    list_as(feed, f"<pre>{''.join(rows)}</pre>".encode(), {"Content-Type": "text/html"})
    assert (await feed.run()).imported == 0
    assert "still being written" in ((await feed.errors())["a0.jpg"] or ""), "and it is said why"
    await feed.make_due()
    assert (await feed.run()).imported == 3


GOOD = '{"name":"good.jpg","type":"file","mtime":"Fri, 01 May 2026 06:00:00 GMT"}'
JSON, HTML = "application/json", "text/html"


@pytest.mark.parametrize(
    ("kind", "listing"),
    [
        (JSON, '[{"name":"x.jpg","mod_time":"0001-01-01T00:00:00+10:00","size":1},<GOOD>]'),
        (JSON, '[{"name":"x.jpg","url":"./x\\ud800.jpg","size":1},<GOOD>]'),
        (JSON, '[{"name":"x\\ud800.jpg","size":1},<GOOD>]'),
        (JSON, '[{"name":"x.jpg","mtime":"a\\u0000b","size":1},<GOOD>]'),
        (JSON, '[{"name":"x.jpg","mtime":"a\\ud800b","size":1},<GOOD>]'),
        (JSON, '[{"name":"x.jpg","size":' + "9" * 5000 + "},<GOOD>]"),
        (JSON, '[{"name":"x.jpg","size":1' + "0" * 20 + "},<GOOD>]"),
        (JSON, '[{"name":"x.jpg","o":' + "[" * 100_000 + "]" * 100_000 + "},<GOOD>]"),
        (HTML, '<tr><td><a href="x.jpg">x</a></td><td class="size" data-size="99999999999999999999">1</td></tr><GOOD>'),
        (HTML, '<tr><td><a href="x.jpg">x</a></td><td class="size" data-size="&sup2;">1</td></tr><GOOD>'),
        (HTML, '<tr><td><a href="x.jpg"></td><td><time datetime="0001-01-01T00:00:00+10:00"></time></td></tr><GOOD>'),
        (HTML, '<tr><td><a href="http://[x.jpg">x</a></td><td>1</td></tr><GOOD>'),
    ],
    ids=lambda value: value[:45],
)  # fmt: skip
async def test_an_odd_row_of_a_listing_is_its_own_trouble(
    feed: Feed, kind: str, listing: str
) -> None:
    fill(feed.camera, "good.jpg")
    good = GOOD if kind == JSON else '<tr><td><a href="good.jpg">g</a></td></tr>'
    listing = listing.replace(PLACEHOLDER, good)
    list_as(
        feed,
        (listing if kind == JSON else f"<table>{listing}</table>").encode(),
        {"Content-Type": kind},
    )
    tested = await run_source_test(feed.system, SYSTEM, feed.source_id, 0)
    assert tested.ok, tested.detail
    run = await feed.run()
    assert (run.state, run.imported) == ("completed", 1), run.error
    assert (await feed.states())["good.jpg"] == "imported"


async def test_a_tag_beyond_ascii_is_never_sent_back(feed: Feed) -> None:
    fill(feed.camera, "a.jpg")
    await feed.run()
    await feed.sql("update pulled_files set etag = '\"\u00e9\"'")
    feed.camera.modified["a.jpg"] = cameras.MODIFIED + timedelta(days=1)
    run = await feed.run()
    assert (run.state, run.failed) == ("completed", 0)
    asked, headers = feed.camera.requests[-1]
    assert asked == "a.jpg"
    assert "if-none-match" not in headers


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip-cut", "gzip-false"])
async def test_a_compressed_listing_is_read_or_refused_in_words(feed: Feed, coding: str) -> None:
    fill(feed.camera, "a.jpg")
    plain = b'<ul><li><a href="a.jpg">a</a></li></ul>' + b"\n" * 2_000_000
    packed = zlib.compress(plain) if coding == "deflate" else gzip.compress(plain)
    packed = {"gzip-cut": packed[:-20], "gzip-false": plain}.get(coding, packed)
    list_as(
        feed, packed, {"Content-Type": "text/html", "Content-Encoding": coding.partition("-")[0]}
    )
    run = await feed.run()
    if coding in ("gzip", "deflate"):
        assert (run.state, run.imported) == ("completed", 1)
    else:
        assert run.state == "failed"
        assert "compress" in (run.error or "")


async def test_a_small_compressed_listing_cannot_fill_the_memory(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_directory_gateway, "MAX_LISTING_BYTES", 2**20)
    list_as(
        feed,
        gzip.compress(b"\n" * 2**22),
        {"Content-Type": "text/html", "Content-Encoding": "gzip"},
    )
    assert "longer than 1 GiB" in ((await feed.run()).error or "")


async def test_folders_without_end_are_refused(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_directory_gateway, "MAX_FOLDERS", 100)
    rows = "".join(f'<a href="{number}/">d</a>\n' for number in range(101))
    list_as(feed, f"<pre>{rows}</pre>".encode(), {"Content-Type": "text/html"})
    assert "more than 100 folders" in ((await feed.run()).error or "")


class _BreaksUs(tuple[AllowedNetwork, ...]):
    """Breaks in a way that nobody foresees, wherever a connection is about to be opened."""

    def __iter__(self) -> Iterator[AllowedNetwork]:
        raise LookupError("canary-4711")


async def test_what_was_not_foreseen_ends_a_run_in_words(feed: Feed) -> None:
    feed.system = replace(feed.system, outbound=OutboundPolicy(allowed_networks=_BreaksUs()))
    run = await feed.run()
    source = await feed.show()
    assert run.state == "failed"
    assert "did not foresee (LookupError)" in (run.error or "")
    assert (source.health, source.health_detail) == ("failing", run.error)
    assert source.next_run is not None
    assert source.next_run - datetime.now(UTC) > timedelta(seconds=30)
    tested = await run_source_test(feed.system, SYSTEM, feed.source_id, 0)
    assert "did not foresee" in tested.detail
    assert "4711" not in tested.detail + (run.error or "")


class _BreaksOver(LocalStore):
    """A store that breaks over one file, in a way that nobody foresees."""

    def __init__(self, root: Path, data: bytes) -> None:
        super().__init__(root, [b"secret"], "http://trapline.test")
        self.sha256 = hashlib.sha256(data).hexdigest()

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        if incoming.sha256 == self.sha256:
            raise LookupError
        return await super().keep(incoming, key, media_type)


async def test_one_file_that_breaks_us_is_its_own_trouble(feed: Feed, tmp_path: Path) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.system = replace(feed.system, store=_BreaksOver(tmp_path, feed.camera.files["a.jpg"]))
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 1, 1)


async def test_another_address_has_a_ledger_of_its_own(feed: Feed) -> None:
    """Listings without sizes or times say the same of every file of that name."""
    fill(feed.camera, "IMG_0001.JPG", "IMG_0002.JPG")
    feed.camera.files["two/IMG_0001.JPG"] = make_jpeg(55)
    list_as(
        feed,
        b'<ul><li><a href="IMG_0001.JPG">x</a></li></ul>',
        {"Content-Type": "text/html"},
        "",
        "two/",
    )
    assert (await feed.run()).imported == 1
    await feed.sql(
        "insert into pulled_files (source_id, project_id, path, state, attempts, fingerprint) "
        "select source_id, project_id, 'IMG_0002.JPG', 'seen', 0, '' from pulled_files where source_id = :id"
    )
    await feed.change(base_url=feed.camera.url + "two/")
    feed.camera.asked()
    run = await feed.run()
    assert (run.new, run.imported, run.remaining) == (1, 1, 0)
    assert feed.camera.asked() == ["two/", "two/IMG_0001.JPG"], (
        "what the old address had is not looked for here"
    )
    assert (await feed.run()).new == 0


async def test_another_place_named_by_an_option_has_a_ledger_of_its_own(feed: Feed) -> None:
    """The same for a listing that an option names, and for another gateway at the same address."""
    fill(feed.camera, "IMG_0001.JPG", "two/IMG_0001.JPG")
    list_as(
        feed,
        b'[{"name": "IMG_0001.JPG", "type": "file"}]',
        {"Content-Type": "application/json"},
        "",
        "two/",
    )
    url = feed.camera.url
    assert (await feed.run()).imported == 1
    changes: list[dict[str, Any]] = [
        {"gateway": "rest", "options": {"mapping": {"url": "name"}}},
        {"options": {"mapping": {"url": "name", "name": "name"}}},
        {"base_url": url.replace("http", "ws"), "options": {"listing_url": url}},
        {"options": {"listing_url": f"{url}two/"}},
        {"options": {"listing_url": f"{url}two/", "files_url": url}},
    ]
    for number, change in enumerate(changes):
        feed.camera.files |= {
            "IMG_0001.JPG": make_jpeg(60 + number),
            "two/IMG_0001.JPG": make_jpeg(70 + number),
        }
        if "mapping" in change["options"]:
            proof = await run_source_test(
                feed.system, SYSTEM, feed.source_id, 0, SourceSettings(**change)
            )
            assert proof.new == 1, change
        going = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
        await feed.change(**change)
        assert (await feed.show()).last_run.state == "interrupted", change  # type: ignore[union-attr]
        run = await feed.run()
        assert (run.new, run.imported) == (1, 1), change
        await feed.change(name=f"renamed {going.run_id}")
        assert (await feed.run()).new == 0, "a change of anything else keeps the ledger"


async def test_a_run_at_the_old_address_ends_with_it(feed: Feed) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    accepted = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await feed.change(base_url=feed.camera.url + "two/")
    feed.camera.go_on.set()
    await going
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (run.state, run.imported) == ("interrupted", 0)
    assert await feed.images() == []


async def test_pausing_ends_a_run_at_the_next_file(feed: Feed) -> None:
    await feed.change(concurrency=1)
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    accepted = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, False)
    feed.camera.go_on.set()
    await going
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (run.state, run.imported) == ("interrupted", 1)
    assert "paused" in (run.error or "")
    assert (await feed.run()).imported == 1, "by hand a paused source is still pulled"


async def kill_run(feed: Feed) -> None:
    """Let the run of the source look as if its process had died."""
    await feed.sql(
        "update pull_runs set started_at = started_at - interval '60 s', heartbeat_at = now() - interval '30 s' "
        "where source_id = :id and state = 'running'"
    )


async def test_a_run_that_kills_its_process_is_not_begun_for_ever(feed: Feed) -> None:
    await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    begun = []
    for _ in range(5):
        await kill_run(feed)
        begun.append(await pull_runs.restart_dead_runs(feed.system, SYSTEM))
    assert begun == [1, 1, 1, 0, 0]
    source = await feed.show()
    assert source.health == "failing"
    assert "again and again" in (source.health_detail or "")
    assert source.next_run is not None
    assert source.next_run - datetime.now(UTC) > timedelta(seconds=30)


async def test_a_paused_source_is_not_resumed(feed: Feed) -> None:
    await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    await sources.toggle_source(feed.system, SYSTEM, feed.source_id, False)
    await kill_run(feed)
    assert await pull_runs.restart_dead_runs(feed.system, SYSTEM) == 0
    assert await feed.sql("select state from pull_runs where source_id = :id") == [("interrupted",)]


async def test_slow_sources_do_not_keep_other_chores_waiting(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_tasks, "AT_ONCE", dict.fromkeys(background_tasks.AT_ONCE, 1))
    feed.camera.faults[""] = "hang"
    stop = asyncio.Event()
    run = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
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


async def test_a_source_that_cannot_be_begun_keeps_no_other_from_its_turn(feed: Feed) -> None:
    await feed.sql("update pull_sources set next_run_at = now() - interval '1 h' where id = :id")
    bad = await sources.create_source(
        feed.system,
        SYSTEM,
        NewSource(
            name="bad", base_url=feed.camera.url, deployment=UUID(feed.house.ids["deployment_id"])
        ),
    )
    async with feed.system.database.transaction(SYSTEM) as tx:
        broken = "update pull_sources set next_run_at = now() - interval '2 h', schedule = 'no' where id = %s"
        await tx.execute(broken, (bad.id,))
    assert await pull_runs.start_due_runs(feed.system, SYSTEM) == 1
    assert await pull_runs.start_due_runs(feed.system, SYSTEM) == 0
    assert (await sources.get_source(feed.system, SYSTEM, bad.id)).health == "failing"


async def test_nothing_lasts_for_ever(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    short = timedelta(seconds=0.2)
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    # Long enough for the good one, whatever else this machine does.
    monkeypatch.setattr(pull_files, "FILE_WITHIN", timedelta(seconds=2))
    run = await feed.run()
    assert (run.state, run.imported, run.failed) == ("completed", 1, 1)
    assert "not received within" in ((await feed.errors())["a.jpg"] or "")
    feed.camera.faults["a.jpg"] = "drip"
    await feed.make_due()
    await feed.change(download_timeout_s=0.5)
    monkeypatch.setattr(pull_files, "FILE_WITHIN", timedelta(minutes=1))
    monkeypatch.setattr(pull_files, "SLOWEST_OVER", timedelta(seconds=0.5))
    assert (await feed.run()).failed == 1
    assert "bytes per second" in ((await feed.errors())["a.jpg"] or ""), (
        "it says something all the time, but too little"
    )
    feed.camera.faults[""] = "hang"
    monkeypatch.setattr(pull_runs, "LIST_WITHIN", short)
    assert "listing was not over" in ((await feed.run()).error or "")
    monkeypatch.setattr(source_tests, "TEST_WITHIN", short)
    assert (
        "test was not over"
        in (await run_source_test(feed.system, SYSTEM, feed.source_id, 0)).detail
    )
    feed.camera.faults.clear()
    await feed.make_due()
    monkeypatch.setattr(pull_run, "RUN_WITHIN", timedelta(0))
    late = await feed.run()
    assert (late.state, late.imported, late.remaining) == ("completed", 0, 1)


async def test_a_run_whose_chore_was_taken_and_lost_is_followed_soon(feed: Feed) -> None:
    """A process took the chore, and ended before it took the run."""
    fill(feed.camera, "a.jpg")
    lost = (await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)).run_id
    await feed.sql(
        "update pull_runs set started_at = started_at - interval '2 h', heartbeat_at = heartbeat_at - interval '2 h'"
    )
    assert await pull_runs.restart_dead_runs(feed.system, SYSTEM) == 0, (
        "its chore still waits for a process"
    )
    await feed.sql("update procrastinate.procrastinate_jobs set status = 'doing'")
    assert await pull_runs.restart_dead_runs(feed.system, SYSTEM) == 1
    assert (await sources.get_run(feed.system, SYSTEM, feed.source_id, lost)).state == "interrupted"


async def test_a_source_whose_run_nobody_took_can_be_deleted(feed: Feed) -> None:
    accepted = await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
    await sources.delete_source(feed.system, SYSTEM, feed.source_id)
    await pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id)
    assert feed.camera.asked() == []


async def test_a_run_that_waited_in_an_archived_project_is_not_done(
    feed: Feed, app_client: httpx2.AsyncClient
) -> None:
    fill(feed.camera, "a.jpg")
    project = f"/api/v2/projects/{feed.house.ids['project_id']}"
    owner = {"Authorization": f"Bearer {feed.house.tokens['owner']}"}
    for by_hand in (True, False):
        if by_hand:
            await pull_runs.start_run(feed.system, SYSTEM, feed.source_id, None)
        else:
            await feed.sql(
                "update pull_sources set next_run_at = now() - interval '1 h' where id = :id"
            )
            assert await pull_runs.start_due_runs(feed.system, SYSTEM) == 1
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
