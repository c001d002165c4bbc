"""Register and list pipelines."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import InvalidRequest
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.queue.queries.pipeline_registration import (
    HashedCategoryMap,
    set_pipeline_algorithms,
    upsert_algorithm,
    upsert_category_map,
    upsert_pipeline,
    upsert_service,
    upsert_service_pipeline,
)
from trapline.server.queue.queries.pipelines import (
    PipelineRow,
    list_algorithms,
    list_pipeline_services,
    select_pipelines,
)
from trapline.server.queue.queries.workers import get_registrant
from trapline.server.queue.rules.job_status_reason import ONLINE_S
from trapline.server.queue.rules.list_filters import PipelineFilter
from trapline.server.queue.rules.pipeline_hash import hash_category_map, hash_pipeline, list_labels
from trapline.wire.pipelines import (
    Algorithm,
    PipelineDefinition,
    PipelineRegistration,
    RegisteredAlgorithm,
    RegisteredPipeline,
    RegistrationResult,
    Stage,
)
from trapline.wire.values import Page


async def register_pipelines(
    system: AppContext, scope: Scope, project_id: int, registration: PipelineRegistration
) -> RegistrationResult:
    """Register the pipelines that a processing service offers to a project.

    Raises:
        NotFound: the caller does not see the project.
        Forbidden: the caller may not register pipelines there.
        InvalidRequest: the registration is not valid.
    """
    pipelines = sorted(registration.pipelines, key=lambda pipeline: pipeline.slug)
    slugs = [pipeline.slug for pipeline in pipelines]
    if len(set(slugs)) < len(slugs):
        raise InvalidRequest("The same slug comes twice. Nothing was registered.")
    hashes = await asyncio.to_thread(lambda: [hash_pipeline(pipeline) for pipeline in pipelines])
    return await retry_on_deadlock(
        partial(
            _register_all,
            system,
            scope,
            project_id,
            registration,
            list(zip(pipelines, hashes, strict=True)),
        )
    )


async def _register_all(
    system: AppContext,
    scope: Scope,
    project_id: int,
    registration: PipelineRegistration,
    pipelines: Sequence[tuple[PipelineDefinition, bytes]],
) -> RegistrationResult:
    done: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": []}
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        name, registrant = registration.processing_service_name, get_registrant(scope)
        service_id = await upsert_service(scope, tx, project_id, name, registrant)
        for pipeline, sha256 in pipelines:
            outcome = await _register(scope, tx, project_id, service_id, (pipeline, sha256))
            done[outcome].append(pipeline.slug)
        if done["created"] or done["updated"]:
            changed = {"created": done["created"], "updated": done["updated"]}
            tx.audit("register", "processing_service", service_id, project_id, name=name, **changed)
    return RegistrationResult(
        pipelines_created=done["created"],
        pipelines_updated=done["updated"],
        processing_service_id=service_id,
    )


async def _register(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    service_id: int,
    given: tuple[PipelineDefinition, bytes],
) -> str:
    pipeline, sha256 = given
    lists = [_class_list(algorithm) for algorithm in pipeline.algorithms]
    classes = sum(len(found.labels) for found in lists if found)
    pipeline_id, outcome = await upsert_pipeline(scope, tx, project_id, pipeline, sha256, classes)
    await upsert_service_pipeline(scope, tx, project_id, service_id, pipeline_id)
    if outcome != "unchanged":
        ids = []
        for algorithm, found in zip(pipeline.algorithms, lists, strict=True):
            if found:
                await upsert_category_map(scope, tx, found)
            ids.append(
                await upsert_algorithm(
                    scope, tx, project_id, algorithm, found.sha256 if found else None
                )
            )
        await set_pipeline_algorithms(scope, tx, project_id, pipeline_id, ids)
    return outcome


def _class_list(algorithm: Algorithm) -> HashedCategoryMap | None:
    given = algorithm.category_map
    if given is None or not (given.labels or given.data):
        return None
    labels = list_labels(given)
    return HashedCategoryMap(
        hash_category_map(labels, given.data),
        labels,
        given.model_dump(mode="json", exclude={"labels"}),
    )


async def list_pipelines(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: PipelineFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[RegisteredPipeline]:
    """List the pipelines of one project, or of all of the caller's, by first registration."""
    async with system.database.transaction(scope) as tx:
        statement = select_pipelines(scope, project_id, wanted)
        rows, following = await fetch_page(
            tx,
            statement,
            [(PipelineRow.id, int)],
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        return Page(
            results=await _describe(scope, tx, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def _describe(
    scope: Scope, tx: Transaction, rows: list[PipelineRow]
) -> list[RegisteredPipeline]:
    ids = [row.id for row in rows]
    algorithms = await list_algorithms(scope, tx, ids)
    offers = await list_pipeline_services(scope, tx, ids)
    now = datetime.now(UTC)
    return [
        RegisteredPipeline(
            id=row.id,
            project_id=row.project_id,
            slug=row.slug,
            name=row.name,
            version=row.version,
            description=row.description,
            stages=[Stage.model_validate(stage) for stage in row.stages["stages"]],
            algorithms=[
                RegisteredAlgorithm(
                    key=algorithm.key,
                    name=algorithm.name,
                    version=algorithm.version,
                    task_type=algorithm.task_type,
                    uri=algorithm.uri,
                    classes=classes,
                    registered=algorithm.registered,
                )
                for algorithm, classes in algorithms.get(row.id, [])
            ],
            services=[name for name, _ in offers.get(row.id, [])],
            online=any(is_online(seen_at, now) for _, seen_at in offers.get(row.id, [])),
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def is_online(seen_at: datetime | None, now: datetime) -> bool:
    """Return whether the last contact was within the last minute."""
    return seen_at is not None and (now - seen_at).total_seconds() <= ONLINE_S
