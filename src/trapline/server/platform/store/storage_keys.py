"""Storage keys, which only the server creates, and the signed URLs of files."""

import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode
from uuid import UUID

from trapline.server.platform.errors import NotFound

FILES = "files"
"""The purpose of the keys that sign URLs of files."""
ROUNDED_TO_S = 1800
DEFAULT_LIFETIME_S = 1800
"""With the rounding, a URL is valid for 30 to 60 minutes."""
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


READER = "for"
"""The query name of the user that a URL was created for."""


def sign_url(
    secrets: Sequence[bytes],
    public_url: str,
    key: str,
    now: float,
    *,
    lifetime_s: int = DEFAULT_LIFETIME_S,
    round_to_s: int = ROUNDED_TO_S,
    filename: str | None = None,
    reader: str | None = None,
) -> str:
    """Build a URL that returns a file without credentials until it expires.

    `now` is in seconds since 1970. The expiry is rounded up to the half hour, so that an image
    keeps its URL, and stays in the browser's cache, for half an hour. With `filename` the response
    is an attachment of that name. `reader` is the user that the URL is created for, if the server
    must know it when the file is read. The first of `secrets` signs.
    """
    expires = -(-(int(now) + lifetime_s) // round_to_s) * round_to_s
    named = "" if filename is None else f"&{urlencode({'filename': filename})}"
    named += "" if reader is None else f"&{urlencode({READER: reader})}"
    signature = _signature(secrets[0], "GET", key, str(expires), filename, reader)
    query = f"expires={expires}{named}&signature={signature}"
    return f"{public_url.rstrip('/')}/files/{quote(key)}?{query}"


def verify_signature(
    secrets: Sequence[bytes], method: str, key: str, query: Mapping[str, str], now: float
) -> bool:
    """Return whether one of `secrets` signed this request and it has not expired.

    A HEAD request counts as a GET request.
    """
    expires = query.get("expires", "")
    if is_expired(expires, now):
        return False
    method = "GET" if method == "HEAD" else method
    given = query.get("signature", "").encode()
    filename, reader = query.get("filename"), query.get(READER)
    return any(
        hmac.compare_digest(
            _signature(secret, method, key, expires, filename, reader).encode(), given
        )
        for secret in secrets
    )


def find_left(query: Mapping[str, str], now: float) -> int:
    """Return the seconds until a URL with a verified signature expires."""
    return max(0, int(query["expires"]) - int(now))


def is_expired(expires: str, now: float) -> bool:
    """Return whether an expiry has passed or is invalid."""
    return (
        not (expires.isascii() and expires.isdigit() and len(expires) <= 12) or int(expires) < now
    )


def _signature(
    secret: bytes,
    method: str,
    key: str,
    expires: str,
    filename: str | None,
    reader: str | None = None,
) -> str:
    parts = [method, key, expires, "" if filename is None else f"={filename}"]
    return sign_parts(secret, parts if reader is None else [*parts, f"={reader}"])


def sign_parts(secret: bytes, parts: Sequence[str]) -> str:
    """Sign a list of texts; other lists with the same concatenation have another signature."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.digest(secret, message, "sha256").hex()
