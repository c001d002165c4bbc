"""Boxes by people, and the history of their changes."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.rules.geometry import Frame, PixelBox
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import Conflict, NotFound

CORNERS = ("x_min", "y_min", "x_max", "y_max")
SHAPE = (*CORNERS, "polygon")


class HumanBoxRow(Row):
    """A box that a person drew; it is withdrawn, not deleted.

    A box with a `polygon` is the extent of the polygon, and one without width and height is a
    point.
    `named_at` is when a person last changed what it shows. `stated_by` last said that it shows
    this, at `stated_at`: by drawing, naming or restoring it, or by moving a box of their own; null
    in a box of an earlier version. `supersedes` has no foreign key, as
    `identifications.annotation_id`.
    """

    __tablename__ = "human_boxes"
    __table_args__ = (
        CheckConstraint(
            "(x_min < x_max and y_min < y_max)"
            " or (x_min = x_max and y_min = y_max and polygon is null)",
            name="area",
        ),
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["project_id", "taxon_id"], ["taxa.project_id", "taxa.id"]),
        Index("ix_human_boxes_image", "image_id", postgresql_where="withdrawn_at is null"),
        Index("ix_human_boxes_project_time", "project_id", "updated_at"),
        Index(
            "ix_human_boxes_taxon",
            "project_id",
            "taxon_id",
            postgresql_where="taxon_id is not null",
        ),
        Index(
            "uq_human_boxes_supersedes",
            "supersedes",
            unique=True,
            postgresql_where="supersedes is not null and withdrawn_at is null",
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    image_id: Mapped[UUID]
    x_min: Mapped[float]
    y_min: Mapped[float]
    x_max: Mapped[float]
    y_max: Mapped[float]
    polygon: Mapped[list[list[float]] | None] = mapped_column(JSONB(none_as_null=True))
    taxon_id: Mapped[UUID | None]
    label: Mapped[str]
    count: Mapped[int | None]
    sex: Mapped[str | None]
    life_stage: Mapped[str | None]
    behaviour: Mapped[str | None]
    individual_id: Mapped[str | None]
    supersedes: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    made_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    updated_by: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    named_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    stated_by: Mapped[str | None]
    stated_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    @property
    def parent_id(self) -> None:
        """The annotation that it belongs to: none, as for boxes of models."""
        return None

    @property
    def analysis_id(self) -> None:
        """The analysis that it is of: none."""
        return None

    @property
    def extent(self) -> PixelBox:
        """The extent in pixels of the upright image."""
        return PixelBox(self.x_min, self.y_min, self.x_max, self.y_max)


class HumanBoxChangeRow(Row):
    """A change of a box, with the values before it."""

    __tablename__ = "human_box_changes"

    box_id: Mapped[UUID] = mapped_column(
        ForeignKey("human_boxes.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    previous: Mapped[dict[str, Any]]


class SupersededAnnotation(NamedTuple):
    """An annotation of a model that a box may supersede."""

    image_id: UUID
    is_classification: bool
    is_completed: bool
    is_simulated: bool
    box_id: UUID | None
    """The box that supersedes it already."""


async def list_superseded(
    scope: Scope, tx: Transaction, annotations: Collection[UUID]
) -> dict[UUID, SupersededAnnotation]:
    """List annotations of models to supersede; those that the caller does not see are left out."""
    if not annotations:
        return {}
    cursor = await tx.execute(
        """
        select n.id, n.project_id, n.image_id, n.annotation_type = 'classification',
            a.state = 'completed', a.simulated, b.id
        from annotations n join analyses a on a.id = n.analysis_id
        left join human_boxes b on b.supersedes = n.id and b.withdrawn_at is null
        where n.id = any(%b)
        """,
        (list(annotations),),
    )
    return {
        key: SupersededAnnotation(*rest)
        for key, project_id, *rest in await cursor.fetchall()
        if scope.sees(project_id)
    }


async def list_frames(scope: Scope, tx: Transaction, images: Iterable[UUID]) -> dict[UUID, Frame]:
    """List the sizes of images in upright pixels."""
    cursor = await tx.execute(
        "select id, project_id, width, height from images where id = any(%b)", (list(images),)
    )
    return {
        key: Frame(width, height)
        for key, project_id, width, height in await cursor.fetchall()
        if scope.sees(project_id)
    }


async def list_used_ids(scope: Scope, tx: Transaction, keys: Collection[UUID]) -> set[UUID]:
    """List the IDs that an annotation has, also one that the caller does not see."""
    if not keys:
        return set()
    cursor = await tx.execute(
        "select id from annotations where id = any(%(keys)b)"
        " union all select id from human_boxes where id = any(%(keys)b)",
        {"keys": list(keys)},
    )
    return {key for (key,) in await cursor.fetchall()}


async def list_withdrawn_boxes(
    scope: Scope, tx: Transaction, keys: Collection[UUID]
) -> dict[UUID, HumanBoxRow]:
    """List the boxes with these IDs that the caller drew and withdrew."""
    statement = select(HumanBoxRow).where(
        HumanBoxRow.id.in_(keys),
        HumanBoxRow.made_by == scope.person,
        HumanBoxRow.updated_by == scope.person,
        HumanBoxRow.withdrawn_at.is_not(None),
    )
    return {row.id: row for row in await tx.session.scalars(statement)}


async def create_human_box_rows(scope: Scope, tx: Transaction, rows: Sequence[HumanBoxRow]) -> None:
    """Create boxes on locked images, and store boxes that are restored.

    Raises:
        Conflict: another request created a box with one of these IDs at the same time.
    """
    tx.session.add_all(rows)
    try:
        await tx.session.flush()
    except IntegrityError as error:
        if isinstance(error.orig, UniqueViolation):
            raise Conflict(
                "Another request created a box with one of these IDs at the same time. "
                "Nothing was stored."
            ) from error
        raise
    for row in rows:
        if row.version > 1:
            await tx.session.refresh(row)


async def find_human_box_row(
    scope: Scope, tx: Transaction, box_id: UUID, *, withdrawn: bool = False
) -> HumanBoxRow | None:
    """Find a box on an image that the caller sees and that is not in the trash.

    Raises Forbidden.
    """
    cursor = await tx.execute(
        "select b.project_id from human_boxes b join images i on i.id = b.image_id "
        "where b.id = %s and i.deleted_at is null",
        (box_id,),
    )
    found = await cursor.fetchone()
    if found is None or not scope.sees(found[0]):
        return None
    scope.check(found[0])
    row = await tx.session.get(HumanBoxRow, box_id, populate_existing=True)
    if row is None or (row.withdrawn_at is not None and not withdrawn):
        return None
    return row


async def get_human_box_row(
    scope: Scope, tx: Transaction, box_id: UUID, *, withdrawn: bool = False
) -> HumanBoxRow:
    """Get a box on an image that the caller sees. Raises NotFound, Forbidden."""
    row = await find_human_box_row(scope, tx, box_id, withdrawn=withdrawn)
    if row is None:
        raise NotFound
    return row


async def record_change(scope: Scope, tx: Transaction, row: HumanBoxRow) -> None:
    """Record the current values of a box before it is changed, and increase its version."""
    names = (*SHAPE, "label", "count", "sex", "life_stage", "behaviour", "individual_id")
    previous = {name: getattr(row, name) for name in names}
    previous["taxon_id"] = str(row.taxon_id) if row.taxon_id is not None else None
    row.version += 1
    row.updated_by, row.updated_at = scope.person, func.clock_timestamp()
    change = HumanBoxChangeRow(
        box_id=row.id, version=row.version, changed_by=scope.person, previous=previous
    )
    tx.session.add(change)


def mark_stated(scope: Scope, row: HumanBoxRow) -> None:
    """Mark that the caller says now what a box shows."""
    row.stated_by, row.stated_at = scope.person, func.clock_timestamp()


async def list_changes(
    scope: Scope, tx: Transaction, row: HumanBoxRow
) -> Sequence[HumanBoxChangeRow]:
    """List the changes of a box, the newest first."""
    statement = select(HumanBoxChangeRow).where(HumanBoxChangeRow.box_id == row.id)
    ordered = statement.order_by(HumanBoxChangeRow.version.desc())
    return (await tx.session.scalars(ordered)).all()


async def list_boxes_of_images(
    scope: Scope, tx: Transaction, images: Collection[UUID]
) -> list[HumanBoxRow]:
    """List the boxes on these images that are not withdrawn, in the order of their creation."""
    statement = (
        select(HumanBoxRow)
        .where(HumanBoxRow.image_id.in_(images), HumanBoxRow.withdrawn_at.is_(None))
        .order_by(HumanBoxRow.created_at, HumanBoxRow.id)
    )
    return list((await tx.session.scalars(statement)).all())
