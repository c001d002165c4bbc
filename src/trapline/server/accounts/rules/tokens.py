"""The format of API tokens and other secrets: generate, parse."""

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
    """A well-formed token: its kind, the prefix for the lookup, and the hash to compare."""

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
    """Generate a token `tl_<kind>_<random>_<checksum>`.

    The 43 random characters of an alphabet of 62 hold 256 bits: those of `strength`, or new ones.
    """
    number, digits = int.from_bytes(strength or secrets.token_bytes(STRENGTH_BYTES)), ""
    for _ in range(RANDOM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    body = f"tl_{kind}_{digits}"
    return f"{body}_{_checksum(body)}"


def find_parsed_token(token: str) -> ParsedToken | None:
    """Parse a token; None if its format or checksum is wrong, which saves a lookup."""
    match = _FORM.fullmatch(token)
    if match is None or not hmac.compare_digest(_checksum(token[: match.start(3) - 1]), match[3]):
        return None
    return ParsedToken(TokenKind(match[1]), match[2][:PREFIX_LENGTH], hash_secret(token))


def generate_secret(strength: bytes | None = None) -> str:
    """Encode 32 bytes as a secret of a cookie or link: those of `strength`, or new ones."""
    given = strength or secrets.token_bytes(STRENGTH_BYTES)
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode()
