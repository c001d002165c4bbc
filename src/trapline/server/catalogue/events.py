"""Change events for the page: each process samples changes once a second while it has listeners."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from trapline.wire.events import ChangeEvent

log = structlog.get_logger(__name__)

SAMPLE_EVERY_S = 1.0
QUEUED_AT_MOST = 1000

Stamps = Mapping[ChangeEvent, str]
"""Recent changes, each with a text that differs after every further change."""
Sample = Callable[[list[int]], Awaitable[Stamps]]


@dataclass(eq=False)
class _Listener:
    project_id: int
    queue: asyncio.Queue[ChangeEvent | None] = field(
        default_factory=lambda: asyncio.Queue(QUEUED_AT_MOST)
    )


class ChangeSubscribers:
    """The listeners of this process; one task samples the changes of all their projects."""

    def __init__(self, every_s: float = SAMPLE_EVERY_S) -> None:
        self._every_s = every_s
        self._listeners: set[_Listener] = set()
        self._sampling: asyncio.Task[None] | None = None
        self._closed = False

    async def listen(
        self, project_id: int, sample: Sample, silence_s: float
    ) -> AsyncIterator[ChangeEvent | None]:
        """Yield the changes of a project, and None after each `silence_s` seconds without one.

        Ends when the subscribers are closed.
        """
        listener = _Listener(project_id)
        if self._closed:
            return
        self._listeners.add(listener)
        if self._sampling is None or self._sampling.done():
            # A new context: log lines of the task must not have the fields of the first request.
            self._sampling = asyncio.create_task(
                self._sample_for_listeners(sample), context=contextvars.Context()
            )
        try:
            while not self._closed:
                try:
                    async with asyncio.timeout(silence_s):
                        change = await listener.queue.get()
                except TimeoutError:
                    yield None
                    continue
                if change is None:
                    return
                yield change
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all streams, so that the server can stop.

        Can be called from a signal handler in the thread of the event loop.
        """
        self._closed = True
        for listener in self._listeners:
            self._enqueue(listener, None)

    async def _sample_for_listeners(self, sample: Sample) -> None:
        known: Stamps | None = None
        while self._listeners and not self._closed:
            projects = sorted({listener.project_id for listener in self._listeners})
            try:
                stamps = await sample(projects)
            except Exception as error:
                # An unavailable database must not end the streams.
                log.warning("changes could not be sampled", error=str(error))
            else:
                for change, stamp in stamps.items():
                    if known is not None and known.get(change) != stamp:
                        self._notify(change)
                known = stamps
            await asyncio.sleep(self._every_s)

    def _notify(self, change: ChangeEvent) -> None:
        for listener in self._listeners:
            if listener.project_id == change.project_id:
                self._enqueue(listener, change)

    def _enqueue(self, listener: _Listener, change: ChangeEvent | None) -> None:
        # A slow listener loses only hints: it requests the data itself.
        if not listener.queue.full():
            listener.queue.put_nowait(change)
