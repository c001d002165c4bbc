"""Checks of all stored files, slowly: originals by their SHA-256, copies by their form, which are
made again.

A check goes through the images by their ids and records after each how far it came, so that it
continues where it was cut off. It writes nothing over an original but the very bytes that it must
have.
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
    remove_thumbnails,
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
"""For this long one step of the background check begins images."""
SLOWEST_S = 60.0
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"


class ReadPace:
    """Spreads reading over time: at most `per_s` bytes a second, any number where it is 0."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._free_at = time.monotonic()

    async def read(self, size: int) -> None:
        """Wait until these bytes fit."""
        if self._per_s:
            self._free_at = max(self._free_at, time.monotonic() - 1) + size / self._per_s
            await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))


@dataclass
class CheckedImage:
    """What a check found at one image: files that were harmed and how they are now, and copies to be made again."""

    image: StoredImage
    harmed: dict[str, StoredFileState] = field(default_factory=dict)
    repaired: dict[str, StoredFileState] = field(default_factory=dict)
    remade: list[str] = field(default_factory=list)
    why_not: str | None = None
    error: str | None = None
    """Why files of this image were not checked; the check continues with the next image."""


@dataclass
class FileCheck:
    """One run of a check over images: at which pace it reads, and whether it repairs originals from their sources."""

    system: AppContext
    scope: Scope
    name: str
    pace: ReadPace
    repair: bool = False
    progress: CheckProgress = field(default_factory=lambda: CheckProgress(None, 0, 0))

    async def run(self, until: float | None = None) -> AsyncGenerator[CheckedImage, None]:
        """Check images until all are checked or a moment of the monotonic clock has come; the check must be claimed."""
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
                # Not before the batch is checked: a check that is cut off in its last batch
                # continues there.
                finished = len(images) < BATCH
        finally:
            async with self.system.database.transaction(self.scope) as tx:
                await release_check(self.scope, tx, self.name, finished=finished)

    async def check_harmed(self) -> AsyncGenerator[CheckedImage, None]:
        """Check again the images whose files an earlier check found harmed."""
        async with self.system.database.transaction(self.scope) as tx:
            known = {image.id: image for image, _, _ in await list_harmed(self.scope, tx)}
        for image in known.values():
            yield await self._check_or_skip(image, counted=False)

    async def _check_or_skip(self, image: StoredImage, *, counted: bool = True) -> CheckedImage:
        """Check an image; return the error if its files cannot be checked.

        Raises if the store or database is away.
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
                await (
                    self.system.store.check()
                )  # raises where the whole store is away: nothing is wrong with this file
        return StoredFileState.DAMAGED

    async def _record(self, checked: CheckedImage, progress: CheckProgress) -> bool:
        found = {key: state.value for key, state in checked.harmed.items()}
        async with self.system.database.transaction(self.scope) as tx:
            exists = await record_harmed(self.scope, tx, checked.image, found)
            await record_progress(self.scope, tx, self.name, progress)
        if not exists:
            checked.harmed.clear()  # it was deleted meanwhile, and its files with it
        return exists

    async def _repair(self, checked: CheckedImage) -> bool:
        """Fetch an original from where it was pulled; keep it only if it has the very bytes that it must have."""
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
        """Make copies again that are missing or cut off: the upright one here, thumbnails in the background."""
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
                    await remove_thumbnails(self.scope, tx, image.id)
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
        log.warning("an upright copy was made again", image=str(image.id), key=key)
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
                    "a stored file is harmed", image=str(one.image.id), key=key, state=state.value
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
    told: Callable[[CheckProgress], None],
) -> CheckProgress:
    """Check every file from where the last such check was cut off; return how many images and bytes
    in all.

    What is known to be harmed is checked again first. `found` is called with each image that has
    harmed, repaired or remade files or could not be checked, `told` after each image.
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
            told(check.progress)
    return check.progress
