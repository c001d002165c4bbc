"""Gateway for a paged JSON API that lists files, described by a mapping of its responses."""

import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from trapline.server.platform.errors import AddressNotAllowed, FileGone, OutboundFailed
from trapline.server.platform.formats.temporary_database import open_temporary_database
from trapline.server.platform.network.http_responses import (
    decode_path,
    format_status,
    open_http_file,
    parse_retry_after,
    parse_rfc3339,
    quote_invisible,
    read_listing_page,
)
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import OutboundClient, get_origin, parse_url
from trapline.server.sources.gateways.file_names import escape_name
from trapline.server.sources.gateways.gateway import (
    MAX_ENTRIES,
    MAX_FOLDERS,
    MAX_PATH_CHARACTERS,
    OUTSIDE,
    TOO_LONG,
    UNREADABLE,
    UNREPRESENTABLE,
    RemoteFile,
    Walk,
    build_fingerprint,
)
from trapline.server.sources.gateways.parser_threads import parse_in_thread
from trapline.server.sources.gateways.rate_limiter import RateLimiter
from trapline.wire.gateway_options import RestMapping

PAGE_BYTES = 16 * 1024 * 1024
# Some APIs return empty pages forever.
MAX_EMPTY_PAGES = 20
CACHE_KIB = 2 << 10
MAX_DIGITS = 40
MARK_CHARACTERS = 13
LATEST_S = 253_402_300_799


class RestGateway:
    """Lists and opens the files of a JSON API.

    The path of a file is its name in the API, or the path of its URL. URLs are kept from the
    listing, because they may be signed for a limited time. Pages are loaded only from the origin of
    the API; files also from `file_origins`. Credentials are sent only to the origin of the API.
    """

    def __init__(
        self,
        outbound: OutboundClient,
        base_url: str,
        mapping: RestMapping,
        *,
        file_origins: Sequence[str] = (),
        listing_s: float = 30,
        pace: RateLimiter | None = None,
    ) -> None:
        self._outbound = outbound
        self._base_url = base_url.partition("#")[0]
        self._own_origin = get_origin(parse_url(base_url))
        self._file_origins = {
            self._own_origin,
            *(get_origin(parse_url(url)) for url in file_origins),
        }
        self._mapping = mapping
        self._listing_s = listing_s
        self._pace = pace or RateLimiter()
        self._urls = _UrlTable()

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file, page by page."""
        walk = walk or Walk()
        self._urls.clear()
        url: str | None = self._base_url
        visited: set[str] = set()
        count = empty = 0
        while url is not None:
            visited.add(url)
            if len(visited) > MAX_FOLDERS:
                raise OutboundFailed(f"the listing has more than {MAX_FOLDERS:,} pages")
            content, at = await self._fetch_page(url)
            page, entries = await parse_in_thread(partial(self._read_page, content, at))
            count += len(entries)
            if count > MAX_ENTRIES:
                raise OutboundFailed(f"the listing has more than {MAX_ENTRIES:,} entries")
            for entry in entries:
                if isinstance(entry, RemoteFile):
                    yield entry
                else:
                    walk.leave_out(entry)
            empty = 0 if entries else empty + 1
            url = self._next_url(page, at) if empty < MAX_EMPTY_PAGES else None
            if url in visited:
                raise OutboundFailed("the listing returned to an earlier page")

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if the server reports that its version is still `known_etag`."""
        url = self._urls.find(path)
        if url is None:
            raise FileGone("the API no longer lists this file")
        if get_origin(parse_url(url)) not in self._file_origins:
            advice = "if this is expected, add it to the option `file_origins`"
            raise AddressNotAllowed(
                f"it is at {_place(url)}, which is a different server; {advice}"
            )
        await self._pace.wait_turn()
        async with open_http_file(self._outbound, url, known_etag) as opened:
            yield opened

    async def close(self) -> None:
        """Close every connection."""
        self._urls.clear()
        await self._outbound.close()

    async def _fetch_page(self, url: str) -> tuple[bytes, str]:
        if get_origin(parse_url(url)) != self._own_origin:
            raise AddressNotAllowed(
                f"the next page is at {_place(url)}, which is a different server"
            )
        await self._pace.wait_turn()
        headers = {"Accept": "application/json"}
        async with self._outbound.get(url, headers, patience_s=self._listing_s) as answer:
            if answer.status != 200:
                raise OutboundFailed(
                    format_status(answer.status, "the listing"), parse_retry_after(answer)
                )
            return await read_listing_page(answer, PAGE_BYTES, self._listing_s), answer.url

    def _read_page(self, content: bytes, at: str) -> tuple[Any, list[RemoteFile | str]]:
        """Parse a page; returns it with its entries, or for an entry the reason to leave it out."""
        try:
            # A name with invalid UTF-8 must not make the whole page fail.
            text = content.decode("utf-8", "surrogateescape")
            page = json.loads(
                text, parse_int=lambda digits: int(digits) if len(digits) <= MAX_DIGITS else None
            )
        except (ValueError, RecursionError) as error:
            raise OutboundFailed("the response of the server is not JSON") from error
        items = _find(page, self._mapping.items)
        if not isinstance(items, list):
            where = self._mapping.items or "the top level"
            raise OutboundFailed(f"there is no list at {where!r}: check `items` of the mapping")
        return page, [self._read_item(item, at) for item in items]

    def _read_item(self, item: Any, at: str) -> RemoteFile | str:
        mapping = self._mapping
        address = _find(item, mapping.url)
        if not isinstance(address, str):
            return UNREADABLE
        try:
            url = urljoin(at, quote_invisible(address))
            split = urlsplit(url)
            url.encode()
        except ValueError:
            return UNREPRESENTABLE
        if split.scheme not in ("http", "https"):
            return OUTSIDE
        path = self._find_name(item, split.path)
        if not path or path.rpartition("/")[2] in (".", "..", ""):
            return UNREPRESENTABLE
        if len(path) > MAX_PATH_CHARACTERS - MARK_CHARACTERS:
            return TOO_LONG
        size, moment, etag = (
            _find(item, at) if at else None for at in (mapping.size, mapping.time, mapping.etag)
        )
        fingerprint = build_fingerprint(json.dumps([size, moment, etag], sort_keys=True))
        path = self._urls.add(path, url, fingerprint)
        modified_at, is_exact = _read_time(moment)
        is_size = type(size) is int and 0 <= size < 2**63
        return RemoteFile(path, size if is_size else None, modified_at, is_exact, fingerprint)

    def _find_name(self, item: Any, address_path: str) -> str | None:
        """Return the name of a file, or else the path of its URL; None if neither is valid."""
        name = _find(item, self._mapping.name) if self._mapping.name else None
        if type(name) not in (str, int):
            return decode_path(address_path.lstrip("/"))
        try:
            return escape_name(str(name).lstrip("/").encode())
        except UnicodeEncodeError:
            return None

    def _next_url(self, page: Any, at: str) -> str | None:
        if self._mapping.next is None:
            return None
        following = _find(page, self._mapping.next)
        if following is None or following == "" or following is False:
            return None
        if type(following) not in (str, int):
            raise OutboundFailed(
                "the next page is neither a URL nor a cursor: check `next` of the mapping"
            )
        try:
            if self._mapping.next_parameter is None:
                return urljoin(at, str(following)).partition("#")[0]
            return str(
                httpx2.URL(self._base_url).copy_set_param(
                    self._mapping.next_parameter, str(following)
                )
            )
        except (ValueError, httpx2.InvalidURL) as error:
            raise OutboundFailed("the link to the next page is not a valid URL") from error


class _UrlTable:
    """The URL of each listed file, in limited memory.

    SQLite moves large tables to a temporary file.
    """

    def __init__(self) -> None:
        self._opened: sqlite3.Connection | None = None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = open_temporary_database(CACHE_KIB)
            self._opened.execute(
                "create table addresses (path text primary key, url text, mark text) without rowid"
            )
        return self._opened

    def add(self, path: str, url: str, fingerprint: str) -> str:
        """Store the URL of a file; returns its path.

        A second file with the same name gets a separate folder. Cameras create such files when they
        restart their counter.
        """
        # The query is left out, because it can be a signature that changes with each listing.
        mark = hashlib.sha256(f"{url.partition('?')[0]}\n{fingerprint}".encode()).hexdigest()[
            : MARK_CHARACTERS - 1
        ]
        known = self._database.execute(
            "select mark from addresses where path = ?", (path,)
        ).fetchone()
        if known is not None and known[0] != mark:
            path = f"{mark}/{path}"
        self._database.execute(
            "insert or replace into addresses values (?, ?, ?)", (path, url, mark)
        )
        return path

    def find(self, path: str) -> str | None:
        """Return the URL of a file, or None."""
        found = self._database.execute(
            "select url from addresses where path = ?", (path,)
        ).fetchone()
        return None if found is None else str(found[0])

    def clear(self) -> None:
        """Remove all URLs and the temporary file."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None


def _place(url: str) -> str:
    scheme, host, port = get_origin(parse_url(url))
    return f"{scheme}://{host[:200]}:{port}"


def _find(value: Any, path: str) -> Any:
    """Follow a dotted path of names and indices; None if it does not exist."""
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part)
        elif (
            isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value)
        ):
            value = value[int(part)]
        else:
            return None
    return value


def _read_time(value: Any) -> tuple[datetime | None, bool]:
    """Parse a time; returns it and whether it is exact.

    Formats are RFC 3339, and seconds or milliseconds since 1970. A time without a zone is read as
    UTC and is not exact.
    """
    if isinstance(value, str):
        moment = parse_rfc3339(value)
        return (moment, True) if moment is not None else (parse_rfc3339(f"{value.strip()}Z"), False)
    if type(value) is int or type(value) is float:
        seconds = value / 1000 if value > LATEST_S else value
        if 0 <= seconds <= LATEST_S:
            return datetime.fromtimestamp(seconds, UTC), True
    return None, False
