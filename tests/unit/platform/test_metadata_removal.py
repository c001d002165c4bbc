"""Removal of metadata from image files; Pillow reads what is left."""

import io
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from trapline.server.platform.errors import NotFound
from trapline.server.platform.imaging.metadata_removal import strip_metadata

SECRET = "at the fig tree"


def make_image(kind: str, **options: Any) -> bytes:
    image = Image.effect_noise((60, 40), 80).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = SECRET
    exif.get_ifd(0x8825)[2] = (19.0, 0.0, 55.44)
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif, **options)
    return buffer.getvalue()


def decode(content: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(content)) as image:
        return image.size, image.convert("RGB").tobytes()


def with_png_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET)
    info.add_itxt("Description", SECRET)
    return make_image("PNG", pnginfo=info)


@pytest.mark.parametrize(
    "content",
    [
        make_image("JPEG"),
        make_image("JPEG", progressive=True, comment=SECRET.encode()),
        make_image("JPEG", optimize=True, xmp=f"<x>{SECRET}</x>".encode()),
        with_png_text(),
        make_image("WEBP", lossless=True, xmp=f"<x>{SECRET}</x>".encode()),
        make_image("WEBP", quality=60),
    ],
    ids=["jpeg", "progressive", "xmp", "png", "webp lossless", "webp"],
)
def test_pixels_are_kept_and_metadata_is_removed(content: bytes) -> None:
    assert SECRET.encode() in content
    stripped = strip_metadata(content)
    assert SECRET.encode() not in stripped
    assert decode(stripped) == decode(content)
    with Image.open(io.BytesIO(stripped)) as image:
        assert dict(image.getexif()) == {}
        assert not {"exif", "xmp", "comment", "Comment"} & image.info.keys()
    assert strip_metadata(stripped) == stripped


def test_images_and_bytes_after_the_first_image_are_removed() -> None:
    first, second = make_image("JPEG"), make_image("JPEG")
    for more in (second, b"\xff\xd9" + SECRET.encode() + b"\xff\xd9"):
        stripped = strip_metadata(first + more)
        assert stripped == strip_metadata(first)
        assert SECRET.encode() not in stripped


def test_a_hidden_text_in_a_segment_of_jfif_is_removed() -> None:
    content = make_image("JPEG")
    text = SECRET.encode()
    segment = b"\xff\xe0" + (len(text) + 2).to_bytes(2, "big") + text
    assert text not in strip_metadata(content[:2] + segment + content[2:])


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"II*\x00" + b"0" * 64])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(NotFound):
        strip_metadata(content)
