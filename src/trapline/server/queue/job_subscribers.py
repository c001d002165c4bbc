"""Notify the subscribers of jobs; a process polls only while it has subscribers."""

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from trapline.wire.jobs import JobProgress, JobTransition

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
LOOK_WITH_HINTS_EVERY_S = 1.0
AFTER_HINT_S = 0.25
"""Time between a hint and the look, in which further hints cost nothing."""


@dataclass(frozen=True)
class JobSnapshot:
    """The progress of a job: its transitions, oldest first, and its images by state.

    It is read once for all subscribers.
    """

    moves: tuple[JobTransition, ...]
    progress: JobProgress


Look = Callable[[list[int]], Awaitable[Mapping[int, JobSnapshot]]]
"""Reads the snapshots of all subscribed jobs of this process in one call."""


@dataclass(eq=False)
class _Follower:
    job_id: int
    seen: JobSnapshot | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class JobSubscribers:
    """The subscribers of jobs in this process.

    Each receives the newest snapshot, so a slow one skips intermediate ones.
    """

    def __init__(
        self, every_s: float = LOOK_EVERY_S, has_hints: Callable[[], bool] = lambda: False
    ) -> None:
        self._every_s = every_s
        self._has_hints = has_hints
        self._hinted = asyncio.Event()
        self._followers: set[_Follower] = set()
        self._watching: asyncio.Task[None] | None = None
        self._closed = False

    async def follow(
        self, job_id: int, look: Look, silence_s: float
    ) -> AsyncIterator[JobSnapshot | None]:
        """Yield a snapshot of a job now and after each change, and None after each `silence_s`."""
        follower = _Follower(job_id)
        self._followers.add(follower)
        if self._watching is None or self._watching.done():
            # Without the context of a request, so that log lines do not have the request ID of the
            # first subscriber.
            self._watching = asyncio.create_task(self._watch(look), context=contextvars.Context())
        try:
            while not self._closed:
                try:
                    await asyncio.wait_for(follower.woken.wait(), silence_s)
                except TimeoutError:
                    yield None
                    continue
                follower.woken.clear()
                if not self._closed:
                    yield follower.seen
        finally:
            self._followers.discard(follower)

    def hint(self, job_id: int) -> None:
        """Look soon, because a process changed this job."""
        if any(follower.job_id == job_id for follower in self._followers):
            self._hinted.set()

    def close(self) -> None:
        """End every stream, so that the server can stop.

        May be called from a signal handler of the loop's thread.
        """
        self._closed = True
        for follower in self._followers:
            follower.woken.set()

    async def _watch(self, look: Look) -> None:
        failed = False
        while self._followers and not self._closed:
            try:
                seen = await look(sorted({follower.job_id for follower in self._followers}))
            except Exception as error:
                # An outage of the database must not end the streams.
                if not failed:
                    log.warning("snapshots of subscribed jobs could not be read", reason=str(error))
                failed = True
            else:
                failed = False
                self._tell(seen)
            await self._pause()

    async def _pause(self) -> None:
        every_s = LOOK_WITH_HINTS_EVERY_S if self._has_hints() else self._every_s
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hinted.wait(), every_s)
            await asyncio.sleep(min(AFTER_HINT_S, self._every_s))
            self._hinted.clear()

    def _tell(self, seen: Mapping[int, JobSnapshot]) -> None:
        for follower in self._followers:
            newest = seen.get(follower.job_id)
            if newest is not None and newest != follower.seen:
                follower.seen = newest
                follower.woken.set()
