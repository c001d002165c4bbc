"""Bodies that are read by hand: with a limit, and unpacked where the sender packed them."""

import asyncio
import contextlib
import mmap
import sys
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import IO, Any

from fastapi import Request
from pydantic import BaseModel

from trapline.server.platform.errors import (
    InvalidRequest,
    PayloadTooLarge,
    ServiceUnavailable,
    UnsupportedEncoding,
)

GZIP = 31  # zlib's window size for gzip with its header
PIECE = 1 << 18
IN_MEMORY = 1 << 20


async def read_body(request: Request, at_most: int) -> bytes:
    """Read a whole body of at most so many bytes, unpacked.

    Raises TooLarge, Unsupported, Invalid.
    """
    body = bytearray()
    async for piece in _receive(request, at_most):
        body += piece
    return bytes(body)


@asynccontextmanager
async def receive_body(
    request: Request, at_most: int, watch: Callable[[bytes], None] | None = None
) -> AsyncIterator[bytes | mmap.mmap]:
    """Receive a body of at most so many bytes, unpacked; a large one lies in a file, and its memory
    is the file's.

    `watch` is shown each piece as it comes. Raises TooLarge, Unsupported, Invalid.
    """
    start = bytearray()
    with contextlib.ExitStack() as opened:
        file: IO[bytes] | None = None
        async for piece in _receive(request, at_most):
            if watch is not None:
                watch(piece)
            if file is None:
                start += piece
                if len(start) > IN_MEMORY:
                    file = opened.enter_context(tempfile.TemporaryFile())
                    _write(file, start)
            else:
                _write(file, piece)
        if file is None:
            yield bytes(start)
            return
        _write(file, b"")
        yield opened.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _write(file: IO[bytes], piece: bytes | bytearray) -> None:
    """Write, and hand over to the system. Raises Unavailable where the disk is full."""
    try:
        file.write(piece)
        file.flush()
    except OSError as error:
        raise ServiceUnavailable(
            f"The server cannot keep the body while it is received: {error.strerror}. Nothing was stored."
        ) from error


def decompress_body(request: Request, at_most: int) -> AsyncIterator[bytes]:
    """Read a body of at most so many bytes as it comes, unpacked.

    Raises TooLarge, Unsupported, Invalid.
    """
    return _receive(request, at_most)


async def _receive(request: Request, at_most: int) -> AsyncIterator[bytes]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "zstd"):
        raise UnsupportedEncoding(
            f"A body packed with {encoding[:50]} cannot be read; gzip and zstd can. Nothing was stored."
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > at_most:
        raise _too_large(at_most)
    unpacking = None if encoding == "identity" else _Gzip() if encoding == "gzip" else _Zstd()
    received = 0
    async for chunk in request.stream():
        for piece in unpacking.unpack(chunk) if unpacking else (chunk,):
            received += len(piece)
            if received > at_most:
                raise _too_large(at_most)
            yield piece
            if unpacking:
                # One chunk of 64 KiB can become 64 MiB: other callers are answered between its
                # pieces.
                await asyncio.sleep(0)
    if unpacking and not unpacking.is_complete:
        raise InvalidRequest(
            "The packed body ends too early, or something follows it. Nothing was stored."
        )


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(GZIP)

    @property
    def is_complete(self) -> bool:
        return self._stream.eof and not self._stream.unused_data

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        """Unpack in pieces, so that a small body which grows a thousandfold is seen before it is in memory."""
        try:
            while chunk:
                yield self._stream.decompress(chunk, PIECE)
                chunk = self._stream.unconsumed_tail
        except zlib.error as error:
            raise InvalidRequest(
                "The body is not gzip, though its header says so. Nothing was stored."
            ) from error


class _Zstd:
    def __init__(self) -> None:
        # Loaded with the first body that is packed so.
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self._broken = zstd.ZstdError
        # A window of 8 MiB is what every sender may use and every receiver must take (RFC 8878).
        self._stream = zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: 23}
        )

    @property
    def is_complete(self) -> bool:
        return self._stream.eof and not self._stream.unused_data

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while chunk or not (self._stream.needs_input or self._stream.eof):
                yield self._stream.decompress(chunk, PIECE)
                chunk = b""
        except (self._broken, EOFError) as error:
            raise InvalidRequest(
                "The body is not zstd, though its header says so. Nothing was stored."
            ) from error


def _too_large(at_most: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"A body may have at most {at_most:,} bytes here. Nothing was stored; send it in smaller parts."
    )


def build_body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a body that a route reads by hand, for the OpenAPI document."""
    schema = model.model_json_schema()
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _inline(schema, schema.get("$defs", {}))}},
        }
    }


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inline(part, definitions) for key, part in schema.items() if key != "$defs"}
