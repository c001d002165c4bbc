"""Wake workers that wait for tasks; a process polls only while a worker waits."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.25
LOOK_WITH_HINTS_EVERY_S = 1.0
AFTER_HINT_S = 0.02
"""Time between a hint and the look, in which further hints cost nothing."""
LOOK_IDLE_EVERY_S = 0.6
"""The pace after LIVELY_S without tasks: four queries a second were half of an idle API's time."""
LIVELY_S = 60.0

Found = Mapping[tuple[int, str], int]
"""How many tasks can be leased now, by project and pipeline slug."""
Look = Callable[[list[str], int], Awaitable[Found]]
"""Counts available tasks for these slugs, up to a number per job."""


@dataclass(eq=False)
class _Waiter:
    projects: Collection[int] | None
    slugs: frozenset[str]
    limit: int
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class TaskNotifier:
    """The waiting workers of this process, the longest wait first.

    Only as many are woken as there are tasks.
    """

    def __init__(
        self, every_s: float = LOOK_EVERY_S, has_hints: Callable[[], bool] = lambda: False
    ) -> None:
        self._every_s = every_s
        self._has_hints = has_hints
        self._hinted = asyncio.Event()
        self._waiters: dict[_Waiter, None] = {}
        self._watching: asyncio.Task[None] | None = None
        self._closed = False
        self._lively_until = 0.0
        self._expected = asyncio.Event()

    def expect_tasks(self) -> None:
        """Look at the faster pace for a minute, because a request may create tasks."""
        self._lively_until = asyncio.get_running_loop().time() + LIVELY_S
        self._expected.set()

    def hint(self) -> None:
        """Look now, because a process committed tasks."""
        self._hinted.set()

    async def wait(
        self,
        projects: Collection[int] | None,
        slugs: Collection[str],
        limit: int,
        look: Look,
        seconds: float,
    ) -> bool:
        """Wait for a task of these projects (None: all) and pipelines; return False on timeout.

        It also returns False when the notifier is closed. The caller must look for tasks, because
        another worker may have been faster.
        """
        if self._closed:
            return False
        waiter = _Waiter(projects, frozenset(slugs), limit)
        self._waiters[waiter] = None
        if self._watching is None or self._watching.done():
            # Without the context of a request, so that log lines do not have the request ID of the
            # first waiting worker.
            self._watching = asyncio.create_task(self._watch(look), context=contextvars.Context())
        try:
            async with asyncio.timeout(seconds):
                await waiter.woken.wait()
        except TimeoutError:
            return False
        finally:
            self._waiters.pop(waiter, None)
        return not self._closed

    @property
    def closed(self) -> bool:
        """Return whether waiting is no longer possible."""
        return self._closed

    def close(self) -> None:
        """End all waits. May be called from a signal handler of the loop's thread."""
        self._closed = True
        for waiter in list(self._waiters):
            waiter.woken.set()

    async def _watch(self, look: Look) -> None:
        failed = False
        while self._waiters and not self._closed:
            await self._pause()
            waiters = list(self._waiters)
            if not waiters:
                return
            slugs = sorted({slug for waiter in waiters for slug in waiter.slugs})
            try:
                found = dict(await look(slugs, sum(waiter.limit for waiter in waiters)))
            except Exception as error:
                # An outage of the database must not end the watch; waiting workers return after
                # their timeout.
                if not failed:
                    log.warning("the queue could not be read", reason=str(error))
                failed = True
                continue
            failed = False
            if any(found.values()):
                self.expect_tasks()
            for waiter in waiters:
                wanted = waiter.limit
                for key in [key for key, count in found.items() if count > 0]:
                    project_id, slug = key
                    if slug in waiter.slugs and (
                        waiter.projects is None or project_id in waiter.projects
                    ):
                        waiter.woken.set()
                        taken = min(wanted, found[key])
                        found[key] -= taken
                        wanted -= taken
                        if wanted == 0:
                            break

    async def _pause(self) -> None:
        """Wait for a hint, or until it is time to look without one."""
        now = asyncio.get_running_loop().time()
        if self._has_hints():
            await self._wait_for_hint(LOOK_WITH_HINTS_EVERY_S)
        elif now >= self._lively_until:
            self._expected.clear()
            await self._wait_for_hint(LOOK_IDLE_EVERY_S, self._expected)
            if self._expected.is_set() and not self._hinted.is_set():
                await self._wait_for_hint(self._every_s)
        else:
            await self._wait_for_hint(self._every_s)
        if self._hinted.is_set():
            await asyncio.sleep(AFTER_HINT_S)
            self._hinted.clear()

    async def _wait_for_hint(self, seconds: float, *others: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(one.wait()) for one in (self._hinted, *others)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
