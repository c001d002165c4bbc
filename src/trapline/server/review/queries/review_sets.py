"""Review sets: the tables, and the sets themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    SmallInteger,
    Text,
    UniqueConstraint,
    exists,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.accounts.queries.accounts import MemberRow
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound
from trapline.wire.auth import Role

SEES_ALL = Role.MANAGER
"""The role that is required to see review sets that are assigned to others."""
CLAIMABLE = "not is_done or answer is not null"


class ReviewSetRow(Row):
    """A list of items to review; `people` is empty if all reviewers can work on it.

    A random audit of one class has the class and the model version that found it.
    """

    __tablename__ = "review_sets"
    __table_args__ = (
        UniqueConstraint("project_id", "id", name="uq_review_sets_project_id"),
        CheckConstraint("unit in ('sequence', 'image')", name="unit"),
        CheckConstraint("reviews between 1 and 5", name="reviews"),
        CheckConstraint("kind in ('review', 'random_audit')", name="kind"),
        Index("ix_review_sets_project_time", "project_id", "created_at", "id"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    unit: Mapped[str]
    reviews: Mapped[int] = mapped_column(SmallInteger)
    item_order: Mapped[str]
    filter: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="review")
    audit_class: Mapped[str | None]
    audit_source: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("clock_timestamp()")
    )
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("clock_timestamp()")
    )
    closed_at: Mapped[datetime | None]


class ReviewSetPersonRow(Row):
    """A person to whom a set is assigned."""

    __tablename__ = "review_set_people"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "set_id"],
            ["review_sets.project_id", "review_sets.id"],
            ondelete="CASCADE",
        ),
    )

    set_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    project_id: Mapped[int]


class ReviewSetItemRow(Row):
    """An item of a set, the person who holds it, and the known answer of a control item.

    Triggers on identifications and boxes of people keep `is_done`.
    """

    __tablename__ = "review_set_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "set_id"],
            ["review_sets.project_id", "review_sets.id"],
            ondelete="CASCADE",
        ),
        Index(
            "ix_review_set_items_claimable",
            "set_id",
            "position",
            postgresql_where=text(CLAIMABLE),
        ),
        Index(
            "ix_review_set_items_claimed",
            "set_id",
            "claimed_by",
            postgresql_where=text("claimed_by is not null"),
        ),
    )

    set_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    project_id: Mapped[int]
    is_done: Mapped[bool] = mapped_column(server_default="false")
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None]
    answer: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """The known answer as names; null for an item that is not a control item."""
    control_image_id: Mapped[UUID | None]


class ReviewSetImageRow(Row):
    """An image of an item."""

    __tablename__ = "review_set_images"
    __table_args__ = (
        ForeignKeyConstraint(
            ["set_id", "position"],
            ["review_set_items.set_id", "review_set_items.position"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        Index("ix_review_set_images_image", "image_id"),
    )

    set_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]


class ReviewSetReviewRow(Row):
    """The review of an item by a person; `answer` is derived when it is read first."""

    __tablename__ = "review_set_reviews"
    __table_args__ = (
        ForeignKeyConstraint(
            ["set_id", "position"],
            ["review_set_items.set_id", "review_set_items.position"],
            ondelete="CASCADE",
        ),
        Index("ix_review_set_reviews_person", "set_id", "user_id"),
        Index("ix_review_set_reviews_pending", "set_id", postgresql_where=text("answer is null")),
    )

    set_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    decided_at: Mapped[datetime]
    answer: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


@dataclass(frozen=True, slots=True)
class SetCounts:
    """Counts of the items of a set that have an image; `mine` and `open` are of one person."""

    items: int = 0
    done: int = 0
    mine: int = 0
    open: int = 0


def can_see_all(scope: Scope, project_id: int) -> bool:
    """Whether the caller sees the sets of all people, and how they progress."""
    if scope.everything:
        return True
    role = scope.roles.get(project_id)
    return role is not None and RANK[role] >= RANK[SEES_ALL]


def _is_for(user_id: UUID | None) -> Any:
    """Build the condition that a set is assigned to a person, or open to all reviewers."""
    of_set = ReviewSetPersonRow.set_id == ReviewSetRow.id
    return or_(
        ~exists().where(of_set), exists().where(of_set, ReviewSetPersonRow.user_id == user_id)
    )


def select_review_sets(
    scope: Scope, project_id: int, *, mine: bool = False, closed: bool | None = None
) -> Select[ReviewSetRow]:
    """Select the sets of a project that the caller sees; with `mine`, those to work on."""
    scope.check(project_id)
    statement = select(ReviewSetRow).where(ReviewSetRow.project_id == project_id)
    if mine or not can_see_all(scope, project_id):
        statement = statement.where(_is_for(scope.user_id))
    if closed is not None:
        is_closed = ReviewSetRow.closed_at.is_not(None)
        statement = statement.where(is_closed if closed else ~is_closed)
    return statement


async def get_review_set_row(
    scope: Scope, tx: Transaction, project_id: int, set_id: UUID, *, lock: bool = False
) -> ReviewSetRow:
    """Get a set. Raises NotFound, also for one that is assigned to others only, and Forbidden."""
    statement = select_review_sets(scope, project_id).where(ReviewSetRow.id == set_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    return row


async def is_assigned(scope: Scope, tx: Transaction, row: ReviewSetRow) -> bool:
    """Whether the caller can review the items of a set."""
    statement = select(ReviewSetRow.id).where(ReviewSetRow.id == row.id, _is_for(scope.user_id))
    return (await tx.session.execute(statement)).first() is not None


async def list_people(
    scope: Scope, tx: Transaction, sets: Sequence[UUID]
) -> dict[UUID, list[UUID]]:
    """List the people to whom sets are assigned, by set."""
    row = ReviewSetPersonRow
    statement = select(row.set_id, row.user_id).where(row.set_id.in_(sets)).order_by(row.user_id)
    people: dict[UUID, list[UUID]] = {}
    for set_id, user_id in (await tx.session.execute(statement)).all():
        people.setdefault(set_id, []).append(user_id)
    return people


async def list_reviewers(
    scope: Scope, tx: Transaction, project_id: int, people: Collection[UUID]
) -> set[UUID]:
    """List which of these people are members whose role allows to review."""
    allowed = [role.value for role in Role if RANK[role] >= RANK[Role.REVIEWER]]
    statement = select(MemberRow.user_id).where(
        MemberRow.project_id == project_id,
        MemberRow.user_id.in_(people),
        MemberRow.role.in_(allowed),
    )
    return set((await tx.session.scalars(statement)).all())


async def replace_people(
    scope: Scope, tx: Transaction, row: ReviewSetRow, people: Collection[UUID]
) -> None:
    """Assign a locked set to these people, and release the claims of all others."""
    wanted = sorted(set(people))
    await tx.execute("delete from review_set_people where set_id = %s", (row.id,))
    await tx.execute(
        "insert into review_set_people (project_id, set_id, user_id)"
        " select %s, %s, * from unnest(%s::uuid[])",
        (row.project_id, row.id, wanted),
    )
    if wanted:
        await tx.execute(
            """
            with others as materialized (
                select position from review_set_items
                where set_id = %(set)s and claimed_by is not null and claimed_by <> all(%(people)s)
                order by position for no key update
            )
            update review_set_items i set claimed_by = null, claimed_until = null
            from others o where i.set_id = %(set)s and i.position = o.position
            """,
            {"set": row.id, "people": wanted},
        )


async def create_items(
    scope: Scope, tx: Transaction, row: ReviewSetRow, images: Sequence[UUID], most: int
) -> int:
    """Create the items of a set from images in its order; return the number of their images.

    With sequences, an item has all images of its sequence that are not deleted. The return value
    can exceed `most`: then the items are incomplete.
    """
    of_sequences = row.unit == "sequence"
    cursor = await tx.execute(
        """
        with chosen as materialized (
            select g.image_id, g.place, i.sequence_id
            from unnest(%(images)s::uuid[]) with ordinality as g (image_id, place)
            join images i on i.id = g.image_id and i.project_id = %(project)s
                and i.deleted_at is null
        ), numbered as (
            select key, sequence_id, row_number() over (order by min(place)) as position
            from (
                select *, case when %(sequences)b and sequence_id is not null
                    then sequence_id else image_id end as key from chosen
            ) k group by key, sequence_id
        ), pairs as (
            select n.position, n.key as image_id from numbered n
            where not %(sequences)b or n.sequence_id is null
            union all
            select n.position, i.id from numbered n
            join images i on i.sequence_id = n.sequence_id and i.deleted_at is null
                and i.project_id = %(project)s
            where %(sequences)b and n.sequence_id is not null
        )
        select position, image_id from pairs order by position, image_id limit %(most)s + 1
        """,
        {
            "images": list(images),
            "project": row.project_id,
            "sequences": of_sequences,
            "most": most,
        },
    )
    pairs = await cursor.fetchall()
    if len(pairs) > most:
        return len(pairs)
    await tx.execute(
        "insert into review_set_items (set_id, project_id, position)"
        " select %s, %s, p from unnest(%s::integer[]) p",
        (row.id, row.project_id, sorted({position for position, _ in pairs})),
    )
    await tx.execute(
        "insert into review_set_images (set_id, project_id, position, image_id)"
        " select %s, %s, * from unnest(%s::integer[], %s::uuid[])",
        (row.id, row.project_id, [one for one, _ in pairs], [one for _, one in pairs]),
    )
    return len(pairs)


async def count_items(
    scope: Scope, tx: Transaction, row: ReviewSetRow, user_id: UUID | None
) -> SetCounts:
    """Count the items of a set that still have an image that is not deleted."""
    cursor = await tx.execute(
        """
        with gone as materialized (
            select i.position from review_set_items i
            where i.set_id = %(set)s and not exists (
                select from review_set_images m join images g on g.id = m.image_id
                    and g.deleted_at is null
                where m.set_id = i.set_id and m.position = i.position)
        ), mine as materialized (
            select position from review_set_reviews where set_id = %(set)s and user_id = %(user)s
        )
        select count(*), count(*) filter (where i.is_done),
            count(*) filter (where r.position is not null),
            count(*) filter (where r.position is null
                and (not i.is_done or i.answer is not null))
        from review_set_items i left join mine r on r.position = i.position
        where i.set_id = %(set)s and i.position not in (select position from gone)
        """,
        {"set": row.id, "user": user_id},
    )
    [counts] = await cursor.fetchall()
    return SetCounts(*counts)


async def mark_updated(scope: Scope, tx: Transaction, row: ReviewSetRow) -> None:
    """Set the time of the last change of a set."""
    row.updated_at = func.clock_timestamp()
    await tx.session.flush()
    await tx.session.refresh(row)
