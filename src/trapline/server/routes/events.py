"""The stream of changes that the page listens to: server-sent events, hints only."""

import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from trapline.server.actions.changes import sample_changes
from trapline.server.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from trapline.server.events import Listeners
from trapline.server.routes.access import OriginOf, ScopeOf, SystemOf, authorise
from trapline.server.routes.parameters import LARGEST
from trapline.server.rules.access import Origin
from trapline.server.system import System
from trapline.wire.events import Change

router = APIRouter(tags=["events"])

SILENCE_S = 15.0
# A browser opens the stream again by itself.
ENDS_AFTER_S = 600.0
CHECKED_EVERY_S = 0.4
"""With what is known of a caller for half a second: whoever signed out or lost a project hears nothing after one."""
STREAMED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"model": Change, "description": "Server-sent events; each `data:` is a Change."}},
)
async def stream_changes(
    system: SystemOf,
    scope: ScopeOf,
    origin: OriginOf,
    request: Request,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
) -> StreamingResponse:
    """Stream what changes in a project. Each `data:` says which thing changed, not what it is now."""
    scope.check(project)
    listeners: Listeners = request.app.state.listeners

    async def lines() -> AsyncIterator[str]:
        checked = time.monotonic()
        ends = checked + ENDS_AFTER_S
        yield "retry: 2000\n\n"
        async for change in listeners.listen(project, partial(sample_changes, system), SILENCE_S):
            if time.monotonic() - checked > CHECKED_EVERY_S:
                if not await may_hear(request, system, origin, project):
                    return
                checked = time.monotonic()
            yield f"data: {change.model_dump_json()}\n\n" if change else ": still here\n\n"
            if time.monotonic() > ends:
                return

    return StreamingResponse(lines(), media_type="text/event-stream", headers=STREAMED)


async def may_hear(request: Request, system: System, origin: Origin, project: int) -> bool:
    """Whether a caller may still hear of a project: who signed out or lost it meanwhile hears nothing more."""
    with contextlib.suppress(Unavailable):
        try:
            (await authorise(request, system, origin)).check(project)
        except (Unauthenticated, Forbidden, NotFound):
            return False
    return True
