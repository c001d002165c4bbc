"""Processing services, and the pipelines, algorithms and category maps that they register."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.queries.algorithm_rows import AlgorithmRow, CategoryMapRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import filter_by
from trapline.server.platform.db.row import Now, Number, Row
from trapline.server.queue.rules.list_filters import PipelineFilter


class ServiceRow(Row):
    """A named installation of worker software; names are unique per registrant.

    `address` is where it last registered from. A caller of the registrant at that address is
    counted as this service.
    """

    __tablename__ = "processing_services"
    __table_args__ = (UniqueConstraint("name", "registrant"),)

    id: Mapped[Number]
    name: Mapped[str]
    registrant: Mapped[str]
    address: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[Now]
    last_seen_at: Mapped[datetime | None]


class ServiceProjectRow(Row):
    """A project of a processing service."""

    __tablename__ = "service_projects"

    service_id: Mapped[int] = mapped_column(
        ForeignKey("processing_services.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class PipelineRow(Row):
    """A pipeline of a project as last registered.

    `content_sha256` shows whether a registration changes it. `classes` is the total length of the
    class lists of its algorithms.
    """

    __tablename__ = "pipelines"
    __table_args__ = (UniqueConstraint("project_id", "id"), UniqueConstraint("project_id", "slug"))

    id: Mapped[Number]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    slug: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    description: Mapped[str | None]
    stages: Mapped[dict[str, Any]] = mapped_column(default=dict)
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    classes: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class PipelineAlgorithmRow(Row):
    """The algorithms of a pipeline, in order."""

    __tablename__ = "pipeline_algorithms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "pipeline_id"],
            ["pipelines.project_id", "pipelines.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["project_id", "algorithm_id"], ["algorithms.project_id", "algorithms.id"]
        ),
    )

    pipeline_id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    algorithm_id: Mapped[int]
    project_id: Mapped[int]


class ServicePipelineRow(Row):
    """A pipeline that a processing service offers to a project."""

    __tablename__ = "service_pipelines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "pipeline_id"],
            ["pipelines.project_id", "pipelines.id"],
            ondelete="CASCADE",
        ),
    )

    service_id: Mapped[int] = mapped_column(
        ForeignKey("processing_services.id", ondelete="CASCADE"), primary_key=True
    )
    pipeline_id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    registered_at: Mapped[Now]


class HolderRow(Row):
    """A holder of leases of one job: a registered worker, or an API token, address and User-Agent.

    Further processes with the same three have a number in `user_agent` (`rules/client_processes`).
    The contact of a worker is stored in the worker's row. The last contact of another caller about
    the job keeps its leases; it is stored rarely, not per task. `seen_at` is the time of its last
    request of any kind. `busy_s` are the seconds in which it held tasks that it completed, up to
    its last result at `credited_at`, which was of a lease at `returned_lease_at`.
    """

    __tablename__ = "holders"
    __table_args__ = (
        Index(
            "uq_holders_caller", "job_id", "token_id", "address", "user_agent",
            unique=True, postgresql_where="worker_id is null",
        ),
        Index(
            "uq_holders_worker",
            "worker_id",
            "job_id",
            unique=True,
            postgresql_where="worker_id is not null",
        ),
        ForeignKeyConstraint(
            ["project_id", "job_id"], ["jobs.project_id", "jobs.id"], ondelete="CASCADE"
        ),
        Index(None, "project_id", "last_contact_at"),
        Index(None, "token_id", "last_contact_at"),
    )  # fmt: skip

    id: Mapped[Number]
    project_id: Mapped[int]
    job_id: Mapped[int]
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("workers.id", ondelete="CASCADE"))
    token_id: Mapped[UUID]
    address: Mapped[str]
    user_agent: Mapped[str]
    service_id: Mapped[int | None] = mapped_column(
        ForeignKey("processing_services.id", ondelete="SET NULL")
    )
    completed: Mapped[int] = mapped_column(default=0)
    busy_s: Mapped[float] = mapped_column(server_default="0")
    credited_at: Mapped[datetime | None]
    returned_lease_at: Mapped[datetime | None]
    first_contact_at: Mapped[Now]
    last_contact_at: Mapped[Now]
    seen_at: Mapped[Now]


def select_pipelines(
    scope: Scope, project_id: int | None, wanted: PipelineFilter
) -> Select[PipelineRow]:
    """Select the visible pipelines of one project, or of all."""
    statement = filter_by(
        select(PipelineRow), ((PipelineRow.slug, wanted.slug), (PipelineRow.name, wanted.name))
    )
    if project_id is not None:
        scope.check(project_id)
        return statement.where(PipelineRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(PipelineRow.project_id.in_(ids))


async def find_pipeline(
    scope: Scope, tx: Transaction, project_id: int, slug: str
) -> PipelineRow | None:
    """Find a pipeline of a project by its slug."""
    scope.check(project_id)
    statement = select(PipelineRow).where(
        PipelineRow.project_id == project_id, PipelineRow.slug == slug
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def list_algorithms(
    scope: Scope, tx: Transaction, pipeline_ids: list[int]
) -> dict[int, list[tuple[AlgorithmRow, int]]]:
    """List the algorithms of each pipeline in order, with the lengths of their class lists."""
    statement = (
        select(
            PipelineAlgorithmRow.pipeline_id,
            AlgorithmRow,
            func.coalesce(func.cardinality(CategoryMapRow.labels), 0),
        )
        .join(AlgorithmRow, AlgorithmRow.id == PipelineAlgorithmRow.algorithm_id)
        .outerjoin(CategoryMapRow, CategoryMapRow.sha256 == AlgorithmRow.map_sha256)
        .where(PipelineAlgorithmRow.pipeline_id.in_(pipeline_ids))
        .order_by(PipelineAlgorithmRow.pipeline_id, PipelineAlgorithmRow.position)
    )
    found: dict[int, list[tuple[AlgorithmRow, int]]] = {}
    for pipeline_id, algorithm, classes in (await tx.session.execute(statement)).all():
        found.setdefault(pipeline_id, []).append((algorithm, classes))
    return found


async def list_pipeline_services(
    scope: Scope, tx: Transaction, pipeline_ids: list[int]
) -> dict[int, list[tuple[str, datetime | None]]]:
    """List the services that offer each of these pipelines, with their last contacts."""
    statement = (
        select(ServicePipelineRow.pipeline_id, ServiceRow.name, ServiceRow.last_seen_at)
        .join(ServiceRow, ServiceRow.id == ServicePipelineRow.service_id)
        .where(ServicePipelineRow.pipeline_id.in_(pipeline_ids))
        .order_by(ServicePipelineRow.pipeline_id, ServiceRow.name)
    )
    found: dict[int, list[tuple[str, datetime | None]]] = {}
    for pipeline_id, name, seen_at in (await tx.session.execute(statement)).all():
        found.setdefault(pipeline_id, []).append((name, seen_at))
    return found
