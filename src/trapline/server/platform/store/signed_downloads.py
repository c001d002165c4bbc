"""Signed URLs of the server that return one file without credentials until they expire."""

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from trapline.server.platform.store.url_signatures import is_expired, sign_parts

ROUNDED_TO_S = 1800
DEFAULT_LIFETIME_S = 1800
"""With the rounding, a URL is valid for 30 to 60 minutes."""
READER = "for"
"""The query name of the user that a URL was created for."""


def sign_download(
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


def verify_download(
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


def get_remaining_seconds(query: Mapping[str, str], now: float) -> int:
    """Return the seconds until a URL expires whose signature was verified."""
    return max(0, int(query["expires"]) - int(now))


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
