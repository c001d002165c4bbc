"""Stars, tags and capture times that people set on images."""

from trapline.server.images.queries.image_marks import (
    count_tags,
    require_images,
    reset_capture_times,
    set_capture_time,
    set_star,
    set_tags,
    shift_capture_times,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.images import ImagesUpdate, ImagesUpdateResult, TagCount


async def update_images(
    system: AppContext, scope: Scope, wanted: ImagesUpdate
) -> ImagesUpdateResult:
    """Update images, all of them or none. Raises NotFound, Forbidden, Unprocessable."""
    images = sorted(set(wanted.images))
    async with system.database.transaction(scope) as tx:
        projects = await require_images(scope, tx, images)
        changed = set()
        if wanted.captured_at is not None:
            changed |= await set_capture_time(scope, tx, images[0], wanted.captured_at)
        elif wanted.shift_s is not None:
            changed |= await shift_capture_times(scope, tx, images, wanted.shift_s)
        elif wanted.as_read:
            changed |= await reset_capture_times(scope, tx, images)
        if wanted.starred is not None:
            changed |= await set_star(scope, tx, images, starred=wanted.starred)
        if wanted.add_tags or wanted.remove_tags:
            changed |= await set_tags(scope, tx, images, wanted.add_tags, wanted.remove_tags)
        if changed:
            details = wanted.model_dump(mode="json", exclude_defaults=True, exclude={"images"})
            ids = [str(image) for image in sorted(changed)]
            for project_id in sorted(projects):
                tx.audit("change", "image", ids[0], project_id, images=ids, **details)
    return ImagesUpdateResult(changed=len(changed), unchanged=len(images) - len(changed))


async def list_tags(system: AppContext, scope: Scope, project_id: int) -> list[TagCount]:
    """List the tags of a project, the most frequent first. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        counted = await count_tags(scope, tx, project_id)
    return [TagCount(tag=tag, images=images) for tag, images in counted]
