"""Cheap password hashes: a hash with the default parameters takes 0.25 s of processor time."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from trapline.server.accounts.rules import passwords


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash with the smallest parameters; the acceptance tests hash with those of the server."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(1, 8, 1))
    passwords._get_unusable_hash.cache_clear()
    yield
    passwords._get_unusable_hash.cache_clear()
