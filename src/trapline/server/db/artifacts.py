"""Artifacts: files that analyses leave in the object store, each a row from its first address on."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, Select, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.analyses import AnalysisRow
from trapline.server.db.base import Transaction
from trapline.server.db.row import Key, Now, Row
from trapline.server.errors import NotFound
from trapline.server.rules.access import Scope

STATES = "('presigned', 'uploaded', 'cited')"


class ArtifactRow(Row):
    """One file: given an address, seen in the store, cited. Sizes in bytes; what was announced was signed with it."""

    __tablename__ = "artifacts"
    __table_args__ = (
        UniqueConstraint("analysis_id", "storage_path"),
        ForeignKeyConstraint(["project_id", "analysis_id"], ["analyses.project_id", "analyses.id"], ondelete="CASCADE"),
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


async def list_artifacts(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, paths: Collection[str] | None = None
) -> Sequence[ArtifactRow]:
    """List the artifacts of an analysis, the oldest first; only those of some paths if told."""
    statement = select_artifacts(scope, analysis).order_by(ArtifactRow.created_at, ArtifactRow.id)
    if paths is not None:
        statement = statement.where(ArtifactRow.storage_path.in_(paths))
    return (await tx.session.scalars(statement)).all()


async def count_artifacts(scope: Scope, tx: Transaction, analysis: AnalysisRow) -> int:
    """Count the artifacts of an analysis."""
    statement = select(func.count()).select_from(select_artifacts(scope, analysis).subquery())
    return (await tx.session.execute(statement)).scalar_one()


async def get_artifact(scope: Scope, tx: Transaction, artifact_id: UUID) -> ArtifactRow:
    """Get an artifact that the caller may see. Raises NotFound."""
    row = await tx.session.get(ArtifactRow, artifact_id)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    return row


async def take_orphans(scope: Scope, tx: Transaction, kept_s: float, limit: int) -> list[tuple[UUID, str]]:
    """Delete the rows of artifacts that nothing came of, at most so many; answers their ids and storage paths.

    Those are: presigned and never seen, and of an analysis that never became final, with no news for `kept_s` seconds.
    """
    cursor = await tx.execute(
        """
        delete from artifacts where id in (
            select f.id from artifacts f join analyses a on a.id = f.analysis_id
            where f.presigned_at < now() - make_interval(secs => %s)
              and (f.state = 'presigned'
                   or a.state in ('queued', 'processing') and a.updated_at < now() - make_interval(secs => %s)
                      and f.state = 'uploaded')
            limit %s for update of f skip locked)
        returning id, storage_path
        """,
        (kept_s, kept_s, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
