"""Passwords: hashed with argon2id at its library's present defaults. Slow by design, so call these in a thread."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own."""
    return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Tell whether the password fits; takes as long where there is no such person, so that time tells nothing."""
    try:
        fits = _hasher.verify(password_hash or NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and password_hash is not None
