"""Counts of images by deployment, class and local day; days that changed are counted again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Date, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.findings.rules.filters import DayFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Now, Number, Row

LOCK = 7_230_004
DAYS_AT_ONCE = 200
LONGEST_S = 120
HOURS = 24
EVERY = ""
"""The class name of rows that count all images."""

_LOCAL = "i.captured_at at time zone i.time_zone"
# No zone is further from UTC, so all images of a local day are between these times.
_EARLIEST = "(d.day::timestamp - interval '15 hours') at time zone 'UTC'"
_LATEST = "(d.day::timestamp + interval '39 hours') at time zone 'UTC'"
_OF_DAY = (
    f"i.deployment_id = d.deployment_id and i.captured_at >= {_EARLIEST}"
    f" and i.captured_at < {_LATEST}"
)
_DAYS = "unnest(%(deployments)s::uuid[], %(days)s::date[]) as d(deployment_id, day)"
LOCK_DAYS = f"""
    select c.deployment_id, c.day from {_DAYS}
    join day_counts c on c.deployment_id = d.deployment_id and c.day = d.day
        and c.class_name = %(every)s
    order by 1, 2 for update of c
"""  # noqa: S608 - made of constants
"""Locks days against changes of their counts; a day is locked by its row of all images."""
_BY_HOUR = ", ".join(f"coalesce(sum(n) filter (where hour = {hour}), 0)" for hour in range(HOURS))


class DirtyDayRow(Row):
    """A day of a deployment that changed after it was counted; one row for each change.

    The table has no unique constraint, so transactions that store results of the same day never
    wait for each other. Database triggers insert rows when images are added, dated again or
    deleted, and `mark_days_dirty` when findings change.
    """

    __tablename__ = "dirty_days"
    __table_args__ = (Index(None, "project_id"),)

    id: Mapped[Number]
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    day: Mapped[date] = mapped_column(Date)


class DayCountRow(Row):
    """The number of images of a deployment with a class, or of all, by local day and its hours."""

    __tablename__ = "day_counts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
        # A covering index for sums over years: 50,000 rows took 24 ms from the table, and 4 ms from
        # the index.
        Index(
            "ix_day_counts_class",
            "project_id",
            "class_name",
            "day",
            postgresql_include=["deployment_id", "images", "blank"],
        ),
        Index(None, "project_id", "counted_at"),
    )

    deployment_id: Mapped[UUID] = mapped_column(primary_key=True)
    class_name: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    project_id: Mapped[int]
    images: Mapped[int]
    blank: Mapped[int]
    hours: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    counted_at: Mapped[Now]


@dataclass
class DayCountTotals:
    """Sums over some days; `classes` and `deployments` have the most frequent first."""

    images: int = 0
    blank: int = 0
    days: list[tuple[date, int, int]] = field(default_factory=list)
    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    classes: list[tuple[str, int]] = field(default_factory=list)
    deployments: list[tuple[UUID, str, int, datetime | None]] = field(default_factory=list)


async def mark_days_dirty(tx: Transaction, images: Collection[UUID]) -> None:
    """Mark the days of these images to be counted again."""
    await tx.execute(
        f"""
        insert into dirty_days (project_id, deployment_id, day)
        select distinct i.project_id, i.deployment_id, ({_LOCAL})::date from images i
            where i.id = any(%b)
        """,  # noqa: S608 - made of constants
        (list(images),),
    )


async def update_dirty_days(scope: Scope, tx: Transaction, most: int) -> bool:
    """Count at most `most` days that changed; return whether more may remain.

    One transaction at a time does this. A day with many images waits longer (2 ms per image, at
    most 5 minutes) until it is counted again, to limit the load.
    """
    cursor = await tx.execute("select pg_try_advisory_xact_lock(%s)", (LOCK,))
    if await cursor.fetchone() != (True,):
        return False
    await tx.execute(f"set local statement_timeout = '{LONGEST_S}s'")
    cursor = await tx.execute(
        """
        with due as (
            select d.deployment_id, d.day from
                (select distinct deployment_id, day from dirty_days) d
            left join day_counts c on c.deployment_id = d.deployment_id and c.day = d.day
                and c.class_name = ''
            where c.counted_at is null
               or c.counted_at + least(c.images * interval '2 ms',
                   interval '5 minutes') <= clock_timestamp()
            limit %s
        ), taken as (
            delete from dirty_days d using due where d.deployment_id = due.deployment_id
                and d.day = due.day
        )
        select due.deployment_id, due.day from due
        """,
        (most,),
    )
    due = await cursor.fetchall()
    if due:
        await _recount_days(tx, [row[0] for row in due], [row[1] for row in due])
    return len(due) == most


async def _recount_days(tx: Transaction, deployments: Sequence[UUID], days: Sequence[date]) -> None:
    # Each statement sees all commits before it, so at least the changes that marked these days.
    parameters: dict[str, Any] = {"deployments": list(deployments), "days": list(days)}
    # Differences that are being added are then committed, and no others follow before the end.
    await tx.execute(LOCK_DAYS, {**parameters, "every": EVERY})
    # A class that was found while the time of its image changed still has the old time.
    await tx.execute(
        f"""
        update image_classes c set captured_at = l.captured_at from (
            select c.image_id, c.class_name, i.captured_at from {_DAYS} join images i on {_OF_DAY}
            join image_classes c on c.image_id = i.id and c.captured_at <> i.captured_at
            order by 1, 2 for no key update of c
        ) l where c.image_id = l.image_id and c.class_name = l.class_name
        """,  # noqa: S608 - made of constants
        parameters,
    )
    await tx.execute(
        f"""
        update observed_classes c set captured_at = l.captured_at from (
            select c.image_id, c.class_name, c.set_id, i.captured_at
            from {_DAYS} join images i on {_OF_DAY}
            join observed_classes c on c.image_id = i.id and c.captured_at <> i.captured_at
            order by 1, 2, 3 for no key update of c
        ) l where c.image_id = l.image_id and c.class_name = l.class_name and c.set_id = l.set_id
        """,  # noqa: S608 - made of constants
        parameters,
    )
    await tx.execute(
        f"delete from day_counts c using {_DAYS}"  # noqa: S608
        " where c.deployment_id = d.deployment_id and c.day = d.day",
        parameters,
    )
    await tx.execute(
        f"""
        with found as materialized (
            select d.deployment_id, d.day, i.project_id, i.id, p.observation_set_id as set_id,
                extract(hour from {_LOCAL}) as hour
            from {_DAYS} join images i on {_OF_DAY} join projects p on p.id = i.project_id
            where i.deleted_at is null and ({_LOCAL})::date = d.day
        ), shown as materialized (
            select f.project_id, f.deployment_id, f.day, f.hour, c.class_name, c.kind
            from found f join observed_classes c on c.image_id = f.id and c.set_id = f.set_id
        ), counted as (
            select project_id, deployment_id, day, hour, '' as class_name, count(*) as n, 0 as blank
            from found group by 1, 2, 3, 4
            union all
            select project_id, deployment_id, day, hour, '', 0, count(*) from shown
            where kind = 'blank' group by 1, 2, 3, 4
            union all
            select project_id, deployment_id, day, hour, class_name, count(*), 0 from shown
            where kind <> 'blank' and class_name <> '' group by 1, 2, 3, 4, 5
        )
        insert into day_counts (project_id, deployment_id, day, class_name, images, blank, hours,
            counted_at)
        select project_id, deployment_id, day, class_name, sum(n), sum(blank), array[{_BY_HOUR}],
            clock_timestamp()
        from counted group by 1, 2, 3, 4
        """,  # noqa: S608 - made of constants
        parameters,
    )


_CHOSEN = """
    c.project_id = %(project)s and (%(deployments)s::uuid[] is null
        or c.deployment_id = any(%(deployments)s::uuid[]))
    and (%(after)s::date is null or c.day >= %(after)s)
        and (%(before)s::date is null or c.day < %(before)s)
"""


def _parameters(wanted: DayFilter) -> dict[str, Any]:
    return {
        "project": wanted.project_id,
        "deployments": list(wanted.deployment_ids) or None,
        "class": wanted.class_name or EVERY,
        "after": wanted.day_after,
        "before": wanted.day_before,
    }


async def sum_days(scope: Scope, tx: Transaction, wanted: DayFilter) -> list[tuple[date, int, int]]:
    """Sum images and blank images by day, the latest day first."""
    scope.check(wanted.project_id)
    cursor = await tx.execute(
        f"""
        select c.day, sum(c.images)::bigint, sum(c.blank)::bigint from day_counts c
        where {_CHOSEN} and c.class_name = %(class)s group by 1 order by 1 desc
        """,  # noqa: S608 - made of constants
        _parameters(wanted),
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def sum_images(scope: Scope, tx: Transaction, wanted: DayFilter) -> tuple[int, int]:
    """Sum images and blank images over all days."""
    scope.check(wanted.project_id)
    cursor = await tx.execute(
        f"""
        select coalesce(sum(c.images), 0)::bigint, coalesce(sum(c.blank), 0)::bigint
            from day_counts c
        where {_CHOSEN} and c.class_name = %(class)s
        """,  # noqa: S608 - made of constants
        _parameters(wanted),
    )
    [(images, blank)] = await cursor.fetchall()
    return images, blank


async def sum_project(
    scope: Scope, tx: Transaction, wanted: DayFilter, most: int
) -> DayCountTotals:
    """Sum by day, hour, class and deployment; at most `most` classes and deployments."""
    days = await sum_days(scope, tx, wanted)
    sums = DayCountTotals(
        sum(images for _, images, _ in days), sum(blank for _, _, blank in days), days
    )
    parameters = {**_parameters(wanted), "most": most}
    each_hour = ", ".join(f"coalesce(sum(c.hours[{hour + 1}]), 0)::bigint" for hour in range(HOURS))
    cursor = await tx.execute(
        f"select {each_hour} from day_counts c where {_CHOSEN}"  # noqa: S608
        " and c.class_name = %(class)s",
        parameters,
    )
    [row] = await cursor.fetchall()
    sums.hours = list(row)
    cursor = await tx.execute(
        f"""
        select c.class_name, sum(c.images)::bigint from day_counts c where {_CHOSEN}
            and c.class_name <> ''
          and (%(class)s = '' or c.class_name = %(class)s)
        group by 1 order by 2 desc, 1 limit %(most)s
        """,  # noqa: S608 - made of constants
        parameters,
    )
    sums.classes = [(row[0], row[1]) for row in await cursor.fetchall()]
    cursor = await tx.execute(
        f"""
        select s.deployment_id, d.name, s.images,
            (select i.captured_at from images i where i.deployment_id = d.id
                and i.deleted_at is null
                order by i.captured_at desc, i.id desc limit 1)
        from (
            select c.deployment_id, sum(c.images)::bigint as images from day_counts c
            where {_CHOSEN} and c.class_name = %(class)s group by 1 order by 2 desc, 1
                limit %(most)s
        ) s join deployments d on d.id = s.deployment_id order by s.images desc, d.name
        """,  # noqa: S608 - made of constants
        parameters,
    )
    sums.deployments = [(row[0], row[1], row[2], row[3]) for row in await cursor.fetchall()]
    return sums


async def has_dirty_days(scope: Scope, tx: Transaction, project_id: int) -> bool:
    """Whether days of a project must still be counted."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select exists (select from dirty_days where project_id = %s)", (project_id,)
    )
    return await cursor.fetchone() == (True,)


async def count_days_without_camera_time(scope: Scope, tx: Transaction, wanted: DayFilter) -> int:
    """Count the images of these days that neither a camera nor a person dated."""
    scope.check(wanted.project_id)
    cursor = await tx.execute(
        f"""
        select count(*) from images i
        where i.project_id = %(project)s and (%(deployments)s::uuid[] is null
            or i.deployment_id = any(%(deployments)s::uuid[]))
            and i.captured_at_source in ('modified_time', 'received_time') and i.read_at is null
            and i.deleted_at is null
            and (%(after)s::date is null or ({_LOCAL})::date >= %(after)s)
            and (%(before)s::date is null or ({_LOCAL})::date < %(before)s)
            and (%(class)s = '' or exists (
                select from observed_classes c join projects p on p.observation_set_id = c.set_id
                where c.image_id = i.id and c.class_name = %(class)s))
        """,  # noqa: S608 - made of constants
        _parameters(wanted),
    )
    [(images,)] = await cursor.fetchall()
    return int(images)
