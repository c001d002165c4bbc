"""Unusual and invalid listings: the valid files are imported, or the run fails with a reason."""

import gzip
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.support import camera_server as cameras
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions.source_tests import run_source_test
from trapline.server.sources.gateways import http_directory_gateway

Headers = dict[str, str]

PLACEHOLDER = "<GOOD>"


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


def list_as(feed: Feed, listing: bytes, headers: Headers, *paths: str) -> None:
    """Replace the listing of the camera, at its URL or at these paths."""
    feed.camera.pages |= dict.fromkeys(paths or ("",), (listing, headers))


async def test_a_listing_with_wrong_sizes_costs_one_more_run(feed: Feed) -> None:
    fill(feed.camera, *[f"a{number}.jpg" for number in range(3)])
    rows = [
        f'<a href="{path}">x</a>  01-May-2026 06:00  {len(data) + 1}\n'
        for path, data in feed.camera.files.items()
    ]
    list_as(feed, f"<pre>{''.join(rows)}</pre>".encode(), {"Content-Type": "text/html"})
    assert (await feed.run()).imported == 0
    assert "still being written" in ((await feed.errors())["a0.jpg"] or ""), (
        "the reason is reported"
    )
    await feed.make_due()
    assert (await feed.run()).imported == 3


GOOD = '{"name":"good.jpg","type":"file","mtime":"Fri, 01 May 2026 06:00:00 GMT"}'

JSON, HTML = "application/json", "text/html"
LINK = '<tr><td><a href="x.jpg">x</a></td>'


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
        (HTML, f'{LINK}<td class="size" data-size="99999999999999999999">1</td></tr><GOOD>'),
        (HTML, f'{LINK}<td class="size" data-size="&sup2;">1</td></tr><GOOD>'),
        (HTML, f'{LINK}<td><time datetime="0001-01-01T00:00:00+10:00"></time></td></tr><GOOD>'),
        (HTML, '<tr><td><a href="http://[x.jpg">x</a></td><td>1</td></tr><GOOD>'),
    ],
    ids=lambda value: value[:45],
)  # fmt: skip
async def test_an_invalid_row_does_not_affect_other_rows(
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


async def test_an_etag_with_non_ascii_characters_is_not_sent(feed: Feed) -> None:
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
async def test_a_compressed_listing_is_parsed_or_rejected_with_a_reason(
    feed: Feed, coding: str
) -> None:
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


async def test_the_decompressed_size_of_a_listing_is_limited(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_directory_gateway, "MAX_LISTING_BYTES", 2**20)
    list_as(
        feed,
        gzip.compress(b"\n" * 2**22),
        {"Content-Type": "text/html", "Content-Encoding": "gzip"},
    )
    assert "longer than 1 GiB" in ((await feed.run()).error or "")


async def test_a_listing_with_too_many_folders_fails(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_directory_gateway, "MAX_FOLDERS", 100)
    rows = "".join(f'<a href="{number}/">d</a>\n' for number in range(101))
    list_as(feed, f"<pre>{rows}</pre>".encode(), {"Content-Type": "text/html"})
    assert "more than 100 folders" in ((await feed.run()).error or "")
