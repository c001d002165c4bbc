"""A JSON interface that lists files page by page, described by a mapping of its answers."""

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
# Some interfaces count pages for ever.
MAX_EMPTY_PAGES = 20
MAX_DIGITS = 40
MARK_CHARACTERS = 13
LATEST_S = 253_402_300_799


class RestGateway:
    """Lists and opens the files that a JSON interface tells of.

    A file's path is its name, or that of its address. Where its address is, is remembered from the
    listing (in a temporary file once that is large), because it may be signed anew each time. Pages
    come from the interface's own origin alone, files from there and from `file_origins`;
    credentials go to its own alone.
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
        self._addresses = _Addresses()

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file, page by page."""
        walk = walk or Walk()
        self._addresses.forget()
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
                raise OutboundFailed("the listing leads back to a page that it began with")

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if the server says that it still is the version `known_etag`."""
        url = self._addresses.find(path)
        if url is None:
            raise FileGone("the interface no longer lists this file")
        if get_origin(parse_url(url)) not in self._file_origins:
            advice = "where that is right, name it in the option `file_origins`"
            raise AddressNotAllowed(f"it is at {_place(url)}, which is another server; {advice}")
        await self._pace.wait_turn()
        async with open_http_file(self._outbound, url, known_etag) as opened:
            yield opened

    async def close(self) -> None:
        """Close every connection."""
        self._addresses.forget()
        await self._outbound.close()

    async def _fetch_page(self, url: str) -> tuple[bytes, str]:
        if get_origin(parse_url(url)) != self._own_origin:
            raise AddressNotAllowed(f"the next page is at {_place(url)}, which is another server")
        await self._pace.wait_turn()
        headers = {"Accept": "application/json"}
        async with self._outbound.get(url, headers, patience_s=self._listing_s) as answer:
            if answer.status != 200:
                raise OutboundFailed(
                    format_status(answer.status, "the listing"), parse_retry_after(answer)
                )
            return await read_listing_page(answer, PAGE_BYTES, self._listing_s), answer.url

    def _read_page(self, content: bytes, at: str) -> tuple[Any, list[RemoteFile | str]]:
        """Read a page: itself, and its entries, the reason for one that could not be asked for."""
        try:
            # A name with broken UTF-8 must not take the rest of the page with it.
            text = content.decode("utf-8", "surrogateescape")
            page = json.loads(
                text, parse_int=lambda digits: int(digits) if len(digits) <= MAX_DIGITS else None
            )
        except (ValueError, RecursionError) as error:
            raise OutboundFailed("the server answered with something that is no JSON") from error
        items = _find(page, self._mapping.items)
        if not isinstance(items, list):
            where = self._mapping.items or "the answer itself"
            raise OutboundFailed(f"there is no list at {where!r}: check the mapping's `items`")
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
        said = build_fingerprint(json.dumps([size, moment, etag], sort_keys=True))
        path = self._addresses.keep(path, url, said)
        modified_at, is_exact = _read_time(moment)
        is_size = type(size) is int and 0 <= size < 2**63
        return RemoteFile(path, size if is_size else None, modified_at, is_exact, said)

    def _find_name(self, item: Any, address_path: str) -> str | None:
        """Find the name that the interface gives a file, else that of its address; None where neither can be told."""
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
                "what follows is neither an address nor a cursor: check the mapping's `next`"
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
            raise OutboundFailed("the next page is at something that is no address") from error


class _Addresses:
    """Where each file of a listing is, in bounded memory: SQLite moves what is much to a temporary file of its own."""

    def __init__(self) -> None:
        # Pages are read in threads, one at a time.
        self._opened: sqlite3.Connection | None = None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._opened.execute("pragma journal_mode = off")
            self._opened.execute(
                "create table addresses (path text primary key, url text, mark text) without rowid"
            )
        return self._opened

    def keep(self, path: str, url: str, said: str) -> str:
        """Remember where a file is; answers its path.

        That is in a folder of its own for another file of the same name, as cameras that count anew
        make them.
        """
        # The query may be a signature, which is another one each time.
        mark = hashlib.sha256(f"{url.partition('?')[0]}\n{said}".encode()).hexdigest()[
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
        """Find where a file is."""
        found = self._database.execute(
            "select url from addresses where path = ?", (path,)
        ).fetchone()
        return None if found is None else str(found[0])

    def forget(self) -> None:
        """Forget them all, and remove their file."""
        if self._opened is not None:
            self._opened.close()
        self._opened = None


def _place(url: str) -> str:
    scheme, host, port = get_origin(parse_url(url))
    return f"{scheme}://{host[:200]}:{port}"


def _find(value: Any, path: str) -> Any:
    """Follow names and indices with dots; None where there is nothing."""
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
    """Read a time as interfaces write it: RFC 3339, or seconds or milliseconds since 1970; and
    whether it is exact.

    One without a zone is taken to be in UTC, and is not.
    """
    if isinstance(value, str):
        moment = parse_rfc3339(value)
        return (moment, True) if moment is not None else (parse_rfc3339(f"{value.strip()}Z"), False)
    if type(value) is int or type(value) is float:
        seconds = value / 1000 if value > LATEST_S else value
        if 0 <= seconds <= LATEST_S:
            return datetime.fromtimestamp(seconds, UTC), True
    return None, False
