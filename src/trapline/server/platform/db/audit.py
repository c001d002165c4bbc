"""The audit: entries with the actor, action, time and network address of each change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import ForeignKey, Index, Select, false, or_, select
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.db.connection_watchdog import Connection
from trapline.server.platform.db.row import Key, Now, Row


class AuditRow(Row):
    """An audit entry. It refers to its subject by text, because it outlives the subject."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "project_id", "at"),)

    id: Mapped[Key]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    at: Mapped[Now]
    actor: Mapped[str]
    action: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


@dataclass(frozen=True)
class AuditFilter:
    """Filter of audit entries; None selects all.

    `kind` is the type of the changed object, such as job or source.
    """

    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    since: datetime | None = None
    before: datetime | None = None


def select_audit(scope: Scope, project_id: int | None, wanted: AuditFilter) -> Select[AuditRow]:
    """Select the entries of one project, or of all projects whose audit the caller may read.

    Entries without a project, such as sign-ins, are included for operators if no project is given.
    """
    statement = select(AuditRow)
    if project_id is not None:
        scope.check(project_id)
        statement = statement.where(AuditRow.project_id == project_id)
    elif not scope.everything:
        readable = [
            project for project, role in scope.roles.items() if RANK[role] >= RANK[scope.needs]
        ]
        # Entries without a project are about accounts or about deleted projects.
        without_project = AuditRow.project_id.is_(None) if scope.is_operator else false()
        statement = statement.where(or_(AuditRow.project_id.in_(readable), without_project))
    if wanted.actor is not None:
        statement = statement.where(AuditRow.actor == wanted.actor)
    if wanted.action is not None:
        statement = statement.where(AuditRow.action == wanted.action)
    if wanted.kind is not None:
        statement = statement.where(AuditRow.subject_type == wanted.kind)
    if wanted.since is not None:
        statement = statement.where(AuditRow.at >= wanted.since)
    if wanted.before is not None:
        statement = statement.where(AuditRow.at < wanted.before)
    return statement


async def write_audit(connection: Connection, rows: Sequence[AuditRow]) -> None:
    """Write audit entries in plain SQL, for transactions without a session."""
    for row in rows:
        await connection.execute(
            """
            insert into audit
                (id, project_id, actor, action, subject_type, subject_id, address, request_id,
                details)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                uuid7(),
                row.project_id,
                row.actor,
                row.action,
                row.subject_type,
                row.subject_id,
                row.address,
                row.request_id,
                Jsonb(row.details),
            ),
        )
