"""Sub-folders that a busy server does not list: the source backs off for some time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.pull_source import Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext

HTML = {"Content-Type": "text/html"}


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


def build_folders(feed: Feed, names: list[str]) -> None:
    """List these folders at the root, each with one image."""
    rows = "".join(f'<a href="{name}/">{name}</a>  01-May-2026 06:00  -\n' for name in names)
    feed.camera.pages[""] = f"<pre>{rows}</pre>".encode(), HTML
    for name in names:
        fill(feed.camera, f"{name}/a.jpg")
        feed.camera.pages[f"{name}/"] = (
            b'<pre><a href="a.jpg">a</a>  01-May-2026 06:00  -\n</pre>',
            HTML,
        )


@pytest.mark.parametrize("retry_after", ["", "not a number"])
async def test_a_folder_that_is_asked_for_too_often_ends_the_listing(
    feed: Feed, retry_after: str
) -> None:
    build_folders(feed, ["one", "two", "three"])
    feed.camera.retry_after = retry_after
    feed.camera.faults |= {"one/": "429", "two/": "429", "three/": "429"}
    run = await feed.run()
    assert (run.state, run.unlisted_folders) == ("failed", 0)
    assert len(feed.camera.asked()) == 2, "the root and one folder; no further request after 429"
    source = await feed.show()
    assert source.health == "failing"
    assert source.next_run is not None
    assert source.next_run - datetime.now(UTC) > timedelta(seconds=45)
    feed.camera.faults.clear()
    assert (await feed.run()).imported == 3


@pytest.mark.parametrize("status", ["502", "503", "504"])
async def test_several_busy_folders_end_the_listing_and_one_does_not(
    feed: Feed, status: str
) -> None:
    names = [f"camera{number}" for number in range(8)]
    build_folders(feed, names)
    feed.camera.retry_after = ""
    feed.camera.faults |= {f"{names[3]}/": status}
    run = await feed.run()
    assert (run.state, run.imported, run.unlisted_folders) == ("completed", 7, 1)
    feed.camera.asked()
    feed.camera.faults |= {f"{name}/": status for name in names}
    run = await feed.run()
    assert run.state == "failed"
    assert status in (run.error or "")
    assert len(feed.camera.asked()) < 1 + len(names)
    assert (await feed.show()).health == "failing"


async def test_a_long_wait_that_a_busy_folder_asks_for_is_bounded_to_a_day(feed: Feed) -> None:
    build_folders(feed, ["one"])
    feed.camera.retry_after = str(10**8)
    feed.camera.faults["one/"] = "503"
    assert (await feed.run()).state == "failed"
    next_run = (await feed.show()).next_run
    assert next_run is not None
    assert timedelta(hours=23) < next_run - datetime.now(UTC) <= timedelta(hours=24)
