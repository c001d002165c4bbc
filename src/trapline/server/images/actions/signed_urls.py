"""Signed URLs of stored files, which need no header.

They are of our own server with every kind of store.
"""

import time
from collections.abc import Collection
from uuid import UUID

from trapline.server.images.queries.images import ImageRow
from trapline.server.images.queries.locations import get_file_audience
from trapline.server.images.rules.file_readers import FileReader
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.imaging.tile_files import TILE_SIDE, has_tiles, list_levels
from trapline.server.platform.store.signed_downloads import DEFAULT_LIFETIME_S, sign_download
from trapline.server.platform.store.storage_keys import (
    build_thumbnail_key,
    build_tiles_key,
    parse_project_id,
)
from trapline.server.platform.store.url_signatures import FILES
from trapline.wire.auth import TokenKind
from trapline.wire.images import ImageTiles

LEAST_OF_LEASES_S = 12 * 3600
"""External workers hold tasks for hours, and download an image only when they start its task."""
ANYONE = FileReader()


def sign_file_url(
    system: AppContext,
    key: str,
    reader: FileReader = ANYONE,
    *,
    lifetime_s: int = DEFAULT_LIFETIME_S,
) -> str:
    """Sign the URL of a stored file."""
    secrets = system.secrets.derive_all(FILES)
    return sign_download(
        secrets, system.public_url, key, time.time(), lifetime_s=lifetime_s, reader=reader.format()
    )


def sign_original_url(
    system: AppContext, scope: Scope, key: str, image_id: UUID, *, is_deleted: bool
) -> str:
    """Sign the URL of an original; reads of it are recorded in the audit with the caller."""
    reader = FileReader(
        scope.actor,
        image_id,
        sees_deleted=is_deleted,
        audience=get_file_audience(scope, parse_project_id(key)),
    )
    return sign_file_url(system, key, reader)


def sign_thumbnail(system: AppContext, image_id: UUID, size: int, *, is_deleted: bool) -> str:
    """Sign the URL of a thumbnail.

    Callers request the URL of a deleted image only for users who may see deleted images.
    """
    return sign_file_url(
        system, build_thumbnail_key(image_id, size), FileReader(sees_deleted=is_deleted)
    )


def sign_tiles(system: AppContext, scope: Scope, row: ImageRow) -> ImageTiles | None:
    """Sign the URL of the tiles of an image; None if it is too small for tiles.

    Reads of tiles are recorded in the audit like those of the original.
    """
    if not has_tiles(row.width, row.height):
        return None
    key = build_tiles_key(row.project_id, row.sha256.hex())
    is_deleted = row.deleted_at is not None
    return ImageTiles(
        url=sign_original_url(system, scope, key, row.id, is_deleted=is_deleted),
        size=TILE_SIDE,
        levels=len(list_levels(row.width, row.height)),
    )


def sign_task(system: AppContext, scope: Scope, key: str, image_id: UUID) -> str:
    """Sign the URL of the image of a leased task: valid after the lease, checked at each read."""
    # The job records the reads of a worker; reads with the token of a user are recorded in the
    # audit.
    is_worker = scope.kind != TokenKind.USER
    reader = FileReader(
        scope.actor,
        image_id,
        has_lease=scope.token_id is not None,
        is_worker=is_worker,
        audience=get_file_audience(scope, parse_project_id(key)),
    )
    lifetime_s = max(LEAST_OF_LEASES_S, int(system.leases.lease_s + system.leases.lease_max_s))
    return sign_file_url(system, key, reader, lifetime_s=lifetime_s)


def sign_file_urls(
    system: AppContext, keys: Collection[str | None], *, is_deleted: bool = False
) -> dict[str, str]:
    """Sign the URLs of stored files, by key.

    They are of our own server, because a page cannot read the pixels of images of another origin.
    """
    reader = FileReader(sees_deleted=is_deleted)
    return {key: sign_file_url(system, key, reader) for key in set(keys) if key is not None}
