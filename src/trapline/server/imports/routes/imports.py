"""Routes of imports: results of other programs, from files."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.imports.actions import import_folders, imports
from trapline.server.imports.formats.image_index import split_path
from trapline.server.platform.access import IdempotencyRequest, Scope
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.parameters import LARGEST, Cursor, Limit, ProjectFilter
from trapline.server.platform.http.request_bodies import decompress_body
from trapline.wire.imports import (
    MOST_FOLDERS,
    AssignedFolders,
    Import,
    ImportFault,
    ImportFormat,
    ImportOptions,
    ImportState,
    ModelName,
    ModelVersion,
    UnmatchedFolders,
)
from trapline.wire.values import Fraction, Name, Page

router = APIRouter(prefix="/imports", tags=["imports"])

OfProject = Annotated[int, Query(ge=1, le=LARGEST)]
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/json", "application/zip")
        },
    }
}
PIECE = 1 << 19
LONGEST_FOLDER = 1000


@router.get("")
async def list_imports(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    format: Annotated[ImportFormat | None, Query()] = None,  # noqa: A002 - the parameter's name
    state: Annotated[ImportState | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Import]:
    """List imports, newest first."""
    return await imports.list_imports(system, scope, project, format, state, limit, cursor)


@router.post("", status_code=202, openapi_extra=FILE)
async def create_import(
    system: SystemOf,
    scope: ScopeOf,
    request: Request,
    response: Response,
    project: OfProject,
    format: Annotated[ImportFormat, Query()],  # noqa: A002 - the parameter's name
    deployment: Annotated[
        UUID | None, Query(description="Match only images of this deployment.")
    ] = None,
    filename: Annotated[Name, Query(description="The name of the file.")] = "unnamed",
    model_name: Annotated[
        ModelName | None,
        Query(description="The model of the results; by default the model that the file names."),
    ] = None,
    model_version: Annotated[ModelVersion | None, Query()] = None,
    confidence_min: Annotated[
        Fraction, Query(strict=False, description="Leave out findings with a lower confidence.")
    ] = 0.0,
    nothing_is_blank: Annotated[
        bool, Query(description="Import COCO images without annotations as blank.")
    ] = False,
    folder: Annotated[
        list[str] | None,
        Query(
            description="`FOLDER=ID`: a folder and the ID of its deployment; repeatable.",
            max_length=MOST_FOLDERS,
        ),
    ] = None,
) -> Import:
    """Import a file of results, which a background task reads.

    The file is the request body, optionally compressed with gzip or zstd. Entries are matched with
    images by their paths, by the ends of their paths, or by their names if these are unambiguous.
    If the same file is imported again, nothing is stored twice.
    """
    folders = _read_folders(folder or [])
    if folders and (deployment is not None or format is ImportFormat.CAMTRAP_DP):
        other = "deployment" if deployment is not None else "format=camtrap-dp"
        raise InvalidRequest(
            f"folder cannot be combined with {other}. Nothing was imported. Leave one of them out."
        )
    options = ImportOptions(
        model_name=model_name,
        model_version=model_version,
        confidence_min=confidence_min,
        nothing_is_blank=nothing_is_blank,
        folders=folders,
    )
    new = imports.ImportRequest(project, deployment, format, filename, options)
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 255:
        raise InvalidRequest("An Idempotency-Key has 1 to 255 characters.")
    file = await imports.receive_file(
        system, scope, new, _gather(decompress_body(request, imports.MOST_BYTES))
    )
    created = await imports.create_import(
        system, _once(scope, request, key, file.sha256), new, file
    )
    response.headers["Location"] = f"/api/v2/imports/{created.id}"
    return created


def _read_folders(given: list[str]) -> dict[str, UUID]:
    folders: dict[str, UUID] = {}
    for one in given:
        folder, _, deployment = one.rpartition("=")
        try:
            key = UUID(deployment)
        except ValueError:
            key = None
        if (
            key is None
            or not split_path(folder)[1]
            or len(folder) > LONGEST_FOLDER
            or "\0" in folder
        ):
            raise InvalidRequest(
                f"folder={one[:200]} is not FOLDER=ID, a folder of the file and the ID of a "
                "deployment. Nothing was imported."
            )
        if folders.get(folder, key) != key:
            raise InvalidRequest(
                f"The folder {folder} is assigned to two deployments. Nothing was imported. "
                "Choose one."
            )
        folders[folder] = key
    return folders


async def _gather(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Combine small chunks, because each chunk is written separately."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _once(scope: Scope, request: Request, key: str | None, sha256: str) -> Scope:
    """Return the scope with the idempotency key; its fingerprint needs the hash of the body."""
    if key is None:
        return scope
    asked = hashlib.sha256(bytes.fromhex(sha256) + request.scope["query_string"]).digest()
    return replace(
        scope, origin=replace(scope.origin, once=IdempotencyRequest(key, "POST /imports", asked))
    )


@router.get("/{import_id}")
async def get_import(system: SystemOf, scope: ScopeOf, import_id: UUID) -> Import:
    """Get one import with its state and progress."""
    return await imports.get_import(system, scope, import_id)


@router.get("/{import_id}/faults")
async def list_import_faults(
    system: SystemOf, scope: ScopeOf, import_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[ImportFault]:
    """List the entries of a file that were not imported, in order; the first 10,000 are stored."""
    return await imports.list_faults(system, scope, import_id, limit, cursor)


@router.get("/{import_id}/folders")
async def list_import_folders(
    system: SystemOf, scope: ScopeOf, import_id: UUID
) -> UnmatchedFolders:
    """List the folders whose entries match no image or several, with the nearest deployments."""
    return await import_folders.list_unmatched_folders(system, scope, import_id)


@router.post("/{import_id}/folders", status_code=202)
async def assign_import_folders(
    system: SystemOf, scope: ScopeOf, import_id: UUID, assigned: AssignedFolders
) -> Import:
    """Assign folders of a file to deployments and read the file again, within 7 days.

    Stored results are kept.
    """
    return await import_folders.assign_folders(system, scope, import_id, assigned.folders)


@router.post("/{import_id}/cancel")
async def cancel_import(system: SystemOf, scope: ScopeOf, import_id: UUID) -> Import:
    """Cancel an import; stored results are kept."""
    return await imports.cancel_import(system, scope, import_id)


@router.delete("/{import_id}", status_code=204)
async def delete_import(system: SystemOf, scope: ScopeOf, import_id: UUID) -> None:
    """Delete an import and its faults; stored results are kept."""
    await imports.delete_import(system, scope, import_id)
