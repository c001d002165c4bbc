"""Read request bodies as streams, with a size limit, and decompress them."""

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
    """Read and decompress a whole body of at most `at_most` bytes.

    Raises:
        PayloadTooLarge, UnsupportedEncoding, InvalidRequest: as `decompress_body`.
    """
    body = bytearray()
    async for piece in _receive(request, at_most):
        body += piece
    return bytes(body)


@asynccontextmanager
async def receive_body(
    request: Request, at_most: int, watch: Callable[[bytes], None] | None = None
) -> AsyncIterator[bytes | mmap.mmap]:
    """Receive and decompress a body of at most `at_most` bytes.

    The body is in memory, or in a memory-mapped file if it is large. `watch` is called with each
    piece when it arrives.

    Raises:
        PayloadTooLarge, UnsupportedEncoding, InvalidRequest: as `decompress_body`.
        ServiceUnavailable: the disk is full.
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
    """Write a piece and flush it.

    Raises:
        ServiceUnavailable: the disk is full.
    """
    try:
        file.write(piece)
        file.flush()
    except OSError as error:
        raise ServiceUnavailable(
            f"The server cannot write the body to its disk: {error.strerror}. Nothing was stored. "
            "Send the request again later."
        ) from error


def decompress_body(request: Request, at_most: int) -> AsyncIterator[bytes]:
    """Read and decompress a body of at most `at_most` bytes as a stream.

    Raises:
        PayloadTooLarge: the decompressed body is larger.
        UnsupportedEncoding: it is compressed with something else than gzip or zstd.
        InvalidRequest: the compressed data is broken or incomplete.
    """
    return _receive(request, at_most)


async def _receive(request: Request, at_most: int) -> AsyncIterator[bytes]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "zstd"):
        raise UnsupportedEncoding(
            f"The Content-Encoding {encoding[:50]} is not supported. Nothing was stored. "
            "Use gzip, zstd or none."
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > at_most:
        raise _too_large(at_most)
    decoder = None if encoding == "identity" else _Gzip() if encoding == "gzip" else _Zstd()
    received = 0
    async for chunk in request.stream():
        for piece in decoder.decompress(chunk) if decoder else (chunk,):
            received += len(piece)
            if received > at_most:
                raise _too_large(at_most)
            yield piece
            if decoder:
                # One chunk of 64 KiB can decompress to 64 MiB, so other requests run between its
                # pieces.
                await asyncio.sleep(0)
    if decoder and not decoder.is_complete:
        raise InvalidRequest(
            "The compressed body ends too early, or other data follows it. Nothing was stored."
        )


class _Gzip:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(GZIP)

    @property
    def is_complete(self) -> bool:
        return self._stream.eof and not self._stream.unused_data

    def decompress(self, chunk: bytes) -> Iterator[bytes]:
        """Decompress in pieces, so that a limit can stop a small body that becomes very large."""
        try:
            while chunk:
                yield self._stream.decompress(chunk, PIECE)
                chunk = self._stream.unconsumed_tail
        except zlib.error as error:
            raise InvalidRequest(
                "The body is not gzip, contrary to its Content-Encoding. Nothing was stored."
            ) from error


class _Zstd:
    def __init__(self) -> None:
        # Loaded with the first body that needs it.
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self._broken = zstd.ZstdError
        # Every sender may use a window of up to 8 MiB, and every receiver must support it
        # (RFC 8878).
        self._stream = zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: 23}
        )

    @property
    def is_complete(self) -> bool:
        return self._stream.eof and not self._stream.unused_data

    def decompress(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while chunk or not (self._stream.needs_input or self._stream.eof):
                yield self._stream.decompress(chunk, PIECE)
                chunk = b""
        except (self._broken, EOFError) as error:
            raise InvalidRequest(
                "The body is not zstd, contrary to its Content-Encoding. Nothing was stored."
            ) from error


def _too_large(at_most: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body of this request can have at most {at_most:,} bytes. Nothing was stored. "
        "Send it in smaller parts."
    )


def build_body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Build the OpenAPI description of a body that a route parses without FastAPI."""
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
