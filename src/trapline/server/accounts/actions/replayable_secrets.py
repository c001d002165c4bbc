"""Secrets that are stored only as a hash, and returned again to a repeated request.

Without an Idempotency-Key such a secret is random. With one it is derived from the caller, the key,
the request, the created object and the server's secret key, so that the same request returns it
again although it is not stored.
"""

import secrets
from collections.abc import Callable

from trapline.server.platform.access import IdempotencyRequest, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Conflict
from trapline.server.platform.store.url_signatures import sign_parts

PURPOSE = "secrets of repeated requests"
OTHER_KEY = (
    "This request was completed before the secret key of the server was changed, so its secret "
    "cannot be returned again. Nothing was done. Revoke what the first request created, and send a "
    "new Idempotency-Key."
)


def generate_secret_bytes(system: AppContext, scope: Scope, made: str) -> bytes:
    """Generate 32 bytes for the secret of an object that is being created.

    `made` identifies the object and is part of the saved response. A key that is used again after
    its response was purged therefore gets another secret.
    """
    once = scope.origin.once
    return (
        secrets.token_bytes(32)
        if once is None
        else _derive(system.secrets.derive(PURPOSE), scope, once, made)
    )


def replay_secret_bytes(
    system: AppContext, scope: Scope, made: str, fits: Callable[[bytes], bool]
) -> bytes:
    """Return the 32 bytes that were generated for the same request before.

    `fits` compares bytes with the stored hash; each secret key of the server is tried.

    Raises:
        Conflict: no secret key of the server generates them.
    """
    once = scope.origin.once
    assert once is not None, "only a request with a key has a saved response"
    for key in system.secrets.derive_all(PURPOSE):
        strength = _derive(key, scope, once, made)
        if fits(strength):
            return strength
    raise Conflict(OTHER_KEY)


def _derive(key: bytes, scope: Scope, once: IdempotencyRequest, made: str) -> bytes:
    return bytes.fromhex(
        sign_parts(key, [scope.actor, once.key, once.route, once.body_sha256.hex(), made])
    )
