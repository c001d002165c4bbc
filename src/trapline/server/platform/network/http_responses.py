"""Read HTTP responses for all gateways: files, listings of limited size, dates and statuses."""

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_to_bytes

from trapline.server.platform.errors import AskedTooOften, FileGone, OutboundFailed, Unanswered
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import (
    OutboundClient,
    OutboundResponse,
    is_header_value,
)
from trapline.server.platform.network.timeouts import limit_total_time

MAX_RETRY_AFTER_S = 86_400
UNPACKED_BYTES = 256 * 1024
TOO_MANY_REQUESTS = 429
BUSY = (502, 503, 504)
"""Statuses of a server that is overloaded, or that cannot reach the server behind it."""
# Some S3 services keep the name of a coding that they have already decoded.
PLAIN_CODINGS = ("", "identity", "aws-chunked")


def build_conditional_headers(etag: str | None) -> dict[str, str]:
    """Build the header that requests a file only if its version differs from this one."""
    return {"If-None-Match": etag} if etag and is_header_value(etag) else {}


@asynccontextmanager
async def open_http_file(
    outbound: OutboundClient, url: str, known_etag: str | None
) -> AsyncIterator[OpenFile | None]:
    """Open the file at a URL; None if the server reports that its version is still `known_etag`."""
    async with outbound.get(url, build_conditional_headers(known_etag)) as answer:
        if answer.status == 304 and known_etag:
            yield None
            return
        if answer.status in (404, 410):
            raise FileGone(format_status(answer.status, "it"))
        if answer.status != 200:
            raise OutboundFailed(format_status(answer.status, "it"), parse_retry_after(answer))
        yield build_open_file(answer)


def build_open_file(answer: OutboundResponse) -> OpenFile:
    """Build the description of a file from the headers of its response.

    Raises:
        OutboundFailed: the file is compressed.
    """
    if answer.headers.get("content-encoding", "").strip().lower() not in PLAIN_CODINGS:
        raise OutboundFailed("the server sends it compressed, although that was not requested")
    length = answer.headers.get("content-length", "")
    size = int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    return OpenFile(
        size,
        parse_http_date(answer.headers.get("last-modified")),
        answer.headers.get("etag"),
        answer.chunks(),
        is_end_confirmed=size is not None or "transfer-encoding" in answer.headers,
    )


async def read_listing_page(answer: OutboundResponse, most_bytes: int, budget_s: float) -> bytes:
    """Read one page of a listing of at most `most_bytes` within `budget_s` seconds.

    Raises:
        OutboundFailed: the page is larger, takes longer, or its compression is broken.
    """
    page = bytearray()
    try:
        async for chunk in decompress(limit_total_time(answer.chunks(), budget_s), answer):
            page += chunk
            if len(page) > most_bytes:
                raise OutboundFailed(
                    f"a page of the listing is longer than {most_bytes // 2**20} MiB"
                )
    except zlib.error as error:
        raise OutboundFailed(
            "the listing cannot be read: its compression is not the announced one"
        ) from error
    return bytes(page)


async def decompress(
    chunks: AsyncIterator[bytes], answer: OutboundResponse
) -> AsyncIterator[bytes]:
    """Decompress a body that some servers compress without a request, in pieces of limited size."""
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        async for chunk in chunks:
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise OutboundFailed(
            f"the server compresses the listing with {coding[:50]}; only gzip and deflate are "
            "supported"
        )
    decoder = zlib.decompressobj(47 if coding != "deflate" else 15)
    async for chunk in chunks:
        piece = decoder.decompress(chunk, UNPACKED_BYTES)
        while piece:
            yield piece
            piece = decoder.decompress(decoder.unconsumed_tail, UNPACKED_BYTES)
    if not decoder.eof:
        raise OutboundFailed("the listing is truncated: its compressed data ends too early")


def parse_http_date(text: str | None) -> datetime | None:
    """Parse an HTTP date, such as Last-Modified; return None if it is invalid."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def parse_rfc3339(text: str) -> datetime | None:
    """Parse a time in the format of RFC 3339; return None without a time zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def parse_retry_after(answer: OutboundResponse) -> int | None:
    """Parse Retry-After to seconds, at most a day."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MAX_RETRY_AFTER_S)
    moment = parse_http_date(text)
    if moment is None:
        return None
    left = moment - datetime.now(UTC)
    return min(max(0, int(left / timedelta(seconds=1))), MAX_RETRY_AFTER_S)


def build_failure(answer: OutboundResponse, what: str) -> OutboundFailed:
    """Build the error for the status of a response, with the server's Retry-After."""
    kind = OutboundFailed
    if answer.status == TOO_MANY_REQUESTS:
        kind = AskedTooOften
    elif answer.status in BUSY:
        kind = Unanswered
    return kind(format_status(answer.status, what), parse_retry_after(answer))


def format_status(status: int, what: str) -> str:
    """Describe what a status means and what to do; `what` is the requested object."""
    descriptions = {
        401: f"the server requires a sign-in for {what} (401): check user name and password",
        403: f"the server forbids access to {what} (403): check the sign-in, and whether the "
        "server lists folders",
        404: f"the server has no such URL (404): {what} does not exist",
        410: f"{what} was deleted from the server (410)",
        429: f"the server gets too many requests (429) and does not return {what}",
    }
    if status in descriptions:
        return descriptions[status]
    return f"the server answered with status {status} instead of {what}"


def quote_invisible(text: str) -> str:
    """Percent-encode the invisible characters of a URL, such as a no-break space."""
    return "".join(character if character.isprintable() else quote(character) for character in text)


def decode_path(raw: str) -> str | None:
    """Decode a path for display, if the path can be encoded again without loss.

    Returns None for a path that leads out of its folder or has invisible characters.
    """
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        text = None
    plain = text if text is not None else raw
    if (
        any(part in (".", "..") for part in plain.replace("\\", "/").split("/"))
        or "//" in raw
        or "\x00" in plain
    ):
        return None
    is_lossless = text is not None and "%" not in text and text.count("/") == raw.count("/")
    if is_lossless and text is not None and text.isprintable():
        return text
    return raw if raw.isprintable() else None
