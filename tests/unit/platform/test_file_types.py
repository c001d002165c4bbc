"""Every format is accepted unchanged, or refused with a reason.

No part of a file is dropped silently.
"""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
import pytest_asyncio
from PIL import Image

from trapline.server.platform.imaging.decoder_pool import (
    DecodedImage,
    DecoderPool,
    SkippedFile,
    UndecodableFile,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
RED, LIGHT = (254, 0, 0), (253, 253, 253)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def decoders() -> AsyncIterator[DecoderPool]:
    pillow_heif.register_heif_opener()
    pool = DecoderPool(processes=1)
    yield pool
    await pool.close()


def photograph(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Red in the left upper corner, and a gradient that is light at the bottom."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste((255, 0, 0), (0, 0, size[0] // 4, size[1] // 4))
    return image.convert(mode)


def as_bytes(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def sixteen_bit() -> Image.Image:
    """Draw a grey image whose values exceed eight bits."""
    grey = Image.new("I;16", (400, 300))
    grey.putdata([(row * 217) for row in range(300) for _ in range(400)])
    return grey


async def inspect(
    decoders: DecoderPool, folder: Path, data: bytes
) -> DecodedImage | SkippedFile | UndecodableFile:
    path = folder / "file"
    path.write_bytes(data)
    return await decoders.inspect(
        path, upright=folder / "upright.jpg", thumbnails={64: folder / "64.jpg"}
    )


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        ("TIFF", "RGB", {}),
        ("TIFF", "RGB", {"compression": "jpeg"}),
        ("TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "RGBA", {}),
        ("JPEG", "CMYK", {}),
        ("BMP", "RGB", {}),
        ("BMP", "P", {}),
        ("HEIF", "RGB", {"quality": 95}),
    ],
)
async def test_colours_come_out_right(
    decoders: DecoderPool, tmp_path: Path, form: str, mode: str, options: dict[str, Any]
) -> None:
    picture = await inspect(decoders, tmp_path, as_bytes(photograph(mode), form, **options))
    assert isinstance(picture, DecodedImage), picture
    assert (picture.width, picture.height, picture.upright_made) == (400, 300, True)
    for made in ("upright.jpg", "64.jpg"):
        with Image.open(tmp_path / made) as copy:
            shown = copy.convert("RGB")
            for place, wanted in (((0.05, 0.05), RED), ((0.9, 0.99), LIGHT)):
                seen = shown.getpixel((int(place[0] * copy.width), int(place[1] * copy.height)))
                assert isinstance(seen, tuple)
                assert (
                    max(abs(one - other) for one, other in zip(seen, wanted, strict=True)) < 24
                ), (made, place, seen)


async def test_sixteen_bits_are_scaled_and_not_clipped(
    decoders: DecoderPool, tmp_path: Path
) -> None:
    picture = await inspect(decoders, tmp_path, as_bytes(sixteen_bit(), "TIFF"))
    assert isinstance(picture, DecodedImage), picture
    with Image.open(tmp_path / "upright.jpg") as copy:
        grey = copy.convert("L")
        shades = [grey.getpixel((200, row)) for row in (10, 150, 290)]
    assert [round(shade / 8) for shade in shades] == [1, 16, 31], shades  # type: ignore[operator]


async def test_a_turned_heic_comes_out_upright(decoders: DecoderPool, tmp_path: Path) -> None:
    picture = await inspect(decoders, tmp_path, as_bytes(photograph(), "HEIF", exif=turned()))
    assert isinstance(picture, DecodedImage), picture
    assert (picture.width, picture.height) == (300, 400)
    with Image.open(tmp_path / "upright.jpg") as copy:
        assert copy.size == (300, 400)
        red = copy.convert("RGB").getpixel((290, 10))
    assert isinstance(red, tuple)
    assert red[0] > 200 > 60 > red[1], red


async def test_a_camera_s_second_picture_in_a_jpeg_does_no_harm(
    decoders: DecoderPool, tmp_path: Path
) -> None:
    data = as_bytes(photograph(), "MPO", save_all=True, append_images=[photograph("RGB", (40, 30))])
    picture = await inspect(decoders, tmp_path, data)
    assert isinstance(picture, DecodedImage), picture
    assert (picture.width, picture.media_type) == (400, "image/jpeg")


async def test_a_tiff_with_a_small_copy_of_itself_is_one_picture(
    decoders: DecoderPool, tmp_path: Path
) -> None:
    small = photograph("RGB", (40, 30))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = as_bytes(photograph(), "TIFF", save_all=True, append_images=[small])
    picture = await inspect(decoders, tmp_path, data)
    assert isinstance(picture, DecodedImage), picture
    assert (picture.width, picture.height) == (400, 300)


MORE = {"save_all": True, "append_images": [photograph().rotate(180), photograph().rotate(90)]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (as_bytes(photograph(), "TIFF", **MORE), "several pages"),
        (as_bytes(photograph(), "PNG", **MORE), "an animation"),
        (as_bytes(photograph(), "WEBP", **MORE), "an animation"),
        (as_bytes(photograph(), "GIF", **MORE), "GIF images are not supported"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "AVIF images are not supported"),
    ],
    ids=["tiff", "png", "webp", "gif", "avif"],
)
async def test_files_that_are_not_only_an_image_are_reported(
    decoders: DecoderPool, tmp_path: Path, data: bytes, words: str
) -> None:
    outcome = await inspect(decoders, tmp_path, data)
    assert isinstance(outcome, SkippedFile), outcome
    assert words in outcome.reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "HEIF"])
async def test_a_truncated_file_is_said_to_be_one(
    decoders: DecoderPool, tmp_path: Path, form: str
) -> None:
    data = as_bytes(photograph(), form)
    # A JPEG of which at least half of the rows decode is an image; see test_truncated_images.
    for left in (
        (len(data) * 2 // 5, len(data) // 3)
        if form == "JPEG"
        else (len(data) * 2 // 3, len(data) - 100)
    ):
        outcome = await inspect(decoders, tmp_path, data[:left])
        assert isinstance(outcome, UndecodableFile), (left, outcome)
        assert "truncated" in outcome.reason, (left, outcome)
    assert isinstance(await inspect(decoders, tmp_path, data[:60]), UndecodableFile)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xef\xbb\xbf <?xml version='1.0'?><!-- a photograph -->" + SVG, "SVG"),
        (b"GIF89a/*" + SVG + b"*/=1;alert(1)", "GIF"),
        (b"\xff\xd8\xff" + SVG, "cannot be decoded"),
        (b"\x89PNG\r\n\x1a\n" + SVG, ""),
        (b"RIFF\x20\0\0\0WEBPVP8 " + SVG, ""),
        (b"BM<script>" + SVG, ""),
        (b"II*\x00" + SVG, ""),
    ],
)
async def test_a_drawing_in_a_picture_s_clothes_is_refused(
    decoders: DecoderPool, tmp_path: Path, data: bytes, words: str
) -> None:
    outcome = await inspect(decoders, tmp_path, data)
    assert isinstance(outcome, UndecodableFile | SkippedFile), outcome
    assert words in outcome.reason
