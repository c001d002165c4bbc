"""Checks of all stored files at a limited rate.

Originals are compared with their SHA-256; copies are checked for completeness and generated again.
A check reads the images in the order of their IDs and records its progress after each, so that it
continues after an interruption. It replaces an original only by identical bytes.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from trapline.server.images.actions.stored_files import (
    StoredFileState,
    find_state,
    restore_original,
)
from trapline.server.operations.queries.file_checks import (
    CheckProgress,
    StoredImage,
    list_harmed,
    list_origins,
    list_stored,
    record_harmed,
    record_progress,
    release_check,
    request_thumbnails,
    start_check,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import (
    DatabaseUnavailable,
    NotFound,
    ServiceUnavailable,
    TraplineError,
)
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key
from trapline.server.queue.actions.file_receiver import receive_file
from trapline.server.sources.actions.gateways import get_timeouts, open_gateway
from trapline.server.sources.actions.source_folders import require_granted_for_run
from trapline.server.sources.queries.sources import SourceRow

log = structlog.get_logger(__name__)

BACKGROUND, COMMAND = "background", "command"
BATCH = 100
STEP_S = 1.0
"""Time in which one step of the background check starts images."""
SLOWEST_S = 60.0
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"


class ReadPace:
    """Limits reading to `per_s` bytes per second; 0 means no limit."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._free_at = time.monotonic()

    async def read(self, size: int) -> None:
        """Wait until this number of bytes can be read."""
        if self._per_s:
            self._free_at = max(self._free_at, time.monotonic() - 1) + size / self._per_s
            await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))


@dataclass
class CheckedImage:
    """The result of a check of one image: files that are missing, damaged or repaired.

    `remade` lists copies that are generated again, `why_not` the reason if an original was not
    repaired.
    """

    image: StoredImage
    harmed: dict[str, StoredFileState] = field(default_factory=dict)
    repaired: dict[str, StoredFileState] = field(default_factory=dict)
    remade: list[str] = field(default_factory=list)
    why_not: str | None = None
    error: str | None = None
    """The reason if the files were not checked; the check continues with the next image."""


@dataclass
class FileCheck:
    """A run of a check over images, with its pace, and whether it repairs originals."""

    system: AppContext
    scope: Scope
    name: str
    pace: ReadPace
    repair: bool = False
    progress: CheckProgress = field(default_factory=lambda: CheckProgress(None, 0, 0))

    async def run(self, until: float | None = None) -> AsyncGenerator[CheckedImage, None]:
        """Check images until all are checked or the monotonic clock reaches `until`.

        The check must be claimed.
        """
        finished = False
        try:
            while not finished and (until is None or time.monotonic() < until):
                async with self.system.database.transaction(self.scope) as tx:
                    images = await list_stored(self.scope, tx, self.progress.last_image, BATCH)
                for number, image in enumerate(images, 1):
                    checked = await self._check_or_skip(image)
                    yield checked
                    if until is not None and time.monotonic() >= until and number < len(images):
                        return
                # Only after the batch: a check that is interrupted in its last batch continues
                # there.
                finished = len(images) < BATCH
        finally:
            async with self.system.database.transaction(self.scope) as tx:
                await release_check(self.scope, tx, self.name, finished=finished)

    async def check_harmed(self) -> AsyncGenerator[CheckedImage, None]:
        """Check the images again whose files an earlier check found missing or damaged."""
        async with self.system.database.transaction(self.scope) as tx:
            known = {image.id: image for image, _, _ in await list_harmed(self.scope, tx)}
        for image in known.values():
            yield await self._check_or_skip(image, counted=False)

    async def _check_or_skip(self, image: StoredImage, *, counted: bool = True) -> CheckedImage:
        """Check an image; return the error if its files cannot be checked.

        Raises:
            TraplineError: the store or the database is unavailable.
        """
        try:
            return await self._check(image, counted=counted)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            await self.system.store.check()
            log.exception("the files of an image were not checked", image=str(image.id))
            reason = (
                error.detail
                if isinstance(error, TraplineError)
                else f"{type(error).__name__}: {error}"
            )
        progress = self._add_image(image) if counted else self.progress
        async with self.system.database.transaction(self.scope) as tx:
            await record_progress(self.scope, tx, self.name, progress)
        self.progress = progress
        return CheckedImage(image, error=reason)

    def _add_image(self, image: StoredImage) -> CheckProgress:
        """Return the progress after this image; it counts once it is recorded."""
        done = self.progress
        return CheckProgress(image.id, done.images + 1, done.size_bytes + image.size_bytes)

    async def _check(self, image: StoredImage, *, counted: bool) -> CheckedImage:
        checked = CheckedImage(image)
        state = await self._find_state(image)
        if state is not StoredFileState.INTACT:
            checked.harmed[image.storage_key] = state
            if not await self._record(checked, self.progress):
                return checked
            if self.repair and await self._repair(checked):
                checked.repaired[image.storage_key] = checked.harmed.pop(image.storage_key)
        if not checked.harmed:
            await self._check_copies(checked)
        progress = self._add_image(image) if counted else self.progress
        await self._record(checked, progress)
        self.progress = progress
        return checked

    async def _find_state(self, image: StoredImage) -> StoredFileState:
        for _ in range(2):
            try:
                return await find_state(
                    self.system, image.storage_key, image.sha256, self.pace.read
                )
            except ServiceUnavailable:
                # Raises if the whole store is unavailable: then the file is not damaged.
                await self.system.store.check()
        return StoredFileState.DAMAGED

    async def _record(self, checked: CheckedImage, progress: CheckProgress) -> bool:
        found = {key: state.value for key, state in checked.harmed.items()}
        async with self.system.database.transaction(self.scope) as tx:
            exists = await record_harmed(self.scope, tx, checked.image, found)
            await record_progress(self.scope, tx, self.name, progress)
        if not exists:
            checked.harmed.clear()  # the image was deleted meanwhile
        return exists

    async def _repair(self, checked: CheckedImage) -> bool:
        """Fetch an original from its sources; store it only if its bytes are identical."""
        image = checked.image
        async with self.system.database.transaction(self.scope) as tx:
            places = await list_origins(self.scope, tx, image)
            sources = {place[0]: await tx.session.get(SourceRow, place[0]) for place in places}
            tx.session.expunge_all()
        if not places:
            checked.why_not = "it was not pulled from a source: upload the same file again"
        for source_id, path in places:
            source = sources[source_id]
            if source is None:
                checked.why_not = "its source was deleted: upload the same file again"
                continue
            try:
                async with self.system.database.transaction(self.scope) as tx:
                    folder = await require_granted_for_run(self.system, self.scope, tx, source)
                if await self._fetch(source, folder, path, image):
                    return True
                checked.why_not = (
                    f"source {source.name} now has other bytes at {path}: nothing was replaced"
                )
            except (TraplineError, OSError) as error:
                detail = error.detail if isinstance(error, TraplineError) else str(error)
                checked.why_not = f"source {source.name}: {detail}"
        return False

    async def _fetch(
        self, source: SourceRow, folder: Path | None, path: str, image: StoredImage
    ) -> bool:
        gateway = open_gateway(self.system, source, folder)
        window_s = max(SLOWEST_S, get_timeouts(source).download_s)
        try:
            async with self.system.store.receive() as incoming, gateway.open_file(path) as opened:
                if (
                    opened is None
                    or await receive_file(self.system, opened, incoming, window_s) is not None
                ):
                    return False
                if incoming.sha256 != image.sha256:
                    return False
                origin = f"source {source.id}"
                await restore_original(
                    self.system, self.scope, incoming, image.project_id, image.id, origin
                )
        finally:
            await gateway.close()
        return True

    async def _check_copies(self, checked: CheckedImage) -> None:
        """Generate missing or incomplete copies again.

        The upright copy is generated here, thumbnails by the background process.
        """
        image = checked.image
        if image.upright_key is not None and not await self._is_whole(image.upright_key):
            if await self._remake_upright(image, image.upright_key):
                checked.remade.append(image.upright_key)
            else:
                checked.harmed[image.upright_key] = StoredFileState.MISSING
        if image.has_thumbnails:
            lost = [
                key
                for size in THUMBNAIL_SIZES
                if not await self._is_whole(key := build_thumbnail_key(image.id, size))
            ]
            if lost:
                async with self.system.database.transaction(self.scope) as tx:
                    await request_thumbnails(self.scope, tx, image.id)
                checked.remade += lost

    async def _is_whole(self, key: str) -> bool:
        first, last = b"", b""
        try:
            async with aclosing(self.system.store.open(key)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    first = first or bytes(chunk[:2])
                    last = (last + bytes(chunk[-2:]))[-2:]
                    await self.pace.read(len(chunk))
        except (NotFound, OSError):
            return False
        return first == JPEG_START and last == JPEG_END

    async def _remake_upright(self, image: StoredImage, key: str) -> bool:
        store = self.system.store
        async with store.local_path(image.storage_key) as original, store.receive() as upright:
            found = await self.system.decoders.inspect(
                original, upright=upright.path, project_id=image.project_id
            )
            if isinstance(found, UndecodableFile | SkippedFile) or not found.upright_made:
                return False
            await store.keep(upright, key)
        log.warning("an upright copy was generated again", image=str(image.id), key=key)
        return True


async def check_next_files(system: AppContext, scope: Scope) -> bool:
    """Check some files in the background; return whether there may be more to check immediately."""
    if not system.file_checks.bytes_per_s:
        return False
    async with system.database.transaction(scope) as tx:
        progress = await start_check(scope, tx, BACKGROUND, system.file_checks.every_s)
    if progress is None:
        return False
    check = FileCheck(
        system, scope, BACKGROUND, ReadPace(system.file_checks.bytes_per_s), progress=progress
    )
    async with aclosing(check.run(time.monotonic() + STEP_S)) as checked:
        async for one in checked:
            for key, state in one.harmed.items():
                log.error(
                    "a stored file is missing or damaged",
                    image=str(one.image.id),
                    key=key,
                    state=state.value,
                )
    return check.progress.last_image != progress.last_image


async def check_all_files(
    system: AppContext,
    scope: Scope,
    *,
    repair: bool,
    per_s: float,
    restart: bool,
    found: Callable[[CheckedImage], None],
    report_progress: Callable[[CheckProgress], None],
) -> CheckProgress:
    """Check all files from where the last such check stopped; return the total progress.

    Files that are known to be missing or damaged are checked first. `found` is called for each
    image with missing, damaged, repaired or generated files or with an error, `report_progress`
    after each image.
    """
    async with system.database.transaction(scope) as tx:
        await release_check(scope, tx, COMMAND, finished=False)
        progress = await start_check(scope, tx, COMMAND, 0, restart=restart)
    check = FileCheck(
        system,
        scope,
        COMMAND,
        ReadPace(per_s),
        repair=repair,
        progress=progress or CheckProgress(None, 0, 0),
    )
    seen = set()
    async with aclosing(check.check_harmed()) as images:
        async for one in images:
            seen.add(one.image.id)
            found(one)
    async with aclosing(check.run()) as images:
        async for one in images:
            if one.image.id not in seen and (one.harmed or one.repaired or one.remade or one.error):
                found(one)
            report_progress(check.progress)
    return check.progress
