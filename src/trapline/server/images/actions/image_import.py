"""Import of a received file as an image, used by uploads, pulls and downloads.

The file is checked and stored first; the row is created in the transaction of the caller. Stored
bytes without a row are harmless, because their key is their hash; a row without bytes is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from uuid import UUID
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from trapline.server.images.actions.stored_files import StoredFileState, restore_original
from trapline.server.images.hooks import image_added
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.image_deletion import restore_files
from trapline.server.images.queries.images import ImageRow, create_images, find_image_by_hash
from trapline.server.images.rules.capture_time import get_capture_time
from trapline.server.images.rules.image_flags import TRUNCATED
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.platform.store.storage_keys import build_original_key, build_upright_key

LEAST_FREE = 0.05
MAKE_ROOM = "Free disk space, or move the data folder to a larger disk."
MAX_FILENAME = 255
# After this, another process may generate the thumbnails again, which has no other effect.
CLAIM = timedelta(minutes=2)


@dataclass(frozen=True)
class ImportTarget:
    """The deployment that images are imported into, and how their times are read."""

    project_id: int
    deployment_id: UUID
    zone: ZoneInfo
    clock_offset_s: int
    source_id: UUID | None = None
    filename_pattern: str | None = None


@dataclass(frozen=True)
class ExistingImage:
    """An image of the deployment with the same bytes; `was` is the state of its stored file."""

    image_id: UUID
    was: StoredFileState = StoredFileState.INTACT


Checked = ImageRow | ExistingImage | SkippedFile | UndecodableFile


def build_import_target(
    deployment: DeploymentRow, source_id: UUID | None = None, pattern: str | None = None
) -> ImportTarget:
    """Build the import target of a deployment."""
    return ImportTarget(
        project_id=deployment.project_id,
        deployment_id=deployment.id,
        zone=ZoneInfo(deployment.time_zone),
        clock_offset_s=deployment.clock_offset_s,
        source_id=source_id,
        filename_pattern=pattern,
    )


async def find_disk_shortage(system: AppContext) -> str | None:
    """Return a message if the disk of the store is almost full; None if it has free space."""
    free = await system.store.find_free_fraction()
    if free is None or free >= LEAST_FREE:
        return None
    return f"Only {free:.1%} of the disk is free; no file is stored below {LEAST_FREE:.0%}."


async def require_disk_space(system: AppContext) -> None:
    """Raise ServiceUnavailable if the disk of the store is almost full."""
    shortage = await find_disk_shortage(system)
    if shortage is not None:
        raise ServiceUnavailable(f"{shortage} Nothing was stored. {MAKE_ROOM}")


async def validate_image(
    system: AppContext,
    scope: Scope,
    place: ImportTarget,
    incoming: IncomingFile,
    path: str,
    modified_at: datetime | None = None,
    thumbnails: Mapping[int, IncomingFile] | None = None,
    name: str | None = None,
    *,
    accepts_truncated: bool = True,
) -> Checked:
    """Decode a received file completely and store it; return the new row or the reason for none.

    `path` is where the file came from; its last part is the image's name, unless a `name` is given.
    `thumbnails` by size are generated at the same time; the row is then claimed until its caller
    has stored and marked them. If the deployment has the same bytes already, their stored file is
    read, and written again if it is missing or damaged. A truncated JPEG of which at least half of
    the rows decode is flagged; without `accepts_truncated` it is undecodable, because it may still
    be being written. Raises ServiceUnavailable if the store or the database is unavailable.
    """
    sha256 = bytes.fromhex(incoming.sha256)
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        known = await find_image_by_hash(scope, tx, place.deployment_id, sha256)
        if known is None:
            await restore_files(scope, tx, place.project_id, sha256)
    if known is not None:
        return ExistingImage(
            known, await restore_original(system, scope, incoming, place.project_id, known, path)
        )
    wanted = {size: each.path for size, each in (thumbnails or {}).items()}
    async with system.store.receive() as upright:
        inspected = await system.decoders.inspect(
            incoming.path, upright=upright.path, thumbnails=wanted, project_id=place.project_id
        )
        if isinstance(inspected, UndecodableFile | SkippedFile):
            return inspected
        if inspected.is_truncated and not accepts_truncated:
            return UndecodableFile("the file is truncated: it ends before the image does")
        stored = await system.store.keep(
            incoming, build_original_key(place.project_id, incoming.sha256)
        )
        copy_key = build_upright_key(place.project_id, incoming.sha256)
        copy = await system.store.keep(upright, copy_key) if inspected.upright_made else None
    filename = name or PurePosixPath(path).name or "unnamed"
    captured = get_capture_time(
        inspected.exif,
        filename,
        zone=place.zone,
        clock_offset_s=place.clock_offset_s,
        filename_pattern=place.filename_pattern,
        modified_at=modified_at,
        received_at=datetime.now(UTC),
    )
    return ImageRow(
        id=uuid7(),
        project_id=place.project_id,
        deployment_id=place.deployment_id,
        sha256=sha256,
        size_bytes=stored.size,
        media_type=inspected.media_type,
        filename=filename[-MAX_FILENAME:],
        width=inspected.width,
        height=inspected.height,
        orientation=inspected.orientation,
        storage_key=stored.key,
        upright_key=copy.key if copy else None,
        thumbnails_claimed_until=datetime.now(UTC) + CLAIM if inspected.thumbnails_made else None,
        captured_at=captured.at,
        captured_at_source=captured.source.value,
        captured_at_raw=captured.raw,
        time_zone=place.zone.key,
        clock_offset_s=place.clock_offset_s,
        flags=[*captured.flags, *([TRUNCATED] if inspected.is_truncated else [])],
        exif=inspected.exif,
        reviewed=False,
        source_id=place.source_id,
        source_path=path if place.source_id or "/" in path else None,
    )


async def create_image(scope: Scope, tx: Transaction, row: ImageRow) -> tuple[UUID, bool]:
    """Create the row of a checked image; return the ID of the image and whether it is new."""
    [(image_id, is_new)] = await create_images(scope, tx, [row])
    if is_new:
        for handler in image_added:
            await handler(scope, tx, row.project_id, [image_id])
    return image_id, is_new
