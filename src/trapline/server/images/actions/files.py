"""Reads of and uploads to stored files by signed URL."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from trapline.server.accounts.actions.auth import require_token
from trapline.server.images.actions import staged_files
from trapline.server.images.actions.image_import import require_disk_space
from trapline.server.images.actions.stripped_files import read_stripped
from trapline.server.images.actions.tiles import get_tile_range
from trapline.server.images.hooks import artifact_uploaded
from trapline.server.images.queries.locations import find_file_precision, has_sensitive_taxa
from trapline.server.images.queries.readable_files import (
    find_project_of_file,
    find_reader_audience,
)
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
    JPEG,
    SupportedFormat,
    detect_file_type,
)
from trapline.server.platform.store.signed_downloads import (
    READER,
    get_remaining_seconds,
    verify_download,
)
from trapline.server.platform.store.signed_uploads import UploadSpec, find_upload_spec
from trapline.server.platform.store.storage_keys import (
    is_artifact,
    is_tiles,
    parse_key,
    parse_project_id,
    sha256_of,
)
from trapline.server.platform.store.url_signatures import FILES

INLINE = frozenset({"image/jpeg", "image/png", "image/webp"})
# Types of artifacts that cannot be detected from their first bytes; never shown inline.
PLAIN = frozenset({"text/plain", "application/json"})
TILE = "tile"
"""The query name of a tile, in the form LEVEL-COLUMN-ROW."""
UNKNOWN_TYPE = "application/octet-stream"
OF_IMAGES = frozenset({"originals", "upright", "tiles", "thumbs", "ml_outputs"})
"""First parts of the keys of files that belong to one image."""
WITHOUT_METADATA = frozenset({"upright", "thumbs"})
SYSTEM = Scope.system()
BATCH_BYTES = 512 * 1024


@dataclass(frozen=True)
class StoredFile:
    """A stored file with its size in bytes and its media type.

    The type is detected from the first bytes; only plain text and JSON are as announced.
    """

    key: str
    size: int
    media_type: str
    good_for_s: int
    """Remaining validity of the URL."""
    reader: FileReader
    is_lasting: bool
    """Whether the content of the key never changes; an artifact may be uploaded again."""
    first: int = 0
    """The position in bytes from which the stored file is read; above 0 for a tile."""
    is_stripped: bool = False
    """Whether the file is read without its metadata."""
    stripped: bytes | None = None
    """The content without metadata, after `load_content`."""

    @property
    def is_inline(self) -> bool:
        """Whether a browser may show it inline; all other types are downloads."""
        return self.media_type in INLINE


async def get_file(
    system: AppContext, method: str, key: str, query: Mapping[str, str]
) -> StoredFile:
    """Get a stored file by its signed URL; of a file of tiles, the tile that the query names.

    Raises NotFound, Forbidden if the signature is not valid or has expired, and for tiles
    InvalidRequest, Unprocessable and ServiceUnavailable.
    """
    parse_key(key)
    now = time.time()
    if not verify_download(system.secrets.derive_all(FILES), method, key, query, now):
        raise Forbidden(
            "This URL has expired or was changed. Reload the page, or request the image again."
        )
    reader = parse_reader(query.get(READER))
    is_stripped = await _require_readable(system, key, reader)
    if is_tiles(key):
        first, length = await get_tile_range(system, key, query.get(TILE))
        return StoredFile(
            key, length, JPEG.media_type, get_remaining_seconds(query, now), reader, True, first
        )
    size = await system.store.find_size(key)
    if size is None:
        raise NotFound
    is_lasting = not is_artifact(key)
    media_type = await _find_type(system, key, is_lasting)
    left_s = get_remaining_seconds(query, now)
    return StoredFile(key, size, media_type, left_s, reader, is_lasting, is_stripped=is_stripped)


async def load_content(system: AppContext, file: StoredFile) -> StoredFile:
    """Load the content of a file that is read without its metadata, and correct its size and type.

    Raises:
        NotFound: the file was deleted.
        Unprocessable: the metadata cannot be removed.
    """
    if not file.is_stripped:
        return file
    content = await read_stripped(system, file.key)
    kind = detect_file_type(content[:HEAD_BYTES])
    media_type = kind.media_type if isinstance(kind, SupportedFormat) else UNKNOWN_TYPE
    return replace(file, size=len(content), media_type=media_type, stripped=content)


async def _require_readable(system: AppContext, key: str, reader: FileReader) -> bool:
    """Raise NotFound for a file of deleted images, or if the caller of a task lost access.

    Returns whether the file is read without its metadata. Upright copies and thumbnails have none,
    but those of earlier versions can have the comment of their original, which projects with
    sensitive taxa must not show.
    """
    parts = parse_key(key)
    if parts[0] not in OF_IMAGES:
        return False
    is_stripped = False
    async with system.database.sql_transaction(SYSTEM, each_alone=True) as tx:
        project_id = await find_project_of_file(SYSTEM, tx, parts, reader)
        sha256 = sha256_of(key)
        if project_id is not None and parts[0] in WITHOUT_METADATA:
            is_stripped = await has_sensitive_taxa(tx, project_id)
        elif project_id is not None and sha256 is not None:
            audience = await find_reader_audience(tx, project_id, reader)
            is_stripped = bool(
                await find_file_precision(tx, project_id, bytes.fromhex(sha256), audience)
            )
    if project_id is None:
        raise NotFound
    if reader.has_lease and reader.token_id is not None:
        await require_token(system, reader.token_id, project_id)
    return is_stripped


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
    """Return the upload that a signed URL permits, before the body is read.

    `length` is the Content-Length in bytes, if there is one. Raises Forbidden if the URL is not
    valid, and UnsupportedEncoding, PayloadTooLarge, InvalidRequest and ServiceUnavailable.
    """
    parse_key(key)
    announced = find_upload_spec(system.secrets.derive_all(FILES), key, query, time.time())
    if announced is None:
        raise Forbidden(
            "This URL does not permit an upload: it has expired or was changed. "
            "Nothing was stored. Request a new URL."
        )
    if media_type != announced.media_type:
        raise UnsupportedEncoding(
            f"This URL requires Content-Type: {announced.media_type}. Nothing was stored."
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
    """Store a complete upload if it is what was announced.

    Raises PayloadTooLarge, InvalidRequest, Conflict and ServiceUnavailable.
    """
    async with system.store.receive() as incoming:
        async for batch in _in_batches(pieces):
            _check_length(announced, incoming.size + len(batch))
            await asyncio.to_thread(incoming.write, batch)
        if announced.size not in (None, incoming.size):
            raise InvalidRequest(
                f"{announced.size:,} bytes were announced, not {incoming.size:,}. "
                "Nothing was stored."
            )
        if announced.sha256 not in (None, incoming.sha256):
            raise InvalidRequest(
                "The bytes do not have the SHA-256 that was announced. Nothing was stored. "
                "Send them again."
            )
        if not is_artifact(key):
            await staged_files.save_upload(system, incoming, key, announced.media_type)
            return
        for save_artifact in artifact_uploaded:
            await save_artifact(system, incoming, key, announced.media_type)


def _check_length(announced: UploadSpec, length: int) -> None:
    allowed = announced.at_most if announced.size is None else announced.size
    if length > allowed:
        raise PayloadTooLarge(f"This URL permits at most {allowed:,} bytes. Nothing was stored.")


async def _in_batches(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces, because each batch is written in a thread."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= BATCH_BYTES:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


async def record_download(system: AppContext, file: StoredFile, origin: RequestOrigin) -> None:
    """Record in the audit that the caller of a signed URL reads an image.

    Reads of parts and repeated reads from the same network address are recorded once in some
    minutes. Raises DatabaseUnavailable.
    """
    key, actor, image_id = file.key, file.reader.actor, file.reader.image_id
    if actor is None or image_id is None or file.reader.is_worker:
        return
    read = (f"{actor} {image_id}", key, origin.address)
    if system.known.downloads.get(read):
        return
    project_id = parse_project_id(key)
    async with system.database.sql_transaction(Scope(actor=actor, origin=origin)) as tx:
        # A URL can be valid longer than its project exists.
        known = await (
            await tx.execute("select 1 from projects where id = %s", (project_id,))
        ).fetchone()
        tx.audit("download", "image", image_id, project_id if known else None)
    system.known.downloads.keep(read, True)


async def _read_bytes(content: bytes) -> AsyncIterator[bytes]:
    yield content


def read_file(
    system: AppContext, file: StoredFile, first: int, length: int
) -> AsyncIterator[bytes]:
    """Read a part of a stored file."""
    if file.stripped is not None:
        return _read_bytes(file.stripped[first : first + length])
    return system.store.open(file.key, file.first + first, length)
