"""Routes of pipelines: register and list."""

import asyncio
import contextlib

from fastapi import APIRouter, Request
from pydantic import ValidationError

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.json_stream import has_many_values
from trapline.server.platform.http.parameters import (
    Cursor,
    Limit,
    ProjectFilter,
    ProjectPath,
    QueryText,
)
from trapline.server.platform.http.problems import build_field_problems
from trapline.server.platform.http.request_bodies import IN_MEMORY, build_body_schema, receive_body
from trapline.server.queue.actions import pipelines
from trapline.server.queue.rules.list_filters import PipelineFilter
from trapline.wire.pipelines import (
    PipelineOrder,
    PipelineRegistration,
    RegisteredPipeline,
    RegistrationResult,
)
from trapline.wire.values import Page

router = APIRouter(tags=["pipelines"])
MOST_VALUES = 4_000_000
"""Ten class lists of 30,000 entries with five fields each have 3.6 million values and keys."""


@router.post(
    "/projects/{project_id}/pipelines",
    status_code=201,
    openapi_extra=build_body_schema(PipelineRegistration),
)
async def register_pipelines(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, request: Request
) -> RegistrationResult:
    """Register the pipelines of a processing service; registering the same again changes nothing.

    Returns 400 if the content is not valid.
    """
    scope.check(project_id)
    async with receive_body(request, system.limits.json_bytes) as body:
        whole = bytes(body)
    if has_many_values(whole, MOST_VALUES):
        raise InvalidRequest(
            f"A registration has at most {MOST_VALUES:,} values. Nothing was registered. "
            "Send fewer pipelines."
        )
    try:
        # In a thread, and one large body at a time: class lists of 30,000 labels take a second to
        # decode.
        async with system.large_bodies if len(whole) > IN_MEMORY else contextlib.nullcontext():
            registration = await asyncio.to_thread(PipelineRegistration.model_validate_json, whole)
    except ValidationError as error:
        problems = build_field_problems(error.errors())
        said = "; ".join(f"{where or 'the body'}: {message}" for where, message in problems[:3])
        raise InvalidRequest(f"{said}. Nothing was registered.", problems) from error
    return await pipelines.register_pipelines(system, scope, project_id, registration)


@router.get("/pipelines")
async def list_pipelines(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    slug: QueryText | None = None,
    name: QueryText | None = None,
    order: PipelineOrder = PipelineOrder.OLDEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RegisteredPipeline]:
    """List pipelines by first registration, of one project or of all of yours."""
    wanted = PipelineFilter(slug, name)
    descending = order == PipelineOrder.NEWEST_FIRST
    return await pipelines.list_pipelines(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )
