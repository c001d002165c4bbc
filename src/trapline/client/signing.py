"""Signatures of callbacks: the headers that an external pipeline sends.

The bytes that are signed must be the bytes that are sent: serialise the body once, sign it, send it
as it is.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

KEY_ID = "X-ML-Key-Id"
NONCE = "X-ML-Nonce"
SIGNATURE = "X-ML-Signature"
TIMESTAMP = "X-ML-Timestamp"
V2_FIRST_LINE = b"TRAPLINE-HMAC-V2"

Sign = Callable[[str, str, bytes], dict[str, str]]
"""Signer of a request: returns headers for its method, target and body."""


def build_message_v1(timestamp: bytes, body: bytes) -> bytes:
    """Build the message of a v1 signature: the timestamp, a dot, the body."""
    return timestamp + b"." + body


def build_message_v2(
    timestamp: bytes, nonce: bytes, method: bytes, path: bytes, query: bytes, body: bytes
) -> bytes:
    """Build the message of a v2 signature; `path` and `query` as in the request, without `?`."""
    digest = hashlib.sha256(body).hexdigest().encode()
    return b"\n".join((V2_FIRST_LINE, timestamp, nonce, method, path, query, digest))


def sign_v1(secret: str, body: bytes, *, clock: Callable[[], float] = time.time) -> dict[str, str]:
    """Sign a callback with the secret of its analysis, or the shared one; return the headers.

    `body` is the content to send, b"" for none. `clock` returns seconds since 1970.
    """
    timestamp = str(int(clock()))
    digest = hmac.digest(secret.encode(), build_message_v1(timestamp.encode(), body), "sha256")
    return {TIMESTAMP: timestamp, SIGNATURE: f"sha256={digest.hex()}"}


def sign_v2(
    key_id: str,
    secret: str,
    method: str,
    target: str,
    body: bytes,
    *,
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """Sign a callback with a service key and return the headers.

    Sign each attempt again, because a nonce is valid once.

    `target` is the path with its query exactly as it will be sent, such as `/api/analyses/ID?x=1`.
    """
    timestamp, nonce = str(int(clock())), secrets.token_hex(16)
    path, _, query = target.partition("?")
    message = build_message_v2(
        timestamp.encode(),
        nonce.encode(),
        method.upper().encode(),
        path.encode(),
        query.encode(),
        body,
    )
    digest = hmac.digest(secret.encode(), message, "sha256")
    return {KEY_ID: key_id, TIMESTAMP: timestamp, NONCE: nonce, SIGNATURE: f"v2={digest.hex()}"}


def build_secret_signer(secret: str) -> Sign:
    """Sign with v1: with the secret of an analysis, or the shared one."""
    return lambda _method, _target, body: sign_v1(secret, body)


def build_key_signer(key_id: str, secret: str) -> Sign:
    """Sign with v2: with a service key."""
    return lambda method, target, body: sign_v2(key_id, secret, method, target, body)
