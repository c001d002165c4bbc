"""The stream of changes that the page listens to: server-sent events, hints only."""

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from trapline.server.actions.changes import sample_changes
from trapline.server.events import Listeners
from trapline.server.routes.access import ScopeOf, SystemOf
from trapline.server.routes.parameters import LARGEST
from trapline.wire.events import Change

router = APIRouter(tags=["events"])

SILENCE_S = 15.0
# A browser opens the stream again by itself; until then a revoked session would go on to hear of changes.
ENDS_AFTER_S = 600.0


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"model": Change, "description": "Server-sent events; each `data:` is a Change."}},
)
async def stream_changes(
    system: SystemOf, scope: ScopeOf, request: Request, project: Annotated[int, Query(ge=1, le=LARGEST)]
) -> StreamingResponse:
    """Stream what changes in a project. Each `data:` says which thing changed, not what it is now."""
    scope.check(project)
    listeners: Listeners = request.app.state.listeners

    async def lines() -> AsyncIterator[str]:
        ends = time.monotonic() + ENDS_AFTER_S
        yield "retry: 2000\n\n"
        async for change in listeners.listen(project, partial(sample_changes, system), SILENCE_S):
            yield f"data: {change.model_dump_json()}\n\n" if change else ": still here\n\n"
            if time.monotonic() > ends:
                return

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)
