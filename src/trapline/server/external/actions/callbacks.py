"""Callbacks of external pipelines: their possible signers and the permissions of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trapline.server.external.queries.callback_keys import (
    create_used_signature,
    find_key,
    lock_key,
    record_key_use,
)
from trapline.server.external.rules.signatures import BadSignature, SignatureClaim, SignatureFailure
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict, Unauthenticated
from trapline.server.platform.metrics import SIGNATURE_FAILURES
from trapline.server.platform.vault import DecryptionError, decrypt_secret
from trapline.server.queue.rules.job_transitions import FINAL
from trapline.wire.auth import Role

log = structlog.get_logger(__name__)

PURPOSE = "callbacks"
READS = frozenset({"GET", "HEAD"})
UNSIGNED = (
    "The signature of this request is not valid. Nothing was changed. Sign exactly the bytes that "
    "are sent, with the current time, and send each header once. "
    "The page's signature checker shows which part is wrong."
)


@dataclass(frozen=True)
class CallbackSigner:
    """A possible signer of a callback: its secret and its permissions.

    `key` is a service key.
    """

    secret: bytes
    scope: Scope
    key: UUID | None = None


@dataclass(frozen=True)
class SignatureUse:
    """The use of a signature, with a name that identifies a second use; `kept_s` in seconds."""

    name: bytes
    kept_s: float
    once_only: bool
    key: UUID | None = None


def derive_secret(system: AppContext, analysis_id: UUID) -> str:
    """Derive the secret of an analysis: 64 hexadecimal characters; the key is their text."""
    return _derive(system.secrets.derive(PURPOSE), analysis_id).decode()


def _derive(key: bytes, analysis_id: UUID) -> bytes:
    derivation = HKDF(
        algorithm=SHA256(), length=32, salt=None, info=f"analysis:{analysis_id}".encode()
    )
    return derivation.derive(key).hex().encode()


async def list_signers(
    system: AppContext,
    origin: RequestOrigin,
    claim: SignatureClaim,
    method: str,
    analysis_id: UUID | None,
) -> Sequence[CallbackSigner]:
    """List the possible signers of a callback about an analysis; the analysis itself is not read.

    Raises:
        BadSignature: a v2 signature names no active key.
    """
    if claim.version == 2:
        return [await _find_service(system, origin, claim.key_id.decode())]
    signers = []
    if analysis_id is not None:
        # The secret belongs to this analysis only, and the path names no other.
        own = Scope(actor=f"analysis:{analysis_id}", everything=True, origin=origin)
        signers += [
            CallbackSigner(_derive(key, analysis_id), own)
            for key in system.secrets.derive_all(PURPOSE)
        ]
    # Otherwise one header signed with the shared secret would give access to every analysis.
    if system.callbacks.allow_shared and method not in READS:
        shared = Scope(actor="shared secret", everything=True, origin=origin)
        signers += [
            CallbackSigner(secret.encode(), shared) for secret in system.callbacks.shared_secrets
        ]
    return signers


async def _find_service(system: AppContext, origin: RequestOrigin, key_id: str) -> CallbackSigner:
    scope = Scope(actor=f"key:{key_id}", origin=origin)
    async with system.database.transaction(scope) as tx:
        found = await find_key(tx, key_id)
    if found is None:
        raise BadSignature(SignatureFailure.UNKNOWN_KEY)
    row, projects = found
    try:
        secret = decrypt_secret(
            system.secrets, row.sealed_secret, "callback_keys", row.id, "sealed_secret"
        )
    except DecryptionError as error:
        log.error("a callback key cannot be decrypted", key=key_id, reason=str(error))
        raise BadSignature(SignatureFailure.UNKNOWN_KEY) from error
    roles = dict.fromkeys(projects, Role.MANAGER)
    return CallbackSigner(
        secret.encode(), Scope(actor=f"key:{key_id}", roles=roles, origin=origin), row.id
    )


def reject_signature(system: AppContext, error: BadSignature, **about: str) -> Unauthenticated:
    """Log an invalid signature; return the one error that is sent for every reason."""
    system.callbacks.refused[error.reason.value] += 1
    SIGNATURE_FAILURES.labels("callback", error.reason.value).inc()
    log.warning("a callback was refused", reason=error.reason.value, **about)
    return Unauthenticated(UNSIGNED)


async def record_signature_use(tx: Transaction, row: AnalysisRow, use: SignatureUse | None) -> bool:
    """Record the use of a signature; return False if the same request was executed before.

    This runs in the transaction of the request.

    Raises:
        Conflict: the nonce was used before.
        Unauthenticated: meanwhile the key was revoked, or its service left the project.
    """
    if use is None:
        return True
    if use.key is not None:
        if not await lock_key(tx, use.key, row.project_id):
            raise Unauthenticated(UNSIGNED)
        await record_key_use(tx, use.key)
    if await create_used_signature(tx, use.name, use.kept_s):
        return True
    if use.once_only:
        raise Conflict(
            "This nonce was used before. Nothing was changed. Sign each request with a new nonce."
        )
    return False


def require_standalone(row: AnalysisRow) -> None:
    """Require an analysis that does not belong to a job, which only workers change.

    Raises:
        Conflict: the analysis belongs to a job.
    """
    if row.job_id is not None:
        raise Conflict(
            f"This analysis belongs to job {row.job_id}: its worker delivers the result, and no "
            "callback changes it. Nothing was changed."
        )


def require_open(row: AnalysisRow) -> None:
    """Require a stand-alone analysis that has not ended.

    Raises:
        Conflict: it belongs to a job, or has ended.
    """
    require_standalone(row)
    if row.state in FINAL:
        raise Conflict(f"This analysis is {row.state} and cannot be changed. Nothing was changed.")
