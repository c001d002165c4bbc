"""Deployments: one camera at one place over one period."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    case,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, query_expression, with_expression

from trapline.server.images.rules.filters import DeploymentFilter
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import OrderColumn, filter_by
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound


class DeploymentRow(Row):
    """A deployment.

    `is_default` marks the one deployment of a project that receives images without a deployment.
    While it is `dating`, its images are dated again by its clock offset, in the order of their IDs
    up to `dated_to`, and in the time zone `dating_zone` if there is one. `time_zone_source` is a
    `ZoneSource`. `inactive_periods` are objects with `start` and `end`, as texts in UTC, and
    `reason`, in the order of their starts.
    """

    __tablename__ = "deployments"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "name"),
        Index("uq_deployments_default", "project_id", unique=True, postgresql_where="is_default"),
        Index("ix_deployments_dating", "id", postgresql_where="dating"),
        CheckConstraint("latitude between -90 and 90", name="latitude"),
        CheckConstraint("longitude between -180 and 180", name="longitude"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    is_default: Mapped[bool] = mapped_column(default=False)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    coordinate_uncertainty_m: Mapped[float | None]
    time_zone: Mapped[str] = mapped_column(default="UTC")
    time_zone_source: Mapped[str] = mapped_column(default="default", server_default="default")
    previous_time_zone: Mapped[str | None]
    clock_offset_s: Mapped[int] = mapped_column(default=0)
    previous_clock_offset_s: Mapped[int | None]
    dating: Mapped[bool] = mapped_column(default=False, server_default="false")
    dated_to: Mapped[UUID | None]
    dating_zone: Mapped[str | None]
    images_to_date: Mapped[int] = mapped_column(default=0, server_default="0")
    images_dated: Mapped[int] = mapped_column(default=0, server_default="0")
    camera: Mapped[str] = mapped_column(default="")
    habitat: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    camera_model: Mapped[str] = mapped_column(default="", server_default="")
    camera_delay_s: Mapped[int | None]
    camera_height_m: Mapped[float | None]
    camera_depth_m: Mapped[float | None]
    camera_tilt_deg: Mapped[int | None]
    camera_heading_deg: Mapped[int | None]
    detection_distance_m: Mapped[float | None]
    timestamp_issues: Mapped[bool | None]
    bait_use: Mapped[bool | None]
    feature_type: Mapped[str | None]
    setup_by: Mapped[str] = mapped_column(default="", server_default="")
    pickup_by: Mapped[str] = mapped_column(default="", server_default="")
    groups: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    tags: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    inactive_periods: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, default=list, server_default="[]"
    )
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    shown_name: Mapped[str | None] = query_expression()
    """The name that the caller sees, in lists for callers from whom names are withheld."""


async def get_deployment_row(
    scope: Scope, tx: Transaction, deployment_id: UUID, *, lock: bool = False
) -> DeploymentRow:
    """Get a deployment that the scope permits. Raises NotFound, Forbidden."""
    row = await tx.session.get(DeploymentRow, deployment_id, with_for_update=lock or None)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


async def require_deployment(
    scope: Scope, tx: Transaction, deployment_id: UUID | None, project_id: int
) -> None:
    """Raise NotFound if a deployment is given that is not of this project."""
    if (
        deployment_id is not None
        and (await get_deployment_row(scope, tx, deployment_id)).project_id != project_id
    ):
        raise NotFound


async def get_default_deployment_row(
    scope: Scope, tx: Transaction, project_id: int
) -> DeploymentRow:
    """Get the default deployment of a project. Raises NotFound, Forbidden."""
    scope.check(project_id)
    statement = select(DeploymentRow).where(
        DeploymentRow.project_id == project_id, DeploymentRow.is_default
    )
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    return row


def select_deployments(
    scope: Scope,
    project_id: int | None,
    wanted: DeploymentFilter = DeploymentFilter(),
    withheld: Collection[UUID] = (),
) -> Select[DeploymentRow]:
    """Select the deployments that the caller sees, of one project or of all.

    The names and other texts of `withheld` deployments cannot be searched for.
    """
    statement = select(DeploymentRow)
    if withheld:
        name = get_name_column(withheld)
        statement = statement.options(with_expression(DeploymentRow.shown_name, name))
        if wanted.camera or wanted.habitat:
            statement = statement.where(DeploymentRow.id.not_in(withheld))
        statement = filter_by(statement, ((name, wanted.name),))
    else:
        statement = filter_by(statement, ((DeploymentRow.name, wanted.name),))
    texts = ((DeploymentRow.camera, wanted.camera), (DeploymentRow.habitat, wanted.habitat))
    statement = filter_by(statement, texts)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(DeploymentRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(DeploymentRow.project_id.in_(ids))


def get_name_column(withheld: Collection[UUID]) -> OrderColumn:
    """Return the column of the names that the caller sees; pages are ordered by it."""
    if not withheld:
        return DeploymentRow.name
    names = {key: get_shown_name(key) for key in withheld}
    shown = case(names, value=DeploymentRow.id, else_=DeploymentRow.name).label("shown_name")
    return cast("OrderColumn", shown)


async def has_images(scope: Scope, tx: Transaction, deployment_id: UUID) -> bool:
    """Whether a deployment has images, deleted ones included."""
    cursor = await tx.execute(
        "select exists (select 1 from images where deployment_id = %s)", (deployment_id,)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def summarise_images(
    scope: Scope, tx: Transaction, deployment_ids: list[UUID]
) -> dict[UUID, tuple[int, datetime | None]]:
    """Count the images of these deployments and find the last capture time of each."""
    # Deleted images are few and are subtracted, so the others are counted in the index alone.
    cursor = await tx.execute(
        """
        select d.id, (select count(*) from images i where i.deployment_id = d.id)
                - (select count(*) from images i
                    where i.project_id = d.project_id and i.deployment_id = d.id
                        and i.deleted_at is not null),
            (select i.captured_at from images i where i.deployment_id = d.id
                and i.deleted_at is null
                order by i.captured_at desc, i.id desc limit 1)
        from deployments d where d.id = any(%s)
        """,
        (deployment_ids,),
    )
    return {key: (count, last) for key, count, last in await cursor.fetchall()}
