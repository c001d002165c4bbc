"""The state of an active pull run, and the errors that end it early."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from trapline.server.images.actions.image_import import ImportTarget
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import OutboundFailed
from trapline.server.queue.actions.file_receiver import TransferAborted
from trapline.server.sources.gateways.gateway import Gateway, Walk
from trapline.server.sources.queries.sources import SourceRow
from trapline.server.sources.rules.pull_policy import RUN_WITHIN, find_folder_exclusion

# After this many consecutive files that could not be fetched, the run fails. Aborted transfers have
# a higher limit, because a few broken files must not delay the files after them for many runs.
FAILING_AFTER = 5
FAILING_AFTER_ABORTED = 50


class SourceFailing(Exception):
    """The source no longer responds; the remaining files are left to the next run."""

    def __init__(self, error: OutboundFailed) -> None:
        super().__init__(error.detail)
        self.error = error


class SourcePaused(Exception):
    """The source was paused during the run."""


@dataclass
class ActivePullRun:
    """A run that this process executes.

    `failures` has the errors of files that could not be fetched since the last successful one.
    `downloads` limits parallel downloads to the concurrency of the source. `may_blame` is true
    after the server returned its listing in this run: a file that it refuses again may then be the
    cause. `given` counts the files that were tried. If files remain after a run with
    `is_scheduled`, another run follows.
    """

    system: AppContext
    scope: Scope
    run_id: UUID
    source: SourceRow
    place: ImportTarget
    gateway: Gateway
    max_files: int
    began_at: datetime
    only_pushed: bool = False
    until: float = field(default_factory=lambda: time.monotonic() + RUN_WITHIN.total_seconds())
    listed: int = 0
    may_blame: bool = False
    is_scheduled: bool = False
    given: int = 0
    last_taken: tuple[int, str] | None = None
    failures: list[OutboundFailed] = field(default_factory=list)
    downloads: asyncio.Semaphore = field(init=False)
    walk: Walk = field(init=False)

    def __post_init__(self) -> None:
        include, exclude = self.source.include, self.source.exclude
        self.walk = Walk(lambda path: find_folder_exclusion(path, include, exclude))
        self.downloads = asyncio.Semaphore(self.source.concurrency)

    def find_source_failure(self) -> OutboundFailed | None:
        """Return the last error if too many consecutive files could not be fetched, else None."""
        aborted = sum(isinstance(error, TransferAborted) for error in self.failures)
        others = len(self.failures) - aborted
        is_failing = others / FAILING_AFTER + aborted / FAILING_AFTER_ABORTED >= 1
        return self.failures[-1] if is_failing else None

    def count_listed(self) -> int:
        """Return the number of listed files that are not in the run counts yet, and reset it."""
        listed, self.listed = self.listed, 0
        return listed


def format_internal_error(error: Exception) -> str:
    """Format an unexpected error for users; its details are only in the log."""
    return f"an unexpected error occurred ({type(error).__name__}); see the log of the server"
