"""API tokens and other secrets that callers carry: how they look, and how they are remembered without being kept."""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

from trapline.wire.auth import TokenKind

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX_LENGTH = 10
RANDOM_LENGTH = 43

_FORM = re.compile(r"tl_(user|worker|pipeline)_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})")


@dataclass(frozen=True)
class ParsedToken:
    """A token of the right form: its kind, the prefix to look it up by, and the hash to compare."""

    kind: TokenKind
    prefix: str
    secret_hash: bytes


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def make_token(kind: TokenKind) -> str:
    """Make a token `tl_<kind>_<random>_<checksum>`; 43 characters of 62 carry 256 bits."""
    body = f"tl_{kind}_{''.join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))}"
    return f"{body}_{_checksum(body)}"


def find_parsed(token: str) -> ParsedToken | None:
    """Read a token; None where it has not the form or its checksum is wrong, so that no look-up is needed."""
    match = _FORM.fullmatch(token)
    if match is None or not hmac.compare_digest(_checksum(token[: match.start(3) - 1]), match[3]):
        return None
    return ParsedToken(TokenKind(match[1]), match[2][:PREFIX_LENGTH], hash_secret(token))


def make_secret() -> str:
    """Make a secret for a cookie or a one-time link."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Hash a secret of full strength (a password needs argon2 instead)."""
    return hashlib.sha256(secret.encode()).digest()
