"""A PMTiles file with one tile of one colour for the whole world.

The format is version 3 of https://github.com/protomaps/PMTiles.
"""

import gzip
import io
import struct

from PIL import Image

_HEADER = struct.Struct("<7sB11Q6B4iB2i")
_PNG, _GZIP, _NONE = 2, 2, 1


def build_map_archive(colour: tuple[int, int, int]) -> bytes:
    """Build an archive whose only tile is a PNG at zoom 0."""
    out = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(out, "PNG")
    tile = out.getvalue()
    # A directory of one entry: number of entries, ID, run length, length, offset + 1, as varints.
    directory = gzip.compress(bytes([1, 0, 1]) + _encode_varint(len(tile)) + bytes([1]))
    metadata = gzip.compress(b"{}")
    first = _HEADER.size
    after_directory = first + len(directory)
    start = after_directory + len(metadata)
    sections = (first, len(directory), after_directory, len(metadata), start, 0, start, len(tile))
    bounds = (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    flags = (1, _GZIP, _NONE, _PNG, 0, 0)
    header = _HEADER.pack(b"PMTiles", 3, *sections, 1, 1, 1, *flags, *bounds, 0, 0, 0)
    return header + directory + metadata + tile


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
