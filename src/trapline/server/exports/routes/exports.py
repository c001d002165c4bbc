"""Routes of exports: create, list, get, download, cancel, delete."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.exports.actions import exports
from trapline.server.exports.rules.filters import ExportFilter
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.server.platform.http.ranges import parse_range
from trapline.wire import exports as wire
from trapline.wire.exports import (
    Export,
    ExportFormat,
    ExportFormatDescription,
    ExportOrder,
    ExportState,
    NewExport,
)
from trapline.wire.values import Page

router = APIRouter(prefix="/exports", tags=["exports"])

POLICY = "default-src 'none'; sandbox"


@router.get("")
async def list_exports(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    form: Annotated[ExportFormat | None, Query(alias="format")] = None,
    state: ExportState | None = None,
    order: ExportOrder = ExportOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Export]:
    """List exports by creation time, of one project or of all projects that you can access."""
    wanted = ExportFilter(form.value if form else None, state.value if state else None)
    return await exports.list_exports(
        system,
        scope,
        project,
        wanted,
        descending=order == ExportOrder.NEWEST_FIRST,
        limit=limit,
        cursor=cursor,
    )


@router.post("", status_code=202)
async def create_export(
    system: SystemOf, scope: ScopeOf, new: NewExport, response: Response
) -> Export:
    """Create an export of the current state; a background task builds its file.

    Poll the export until it is ready.
    """
    export = await exports.create_export(system, scope, new)
    response.headers["Location"] = f"/api/v2/exports/{export.id}"
    return export


@router.get("/formats")
async def list_export_formats(_scope: ScopeOf) -> list[ExportFormatDescription]:
    """List the formats, with the options that each accepts."""
    return wire.list_export_formats()


@router.get("/{export_id}")
async def get_export(system: SystemOf, scope: ScopeOf, export_id: UUID) -> Export:
    """Get one export: its state and progress, corrections made in it, and problems found."""
    return await exports.get_export(system, scope, export_id)


@router.get(
    "/{export_id}/download",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}},
        206: {"description": "The requested part of the file."},
    },
)
async def download_export(
    system: SystemOf, scope: ScopeOf, export_id: UUID, request: Request
) -> Response:
    """Download the file of a ready export, in whole or in part."""
    file = await exports.get_export_file(system, scope, export_id)
    etag = f'"{file.sha256}"'
    headers = {
        "Content-Type": file.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
        "Content-Security-Policy": POLICY,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "ETag": etag,
    }
    is_same = request.headers.get("if-range") in (None, etag)
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
    return StreamingResponse(
        exports.read_export_file(system, file, first, length), status_code=status, headers=headers
    )


@router.post("/{export_id}/cancel")
async def cancel_export(system: SystemOf, scope: ScopeOf, export_id: UUID) -> Export:
    """Cancel an export that is not finished."""
    return await exports.cancel_export(system, scope, export_id)


@router.delete("/{export_id}", status_code=204)
async def delete_export(system: SystemOf, scope: ScopeOf, export_id: UUID) -> None:
    """Delete an export in any state, with its file."""
    await exports.delete_export(system, scope, export_id)
