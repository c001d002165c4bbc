"""The images of a filter, for a bulk identification."""

from uuid import UUID

from trapline.server.catalogue.queries.image_filters import filter_images, resolve_filter
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.images.queries.images import ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


async def list_filtered(
    scope: Scope, tx: Transaction, project_id: int, wanted: ImageFilter, limit: int
) -> dict[UUID, bool]:
    """List the images of a project that match a filter, and whether each is reviewed."""
    resolved = await resolve_filter(scope, tx, project_id, wanted)
    statement = (
        filter_images(select_images(scope, project_id), resolved)
        .with_only_columns(ImageRow.id, ImageRow.reviewed)
        .limit(limit)
    )
    return {key: reviewed for key, reviewed in (await tx.session.execute(statement)).all()}
