"""Signatures and expiry of the signed URLs of files."""

import hmac
from collections.abc import Sequence

FILES = "files"
"""The purpose of the keys that sign URLs of files."""


def sign_parts(secret: bytes, parts: Sequence[str]) -> str:
    """Sign a list of texts; other lists with the same concatenation have another signature."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.digest(secret, message, "sha256").hex()


def is_expired(expires: str, now: float) -> bool:
    """Return whether an expiry has passed or is invalid."""
    return (
        not (expires.isascii() and expires.isdigit() and len(expires) <= 12) or int(expires) < now
    )
