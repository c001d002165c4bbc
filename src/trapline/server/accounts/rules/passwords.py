"""Password hashes by argon2id with the default parameters of the library.

Hashing is slow by design; call these functions in a thread.
"""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

HASHER = PasswordHasher()


@cache
def _get_unusable_hash() -> str:
    """Return a hash that no password matches; computed once, because it takes 0.25 s."""
    return HASHER.hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """Hash a password with a random salt."""
    return HASHER.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Return whether a password matches a hash; None matches no password.

    None takes as long as a hash, so that the time does not reveal which accounts exist.
    """
    try:
        fits = HASHER.verify(password_hash or _get_unusable_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return fits and password_hash is not None
