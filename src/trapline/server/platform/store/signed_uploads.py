"""Signed URLs of the server that accept one upload with the signed properties."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from trapline.server.platform.errors import NotFound, PayloadTooLarge
from trapline.server.platform.store.storage_keys import is_artifact, is_staged
from trapline.server.platform.store.url_signatures import is_expired, sign_parts


@dataclass(frozen=True)
class UploadSpec:
    """The required properties of an upload: media type, size or largest size in bytes, SHA-256."""

    media_type: str
    at_most: int
    size: int | None = None
    sha256: str | None = None


def require_uploadable(key: str, size: int | None, at_most: int) -> None:
    """Require that an upload URL for this key and size may be created.

    Raises:
        NotFound: files with such a key are not uploaded by clients.
        PayloadTooLarge: the size is above the limit.
    """
    if not _is_uploadable(key):
        raise NotFound
    if size is not None and size > at_most:
        raise PayloadTooLarge(
            f"This file can have at most {at_most:,} bytes, but it has {size:,}. "
            "Nothing was changed. Send a smaller file."
        )


def sign_upload(
    secrets: Sequence[bytes], public_url: str, key: str, announced: UploadSpec, expires: int
) -> str:
    """Build a URL that accepts only this upload until `expires`, in seconds since 1970."""
    require_uploadable(key, announced.size, announced.at_most)
    query = {
        "expires": str(expires),
        "type": announced.media_type,
        "at_most": str(announced.at_most),
    }
    if announced.size is not None:
        query["size"] = str(announced.size)
    if announced.sha256 is not None:
        query["sha256"] = announced.sha256.lower()
    query["signature"] = _signature(secrets[0], key, query)
    return f"{public_url.rstrip('/')}/files/{quote(key)}?{urlencode(query)}"


def find_upload_spec(
    secrets: Sequence[bytes], key: str, query: Mapping[str, str], now: float
) -> UploadSpec | None:
    """Return the upload that a URL allows.

    Returns None if none of `secrets` signed the URL, if it has expired, or if clients do not upload
    such files.
    """
    given = query.get("signature", "").encode()
    known = any(
        hmac.compare_digest(_signature(secret, key, query).encode(), given) for secret in secrets
    )
    if not known or is_expired(query["expires"], now) or not _is_uploadable(key):
        return None
    size = query.get("size")
    return UploadSpec(
        query["type"],
        int(query["at_most"]),
        None if size is None else int(size),
        query.get("sha256"),
    )


def _is_uploadable(key: str) -> bool:
    return is_artifact(key) or is_staged(key)


def _signature(secret: bytes, key: str, query: Mapping[str, str]) -> str:
    fields = ("expires", "type", "at_most", "size", "sha256")
    return sign_parts(
        secret, ["PUT", key, *(f"={query[name]}" if name in query else "" for name in fields)]
    )
