"""A bucket of an S3 service, or what lies under a prefix of it (Amazon S3 API, "ListObjectsV2" and "GetObject")."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote, unquote_plus, urlsplit
from xml.etree import ElementTree as ET

from trapline.server.errors import FileGone, OutboundFailed
from trapline.server.gateways.http_directory import read_http_time, read_retry_after
from trapline.server.gateways.pace import Pace
from trapline.server.gateways.port import MAX_ENTRIES, MAX_PATH_CHARACTERS, Entry, OpenFile
from trapline.server.outbound import Answer, Outbound, is_sendable
from trapline.server.rules.presign import Signer, encode_query

PAGE_BYTES = 16 * 1024 * 1024
LIFETIME_S = 900


class S3Bucket:
    """Lists and opens what lies under `s3://bucket/prefix`; without a signer as anybody may."""

    def __init__(self, outbound: Outbound, endpoint: str, base_url: str, signer: Signer | None, *, pace: Pace) -> None:
        split = urlsplit(base_url)
        self._outbound = outbound
        self._address = f"{endpoint.rstrip('/')}/{split.netloc}"
        prefix = split.path.lstrip("/")
        self._prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        self._signer = signer
        self._pace = pace

    async def list_files(self) -> AsyncIterator[Entry]:
        """List every object under the prefix, page by page."""
        count = 0
        token: str | None = ""
        while token is not None:
            query = {"list-type": "2", "encoding-type": "url", "prefix": self._prefix}
            if token:
                query["continuation-token"] = token
            entries, token = _read_page(await self._fetch_page(query), self._prefix)
            count += len(entries)
            if count > MAX_ENTRIES:
                raise OutboundFailed(f"the bucket has more than {MAX_ENTRIES:,} entries")
            for entry in entries:
                yield entry

    @asynccontextmanager
    async def open_file(self, path: str, known_etag: str | None = None) -> AsyncIterator[OpenFile | None]:
        """Open one object; None if it still is the version `known_etag`."""
        headers = {"If-None-Match": known_etag} if known_etag and is_sendable(known_etag) else {}
        await self._pace.wait_turn()
        async with self._outbound.get(self._sign(f"/{self._prefix}{path}", {}), headers) as answer:
            if answer.status == 304 and known_etag:
                yield None
                return
            if answer.status == 404:
                raise FileGone("the bucket has no such object any more (404)")
            if answer.status != 200:
                raise OutboundFailed(await _in_words(answer), read_retry_after(answer))
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

    async def _fetch_page(self, query: Mapping[str, str]) -> bytes:
        await self._pace.wait_turn()
        async with self._outbound.get(self._sign("", query)) as answer:
            if answer.status != 200:
                raise OutboundFailed(await _in_words(answer), read_retry_after(answer))
            page = bytearray()
            async for chunk in answer.chunks():
                page += chunk
                if len(page) > PAGE_BYTES:
                    raise OutboundFailed("a page of the listing is longer than 16 MiB")
            return bytes(page)

    def _sign(self, path: str, query: Mapping[str, str]) -> str:
        if self._signer is None:
            asked = f"?{encode_query(query)}" if query else ""
            return f"{self._address}{quote(path, safe='/-_.~')}{asked}"
        url = f"{self._address}{path}"
        return self._signer.presign("GET", url, lifetime_s=LIFETIME_S, now=datetime.now(UTC), query=query)


def _read_page(page: bytes, prefix: str) -> tuple[list[Entry], str | None]:
    """Read a page of a listing: its objects, and the token of the next page."""
    # Entities are for those who want to blow up a reader: no S3 service declares any.
    if b"<!DOCTYPE" in page or b"<!ENTITY" in page:
        raise OutboundFailed("the listing declares entities, as no S3 service does")
    try:
        root = ET.fromstring(page)  # noqa: S314 - nothing is declared in it
    except ET.ParseError as error:
        raise OutboundFailed("the server answered with something that is no listing of a bucket") from error
    if _name(root) != "ListBucketResult":
        raise OutboundFailed("the server answered with something that is no listing of a bucket")
    entries = [entry for item in root if _name(item) == "Contents" and (entry := _read_object(item, prefix))]
    more = {_name(item): item.text or "" for item in root}
    token = more.get("NextContinuationToken") if more.get("IsTruncated") == "true" else None
    if more.get("IsTruncated") == "true" and not token:
        raise OutboundFailed("the listing says that more follows, and not where")
    return entries, token


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_object(item: ET.Element, prefix: str) -> Entry | None:
    told = {_name(part): part.text or "" for part in item}
    key = unquote_plus(told.get("Key", ""), errors="replace")
    path = key.removeprefix(prefix)
    # A key that ends with a slash is a folder of somebody's making; others cannot be asked for or told again.
    if not key.startswith(prefix) or not path or path.endswith("/") or "\ufffd" in path:
        return None
    if len(path) > MAX_PATH_CHARACTERS or not path.isprintable():
        return None
    size = told.get("Size", "")
    said = f"{told.get('ETag', '')}|{size}|{told.get('LastModified', '')}"
    return Entry(
        path,
        int(size) if size.isdigit() and len(size) < 19 else None,
        _read_time(told.get("LastModified", "")),
        True,
        said,
    )


def _read_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def _in_words(answer: Answer) -> str:
    start = bytearray()
    async for chunk in answer.chunks():
        start += chunk
        if len(start) > 4096:
            break
    code = bytes(start).partition(b"<Code>")[2].partition(b"</Code>")[0].decode("ascii", "replace")[:60]
    words = {
        "NoSuchBucket": "there is no bucket of this name",
        "AccessDenied": "the service denies access: check `key` and `secret`, and that they may list and read it",
        "SignatureDoesNotMatch": "the service does not accept the signature: check `secret` and `region`",
        "InvalidAccessKeyId": "the service does not know this `key`",
        "PermanentRedirect": "the bucket is in another region: set `region` and `endpoint`",
        "AuthorizationHeaderMalformed": "the bucket is in another region: set `region`",
        "SlowDown": "the service says that it is asked too often",
    }
    return words.get(code, f"the service answered with status {answer.status}" + (f" ({code})" if code else ""))
