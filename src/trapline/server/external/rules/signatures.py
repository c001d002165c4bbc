"""Verification of callback signatures, without queries and without a clock.

Each failure has a reason for the log and the signature checker; the sender always receives the same
error.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

_TIMESTAMP = re.compile(rb"[1-9][0-9]{9,10}")
_NONCE = re.compile(rb"[0-9a-fA-F]{32}")
_KEY_ID = re.compile(rb"[A-Za-z0-9_.\-]{1,255}")
_HEX = re.compile(rb"[0-9a-fA-F]{64}")
MOST_SIGNATURES = 4

SIGNATURE, TIMESTAMP, KEY_ID, NONCE = (
    b"x-ml-signature",
    b"x-ml-timestamp",
    b"x-ml-key-id",
    b"x-ml-nonce",
)
HEADERS = frozenset({SIGNATURE, TIMESTAMP, KEY_ID, NONCE})


class SignatureFailure(StrEnum):
    """The reason why a signature is not valid."""

    MISSING_HEADER = "a header is missing"
    REPEATED_HEADER = "a header comes more than once"
    MALFORMED_TIMESTAMP = "the timestamp is not whole seconds since 1970"
    OUTSIDE_SKEW = "the timestamp is too far from the server's clock"
    MALFORMED_SIGNATURE = "the signature is malformed"
    TOO_MANY_SIGNATURES = "there are too many signatures"
    MALFORMED_NONCE = "the nonce is not 32 hexadecimal digits"
    MALFORMED_KEY_ID = "the key ID is malformed"
    UNKNOWN_KEY = "no active key has this id"
    OLD_VERSION = "the server accepts version 2 only"
    UNVERIFIABLE = "the server accepts no secret for this signature"
    MISMATCH = "the signature does not match this request"


class BadSignature(Exception):
    """The signature is not valid; `reason` is only for authorised readers."""

    def __init__(self, reason: SignatureFailure) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class SignatureClaim:
    """The parsed headers of a signed request.

    It holds the possible digests, as bytes; `key_id` and `nonce` are in v2 only.
    """

    version: int
    timestamp: bytes
    digests: Sequence[bytes]
    key_id: bytes = b""
    nonce: bytes = b""


def has_signature(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request claims to be signed."""
    return any(name.lower() in HEADERS for name, _ in headers)


def parse_claim(
    headers: Sequence[tuple[bytes, bytes]], now: float, skew_s: float, min_version: int
) -> SignatureClaim:
    """Parse the headers of a signed request, before its body is read.

    `now` is in seconds since 1970; the skew is inclusive.

    Raises:
        BadSignature: the headers are not valid.
    """
    signature = _only(headers, SIGNATURE)
    timestamp = _only(headers, TIMESTAMP)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature(SignatureFailure.MALFORMED_TIMESTAMP)
    if abs(int(timestamp) - int(now)) > skew_s:
        raise BadSignature(SignatureFailure.OUTSIDE_SKEW)
    elements = [part.strip(b" \t") for part in signature.split(b",")]
    if len(elements) > MOST_SIGNATURES:
        raise BadSignature(SignatureFailure.TOO_MANY_SIGNATURES)
    if any(element.startswith(b"v2=") for element in elements):
        return _read_v2(
            headers, timestamp, [element for element in elements if element.startswith(b"v2=")]
        )
    if min_version > 1:
        raise BadSignature(SignatureFailure.OLD_VERSION)
    return SignatureClaim(1, timestamp, _digests(elements, b"sha256="))


def _read_v2(
    headers: Sequence[tuple[bytes, bytes]], timestamp: bytes, elements: list[bytes]
) -> SignatureClaim:
    key_id, nonce = _only(headers, KEY_ID), _only(headers, NONCE)
    if not _KEY_ID.fullmatch(key_id):
        raise BadSignature(SignatureFailure.MALFORMED_KEY_ID)
    if not _NONCE.fullmatch(nonce):
        raise BadSignature(SignatureFailure.MALFORMED_NONCE)
    return SignatureClaim(2, timestamp, _digests(elements, b"v2="), key_id, nonce)


def _only(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    values = [value for key, value in headers if key.lower() == name]
    if not values:
        raise BadSignature(SignatureFailure.MISSING_HEADER)
    if len(values) > 1:
        raise BadSignature(SignatureFailure.REPEATED_HEADER)
    return values[0].strip(b" \t")


def _digests(elements: Sequence[bytes], prefix: bytes) -> list[bytes]:
    digests = []
    for element in elements:
        if not element.startswith(prefix) or not _HEX.fullmatch(element[len(prefix) :]):
            raise BadSignature(SignatureFailure.MALFORMED_SIGNATURE)
        digests.append(bytes.fromhex(element[len(prefix) :].decode()))
    return digests


def build_message(
    claim: SignatureClaim, method: bytes, path: bytes, query: bytes, body: bytes
) -> bytes:
    """Build the message that the signature of this request covers."""
    if claim.version == 1:
        return claim.timestamp + b"." + body
    return _message_v2(claim, (method, path, query), hashlib.sha256(body).hexdigest())


def _message_v2(
    claim: SignatureClaim, lines: tuple[bytes, bytes, bytes], body_sha256: str
) -> bytes:
    return b"\n".join(
        (b"TRAPLINE-HMAC-V2", claim.timestamp, claim.nonce, *lines, body_sha256.encode())
    )


class SignatureVerifier:
    """Computes the signature of a request while its body arrives, for each possible secret."""

    def __init__(
        self,
        claim: SignatureClaim,
        secrets: Sequence[bytes],
        method: bytes,
        path: bytes,
        query: bytes,
    ) -> None:
        self._claim = claim
        self._secrets = secrets
        self._lines = (method, path, query)
        self._body = hashlib.sha256()
        self._v1 = [
            hmac.new(secret, claim.timestamp + b".", "sha256")
            for secret in secrets
            if claim.version == 1
        ]

    def feed(self, piece: bytes) -> None:
        """Add the next bytes of the body."""
        self._body.update(piece)
        for digest in self._v1:
            digest.update(piece)

    def find_signer(self) -> int:
        """Return the index of the secret that signed this request.

        All secrets are compared, in constant time.

        Raises:
            BadSignature: none of them signed it.
        """
        if not self._secrets:
            raise BadSignature(SignatureFailure.UNVERIFIABLE)
        found = None
        for place, expected in enumerate(self._expected()):
            for digest in self._claim.digests:
                if hmac.compare_digest(expected, digest) and found is None:
                    found = place
        if found is None:
            raise BadSignature(SignatureFailure.MISMATCH)
        return found

    def _expected(self) -> list[bytes]:
        if self._claim.version == 1:
            return [digest.digest() for digest in self._v1]
        message = _message_v2(self._claim, self._lines, self._body.hexdigest())
        return [hmac.digest(secret, message, "sha256") for secret in self._secrets]

    def name_use(self, about: str) -> bytes:
        """Return 32 bytes that identify this use of the signature; `about` identifies its target.

        In v2 they depend on the key and its nonce. v1 signs only the time and the body, and its
        list of signatures and its path can be written in several ways; therefore they depend on the
        signed content and on `about`.
        """
        if self._claim.version == 2:
            parts = [b"v2", self._claim.key_id, self._claim.nonce.lower()]
        else:
            parts = [b"v1", about.encode(), self._claim.timestamp, self._body.digest()]
        return hashlib.sha256(
            b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        ).digest()
