"""Write the tiles of a decoded image. Only decoders use this module."""

import os

from PIL import Image

from trapline.server.platform.imaging.tile_files import (
    HEADER,
    MAGIC,
    POSITION,
    TILE_SIDE,
    get_first_position,
    list_levels,
)
from trapline.server.platform.imaging.upright_images import encode_jpeg

TILE_QUALITY = 92


def write_tiles(image: Image.Image, descriptor: int) -> None:
    """Write the tiles of an upright image to an open file, in the format of `tile_files`.

    In addition to the image, memory holds at most two smaller levels and one tile.
    """
    levels = list_levels(image.width, image.height)
    positions = [get_first_position(levels)]
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.seek(positions[0])
        for number, level in enumerate(levels):
            if number:
                image = image.reduce(2)
            for row in range(level.rows):
                for column in range(level.columns):
                    left, top = column * TILE_SIDE, row * TILE_SIDE
                    right = min(left + TILE_SIDE, level.width)
                    bottom = min(top + TILE_SIDE, level.height)
                    tile = encode_jpeg(image.crop((left, top, right, bottom)), TILE_QUALITY)
                    file.write(tile)
                    positions.append(positions[-1] + len(tile))
        file.seek(0)
        file.write(HEADER.pack(MAGIC, levels[0].width, levels[0].height))
        file.write(b"".join(map(POSITION.pack, positions)))
