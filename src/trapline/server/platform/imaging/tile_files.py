"""The file with the tiles of a large image: a header, the positions of the tiles, and the tiles.

Level 0 has the size of the image, and each further level half the size of the one before, rounded
up. The last level is the smallest one that is larger than the largest thumbnail. The header is
MAGIC, the width and the height. The positions, in bytes from the start of the file, are ordered by
level, row and column, and the last one is the end of the file. Each tile is a JPEG. Numbers are
little-endian.
"""

import struct
from typing import NamedTuple

TILE_SIDE = 512
"""The sides of a tile in pixels of its level; those at the right and lower edge can be smaller."""
TILED_ABOVE = 30_000_000
"""Images with more pixels than this have tiles."""
LARGEST_THUMBNAIL = 1280
"""The longer side of the last level is above this."""
MAGIC = b"TLTILES1"
HEADER = struct.Struct("<8sII")
POSITION = struct.Struct("<Q")
RANGE = struct.Struct("<QQ")


class TileLevel(NamedTuple):
    """The size of a level in pixels."""

    width: int
    height: int

    @property
    def columns(self) -> int:
        """The number of tiles next to each other."""
        return -(-self.width // TILE_SIDE)

    @property
    def rows(self) -> int:
        """The number of rows of tiles."""
        return -(-self.height // TILE_SIDE)


class TileName(NamedTuple):
    """The level of a tile, and its place there from the upper left corner."""

    level: int
    column: int
    row: int


def has_tiles(width: int, height: int) -> bool:
    """Return whether an image of this size has tiles."""
    return width * height > TILED_ABOVE


def list_levels(width: int, height: int) -> list[TileLevel]:
    """List the levels of an image, the largest first."""
    levels = [TileLevel(width, height)]
    while max(width, height) > 2 * LARGEST_THUMBNAIL:
        width, height = -(-width // 2), -(-height // 2)
        levels.append(TileLevel(width, height))
    return levels


def count_tiles(levels: list[TileLevel]) -> int:
    """Count the tiles of some levels."""
    return sum(level.columns * level.rows for level in levels)


def get_first_position(levels: list[TileLevel]) -> int:
    """Return the position of the first tile, after the header and the positions."""
    return HEADER.size + POSITION.size * (count_tiles(levels) + 1)


def find_range_position(head: bytes, tile: TileName) -> int | None:
    """Find where a file has the positions of a tile and of the next one; None if it has no tile.

    `head` is the beginning of the file, at least its header.
    """
    _, width, height = HEADER.unpack_from(head)
    levels = list_levels(width, height)
    if tile.level >= len(levels):
        return None
    level = levels[tile.level]
    if tile.column >= level.columns or tile.row >= level.rows:
        return None
    number = count_tiles(levels[: tile.level]) + tile.row * level.columns + tile.column
    return HEADER.size + POSITION.size * number
