"""Files of real cameras and servers with unusual names, contents, times and responses."""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from PIL import Image
from tests.support import camera_server as cameras
from tests.support.image_factory import make_jpeg, make_png
from tests.support.pull_source import SYSTEM, Feed, fill, make_feed

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import sources
from trapline.server.sources.rules.pull_policy import QUARANTINE_AFTER
from trapline.wire.sources import FileState

HTML = {"Content-Type": "text/html"}


@pytest.fixture
async def feed(system: AppContext) -> AsyncIterator[Feed]:
    async with make_feed(system) as made:
        yield made


def picture(form: str, seed: int) -> bytes:
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (seed, 10, 90)).save(buffer, form)
    return buffer.getvalue()


ODD_NAMES = [
    "img_0001.jpg", "IMG_0001.JPG", "Img_0001.jpg", "with space.jpg", "two  spaces.jpg",
    "Füchse & Dachse.jpg",
    "quote\"d 'name'.jpg", "number #1.jpg", "what?.jpg", "100%.jpg", "a%2Fb.jpg", "a%252Fb.jpg",
    "a+b=c.jpg",
    "a..b.jpg", "semi;colon,.jpg", "[1]{2}|3^.jpg", "back\\slash.jpg", "鹿.jpg", "e\u0301.jpg",
    "\u00e9.jpg",
    "100MEDIA/IMG_0001.JPG", "101MEDIA/IMG_0001.JPG", "~$temp~1.jpg", "-rf.jpg", "CON.jpg",
    "noending",
]  # fmt: skip


async def test_every_name_is_one_file_and_asked_for_as_the_server_wrote_it(feed: Feed) -> None:
    fill(feed.camera, *ODD_NAMES)
    run = await feed.run(max_files=0)
    assert (run.listed, run.imported, run.failed, run.skipped) == (
        len(ODD_NAMES),
        len(ODD_NAMES),
        0,
        0,
    ), await feed.errors()
    assert len(await feed.images()) == len(ODD_NAMES)
    assert set(feed.camera.asked()) == {"", *ODD_NAMES}
    again = await feed.run(max_files=0)
    assert (again.listed, again.new) == (len(ODD_NAMES), 0)


async def test_links_out_of_the_folder_are_not_followed(feed: Feed) -> None:
    fill(feed.camera, "two/a.jpg", "secret.jpg")
    rows = [
        "../secret.jpg", "/secret.jpg", "%2e%2e/secret.jpg", "..%2Fsecret.jpg", "..\\secret.jpg",
        "b/../../secret.jpg",
        "../", "/", "?C=M;O=D", "./?sort=name&order=desc", "a.jpg?download=1",
        "javascript:alert(1)", "a.jpg",
    ]  # fmt: skip
    page = "".join(f'<a href="{row}">x</a>  01-May-2026 06:00  -\n' for row in rows)
    feed.camera.pages["two/"] = f"<pre>{page}</pre>".encode(), HTML
    await feed.change(base_url=f"{feed.camera.url}two/")
    run = await feed.run()
    assert (run.listed, run.imported) == (1, 1)
    assert feed.camera.asked() == ["two/", "two/a.jpg"]


AWAY = "http://elsewhere.example/e.jpg"


async def test_everything_that_a_listing_shows_is_in_the_ledger_or_counted(feed: Feed) -> None:
    fill(feed.camera, "a.jpg", "no\u00a0break.jpg", "oak/b.jpg", "trash/c.jpg", "elm/d.jpg")
    feed.camera.files[".hidden.jpg"] = feed.camera.files["late.jpg.part"] = b"x"
    names = [
        "a.jpg",
        "no%C2%A0break.jpg",
        ".hidden.jpg",
        "late.jpg.part",
        "oak/",
        "lost+found/",
        "trash/",
        "../",
        "?C=M",
    ]
    rows = "".join(
        f'<a href="{name}">x</a>  01-May-2026 06:00  -\n'
        for name in [*names, "http://elsewhere.example/e.jpg"]
    )
    feed.camera.pages[""] = f"<pre>{rows}</pre>".encode(), HTML
    feed.camera.pages["oak/"] = b'<pre><a href="b.jpg">b</a>  01-May-2026 06:00  -\n</pre>', HTML
    feed.camera.faults["lost+found/"] = "403"
    await feed.change(exclude=["trash/"])
    run = await feed.run(max_files=0)
    assert (run.state, run.listed, run.imported) == ("completed", 3, 3), run.error
    assert run.left_out == {
        "hidden name": 1, "name of an unfinished file": 1,
        "excluded by the patterns of the source": 1,
        "link out of the source": 1,
    }  # fmt: skip
    assert (run.skipped, run.unlisted_folders) == (4, 1)
    assert "trash/" not in feed.camera.asked()
    failed = (
        await sources.list_files(feed.system, SYSTEM, feed.source_id, FileState.FAILED, 100, None)
    ).results
    [folder] = failed
    assert (folder.kind, folder.path) == ("folder", "lost+found/")
    assert "403" in (folder.error or "")
    assert (await sources.retry_files(feed.system, SYSTEM, feed.source_id)).files == 0
    imported = {
        name for (name,) in await feed.sql("select filename from images where source_id = :id")
    }
    assert imported == {"a.jpg", "b.jpg", "no\u00a0break.jpg"}
    del feed.camera.faults["lost+found/"]
    feed.camera.pages["lost+found/"] = b"<pre></pre>", HTML
    again = await feed.run()
    assert (again.new, again.unlisted_folders) == (0, 0)
    assert (
        await sources.list_files(feed.system, SYSTEM, feed.source_id, FileState.FAILED, 100, None)
    ).results == []


async def test_a_run_takes_another_file_for_one_that_is_no_image(feed: Feed) -> None:
    fill(feed.camera, "z")
    feed.camera.files |= {f"{number}.log": b"line\n" * 400 for number in range(5)}
    run = await feed.run(max_files=1)
    assert (run.imported, run.skipped, run.remaining) == (1, 5, 0)


async def test_each_format_is_taken_or_skipped_and_says_why(feed: Feed) -> None:
    feed.system = replace(feed.system, limits=replace(feed.system.limits, image_bytes=200_000))
    feed.camera.files = {
        "png.JPG": make_png(),
        "scan.tiff": picture("TIFF", 1),
        "phone.HEIC": picture("HEIF", 2),
        "old.bmp": picture("BMP", 3),
        "web.webp": picture("WEBP", 4),
        "jpeg.png": make_jpeg(5),
        "animated.gif": b"GIF89a" + bytes(20),
        "clip.MP4": b"\x00\x00\x00\x20ftypisom" + bytes(40),
        "hidden in a name.jpg": b"\x00\x00\x00\x20ftypmp42" + bytes(40),
        "log.txt": b"...",
        "large.jpg": bytes(200_001),
        "bomb.png": bomb(13_400, 13_400),
        "noise.jpg": b"\xff\xd8\xff\xe0" + bytes(range(256)),
    }
    run = await feed.run(max_files=0)
    assert (run.listed, run.imported, run.failed, run.skipped) == (13, 6, 2, 5), await feed.errors()
    states, errors = await feed.states(), await feed.errors()
    assert {path for path, state in states.items() if state == "imported"} == {
        "png.JPG", "scan.tiff", "phone.HEIC", "old.bmp", "web.webp", "jpeg.png",
    }  # fmt: skip
    skipped = {path: errors[path] or "" for path, state in states.items() if state == "skipped"}
    assert "GIF" in skipped["animated.gif"]
    assert "video" in skipped["clip.MP4"]
    assert "video" in skipped["hidden in a name.jpg"]
    assert "this is text" in skipped["log.txt"]
    assert "larger than" in skipped["large.jpg"]
    failed = {path: errors[path] or "" for path, state in states.items() if state == "failed"}
    assert "pixels" in failed["bomb.png"]
    assert failed["noise.jpg"]
    kinds = dict(await feed.sql("select filename, media_type from images where source_id = :id"))
    assert (kinds["png.JPG"], kinds["jpeg.png"], kinds["phone.HEIC"]) == (
        "image/png",
        "image/jpeg",
        "image/heic",
    )


def bomb(width: int, height: int) -> bytes:
    """Build a small PNG file with a very large number of pixels."""
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


async def test_a_file_that_grows_is_taken_once_it_is_whole(feed: Feed) -> None:
    """The file grows between listing and download, and between runs."""
    whole = make_jpeg(3, size=(400, 300))
    parts = iter([whole[:1000], whole[:2000], whole[:3000], whole])
    feed.camera.files["a.jpg"] = next(parts)

    def list_and_grow() -> bytes:
        page = feed.camera.list_files().encode()
        feed.camera.files["a.jpg"] = next(parts, whole)
        return page

    feed.camera.pages[""] = list_and_grow, HTML
    for number in range(3):
        run = await feed.run()
        assert (run.imported, run.failed) == (0, 0), number
    await feed.make_due()
    assert (await feed.run()).imported == 1
    assert await feed.sql("select size_bytes from images where source_id = :id") == [(len(whole),)]


async def test_the_file_that_was_taken_last_may_go(feed: Feed) -> None:
    fill(feed.camera, "IMG_0001.JPG", "IMG_0002.JPG")
    await feed.run()
    assert (await feed.show()).last_pulled_filename == "IMG_0002.JPG"
    feed.camera.files.clear()
    feed.camera.files = {"IMG_0001b.JPG": make_jpeg(7), "IMG_0003.JPG": make_jpeg(8)}
    run = await feed.run()
    assert (run.new, run.imported) == (2, 2)
    assert set((await feed.states()).values()) == {"imported"}, (
        "images are kept when the source deletes the file"
    )


SICK_LISTINGS = {
    "401": "401", "403": "403", "404": "404", "429": "429", "500": "500", "503": "503",
    "cut": "before the length",
    "reset": "connection|before the length", "hang": "in the time allowed",
    "drip": "took longer than 0.5 seconds",
}  # fmt: skip


async def test_a_sick_listing_is_told_in_words_and_recovers(feed: Feed) -> None:
    feed.camera.retry_after = "7200"
    await feed.change(list_timeout_s=0.5)
    for fault, words in SICK_LISTINGS.items():
        fill(feed.camera, f"{fault}.jpg")
        feed.camera.faults[""] = fault
        run = await feed.run()
        source = await feed.show()
        assert (run.state, run.imported, source.health, source.health_detail) == (
            "failed",
            0,
            "failing",
            run.error,
        )
        assert any(word in (run.error or "") for word in words.split("|")), run.error
        assert source.next_run is not None
        least = timedelta(minutes=110) if fault in ("429", "503") else timedelta(seconds=45)
        assert source.next_run - datetime.now(UTC) > least, fault
        feed.camera.faults.clear()
        assert (await feed.run()).imported == 1, fault
        assert (await feed.show()).health == "ok"


async def test_a_sick_file_is_told_in_words_and_the_others_come(feed: Feed) -> None:
    faults = {
        "401": "401",
        "403": "403",
        "404": "404",
        "500": "500",
        "reset": "connection",
        "hang": "time allowed",
    }
    for fault in faults:
        fill(feed.camera, f"{fault} a.jpg", f"{fault} b.jpg")
        feed.camera.faults[f"{fault} a.jpg"] = fault
    await feed.change(download_timeout_s=0.5)
    run = await feed.run(max_files=0)
    assert (run.state, run.imported, run.failed) == ("completed", 6, 6), await feed.errors()
    errors = await feed.errors()
    for fault, words in faults.items():
        assert words in (errors[f"{fault} a.jpg"] or ""), errors
    feed.camera.faults.clear()
    await feed.make_due()
    assert (await feed.run(max_files=0)).imported == 6


async def test_a_file_that_is_released_while_a_run_has_it_in_hand_stays_released(
    feed: Feed,
) -> None:
    fill(feed.camera, "a.jpg")
    feed.camera.faults["a.jpg"] = "500"
    for _ in range(QUARANTINE_AFTER - 1):
        await feed.make_due()
        await feed.run()
    feed.camera.faults["a.jpg"] = "hang"
    await feed.make_due()
    going = asyncio.create_task(feed.run())
    await feed.camera.reached.wait()
    assert (await sources.retry_files(feed.system, SYSTEM, feed.source_id)).files == 1
    kept = feed.camera.files.pop("a.jpg")
    feed.camera.go_on.set()
    assert (await going).failed == 1
    query = "select state, attempts, next_attempt_at from pulled_files where source_id = :id"
    assert await feed.sql(query) == [("failed", 0, None)]
    feed.camera.files["a.jpg"] = kept
    assert (await feed.run()).imported == 1


async def test_which_clock_was_used_is_stored_and_what_is_odd_is_flagged(feed: Feed) -> None:
    await feed.change(filename_time_pattern="Aufnahme_YYMMDD_HHMM_*")
    zone = (
        "update deployments set time_zone = 'Europe/Berlin', clock_offset_s = -60 where id = '{}'"
    )
    await feed.sql(zone.format(feed.house.ids["deployment_id"]))
    feed.camera.files = {
        "exif.jpg": make_jpeg(1, taken=datetime(2026, 7, 1, 14, 0)),  # noqa: DTZ001 - no zone
        "Aufnahme_260701_1405_1.jpg": make_jpeg(2),
        "other.jpg": make_jpeg(3),
        "reset.jpg": make_jpeg(4, taken=datetime(2000, 1, 1, 0, 3)),  # noqa: DTZ001
        "doubled.jpg": make_jpeg(5, taken=datetime(2026, 10, 25, 2, 30)),  # noqa: DTZ001
        "skipped.jpg": make_jpeg(6, taken=datetime(2026, 3, 29, 2, 30)),  # noqa: DTZ001
    }
    assert (await feed.run()).imported == 6
    rows = await feed.sql(
        "select filename, captured_at at time zone 'UTC', captured_at_source, flags"
        " from images where source_id = :id"
    )
    found = {
        name: (at.isoformat(" ", "minutes"), source, flags) for name, at, source, flags in rows
    }
    assert found == {
        "exif.jpg": ("2026-07-01 11:59", "exif", []),
        "Aufnahme_260701_1405_1.jpg": ("2026-07-01 12:04", "filename", []),
        "other.jpg": (cameras.MODIFIED.strftime("%Y-%m-%d %H:%M"), "modified_time", []),
        "reset.jpg": ("1999-12-31 23:02", "exif", ["clock_reset"]),
        "doubled.jpg": ("2026-10-25 00:29", "exif", ["ambiguous_local_time"]),
        "skipped.jpg": ("2026-03-29 01:29", "exif", ["nonexistent_local_time"]),
    }


async def test_a_listing_of_fifty_thousand_rows(feed: Feed) -> None:
    rows = "".join(
        f'<a href="{quote(f"IMG {number:06}.txt")}">IMG..&gt;</a>  01-May-2026 06:00  5\n'
        for number in range(50_000)
    )
    fill(feed.camera, "z.jpg")
    size = len(feed.camera.files["z.jpg"])
    page = f'<pre>{rows}<a href="z.jpg">z</a>  01-May-2026 06:00  {size}\n</pre>'
    feed.camera.pages[""] = page.encode(), HTML
    await feed.change(exclude=["*.txt"])
    run = await feed.run()
    assert (run.listed, run.new, run.imported, run.skipped) == (1, 1, 1, 50_000)
    assert run.left_out == {"excluded by the patterns of the source": 50_000}
