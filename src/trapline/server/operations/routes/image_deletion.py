"""Delete and restore images."""

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.operations.actions import image_deletion
from trapline.wire.images import DeleteImagesRequest, ImageIds, ImagesUpdateResult

router = APIRouter(prefix="/images", tags=["images"])


@router.post("/delete")
async def delete_images(
    system: SystemOf, scope: ScopeOf, wanted: DeleteImagesRequest
) -> ImagesUpdateResult:
    """Delete images with a reason, all or none; they can be restored in their retention period."""
    return await image_deletion.delete_images(system, scope, wanted)


@router.post("/restore")
async def restore_images(system: SystemOf, scope: ScopeOf, wanted: ImageIds) -> ImagesUpdateResult:
    """Restore deleted images, all of them or none."""
    return await image_deletion.restore_images(system, scope, wanted)
