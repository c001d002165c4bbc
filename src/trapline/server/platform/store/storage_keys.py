"""Storage keys of files, which only the server creates."""

import re
from uuid import UUID

from trapline.server.platform.errors import NotFound

THUMBNAIL_SIZES = (320, 1280)

# No part is `.` or `..`. The client names artifacts, so their part may begin with a dot.
_PART = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.\-]{1,255}\Z")
_UPLOADS = "ml_outputs"
_STAGED = "staged"
_TILES = "tiles"


def build_original_key(project_id: int, sha256: str) -> str:
    """Build the key of an original; the same content has the same key within a project."""
    return f"originals/{project_id}/{sha256[:2]}/{sha256}"


def build_upright_key(project_id: int, sha256: str) -> str:
    """Build the key of the upright JPEG copy of an original.

    It depends only on the original's content, so that a repeated import leaves no other files.
    """
    return f"upright/{project_id}/{sha256[:2]}/{sha256}.jpg"


def build_tiles_key(project_id: int, sha256: str) -> str:
    """Build the key of the file with the tiles of a large original (see `tile_files`).

    It depends only on the original's content, so that images with the same bytes share the file.
    """
    return f"{_TILES}/{project_id}/{sha256[:2]}/{sha256}"


def build_thumbnail_key(image_id: UUID, size: int) -> str:
    """Build the key of a thumbnail whose longer side has at most `size` pixels."""
    return f"thumbs/{image_id}/{size}.jpg"


def build_staged_key(project_id: int, file_id: UUID) -> str:
    """Build the key of an uploaded image that is not imported yet."""
    return f"{_STAGED}/{project_id}/{file_id}"


def build_export_key(project_id: int, export_id: UUID, attempt: int) -> str:
    """Build the key of an export's file; each attempt has another key, so they do not conflict."""
    return f"exports/{project_id}/{export_id}-{attempt}"


def build_import_key(project_id: int, import_id: UUID) -> str:
    """Build the key of a file of results that is not imported yet."""
    return f"imports/{project_id}/{import_id}"


def sha256_of(key: str) -> str | None:
    """Return the SHA-256 in the key of an original, in hexadecimal; None for other files.

    Raises:
        NotFound: the key is invalid.
    """
    parts = parse_key(key)
    return parts[-1] if parts[0] == "originals" and len(parts) == 4 else None


def is_staged(key: str) -> bool:
    """Return whether a key is that of an uploaded image before its import.

    Raises:
        NotFound: the key is invalid.
    """
    parts = parse_key(key)
    return parts[0] == _STAGED and len(parts) == 3


def is_tiles(key: str) -> bool:
    """Return whether a key is that of a file of tiles.

    Raises:
        NotFound: the key is invalid.
    """
    parts = parse_key(key)
    return parts[0] == _TILES and len(parts) == 4


def is_artifact(key: str) -> bool:
    """Return whether a key is that of an artifact, which clients upload.

    Raises:
        NotFound: the key is invalid.
    """
    parts = parse_key(key)
    return parts[0] == _UPLOADS and len(parts) == 3


def parse_project_id(key: str) -> int:
    """Return the project of an original, of its upright copy, or of its tiles.

    Raises:
        NotFound: the key is that of another file, or it is invalid.
    """
    parts = parse_key(key)
    if parts[0] not in ("originals", "upright", _TILES) or not parts[1].isdecimal():
        raise NotFound
    return int(parts[1])


def parse_key(key: str) -> tuple[str, ...]:
    """Split a storage key into its parts.

    Raises:
        NotFound: the key is not one that the server creates.
    """
    parts = tuple(key.split("/"))
    if len(key) > 500 or not all(_PART.match(part) for part in parts):
        raise NotFound
    return parts
