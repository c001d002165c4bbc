"""EXIF as plain JSON values of limited size, for any content of the file."""

import math
from typing import Any

from PIL import Image
from PIL.ExifTags import GPSTAGS, IFD, TAGS

MAX_TAGS = 200
MAX_TEXT = 1000
MAX_ITEMS = 16
MAX_JSON_CHARACTERS = 32_768

_BULKY = {
    "MakerNote",
    "PrintImageMatching",
    "XMLPacket",
    "ImageResources",
    "InterColorProfile",
    "JPEGTables",
    "XPKeywords",
}
_STRUCTURE = {
    "ExifOffset",
    "GPSInfo",
    "InteropOffset",
    "StripOffsets",
    "StripByteCounts",
    "TileOffsets",
    "TileByteCounts",
}


def parse_exif(image: Image.Image) -> dict[str, Any]:
    """Read the TIFF tags, the EXIF and the GPS block of an image as a JSON object by tag name.

    A broken block is left out, so that no image is refused because of its EXIF. Texts have no NUL
    characters, and all numbers are finite.
    """
    found: dict[str, Any] = {}
    try:
        exif = image.getexif()
        blocks: list[tuple[dict[int, Any], dict[int, str]]] = [
            (dict(exif), TAGS),
            (exif.get_ifd(IFD.Exif), TAGS),
            (exif.get_ifd(IFD.GPSInfo), GPSTAGS),
        ]
    except Exception:
        # Pillow raises any kind of exception here, and the image itself may be intact.
        return found
    for block, names in blocks:
        for tag, value in block.items():
            name = names.get(tag)
            if name is None or name in _BULKY or name in _STRUCTURE or len(found) >= MAX_TAGS:
                continue
            plain = to_json_value(value)
            if plain is not None:
                found[name] = plain
    return _bounded(found)


def parse_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 to 8; 1 if it is missing or invalid."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:
        # Pillow raises any kind of exception here.
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def to_json_value(value: Any) -> Any:
    """Convert an EXIF value to JSON; return None for a value without information."""
    if isinstance(value, bool | int) and abs(int(value)) < 2**63:
        return int(value)
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace") if value.isascii() else None
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, tuple | list):
        items = [to_json_value(item) for item in value[:MAX_ITEMS]]
        return [item for item in items if item is not None] or None
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _plain_text(value: str) -> str | None:
    kept = "".join(
        character for character in value if character.isprintable() or character in "\n\t"
    )
    return kept.encode("utf-8", "replace").decode().strip()[:MAX_TEXT] or None


def _bounded(found: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    characters = 0
    for name, value in found.items():
        characters += len(name) + len(str(value)) + 8
        if characters > MAX_JSON_CHARACTERS:
            break
        kept[name] = value
    return kept
