"""Changes of the clock offset and the time zone of a deployment: preview, undo and update."""

from datetime import UTC, datetime
from uuid import UUID

from trapline.server.images.actions.deployments import BATCH, build_deployments, set_clock
from trapline.server.images.queries.clock_offsets import (
    list_pending_deployments,
    preview_offset,
    preview_zone,
    update_capture_time_batch,
)
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.locations import get_shown_filename
from trapline.server.images.rules.time_zones import DEFAULT
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Conflict
from trapline.wire.deployments import (
    CaptureTimeChange,
    ClockOffsetRequest,
    ClockPreview,
    Deployment,
    ZoneSource,
)


async def preview_clock_offset(
    system: AppContext, scope: Scope, deployment_id: UUID, wanted: ClockOffsetRequest
) -> ClockPreview:
    """Return what another clock offset or time zone would change; nothing is changed.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_deployment_row(scope, tx, deployment_id)
        offset = row.clock_offset_s if wanted.clock_offset_s is None else wanted.clock_offset_s
        if wanted.time_zone is None:
            effect, first = await preview_offset(scope, tx, deployment_id, offset)
        else:
            effect, first = await preview_zone(scope, tx, deployment_id, wanted.time_zone, offset)
        if await list_precisions(scope, tx, [row.project_id], [row.id]):
            first = [
                one._replace(filename=get_shown_filename(one.image_id, one.filename))
                for one in first
            ]
    return ClockPreview(
        clock_offset_s=offset,
        clock_offset_now_s=row.clock_offset_s,
        time_zone=wanted.time_zone or row.time_zone,
        time_zone_now=row.time_zone,
        moved=effect.moved,
        edited=effect.edited,
        without_camera_time=effect.without_camera_time,
        first=[CaptureTimeChange.model_validate(one._asdict()) for one in first],
    )


async def undo_clock_offset(system: AppContext, scope: Scope, deployment_id: UUID) -> Deployment:
    """Restore the clock offset and time zone from before the last change that dated images.

    A second undo restores that change. Raises NotFound, Conflict.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Deployment)
        if done:
            return done
        row = await get_deployment_row(scope, tx, deployment_id, lock=True)
        scope.check_unchanged(row.updated_at)
        if row.previous_clock_offset_s is None:
            raise Conflict("The clock of this deployment was never changed. Nothing was changed.")
        row.updated_at = datetime.now(UTC)
        back = row.previous_time_zone
        if back is not None:
            row.time_zone = back
            # UTC may have been only the default: the warning about an assumed zone returns.
            row.time_zone_source = (
                ZoneSource.DEFAULT if back == DEFAULT else ZoneSource.GIVEN
            ).value
        await set_clock(tx, scope, row, row.previous_clock_offset_s, redate=back is not None)
        [deployment] = await build_deployments(tx, scope, [row])
        return save_response(scope, tx, deployment)


async def update_capture_times(system: AppContext, scope: Scope) -> bool:
    """Date a batch of images of each deployment with a new clock; return whether more may remain.

    Each batch is a separate transaction. The next one starts where it ended, in any process.
    """
    more = False
    async with system.database.transaction(scope) as tx:
        waiting = await list_pending_deployments(scope, tx)
    for deployment_id in waiting:
        async with system.database.transaction(scope) as tx:
            more = await update_capture_time_batch(scope, tx, deployment_id, BATCH) or more
    return more
