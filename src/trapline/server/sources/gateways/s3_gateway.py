"""Gateway for a bucket of an S3 service, or a prefix of it (ListObjectsV2, GetObject)."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes
from xml.etree import ElementTree as ET

from trapline.server.platform.errors import AddressNotAllowed, FileGone, OutboundFailed
from trapline.server.platform.network.http_responses import (
    build_conditional_headers,
    build_open_file,
    parse_retry_after,
    parse_rfc3339,
    read_listing_page,
)
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import OutboundClient, OutboundResponse, parse_url
from trapline.server.platform.store.presign import S3Signer, encode_query
from trapline.server.sources.gateways.file_names import escape_name, unescape_name
from trapline.server.sources.gateways.gateway import (
    MAX_ENTRIES,
    MAX_FOLDERS,
    MAX_PATH_CHARACTERS,
    OUTSIDE,
    TOO_LONG,
    UNREPRESENTABLE,
    RemoteFile,
    Walk,
    build_fingerprint,
)
from trapline.server.sources.gateways.parser_threads import parse_in_thread
from trapline.server.sources.gateways.rate_limiter import RateLimiter

# 1,000 keys of 1,024 bytes, each byte encoded as three.
PAGE_BYTES = 4 * 1024 * 1024
PAGE_ENTRIES = 1000
ERROR_BYTES = 4096
LIFETIME_S = 900
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
MESSAGES = {
    "NoSuchBucket": "a bucket with this name does not exist",
    "AccessDenied": (
        "the service denies access: check `key` and `secret`, and that they may list and read"
    ),
    "SignatureDoesNotMatch": "the service rejects the signature: check `secret` and `region`",
    "InvalidAccessKeyId": "the service does not know this `key`",
    "RequestTimeTooSkewed": "the service reports that the clock of this machine is wrong",
    "PermanentRedirect": "the bucket is in another region: set `region` and `endpoint`",
    "TemporaryRedirect": "the bucket has a different endpoint: set `region` and `endpoint`",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set `region`",
    "AuthorizationQueryParametersError": "the service rejects the signature: check `region`",
    "InvalidObjectState": "the object is in an archive: restore it first",
    "SlowDown": "the service reports too many requests",
}


class S3Gateway:
    """Lists and opens objects below `s3://bucket/prefix`; without a signer, requests are anonymous.

    Redirects are not followed, because a signature is valid for one URL. The region and endpoint of
    the bucket must therefore be set.
    """

    def __init__(
        self,
        outbound: OutboundClient,
        endpoint: str,
        base_url: str,
        signer: S3Signer | None,
        *,
        listing_s: float = 30,
        page_entries: int = PAGE_ENTRIES,
        pace: RateLimiter | None = None,
    ) -> None:
        reached = parse_url(endpoint)
        if reached.query or reached.fragment:
            raise AddressNotAllowed("an endpoint must not contain `?` or `#`")
        # The URL is split by hand, because a key can contain `?` and `#`.
        bucket, _, prefix = base_url.partition("://")[2].partition("/")
        if not BUCKET.fullmatch(bucket):
            raise AddressNotAllowed("this URL has no valid bucket; use the form s3://bucket/prefix")
        self._outbound = outbound
        self._address = f"{endpoint.rstrip('/')}/{bucket}"
        self._prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        self._signer = signer
        self._listing_s = listing_s
        self._page_entries = page_entries
        self._pace = pace or RateLimiter()

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every object below the prefix, page by page."""
        walk = walk or Walk()
        query = {
            "list-type": "2",
            "encoding-type": "url",
            "prefix": self._prefix,
            "max-keys": str(self._page_entries),
        }
        token: str | None = None
        count = 0
        for _ in range(MAX_FOLDERS):
            more = {"continuation-token": token} if token else {}
            content = await self._fetch_page(query | more)
            page = await parse_in_thread(partial(_read_listing, content, self._prefix))
            count += len(page.entries)
            for reason in page.left_out:
                walk.leave_out(reason)
            if count > MAX_ENTRIES:
                raise OutboundFailed(f"the bucket has more than {MAX_ENTRIES:,} entries")
            for entry in page.entries:
                yield entry
            if page.following is None:
                return
            if page.following == token:
                raise OutboundFailed("the listing returned the same page again")
            token = page.following
        raise OutboundFailed(f"the listing has more than {MAX_FOLDERS:,} pages")

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one object; None if its version is still `known_etag`."""
        key = spell_key(path)
        await self._pace.wait_turn()
        url = self._sign(f"/{self._prefix}{key}", {})
        async with self._outbound.get(
            url, build_conditional_headers(known_etag), max_redirects=0
        ) as answer:
            if answer.status == 304 and known_etag:
                yield None
                return
            if answer.status != 200:
                failure = await _failure(answer)
                is_gone = answer.status == 404 and failure.detail != MESSAGES["NoSuchBucket"]
                raise (
                    FileGone("the bucket no longer has this object (404)") if is_gone else failure
                )
            yield build_open_file(answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._outbound.close()

    async def _fetch_page(self, query: Mapping[str, str]) -> bytes:
        await self._pace.wait_turn()
        url = self._sign("", query)
        async with self._outbound.get(url, patience_s=self._listing_s, max_redirects=0) as answer:
            if answer.status != 200:
                raise await _failure(answer)
            return await read_listing_page(answer, PAGE_BYTES, self._listing_s)

    def _sign(self, path: str, query: Mapping[str, str]) -> str:
        if self._signer is None:
            query_text = f"?{encode_query(query)}" if query else ""
            return f"{self._address}{quote(path, safe='/-_.~')}{query_text}"
        url = f"{self._address}{path}"
        return self._signer.presign(
            "GET", url, lifetime_s=LIFETIME_S, now=datetime.now(UTC), query=query
        )


class _Listing(NamedTuple):
    """One page of a listing, and the token of the next."""

    entries: list[RemoteFile]
    left_out: list[str]
    following: str | None


def _read_listing(page: bytes, prefix: str) -> _Listing:
    not_a_listing = OutboundFailed("the response of the server is not a bucket listing")
    try:
        text = page.decode()
        # Entities can make a parser use unlimited memory; S3 services do not declare any.
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise OutboundFailed("the listing declares XML entities, which are not allowed")
        root = ET.fromstring(text)  # noqa: S314 - nothing is declared in it
    except (ET.ParseError, ValueError) as error:
        raise not_a_listing from error
    if _name(root) != "ListBucketResult":
        raise not_a_listing
    fields = {_name(item): item.text or "" for item in root}
    objects = [item for item in root if _name(item) == "Contents"]
    is_encoded = fields.get("EncodingType") == "url"
    read = [_read_object(item, prefix, is_encoded=is_encoded) for item in objects]
    entries = [entry for entry in read if isinstance(entry, RemoteFile)]
    following = fields.get("NextContinuationToken") if fields.get("IsTruncated") == "true" else None
    if fields.get("IsTruncated") == "true" and not following:
        raise OutboundFailed("the listing is truncated, but has no continuation token")
    return _Listing(entries, [reason for reason in read if isinstance(reason, str)], following)


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_object(item: ET.Element, prefix: str, *, is_encoded: bool) -> RemoteFile | str | None:
    """Parse one object; None for a folder, or the reason why the object is left out."""
    fields = {_name(part): part.text or "" for part in item}
    key = fields.get("Key", "")
    if is_encoded:
        key = unquote_to_bytes(key.replace("+", " ")).decode("utf-8", "surrogateescape")
    path = key.removeprefix(prefix)
    if key.startswith(prefix) and (not path or path.endswith("/")):
        return None
    if not key.startswith(prefix):
        return OUTSIDE
    # Without an encoding, a service replaces characters that XML cannot hold by U+FFFD.
    if "\ufffd" in path or _climbs(path) or path.encode("utf-8", "replace").decode() != path:
        return UNREPRESENTABLE
    path = escape_name(path.encode())
    if len(path) > MAX_PATH_CHARACTERS:
        return TOO_LONG
    size, time = fields.get("Size", ""), fields.get("LastModified", "")
    is_whole = size.isascii() and size.isdigit() and len(size) < 19
    fingerprint = build_fingerprint(f"{fields.get('ETag', '')}|{size}|{time}")
    return RemoteFile(path, int(size) if is_whole else None, parse_rfc3339(time), True, fingerprint)


def spell_key(path: str) -> str:
    """Return the key of a path. Raises OutboundFailed for a key that HTTP clients would change."""
    key = unescape_name(path).decode("utf-8", "replace")
    if _climbs(key):
        raise OutboundFailed("a key with the parts `.` or `..` cannot be requested")
    return key


def _climbs(path: str) -> bool:
    """Return whether a path has parts that HTTP clients resolve, so another object is requested."""
    return any(part in (".", "..") for part in path.split("/"))


async def _failure(answer: OutboundResponse) -> OutboundFailed:
    """Build an error with a message for users from an error response of the service."""
    start = bytearray()
    async for chunk in answer.chunks():
        start += chunk
        if len(start) > ERROR_BYTES:
            break
    body = bytes(start[:ERROR_BYTES]).decode("ascii", "replace")
    code = _find_element(body, "Code")
    if "Request has expired" in body or "not valid yet" in body or "not yet valid" in body:
        code = "RequestTimeTooSkewed"
    message = MESSAGES.get(
        code, f"the service answered with status {answer.status}" + (f" ({code})" if code else "")
    )
    region = answer.headers.get("x-amz-bucket-region", "") or _find_element(body, "Region")
    if re.fullmatch(r"[a-z0-9-]{1,60}", region):
        message += f"; the service reports the region {region}"
    return OutboundFailed(message, parse_retry_after(answer))


def _find_element(body: str, name: str) -> str:
    found = re.search(rf"<{name}>([\w.-]{{1,60}})</{name}>", body)
    return found[1] if found else ""
