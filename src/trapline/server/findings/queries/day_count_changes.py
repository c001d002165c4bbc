"""Add to the counts of days what the change of some images changes in them.

Counts of changed days are otherwise counted again within seconds (see `day_counts`). An
identification must be visible in the next request, so its difference is added in the same
transaction.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from trapline.server.findings.queries.day_counts import EVERY, HOURS, LOCK_DAYS
from trapline.server.platform.db.base import Transaction

LONGEST_LOCK_MS = 500
"""Maximum time to wait for days that are being counted; these show the change when that ends."""


class CountedHour(NamedTuple):
    """An hour of a local day of a deployment, and a class; the class EVERY means blank."""

    deployment_id: UUID
    day: date
    class_name: str
    hour: int


async def count_shown(tx: Transaction, images: Collection[UUID]) -> Counter[CountedHour]:
    """Count what these images show now by deployment, day, class and hour."""
    cursor = await tx.execute(
        """
        select i.deployment_id, (i.captured_at at time zone i.time_zone)::date,
            case when c.kind = 'blank' then '' else c.class_name end,
            extract(hour from i.captured_at at time zone i.time_zone)::int, count(*)
        from images i join projects p on p.id = i.project_id
        join observed_classes c on c.image_id = i.id and c.set_id = p.observation_set_id
        where i.id = any(%b) and i.deleted_at is null
            and (c.kind = 'blank' or c.class_name <> '')
        group by 1, 2, 3, 4
        """,
        (list(images),),
    )
    return Counter({CountedHour(*row[:4]): row[4] for row in await cursor.fetchall()})


async def add_changes(
    tx: Transaction, before: Mapping[CountedHour, int], after: Mapping[CountedHour, int]
) -> None:
    """Add the difference of two counts of the same images to the counts of their days.

    Days that were never counted, or are being counted for longer than LONGEST_LOCK_MS, are left to
    that count: the caller marks them with `mark_days_dirty`.
    """
    changed = {
        key: after.get(key, 0) - before.get(key, 0)
        for key in {*before, *after}
        if after.get(key, 0) != before.get(key, 0)
    }
    if not changed:
        return
    days = await _lock_days(tx, sorted({key[:2] for key in changed}))
    rows: defaultdict[tuple[UUID, date, str], list[int]] = defaultdict(lambda: [0] * HOURS)
    for key, difference in changed.items():
        if key[:2] in days:
            rows[key[:3]][key.hour] += difference
    if rows:
        await _add_rows(tx, rows)


async def _lock_days(
    tx: Transaction, days: Collection[tuple[UUID, date]]
) -> set[tuple[UUID, date]]:
    """Lock days and return those that are locked."""
    connection = await tx.connection()
    try:
        async with connection.transaction():
            cursor = await tx.execute("select current_setting('lock_timeout')")
            [(timeout,)] = await cursor.fetchall()
            await tx.execute(f"set local lock_timeout = {LONGEST_LOCK_MS}")
            cursor = await tx.execute(
                LOCK_DAYS,
                {
                    "deployments": [deployment for deployment, _ in days],
                    "days": [day for _, day in days],
                    "every": EVERY,
                },
            )
            locked = {(deployment, day) for deployment, day in await cursor.fetchall()}
            await tx.execute("select set_config('lock_timeout', %s, true)", (timeout,))
    except psycopg.errors.LockNotAvailable:
        return set()
    return locked


async def _add_rows(tx: Transaction, rows: Mapping[tuple[UUID, date, str], list[int]]) -> None:
    parameters: dict[str, Any] = {
        "deployments": [deployment for deployment, _, _ in rows],
        "days": [day for _, day, _ in rows],
        "names": [name for _, _, name in rows],
        "hours": ["{" + ",".join(map(str, hours)) + "}" for hours in rows.values()],
    }
    changes = """
        unnest(%(deployments)s::uuid[], %(days)s::date[], %(names)s::text[], %(hours)s::text[])
            as x(deployment_id, day, class_name, hours)
    """
    total = "(select sum(h) from unnest(x.hours::bigint[]) h)"
    await tx.execute(
        f"""
        update day_counts c set blank = greatest(c.blank + {total}, 0) from {changes}
        where c.deployment_id = x.deployment_id and c.day = x.day and c.class_name = ''
            and x.class_name = ''
        """,  # noqa: S608 - made of constants
        parameters,
    )
    await tx.execute(
        f"""
        insert into day_counts as c (project_id, deployment_id, day, class_name, images, blank,
            hours, counted_at)
        select d.project_id, x.deployment_id, x.day, x.class_name, {total}, 0, x.hours::bigint[],
            clock_timestamp()
        from {changes} join deployments d on d.id = x.deployment_id where x.class_name <> ''
        on conflict (deployment_id, class_name, day) do update set
            images = greatest(c.images + excluded.images, 0),
            hours = (select array_agg(greatest(a + b, 0) order by place)
                from unnest(c.hours, excluded.hours) with ordinality as h(a, b, place))
        """,  # noqa: S608 - made of constants
        parameters,
    )
    await tx.execute(
        f"""
        delete from day_counts c using {changes} where c.deployment_id = x.deployment_id
            and c.day = x.day and c.class_name = x.class_name and c.class_name <> ''
            and c.images <= 0
        """,  # noqa: S608 - made of constants
        parameters,
    )
