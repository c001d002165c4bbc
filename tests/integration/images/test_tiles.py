"""Tiles of images with more than 30 megapixels: their content, their readers, and kills."""

import asyncio
import io
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest
from PIL import Image, ImageChops, ImageStat
from tests.integration.operations.test_image_deletion import delete, discard, let_go, upload
from tests.support.api_project import Field, make_field
from tests.support.image_factory import make_jpeg, make_large_image

from trapline.server.images.actions.tiles import TileGeneration
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.imaging.tile_files import TILED_ABOVE, count_tiles, list_levels
from trapline.server.platform.store.storage_keys import build_tiles_key, build_upright_key

SIZE = (8000, 5200)
LEVELS = [(8000, 5200), (4000, 2600), (2000, 1300)]
SHARP = 3.0
"""The largest mean difference of a tile from its original, in shades; both are JPEGs."""


@pytest.fixture(scope="module")
def large() -> Image.Image:
    return make_large_image(SIZE)


@pytest.fixture(scope="module")
def turned(large: Image.Image) -> bytes:
    """A camera's file on its side, so that the image that is shown is an upright copy."""
    return encode(large.transpose(Image.Transpose.ROTATE_90), orientation=6)


def encode(image: Image.Image, **exif: int) -> bytes:
    tags = Image.Exif()
    if "orientation" in exif:
        tags[0x0112] = exif["orientation"]
    tags[0x010E] = "at the fig tree"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, exif=tags, comment=b"at the fig tree")
    return buffer.getvalue()


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def show(field: Field, image: str) -> dict[str, Any]:
    answer = await field.call("GET", f"/images/{image}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def read(field: Field, url: str, tile: str) -> httpx2.Response:
    parts = urlsplit(url)
    return await field.client.get(f"{parts.path}?{parts.query}&tile={tile}")


def decode(answer: httpx2.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    assert b"fig tree" not in answer.content
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


def compare(tile: Image.Image, original: Image.Image, level: int, column: int, row: int) -> float:
    """Return the mean difference of a tile from its part of the original."""
    smaller = original.reduce(2**level) if level else original
    left, top = column * 512, row * 512
    part = smaller.crop((left, top, min(left + 512, smaller.width), min(top + 512, smaller.height)))
    assert tile.size == part.size
    return max(ImageStat.Stat(ImageChops.difference(tile, part)).mean)


async def test_tiles_are_the_parts_of_the_original(
    field: Field, system: AppContext, large: Image.Image
) -> None:
    image = (await upload(field, encode(large)))["image_id"]
    shown = await show(field, image)
    tiles = shown["tiles"]
    assert (tiles["size"], tiles["levels"]) == (512, 3)
    assert [tuple(level) for level in list_levels(*SIZE)] == LEVELS
    key = build_tiles_key(field.project, shown["sha256"])
    assert await system.store.find_size(key) is None  # not before the first read
    for level, column, row in ((0, 0, 0), (0, 7, 4), (0, 15, 10), (1, 3, 5), (2, 0, 0), (2, 3, 2)):
        tile = decode(await read(field, tiles["url"], f"{level}-{column}-{row}"))
        assert compare(tile, large, level, column, row) < SHARP
        assert compare(tile, large.transpose(Image.Transpose.ROTATE_180), level, column, row) > 20
    # Each tile of each level exists, and none beyond.
    for level, (width, height) in enumerate(LEVELS):
        last = f"{level}-{(width - 1) // 512}-{(height - 1) // 512}"
        assert (await read(field, tiles["url"], last)).status_code == 200
        for beyond in (f"{level}-{-(-width // 512)}-0", f"{level}-0-{-(-height // 512)}"):
            assert (await read(field, tiles["url"], beyond)).status_code == 404
    assert (await read(field, tiles["url"], "3-0-0")).status_code == 404
    for wrong in ("", "0", "0-0", "a-b-c", "0-0-0-0", "-1-0-0", "0-0-9999999"):
        refused = await read(field, tiles["url"], wrong)
        assert refused.status_code == 400
        assert "LEVEL-COLUMN-ROW" in refused.json()["detail"]
    # A repeated read needs no content, and two tiles are two resources.
    answers = [await read(field, tiles["url"], name) for name in ("0-0-0", "0-1-0")]
    tags = [answer.headers["etag"] for answer in answers]
    assert tags[0] != tags[1]
    parts = urlsplit(tiles["url"])
    known = await field.client.get(
        f"{parts.path}?{parts.query}&tile=0-0-0", headers={"If-None-Match": tags[0]}
    )
    assert known.status_code == 304


async def test_tiles_of_a_turned_image_are_upright(
    field: Field, large: Image.Image, turned: bytes
) -> None:
    image = (await upload(field, turned))["image_id"]
    shown = await show(field, image)
    assert (shown["width"], shown["height"]) == SIZE
    tile = decode(await read(field, shown["tiles"]["url"], "0-9-3"))
    assert compare(tile, large, 0, 9, 3) < SHARP


async def test_images_of_up_to_30_megapixels_have_no_tiles(field: Field) -> None:
    image = (await upload(field, make_jpeg(1, size=(6000, 5000))))["image_id"]
    assert TILED_ABOVE == 6000 * 5000
    shown = await show(field, image)
    assert shown["tiles"] is None
    one_more = (await upload(field, make_jpeg(1, size=(6000, 5001))))["image_id"]
    assert (await show(field, one_more))["tiles"] is not None


async def test_tiles_need_a_valid_url_and_an_image_that_is_not_deleted(
    field: Field, system: AppContext, turned: bytes
) -> None:
    image = (await upload(field, turned))["image_id"]
    shown = await show(field, image)
    url = shown["tiles"]["url"]
    key = build_tiles_key(field.project, shown["sha256"])
    stranger = await make_field(system, 0, name="stranger")
    parts = urlsplit(url)
    assert parts.path == f"/files/{key}"
    other = parts.path.replace(f"/{field.project}/", f"/{stranger.project}/")
    for path in (f"{parts.path}?tile=0-0-0", f"{other}?{parts.query}&tile=0-0-0"):
        refused = await field.client.get(path)
        assert refused.status_code == 403
    assert (await stranger.call("GET", f"/images/{image}")).status_code == 404
    assert await system.store.find_size(key) is None
    assert (await read(field, url, "0-0-0")).status_code == 200
    assert (await read(field, url, "0-1-0")).status_code == 200
    # The tiles show the whole original, so their read is one in the audit.
    read_by = await field.ask(
        "select actor from audit where action = 'download' and subject_id = %s", image
    )
    assert len(read_by) == 1
    await delete(field, UUID(image))
    assert (await read(field, url, "0-0-0")).status_code == 404
    # A manager still sees the deleted image, and its tiles.
    assert (
        await read(field, (await show(field, image))["tiles"]["url"], "0-0-0")
    ).status_code == 200
    await let_go(field, system)
    assert await system.store.find_size(key) is not None
    await discard(field, system)
    assert await system.store.find_size(key) is None


async def test_many_requests_generate_the_tiles_once(
    field: Field, system: AppContext, turned: bytes
) -> None:
    image = (await upload(field, turned))["image_id"]
    url = (await show(field, image))["tiles"]["url"]
    answers = await asyncio.gather(*[read(field, url, f"0-{column}-0") for column in range(8)])
    assert {answer.status_code for answer in answers} == {200}
    store = Path(system.store.root)  # type: ignore[attr-defined]
    assert len([file for file in (store / "tiles").rglob("*") if file.is_file()]) == 1
    assert list((store / "incoming").iterdir()) == []
    assert len(system.part(TileGeneration).locks) == 0


async def test_damaged_tiles_are_generated_again(
    field: Field, system: AppContext, large: Image.Image, turned: bytes
) -> None:
    image = (await upload(field, turned))["image_id"]
    shown = await show(field, image)
    key = build_tiles_key(field.project, shown["sha256"])
    for damage in (b"", b"x" * 30_000):
        async with system.store.receive() as incoming:
            incoming.write(damage)
            await system.store.keep(incoming, key)
        tile = decode(await read(field, shown["tiles"]["url"], "0-2-2"))
        assert compare(tile, large, 0, 2, 2) < SHARP


async def test_an_image_that_cannot_be_decoded_is_reported(
    field: Field, system: AppContext, turned: bytes
) -> None:
    image = (await upload(field, turned))["image_id"]
    shown = await show(field, image)
    upright = build_upright_key(field.project, shown["sha256"])
    async with system.store.receive() as incoming:
        incoming.write(b"not an image")
        await system.store.keep(incoming, upright)
    refused = await read(field, shown["tiles"]["url"], "0-0-0")
    assert refused.status_code == 422
    assert "cannot be generated: " in refused.json()["detail"]
    assert "Download its file" in refused.json()["detail"]
    again = await read(field, shown["tiles"]["url"], "0-1-0")
    assert again.json()["detail"] == refused.json()["detail"]
    # The reason is kept for a minute, so that each tile of the screen does not decode it again.
    system.parts.pop(TileGeneration)
    await system.store.delete(upright)
    assert (await read(field, shown["tiles"]["url"], "0-0-0")).status_code == 200


KILLED = """
import asyncio, sys
from pathlib import Path
from trapline.server.images.actions.tiles import get_tile_range
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.imaging.decoder_pool import DecoderPool
from trapline.server.platform.store.local_store import LocalStore

folder, key = sys.argv[1:]

async def run():
    store = LocalStore(Path(folder), [b"x" * 32], "http://trapline.test")
    system = AppContext(None, store, DecoderPool(1), None, None, "")
    await get_tile_range(system, key, "0-0-0")

asyncio.run(run())
"""


async def test_a_killed_process_leaves_no_part_of_the_tiles(
    field: Field, system: AppContext, large: Image.Image, turned: bytes
) -> None:
    image = (await upload(field, turned))["image_id"]
    shown = await show(field, image)
    key = build_tiles_key(field.project, shown["sha256"])
    store = Path(system.store.root)  # type: ignore[attr-defined]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, str(store), key, stderr=subprocess.DEVNULL
    )
    while not any(file.stat().st_size for file in (store / "incoming").iterdir()):
        assert process.returncode is None
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    assert await system.store.find_size(key) is None
    tile = decode(await read(field, shown["tiles"]["url"], "0-3-3"))
    assert compare(tile, large, 0, 3, 3) < SHARP


def test_the_levels_of_an_extreme_image_are_bounded() -> None:
    levels = list_levels(65_500, 500)
    assert levels[-1] == (2047, 16)
    assert count_tiles(levels) == 128 + 64 + 32 + 16 + 8 + 4
