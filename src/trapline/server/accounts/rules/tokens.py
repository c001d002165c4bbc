"""API tokens and other secrets that callers carry: how they look, and how they are remembered without being kept."""

import base64
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

from trapline.server.platform.secret_hash import hash_secret
from trapline.wire.auth import TokenKind

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX_LENGTH = 10
RANDOM_LENGTH = 43
STRENGTH_BYTES = 32

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


def generate_token(kind: TokenKind, strength: bytes | None = None) -> str:
    """Make a token `tl_<kind>_<random>_<checksum>`; 43 characters of 62 carry 256 bits, those of `strength` or new."""
    number, digits = int.from_bytes(strength or secrets.token_bytes(STRENGTH_BYTES)), ""
    for _ in range(RANDOM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    body = f"tl_{kind}_{digits}"
    return f"{body}_{_checksum(body)}"


def find_parsed_token(token: str) -> ParsedToken | None:
    """Read a token; None where it has not the form or its checksum is wrong, so that no look-up is needed."""
    match = _FORM.fullmatch(token)
    if match is None or not hmac.compare_digest(_checksum(token[: match.start(3) - 1]), match[3]):
        return None
    return ParsedToken(TokenKind(match[1]), match[2][:PREFIX_LENGTH], hash_secret(token))


def generate_secret(strength: bytes | None = None) -> str:
    """Make a secret for a cookie or a one-time link, of 32 bytes: those of `strength`, or new ones."""
    given = strength or secrets.token_bytes(STRENGTH_BYTES)
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode()
