"""Exchange hints about jobs with the other server processes over NATS, as long as it answers.

Hints are plain messages without a stream: a hint that is older than the interval of polls has no
use. So there is nothing to acknowledge, to replay or to lose on the NATS server.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import DatabaseUnavailable
from trapline.server.platform.metrics import HINT_OUTAGES, HINTS_RECEIVED, HINTS_SENT
from trapline.server.platform.network.nats_connection import describe_nats_error, open_nats
from trapline.server.platform.network.nats_credentials import HINT_PREFIX
from trapline.server.queue.job_hints import HintOutage, JobHints
from trapline.server.queue.queries.job_counters import JOB, TASKS
from trapline.server.queue.queries.jobs import list_hint_subjects

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

log = structlog.get_logger(__name__)

WITHIN_S = 5.0
RETRY_S = 1.0
PING_S = 1
GATHERED_S = 0.02
"""Time in which equal hints are sent once."""
SYSTEM = Scope.system()


def build_task_subject(project_id: int, slug: str, job_id: int) -> str:
    """Build the subject of hints that a pipeline has tasks in a project.

    Letters that separate subjects or match several of them are percent-encoded.
    """
    return f"{HINT_PREFIX}.{project_id}.{TASKS}.{quote(slug, safe='').replace('.', '%2E')}.{job_id}"


def parse_subject(subject: str) -> tuple[str, int] | None:
    """Return kind and job ID of a hint; None if it is not a hint."""
    parts = unquote(subject).split(".")
    kind, job_id = parts[2:3], parts[-1]
    if kind in ([JOB], [TASKS]) and job_id.isascii() and job_id.isdigit():
        return kind[0], int(job_id)
    return None


class HintExchange:
    """The connection of this process to the NATS server for hints; it opens itself again."""

    def __init__(self, system: AppContext) -> None:
        self._system = system
        self._hints = system.part(JobHints)
        self._last_error: Exception | None = None
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, if a NATS server is set."""
        self._system.database.listener = self._hints.announce
        if self._system.nats_url is not None:
            self._running = asyncio.create_task(self._run(self._system.nats_url))

    async def close(self) -> None:
        """Close the connection."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self, url: str) -> None:
        while True:
            reason = "the connection ended"
            try:
                await self._exchange(url)
            except Exception as error:
                # Hints are optional; no error may end this task.
                reason = describe_nats_error(error, self._last_error)
            self._hints.is_connected = False
            self._last_error = None
            if self._hints.outage is None:
                self._hints.outage = HintOutage(datetime.now(UTC), reason)
                HINT_OUTAGES.inc()
                log.warning("no hints over NATS; this process polls more often", reason=reason)
            await asyncio.sleep(RETRY_S)

    async def _exchange(self, url: str) -> None:
        closed = asyncio.Event()

        async def record_close() -> None:
            closed.set()
            self._hints.added.set()

        async with asyncio.timeout(WITHIN_S):
            client = await open_nats(
                url,
                self._system.nats_files,
                error_cb=self._record_error,
                closed_cb=record_close,
                disconnected_cb=record_close,
                no_echo=True,
                ping_interval=PING_S,
                max_outstanding_pings=2,
            )
        try:
            async with asyncio.timeout(WITHIN_S):
                await client.subscribe(f"{HINT_PREFIX}.>", cb=self._receive)
                await client.flush(timeout=int(WITHIN_S))
            self._hints.is_connected = True
            # No other process was notified of changes while there was no connection.
            self._hints.receive(TASKS, 0)
            if self._hints.outage is not None:
                self._hints.outage = None
                log.info("hints over NATS again")
            while not closed.is_set():
                await self._hints.added.wait()
                await asyncio.sleep(GATHERED_S)
                await self._send(client)
        finally:
            self._hints.is_connected = False
            with suppress(Exception):
                async with asyncio.timeout(WITHIN_S):
                    await client.close()

    async def _send(self, client: "Client") -> None:
        hints = self._hints.take()
        if not hints:
            return
        try:
            async with self._system.database.sql_transaction(SYSTEM, each_alone=True) as tx:
                jobs = await list_hint_subjects(SYSTEM, tx, sorted({job_id for _, job_id in hints}))
        except DatabaseUnavailable:
            return  # the others poll
        async with asyncio.timeout(WITHIN_S):
            for kind, job_id in hints:
                if job_id not in jobs:
                    continue
                project_id, slug = jobs[job_id]
                subject = (
                    build_task_subject(project_id, slug, job_id)
                    if kind == TASKS
                    else f"{HINT_PREFIX}.{project_id}.{JOB}.{job_id}"
                )
                await client.publish(subject)
                HINTS_SENT.inc()

    async def _receive(self, message: "Msg") -> None:
        hint = parse_subject(message.subject)
        if hint is not None:
            HINTS_RECEIVED.inc()
            self._hints.receive(*hint)

    async def _record_error(self, error: Exception) -> None:
        """Store the error of the library, which would otherwise log it with the URL."""
        self._last_error = error
