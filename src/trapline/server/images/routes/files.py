"""Downloads and uploads of stored files by signed URL; only image types are shown inline."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.requests import ClientDisconnect

from trapline.server.accounts.routes.access import SystemOf
from trapline.server.images.actions import files
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.ranges import parse_range
from trapline.server.platform.http.request_context import get_minimal_origin

router = APIRouter(prefix="/files", tags=["files"])

POLICY = "default-src 'none'; sandbox"


@router.get("/{key:path}", response_class=Response, include_in_schema=False)
@router.head("/{key:path}", response_class=Response, include_in_schema=False)
async def get_file(system: SystemOf, request: Request, key: str) -> Response:
    """Return a stored file, or the requested range of it."""
    query = dict(request.query_params)
    file = await files.get_file(system, request.method, key, query)
    headers = {
        "Content-Type": file.media_type,
        "Content-Disposition": _disposition(file, query.get("filename")),
        "Content-Security-Policy": POLICY,
        "Cross-Origin-Resource-Policy": "same-site",
        "Accept-Ranges": "bytes",
        # A browser caches the file no longer than the URL is valid.
        "Cache-Control": f"private, max-age={file.good_for_s}, immutable"
        if file.is_lasting
        else "no-store",
    }
    if file.is_lasting:
        version = f"{key}-without-metadata" if file.is_stripped else key
        if file.first:
            version = f"{key}-{file.first}"
        headers["ETag"] = etag = f'"{version}"'
        if _is_named(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
    file = await files.load_content(system, file)
    headers["Content-Type"] = file.media_type
    is_same = request.headers.get("if-range") in (None, headers.get("ETag"))
    wanted = parse_range(request.headers.get("range") if is_same else None, file.size)
    if wanted is None:
        headers["Content-Range"] = f"bytes */{file.size}"
        return Response(status_code=416, headers=headers)
    first, length = wanted
    headers["Content-Length"] = str(length)
    status = 200
    if length != file.size:
        status = 206
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{file.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    await files.record_download(system, file, get_minimal_origin(request))
    return StreamingResponse(
        files.read_file(system, file, first, length), status_code=status, headers=headers
    )


@router.put("/{key:path}", response_class=Response, include_in_schema=False)
async def upload_file(system: SystemOf, request: Request, key: str) -> Response:
    """Store an upload; the signed URL is the only permission that is required."""
    length = request.headers.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise InvalidRequest("Content-Length is not a number. Nothing was stored.")
    media_type = request.headers.get("content-type", "")
    query = dict(request.query_params)
    announced = await files.get_upload(
        system, key, query, media_type, None if length is None else int(length)
    )
    try:
        await files.save_upload(system, key, announced, request.stream())
    except ClientDisconnect:
        raise InvalidRequest(
            "The upload ended before it was complete. Nothing was stored. Send it again."
        ) from None
    return Response()


def _is_named(header: str, etag: str) -> bool:
    """Whether an If-None-Match header contains this ETag."""
    return any(named.strip().removeprefix("W/") in (etag, "*") for named in header.split(","))


def _disposition(file: files.StoredFile, filename: str | None) -> str:
    if filename is None and file.is_inline:
        return "inline"
    return f"attachment; filename*=UTF-8''{quote(filename or 'file', safe='')}"
