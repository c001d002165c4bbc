"""Commit the outcomes of files in batches: images, file records and counts in one transaction."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from uuid import UUID

from trapline.server.images.hooks import image_added
from trapline.server.images.queries.images import ImageRow, create_images, mark_all_thumbnails
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.platform.errors import TraplineError
from trapline.server.platform.metrics import IMAGES_IMPORTED
from trapline.server.sources.actions.pull_run import ActivePullRun
from trapline.server.sources.queries.pull_runs import PullRunOwnershipLost, update_run_counts
from trapline.server.sources.queries.pulled_files import FileOutcome, record_outcomes

SETTLED_AT_ONCE = 50
COUNTED = {"failed": "failed", "quarantined": "failed", "skipped": "skipped"}


@dataclass
class _Waiting:
    settled: FileOutcome
    image: ImageRow | None
    size: int
    is_done: asyncio.Future[UUID | None]
    new: UUID | None = None


@dataclass
class BatchCommitter:
    """Commits the outcomes of all files of a run that are imported in parallel.

    A transaction fails as a whole when this process has lost the run.
    """

    pull: ActivePullRun
    _waiting: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)
    _with_thumbnails: list[UUID] = field(default_factory=list)
    _ended: BaseException | None = None

    async def settle(
        self, settled: FileOutcome, *, image: ImageRow | None = None, size: int = 0
    ) -> UUID | None:
        """Record the outcome of a file, and add its image if it has one.

        `size` is the number of bytes received. Returns the ID of the image if it is new.

        Raises:
            PullRunOwnershipLost: the run is no longer this process's.
            Exception: the database rejects this file.
        """
        if self._ended is not None:
            raise PullRunOwnershipLost from self._ended
        waiting = _Waiting(settled, image, size, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(waiting)
        return await waiting.is_done

    def record_thumbnails(self, image_id: UUID) -> None:
        """Mark the stored thumbnails of an image as ready in one of the next transactions."""
        self._with_thumbnails.append(image_id)

    async def run(self) -> None:
        """Commit outcomes as they arrive, until cancelled.

        After its end, `settle` raises an error instead of waiting forever.
        """
        try:
            while True:
                batch = [await self._waiting.get()]
                while not self._waiting.empty() and len(batch) < SETTLED_AT_ONCE:
                    batch.append(self._waiting.get_nowait())
                await self._commit(batch)
        except BaseException as error:
            self._ended = error
            raise

    async def finish(self) -> None:
        """Commit the remaining thumbnails after all files are settled."""
        await retry_on_deadlock(lambda: self._write([]))

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            await retry_on_deadlock(lambda: self._write(batch))
        except (TraplineError, PullRunOwnershipLost):
            raise
        except Exception as error:
            if len(batch) == 1:
                if not batch[0].is_done.done():
                    batch[0].is_done.set_exception(error)
                return
            # The database rejects one of the files: commit each separately to store the others.
            for waiting in batch:
                await self._commit([waiting])
            return
        for waiting in batch:
            if not waiting.is_done.done():
                waiting.is_done.set_result(waiting.new)

    async def _write(self, batch: list[_Waiting]) -> None:
        scope, with_thumbnails = self.pull.scope, list(self._with_thumbnails)
        async with self.pull.system.database.sql_transaction(scope) as tx:
            new = await self._keep_images(
                tx, [waiting for waiting in batch if waiting.image is not None]
            )
            counts = Counter(bytes=sum(waiting.size for waiting in batch))
            counts.update(
                counted for waiting in batch if (counted := _counted(waiting.settled)) is not None
            )
            async with tx.pipelined():
                if batch:
                    await record_outcomes(
                        scope, tx, self.pull.source.id, [waiting.settled for waiting in batch]
                    )
                if with_thumbnails:
                    await mark_all_thumbnails(scope, tx, with_thumbnails, made=True)
            await update_run_counts(scope, tx, self.pull.run_id, **counts)
            if new:
                for handler in image_added:
                    await handler(scope, tx, self.pull.source.project_id, new)
        IMAGES_IMPORTED.labels("pull").inc(len(new))
        del self._with_thumbnails[: len(with_thumbnails)]

    async def _keep_images(self, tx: Transaction, batch: list[_Waiting]) -> list[UUID]:
        images = [waiting.image for waiting in batch if waiting.image is not None]
        kept = await create_images(self.pull.scope, tx, images) if images else []
        for waiting, (image_id, is_new) in zip(batch, kept, strict=True):
            waiting.new = image_id if is_new else None
            state = "imported" if is_new else "duplicate"
            waiting.settled = replace(waiting.settled, state=state, image_id=image_id)
        return [image_id for image_id, is_new in kept if is_new]


def _counted(settled: FileOutcome) -> str | None:
    """Return the run count that an outcome adds to; None if the file has not changed."""
    return settled.state if settled.image_id is not None else COUNTED.get(settled.state)
