"""Storage keys, which only the server makes, and the signed addresses they are served under."""

import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode
from uuid import UUID

from trapline.server.platform.errors import NotFound

FILES = "files"
"""The purpose of the keys that sign addresses of files."""
ROUNDED_TO_S = 1800
DEFAULT_LIFETIME_S = 1800
"""With the rounding an address is good for 30 to 60 minutes."""
THUMBNAIL_SIZES = (320, 1280)

# No part is `.` or `..`; that of an artifact may begin with a dot, for its uploader named it.
_PART = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9_.\-]{1,255}\Z")
_UPLOADS = "ml_outputs"
_STAGED = "staged"


def build_original_key(project_id: int, sha256: str) -> str:
    """Name the place of an original: the same bytes in a project have one place, so storing twice is storing once."""
    return f"originals/{project_id}/{sha256[:2]}/{sha256}"


def build_upright_key(project_id: int, sha256: str) -> str:
    """Name the place of the upright JPEG copy of an original that no browser or model should have
    to turn.

    Like the original's it is named by what it was made of, so that an import that is done again
    leaves nothing behind.
    """
    return f"upright/{project_id}/{sha256[:2]}/{sha256}.jpg"


def build_thumbnail_key(image_id: UUID, size: int) -> str:
    """Name the place of a thumbnail whose longer side is at most `size` pixels."""
    return f"thumbs/{image_id}/{size}.jpg"


def build_staged_key(project_id: int, file_id: UUID) -> str:
    """Name the place of a picture that was announced, until it is imported."""
    return f"{_STAGED}/{project_id}/{file_id}"


def build_export_key(project_id: int, export_id: UUID, attempt: int) -> str:
    """Name the place of an export's file; each attempt at it has its own, so that one that lost harms no other."""
    return f"exports/{project_id}/{export_id}-{attempt}"


def build_import_key(project_id: int, import_id: UUID) -> str:
    """Name the place of a file of results, until it is taken in."""
    return f"imports/{project_id}/{import_id}"


def sha256_of(key: str) -> str | None:
    """The SHA-256 that an original must have, in hexadecimal; None for any other file.

    Raises NotFound for no key.
    """
    parts = parse_key(key)
    return parts[-1] if parts[0] == "originals" and len(parts) == 4 else None


def is_staged(key: str) -> bool:
    """Tell whether a key is that of an announced picture. Raises NotFound for what is no key."""
    parts = parse_key(key)
    return parts[0] == _STAGED and len(parts) == 3


def is_artifact(key: str) -> bool:
    """Tell whether a key is an artifact's: an outsider uploaded it, or may.

    Raises NotFound for what is no key.
    """
    parts = parse_key(key)
    return parts[0] == _UPLOADS and len(parts) == 3


def parse_project_id(key: str) -> int:
    """Tell of which project an original or its upright copy is.

    Raises NotFound for any other key.
    """
    parts = parse_key(key)
    if parts[0] not in ("originals", "upright") or not parts[1].isdecimal():
        raise NotFound
    return int(parts[1])


def parse_key(key: str) -> tuple[str, ...]:
    """Split a storage key into its checked parts; raises NotFound for anything that the server did not make."""
    parts = tuple(key.split("/"))
    if len(key) > 500 or not all(_PART.match(part) for part in parts):
        raise NotFound
    return parts


READER = "for"
"""The part of an address that says to whom it was given."""


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
    """Make an address that needs no header until it expires.

    `now` in seconds since 1970. The expiry is rounded up to the half hour, so that the same picture
    keeps its address, and its place in the browser's cache, for half an hour. With `filename` it is
    answered as an attachment of that name. `reader` is to whom it is given, where that is to be
    known when the file is read. The first of `secrets` signs.
    """
    expires = -(-(int(now) + lifetime_s) // round_to_s) * round_to_s
    named = "" if filename is None else f"&{urlencode({'filename': filename})}"
    named += "" if reader is None else f"&{urlencode({READER: reader})}"
    signature = _signature(secrets[0], "GET", key, str(expires), filename, reader)
    return f"{public_url.rstrip('/')}/files/{quote(key)}?expires={expires}{named}&signature={signature}"


def verify_signature(
    secrets: Sequence[bytes], method: str, key: str, query: Mapping[str, str], now: float
) -> bool:
    """Tell whether this very request was signed by one of `secrets` and has not expired; a HEAD counts as its GET."""
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
    """The seconds until an address expires whose signature was verified."""
    return max(0, int(query["expires"]) - int(now))


def is_expired(expires: str, now: float) -> bool:
    """Tell whether an expiry has passed, or is none."""
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
    """Sign texts so that none of them can be taken for a part of another."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.digest(secret, message, "sha256").hex()
