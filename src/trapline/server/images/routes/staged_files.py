"""Uploads of large sets of images: announce files, upload them to the store, import them."""

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.images.actions import staged_files
from trapline.wire.staged_files import (
    NewStagedFiles,
    StagedFiles,
    StagedImportRequest,
    StagedImportResult,
)

router = APIRouter(prefix="/images", tags=["images"])


@router.post("/presign")
async def presign_files(system: SystemOf, scope: ScopeOf, wanted: NewStagedFiles) -> StagedFiles:
    """Announce files and get a URL for each, to upload its bytes with PUT.

    The response names the files that are stored already. Repeat the request to continue an
    interrupted upload: files that have arrived are not uploaded again. Files that are not imported
    are deleted after a week.
    """
    return await staged_files.create_staged_files(system, scope, wanted)


@router.post("/import")
async def import_files(
    system: SystemOf, scope: ScopeOf, wanted: StagedImportRequest
) -> StagedImportResult:
    """Import uploaded files, as many as possible within 15 seconds.

    Each file has an outcome, which a repeated request returns again. Repeat the request for files
    that are waiting.
    """
    return await staged_files.import_files(system, scope, wanted)
