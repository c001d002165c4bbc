"""Store the registration of a processing service; the same registration again changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trapline.server.findings.queries.annotations import to_jsonb
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.workers import attach_workers
from trapline.wire.pipelines import Algorithm, PipelineDefinition


@dataclass(frozen=True)
class HashedCategoryMap:
    """An ordered class list, identified by its hash."""

    sha256: bytes
    labels: list[str]
    content: dict[str, Any]


async def upsert_service(
    scope: Scope, tx: Transaction, project_id: int, name: str, registrant: str
) -> int:
    """Find or create a registrant's processing service, and add a project to it; return its ID."""
    cursor = await tx.execute(
        """
        insert into processing_services (name, registrant, address, last_seen_at)
        values (%s, %s, %s, clock_timestamp())
        on conflict (name, registrant) do update
        set address = excluded.address, last_seen_at = excluded.last_seen_at
        returning id
        """,
        (name, registrant, scope.origin.address),
    )
    row = await cursor.fetchone()
    assert row is not None
    await tx.execute(
        "insert into service_projects (service_id, project_id) values (%s, %s) on conflict do "
        "nothing",
        (row[0], project_id),
    )
    await attach_workers(scope, tx, int(row[0]), name, registrant)
    return int(row[0])


async def upsert_category_map(scope: Scope, tx: Transaction, found: HashedCategoryMap) -> None:
    """Store a class list, once per content."""
    await tx.execute(
        "insert into category_maps (sha256, labels, content) values (%s, %s, %s) on conflict do "
        "nothing",
        (found.sha256, found.labels, to_jsonb(found.content)),
    )


async def upsert_algorithm(
    scope: Scope, tx: Transaction, project_id: int, algorithm: Algorithm, map_sha256: bytes | None
) -> int:
    """Find or create a revision of an algorithm (key, version, class list)."""
    key = (project_id, algorithm.key, algorithm.version, map_sha256)
    await tx.execute(
        """
        insert into algorithms (project_id, key, version, map_sha256, name, description, task_type,
            version_name, uri,
            registered)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, true)
        on conflict (project_id, key, version, map_sha256) do update set registered = true,
            name = excluded.name, description = excluded.description,
                task_type = excluded.task_type,
            version_name = excluded.version_name, uri = excluded.uri
            where not algorithms.registered
        """,
        (
            *key,
            algorithm.name,
            algorithm.description,
            algorithm.task_type,
            algorithm.version_name,
            algorithm.uri,
        ),
    )
    cursor = await tx.execute(
        """
        select id from algorithms
        where project_id = %s and key = %s and version = %s and map_sha256 is not distinct from %s
        """,
        key,
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def upsert_pipeline(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    pipeline: PipelineDefinition,
    sha256: bytes,
    classes: int,
) -> tuple[int, str]:
    """Create or update a pipeline; return its ID and `created`, `updated` or `unchanged`."""
    cursor = await tx.execute(
        """
        insert into pipelines (project_id, slug, version, name, description, stages, content_sha256,
            classes)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (project_id, slug) do update
        set version = excluded.version, name = excluded.name,
            description = excluded.description, stages = excluded.stages,
                content_sha256 = excluded.content_sha256,
            classes = excluded.classes, updated_at = clock_timestamp()
            where pipelines.content_sha256 <> excluded.content_sha256
        returning id, xmax = 0
        """,
        (
            project_id,
            pipeline.slug,
            pipeline.version,
            pipeline.name,
            pipeline.description,
            to_jsonb({"stages": [stage.model_dump(mode="json") for stage in pipeline.stages]}),
            sha256,
            classes,
        ),
    )
    row = await cursor.fetchone()
    if row is not None:
        return int(row[0]), "created" if row[1] else "updated"
    cursor = await tx.execute(
        "select id from pipelines where project_id = %s and slug = %s", (project_id, pipeline.slug)
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0]), "unchanged"


async def set_pipeline_algorithms(
    scope: Scope, tx: Transaction, project_id: int, pipeline_id: int, algorithm_ids: list[int]
) -> None:
    """Set the algorithms of a pipeline, in order."""
    await tx.execute("delete from pipeline_algorithms where pipeline_id = %s", (pipeline_id,))
    await tx.execute(
        """
        insert into pipeline_algorithms (pipeline_id, position, algorithm_id, project_id)
        select %s, a.position - 1, a.id, %s from unnest(%s::bigint[])
            with ordinality as a(id, position)
        """,
        (pipeline_id, project_id, algorithm_ids),
    )


async def upsert_service_pipeline(
    scope: Scope, tx: Transaction, project_id: int, service_id: int, pipeline_id: int
) -> None:
    """Record that a service offers a pipeline."""
    await tx.execute(
        """
        insert into service_pipelines (service_id, pipeline_id, project_id) values (%s, %s, %s)
        on conflict (service_id, pipeline_id) do nothing
        """,
        (service_id, pipeline_id, project_id),
    )


async def create_unregistered_algorithms(
    scope: Scope, tx: Transaction, project_id: int, named: dict[str, str]
) -> None:
    """Store algorithms of results that are not registered, by key and name, with a flag."""
    if named:
        # Sorted, so that two transactions with the same algorithms cannot deadlock.
        ordered = dict(sorted(named.items()))
        await tx.execute(
            """
            insert into algorithms (project_id, key, version, map_sha256, name, registered)
            select %s, n.key, 0, null, n.name, false
            from unnest(%s::text[], %s::text[]) as n(key, name)
            on conflict (project_id, key, version, map_sha256) do nothing
            """,
            (project_id, list(ordered), list(ordered.values())),
        )


async def list_algorithm_rows(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    pipeline_id: int,
    named: Sequence[tuple[str, int | None]],
) -> dict[tuple[str, int | None], tuple[int, bytes | None]]:
    """List algorithms by key and version, with the hash of their class list.

    Without a version, or with one that is not registered, the pipeline's revision is used, else the
    newest.
    """
    cursor = await tx.execute(
        """
        select n.key, n.version, found.id, found.map_sha256
        from unnest(%s::text[], %s::integer[]) as n(key, version), lateral (
            select a.id, a.map_sha256 from algorithms a
            left join pipeline_algorithms pa on pa.algorithm_id = a.id and pa.pipeline_id = %s
            where a.project_id = %s and a.key = n.key
            order by (a.registered and a.version = n.version) is true desc,
                (pa.pipeline_id is not null) desc,
                a.registered desc, a.id desc limit 1
        ) found
        """,
        ([key for key, _ in named], [version for _, version in named], pipeline_id, project_id),
    )
    return {
        (key, version): (algorithm_id, sha256)
        for key, version, algorithm_id, sha256 in await cursor.fetchall()
    }


async def list_labels(scope: Scope, tx: Transaction, hashes: list[bytes]) -> dict[bytes, list[str]]:
    """Get class lists by their hashes."""
    if not hashes:
        return {}
    cursor = await tx.execute(
        "select sha256, labels from category_maps where sha256 = any(%s)", (hashes,)
    )
    return {bytes(sha256): labels for sha256, labels in await cursor.fetchall()}
