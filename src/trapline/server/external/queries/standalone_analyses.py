"""Stand-alone analyses:

created for external pipelines, changed by their callbacks, never leased.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, update

from trapline.server.findings.queries.analyses import (
    AnalysisDetailRow,
    AnalysisMoveRow,
    AnalysisRow,
)
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.queue.rules.job_transitions import FINAL, NEW

COUNTED = ("queued", "processing", "completed")
"""The states of analyses that count towards the limit of an image."""


async def get_image_project(scope: Scope, tx: Transaction, image_id: UUID) -> int:
    """Return the project of an image without a lock.

    Raises:
        NotFound: the caller does not see the image.
        Forbidden: the caller may not change it.
    """
    statement = select(ImageRow.project_id).where(
        ImageRow.id == image_id, ImageRow.deleted_at.is_(None)
    )
    project_id = (await tx.session.execute(statement)).scalar_one_or_none()
    if project_id is None or not scope.sees(project_id):
        raise NotFound
    scope.check(project_id)
    return project_id


async def lock_image(scope: Scope, tx: Transaction, image_id: UUID) -> ImageRow:
    """Get an image, and lock it against other requests that add an analysis.

    Raises:
        NotFound: the caller does not see the image.
        Forbidden: the caller may not change it.
    """
    row = await tx.session.get(ImageRow, image_id, with_for_update={"key_share": True})
    if row is None or row.deleted_at is not None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


async def count_standalone(
    scope: Scope, tx: Transaction, image: ImageRow, *, simulated: bool
) -> tuple[int, int]:
    """Count the stand-alone analyses of an image.

    Returns how many are queued, processing or completed, of the simulated ones or of the others,
    and how many of both were created in the last 24 hours, in any state.
    """
    scope.check(image.project_id)
    is_open = AnalysisRow.state.in_(COUNTED) & (AnalysisRow.simulated.is_(simulated))
    is_recent = AnalysisRow.created_at > func.now() - timedelta(days=1)
    statement = select(func.count().filter(is_open), func.count().filter(is_recent)).where(
        AnalysisRow.image_id == image.id, AnalysisRow.job_id.is_(None)
    )
    open_ones, recent = (await tx.session.execute(statement)).one()
    return open_ones, recent


async def create_analysis_row(
    scope: Scope, tx: Transaction, row: AnalysisRow, detail: dict[str, Any]
) -> tuple[AnalysisRow, AnalysisDetailRow]:
    """Insert an analysis with its details, and the first entry of its history."""
    scope.check(row.project_id)
    tx.session.add(row)
    await tx.session.flush()
    details = AnalysisDetailRow(analysis_id=row.id, project_id=row.project_id, **detail)
    tx.session.add_all([details, _move(row, 1, NEW, row.state, scope.actor, None)])
    await tx.session.flush()
    await tx.session.refresh(row)
    return row, details


async def get_analysis_row(
    scope: Scope, tx: Transaction, analysis_id: UUID, *, lock: bool = False
) -> AnalysisRow:
    """Get an analysis, also of a job, unless its image is deleted; optionally lock it.

    Raises:
        NotFound: the caller does not see such an analysis.
        Forbidden: the caller may not use it.
    """
    row = await tx.session.get(AnalysisRow, analysis_id, with_for_update=lock or None)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    is_deleted = select(ImageRow.deleted_at.is_not(None)).where(ImageRow.id == row.image_id)
    if (await tx.session.execute(is_deleted)).scalar_one():
        raise NotFound
    scope.check(row.project_id)
    return row


async def transition_analysis(
    scope: Scope,
    tx: Transaction,
    row: AnalysisRow,
    to_state: str,
    reason: str | None,
    error_message: str | None,
) -> None:
    """Change the state of a locked analysis and record the transition.

    The caller has validated the transition. The row is changed only if it is still in the state
    that was read.
    """
    from_state = row.state
    is_final = to_state in FINAL
    now = func.now()
    moved = await tx.session.execute(
        update(AnalysisRow)
        .where(AnalysisRow.id == row.id, AnalysisRow.state == from_state)
        .values(
            state=to_state,
            started_at=func.coalesce(AnalysisRow.started_at, now)
            if to_state != "canceled"
            else AnalysisRow.started_at,
            completed_at=now if is_final else None,
            updated_at=now,
        )
        .returning(AnalysisRow.id)
    )
    assert moved.scalar_one_or_none() is not None, (
        "the row is locked, so no other transaction can change it"
    )
    last = select(func.max(AnalysisMoveRow.number)).where(AnalysisMoveRow.analysis_id == row.id)
    number = (await tx.session.execute(last)).scalar_one() or 0
    tx.session.add(_move(row, number + 1, from_state, to_state, scope.actor, reason))
    if error_message is not None:
        await tx.session.execute(
            update(AnalysisDetailRow)
            .where(AnalysisDetailRow.analysis_id == row.id)
            .values(error_message=error_message)
        )
    await tx.session.flush()
    await tx.session.refresh(row)


def _move(
    row: AnalysisRow, number: int, from_state: str, to_state: str, actor: str, reason: str | None
) -> AnalysisMoveRow:
    return AnalysisMoveRow(
        analysis_id=row.id,
        number=number,
        project_id=row.project_id,
        from_state=from_state,
        to_state=to_state,
        actor=actor,
        reason=reason,
    )


async def record_contact(tx: Transaction, row: AnalysisRow) -> datetime:
    """Record a contact about an analysis; return its time, which is that of this transaction."""
    cursor = await tx.execute(
        "update analyses set updated_at = now() where id = %s returning updated_at", (row.id,)
    )
    found = await cursor.fetchone()
    assert found is not None, "the row is locked, so it cannot be deleted"
    moment: datetime = found[0]
    return moment


def select_analyses(scope: Scope, image: ImageRow) -> Select[AnalysisRow]:
    """Select the analyses of an image."""
    scope.check(image.project_id)
    return select(AnalysisRow).where(AnalysisRow.image_id == image.id)
