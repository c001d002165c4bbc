"""Items of review sets: claims, images, control items and progress by person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.review_sets import CLAIMABLE, ReviewSetRow
from trapline.wire.review_sets import CLAIM_S

_HAS_IMAGE = """exists (select from review_set_images m join images g on g.id = m.image_id
    and g.deleted_at is null where m.set_id = {0}.set_id and m.position = {0}.position)"""
"""The condition that an item has an image that is not deleted."""
_OPEN = f"""
    ({CLAIMABLE})
    and not exists (select from review_set_reviews r where r.set_id = i.set_id
        and r.position = i.position and r.user_id = %(user)s)
    and {_HAS_IMAGE.format("i")}
"""
"""The condition that a person can review an item `i`, even if another person holds it."""
_FREE = "(i.claimed_by is null or i.claimed_by = %(user)s or i.claimed_until <= clock_timestamp())"
_UNCLAIMED = "(i.claimed_by is null or i.claimed_until <= clock_timestamp())"
_LAST_REVIEWED = """(select r.position from review_set_reviews r
    where r.set_id = %(set)s and r.user_id = %(user)s order by r.position desc limit 1)"""
_CLAIM = """
    update review_set_items i set claimed_by = %(user)s,
        claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    from chosen c where i.set_id = %(set)s and i.position = c.position
    returning i.position, i.claimed_until
"""


@dataclass(frozen=True, slots=True)
class PersonProgress:
    """The progress of a person in a set."""

    user_id: UUID
    reviewed: int
    last_review_at: datetime | None
    claimed: int
    controls: int
    controls_right: int


@dataclass(frozen=True, slots=True)
class ControlItem:
    """A control item with its known answer, and the number of reviews with an answer."""

    position: int
    image_id: UUID
    answer: Sequence[str]
    reviews: int
    right: int


async def renew_claims(
    scope: Scope, tx: Transaction, row: ReviewSetRow, positions: Collection[int]
) -> set[int]:
    """Renew the caller's claims of these items; return those that the caller holds now.

    An item whose claim ended is claimed again if no other person holds it.
    """
    cursor = await tx.execute(
        f"""
        with chosen as materialized (
            select i.position from review_set_items i
            where i.set_id = %(set)s and i.position = any(%(positions)s) and {_FREE} and {_OPEN}
            order by i.position for no key update
        ) {_CLAIM}
        """,  # noqa: S608 - made of constants
        {
            "set": row.id,
            "user": scope.user_id,
            "positions": sorted(positions),
            "seconds": CLAIM_S,
        },
    )
    return {position for position, _ in await cursor.fetchall()}


async def claim_items(
    scope: Scope, tx: Transaction, row: ReviewSetRow, count: int, held: Collection[int]
) -> list[int]:
    """Claim up to `count` items in the order of the set, without those in `held`.

    The caller's own claims come first, so that a page that is opened again continues with them.
    Items after the last one that the caller reviewed come next, and then those before it, so that
    a claim does not pass all that the caller reviewed. Items that another transaction is claiming
    are skipped.
    """
    claimed: list[int] = []
    for condition in (
        "i.claimed_by = %(user)s",
        f"{_UNCLAIMED} and i.position > coalesce({_LAST_REVIEWED}, 0)",
        _UNCLAIMED,
    ):
        cursor = await tx.execute(
            f"""
            with chosen as materialized (
                select i.position from review_set_items i
                where i.set_id = %(set)s and {condition} and i.position <> all(%(held)s) and {_OPEN}
                order by i.position limit %(limit)s for no key update skip locked
            ) {_CLAIM}
            """,  # noqa: S608 - made of constants
            {
                "set": row.id,
                "user": scope.user_id,
                "held": [*held, *claimed],
                "limit": count - len(claimed),
                "seconds": CLAIM_S,
            },
        )
        claimed += sorted(position for position, _ in await cursor.fetchall())
        if len(claimed) >= count:
            break
    return sorted(claimed)


async def release_claims(
    scope: Scope, tx: Transaction, row: ReviewSetRow, positions: Collection[int] | None
) -> int:
    """Release the caller's claims of these items, or of all; return their number."""
    cursor = await tx.execute(
        """
        with chosen as materialized (
            select position from review_set_items
            where set_id = %(set)s and claimed_by = %(user)s
                and (%(positions)s::integer[] is null or position = any(%(positions)s))
            order by position for no key update
        )
        update review_set_items i set claimed_by = null, claimed_until = null
        from chosen c where i.set_id = %(set)s and i.position = c.position
        """,
        {
            "set": row.id,
            "user": scope.user_id,
            "positions": None if positions is None else sorted(positions),
        },
    )
    return cursor.rowcount


async def list_item_images(
    scope: Scope, tx: Transaction, row: ReviewSetRow, positions: Collection[int]
) -> dict[int, list[UUID]]:
    """List the images of items that are not deleted, in order of time, by position."""
    cursor = await tx.execute(
        """
        select m.position, m.image_id from review_set_images m
        join images i on i.id = m.image_id and i.deleted_at is null
        where m.set_id = %s and m.position = any(%s) order by m.position, i.captured_at, i.id
        """,
        (row.id, sorted(positions)),
    )
    images: dict[int, list[UUID]] = {}
    for position, image_id in await cursor.fetchall():
        images.setdefault(position, []).append(image_id)
    return images


async def list_whole_sequences(
    scope: Scope, tx: Transaction, row: ReviewSetRow, positions: Collection[int]
) -> dict[int, UUID]:
    """List the sequences of items that have exactly the images of the item now, by position."""
    if row.unit != "sequence":
        return {}
    cursor = await tx.execute(
        """
        with items as (
            select m.position, count(*) as images, count(distinct i.sequence_id) as sequences,
                count(i.sequence_id) as grouped, (array_agg(i.sequence_id))[1] as sequence_id
            from review_set_images m join images i on i.id = m.image_id and i.deleted_at is null
            where m.set_id = %s and m.position = any(%s) group by m.position
        )
        select position, sequence_id from items t
        where sequences = 1 and grouped = images and images = (
            select count(*) from images i
            where i.sequence_id = t.sequence_id and i.deleted_at is null)
        """,
        (row.id, sorted(positions)),
    )
    return dict(await cursor.fetchall())


async def list_person_progress(
    scope: Scope, tx: Transaction, row: ReviewSetRow
) -> list[PersonProgress]:
    """List the people who reviewed or hold an item, or to whom the set is assigned."""
    cursor = await tx.execute(
        """
        with done as (
            select r.user_id, count(*) as reviewed, max(r.decided_at) as last,
                count(*) filter (where i.answer is not null and r.answer is not null) as controls,
                count(*) filter (where i.answer = r.answer) as matches
            from review_set_reviews r
            join review_set_items i on i.set_id = r.set_id and i.position = r.position
            where r.set_id = %(set)s group by r.user_id
        ), held as (
            select claimed_by as user_id, count(*) as claimed from review_set_items
            where set_id = %(set)s and claimed_by is not null
                and claimed_until > clock_timestamp() group by claimed_by
        ), people as (
            select user_id from done union select user_id from held
            union select user_id from review_set_people where set_id = %(set)s
        )
        select p.user_id, coalesce(d.reviewed, 0), d.last, coalesce(h.claimed, 0),
            coalesce(d.controls, 0), coalesce(d.matches, 0)
        from people p left join done d using (user_id) left join held h using (user_id)
        order by 2 desc, 1
        """,
        {"set": row.id},
    )
    return [PersonProgress(*found) for found in await cursor.fetchall()]


async def find_position(
    scope: Scope, tx: Transaction, row: ReviewSetRow, image_id: UUID
) -> int | None:
    """Find the item of a set that has an image."""
    cursor = await tx.execute(
        "select position from review_set_images where set_id = %s and image_id = %s",
        (row.id, image_id),
    )
    found = await cursor.fetchone()
    return None if found is None else int(found[0])


async def set_control(
    scope: Scope,
    tx: Transaction,
    row: ReviewSetRow,
    position: int,
    image_id: UUID,
    answer: Sequence[str] | None,
) -> bool:
    """Set or remove the known answer of an item; return whether it changed."""
    cursor = await tx.execute(
        """
        update review_set_items set answer = %(answer)s::text[], control_image_id = %(image)s
        where set_id = %(set)s and position = %(position)s
            and answer is distinct from %(answer)s::text[]
        """,
        {
            "set": row.id,
            "position": position,
            "image": None if answer is None else image_id,
            "answer": None if answer is None else list(answer),
        },
    )
    return cursor.rowcount > 0


async def list_controls(scope: Scope, tx: Transaction, row: ReviewSetRow) -> list[ControlItem]:
    """List the control items of a set in its order."""
    cursor = await tx.execute(
        """
        select i.position, i.control_image_id, i.answer, count(r.answer),
            count(*) filter (where r.answer = i.answer)
        from review_set_items i
        left join review_set_reviews r on r.set_id = i.set_id and r.position = i.position
        where i.set_id = %s and i.answer is not null
        group by i.position, i.control_image_id, i.answer order by i.position
        """,
        (row.id,),
    )
    return [ControlItem(*found) for found in await cursor.fetchall()]


async def list_pending_reviews(
    scope: Scope, tx: Transaction, row: ReviewSetRow, limit: int
) -> list[tuple[int, UUID, datetime]]:
    """Lock reviews of a set whose answers are not derived; return position, person and time.

    Reviews of items without an image that is not deleted are left out.
    """
    cursor = await tx.execute(
        f"""
        select r.position, r.user_id, r.decided_at from review_set_reviews r
        where r.set_id = %s and r.answer is null and {_HAS_IMAGE.format("r")}
        order by r.position, r.user_id limit %s for no key update of r skip locked
        """,  # noqa: S608 - made of constants
        (row.id, limit),
    )
    return [(position, user_id, at) for position, user_id, at in await cursor.fetchall()]


async def save_answers(
    scope: Scope,
    tx: Transaction,
    row: ReviewSetRow,
    answers: Mapping[tuple[int, UUID], Sequence[str]],
) -> None:
    """Store the answers of locked reviews, by position and person."""
    rows = [
        {"position": position, "user_id": str(user_id), "answer": list(answer)}
        for (position, user_id), answer in answers.items()
    ]
    await tx.execute(
        """
        update review_set_reviews r set answer = a.answer
        from jsonb_to_recordset(%s) as a (position integer, user_id uuid, answer text[])
        where r.set_id = %s and r.position = a.position and r.user_id = a.user_id
        """,
        (Jsonb(rows), row.id),
    )


async def count_pending_reviews(scope: Scope, tx: Transaction, row: ReviewSetRow) -> int:
    """Count the reviews of a set whose answers are not derived yet."""
    cursor = await tx.execute(
        "select count(*) from review_set_reviews r"  # noqa: S608 - made of constants
        f" where r.set_id = %s and r.answer is null and {_HAS_IMAGE.format('r')}",
        (row.id,),
    )
    [(count,)] = await cursor.fetchall()
    return int(count)


async def list_answers(
    scope: Scope, tx: Transaction, row: ReviewSetRow
) -> list[tuple[int, UUID, tuple[str, ...]]]:
    """List the answers of a set as position, person and names, in the order of the set."""
    cursor = await tx.execute(
        "select position, user_id, answer from review_set_reviews"
        " where set_id = %s and answer is not null order by position, user_id",
        (row.id,),
    )
    return [
        (position, user_id, tuple(answer)) for position, user_id, answer in await cursor.fetchall()
    ]


async def list_first_images(
    scope: Scope, tx: Transaction, row: ReviewSetRow, positions: Collection[int]
) -> dict[int, UUID]:
    """List the first image of items, by position; those without an image are left out."""
    images = await list_item_images(scope, tx, row, positions)
    return {position: found[0] for position, found in images.items()}
