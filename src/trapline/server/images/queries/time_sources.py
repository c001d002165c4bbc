"""Sources of the capture times of images."""

from collections.abc import Sequence
from uuid import UUID

from trapline.server.images.queries.images import WITHOUT_CAMERA_TIME
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction


async def count_without_camera_time(
    scope: Scope, tx: Transaction, source_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """Count the images of each of these pull sources that neither a camera nor a person dated."""
    cursor = await tx.execute(
        "select source_id, count(*) from images where source_id = any(%b)"  # noqa: S608
        f" and {WITHOUT_CAMERA_TIME} group by 1",
        (list(source_ids),),
    )
    return {source: images for source, images in await cursor.fetchall()}


async def list_time_sources(
    scope: Scope, tx: Transaction, image_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """List the sources of the capture times of these images."""
    cursor = await tx.execute(
        "select id, captured_at_source from images where id = any(%b)", (list(image_ids),)
    )
    return dict(await cursor.fetchall())
