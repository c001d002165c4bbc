"""Marks of sequences: which images people put into which sequence by a split or a merge."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Select,
    Uuid,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Now, Number, Row
from trapline.server.platform.errors import NotFound


class SequenceChangeRow(Row):
    """A split or a merge by a person; its marks are deleted when it is undone."""

    __tablename__ = "sequence_changes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("kind in ('split', 'merge')", name="kind"),
        Index("ix_sequence_changes_project", "project_id", "id"),
        Index("ix_sequence_changes_deployment", "deployment_id", "id"),
    )

    id: Mapped[Number]
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    kind: Mapped[str]
    sequences: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """The sequences that resulted, by time."""
    images: Mapped[int]
    made_by: Mapped[str]
    created_at: Mapped[Now]
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]


class SequenceMarkRow(Row):
    """The sequence that a change put an image into; the latest change of an image counts.

    `previous_id` is the sequence that the image was in, null for a deleted image. `span` is the
    time from the first to the last image of its new sequence. Marks survive while their images are
    deleted or dated again.
    """

    __tablename__ = "sequence_marks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        Index("ix_sequence_marks_change", "change_id"),
        Index("ix_sequence_marks_sequence", "sequence_id"),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    change_id: Mapped[int] = mapped_column(
        ForeignKey("sequence_changes.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int]
    sequence_id: Mapped[UUID]
    previous_id: Mapped[UUID | None]
    span: Mapped[timedelta]


class ImageSequence(NamedTuple):
    """The place of an image; `sequence_id` is null while it is not grouped."""

    project_id: int
    deployment_id: UUID
    sequence_id: UUID | None


class SequenceMember(NamedTuple):
    """An image of a sequence."""

    image_id: UUID
    captured_at: datetime
    sequence_id: UUID


async def get_image_sequence(scope: Scope, tx: Transaction, image_id: UUID) -> ImageSequence:
    """Get the sequence of an image that is not deleted. Raises NotFound, Forbidden."""
    cursor = await tx.execute(
        """
        select i.project_id, i.deployment_id, s.id from images i
        left join sequences s on s.id = i.sequence_id and not s.dissolve
        where i.id = %s and i.deleted_at is null
        """,
        (image_id,),
    )
    row = await cursor.fetchone()
    if row is None or not scope.sees(row[0]):
        raise NotFound("image_id: it does not exist, or you have no access to it.")
    scope.check(row[0])
    return ImageSequence(*row)


async def list_members(
    scope: Scope, tx: Transaction, sequences: Collection[UUID], limit: int
) -> list[SequenceMember]:
    """List the images of sequences by time, at most `limit`."""
    cursor = await tx.execute(
        "select id, captured_at, sequence_id from images where sequence_id = any(%b::uuid[])"
        " and deleted_at is null order by captured_at, id limit %s",
        (sorted(sequences), limit),
    )
    return [SequenceMember(*row) for row in await cursor.fetchall()]


async def find_other_between(
    scope: Scope,
    tx: Transaction,
    deployment_id: UUID,
    first: SequenceMember,
    last: SequenceMember,
    sequences: Collection[UUID],
) -> UUID | None:
    """Find another sequence that has an image between two images of a deployment."""
    cursor = await tx.execute(
        """
        select sequence_id from images where deployment_id = %s and deleted_at is null
            and (captured_at, id) > (%s, %s::uuid) and (captured_at, id) < (%s, %s::uuid)
            and sequence_id is not null and sequence_id <> all(%b::uuid[])
        order by captured_at, id limit 1
        """,
        (
            deployment_id,
            first.captured_at,
            first.image_id,
            last.captured_at,
            last.image_id,
            sorted(sequences),
        ),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def create_change_row(
    scope: Scope,
    tx: Transaction,
    row: SequenceChangeRow,
    parts: Mapping[UUID, Sequence[SequenceMember]],
) -> None:
    """Store a change that puts images, ordered by time, into these sequences.

    Deleted images between them are marked as well, for the case that they are restored.
    """
    row.sequences = list(parts)
    row.images = sum(len(members) for members in parts.values())
    tx.session.add(row)
    await tx.session.flush()
    for key, members in parts.items():
        await tx.execute(
            """
            insert into sequence_marks
                (image_id, change_id, project_id, sequence_id, previous_id, span)
            select i.id, %s, i.project_id, %s, i.sequence_id, %s from images i
            where i.id = any(%b::uuid[]) or (
                i.deployment_id = %s and i.deleted_at is not null
                and (i.captured_at, i.id) between (%s, %s::uuid) and (%s, %s::uuid)
            )
            """,
            (
                row.id,
                key,
                members[-1].captured_at - members[0].captured_at,
                sorted(one.image_id for one in members),
                row.deployment_id,
                members[0].captured_at,
                members[0].image_id,
                members[-1].captured_at,
                members[-1].image_id,
            ),
        )


async def delete_marks(scope: Scope, tx: Transaction, change_id: int) -> dict[UUID, UUID]:
    """Delete the marks of a change; return the sequence that each image was in before."""
    cursor = await tx.execute(
        "delete from sequence_marks where change_id = %s returning image_id, previous_id",
        (change_id,),
    )
    return {image: key for image, key in await cursor.fetchall() if key is not None}


async def find_later_change(scope: Scope, tx: Transaction, change_id: int) -> int | None:
    """Find the latest change of an image of this change, if it is not this change."""
    cursor = await tx.execute(
        "select max(later.change_id) from sequence_marks own join sequence_marks later"
        " on later.image_id = own.image_id and later.change_id > own.change_id"
        " where own.change_id = %s",
        (change_id,),
    )
    [(found,)] = await cursor.fetchall()
    return None if found is None else int(found)


def select_changes(
    scope: Scope, project_id: int | None, deployment_id: UUID | None
) -> Select[SequenceChangeRow]:
    """Select the changes that the caller sees, of one project or of all."""
    statement = select(SequenceChangeRow)
    if deployment_id is not None:
        statement = statement.where(SequenceChangeRow.deployment_id == deployment_id)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(SequenceChangeRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(SequenceChangeRow.project_id.in_(ids))


async def get_change_row(
    scope: Scope, tx: Transaction, change_id: int, *, lock: bool = False
) -> SequenceChangeRow:
    """Get a change that the scope permits. Raises NotFound, Forbidden."""
    row = await tx.session.get(SequenceChangeRow, change_id, with_for_update=lock or None)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row
