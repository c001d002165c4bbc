"""Build a set of observations for all images of a project, in chunks, and delete retired sets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.derivation import derive_set
from trapline.server.review.queries.observation_rows import BUILDING, RETIRED
from trapline.server.review.queries.observation_sets import ObservationSet, get_taxon_key

LATE_IMAGES = 10_000
"""At most this many images with results since the start of a build are derived before its end."""


@dataclass(frozen=True)
class UnfinishedSet:
    """A set that is being built or deleted, locked for this transaction."""

    set: ObservationSet
    created_at: datetime
    last_image_id: UUID | None


async def lock_settings(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Lock the settings of a project's observations against other changes."""
    scope.check(project_id)
    await tx.execute("select 1 from projects where id = %s for no key update", (project_id,))


async def start_build(
    scope: Scope, tx: Transaction, project_id: int, settings: Mapping[str, Any]
) -> int:
    """Start to build a set with these settings; one that is being built is given up for it."""
    await tx.execute(
        "update observation_sets set state = 'retired', last_image_id = null "
        "where project_id = %s and state = 'building'",
        (project_id,),
    )
    return await _create_set(tx, project_id, BUILDING, settings)


async def create_trial_set(
    scope: Scope, tx: Transaction, project_id: int, settings: Mapping[str, Any]
) -> int:
    """Create a set for a preview, which rolls it back; it does not wait for a build that starts."""
    scope.check(project_id)
    return await _create_set(tx, project_id, RETIRED, settings)


async def _create_set(
    tx: Transaction, project_id: int, state: str, settings: Mapping[str, Any]
) -> int:
    cursor = await tx.execute(
        """
        insert into observation_sets (project_id, state, settings, images)
        values (%(project)s, %(state)s, %(settings)s,
            (select count(*) from images where project_id = %(project)s))
        returning id
        """,
        {"project": project_id, "state": state, "settings": Jsonb(dict(settings))},
    )
    [(key,)] = await cursor.fetchall()
    return int(key)


async def lock_unfinished_set(scope: Scope, tx: Transaction, state: str) -> UnfinishedSet | None:
    """Lock the oldest set in a state that no other process works on."""
    cursor = await tx.execute(
        "select id, project_id, state, settings, created_at, last_image_id from observation_sets "
        "where state = %s order by id limit 1 for no key update skip locked",
        (state,),
    )
    row = await cursor.fetchone()
    return None if row is None else UnfinishedSet(ObservationSet(*row[:4]), row[4], row[5])


async def list_next_images(
    scope: Scope, tx: Transaction, of: UnfinishedSet, limit: int
) -> list[UUID]:
    """List the images that follow those that are done, deleted ones included, and lock them."""
    cursor = await tx.execute(
        "select id from images where project_id = %(project)s "
        "and (%(last)s::uuid is null or id > %(last)s) order by id limit %(limit)s "
        "for no key update",
        {"project": of.set.project_id, "last": of.last_image_id, "limit": limit},
    )
    return [key for (key,) in await cursor.fetchall()]


async def derive_chunk(
    scope: Scope, tx: Transaction, of: UnfinishedSet, images: Sequence[UUID]
) -> None:
    """Derive the observations of locked images in a set, and record the progress."""
    await derive_set(scope, tx, of.set, images)
    await tx.execute(
        "update observation_sets set last_image_id = %s, derived = derived + %s where id = %s",
        (images[-1], len(images), of.set.id),
    )


async def list_late_images(scope: Scope, tx: Transaction, of: UnfinishedSet) -> list[UUID]:
    """List images with results since the build began, and lock them.

    A process of an earlier version, which runs until its upgrade, derives no observations.
    """
    cursor = await tx.execute(
        """
        select i.id from images i where i.id in (
            select a.image_id from analyses a where a.project_id = %s and a.state = 'completed'
                and not a.simulated and a.completed_at >= %s
        ) order by i.id limit %s for no key update
        """,
        (of.set.project_id, of.created_at, LATE_IMAGES),
    )
    return [key for (key,) in await cursor.fetchall()]


async def try_lock_settings(scope: Scope, tx: Transaction, project_id: int) -> bool:
    """Lock the settings of a project's observations; return False if another transaction has them.

    A build locks its set first, and a change of the settings locks the project first. A build that
    waited for the project could therefore wait for a change that waits for the set.
    """
    cursor = await tx.execute(
        "select 1 from projects where id = %s for no key update skip locked", (project_id,)
    )
    return await cursor.fetchone() is not None


async def finish_build(scope: Scope, tx: Transaction, of: UnfinishedSet) -> None:
    """Make a complete set the current one: readers see it from their next request on."""
    parameters = {"project": of.set.project_id, "set": of.set.id}
    retire = (
        "update observation_sets set state = 'retired', last_image_id = null "
        "where project_id = %(project)s and state = 'current'"
    )
    finish = (
        "update observation_sets set state = 'current', last_image_id = null, "
        "finished_at = clock_timestamp(), images = derived where id = %(set)s"
    )
    switch = "update projects set observation_set_id = %(set)s where id = %(project)s"
    count_again = (
        "insert into dirty_days (project_id, deployment_id, day) select distinct project_id, "
        "deployment_id, day from day_counts where project_id = %(project)s"
    )
    for statement in (retire, finish, switch, count_again):
        await tx.execute(statement, parameters)


async def delete_chunk(
    scope: Scope, tx: Transaction, of: UnfinishedSet, images: Sequence[UUID]
) -> None:
    """Delete the observations of images in a retired set; without images, delete the set."""
    if not images:
        await tx.execute("delete from observation_sets where id = %s", (of.set.id,))
        return
    for statement in (
        "delete from observations where image_id = any(%s) and set_id = %s",
        "delete from observed_classes where image_id = any(%s) and set_id = %s",
        "delete from answer_pairs where image_id = any(%s) and set_id = %s",
    ):
        await tx.execute(statement, (list(images), of.set.id))
    await tx.execute(
        "update observation_sets set last_image_id = %s where id = %s", (images[-1], of.set.id)
    )


@dataclass(frozen=True)
class SetProgress:
    """How far a set is."""

    created_at: datetime
    finished_at: datetime | None
    images: int
    derived: int


async def list_set_progress(
    scope: Scope, tx: Transaction, project_id: int
) -> dict[str, SetProgress]:
    """List how far the current set of a project, and the one that is being built, are."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select state, created_at, finished_at, images, derived from observation_sets "
        "where project_id = %s and state <> 'retired'",
        (project_id,),
    )
    return {state: SetProgress(*rest) for state, *rest in await cursor.fetchall()}


async def list_set_pipelines(
    scope: Scope, tx: Transaction, set_id: int
) -> list[tuple[str, int, bool]]:
    """List the pipelines of a set in the order of priority: name, priority, and if they count."""
    cursor = await tx.execute(
        "select model_name, rank, counts from observation_pipelines "
        "where set_id = %s order by 2, 1",
        (set_id,),
    )
    return [(name, rank, counts) for name, rank, counts in await cursor.fetchall()]


async def list_sample(scope: Scope, tx: Transaction, project_id: int, limit: int) -> list[UUID]:
    """List the newest images of a project, by their ids."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select id from images where project_id = %s and deleted_at is null "
        "order by captured_at desc, id desc limit %s",
        (project_id, limit),
    )
    return sorted(key for (key,) in await cursor.fetchall())


@dataclass(frozen=True)
class SetComparison:
    """Differences of two sets on some images; `classes` are names with images before and after."""

    changed: int
    needs_review: int
    classes: list[tuple[str, int, int]]


async def compare_sets(
    scope: Scope, tx: Transaction, before: int, after: int, images: Sequence[UUID]
) -> SetComparison:
    """Compare two sets on some images by their names."""
    parameters = {"before": before, "after": after, "images": list(images)}
    cursor = await tx.execute(
        """
        with shown as (
            select image_id, set_id, array_agg(class_name order by class_name) as names,
                bool_or(needs_review) as needs_review
            from observed_classes
            where image_id = any(%(images)s) and set_id in (%(before)s, %(after)s) group by 1, 2
        )
        select count(*) filter (where b.names is distinct from a.names),
            count(*) filter (where a.needs_review)
        from (select * from shown where set_id = %(before)s) b
        full join (select * from shown where set_id = %(after)s) a using (image_id)
        """,
        parameters,
    )
    [(changed, needs_review)] = await cursor.fetchall()
    cursor = await tx.execute(
        """
        select class_name, count(*) filter (where set_id = %(before)s),
            count(*) filter (where set_id = %(after)s)
        from observed_classes
        where image_id = any(%(images)s) and set_id in (%(before)s, %(after)s)
        group by 1 order by greatest(count(*) filter (where set_id = %(before)s),
            count(*) filter (where set_id = %(after)s)) desc, 1
        """,
        parameters,
    )
    return SetComparison(changed, needs_review, [(a, b, c) for a, b, c in await cursor.fetchall()])


async def uses_names(
    scope: Scope, tx: Transaction, set_id: int, labels: Collection[str], taxa: Collection[UUID]
) -> bool:
    """Return whether observations of a set use one of these labels or taxa."""
    cursor = await tx.execute(
        "select exists (select from name_meanings where set_id = %s "
        "and (key = any(%s) or key = any(%s) or taxon_id = any(%s)))",
        (set_id, list(labels), [get_taxon_key(one) for one in taxa], list(taxa)),
    )
    return await cursor.fetchone() == (True,)
