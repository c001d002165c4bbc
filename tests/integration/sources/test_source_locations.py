"""File records belong to one location of a source: another URL or listing starts with none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.image_factory import make_jpeg
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import (
    pull_run_starts,
    pull_runs,
    sources,
)
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.wire.sources import SourceSettings

Headers = dict[str, str]


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


def list_as(feed: Feed, listing: bytes, headers: Headers, *paths: str) -> None:
    """Replace the listing of the camera, at its URL or at these paths."""
    feed.camera.pages |= dict.fromkeys(paths or ("",), (listing, headers))


async def test_a_new_url_starts_without_file_records(feed: Feed) -> None:
    """Listings without sizes and times have the same fingerprint for equal names."""
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
        "select source_id, project_id, 'IMG_0002.JPG', 'seen', 0, ''"
        " from pulled_files where source_id = :id"
    )
    await feed.change(base_url=feed.camera.url + "two/")
    feed.camera.asked()
    run = await feed.run()
    assert (run.new, run.imported, run.remaining) == (1, 1, 0)
    assert feed.camera.asked() == ["two/", "two/IMG_0001.JPG"], (
        "files of the old URL are not requested at the new one"
    )
    assert (await feed.run()).new == 0


async def test_a_new_listing_option_starts_without_file_records(feed: Feed) -> None:
    """The same applies to a listing set by an option, and to another gateway at the same URL."""
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
        going = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
        await feed.change(**change)
        last = (await feed.show()).last_run
        assert last is not None
        assert last.state == "interrupted", change
        run = await feed.run()
        assert (run.new, run.imported) == (1, 1), change
        await feed.change(name=f"renamed {going.run_id}")
        assert (await feed.run()).new == 0, "other changes keep the file records"


async def test_a_new_url_interrupts_the_current_run(feed: Feed) -> None:
    fill(feed.camera, "a.jpg", "b.jpg")
    feed.camera.faults["a.jpg"] = "hang"
    accepted = await pull_run_starts.start_run(feed.system, SYSTEM, feed.source_id, None)
    going = asyncio.create_task(pull_runs.run_pull(feed.system, SYSTEM, accepted.run_id))
    await feed.camera.reached.wait()
    await feed.change(base_url=feed.camera.url + "two/")
    feed.camera.go_on.set()
    await going
    run = await sources.get_run(feed.system, SYSTEM, feed.source_id, accepted.run_id)
    assert (run.state, run.imported) == ("interrupted", 0)
    assert await feed.images() == []
