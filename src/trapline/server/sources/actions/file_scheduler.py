"""Decide which file of a run is imported next, for several files in parallel."""

import asyncio
import time

from trapline.server.images.actions.image_import import require_disk_space
from trapline.server.platform.errors import TraplineError
from trapline.server.sources.actions.pull_run import ActivePullRun, SourceFailing, SourcePaused
from trapline.server.sources.queries.pulled_files import (
    list_last_new_files,
    list_new_files,
    list_retryable_files,
)
from trapline.server.sources.queries.pushed_files import list_pushed_files
from trapline.server.sources.queries.sources import PulledFileRow, is_active

LISTED_AT_ONCE = 100
PROBES = 3
"""Files from the other end of the order that are tried before the run fails.

If one of them can be fetched, the source itself works.
"""


class FileScheduler:
    """Hands out the files that are due, new ones first, within the file and time limits of the run.

    An error that ends the run early is raised only after all files in progress are finished, so
    that no download is discarded.
    """

    def __init__(self, pull: ActivePullRun) -> None:
        self._pull = pull
        self._files: list[PulledFileRow] = []
        self._left = None if pull.only_pushed else pull.max_files or None
        self._after: PulledFileRow | None = None
        self._has_fresh = not pull.only_pushed
        self._in_progress = 0
        self._given = 0
        self._ending: Exception | None = None
        self._probes: list[PulledFileRow] | None = None
        self._changed = asyncio.Condition()

    async def begin(self) -> tuple[int, PulledFileRow] | None:
        """Return the next file with its number, or None if no file is left.

        The caller must call `end` for each file.

        Raises:
            SourceFailing: the source no longer responds.
            SourcePaused: the source was paused during the run.
            TraplineError: the disk is too full, or the database is unavailable.
        """
        async with self._changed:
            while True:
                failure = self._pull.find_source_failure()
                self._probes = None if failure is None else self._probes
                if self._ending is not None:
                    if not self._in_progress:
                        raise self._ending
                elif failure is not None:
                    # A file in progress may still succeed, which shows that the source works.
                    if not self._in_progress:
                        self._probes = (
                            await self._list_last() if self._probes is None else self._probes
                        )
                        if not self._probes or self._left == 0:
                            raise SourceFailing(failure)
                        return self._give(self._probes.pop(0))
                elif self._left == 0 or time.monotonic() >= self._pull.until:
                    return None
                elif self._files:
                    if await self._may_go_on():
                        return self._give(self._files[0])
                    continue
                elif self._has_fresh or not self._in_progress:
                    await self._list()
                    continue
                await self._changed.wait()

    async def end(self) -> None:
        """Finish a file, after its outcome was recorded."""
        async with self._changed:
            self._in_progress -= 1
            self._changed.notify_all()

    def return_place(self) -> None:
        """Do not count a skipped file against the file limit of the run."""
        if self._left is not None:
            self._left += 1

    def stop(self, error: Exception) -> None:
        """Hand out no more files, and end the run with this error."""
        self._ending = self._ending or error

    def _give(self, file: PulledFileRow) -> tuple[int, PulledFileRow]:
        self._files = [one for one in self._files if one.path != file.path]
        self._in_progress += 1
        self._given += 1
        self._pull.given += 1
        if self._left is not None:
            self._left -= 1
        return self._given, file

    async def _may_go_on(self) -> bool:
        pull = self._pull
        try:
            # A run that was started on request for a paused source continues.
            if pull.source.is_active:
                async with pull.system.database.sql_transaction(pull.scope, each_alone=True) as tx:
                    if not await is_active(pull.scope, tx, pull.source.id):
                        raise SourcePaused
            await require_disk_space(pull.system)
        except (SourcePaused, TraplineError) as error:
            self.stop(error)
            return False
        return True

    async def _list_last(self) -> list[PulledFileRow]:
        pull = self._pull
        if pull.only_pushed:
            return []
        async with pull.system.database.transaction(pull.scope) as tx:
            return await list_last_new_files(pull.scope, tx, pull.source, PROBES)

    async def _list(self) -> None:
        """Load more files from the database.

        Retries are loaded only while no file is in progress, because such a file would be listed
        again.
        """
        pull = self._pull
        wanted = LISTED_AT_ONCE if self._left is None else min(LISTED_AT_ONCE, self._left)
        async with pull.system.database.transaction(pull.scope) as tx:
            if self._has_fresh:
                self._files = await list_new_files(pull.scope, tx, pull.source, self._after, wanted)
                self._has_fresh = len(self._files) == wanted
                self._after = self._files[-1] if self._files else None
                return
            if pull.only_pushed:
                self._files = await list_pushed_files(pull.scope, tx, pull.source, wanted)
            else:
                self._files = await list_retryable_files(
                    pull.scope, tx, pull.source, pull.began_at, wanted
                )
        if not self._files:
            self._left = 0
