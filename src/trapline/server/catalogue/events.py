"""Tells the page that something changed: one sampler a process, at work only while somebody listens."""

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
"""What changed lately, each with a text that differs when it changes again."""
Sample = Callable[[list[int]], Awaitable[Stamps]]


@dataclass(eq=False)
class _Listener:
    project_id: int
    queue: asyncio.Queue[ChangeEvent | None] = field(
        default_factory=lambda: asyncio.Queue(QUEUED_AT_MOST)
    )


class ChangeSubscribers:
    """Who listens in this process.

    `sample` is asked once a second about the projects that are listened to.
    """

    def __init__(self, every_s: float = SAMPLE_EVERY_S) -> None:
        self._every_s = every_s
        self._listeners: set[_Listener] = set()
        self._sampling: asyncio.Task[None] | None = None
        self._closed = False

    async def listen(
        self, project_id: int, sample: Sample, silence_s: float
    ) -> AsyncIterator[ChangeEvent | None]:
        """Yield each change of a project, and None after every `silence_s` without one; ends when closed."""
        listener = _Listener(project_id)
        if self._closed:
            return
        self._listeners.add(listener)
        if self._sampling is None or self._sampling.done():
            # Of no request: its log lines must not bear the name of whoever happened to listen
            # first.
            self._sampling = asyncio.create_task(
                self._sample_while_heard(sample), context=contextvars.Context()
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
        """End every stream, so that the server can stop.

        May be called from a signal handler of the loop's thread.
        """
        self._closed = True
        for listener in self._listeners:
            self._hand(listener, None)

    async def _sample_while_heard(self, sample: Sample) -> None:
        known: Stamps | None = None
        while self._listeners and not self._closed:
            projects = sorted({listener.project_id for listener in self._listeners})
            try:
                stamps = await sample(projects)
            except Exception as error:
                # A database that is away must not end the streams.
                log.warning("changes could not be asked for", error=str(error))
            else:
                for change, stamp in stamps.items():
                    if known is not None and known.get(change) != stamp:
                        self._tell(change)
                known = stamps
            await asyncio.sleep(self._every_s)

    def _tell(self, change: ChangeEvent) -> None:
        for listener in self._listeners:
            if listener.project_id == change.project_id:
                self._hand(listener, change)

    def _hand(self, listener: _Listener, change: ChangeEvent | None) -> None:
        # A listener that does not keep up loses hints, not truth: it asks for what it shows.
        if not listener.queue.full():
            listener.queue.put_nowait(change)
