"""Images are decoded in a limited child process: sizes, errors, and harmless broken files."""

import asyncio
import io
import os
import socket
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from trapline.server.platform.imaging.decoder_pool import (
    DecodedImage,
    DecodeLimits,
    DecoderPool,
    SkippedFile,
    UndecodableFile,
)
from trapline.server.platform.imaging.requests import send_without_blocking


@pytest.fixture
async def decoders() -> AsyncIterator[DecoderPool]:
    pool = DecoderPool(processes=1)
    yield pool
    await pool.close()


def photograph(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """Draw an image with a red upper left corner and a gradient."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    image.paste((255, 0, 0), (0, 0, width // 4, height // 4))
    return image.convert(mode)


def as_bytes(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


async def inspect(
    decoders: DecoderPool, folder: Path, data: bytes
) -> DecodedImage | SkippedFile | UndecodableFile:
    path = folder / "file"
    path.write_bytes(data)
    return await decoders.inspect(path, upright=folder / "upright.jpg")


@pytest.mark.parametrize(
    ("form", "media_type", "copied"),
    [
        ("JPEG", "image/jpeg", False),
        ("PNG", "image/png", False),
        ("WEBP", "image/webp", False),
        ("TIFF", "image/tiff", True),
        ("BMP", "image/bmp", True),
        ("HEIF", "image/heic", True),
    ],
)
async def test_takes_each_format_and_copies_what_browsers_do_not_show(
    decoders: DecoderPool, tmp_path: Path, form: str, media_type: str, copied: bool
) -> None:
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    picture = await inspect(decoders, tmp_path, as_bytes(photograph(), form))
    assert isinstance(picture, DecodedImage), picture
    assert (picture.width, picture.height, picture.media_type) == (400, 300, media_type)
    assert picture.upright_made is copied
    assert (tmp_path / "upright.jpg").exists() is copied


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "TIFF tiff_lzw"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation_comes_out_upright(
    decoders: DecoderPool, tmp_path: Path, orientation: int, form: str
) -> None:
    # How a camera stores the upright image, so that the EXIF tag rotates it back.
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = photograph()
    stored = (
        upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    form, _, packed = form.partition(" ")
    options = {"compression": packed} if packed else {"quality": 95}
    picture = await inspect(decoders, tmp_path, as_bytes(stored, form, exif=exif, **options))
    assert isinstance(picture, DecodedImage)
    assert (picture.width, picture.height, picture.orientation) == (400, 300, orientation)
    thumbnail = tmp_path / "thumb.jpg"
    assert await decoders.generate_thumbnails(tmp_path / "file", {160: thumbnail}) is None
    shown = [thumbnail] if orientation == 1 else [thumbnail, tmp_path / "upright.jpg"]
    for path in shown:
        with Image.open(path) as image:
            assert image.size == ((160, 120) if path == thumbnail else (400, 300))
            assert image.getexif().get(0x0112) is None
            corner = (image.width // 16, image.height // 16)
            red, green, _ = image.convert("RGB").getpixel(corner)  # type: ignore[misc]
            assert red > 200 > 60 > green, f"the red corner is not left above: {path.name}"


async def test_cmyk_gets_a_readable_copy(decoders: DecoderPool, tmp_path: Path) -> None:
    picture = await inspect(decoders, tmp_path, as_bytes(photograph(mode="CMYK"), "JPEG"))
    assert isinstance(picture, DecodedImage)
    assert picture.upright_made
    with Image.open(tmp_path / "upright.jpg") as copy:
        assert copy.mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
async def test_thumbnails_of_every_mode(decoders: DecoderPool, tmp_path: Path, mode: str) -> None:
    (tmp_path / "file").write_bytes(
        as_bytes(
            photograph().convert("L").convert("I;16") if mode == "I;16" else photograph(mode=mode),
            "PNG",
        )
    )
    small, large = tmp_path / "320.jpg", tmp_path / "1280.jpg"
    assert await decoders.generate_thumbnails(tmp_path / "file", {320: small, 1280: large}) is None
    with Image.open(small) as image:
        assert image.size == (320, 240)
    with Image.open(large) as image:
        assert image.size == (400, 300), "a small picture is not blown up"


async def test_a_truncated_jpeg_is_an_error(decoders: DecoderPool, tmp_path: Path) -> None:
    data = as_bytes(photograph(1600, 1200), "JPEG")
    outcome = await inspect(decoders, tmp_path, data[: len(data) // 2])
    assert isinstance(outcome, UndecodableFile)
    assert "truncated" in outcome.reason


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"", UndecodableFile, "0 bytes"),
        (
            b"\r\n<!DOCTYPE html><html><body>Sign in</body></html>",
            UndecodableFile,
            "the server probably requires a sign-in",
        ),
        (b'{"error": "no"}', UndecodableFile, "JSON"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UndecodableFile, "SVG"),
        (bytes(5000), UndecodableFile, "zeros"),
        (b"GIF89a" + bytes(20), SkippedFile, "GIF"),
        (b"\x00\x00\x00\x20ftypmp42" + bytes(40), SkippedFile, "video"),
        (b"\x1aE\xdf\xa3" + bytes(40), SkippedFile, "video"),
        (b"RIFF\x00\x00\x00\x00AVI " + bytes(40), SkippedFile, "video"),
        (b"\xff\xd8\xff\xe0" + os.urandom(100), UndecodableFile, ""),
    ],
)  # fmt: skip
async def test_a_file_that_is_not_an_image_is_reported(
    decoders: DecoderPool, tmp_path: Path, data: bytes, kind: type, words: str
) -> None:
    outcome = await inspect(decoders, tmp_path, data)
    assert isinstance(outcome, kind), outcome
    assert not isinstance(outcome, DecodedImage)
    assert words in outcome.reason


def bomb(width: int, height: int) -> bytes:
    """A small PNG of very many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = zlib.compress(bytes((width * 3 + 1) * height), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


async def test_a_bomb_is_refused_before_it_is_decoded(
    decoders: DecoderPool, tmp_path: Path
) -> None:
    outcome = await inspect(decoders, tmp_path, bomb(13_350, 13_350))
    assert isinstance(outcome, UndecodableFile)
    assert "178 million pixels" in outcome.reason


async def test_a_child_out_of_memory_is_an_answer_and_the_next_picture_is_fine(
    tmp_path: Path,
) -> None:
    decoders = DecoderPool(processes=1, limits=DecodeLimits(memory_bytes=300 * 1024**2))
    try:
        outcome = await inspect(decoders, tmp_path, bomb(11_000, 11_000))
        assert isinstance(outcome, UndecodableFile), outcome
        assert "memory" in outcome.reason
        assert isinstance(
            await inspect(decoders, tmp_path, as_bytes(photograph(), "JPEG")), DecodedImage
        )
    finally:
        await decoders.close()


async def test_a_child_that_takes_too_long_is_ended_and_replaced(tmp_path: Path) -> None:
    decoders = DecoderPool(processes=1, limits=DecodeLimits(wall_s=0.01))
    try:
        outcome = await inspect(decoders, tmp_path, bomb(8000, 8000))
        assert isinstance(outcome, UndecodableFile)
        assert "longer than" in outcome.reason
        decoders.limits = DecodeLimits()
        assert isinstance(
            await inspect(decoders, tmp_path, as_bytes(photograph(), "JPEG")), DecodedImage
        )
    finally:
        await decoders.close()


@pytest.mark.skipif(
    not Path("/proc/self/limits").exists(), reason="only Linux shows the limits of a process"
)
async def test_a_child_has_a_limit_of_processor_time(tmp_path: Path) -> None:
    """The kernel ends a child that computes for too long, even if its parent has died."""
    decoders = DecoderPool(processes=1, limits=DecodeLimits(cpu_s=7, cpu_base_s=9))
    try:
        await inspect(decoders, tmp_path, as_bytes(photograph(), "JPEG"))
        [limit] = _list_processor_limits()
        assert limit.isdecimal(), limit
        assert 7 <= int(limit) <= 60
    finally:
        await decoders.close()


def _list_processor_limits() -> list[str]:
    """List the limits of the decoders of this process from the kernel: seconds, or `unlimited`."""
    limits = []
    for process in Path("/proc").iterdir():
        try:
            parent = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            if (
                int(parent) == os.getpid()
                and b"trapline.server.platform.imaging.decoder_process"
                in (process / "cmdline").read_bytes()
            ):
                shown = (process / "limits").read_text(encoding="utf-8").splitlines()
                limits += [line.split()[3] for line in shown if line.startswith("Max cpu time")]
        except OSError:
            continue
    return limits


async def test_exif_is_plain_and_bounded(decoders: DecoderPool, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "RECON\x00YX"
    exif[0x010E] = "x" * 50_000
    exif.get_ifd(0x8769)[0x9003] = "2021:04:11 20:43:09"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0)})
    picture = await inspect(decoders, tmp_path, as_bytes(photograph(), "JPEG", exif=exif))
    assert isinstance(picture, DecodedImage)
    assert picture.exif["DateTimeOriginal"] == "2021:04:11 20:43:09"
    assert picture.exif["GPSLatitude"] == [52.0, 30.0, 0.0]
    assert "\x00" not in picture.exif["Make"]
    assert len(picture.exif["ImageDescription"]) <= 1000


def names_in(folder: Path) -> set[str]:
    return {path.name.split(".upright")[0] for path in folder.iterdir()}


async def test_the_shared_pictures(decoders: DecoderPool, tmp_path: Path, samples: Path) -> None:
    outcomes = {}
    for path in sorted((samples / "images").glob("*.[jJbB]*")):
        outcomes[path.name] = await decoders.inspect(
            path, upright=tmp_path / f"{path.name}.upright.jpg"
        )
    broken = {name for name, outcome in outcomes.items() if not isinstance(outcome, DecodedImage)}
    assert broken == set()
    truncated = {
        name
        for name, outcome in outcomes.items()
        if isinstance(outcome, DecodedImage) and outcome.is_truncated
    }
    assert truncated == {"sn_african_elephants_truncated_file.jpg"}
    turned = outcomes["sn_african_elephants_with_exif_orientation.jpg"]
    assert isinstance(turned, DecodedImage)
    assert (turned.width, turned.height, turned.orientation, turned.upright_made) == (
        2048,
        1536,
        6,
        True,
    )
    assert names_in(tmp_path) == {
        "sn_african_elephants_with_exif_orientation.jpg", "sn_african_elephants_cmyk.jpg",
        "coral_dragonfly.bmp",
        "sn_african_elephants_truncated_file.jpg",
    }  # fmt: skip


def add_scans(jpeg: bytes, count: int) -> bytes:
    """Repeat the last scan of a progressive JPEG before its end."""
    start = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[start:-2] * count + jpeg[-2:]


async def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    one = as_bytes(photograph(64, 48), "JPEG", progressive=True)
    # A marker inside a comment is not the end of the image.
    hidden = one[:2] + b"\xff\xfe\x00\x04\xff\xd9" + one[2:]
    decoders = DecoderPool(processes=1)
    try:
        assert isinstance(await inspect(decoders, tmp_path, hidden), DecodedImage)
        assert isinstance(await inspect(decoders, tmp_path, add_scans(one, 20)), DecodedImage)
        for many in (add_scans(one, 20_000), add_scans(hidden, 20_000)):
            refused = await inspect(decoders, tmp_path, many)
            assert isinstance(refused, UndecodableFile)
            assert refused.reason == (
                "it is a progressive JPEG with more than 100 scans, which takes too long to "
                "decode; "
                "save it again as a baseline JPEG"
            )
        # Data behind the end, such as the video of a phone, is not read as scans.
        video = one + b"\xff\xda\x00\x02" * 1000
        assert isinstance(await inspect(decoders, tmp_path, video), DecodedImage)
    finally:
        await decoders.close()


async def test_a_decoder_cannot_write_files_without_limit(tmp_path: Path) -> None:
    decoders = DecoderPool(processes=1, limits=DecodeLimits(output_bytes=1000))
    try:
        refused = await inspect(decoders, tmp_path, as_bytes(photograph(), "BMP"))
        assert isinstance(refused, UndecodableFile)
        assert (
            refused.reason == "its copy, thumbnail or tiles would be a larger file than is allowed"
        )
        assert (tmp_path / "upright.jpg").stat().st_size <= 1000
    finally:
        await decoders.close()


async def test_a_decoder_that_reads_no_requests_does_not_block_the_server(tmp_path: Path) -> None:
    """A compromised decoder could send without reading, until the buffer of the socket is full."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    request = {"do": "inspect", "padding": "x" * 10_000}
    sent = 0
    with ours, theirs, (tmp_path / "file").open("wb") as file:

        async def send_many() -> None:
            nonlocal sent
            while sent < 1000:
                await send_without_blocking(ours, request, [file.fileno()])
                sent += 1

        sending = asyncio.create_task(send_many())
        await asyncio.sleep(0)
        assert not sending.done(), "the buffer is full"
        before = sent
        while not sending.done():
            received, files, _, _ = socket.recv_fds(theirs, 1 << 20, 250)
            assert received
            for descriptor in files:
                os.close(descriptor)
            await asyncio.sleep(0)
        assert (before < 1000, sent) == (True, 1000)
