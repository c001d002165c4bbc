"""A folder that a web server lists, with its sub-folders."""

import asyncio
import hashlib
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from trapline.server.errors import FileGone, OutboundFailed
from trapline.server.gateways.http_listing import HtmlListing, JsonListing, Link
from trapline.server.gateways.pace import Pace
from trapline.server.gateways.port import MAX_DEPTH, MAX_ENTRIES, MAX_FOLDERS, MAX_PATH_CHARACTERS, Entry, OpenFile
from trapline.server.outbound import Answer, Outbound, is_sendable, parse_url

MAX_LISTING_BYTES = 1024**3
MAX_RETRY_AFTER_S = 86_400
MAX_SAID = 500
UNPACKED_BYTES = 256 * 1024
ACCEPT_LISTING = "application/json, text/html;q=0.9, */*;q=0.1"


class HttpDirectory:
    """Lists and opens what lies under one address; links to anywhere else are not followed."""

    def __init__(self, outbound: Outbound, base_url: str, *, listing_s: float = 30, pace: Pace | None = None) -> None:
        parse_url(base_url)
        self._outbound = outbound
        self._root = base_url.partition("#")[0]
        self._listing_s = listing_s
        self._pace = pace or Pace()
        self._listed_bytes = 0

    async def list_files(self) -> AsyncIterator[Entry]:
        """List every file under the address, folder by folder."""
        waiting: list[tuple[str, int]] = [(self._root, 0)]
        visited = {self._root}
        count = 0
        self._listed_bytes = 0
        while waiting:
            url, depth = waiting.pop()
            async for page_url, link in self._read_page(url, is_root=depth == 0):
                found = self._resolve(page_url, link.href)
                if found is None:
                    continue
                target, path = found
                if path.endswith("/"):
                    if target not in visited and depth < MAX_DEPTH:
                        if len(visited) >= MAX_FOLDERS:
                            raise OutboundFailed(f"the listing leads to more than {MAX_FOLDERS:,} folders")
                        visited.add(target)
                        waiting.append((target, depth + 1))
                    continue
                count += 1
                if count > MAX_ENTRIES:
                    raise OutboundFailed(f"the listing has more than {MAX_ENTRIES:,} entries")
                yield Entry(path, link.size, link.modified_at, link.is_exact, _fingerprint(link.said))

    @asynccontextmanager
    async def open_file(self, path: str, known_etag: str | None = None) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if the server says that it still is the version `known_etag`."""
        # A path with a percent sign is as the server wrote it; one without was made readable by us.
        encoded = path if "%" in path else quote(path, safe="/!$&'()*+,;=:@~")
        headers = {"If-None-Match": known_etag} if known_etag and is_sendable(known_etag) else {}
        await self._pace.wait_turn()
        async with self._outbound.get(_folder_url(self._root) + encoded, headers) as answer:
            if answer.status == 304 and known_etag:
                yield None
                return
            if answer.status in (404, 410):
                raise FileGone(status_in_words(answer.status, "it"))
            if answer.status != 200:
                raise OutboundFailed(status_in_words(answer.status, "it"), read_retry_after(answer))
            if answer.headers.get("content-encoding", "identity") not in ("", "identity"):
                raise OutboundFailed("the server sends it compressed, though it was asked not to")
            length = answer.headers.get("content-length", "")
            yield OpenFile(
                int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None,
                read_http_time(answer.headers.get("last-modified")),
                answer.headers.get("etag"),
                answer.chunks(),
            )

    async def close(self) -> None:
        """Close every connection."""
        await self._outbound.close()

    async def _read_page(self, url: str, *, is_root: bool) -> AsyncIterator[tuple[str, Link]]:
        await self._pace.wait_turn()
        async with self._outbound.get(url, {"Accept": ACCEPT_LISTING}, patience_s=self._listing_s) as answer:
            if answer.status != 200:
                raise OutboundFailed(status_in_words(answer.status, "the listing"), read_retry_after(answer))
            if is_root:
                # A server that moved, such as one that added the closing slash, tells where the listing really is.
                self._root = answer.url
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind.startswith(("image/", "video/")):
                raise OutboundFailed("this address is a file, not a folder that lists its files")
            listing = JsonListing() if kind == "application/json" else HtmlListing()
            found_any = False
            async for links in self._parse(answer, listing):
                found_any = found_any or bool(links)
                for link in links:
                    yield answer.url, link
            if isinstance(listing, HtmlListing) and listing.has_password_field:
                raise OutboundFailed("the server answered with a sign-in page instead of a listing")

    async def _parse(self, answer: Answer, listing: HtmlListing | JsonListing) -> AsyncIterator[list[Link]]:
        try:
            async for chunk in _decoded(_within(answer.chunks(), self._listing_s), answer):
                self._listed_bytes += len(chunk)
                if self._listed_bytes > MAX_LISTING_BYTES:
                    raise OutboundFailed("the listing is longer than 1 GiB")
                yield await asyncio.to_thread(listing.feed, chunk)
            yield await asyncio.to_thread(lambda: listing.feed(b"", last=True))
        except zlib.error as error:
            raise OutboundFailed("the listing cannot be read: it is not compressed as the server says") from error
        except ValueError as error:
            raise OutboundFailed(f"the listing cannot be read: {error}") from error

    def _resolve(self, page_url: str, href: str) -> tuple[str, str] | None:
        """Find where a link leads and its path under the root; None if that is anywhere else."""
        try:
            target = urlsplit(urljoin(page_url, href))
            target.path.encode()
        except ValueError:
            return None
        root = urlsplit(_folder_url(self._root))
        if (target.scheme, target.netloc) != (root.scheme, root.netloc) or target.query or target.fragment:
            return None
        if not target.path.startswith(root.path) or target.path == root.path:
            return None
        raw = target.path[len(root.path) :]
        readable = _readable(raw)
        if readable is None or len(readable) > MAX_PATH_CHARACTERS:
            return None
        return f"{root.scheme}://{root.netloc}{target.path}", readable


def _folder_url(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}{split.path.rpartition('/')[0]}/"


def _readable(raw: str) -> str | None:
    """Decode a path for people where that loses nothing; None for one that climbs out or hides something."""
    try:
        decoded = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        decoded = None
    plain = decoded if decoded is not None else raw
    if any(part in (".", "..") for part in plain.replace("\\", "/").split("/")) or "//" in raw or "\x00" in plain:
        return None
    is_lossless = decoded is not None and "%" not in decoded and decoded.count("/") == raw.count("/")
    if is_lossless and decoded is not None and decoded.isprintable():
        return decoded
    return raw if raw.isprintable() else None


def _fingerprint(said: str) -> str:
    """Tell one version of a file from another by what the listing says, in a form that the ledger can hold."""
    if len(said) <= MAX_SAID and "\x00" not in said and said.encode("utf-8", "ignore").decode() == said:
        return said
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


async def _decoded(chunks: AsyncIterator[bytes], answer: Answer) -> AsyncIterator[bytes]:
    """Undo the compression that some servers use without being asked, in pieces of bounded size."""
    coding = answer.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        async for chunk in chunks:
            yield chunk
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise OutboundFailed(f"the server sends the listing compressed as {coding[:20]!r}, which is not read")
    unpacker = zlib.decompressobj(47 if coding != "deflate" else 15)
    async for chunk in chunks:
        piece = unpacker.decompress(chunk, UNPACKED_BYTES)
        while piece:
            yield piece
            piece = unpacker.decompress(unpacker.unconsumed_tail, UNPACKED_BYTES)
    if not unpacker.eof:
        raise OutboundFailed("the listing ended before its compression did")


async def _within(chunks: AsyncIterator[bytes], budget_s: float) -> AsyncIterator[bytes]:
    """Pass chunks on, but wait for them no longer than `budget_s` seconds in all."""
    left = budget_s
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(left):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise OutboundFailed(f"the listing took longer than {budget_s:g} seconds") from error
        left = max(0.0, left - (time.monotonic() - started))
        yield chunk


def read_http_time(text: str | None) -> datetime | None:
    """Read a date of HTTP, such as Last-Modified."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def read_retry_after(answer: Answer) -> int | None:
    """Read how many seconds a server asks to be left alone for, at most a day."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MAX_RETRY_AFTER_S)
    moment = read_http_time(text)
    if moment is None:
        return None
    left = moment - datetime.now(UTC)
    return min(max(0, int(left / timedelta(seconds=1))), MAX_RETRY_AFTER_S)


def status_in_words(status: int, what: str) -> str:
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
