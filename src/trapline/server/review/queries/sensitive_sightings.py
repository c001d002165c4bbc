"""Record the images that showed a sensitive taxon before it was listed, chunk by chunk.

The trigger of `observed_classes` records later observations.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.sensitive_taxa import PRESENT

CHUNK = 2000
"""Images in one chunk."""


class DeploymentSightings(NamedTuple):
    """The images that showed a taxon at a deployment, and those that do not show it any more."""

    deployment_id: UUID
    deployment_name: str
    images: int
    overruled: int
    overruled_images: list[UUID]


class CoveredName(NamedTuple):
    """A name of observations in a set that a sensitive taxon covers."""

    set_id: int
    name: str
    taxon_id: UUID


async def restart_recording(
    scope: Scope, tx: Transaction, project_id: int, covered: Collection[CoveredName] | None = None
) -> None:
    """Search all images of a project again for sensitive taxa, after names changed.

    Until the end of this search, the rules restrict all deployments of the project. A small project
    is searched in this transaction. With `covered`, the names before the change, the images are
    only searched if sensitive taxa cover further ones.
    """
    scope.check(project_id)
    if covered is not None:
        # After this, no transaction stores observations by the earlier names.
        await tx.execute(
            "select pg_advisory_xact_lock(hashtextextended('sensitive taxa', %s))", (project_id,)
        )
        if set(await list_covered_names(scope, tx, project_id)) <= set(covered):
            return
    await tx.execute("select record_sensitive_sightings(%s)", (project_id,))
    await record_first_chunk(scope, tx, project_id)


async def list_covered_names(scope: Scope, tx: Transaction, project_id: int) -> list[CoveredName]:
    """List the names of present observations that sensitive taxa cover."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select exists (select from sensitive_taxa where project_id = %s)", (project_id,)
    )
    if await cursor.fetchone() != (True,):
        return []
    # Reads one entry of the index for each name.
    cursor = await tx.execute(
        """
        select o.id, n.name, n.taxon_id from observation_sets o cross join lateral (
            with recursive found as (
                (select class_name from observed_classes where set_id = o.id order by 1 limit 1)
                union all
                select (select c.class_name from observed_classes c
                    where c.set_id = o.id and c.class_name > f.class_name order by 1 limit 1)
                from found f where f.class_name is not null
            )
            select array_agg(class_name) as names from found where class_name is not null
        ) g cross join lateral list_sensitive_names(%(project)s, o.id, g.names) n
        where o.project_id = %(project)s and o.state <> 'retired'
        """,
        {"project": project_id},
    )
    return [CoveredName(*row) for row in await cursor.fetchall()]


async def record_first_chunk(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Search the first images in the transaction that holds the lock of the rules.

    Images are not locked: a transaction that has them can wait for the lock of the rules.
    """
    scope.check(project_id)
    if not await has_unrecorded_taxa(scope, tx, project_id):
        return
    cursor = await tx.execute(
        "select id from images where project_id = %s order by id limit %s", (project_id, CHUNK)
    )
    images = [key for (key,) in await cursor.fetchall()]
    await _record(tx, project_id, None, images)
    if len(images) < CHUNK:
        await _end(tx, project_id, images[-1] if images else None)


async def has_unrecorded_taxa(scope: Scope, tx: Transaction, project_id: int) -> bool:
    """Return whether images of a project are being searched for a sensitive taxon."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select exists (select from sensitive_taxa where project_id = %s and not is_recorded)",
        (project_id,),
    )
    return await cursor.fetchone() == (True,)


async def find_unrecorded_project(scope: Scope, tx: Transaction) -> int | None:
    """Find a project with images that were not searched for a sensitive taxon yet."""
    cursor = await tx.execute(
        "select project_id from sensitive_taxa where not is_recorded order by 1 limit 1"
    )
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def record_next_chunk(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Search the next images of a project, or end the search after the last one.

    Images are locked first and rules after them, as by transactions that store observations.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        "select recorded_to from sensitive_taxa where project_id = %s and not is_recorded "
        "order by recorded_to nulls first limit 1",
        (project_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return
    cursor = await tx.execute(
        "select id from images where project_id = %(project)s "
        "and (%(last)s::uuid is null or id > %(last)s) order by id limit %(limit)s "
        "for no key update",
        {"project": project_id, "last": row[0], "limit": CHUNK},
    )
    images = [key for (key,) in await cursor.fetchall()]
    await tx.execute(
        "select pg_advisory_xact_lock_shared(hashtextextended('sensitive taxa', %s))",
        (project_id,),
    )
    if images:
        await _record(tx, project_id, row[0], images)
    else:
        await _end(tx, project_id, row[0])


async def _record(
    tx: Transaction, project_id: int, last: UUID | None, images: Sequence[UUID]
) -> None:
    """Record the sightings in the images that follow `last`.

    A rule that was created or reset since `last` was read starts with the first image.
    """
    if not images:
        return
    parameters = {
        "project": project_id,
        "images": list(images),
        "last": last,
        "end": images[-1],
    }
    await tx.execute(
        f"""
        {PRESENT}
        insert into sensitive_sightings (deployment_id, taxon_id, image_id, project_id)
        select distinct p.deployment_id, c.taxon_id, p.image_id, %(project)s::bigint
        from present p join covered c on c.set_id = p.set_id and c.name = p.class_name
        join sensitive_taxa s on s.project_id = %(project)s and s.taxon_id = c.taxon_id
            and not s.is_recorded
        order by 1, 2, 3 on conflict do nothing
        """,  # noqa: S608 - made of constants
        parameters,
    )
    await tx.execute(
        """
        update sensitive_taxa set recorded_to = %(end)s
        where project_id = %(project)s and not is_recorded
            and (recorded_to is not distinct from %(last)s::uuid
                or recorded_to >= %(last)s::uuid and recorded_to < %(end)s)
        """,
        parameters,
    )


async def _end(tx: Transaction, project_id: int, last: UUID | None) -> None:
    await tx.execute(
        """
        update sensitive_taxa set is_recorded = true, recorded_to = null
        where project_id = %(project)s and not is_recorded
            and (recorded_to is not distinct from %(last)s::uuid or recorded_to >= %(last)s::uuid)
        """,
        {"project": project_id, "last": last},
    )


async def list_sightings(
    scope: Scope, tx: Transaction, project_id: int, taxon_id: UUID, most: int, most_images: int
) -> list[DeploymentSightings]:
    """List the deployments that a taxon restricts, those with most overruled images first.

    `most` is the maximum number of deployments, and `most_images` that of images of each.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        """
        with recorded as materialized (
            select deployment_id, image_id from sensitive_sightings
            where project_id = %(project)s and taxon_id = %(taxon)s
        ), present as materialized (
            select c.set_id, c.image_id, c.class_name from recorded r
            join observed_classes c on c.image_id = r.image_id
            join observation_sets o on o.id = c.set_id and o.state <> 'retired'
        ), covered as materialized (
            select u.set_id, n.name from (
                select set_id, array_agg(distinct class_name) as names from present group by 1
            ) u cross join lateral list_sensitive_names(%(project)s, u.set_id, u.names) n
            where n.taxon_id = %(taxon)s
        ), shown as materialized (
            select distinct p.image_id from present p
            join covered c on c.set_id = p.set_id and c.name = p.class_name
        ), counted as (
            select r.deployment_id, count(*) as images,
                count(*) filter (where s.image_id is null) as overruled,
                array_agg(r.image_id order by r.image_id) filter (where s.image_id is null) as ids
            from recorded r left join shown s on s.image_id = r.image_id group by 1
        )
        select d.id, d.name, c.images, c.overruled, coalesce(c.ids[1:%(most_images)s], '{}')
        from counted c join deployments d on d.id = c.deployment_id
        order by c.overruled desc, d.name, d.id limit %(most)s
        """,
        {"project": project_id, "taxon": taxon_id, "most": most, "most_images": most_images},
    )
    return [DeploymentSightings(*row) for row in await cursor.fetchall()]
