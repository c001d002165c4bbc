"""Lease tokens identify one attempt at one task; they are signed, so none is stored."""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

MAC_BYTES = 16
_FORM = re.compile(
    r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"\.([1-9][0-9]{0,8})\.([\w-]{22})",
    re.ASCII,
)


@dataclass(frozen=True)
class LeaseTokenClaims:
    """The task and the attempt that a lease token identifies."""

    analysis_id: UUID
    attempt: int


def sign_lease_token(key: bytes, analysis_id: UUID, attempt: int) -> str:
    """Sign the token `<analysis id>.<attempt>.<MAC>`."""
    return f"{analysis_id}.{attempt}.{_mac(key, analysis_id, attempt)}"


def find_lease_claims(keys: Sequence[bytes], token: str) -> LeaseTokenClaims | None:
    """Return the claims of a token signed with one of these keys; None for any other text."""
    match = _FORM.fullmatch(token)
    if match is None:
        return None
    leased = LeaseTokenClaims(UUID(match[1]), int(match[2]))
    given = match[3].encode()
    fits = any(
        hmac.compare_digest(_mac(key, leased.analysis_id, leased.attempt).encode(), given)
        for key in keys
    )
    return leased if fits else None


def _mac(key: bytes, analysis_id: UUID, attempt: int) -> str:
    digest = hmac.digest(key, analysis_id.bytes + attempt.to_bytes(4, "big"), "sha256")
    return base64.urlsafe_b64encode(digest[:MAC_BYTES]).decode().rstrip("=")
