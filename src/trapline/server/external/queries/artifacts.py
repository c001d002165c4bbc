"""Artifacts: files of analyses in the object store, each with a row since its first URL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    LargeBinary,
    Select,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound

STATES = "('presigned', 'uploaded', 'cited')"


class ArtifactRow(Row):
    """One file: presigned, uploaded or cited.

    Sizes are in bytes. The announced values were signed with the URL.
    """

    __tablename__ = "artifacts"
    __table_args__ = (
        UniqueConstraint("analysis_id", "storage_path"),
        ForeignKeyConstraint(
            ["project_id", "analysis_id"],
            ["analyses.project_id", "analyses.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"state in {STATES}", name="state"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    analysis_id: Mapped[UUID]
    artifact_type: Mapped[str]
    media_type: Mapped[str]
    filename: Mapped[str]
    storage_path: Mapped[str]
    state: Mapped[str] = mapped_column(default="presigned")
    announced_size: Mapped[int | None]
    announced_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    size: Mapped[int | None]
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[Now]
    presigned_at: Mapped[Now]
    uploaded_at: Mapped[datetime | None]


def select_artifacts(scope: Scope, analysis: AnalysisRow) -> Select[ArtifactRow]:
    """Select the artifacts of an analysis."""
    scope.check(analysis.project_id)
    return select(ArtifactRow).where(ArtifactRow.analysis_id == analysis.id)


async def list_artifact_rows(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, paths: Collection[str] | None = None
) -> Sequence[ArtifactRow]:
    """List the artifacts of an analysis, oldest first; optionally only those of some paths."""
    statement = select_artifacts(scope, analysis).order_by(ArtifactRow.created_at, ArtifactRow.id)
    if paths is not None:
        statement = statement.where(ArtifactRow.storage_path.in_(paths))
    return (await tx.session.scalars(statement)).all()


async def count_artifacts(scope: Scope, tx: Transaction, analysis: AnalysisRow) -> int:
    """Count the artifacts of an analysis."""
    statement = select(func.count()).select_from(select_artifacts(scope, analysis).subquery())
    return (await tx.session.execute(statement)).scalar_one()


async def get_artifact_row(scope: Scope, tx: Transaction, artifact_id: UUID) -> ArtifactRow:
    """Get an artifact that the caller may see.

    Raises:
        NotFound: the caller does not see it, or its image is deleted.
    """
    statement = (
        select(ArtifactRow)
        .join(AnalysisRow, AnalysisRow.id == ArtifactRow.analysis_id)
        .join(ImageRow, ImageRow.id == AnalysisRow.image_id)
        .where(ArtifactRow.id == artifact_id, ImageRow.deleted_at.is_(None))
    )
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    return row


async def lock_artifact_by_path(
    scope: Scope, tx: Transaction, path: str
) -> tuple[ArtifactRow, str] | None:
    """Find and lock the artifact of a storage path, with the state of its analysis.

    The lock prevents the analysis from ending.
    """
    statement = (
        select(ArtifactRow, AnalysisRow)
        .join(AnalysisRow, AnalysisRow.id == ArtifactRow.analysis_id)
        .where(ArtifactRow.analysis_id == _analysis_of(path), ArtifactRow.storage_path == path)
        .with_for_update()
    )
    found = (await tx.session.execute(statement)).one_or_none()
    if found is None or not scope.sees(found[0].project_id):
        return None
    return found[0], found[1].state


def _analysis_of(path: str) -> UUID | None:
    try:
        return UUID(path.split("/")[1])
    except (IndexError, ValueError):
        return None


async def list_orphan_candidates(
    scope: Scope, tx: Transaction, kept_s: float, limit: int
) -> list[tuple[ArtifactRow, str]]:
    """List and lock up to `limit` artifacts that may be unused, with the states of their analyses.

    They are not cited, and were presigned more than `kept_s` seconds ago. Their analysis ended
    without them, or is open and had no contact for as long.
    """
    ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, kept_s)
    is_open = AnalysisRow.state.in_(("queued", "processing"))
    statement = (
        select(ArtifactRow, AnalysisRow.state)
        .join(AnalysisRow, AnalysisRow.id == ArtifactRow.analysis_id)
        .where(
            ArtifactRow.presigned_at < ago,
            or_(
                and_(is_open, AnalysisRow.updated_at < ago, ArtifactRow.state != "cited"),
                and_(~is_open, ArtifactRow.state == "presigned"),
            ),
        )
        .order_by(ArtifactRow.id)
        .limit(limit)
        .with_for_update(of=ArtifactRow, skip_locked=True)
    )
    return [(row, state) for row, state in (await tx.session.execute(statement)).all()]
