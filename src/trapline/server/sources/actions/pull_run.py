"""One run in the hands of this process, and what ends it."""

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

# After so many files in a row that could not be fetched, it is the source that is sick. One whose
# transfer broke off says less than one that did not begin: several such files must not keep those
# behind them waiting for many runs.
SICK_AFTER = 5
SICK_AFTER_BROKEN_OFF = 50


class SourceFailing(Exception):
    """The source cannot be spoken to any more; what was not taken stays for the next run."""

    def __init__(self, error: OutboundFailed) -> None:
        super().__init__(error.detail)
        self.error = error


class SourcePaused(Exception):
    """The source was paused while its run went on."""


@dataclass
class ActivePullRun:
    """One run in the hands of this process.

    `failures` are those of files that could not be fetched, since one that could be. Through
    `downloads` go as many files at once as the source's settings say. `may_blame` tells that the
    server gave its listing in this very run, so that a file which it refuses again may be at fault.
    `given` counts the files that were tried; where files wait after a run that `is_scheduled`,
    another one follows.
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
        """Tell what is wrong with the source, if the files in a row that could not be fetched say that something is."""
        broken_off = sum(isinstance(error, TransferAborted) for error in self.failures)
        is_sick = (
            len(self.failures) - broken_off
        ) / SICK_AFTER + broken_off / SICK_AFTER_BROKEN_OFF >= 1
        return self.failures[-1] if is_sick else None

    def count_listed(self) -> int:
        """Take what was listed and is not in the run's counts yet."""
        listed, self.listed = self.listed, 0
        return listed


def format_internal_error(error: Exception) -> str:
    """Say in words that something of ours broke; what it says itself may be long, and stands in the log."""
    return f"something happened that Trapline did not foresee ({type(error).__name__}); its log says more"
