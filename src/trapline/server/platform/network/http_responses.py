"""What every gateway over HTTP reads alike: a file, a listing in bounded time and size, dates, statuses in words."""

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
"""Statuses of a server that is overloaded, or cannot reach the server behind it."""
# Some S3 services leave in the name of a coding that they have undone.
PLAIN_CODINGS = ("", "identity", "aws-chunked")


def build_conditional_headers(etag: str | None) -> dict[str, str]:
    """Make the header that asks for a file only if it is another version than this one."""
    return {"If-None-Match": etag} if etag and is_header_value(etag) else {}


@asynccontextmanager
async def open_http_file(
    outbound: OutboundClient, url: str, known_etag: str | None
) -> AsyncIterator[OpenFile | None]:
    """Open a file at an address; None if the server says that it still is the version `known_etag`."""
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
    """Tell of a file whose bytes a server has begun to send.

    Raises OutboundFailed where they are compressed.
    """
    if answer.headers.get("content-encoding", "").strip().lower() not in PLAIN_CODINGS:
        raise OutboundFailed("the server sends it compressed, though it was asked not to")
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
    """Read one page of a listing whole, at most so many bytes and for at most so many seconds."""
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
            "the listing cannot be read: it is not compressed as the server says"
        ) from error
    return bytes(page)


async def decompress(
    chunks: AsyncIterator[bytes], answer: OutboundResponse
) -> AsyncIterator[bytes]:
    """Undo the compression that some servers use without being asked, in pieces of bounded size."""
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        async for chunk in chunks:
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise OutboundFailed(
            "the server sends the listing compressed in a way that is not read; gzip and deflate are"
        )
    unpacker = zlib.decompressobj(47 if coding != "deflate" else 15)
    async for chunk in chunks:
        piece = unpacker.decompress(chunk, UNPACKED_BYTES)
        while piece:
            yield piece
            piece = unpacker.decompress(unpacker.unconsumed_tail, UNPACKED_BYTES)
    if not unpacker.eof:
        raise OutboundFailed("the listing ended before its compression did")


def parse_http_date(text: str | None) -> datetime | None:
    """Read a date of HTTP, such as Last-Modified."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def parse_rfc3339(text: str) -> datetime | None:
    """Read a time of RFC 3339; None for one that names no zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def parse_retry_after(answer: OutboundResponse) -> int | None:
    """Read how many seconds a server asks to be left alone for, at most a day."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MAX_RETRY_AFTER_S)
    moment = parse_http_date(text)
    if moment is None:
        return None
    left = moment - datetime.now(UTC)
    return min(max(0, int(left / timedelta(seconds=1))), MAX_RETRY_AFTER_S)


def build_failure(answer: OutboundResponse, what: str) -> OutboundFailed:
    """Build the failure that an answer means, with the time that the server asks to be left alone for."""
    kind = OutboundFailed
    if answer.status == TOO_MANY_REQUESTS:
        kind = AskedTooOften
    elif answer.status in BUSY:
        kind = Unanswered
    return kind(format_status(answer.status, what), parse_retry_after(answer))


def format_status(status: int, what: str) -> str:
    """Say what a status means, and what to do about it; `what` is what was asked for."""
    words = {
        401: f"the server asks for a sign-in before it gives {what} (401): check user name and password",
        403: f"the server forbids {what} (403): check the sign-in, and whether the server lists folders",
        404: f"the server has no such address (404): {what} is not there",
        410: f"{what} is gone from the server (410)",
        429: f"the server says that it is asked too often (429) and does not give {what}",
    }
    if status in words:
        return words[status]
    return f"the server answered with status {status} instead of {what}"


def quote_invisible(text: str) -> str:
    """Encode the characters of an address that cannot be seen, such as a no-break space, as servers should have."""
    return (
        text
        if text.isprintable()
        else "".join(sign if sign.isprintable() else quote(sign) for sign in text)
    )


def decode_path(raw: str) -> str | None:
    """Decode a path for people where that loses nothing; None for one that climbs out or hides something."""
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
