"""Bodies that are read by hand: with a limit, and unpacked where the sender packed them."""

import zlib
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from trapline.server.errors import Invalid, TooLarge, Unsupported

GZIP = 31  # zlib's window size for gzip with its header


async def read_body(request: Request, at_most: int) -> bytes:
    """Read a whole body of at most so many bytes, unpacked. Raises TooLarge, Unsupported, Invalid."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise Unsupported(f"A body packed with {encoding[:50]} cannot be read; gzip can. Nothing was stored.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > at_most:
        raise _too_large(at_most)
    unpack = zlib.decompressobj(GZIP) if encoding == "gzip" else None
    body = bytearray()
    async for chunk in request.stream():
        try:
            body += unpack.decompress(chunk, at_most - len(body) + 1) if unpack else chunk
        except zlib.error as error:
            raise Invalid("The body is not gzip, though its header says so. Nothing was stored.") from error
        if len(body) > at_most:
            raise _too_large(at_most)
    if unpack and not unpack.eof:
        raise Invalid("The packed body ends too early. Nothing was stored.")
    return bytes(body)


def _too_large(at_most: int) -> TooLarge:
    return TooLarge(f"A body may have at most {at_most:,} bytes here. Nothing was stored; send it in smaller parts.")


def describe_body(model: type[BaseModel]) -> dict[str, Any]:
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
