"""The work of an export in the background: gathered page by page into a spool on the disk, then
written as one file.

Whoever is killed in between leaves a spool that somebody else goes on with; nothing holds a
transaction open for long.
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
from trapline.server.exports.formats.export_formats import FORMATS
from trapline.server.exports.formats.export_records import (
    ExportIssue,
    ExportMetadata,
    ExportReport,
    ExportSpool,
    truncate_list,
)
from trapline.server.exports.queries.exports import claim_export, list_active_exports
from trapline.server.images.actions.image_import import MAKE_ROOM, find_disk_shortage
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound, ServiceUnavailable, Unprocessable
from trapline.server.platform.failpoints import hit
from trapline.server.platform.store.storage_keys import build_export_key
from trapline.wire.exports import ExportFormat

log = structlog.get_logger(__name__)

COPIED_AT_ONCE = 1 << 20
LOOKED_EACH = 16 << 20
"""So many bytes are written between two looks at how much room the disk has."""
MOST_ATTEMPTS = 50
"""One that takes its process down each time does not do so for ever."""
FILE = "file"


async def build_export(system: AppContext, scope: Scope, export_id: UUID) -> None:
    """Make an export, from where it was left off; safe to be done again, and by several at once.

    Raises Unavailable for what passes by itself: the export stays as far as it is.
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
                log.info("an export is being made elsewhere", export=str(export_id))
            else:
                shutil.rmtree(folder, ignore_errors=True)
            return
        attempt = ExportAttempt(system, scope, row, folder)
        if row.attempt > MOST_ATTEMPTS:
            await attempt.fail(
                f"It was begun {MOST_ATTEMPTS} times and never came to its end. Export less at once."
            )
            shutil.rmtree(folder, ignore_errors=True)
            return
        try:
            if (last or 0) != row.attempt - 1:
                # Another machine got on with it meanwhile: how far it is says nothing of what lies
                # here.
                await asyncio.to_thread(clear_folder, folder)
            attempt.record_heartbeat()
            async with attempt.beating():
                await gather_records(attempt)
                await write_export_file(attempt)
        except ExportOwnershipLost:
            log.info("an export was stopped", export=str(export_id))
        except (ServiceUnavailable, ConnectionError):
            raise  # it passes by itself, and the chore is done again
        except Unprocessable as error:
            await attempt.fail(error.detail)
        except FileNotFoundError as error:
            log.warning("an export failed", export=str(export_id), reason=str(error))
            await attempt.fail(
                "A picture that it takes was deleted for good meanwhile. Export again without it."
            )
        except OSError as error:
            log.warning("an export failed", export=str(export_id), reason=str(error))
            await attempt.fail(
                f"The server's disk refused it: {error.strerror or error}. Make room, and export again."
            )
        except Exception:
            log.exception("an export broke", export=str(export_id))
            await attempt.fail(
                "Something in it could not be written; the server's log says what. Nothing was lost."
            )
        shutil.rmtree(folder, ignore_errors=True)


async def write_export_file(attempt: ExportAttempt) -> None:
    """Write the file of an export from its spool, and keep it. Raises Stopped, Unavailable."""
    await _Writing(attempt).write()


class _Writing:
    """Writes the file of one attempt."""

    def __init__(self, attempt: ExportAttempt) -> None:
        self._on = attempt

    async def write(self) -> None:
        """Write the file, keep it, and tell that it is there; or what is wrong with it."""
        row, system = self._on.row, self._on.system
        await hit("export writing")
        about = msgspec.json.decode((self._on.folder / ABOUT).read_bytes(), type=ExportMetadata)
        spool = ExportSpool(self._on.folder, about, self._picture_reader())
        kind = FORMATS[ExportFormat(row.format)]
        report = await asyncio.to_thread(self._write_file, spool)
        told = {
            "written": report.written,
            "fixed": _plain(report.fixed),
            "left_out": _plain(report.left_out),
            "problems": _plain(report.problems),
            "finished_at": func.clock_timestamp(),
        }
        if report.problems:
            await self._on.update(state="invalid", storage_key=None, **told)
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
            told |= {
                "size_bytes": incoming.size,
                "sha256": bytes.fromhex(incoming.sha256),
                "expires_at": func.clock_timestamp()
                + timedelta(seconds=system.limits.exports_kept_s),
            }
        try:
            await self._on.update(state="ready", **told)
        except ExportOwnershipLost:
            await system.store.delete(key)
            raise

    def _write_file(self, spool: ExportSpool) -> ExportReport:
        write = FORMATS[ExportFormat(self._on.row.format)].load()
        with io.BufferedRandom(_Stoppable(self._on.folder / FILE, self._on.stop)) as out:
            report = write(spool, out)
            out.flush()
        return report

    def _picture_reader(self) -> Callable[[str], bytes]:
        loop = asyncio.get_running_loop()

        async def read(key: str) -> bytes:
            return b"".join([piece async for piece in self._on.system.store.open(key)])

        def read_picture(key: str) -> bytes:
            self._on.check()
            try:
                return asyncio.run_coroutine_threadsafe(read(key), loop).result()
            except NotFound:
                raise FileNotFoundError(f"a picture is no longer in the store: {key}") from None

        return read_picture


class _Stoppable(io.FileIO):
    """A file that refuses to be written any longer once it is told to, or the disk is almost full."""

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


def _plain(problems: list[ExportIssue]) -> list[Any]:
    return [msgspec.to_builtins(one) for one in truncate_list(problems)]
