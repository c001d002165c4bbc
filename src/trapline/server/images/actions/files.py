"""Stored files, given to whoever has a signed address."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from trapline.server.accounts.actions.auth import require_token
from trapline.server.images.actions import staged_files
from trapline.server.images.actions.image_import import require_disk_space
from trapline.server.images.hooks import artifact_uploaded
from trapline.server.images.queries.readable_files import find_project_of_file
from trapline.server.images.rules.file_readers import FileReader, parse_reader
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    UnsupportedEncoding,
)
from trapline.server.platform.imaging.file_types import (
    HEAD_BYTES,
    SupportedFormat,
    detect_file_type,
)
from trapline.server.platform.store.signed_uploads import UploadSpec, find_upload_spec
from trapline.server.platform.store.storage_keys import (
    FILES,
    READER,
    find_left,
    is_artifact,
    parse_key,
    parse_project_id,
    verify_signature,
)

INLINE = frozenset({"image/jpeg", "image/png", "image/webp"})
# Types of artifacts that their first bytes do not tell; they are only ever downloaded.
PLAIN = frozenset({"text/plain", "application/json"})
UNKNOWN_TYPE = "application/octet-stream"
OF_IMAGES = frozenset({"originals", "upright", "thumbs", "ml_outputs"})
"""The first parts of the keys of files that are about one image."""
SYSTEM = Scope.system()
BATCH_BYTES = 512 * 1024


@dataclass(frozen=True)
class StoredFile:
    """A file to give: its size, and its type.

    That is what its own first bytes say, whatever anybody claimed, or plain text or JSON where that
    was announced.
    """

    key: str
    size: int
    media_type: str
    good_for_s: int
    """How long the address is good for."""
    reader: FileReader
    is_lasting: bool
    """Whether what is kept under the key never changes: an artifact may be uploaded again."""

    @property
    def is_inline(self) -> bool:
        """Whether a browser may show it in place; anything else is only ever downloaded."""
        return self.media_type in INLINE


async def get_file(
    system: AppContext, method: str, key: str, query: Mapping[str, str]
) -> StoredFile:
    """Find a stored file by its signed address.

    Raises NotFound, and Forbidden where the address does not hold.
    """
    parse_key(key)
    now = time.time()
    if not verify_signature(system.secrets.derive_all(FILES), method, key, query, now):
        raise Forbidden(
            "This address has expired or was changed. Load the page, or ask for the image, again."
        )
    reader = parse_reader(query.get(READER))
    await _require_readable(system, key, reader)
    size = await system.store.find_size(key)
    if size is None:
        raise NotFound
    is_lasting = not is_artifact(key)
    media_type = await _find_type(system, key, is_lasting)
    return StoredFile(key, size, media_type, find_left(query, now), reader, is_lasting)


async def _require_readable(system: AppContext, key: str, reader: FileReader) -> None:
    """Raise NotFound for a file of deleted images, and if the caller of a leased task has lost access meanwhile."""
    parts = parse_key(key)
    if parts[0] not in OF_IMAGES:
        return
    async with system.database.sql_transaction(SYSTEM, each_alone=True) as tx:
        project_id = await find_project_of_file(SYSTEM, tx, parts, reader)
    if project_id is None:
        raise NotFound
    if reader.has_lease and reader.token_id is not None:
        await require_token(system, reader.token_id, project_id)


async def _find_type(system: AppContext, key: str, is_lasting: bool) -> str:
    arrived = None if is_lasting else await system.store.find_uploaded(key)
    if arrived is not None and arrived.media_type in PLAIN:
        return arrived.media_type
    head = b"".join([chunk async for chunk in system.store.open(key, 0, HEAD_BYTES)])
    kind = detect_file_type(head)
    return kind.media_type if isinstance(kind, SupportedFormat) else UNKNOWN_TYPE


async def get_upload(
    system: AppContext, key: str, query: Mapping[str, str], media_type: str, length: int | None
) -> UploadSpec:
    """Find what an address lets in, before the first byte of it is read; `length` in bytes where
    the sender tells it.

    Raises Forbidden where the address does not hold, and Unsupported, TooLarge, Invalid and
    Unavailable.
    """
    parse_key(key)
    announced = find_upload_spec(system.secrets.derive_all(FILES), key, query, time.time())
    if announced is None:
        raise Forbidden(
            "This address takes no upload: it has expired or was changed. Nothing was stored; ask for one."
        )
    if media_type != announced.media_type:
        raise UnsupportedEncoding(
            f"This address takes an upload with Content-Type: {announced.media_type}. Nothing was stored."
        )
    if length is not None:
        _check_length(announced, length)
        if announced.size not in (None, length):
            raise InvalidRequest(
                f"{announced.size:,} bytes were announced, not {length:,}. Nothing was stored."
            )
    await require_disk_space(system)
    return announced


async def save_upload(
    system: AppContext, key: str, announced: UploadSpec, pieces: AsyncIterator[bytes]
) -> None:
    """Store an upload as a whole if it is what was announced.

    Raises TooLarge, Invalid and Unavailable.
    """
    async with system.store.receive() as incoming:
        async for batch in _in_batches(pieces):
            _check_length(announced, incoming.size + len(batch))
            await asyncio.to_thread(incoming.write, batch)
        if announced.size not in (None, incoming.size):
            raise InvalidRequest(
                f"{announced.size:,} bytes were announced, not {incoming.size:,}. Nothing was stored."
            )
        if announced.sha256 not in (None, incoming.sha256):
            raise InvalidRequest(
                "The bytes do not have the SHA-256 that was announced. Nothing was stored; send them again."
            )
        if not is_artifact(key):
            await staged_files.save_upload(system, incoming, key, announced.media_type)
            return
        for save_artifact in artifact_uploaded:
            await save_artifact(system, incoming, key, announced.media_type)


def _check_length(announced: UploadSpec, length: int) -> None:
    allowed = announced.at_most if announced.size is None else announced.size
    if length > allowed:
        raise PayloadTooLarge(f"This address takes at most {allowed:,} bytes. Nothing was stored.")


async def _in_batches(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gather small pieces: each batch costs a thread a write."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= BATCH_BYTES:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


async def record_download(system: AppContext, file: StoredFile, origin: RequestOrigin) -> None:
    """Write into the audit that a picture is read by whom its address was given to, whichever part
    of it.

    A reader that reads it in parts, or again from the same address, is told of once in some
    minutes. Raises DatabaseAway.
    """
    key, actor, image_id = file.key, file.reader.actor, file.reader.image_id
    if actor is None or image_id is None or file.reader.is_worker:
        return
    read = (f"{actor} {image_id}", key, origin.address)
    if system.known.downloads.get(read):
        return
    project_id = parse_project_id(key)
    async with system.database.sql_transaction(Scope(actor=actor, origin=origin)) as tx:
        # An address outlives a project that is gone meanwhile.
        known = await (
            await tx.execute("select 1 from projects where id = %s", (project_id,))
        ).fetchone()
        tx.audit("download", "image", image_id, project_id if known else None)
    system.known.downloads.keep(read, True)


def read_file(
    system: AppContext, file: StoredFile, first: int, length: int
) -> AsyncIterator[bytes]:
    """Read a part of a stored file."""
    return system.store.open(file.key, first, length)
