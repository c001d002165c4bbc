"""Move the next run of a source: back after a failure, forward when files are due."""

import random
from datetime import UTC, datetime, timedelta

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.sources.queries.pulled_files import find_next_retry
from trapline.server.sources.queries.sources import SourceRow
from trapline.server.sources.rules.pull_policy import (
    FIRST_RETRY,
    RETRIED_TOGETHER,
    get_source_delay,
)

_chance = random.Random()  # noqa: S311 - jitter needs no secure randomness


def postpone_source(source: SourceRow, error: str, retry_after_s: int = 0) -> datetime:
    """Record a failure of a source and start its backoff; returns when the backoff ends."""
    source.consecutive_failures += 1
    source.last_error = error
    # A Retry-After of the server is used unless it is shorter than the shortest backoff.
    requested = timedelta(seconds=retry_after_s)
    wait = (
        requested
        if requested >= FIRST_RETRY
        else get_source_delay(source.consecutive_failures, _chance)
    )
    source.not_before = not_before = datetime.now(UTC) + wait
    if source.next_run_at is None or source.next_run_at < not_before:
        source.next_run_at = not_before
    return not_before


def advance_next_run(source: SourceRow, at: datetime) -> None:
    """Move the next run of a source forward to a time, or to the end of its backoff if later."""
    at = max(at, source.not_before or at)
    if source.next_run_at is None or source.next_run_at > at:
        source.next_run_at = at


async def schedule_file_retry(scope: Scope, tx: Transaction, source: SourceRow) -> None:
    """Move the next run of a source forward to the next retry of its failed files."""
    due_at = await find_next_retry(scope, tx, source, RETRIED_TOGETHER)
    if due_at is not None:
        advance_next_run(source, due_at)
