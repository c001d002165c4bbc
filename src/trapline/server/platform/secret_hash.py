"""The hash of a random secret, so that the database stores no secret."""

import hashlib


def hash_secret(secret: str) -> bytes:
    """Hash a random secret of 32 bytes or more; passwords require a slow hash instead."""
    return hashlib.sha256(secret.encode()).digest()
