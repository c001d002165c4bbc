"""A JSON interface that lists files page by page, described by a mapping of its answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from trapline.server.errors import FileGone, OutboundFailed
from trapline.server.gateways.http_directory import read_http_time, read_retry_after, status_in_words
from trapline.server.gateways.pace import Pace
from trapline.server.gateways.port import MAX_ENTRIES, MAX_FOLDERS, MAX_PATH_CHARACTERS, Entry, OpenFile
from trapline.server.outbound import Outbound, is_sendable, parse_url
from trapline.wire.gateway_options import RestMapping

PAGE_BYTES = 32 * 1024 * 1024
MOST_REMEMBERED = 200_000
LATEST = 253_402_300_799


class RestListing:
    """Lists and opens the files that a JSON interface tells of.

    A file's path is its name, or that of its address; where its address is, is remembered from the listing, because it
    may be signed anew each time. Credentials go to the interface's own origin alone.
    """

    def __init__(self, outbound: Outbound, base_url: str, mapping: RestMapping, *, pace: Pace) -> None:
        parse_url(base_url)
        self._outbound = outbound
        self._base_url = base_url
        self._mapping = mapping
        self._pace = pace
        self._addresses: dict[str, str] = {}

    async def list_files(self) -> AsyncIterator[Entry]:
        """List every file, page by page."""
        url: str | None = self._base_url
        visited: set[str] = set()
        count = 0
        while url is not None:
            visited.add(url)
            if len(visited) > MAX_FOLDERS:
                raise OutboundFailed(f"the listing has more than {MAX_FOLDERS:,} pages")
            page, at = await self._fetch_page(url)
            items = _find(page, self._mapping.items)
            if not isinstance(items, list):
                where = self._mapping.items or "the answer itself"
                raise OutboundFailed(f"there is no list at {where!r}: check the mapping's `items`")
            for item in items:
                entry = self._read_item(item, at)
                if entry is None:
                    continue
                count += 1
                if count > MAX_ENTRIES:
                    raise OutboundFailed(f"the listing has more than {MAX_ENTRIES:,} entries")
                yield entry
            url = self._next_url(page, at, has_items=bool(items))
            if url in visited:
                raise OutboundFailed("the listing leads back to a page that it began with")

    @asynccontextmanager
    async def open_file(self, path: str, known_etag: str | None = None) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if the server says that it still is the version `known_etag`."""
        url = self._addresses.get(path)
        if url is None:
            raise FileGone("the interface no longer lists this file")
        headers = {"If-None-Match": known_etag} if known_etag and is_sendable(known_etag) else {}
        await self._pace.wait_turn()
        async with self._outbound.get(url, headers) as answer:
            if answer.status == 304 and known_etag:
                yield None
                return
            if answer.status in (404, 410):
                raise FileGone(status_in_words(answer.status, "it"))
            if answer.status != 200:
                raise OutboundFailed(status_in_words(answer.status, "it"), read_retry_after(answer))
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

    async def _fetch_page(self, url: str) -> tuple[Any, str]:
        await self._pace.wait_turn()
        async with self._outbound.get(url, {"Accept": "application/json"}) as answer:
            if answer.status != 200:
                raise OutboundFailed(status_in_words(answer.status, "the listing"), read_retry_after(answer))
            content = bytearray()
            async for chunk in answer.chunks():
                content += chunk
                if len(content) > PAGE_BYTES:
                    raise OutboundFailed("a page of the listing is longer than 32 MiB")
        try:
            return json.loads(bytes(content)), answer.url
        except (ValueError, RecursionError) as error:
            raise OutboundFailed("the server answered with something that is no JSON") from error

    def _read_item(self, item: Any, at: str) -> Entry | None:
        mapping = self._mapping
        address = _find(item, mapping.url)
        if not isinstance(address, str):
            return None
        try:
            url = urljoin(at, address)
            split = urlsplit(url)
        except ValueError:
            return None
        if split.scheme not in ("http", "https"):
            return None
        name = _find(item, mapping.name) if mapping.name else None
        path = name if isinstance(name, str) else unquote(split.path).lstrip("/")
        if not path or len(path) > MAX_PATH_CHARACTERS or not path.isprintable():
            return None
        if len(self._addresses) < MOST_REMEMBERED or path in self._addresses:
            self._addresses[path] = url
        told = [_find(item, field) if field else None for field in (mapping.size, mapping.time, mapping.etag)]
        size, moment, etag = told
        is_size = type(size) is int and 0 <= size < 2**63
        said = json.dumps([size, moment, etag], sort_keys=True)[:500]
        return Entry(path, size if is_size else None, _read_time(moment), moment is not None, said)

    def _next_url(self, page: Any, at: str, *, has_items: bool) -> str | None:
        if self._mapping.next is None:
            return None
        following = _find(page, self._mapping.next)
        if following is None or following in ("", False) or not has_items:
            return None
        if self._mapping.next_parameter is None:
            return urljoin(at, str(following))
        return str(httpx2.URL(self._base_url).copy_set_param(self._mapping.next_parameter, str(following)))


def _find(value: Any, path: str) -> Any:
    """Follow names and indices with dots; None where there is nothing."""
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _read_time(value: Any) -> datetime | None:
    """Read a time as interfaces write it: RFC 3339, or seconds (or milliseconds) since 1970."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if type(value) is int or type(value) is float:
        seconds = value / 1000 if value > LATEST / 1000 else value
        return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds <= LATEST else None
    return None
