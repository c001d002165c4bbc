"""Create, list and revoke callback keys; check which part of a signature is invalid."""

import base64
import binascii
import hmac
import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.external.actions.callbacks import CallbackSigner, list_signers
from trapline.server.external.queries.callback_keys import (
    CallbackKeyRow,
    get_key_row,
    list_key_rows,
)
from trapline.server.external.queries.standalone_analyses import get_analysis_row
from trapline.server.external.rules.signatures import (
    KEY_ID,
    NONCE,
    SIGNATURE,
    TIMESTAMP,
    BadSignature,
    SignatureClaim,
    SignatureFailure,
    SignatureVerifier,
    build_message,
    parse_claim,
)
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Forbidden, InvalidRequest, NotFound, TraplineError
from trapline.server.platform.vault import decrypt_secret, encrypt_secret
from trapline.server.queue.queries.pipeline_registration import upsert_service
from trapline.wire.auth import Role
from trapline.wire.callback_keys import (
    CallbackKey,
    CreatedCallbackKey,
    NewCallbackKey,
    SignatureCheckPart,
    SignatureCheckRequest,
    SignatureCheckResult,
)
from trapline.wire.values import Page

SECRET_BYTES = 32
ALL_PARTS = (
    ("headers", "each required header is present once"),
    ("timestamp", "the timestamp is in whole seconds since 1970 and close to the server's clock"),
    ("key", "the key is active"),
    ("signature", "the signature matches this request"),
)
PART_OF = {
    SignatureFailure.MALFORMED_TIMESTAMP: "timestamp",
    SignatureFailure.OUTSIDE_SKEW: "timestamp",
    SignatureFailure.UNKNOWN_KEY: "key",
    SignatureFailure.UNVERIFIABLE: "key",
    SignatureFailure.MALFORMED_KEY_ID: "key",
    SignatureFailure.MISMATCH: "signature",
    SignatureFailure.MALFORMED_SIGNATURE: "signature",
    SignatureFailure.TOO_MANY_SIGNATURES: "signature",
    SignatureFailure.OLD_VERSION: "signature",
}


def _describe(row: CallbackKeyRow, service: str, scope: Scope) -> CallbackKey:
    return CallbackKey(
        id=row.id,
        key_id=row.key_id,
        name=row.name,
        service=service,
        projects=[project for project in row.project_ids if scope.sees(project)],
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )


async def create_key(system: AppContext, scope: Scope, new: NewCallbackKey) -> CreatedCallbackKey:
    """Create a key for one of the caller's processing services.

    It is valid for projects that the caller owns. Several keys may be active at the same time, so
    that one can replace another without interruption.

    Raises:
        NotFound: the caller does not see the service.
        Forbidden: the caller owns none of its projects.
    """
    projects = sorted(set(new.projects))
    for project in projects:
        scope.check(project)
    async with system.database.transaction(scope) as tx:
        # The response is saved without the secret, which is stored encrypted in its row.
        done = await find_saved_response(scope, tx, CallbackKey)
        if done is None:
            registrant = scope.actor if scope.user_id is None else f"user:{scope.user_id}"
            for project in projects:
                service_id = await upsert_service(scope, tx, project, new.service, registrant)
            key = uuid7()
            row = CallbackKeyRow(
                id=key,
                key_id=f"tlk_{secrets.token_hex(8)}",
                service_id=service_id,
                project_ids=projects,
                name=new.name,
                sealed_secret=encrypt_secret(
                    system.secrets,
                    secrets.token_hex(SECRET_BYTES),
                    "callback_keys",
                    key,
                    "sealed_secret",
                ),
                created_by=scope.actor,
            )
            tx.session.add(row)
            await tx.session.flush()
            await tx.session.refresh(row)
            for project in projects:
                tx.audit(
                    "create",
                    "callback_key",
                    row.id,
                    project,
                    key_id=row.key_id,
                    service=new.service,
                )
            done = save_response(scope, tx, _describe(row, new.service, scope))
        else:
            row = await get_key_row(scope, tx, done.id)
        secret = decrypt_secret(
            system.secrets, row.sealed_secret, "callback_keys", row.id, "sealed_secret"
        )
    return CreatedCallbackKey(**dict(done), secret=secret)


async def list_keys(system: AppContext, scope: Scope, project_id: int | None) -> Page[CallbackKey]:
    """List the keys that are valid for a project, or for any of the caller's, newest first.

    Raises:
        NotFound: the caller does not see the project.
    """
    async with system.database.transaction(scope) as tx:
        found = await list_key_rows(scope, tx, project_id)
    return Page(
        results=[_describe(row, service, scope) for row, service in found], count=len(found)
    )


async def revoke_key(system: AppContext, scope: Scope, key_id: UUID) -> None:
    """Revoke a key; requests that it signed are rejected after the commit.

    Any owner of one of its projects may revoke it.

    Raises:
        NotFound: the caller does not see such a key.
        Forbidden: the caller owns none of its projects.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_key_row(scope, tx, key_id)
        owned = [
            p
            for p in row.project_ids
            if scope.everything or RANK[scope.roles.get(p, Role.VIEWER)] >= RANK[scope.needs]
        ]
        if not owned:
            raise Forbidden(
                "Only an owner of one of its projects can revoke a key. Nothing was changed."
            )
        if row.revoked_at is None:
            row.revoked_at = datetime.now(UTC)
            for project in row.project_ids:
                tx.audit("revoke", "callback_key", row.id, project, key_id=row.key_id)


async def check_signature(
    system: AppContext, scope: Scope, asked: SignatureCheckRequest
) -> SignatureCheckResult:
    """Check which part of a signature is invalid, using the secrets of the caller's project.

    A request with an old timestamp is checked completely, because most requests to check are old.

    Raises:
        NotFound: the caller does not see the project or the analysis.
        Forbidden: the caller may not check its signatures.
        InvalidRequest: the request to check is not complete.
    """
    scope.check(asked.project)
    body = _body_of(asked)
    headers = [(name.lower().encode(), value.encode()) for name, value in asked.headers.items()]
    path, _, query = asked.target.partition("?")
    lines = (asked.method.upper().encode(), path.encode(), query.encode())
    message: bytes | None = None
    late: str | None = None
    wrong: dict[str, str] = {}
    try:
        claim = parse_claim(
            headers, system.callbacks.clock(), math.inf, system.callbacks.min_version
        )
        late = _measure_lateness(system, claim)
        message = build_message(claim, *lines, body)
        signers = await _list_own_signers(system, scope, asked, claim, path)
        check = SignatureVerifier(claim, [signer.secret for signer in signers], *lines)
        check.feed(body)
        check.find_signer()
    except BadSignature as error:
        words = _explain(error.reason, headers)
        if error.reason == SignatureFailure.MISMATCH:
            words = _find_cause(claim, signers, lines, body) or words
        wrong = {PART_OF.get(error.reason, "headers"): words}
    return _answer(_parts_of(wrong, late), message, asked.signed_message)


def _body_of(asked: SignatureCheckRequest) -> bytes:
    if asked.body_base64 is None:
        return asked.body.encode()
    try:
        return base64.b64decode(asked.body_base64, validate=True)
    except binascii.Error as error:
        raise InvalidRequest("body_base64 is not base64.") from error


async def _list_own_signers(
    system: AppContext, scope: Scope, asked: SignatureCheckRequest, claim: SignatureClaim, path: str
) -> Sequence[CallbackSigner]:
    """List the possible signers whose secrets the caller may use."""
    analysis_id = None
    for part in path.split("/"):
        try:
            analysis_id = UUID(part)
            break
        except ValueError:
            continue
    if analysis_id is not None:
        try:
            async with system.database.transaction(scope) as tx:
                if (await get_analysis_row(scope, tx, analysis_id)).project_id != asked.project:
                    analysis_id = None
        except (NotFound, TraplineError):
            analysis_id = None
    signers = await list_signers(system, scope.origin, claim, asked.method.upper(), analysis_id)
    if claim.version == 2 and not all(signer.scope.sees(asked.project) for signer in signers):
        raise BadSignature(SignatureFailure.UNKNOWN_KEY)
    return signers


def _explain(reason: SignatureFailure, headers: Sequence[tuple[bytes, bytes]]) -> str:
    names = [name for name, _ in headers]
    missing = [name.decode() for name in (SIGNATURE, TIMESTAMP) if name not in names]
    if reason == SignatureFailure.MISSING_HEADER:
        if not missing:
            missing = [name.decode() for name in (KEY_ID, NONCE) if name not in names]
        return f"{', '.join(missing)} is missing"
    return reason.value


def _find_cause(
    claim: SignatureClaim,
    signers: Sequence[CallbackSigner],
    lines: tuple[bytes, bytes, bytes],
    body: bytes,
) -> str | None:
    """Try the most frequent mistakes; return the one that explains the signature."""
    for words, other_lines, other_body in _mistakes(lines, body):
        for signer in signers:
            digest = hmac.digest(
                signer.secret, build_message(claim, *other_lines, other_body), "sha256"
            )
            if any(hmac.compare_digest(digest, given) for given in claim.digests):
                return words
    return None


def _mistakes(
    lines: tuple[bytes, bytes, bytes], body: bytes
) -> Iterator[tuple[str, tuple[bytes, bytes, bytes], bytes]]:
    method, path, query = lines
    yield "the signature is over an empty body; the sent body is not empty", lines, b""
    yield (
        "the signature is over the body without the line break at its end",
        lines,
        body.rstrip(b"\r\n"),
    )
    yield "the signature is over the body with a line break at its end", lines, body + b"\n"
    for words, separators, ascii_only in (
        ("compact JSON, without spaces", (",", ":"), False),
        ("compact JSON with escaped characters", (",", ":"), True),
        (
            "JSON with a space after each comma and colon, as Python's json.dumps writes it",
            (", ", ": "),
            True,
        ),
        ("JSON with a space after each comma and colon", (", ", ": "), False),
    ):
        try:
            again = json.dumps(
                json.loads(body), separators=separators, ensure_ascii=ascii_only
            ).encode()
        except (ValueError, RecursionError):
            break
        cause = (
            f"the signature is over {words}; "
            "the body was sent in another form: sign the bytes that are sent"
        )
        yield cause, lines, again
    for other in (b"GET", b"POST", b"PATCH", b"PUT", b"DELETE"):
        yield (
            f"the signature is over the method {other.decode()}; {method.decode()} was sent",
            (other, path, query),
            body,
        )
    for other in (
        path.rstrip(b"/"),
        path + b"/",
        path.replace(b"/api/v2/", b"/api/"),
        path.replace(b"/api/", b"/api/v2/", 1),
    ):
        yield f"the signature is over the path {other.decode()}", (method, other, query), body
    yield "the signature leaves the query out", (method, path, b""), body
    yield (
        "the signature is over the query with its question mark",
        (method, path, b"?" + query),
        body,
    )
    yield "the signature has the query within its path", (method, path + b"?" + query, b""), body


def _measure_lateness(system: AppContext, claim: SignatureClaim) -> str | None:
    behind = int(system.callbacks.clock()) - int(claim.timestamp)
    if abs(behind) <= system.callbacks.skew_s:
        return None
    return (
        f"{SignatureFailure.OUTSIDE_SKEW.value}: {abs(behind)} s "
        f"{'behind' if behind > 0 else 'ahead of'} it, and "
        f"{system.callbacks.skew_s:g} s are allowed"
    )


def _parts_of(wrong: Mapping[str, str], late: str | None) -> list[SignatureCheckPart]:
    """List the parts up to the invalid one; later parts were not checked.

    After an invalid time the other parts are still checked.
    """
    parts = []
    for part, well in ALL_PARTS:
        said = wrong.get(part) or (late if part == "timestamp" else None)
        parts.append(SignatureCheckPart(component=part, valid=said is None, message=said or well))
        if part in wrong:
            break
    return parts


def _answer(
    parts: list[SignatureCheckPart], message: bytes | None, signed: str | None
) -> SignatureCheckResult:
    return SignatureCheckResult(
        valid=all(part.valid for part in parts),
        parts=parts,
        expected_message=None if message is None else message.decode("utf-8", "backslashreplace"),
        first_difference=_differ(message, signed),
    )


def _differ(message: bytes | None, signed: str | None) -> int | None:
    """Return the position of the first byte that differs from the bytes to sign."""
    if message is None or signed is None or message == signed.encode():
        return None
    given = signed.encode()
    return next(
        (at for at, (a, b) in enumerate(zip(message, given, strict=False)) if a != b),
        min(len(message), len(given)),
    )
