"""The event stream of one run: its states and its progress, until it ends."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.accounts.routes.event_streams import TICK_S, open_stream
from trapline.server.platform.http.request_context import OriginOf
from trapline.server.queue.actions.job_responses import hide_reasons
from trapline.server.queue.actions.run_events import get_last_event, list_job_snapshots
from trapline.server.queue.actions.runs import build_state_entry
from trapline.server.queue.job_subscribers import JobSubscribers
from trapline.server.queue.routes.runs import RunPath, parse_run_id
from trapline.server.queue.rules.job_transitions import FINAL
from trapline.server.queue.rules.run_names import format_event_id, format_job_id, parse_event_id
from trapline.wire.runs import RunEvent, RunProgress

router = APIRouter(prefix="/pipeline", tags=["pipeline runs"])


@router.get(
    "/job/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"model": RunEvent, "description": "Server-sent events; each `data:` is a RunEvent."},
        204: {"description": "The job has ended, and Last-Event-ID is its last event."},
    },
)
async def stream_run(
    system: SystemOf,
    scope: ScopeOf,
    origin: OriginOf,
    request: Request,
    job_id: RunPath,
    last_event_id: Annotated[
        str | None, Header(description="Return only events after this one.")
    ] = None,
) -> Response:
    """Stream a job: an event `state` with an ID for each state, and `progress` events between them.

    The event that ends the job ends the stream. A client that reconnects sends the last ID as
    `Last-Event-ID`, as browsers do automatically, and receives all later states.
    """
    number = parse_run_id(job_id)
    project_id, last_move, is_over, hides = await get_last_event(system, scope, number)
    heard = parse_event_id(last_event_id, number)
    heard = heard if heard <= last_move else 0
    if is_over and heard == last_move:
        return Response(status_code=204)
    followers: JobSubscribers = request.app.state.followers

    async def events(heard: int) -> AsyncIterator[str | None]:
        told = None
        async for seen in followers.follow(number, partial(list_job_snapshots, system), TICK_S):
            if seen is None:
                yield None
                continue
            if seen.progress != told:
                told = seen.progress
                yield _event(
                    "progress",
                    RunEvent(job_id=format_job_id(number), progress=RunProgress(**dict(told))),
                )
            moves = hide_reasons(seen.moves) if hides else seen.moves
            for move in (move for move in moves if move.number > heard):
                event = RunEvent(job_id=format_job_id(number), state=build_state_entry(move))
                yield _event("state", event, format_event_id(number, move.number))
                heard = move.number
            if seen.moves and seen.moves[-1].to_state in FINAL:
                return

    return await open_stream(request, system, scope, origin, project_id, events(heard))


def _event(kind: str, event: RunEvent, event_id: str | None = None) -> str:
    named = f"id: {event_id}\n" if event_id else ""
    return f"{named}event: {kind}\ndata: {event.model_dump_json(exclude_none=True)}\n\n"
