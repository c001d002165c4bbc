"""Map tiles of the operator's choice: a PMTiles file of this machine, or a URL."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

TILES_PATH = "map-tiles/area.pmtiles"
"""Path at which the server serves the file of the operator, without its first slash."""

# Only these characters, because the host becomes a part of the Content-Security-Policy.
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/[^\s\"'<>\\]+", re.ASCII)
_EXPECTED = (
    "must be the path or the URL of a .pmtiles file, or a URL with {z}, {x} and {y}, "
    "such as https://tiles.example.org/{z}/{x}/{y}.png"
)
_MAGIC = b"PMTiles\x03"


@dataclass(frozen=True)
class MapTiles:
    """The tiles below the circles of a map.

    `kind` is "archive" for a PMTiles file, and otherwise the content of the tiles. `file` is set
    if the server itself serves the archive.
    """

    url: str
    kind: Literal["archive", "raster", "vector"]
    attribution: str = ""
    file: Path | None = None

    @property
    def origin(self) -> str | None:
        """The other host that browsers load tiles from; None if it is this server."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


def parse_map_tiles(value: str, attribution: str = "") -> MapTiles:
    """Parse the path or URL of tiles; the file is not opened.

    Raises:
        ValueError: the value is neither; the message says what is accepted.
    """
    if "://" not in value:
        if not value.endswith(".pmtiles"):
            raise ValueError(_EXPECTED)
        return MapTiles(f"/{TILES_PATH}", "archive", attribution, Path(value))
    if not _URL.fullmatch(value):
        raise ValueError(_EXPECTED)
    path = urlsplit(value).path
    if all(part in value for part in ("{z}", "{x}", "{y}")):
        is_vector = path.endswith((".pbf", ".mvt"))
        return MapTiles(value, "vector" if is_vector else "raster", attribution)
    if path.endswith(".pmtiles"):
        return MapTiles(value, "archive", attribution)
    raise ValueError(_EXPECTED)


def require_archive(file: Path) -> None:
    """Require that a file can be read and is a PMTiles archive of version 3.

    Raises:
        ValueError: it is not; the message names the file.
        OSError: it cannot be read.
    """
    with file.open("rb") as archive:
        if archive.read(len(_MAGIC)) != _MAGIC:
            raise ValueError(f"{file} is not a PMTiles file of version 3")
