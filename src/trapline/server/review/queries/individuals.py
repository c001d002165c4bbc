"""The individuals that observations name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import EXACT_UP_TO


async def list_individual_rows(
    scope: Scope,
    tx: Transaction,
    sets: Sequence[int],
    *,
    search: str | None,
    is_recent: bool,
    after: Sequence[Any] | None,
    limit: int,
) -> list[tuple[str, list[str], int, datetime, datetime, datetime]]:
    """List individuals with their names, number of images, first and last capture.

    They are in the order of their names, or those that were identified last are first.
    """
    identified = "coalesce(max(o.identified_at), max(i.captured_at))"
    conditions, having = ["o.set_id = any(%(sets)s)", "i.deleted_at is null"], "true"
    values: dict[str, Any] = {"sets": list(sets), "search": (search or "").lower(), "limit": limit}
    if search:
        conditions.append("strpos(lower(o.individual_id), %(search)s) > 0")
    if after is not None and is_recent:
        values |= {"time": after[0], "name": after[1]}
        having = (
            f"({identified} < %(time)s or ({identified} = %(time)s and o.individual_id > %(name)s))"
        )
    values.setdefault("name", after[0] if after is not None and not is_recent else "")
    conditions.append("o.individual_id > ''" if is_recent else "o.individual_id > %(name)s")
    cursor = await tx.execute(
        f"""
        select o.individual_id, array_agg(distinct o.name), count(distinct o.image_id),
            min(i.captured_at), max(i.captured_at), {identified}
        from observations o join images i on i.id = o.image_id
        where {" and ".join(conditions)} group by 1 having {having}
        order by {"6 desc, 1" if is_recent else "1"} limit %(limit)s
        """,  # noqa: S608 - made of constants
        values,
    )
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in await cursor.fetchall()]


async def count_individuals(
    scope: Scope, tx: Transaction, sets: Sequence[int], search: str | None
) -> tuple[int, bool]:
    """Count the individuals of a list: exactly up to 10,000, beyond that an estimate."""
    cursor = await tx.execute(
        f"""
        select count(*) from (
            select distinct o.individual_id from observations o join images i on i.id = o.image_id
            where o.set_id = any(%(sets)s) and o.individual_id is not null and i.deleted_at is null
                and strpos(lower(o.individual_id), %(search)s) > 0
            limit {EXACT_UP_TO + 1}
        ) few
        """,  # noqa: S608 - made of constants
        {"sets": list(sets), "search": (search or "").lower()},
    )
    [(count,)] = await cursor.fetchall()
    return min(count, EXACT_UP_TO), count > EXACT_UP_TO
