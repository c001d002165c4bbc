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
    """A secret at rest cannot be opened: another secret key, another row, or changed bytes."""


@dataclass(frozen=True)
class SecretKeys:
    """The secret keys of the server by version, 1 to 255; the highest is used for what is new, all open the old."""

    by_version: Mapping[int, bytes] = field(repr=False)
    _derived: dict[tuple[str, int], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.by_version or not all(1 <= version <= 255 for version in self.by_version):
            raise ValueError("there must be a secret key, and its version be 1 to 255")
        if any(len(secret) < MIN_SECRET_BYTES for secret in self.by_version.values()):
            raise ValueError(f"a secret key must have at least {MIN_SECRET_BYTES} bytes")

    @property
    def current(self) -> int:
        """The version that is used for what is new."""
        return max(self.by_version)

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        """Derive a key of 32 bytes for one purpose (HKDF, RFC 5869), from the current secret key unless told."""
        chosen = self.current if version is None else version
        if (purpose, chosen) not in self._derived:
            derivation = HKDF(
                algorithm=SHA256(), length=32, salt=None, info=f"trapline:{purpose}".encode()
            )
            self._derived[purpose, chosen] = derivation.derive(self.by_version[chosen])
        return self._derived[purpose, chosen]

    def follow(self, purpose: str) -> "Sequence[bytes]":
        """Derive the keys of one purpose, as `derive_all` does, anew whenever they are looked at."""
        return _Followed(self, purpose)

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """Derive the keys of one purpose from every secret key, the current first."""
        return tuple(
            self.derive(purpose, version) for version in sorted(self.by_version, reverse=True)
        )


@dataclass(frozen=True)
class _Followed(Sequence[bytes]):
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
    """Encrypt a secret so that it opens only in its own row and column: version byte, nonce, AES-256-GCM."""
    nonce = os.urandom(NONCE_BYTES)
    version = keys.current
    sealed = AESGCM(keys.derive("vault", version)).encrypt(
        nonce, secret.encode(), _place(table, row_id, column)
    )
    return bytes([version]) + nonce + sealed


def get_key_version(sealed: bytes) -> int:
    """Tell with which version of the secret key a secret at rest was sealed."""
    return sealed[0] if sealed else 0


def decrypt_secret(
    keys: SecretKeys, sealed: bytes, table: str, row_id: UUID | int, column: str
) -> str:
    """Open a secret at rest. Raises WrongKey; nothing of the secret is in the message."""
    version, nonce, rest = (
        sealed[0] if sealed else 0,
        sealed[1 : 1 + NONCE_BYTES],
        sealed[1 + NONCE_BYTES :],
    )
    if version not in keys.by_version:
        raise DecryptionError(
            f"This secret was sealed with version {version} of the secret key, which is not set here."
        )
    try:
        opened = AESGCM(keys.derive("vault", version)).decrypt(
            nonce, rest, _place(table, row_id, column)
        )
    except (InvalidTag, ValueError) as error:
        raise DecryptionError(
            "A stored secret does not open: the secret key differs, or the row was tampered with."
        ) from error
    return opened.decode()


def _place(table: str, row_id: UUID | int, column: str) -> bytes:
    return f"{table}:{row_id}:{column}".encode()
