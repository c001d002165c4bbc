"""Signatures by the Standard Webhooks convention: what a request claims, and whether it holds. No
lookup, no clock.

The library of that name tries one secret at a time, decodes the body first, and raises what it does
not foresee for a malformed header: these are fewer lines than guarding it would be.
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
"""Between the attempts at a delivery; the last again and again until a day is over."""
ID, TIMESTAMP, SIGNATURE = b"webhook-id", b"webhook-timestamp", b"webhook-signature"
_ID = re.compile(rb"[!-\-/-~]{1,255}")
"""Printable, and no full stop: what is signed joins its parts with these."""
_TIMESTAMP = re.compile(rb"[1-9][0-9]{9,10}")


@dataclass(frozen=True)
class WebhookHeaders:
    """What the headers of a message say of it: its id, when it was signed, the digests that may be right."""

    id: bytes
    timestamp: bytes
    digests: Sequence[bytes]


def generate_secret() -> str:
    """Make a secret as the convention writes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def parse_headers(headers: Sequence[tuple[bytes, bytes]], now: float) -> WebhookHeaders | str:
    """Read what the headers claim, or say what is wrong with them; `now` in seconds since 1970."""
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
    """Read one signature; another version's, or a malformed one, holds for nobody."""
    version, _, encoded = part.partition(b",")
    try:
        return base64.b64decode(encoded, validate=True) if version == b"v1" else None
    except binascii.Error:
        return None


def sign_message(secret: str, message_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """Sign a message: 32 bytes, as base64 the part of the header behind `v1,`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return hmac.digest(key, b".".join((message_id, timestamp, body)), "sha256")


def verify_signature(delivery: WebhookHeaders, secrets: Sequence[str], body: bytes) -> bool:
    """Tell whether one of these secrets signed a message; every one is compared in constant time."""
    holds = False
    for secret in secrets:
        expected = sign_message(secret, delivery.id, delivery.timestamp, body)
        for digest in delivery.digests:
            holds |= hmac.compare_digest(expected, digest)
    return holds


def build_headers(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Make the headers of a message that each of these secrets signs; whoever reads them needs one that holds."""
    moment = str(timestamp)
    signatures = [
        f"v1,{base64.b64encode(sign_message(secret, message_id.encode(), moment.encode(), body)).decode()}"
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(signatures),
    }


def get_retry_delay(attempts: int, chance: float, asked_s: float = 0) -> float:
    """Tell how many seconds to wait after so many attempts that failed; `chance` from 0 to 1
    spreads the waits.

    A receiver may ask for longer by Retry-After (`asked_s`), up to the longest pause there is.
    """
    pause = PAUSES_S[min(attempts, len(PAUSES_S)) - 1]
    return max(pause * (0.8 + 0.4 * chance), min(asked_s, PAUSES_S[-1]))


def find_last_retry_delay(pause_s: float, left_s: float) -> float | None:
    """Shorten the last pause, so that one attempt is made as the day ends; None where it has ended."""
    return min(pause_s, left_s) if left_s > PAUSES_S[0] else None
