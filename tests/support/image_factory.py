"""Images created for tests, each with different bytes."""

import io
import struct
import zlib
from collections.abc import Iterator
from datetime import datetime

from PIL import Image


def make_jpeg(
    seed: int = 0,
    *,
    taken: datetime | None = None,
    orientation: int | None = None,
    size: tuple[int, int] = (64, 48),
) -> bytes:
    """Make a small JPEG; `seed` colours it, `taken` and `orientation` go into its EXIF."""
    image = Image.new("RGB", size, (seed % 256, seed // 256 % 256, 90))
    exif = Image.Exif()
    exif[0x010E] = f"picture {seed}"
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken.strftime("%Y:%m:%d %H:%M:%S")
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def make_bomb(width: int, height: int) -> Iterator[bytes]:
    """Generate a small PNG with very many pixels in pieces: all rows would not fit into memory."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    yield b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    )
    packing, row = zlib.compressobj(9), bytes(width * 3 + 1)
    for _ in range(height):
        if packed := packing.compress(row):
            yield chunk(b"IDAT", packed)
    yield chunk(b"IDAT", packing.flush()) + chunk(b"IEND", b"")


def make_png(size: tuple[int, int] = (20, 10), shade: int = 128) -> bytes:
    """Make a small grey PNG."""
    buffer = io.BytesIO()
    Image.new("L", size, shade).save(buffer, "PNG")
    return buffer.getvalue()


def make_large_image(size: tuple[int, int] = (8000, 5200)) -> Image.Image:
    """Make an image of more than 40 megapixels; every part has another colour and pattern.

    It has stripes of 3 pixels, which a smaller copy does not show.
    """
    wide = Image.linear_gradient("L").rotate(90).resize(size)
    high = Image.linear_gradient("L").resize(size)
    noise = Image.effect_noise((size[0] // 40, size[1] // 40), 60).resize(size)
    stripes = (bytes([60] * 3 + [160] * 3) * (size[0] // 6 + 1))[: size[0]]
    striped = Image.frombytes("L", (size[0], 1), stripes).resize(size, Image.Resampling.NEAREST)
    merged = Image.merge("RGB", (wide, high, noise))
    return Image.blend(merged, striped.convert("RGB"), 0.4)
