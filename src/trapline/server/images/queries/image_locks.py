"""Locks of images and of the classes found on them."""

from collections.abc import Collection
from uuid import UUID

from trapline.server.platform.db.base import Transaction


async def lock_findings(tx: Transaction, images: Collection[UUID]) -> None:
    """Lock images and then their classes, each in the order of the keys, to change the classes."""
    ordered = (sorted(images),)
    await tx.execute(
        "select 1 from images where id = any(%b) order by id for no key update", ordered
    )
    await tx.execute(
        "select 1 from image_classes where image_id = any(%b)"
        " order by image_id, class_name for no key update",
        ordered,
    )
    await tx.execute(
        "select 1 from observed_classes where image_id = any(%b) "
        "order by image_id, class_name, set_id for no key update",
        ordered,
    )
