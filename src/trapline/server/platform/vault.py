"""Secrets: keys derived from the one secret key, and secrets at rest bound to their row."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
MIN_SECRET_BYTES = 32


class SecretColumn(NamedTuple):
    """A column of encrypted secrets in a table whose key is `id`."""

    table: str
    column: str


class DecryptionError(Exception):
    """A stored secret cannot be decrypted: the key or row differs, or its bytes were changed."""


@dataclass(frozen=True)
class SecretKeys:
    """The secret keys of the server by version, 1 to 255.

    The highest version encrypts; all versions decrypt.
    """

    by_version: Mapping[int, bytes] = field(repr=False)
    _derived: dict[tuple[str, int], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.by_version or not all(1 <= version <= 255 for version in self.by_version):
            raise ValueError("there must be a secret key, and its version must be 1 to 255")
        if any(len(secret) < MIN_SECRET_BYTES for secret in self.by_version.values()):
            raise ValueError(f"a secret key must have at least {MIN_SECRET_BYTES} bytes")

    @property
    def current(self) -> int:
        """The version that encrypts new secrets."""
        return max(self.by_version)

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        """Derive a key of 32 bytes for one purpose with HKDF (RFC 5869).

        Without a `version`, the key is derived from the current secret key.
        """
        chosen = self.current if version is None else version
        if (purpose, chosen) not in self._derived:
            derivation = HKDF(
                algorithm=SHA256(), length=32, salt=None, info=f"trapline:{purpose}".encode()
            )
            self._derived[purpose, chosen] = derivation.derive(self.by_version[chosen])
        return self._derived[purpose, chosen]

    def follow(self, purpose: str) -> "Sequence[bytes]":
        """Return the keys of one purpose as a sequence that follows changes of the secret keys."""
        return _DerivedKeys(self, purpose)

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """Derive the keys of one purpose from every secret key, the current first."""
        return tuple(
            self.derive(purpose, version) for version in sorted(self.by_version, reverse=True)
        )


@dataclass(frozen=True)
class _DerivedKeys(Sequence[bytes]):
    keys: SecretKeys
    purpose: str

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        return self.keys.derive_all(self.purpose)[index]

    def __len__(self) -> int:
        return len(self.keys.by_version)


def encrypt_secret(
    keys: SecretKeys, secret: str, table: str, row_id: UUID | int, column: str
) -> bytes:
    """Encrypt a secret so that it can be decrypted only in its row and column.

    The result is the key's version (one byte), the nonce and the AES-256-GCM ciphertext.
    """
    nonce = os.urandom(NONCE_BYTES)
    version = keys.current
    sealed = AESGCM(keys.derive("vault", version)).encrypt(
        nonce, secret.encode(), _place(table, row_id, column)
    )
    return bytes([version]) + nonce + sealed


def get_key_version(sealed: bytes) -> int:
    """Return the version of the secret key that encrypted a stored secret."""
    return sealed[0] if sealed else 0


def decrypt_secret(
    keys: SecretKeys, sealed: bytes, table: str, row_id: UUID | int, column: str
) -> str:
    """Decrypt a stored secret.

    Raises:
        DecryptionError: the key or row differs; the message contains nothing of the secret.
    """
    version, nonce, rest = (
        sealed[0] if sealed else 0,
        sealed[1 : 1 + NONCE_BYTES],
        sealed[1 + NONCE_BYTES :],
    )
    if version not in keys.by_version:
        raise DecryptionError(
            f"This secret was encrypted with version {version} of the secret key, which is not set "
            "here. Nothing was changed. Add that version to the server's secret keys."
        )
    try:
        opened = AESGCM(keys.derive("vault", version)).decrypt(
            nonce, rest, _place(table, row_id, column)
        )
    except (InvalidTag, ValueError) as error:
        raise DecryptionError(
            "A stored secret cannot be decrypted: the secret key differs, or the row was changed. "
            "Nothing was changed. Restore the secret key, or store the secret again."
        ) from error
    return opened.decode()


def _place(table: str, row_id: UUID | int, column: str) -> bytes:
    return f"{table}:{row_id}:{column}".encode()
