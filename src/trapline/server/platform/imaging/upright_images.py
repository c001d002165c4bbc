"""Decoded images as upright RGB images, and as JPEG files. Only decoders use this module."""

import io
import os

from PIL import Image

from trapline.server.platform.imaging.file_types import SupportedFormat

TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def get_remaining_orientation(kind: SupportedFormat, orientation: int) -> int:
    """Return the orientation after loading: Pillow turns TIFF images upright when it loads them."""
    return 1 if kind.pillow_format == "TIFF" else orientation


def transpose(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image upright."""
    return image.transpose(TRANSPOSITIONS[orientation]) if orientation in TRANSPOSITIONS else image


def convert_to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB or grey with 8 bits; transparent parts become white."""
    if image.mode in ("RGB", "L"):
        return image
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit grey images when it converts them, but values of 12 or 16 bits must be
        # scaled.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layered = image.convert("RGBA")
        background = Image.new("RGB", layered.size, "white")
        background.paste(layered, mask=layered.getchannel("A"))
        return background
    return image.convert("RGB")


def find_profile(image: Image.Image) -> bytes | None:
    """Find the colour profile of an RGB image."""
    profile = image.info.get("icc_profile")
    return profile if image.mode == "RGB" and isinstance(profile, bytes) else None


def encode_jpeg(image: Image.Image, quality: int, icc_profile: bytes | None = None) -> memoryview:
    """Encode an image as a JPEG without metadata."""
    buffer = io.BytesIO()
    # Without these arguments Pillow copies the EXIF block and the comment of the original.
    image.save(
        buffer,
        "JPEG",
        quality=quality,
        optimize=False,
        exif=b"",
        comment=b"",
        icc_profile=icc_profile,
    )
    return buffer.getbuffer()


def save_jpeg(
    image: Image.Image, descriptor: int, quality: int, icc_profile: bytes | None = None
) -> None:
    """Write an image as a JPEG without metadata to an open file."""
    # Pillow writes to a descriptor without checking how many bytes were written.
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(encode_jpeg(image, quality, icc_profile))
