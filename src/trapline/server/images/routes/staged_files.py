"""Large sets of pictures: announce them, send each straight to the store, import what was sent."""

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
    """Announce pictures, and get an address for each to which its bytes are sent with PUT.

    Which of them are there already is told at once. The same again goes on where it broke off: what
    has arrived need not be sent again. What is never imported is forgotten after a week.
    """
    return await staged_files.create_staged_files(system, scope, wanted)


@router.post("/import")
async def import_files(
    system: SystemOf, scope: ScopeOf, wanted: StagedImportRequest
) -> StagedImportResult:
    """Make images of pictures that were sent, as many as can be in some seconds; ask again for
    those still waiting.

    Each file gets its own outcome, and the same one when it is asked for again.
    """
    return await staged_files.import_files(system, scope, wanted)
