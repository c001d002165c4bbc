"""Signed addresses of stored files, which need no header: of our own server, whichever store the files lie in."""

import time
from collections.abc import Collection
from uuid import UUID

from trapline.server.images.rules.file_readers import FileReader
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.storage_keys import (
    DEFAULT_LIFETIME_S,
    FILES,
    build_thumbnail_key,
    sign_url,
)
from trapline.wire.auth import TokenKind

LEAST_OF_LEASES_S = 12 * 3600
"""External workers hold tasks for hours, and download an image when they begin with it."""
ANYONE = FileReader()


def sign_file_url(
    system: AppContext,
    key: str,
    reader: FileReader = ANYONE,
    *,
    lifetime_s: int = DEFAULT_LIFETIME_S,
) -> str:
    """Make an address for a stored file that needs no header."""
    secrets = system.secrets.derive_all(FILES)
    return sign_url(
        secrets, system.public_url, key, time.time(), lifetime_s=lifetime_s, reader=reader.format()
    )


def sign_original_url(
    system: AppContext, scope: Scope, key: str, image_id: UUID, *, is_deleted: bool
) -> str:
    """Make an address for the whole picture of an image; who was given it stands in the audit when it is read."""
    return sign_file_url(system, key, FileReader(scope.actor, image_id, sees_deleted=is_deleted))


def sign_thumbnail(system: AppContext, image_id: UUID, size: int, *, is_deleted: bool) -> str:
    """Make an address for a thumbnail.

    Only callers who may see a deleted image are given one of it.
    """
    return sign_file_url(
        system, build_thumbnail_key(image_id, size), FileReader(sees_deleted=is_deleted)
    )


def sign_task(system: AppContext, scope: Scope, key: str, image_id: UUID) -> str:
    """Make an address for the image of a leased task: it outlives the lease, and is checked at each read."""
    # The reads of a worker are recorded by its job; a person's token reads as any other reader
    # does.
    is_worker = scope.kind != TokenKind.USER
    reader = FileReader(
        scope.actor, image_id, has_lease=scope.token_id is not None, is_worker=is_worker
    )
    lifetime_s = max(LEAST_OF_LEASES_S, int(system.leases.lease_s + system.leases.lease_max_s))
    return sign_file_url(system, key, reader, lifetime_s=lifetime_s)


def sign_file_urls(
    system: AppContext, keys: Collection[str | None], *, is_deleted: bool = False
) -> dict[str, str]:
    """Make addresses for some stored files, by their keys.

    They are our own server's: a page may not read the pixels of a picture that another server
    sends.
    """
    reader = FileReader(sees_deleted=is_deleted)
    return {key: sign_file_url(system, key, reader) for key in set(keys) if key is not None}
