"""Secrets that are told once and kept only as a hash, and told again to the same request sent
again.

With an Idempotency-Key such a secret is made of the caller, the key, the request, what was made,
and the server's secret key, so that it can be made again though nobody keeps it; without one it is
random.
"""

import secrets
from collections.abc import Callable

from trapline.server.platform.access import IdempotencyRequest, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Conflict
from trapline.server.platform.store.storage_keys import sign_parts

PURPOSE = "secrets of repeated requests"
OTHER_KEY = (
    "This request was answered before, under another secret key of the server, and what it made cannot be told again. "
    "Nothing was done. Revoke what was made then, and ask with a new Idempotency-Key."
)


def generate_secret_bytes(system: AppContext, scope: Scope, made: str) -> bytes:
    """Make 32 bytes for the secret of what is made now.

    `made` stands in the kept answer and in no other one: a key that is used anew, long after its
    answer was forgotten, makes another secret.
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
    """Find the 32 bytes that were made for this very request before. Raises Conflict."""
    once = scope.origin.once
    assert once is not None, "only a request with a key is answered again"
    for key in system.secrets.derive_all(PURPOSE):
        strength = _derive(key, scope, once, made)
        if fits(strength):
            return strength
    raise Conflict(OTHER_KEY)


def _derive(key: bytes, scope: Scope, once: IdempotencyRequest, made: str) -> bytes:
    return bytes.fromhex(
        sign_parts(key, [scope.actor, once.key, once.route, once.body_sha256.hex(), made])
    )
