"""Decoders are shared fairly: slow files delay only the files of their own project."""

import asyncio
import io
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from trapline.server.platform.imaging.decoder_pool import (
    DecodedImage,
    DecodeLimits,
    DecoderPool,
    UndecodableFile,
)
from trapline.server.platform.imaging.decoder_turns import DecoderTurns

TOO_LONG = "decoding it took more processor time than is allowed for an image of its size"
EXPENSIVE, OTHER, THIRD = 1, 2, 3


def encode(width: int, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.linear_gradient("L").resize((width, width)).convert("RGB")
    image.save(buffer, form, **options)
    return buffer.getvalue()


async def test_expensive_files_of_a_project_do_not_delay_those_of_another(tmp_path: Path) -> None:
    expensive, cheap = tmp_path / "expensive", tmp_path / "cheap"
    expensive.write_bytes(encode(3000, "PNG"))
    cheap.write_bytes(encode(32, "JPEG"))
    decoders, done = DecoderPool(processes=1), list[int]()

    async def inspect(path: Path, project_id: int) -> None:
        assert isinstance(await decoders.inspect(path, project_id=project_id), DecodedImage)
        done.append(project_id)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(inspect(expensive, EXPENSIVE))
            await asyncio.sleep(0)
            for _ in range(3):
                group.create_task(inspect(cheap, OTHER))
    finally:
        await decoders.close()
    # One expensive file is decoded already; the second can start before a cheap one has been
    # measured.
    assert done[:5].count(OTHER) == 3, done


async def test_places_are_used_by_one_project_if_no_other_waits() -> None:
    turns, running, end = DecoderTurns(2), asyncio.Semaphore(0), asyncio.Event()

    async def hold() -> None:
        async with turns.turn(EXPENSIVE):
            running.release()
            await end.wait()

    tasks = [asyncio.create_task(hold()) for _ in range(3)]
    await running.acquire()
    await running.acquire()
    assert running.locked(), "there are two places"
    end.set()
    await asyncio.gather(*tasks)


async def test_a_request_that_is_canceled_gives_its_place_back() -> None:
    turns = DecoderTurns(1)
    end, done = asyncio.Event(), list[str]()

    async def work(name: str, project_id: int, until: asyncio.Event | None = None) -> None:
        async with turns.turn(project_id):
            if until is not None:
                await until.wait()
            done.append(name)

    first = asyncio.create_task(work("first", EXPENSIVE, end))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(work(name, OTHER)) for name in ("a", "b", "c")]
    await asyncio.sleep(0)
    waiting[0].cancel()  # before it is granted
    await asyncio.gather(waiting[0], return_exceptions=True)
    end.set()
    await first  # the place is granted to b
    waiting[1].cancel()
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert done[0] == "first"
    assert done[-1] == "c"
    await asyncio.wait_for(work("later", THIRD), 10)


async def test_the_processor_time_of_an_image_is_limited_by_its_megapixels(tmp_path: Path) -> None:
    # Limits are rounded up to seconds. The upright copy of a rotated image takes several.
    rotated = Image.Exif()
    rotated[ExifTags.Base.Orientation] = 6
    (tmp_path / "large").write_bytes(encode(12_000, "JPEG", exif=rotated, progressive=True))
    (tmp_path / "small").write_bytes(encode(32, "JPEG"))
    limited = DecodeLimits(cpu_base_s=0.1, cpu_s_per_megapixel=0.001)
    decoders = DecoderPool(processes=1, limits=limited)

    def inspect_large() -> Awaitable[object]:
        upright = tmp_path / "upright"
        return decoders.inspect(tmp_path / "large", upright=upright, thumbnails={})

    try:
        refused = await inspect_large()
        assert isinstance(refused, UndecodableFile), refused
        assert refused.reason == TOO_LONG
        assert isinstance(await decoders.inspect(tmp_path / "small"), DecodedImage), (
            "the decoder is replaced"
        )
        decoders.limits = DecodeLimits(cpu_base_s=0.1, cpu_s_per_megapixel=1)
        assert isinstance(await inspect_large(), DecodedImage), "a large image may take longer"
    finally:
        await decoders.close()


async def test_the_time_before_the_size_of_an_image_is_known_is_limited(tmp_path: Path) -> None:
    (tmp_path / "markers").write_bytes(b"\xff\xd8" * 15_000_000)
    decoders = DecoderPool(processes=1, limits=DecodeLimits(cpu_base_s=0.1))
    try:
        refused = await decoders.inspect(tmp_path / "markers")
        assert isinstance(refused, UndecodableFile), refused
        assert refused.reason == TOO_LONG
    finally:
        await decoders.close()
