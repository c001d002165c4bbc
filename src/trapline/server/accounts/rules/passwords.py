"""Passwords: hashed with argon2id at its library's present defaults.

Slow by design, so call these in a thread.
"""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """A hash that no password fits; made at the first use, because it takes a quarter of a second."""
    return _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own."""
    return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Tell whether the password fits; takes as long where there is no such person, so that time tells nothing."""
    try:
        fits = _hasher.verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and password_hash is not None
