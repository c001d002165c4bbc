"""The stream of change events for the page (server-sent events)."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.accounts.routes.event_streams import TICK_S, open_stream
from trapline.server.catalogue.actions.changes import sample_changes
from trapline.server.catalogue.events import ChangeSubscribers
from trapline.server.platform.http.parameters import LARGEST
from trapline.server.platform.http.request_context import OriginOf
from trapline.wire.events import ChangeEvent

router = APIRouter(tags=["events"])


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {"model": ChangeEvent, "description": "Server-sent events; each `data:` is a Change."}
    },
)
async def stream_changes(
    system: SystemOf,
    scope: ScopeOf,
    origin: OriginOf,
    request: Request,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
) -> StreamingResponse:
    """Stream the changes of a project.

    Each `data:` names the object that changed, not its new state.
    """
    scope.check(project)
    listeners: ChangeSubscribers = request.app.state.listeners

    async def events() -> AsyncIterator[str | None]:
        async for change in listeners.listen(project, partial(sample_changes, system), TICK_S):
            yield f"data: {change.model_dump_json()}\n\n" if change else None

    return await open_stream(request, system, scope, origin, project, events())
