"""Saved responses of requests with an Idempotency-Key."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import MACHINES, Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Now, Row
from trapline.server.platform.errors import Conflict
from trapline.wire.auth import Role

Answer = TypeVar("Answer", bound=BaseModel)
KEPT = timedelta(days=30)
"""How long an Idempotency-Key is valid."""


class UnreadableResponse(Conflict):
    """The saved response was written by an earlier version and does not fit the present one."""


class IdempotencyRow(Row):
    """The response to a request, which the same caller gets again for the same key and body."""

    __tablename__ = "idempotency_keys"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    project_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """The projects that the response is about; None in older rows, which are not returned."""
    created_at: Mapped[Now]


async def find_saved_response(scope: Scope, tx: Transaction, kind: type[Answer]) -> Answer | None:
    """Find the saved response to this request; every action that creates an object calls it first.

    A second request with the same key waits until this transaction ends.

    Raises:
        Conflict: the key was used with another request.
        UnreadableResponse: an earlier version saved the response in another form.
        NotFound: the caller is no longer a member of a project of the response.
        Forbidden: the caller's role in it is too low now.
    """
    once = scope.origin.once
    if once is None:
        return None
    async with tx.pipelined():
        await tx.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"{scope.actor} {once.key}",)
        )
        cursor = await tx.execute(
            "select route, body_sha256, answer, project_ids from idempotency_keys"
            " where actor = %s and key = %s",
            (scope.actor, once.key),
        )
    row = await cursor.fetchone()
    if row is None:
        return None
    route, body_sha256, answer, project_ids = row
    if (route, bytes(body_sha256)) != (once.route, once.body_sha256):
        raise Conflict(
            "This Idempotency-Key was used before with another request. Nothing was changed. "
            "Use a new key for a new request, and the same key only to send the same request again."
        )
    if project_ids is None and not scope.everything:
        raise Conflict(
            "This Idempotency-Key was used before with this request, and the response cannot be "
            "returned: an earlier version of Trapline did not record its project. Nothing was "
            "changed. Look for the created object in the lists, and use a new key only if it is "
            "not there."
        )
    # Nothing is changed now, so the response is returned even if the project is archived.
    about = project_ids or ()
    reader = replace(scope, changes=False, roles=await _list_roles(scope, tx, about))
    for project_id in about:
        reader.check(project_id)
    try:
        return kind.model_validate_json(bytes(answer))
    except ValidationError as error:
        raise UnreadableResponse(
            "This Idempotency-Key was used before with this request, and the response cannot be "
            "returned: an earlier version of Trapline saved it in another form. Nothing was "
            "changed now. Look for the created object in the lists, and use a new key only if it "
            "is not there."
        ) from error


async def _list_roles(
    scope: Scope, tx: Transaction, project_ids: Collection[int]
) -> Mapping[int, Role]:
    """Return the caller's roles, including those that were added while this request waited.

    The request that it waited for may have created or restored a project.
    """
    is_whole = scope.user_id is not None and not scope.is_limited and scope.kind not in MACHINES
    if not is_whole or scope.roles.keys() >= set(project_ids):
        return scope.roles
    cursor = await tx.execute(
        "select m.project_id, m.role"
        " from members m join projects p on p.id = m.project_id and p.deleted_at is null"
        " where m.user_id = %s and m.project_id = any(%s)",
        (scope.user_id, list(project_ids)),
    )
    return {**scope.roles, **{project: Role(role) for project, role in await cursor.fetchall()}}


async def purge_response_batch(scope: Scope, tx: Transaction, limit: int) -> int:
    """Delete expired responses, at most `limit`, and return how many were deleted."""
    cursor = await tx.execute(
        "delete from idempotency_keys where (actor, key) in ("
        "select actor, key from idempotency_keys"
        " where created_at < now() - make_interval(secs => %s) limit %s for update skip locked)",
        (KEPT.total_seconds(), limit),
    )
    return cursor.rowcount


def save_response(
    scope: Scope, tx: Transaction, answer: Answer, *, projects: Collection[int] | None = None
) -> Answer:
    """Save the response to this request; every action that creates an object calls it last.

    `projects` are those that the response is about. By default they are those that the audit names.
    """
    once = scope.origin.once
    if once is not None:
        tx.session.add(
            IdempotencyRow(
                actor=scope.actor,
                key=once.key,
                route=once.route,
                body_sha256=once.body_sha256,
                answer=answer.model_dump_json().encode(),
                project_ids=tx.list_audited() if projects is None else sorted(projects),
            )
        )
    return answer


async def save_response_sql(scope: Scope, tx: Transaction, answer: BaseModel) -> None:
    """Save the response in plain SQL, for transactions without a session."""
    once = scope.origin.once
    if once is not None:
        await tx.execute(
            "insert into idempotency_keys (actor, key, route, body_sha256, answer, project_ids)"
            " values (%s, %s, %s, %s, %s, %s)",
            (
                scope.actor,
                once.key,
                once.route,
                once.body_sha256,
                answer.model_dump_json().encode(),
                tx.list_audited(),
            ),
        )
