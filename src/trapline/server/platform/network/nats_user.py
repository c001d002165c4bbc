"""Users of a NATS server that prove themselves with a key instead of a password.

The formats are those of NKEYs and credential files in the documentation of NATS: base32 without
padding of a kind, the Ed25519 key and a CRC-16/XMODEM in little-endian order.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_KIND = 18 << 3
USER_KIND = 20 << 3
ACCOUNT_KIND = 0
_SEED = re.compile(r"^\s*(SU[A-Z2-7]{56})\s*$", re.MULTILINE)
_ACCOUNT_SEED = re.compile(r"SA[A-Z2-7]{56}")
_JWT = re.compile(
    r"^-+BEGIN NATS USER JWT-+\s+([\w-]+\.[\w-]+\.[\w-]+)\s+-+END NATS USER JWT-+", re.MULTILINE
)


@dataclass(frozen=True)
class NatsUser:
    """The key of a user, and the JWT of its account if the server uses accounts."""

    key: Ed25519PrivateKey
    jwt: str | None = None

    @property
    def public_key(self) -> str:
        """The public NKEY, by which a server without accounts knows the user."""
        return encode_nkey(bytes([USER_KIND]), self.key.public_key().public_bytes_raw())

    def sign(self, nonce: str) -> bytes:
        """Sign the challenge of a server; base64."""
        return base64.b64encode(self.key.sign(nonce.encode()))


def load_nats_user(path: Path) -> NatsUser:
    """Load a credentials file of NATS (a JWT and a seed), or a file with the seed of an NKEY.

    Raises:
        OSError: the file cannot be read.
        ValueError: it has no valid seed of a user.
    """
    text = path.read_text(encoding="utf-8")
    seed, jwt = _SEED.search(text), _JWT.search(text)
    if seed is None:
        raise ValueError(
            "the file contains no seed of a user (SU...), as `nsc generate creds` writes it"
        )
    return NatsUser(parse_user_seed(seed[1]), jwt[1] if jwt else None)


def parse_user_seed(seed: str) -> Ed25519PrivateKey:
    """Parse the seed of a user.

    Raises:
        ValueError: the checksum or the kind is wrong.
    """
    key = _parse_seed(seed, USER_KIND)
    if key is None:
        raise ValueError("the seed of the user is damaged")
    return key


def parse_account_seed(seed: str) -> Ed25519PrivateKey:
    """Parse the seed of an account.

    Raises:
        ValueError: it is not a seed of an account.
    """
    key = _parse_seed(seed.strip(), ACCOUNT_KIND) if _ACCOUNT_SEED.fullmatch(seed.strip()) else None
    if key is None:
        raise ValueError(
            "must be the seed of an account of the NATS server (SA...), as `nsc list keys "
            "--accounts --show-seeds` prints it"
        )
    return key


def _parse_seed(seed: str, wanted_kind: int) -> Ed25519PrivateKey | None:
    """Parse a seed; None if its checksum or its kind is wrong."""
    raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    checksum = int.from_bytes(raw[-2:], "little")
    kind = (raw[0] & 0xF8, (raw[0] & 7) << 5 | raw[1] >> 3)
    if binascii.crc_hqx(raw[:-2], 0) != checksum or kind != (SEED_KIND, wanted_kind):
        return None
    return Ed25519PrivateKey.from_private_bytes(raw[2:-2])


def encode_user_seed(key: Ed25519PrivateKey) -> str:
    """Encode the seed of a user."""
    kind = bytes([SEED_KIND | USER_KIND >> 5, (USER_KIND & 31) << 3])
    return encode_nkey(kind, key.private_bytes_raw())


def encode_nkey(kind: bytes, key: bytes) -> str:
    """Encode a key with its kind and checksum."""
    body = kind + key
    checksum = binascii.crc_hqx(body, 0).to_bytes(2, "little")
    return base64.b32encode(body + checksum).decode().rstrip("=")
