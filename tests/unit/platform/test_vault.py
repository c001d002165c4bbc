"""Secrets at rest open only in their own row, with a key of the right version."""

from uuid import UUID

import pytest

from trapline.server.platform.vault import (
    DecryptionError,
    SecretKeys,
    decrypt_secret,
    encrypt_secret,
)

ROW = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")


def test_opens_in_its_own_place_only() -> None:
    keys = SecretKeys({1: b"a" * 32})
    sealed = encrypt_secret(keys, "pässword", "pull_sources", ROW, "secrets")
    assert decrypt_secret(keys, sealed, "pull_sources", ROW, "secrets") == "pässword"
    assert b"ssword" not in sealed
    assert encrypt_secret(keys, "pässword", "pull_sources", ROW, "secrets") != sealed
    for place in (
        ("pull_sources", OTHER, "secrets"),
        ("webhooks", ROW, "secrets"),
        ("pull_sources", ROW, "other"),
    ):
        with pytest.raises(DecryptionError):
            decrypt_secret(keys, sealed, *place)
    for damaged in (b"", sealed[:5], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(DecryptionError):
            decrypt_secret(keys, damaged, "pull_sources", ROW, "secrets")


def test_keys_rotate_and_a_wrong_key_fails_closed() -> None:
    old = SecretKeys({1: b"a" * 32})
    both = SecretKeys({1: b"a" * 32, 2: b"b" * 32})
    sealed = encrypt_secret(old, "secret", "t", ROW, "c")
    assert decrypt_secret(both, sealed, "t", ROW, "c") == "secret"
    assert encrypt_secret(both, "secret", "t", ROW, "c")[0] == 2
    with pytest.raises(DecryptionError):
        decrypt_secret(SecretKeys({1: b"c" * 32}), sealed, "t", ROW, "c")
    with pytest.raises(DecryptionError):
        decrypt_secret(SecretKeys({2: b"b" * 32}), sealed, "t", ROW, "c")
    assert "aaaa" not in repr(old)
    assert both.derive("files") == both.derive_all("files")[0] != both.derive("cookies")


def test_weak_keys_are_refused() -> None:
    for keys in ({}, {1: b"short"}, {0: b"a" * 32}, {256: b"a" * 32}):
        with pytest.raises(ValueError, match="secret key"):
            SecretKeys(keys)
