"""Credentials for users of a NATS server, signed with the key of their account.

The formats are those of JWTs and credential files in the documentation of NATS ("JWT claims",
"Decentralized JWT authentication").
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trapline.server.platform.network.nats_user import (
    ACCOUNT_KIND,
    USER_KIND,
    encode_nkey,
    encode_user_seed,
)

HINT_PREFIX = "trapline-hints"
UNLIMITED = -1
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


@dataclass(frozen=True)
class NatsAccount:
    """The key of an account, which signs the JWTs of its users."""

    key: Ed25519PrivateKey = field(repr=False)


@dataclass(frozen=True)
class NatsSubscriber:
    """A user that may only subscribe: its name in logs, its subjects, and its lifetime."""

    name: str
    subjects: Sequence[str]
    issued_at: datetime
    expires_at: datetime


def build_credentials(
    account: NatsAccount, user: Ed25519PrivateKey, subscriber: NatsSubscriber
) -> str:
    """Build the content of a credentials file."""
    claims: dict[str, Any] = {
        "exp": int(subscriber.expires_at.timestamp()),
        "iat": int(subscriber.issued_at.timestamp()),
        "iss": encode_nkey(bytes([ACCOUNT_KIND]), account.key.public_key().public_bytes_raw()),
        "name": subscriber.name,
        "sub": encode_nkey(bytes([USER_KIND]), user.public_key().public_bytes_raw()),
        "nats": {
            "type": "user",
            "version": 2,
            "pub": {"deny": [">"]},
            "sub": {"allow": list(subscriber.subjects)},
            "subs": UNLIMITED,
            "data": UNLIMITED,
            "payload": UNLIMITED,
        },
    }
    digest = hashlib.sha256(json.dumps(claims).encode()).digest()
    claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
    signed = ".".join(_encode(json.dumps(part).encode()) for part in (_HEADER, claims))
    jwt = f"{signed}.{_encode(account.key.sign(signed.encode()))}"
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{encode_user_seed(user)}\n"
        "------END USER NKEY SEED------\n"
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
