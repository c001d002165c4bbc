"""Gateway for a folder that a web server lists, with its sub-folders."""

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote, urljoin, urlsplit

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.http_responses import (
    build_failure,
    decode_path,
    decompress,
    open_http_file,
    quote_invisible,
)
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import OutboundClient, OutboundResponse, parse_url
from trapline.server.platform.network.timeouts import limit_total_time
from trapline.server.sources.gateways.gateway import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_FOLDERS,
    MAX_PATH_CHARACTERS,
    OUTSIDE,
    TOO_DEEP,
    UNREADABLE,
    UNREPRESENTABLE,
    ListingTooLarge,
    RemoteFile,
    Walk,
    build_fingerprint,
)
from trapline.server.sources.gateways.http_listing import (
    HtmlListingParser,
    JsonListingParser,
    ListingLink,
)
from trapline.server.sources.gateways.parser_threads import parse_in_thread
from trapline.server.sources.gateways.rate_limiter import RateLimiter

MAX_LISTING_BYTES = 1024**3
ACCEPT_LISTING = "application/json, text/html;q=0.9, */*;q=0.1"


class HttpDirectoryGateway:
    """Lists and opens files below one URL; links to other places are not followed."""

    def __init__(
        self,
        outbound: OutboundClient,
        base_url: str,
        *,
        listing_s: float = 30,
        pace: RateLimiter | None = None,
    ) -> None:
        parse_url(base_url)
        self._outbound = outbound
        self._root = base_url.partition("#")[0]
        self._listing_s = listing_s
        self._pace = pace or RateLimiter()
        self._listed_bytes = 0

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file below the URL, folder by folder."""
        walk = walk or Walk()
        waiting: list[tuple[str, str, int]] = [(self._root, "", 0)]
        visited = {self._root}
        count = 0
        self._listed_bytes = 0
        while waiting:
            url, prefix, depth = waiting.pop()
            async for page_url, link in self._read_or_record(url, prefix, walk):
                found = self._resolve(page_url, link.href, walk)
                if found is None:
                    continue
                target, path = found
                if path.endswith("/"):
                    if target in visited:
                        continue
                    if len(visited) >= MAX_FOLDERS:
                        raise ListingTooLarge(
                            f"the listing leads to more than {MAX_FOLDERS:,} folders"
                        )
                    visited.add(target)
                    if depth >= MAX_DEPTH:
                        walk.record_unlisted(path, TOO_DEEP)
                    elif walk.enters(path.rstrip("/")):
                        waiting.append((target, path, depth + 1))
                    continue
                count += 1
                if count > MAX_ENTRIES:
                    raise ListingTooLarge(f"the listing has more than {MAX_ENTRIES:,} entries")
                yield RemoteFile(
                    path,
                    link.size,
                    link.modified_at,
                    link.is_exact,
                    build_fingerprint(link.version_text),
                )

    async def _read_or_record(
        self, url: str, prefix: str, walk: Walk
    ) -> AsyncIterator[tuple[str, ListingLink]]:
        """Read the listing of a folder; one below the root that cannot be listed is recorded."""
        try:
            async for found in self._read_page(url, walk, is_root=not prefix):
                yield found
            walk.record_listed()
        except OutboundFailed as error:
            if not prefix:
                raise
            walk.record_failure(prefix, error)

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if the server reports that its version is still `known_etag`."""
        # A path with a percent sign is still encoded; a path without one was decoded.
        encoded = path if "%" in path else quote(path, safe="/!$&'()*+,;=:@~")
        await self._pace.wait_turn()
        async with open_http_file(
            self._outbound, _folder_url(self._root) + encoded, known_etag
        ) as opened:
            yield opened

    async def close(self) -> None:
        """Close every connection."""
        await self._outbound.close()

    async def _read_page(
        self, url: str, walk: Walk, *, is_root: bool
    ) -> AsyncIterator[tuple[str, ListingLink]]:
        await self._pace.wait_turn()
        async with self._outbound.get(
            url, {"Accept": ACCEPT_LISTING}, patience_s=self._listing_s
        ) as answer:
            if answer.status != 200:
                raise build_failure(answer, "the listing")
            if is_root:
                # After a redirect, for example to add the closing slash, the final URL is the root.
                self._root = answer.url
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind.startswith(("image/", "video/")):
                raise OutboundFailed("this URL is a file, not a folder listing")
            listing = JsonListingParser() if kind == "application/json" else HtmlListingParser()
            found_any = False
            async for links in self._parse(answer, listing):
                found_any = found_any or bool(links)
                for link in links:
                    yield answer.url, link
            if isinstance(listing, JsonListingParser):
                walk.leave_out(UNREADABLE, listing.unreadable)
                walk.leave_out(UNREPRESENTABLE, listing.unrepresentable)
            if isinstance(listing, HtmlListingParser) and listing.has_password_field:
                raise OutboundFailed("the server answered with a sign-in page instead of a listing")

    async def _parse(
        self, answer: OutboundResponse, listing: HtmlListingParser | JsonListingParser
    ) -> AsyncIterator[list[ListingLink]]:
        try:
            async for chunk in decompress(
                limit_total_time(answer.chunks(), self._listing_s), answer
            ):
                self._listed_bytes += len(chunk)
                if self._listed_bytes > MAX_LISTING_BYTES:
                    raise ListingTooLarge("the listing is longer than 1 GiB")
                yield await parse_in_thread(partial(listing.feed, chunk))
            yield await parse_in_thread(partial(listing.feed, b"", last=True))
        except zlib.error as error:
            raise OutboundFailed(
                "the listing cannot be decompressed as its Content-Encoding says"
            ) from error
        except ValueError as error:
            raise OutboundFailed(f"the listing cannot be parsed: {error}") from error

    def _resolve(self, page_url: str, href: str, walk: Walk) -> tuple[str, str] | None:
        """Resolve a link to its URL and path; None, and counted, if it is not below the root."""
        folder = _folder_url(self._root)
        try:
            address = urljoin(page_url, quote_invisible(href))
            found = find_relative_path(folder, address)
        except ValueError:
            walk.leave_out(UNREADABLE)
            return None
        # Links to the page itself, its parent folders and other sort orders are not counted.
        plain = address.partition("?")[0].partition("#")[0]
        if found is None and not _folder_url(page_url).startswith(plain):
            walk.leave_out(OUTSIDE)
        return found


def find_relative_path(folder: str, address: str) -> tuple[str, str] | None:
    """Return the plain URL of a file and its path below a folder; None if it is elsewhere."""
    try:
        target = urlsplit(address)
        target.path.encode()
    except ValueError:
        return None
    target = target._replace(path=quote_invisible(target.path))
    root = urlsplit(folder)
    if (
        (target.scheme, target.netloc) != (root.scheme, root.netloc)
        or target.query
        or target.fragment
    ):
        return None
    if not target.path.startswith(root.path) or target.path == root.path:
        return None
    raw = target.path[len(root.path) :]
    readable = decode_path(raw)
    if readable is None or len(readable) > MAX_PATH_CHARACTERS:
        return None
    return f"{root.scheme}://{root.netloc}{target.path}", readable


def _folder_url(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc}{split.path.rpartition('/')[0]}/"
