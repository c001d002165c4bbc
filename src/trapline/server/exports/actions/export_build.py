"""The background task of an export: gather records page by page into a spool, then write the file.

If the process is killed, another process continues from the spool. No transaction stays open for
long.
"""

import asyncio
import io
import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import func

from trapline.server.exports.actions.export_attempt import (
    STILL_FOR_S,
    ExportAttempt,
    ExportOwnershipLost,
    clear_folder,
    find_dead_attempt,
    get_work_folder,
    lock_folder,
    require_disk_space,
)
from trapline.server.exports.actions.export_gathering import ABOUT, gather_records
from trapline.server.exports.formats.export_formats import FORMATS, ExportFormatSpec
from trapline.server.exports.formats.export_records import (
    ExportIssue,
    ExportMetadata,
    ExportReport,
    ExportSpool,
    truncate_list,
)
from trapline.server.exports.queries.exports import claim_export, list_active_exports
from trapline.server.images.actions.image_import import MAKE_ROOM, find_disk_shortage
from trapline.server.images.actions.stripped_files import read_stripped
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound, ServiceUnavailable, Unprocessable
from trapline.server.platform.failpoints import hit
from trapline.server.platform.store.storage_keys import build_export_key
from trapline.wire.exports import ExportFormat

log = structlog.get_logger(__name__)

COPIED_AT_ONCE = 1 << 20
LOOKED_EACH = 16 << 20
"""Free disk space is checked each time this number of bytes has been written."""
MOST_ATTEMPTS = 50
"""Limits the restarts of an export that kills its process each time."""
FILE = "file"
UNCHECKED = (
    "Images whose time or deployment changed while the export was created can be missing: the "
    "search for them took too long. Export fewer images at a time."
)
WITHHELD_TEXTS = (
    "Comments, tags, behaviours and individual IDs of images at withheld locations: these texts "
    "can name the place, and the export is for visitors."
)
NO_REMARKS = (
    "Comments on images and boxes that identify nothing: this format has no place for them."
)


async def build_export(system: AppContext, scope: Scope, export_id: UUID) -> None:
    """Build an export, or continue where an earlier attempt stopped.

    Several processes may call this at the same time, and it may be called again.

    Raises:
        ServiceUnavailable: a temporary fault; the progress is kept.
    """
    folder = get_work_folder(system) / str(export_id)
    with lock_folder(folder) as isalone:
        if not isalone:
            return
        last = find_dead_attempt(folder)
        async with system.database.transaction(scope) as tx:
            row = await claim_export(scope, tx, export_id, still_for_s=STILL_FOR_S, known_dead=last)
            is_live = row is not None or export_id in await list_active_exports(
                scope, tx, [export_id]
            )
        if row is None:
            if is_live:
                log.info("another process builds an export", export=str(export_id))
            else:
                shutil.rmtree(folder, ignore_errors=True)
            return
        attempt = ExportAttempt(system, scope, row, folder)
        if row.attempt > MOST_ATTEMPTS:
            await attempt.fail(
                f"The export was started {MOST_ATTEMPTS} times without success. "
                "Export fewer images at a time."
            )
            shutil.rmtree(folder, ignore_errors=True)
            return
        try:
            if (last or 0) != row.attempt - 1:
                # Another machine has continued this export since the last attempt here, so the
                # recorded progress does not match the files in this folder.
                await asyncio.to_thread(clear_folder, folder)
            attempt.record_heartbeat()
            async with attempt.beating():
                await gather_records(attempt)
                await write_export_file(attempt)
        except ExportOwnershipLost:
            log.info("an export was stopped", export=str(export_id))
        except (ServiceUnavailable, ConnectionError):
            raise  # the fault is temporary, and the task is retried
        except Unprocessable as error:
            await attempt.fail(error.detail)
        except FileNotFoundError as error:
            log.warning("an export failed", export=str(export_id), reason=str(error))
            await attempt.fail(
                "An image of the export was purged meanwhile. Export again without that image."
            )
        except OSError as error:
            log.warning("an export failed", export=str(export_id), reason=str(error))
            await attempt.fail(
                f"The server could not write to its disk: {error.strerror or error}. "
                "Free some space, and export again."
            )
        except Exception:
            log.exception("an export failed unexpectedly", export=str(export_id))
            await attempt.fail(
                "The export stopped because of an unexpected error; see the server's log. "
                "No data was lost."
            )
        shutil.rmtree(folder, ignore_errors=True)


async def write_export_file(attempt: ExportAttempt) -> None:
    """Write the file of an export from its spool, and store it.

    Raises:
        ExportOwnershipLost: the export was canceled, deleted or claimed by another process.
        ServiceUnavailable: a temporary fault of the store or the database.
    """
    await _Writing(attempt).write()


class _Writing:
    """Write the file of one attempt."""

    def __init__(self, attempt: ExportAttempt) -> None:
        self._on = attempt

    async def write(self) -> None:
        """Write and store the file, and record the result; or record why the file is not valid."""
        row, system = self._on.row, self._on.system
        await hit("export writing")
        about = msgspec.json.decode((self._on.folder / ABOUT).read_bytes(), type=ExportMetadata)
        kind = FORMATS[ExportFormat(row.format)]
        left_out = kind.list_unlocated(about)
        shown = [one for one in about.deployments if one not in left_out]
        spool = ExportSpool(
            self._on.folder,
            msgspec.structs.replace(about, deployments=shown),
            self._build_image_reader(strips=bool(about.withheld)),
            frozenset(str(one.id) for one in left_out),
        )
        report = await asyncio.to_thread(self._write_file, spool)
        report.left_out += _list_lost_texts(kind, spool.about)
        report.left_out += [
            ExportIssue(
                f"The location of “{one.name}” is withheld from the role of this export, and the "
                "format requires a location: its images are left out.",
                one.images,
                one.id,
            )
            for one in left_out
        ]
        result = {
            "written": report.written,
            "fixed": _plain(report.fixed),
            "left_out": _plain(report.left_out),
            "problems": _plain(report.problems),
            "finished_at": func.clock_timestamp(),
        }
        if report.problems:
            await self._on.update(state="invalid", storage_key=None, **result)
            return
        if shortage := await find_disk_shortage(system):
            raise Unprocessable(f"{shortage} {MAKE_ROOM} Then export again.")
        key = build_export_key(row.project_id, row.id, row.attempt)
        await self._on.update(storage_key=key)
        row.storage_key = key
        async with system.store.receive() as incoming:
            with (self._on.folder / FILE).open("rb") as written:
                while piece := await asyncio.to_thread(written.read, COPIED_AT_ONCE):
                    self._on.check()
                    await asyncio.to_thread(incoming.write, piece)
            await system.store.keep(incoming, key, kind.find_kind(row.options)[1])
            await hit("export kept")
            result |= {
                "size_bytes": incoming.size,
                "sha256": bytes.fromhex(incoming.sha256),
                "expires_at": func.clock_timestamp()
                + timedelta(seconds=system.limits.exports_kept_s),
            }
        try:
            await self._on.update(state="ready", **result)
        except ExportOwnershipLost:
            await system.store.delete(key)
            raise

    def _write_file(self, spool: ExportSpool) -> ExportReport:
        write = FORMATS[ExportFormat(self._on.row.format)].load()
        with io.BufferedRandom(_Stoppable(self._on.folder / FILE, self._on.stop)) as out:
            report = write(spool, out)
            out.flush()
        return report

    def _build_image_reader(self, *, strips: bool) -> Callable[[str], bytes]:
        """Build the function that reads files; with `strips` it removes their metadata.

        It raises `LookupError` for a file whose metadata cannot be removed.
        """
        loop = asyncio.get_running_loop()

        async def read(key: str) -> bytes:
            if strips:
                return await read_stripped(self._on.system, key)
            return b"".join([piece async for piece in self._on.system.store.open(key)])

        def read_image(key: str) -> bytes:
            self._on.check()
            try:
                return asyncio.run_coroutine_threadsafe(read(key), loop).result()
            except NotFound:
                raise FileNotFoundError(f"an image is no longer in the store: {key}") from None
            except Unprocessable as error:
                raise LookupError(error.detail) from None

        return read_image


class _Stoppable(io.FileIO):
    """A file whose `write` raises once `stop` is set or the disk is almost full."""

    def __init__(self, path: Path, stop: threading.Event) -> None:
        super().__init__(path, "w+")
        self._path, self._stop, self._unlooked = path, stop, 0

    def write(self, piece: Any) -> int:
        if self._stop.is_set():
            raise ExportOwnershipLost
        if self._unlooked <= 0:
            require_disk_space(self._path.parent)
            self._unlooked = LOOKED_EACH
        written = super().write(piece)
        self._unlooked -= written
        return written


def _list_lost_texts(kind: ExportFormatSpec, about: ExportMetadata) -> list[ExportIssue]:
    """Report texts of people that the file does not contain, and a check that was not possible."""
    withheld = sum(one.described for one in about.deployments if one.precision)
    remarked = sum(one.remarked for one in about.deployments)
    lost = []
    if about.is_unchecked:
        lost.append(ExportIssue(UNCHECKED))
    if withheld and about.for_visitors and kind.has_free_texts:
        lost.append(ExportIssue(WITHHELD_TEXTS, withheld))
    if remarked and not kind.has_remarks:
        lost.append(ExportIssue(NO_REMARKS, remarked))
    return lost


def _plain(problems: list[ExportIssue]) -> list[Any]:
    return [msgspec.to_builtins(one) for one in truncate_list(problems)]
