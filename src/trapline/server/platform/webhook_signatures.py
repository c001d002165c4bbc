"""Build and verify signatures of the Standard Webhooks convention.

The module reads neither the database nor the clock. The library `standardwebhooks` tries one secret
at a time, decodes the body first, and raises unexpected exceptions for malformed headers, so that
calling it safely would take more code.
"""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_S = 300
MOST_SIGNATURES = 10
PAUSES_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400)
"""The delays between attempts at a delivery; the last one repeats until a day has passed."""
ID, TIMESTAMP, SIGNATURE = b"webhook-id", b"webhook-timestamp", b"webhook-signature"
_ID = re.compile(rb"[!-\-/-~]{1,255}")
"""Printable ASCII without a full stop, because full stops join the parts of the signed message."""
_TIMESTAMP = re.compile(rb"[1-9][0-9]{9,10}")


@dataclass(frozen=True)
class WebhookHeaders:
    """The signature headers of a message: its ID, the time of signing, and its digests."""

    id: bytes
    timestamp: bytes
    digests: Sequence[bytes]


def generate_secret() -> str:
    """Generate a secret in the form that the convention requires."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def parse_headers(headers: Sequence[tuple[bytes, bytes]], now: float) -> WebhookHeaders | str:
    """Parse the signature headers, or return why they are invalid; `now` in seconds since 1970."""
    found = {}
    for wanted in (ID, TIMESTAMP, SIGNATURE):
        values = [value.strip(b" \t") for name, value in headers if name.lower() == wanted]
        if len(values) != 1:
            return (
                f"{wanted.decode()} is missing"
                if not values
                else f"{wanted.decode()} comes more than once"
            )
        found[wanted] = values[0]
    if not _ID.fullmatch(found[ID]):
        return "webhook-id has not the right form"
    if not _TIMESTAMP.fullmatch(found[TIMESTAMP]):
        return "webhook-timestamp is not whole seconds since 1970"
    if abs(int(found[TIMESTAMP]) - int(now)) > TOLERANCE_S:
        return "webhook-timestamp is too far from the server's clock"
    digests = [
        digest
        for part in found[SIGNATURE].split()[:MOST_SIGNATURES]
        if (digest := _read_digest(part))
    ]
    return WebhookHeaders(found[ID], found[TIMESTAMP], digests)


def _read_digest(part: bytes) -> bytes | None:
    """Return the digest of one signature; None for another version or a malformed one."""
    version, _, encoded = part.partition(b",")
    try:
        return base64.b64decode(encoded, validate=True) if version == b"v1" else None
    except binascii.Error:
        return None


def sign_message(secret: str, message_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """Sign a message; the header has these 32 bytes as base64 after `v1,`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return hmac.digest(key, b".".join((message_id, timestamp, body)), "sha256")


def verify_signature(delivery: WebhookHeaders, secrets: Sequence[str], body: bytes) -> bool:
    """Return whether one of these secrets signed a message, comparing each in constant time."""
    holds = False
    for secret in secrets:
        expected = sign_message(secret, delivery.id, delivery.timestamp, body)
        for digest in delivery.digests:
            holds |= hmac.compare_digest(expected, digest)
    return holds


def build_headers(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Build the headers of a message with one signature per secret; the receiver needs one."""
    moment = str(timestamp)
    signatures = [
        base64.b64encode(sign_message(secret, message_id.encode(), moment.encode(), body)).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def get_retry_delay(attempts: int, chance: float, asked_s: float = 0) -> float:
    """Return how many seconds to wait after a number of failed attempts.

    `chance`, from 0 to 1, spreads the waits. A receiver can ask for a longer wait with Retry-After
    (`asked_s`), up to the longest delay.
    """
    pause = PAUSES_S[min(attempts, len(PAUSES_S)) - 1]
    return max(pause * (0.8 + 0.4 * chance), min(asked_s, PAUSES_S[-1]))


def find_last_retry_delay(pause_s: float, left_s: float) -> float | None:
    """Shorten the last delay to the end of the day; return None if the day is over."""
    return min(pause_s, left_s) if left_s > PAUSES_S[0] else None
