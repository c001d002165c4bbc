"""Clocks of cameras: another offset with a preview, the images dated anew by it, and the step back."""

from datetime import UTC, datetime
from uuid import UUID

from trapline.server.actions.deployments import BATCH, describe_deployments, set_offset
from trapline.server.db.clocks import date_batch, list_dating, preview_offset
from trapline.server.db.deployments import get_deployment
from trapline.server.db.idempotency import find_answer, keep_answer
from trapline.server.errors import Conflict
from trapline.server.rules.access import Scope
from trapline.server.system import System
from trapline.wire.deployments import ClockPreview, Deployment, MovedImage


async def preview_clock(system: System, scope: Scope, deployment_id: UUID, offset_s: int) -> ClockPreview:
    """Tell what another clock offset would change; nothing is changed. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_deployment(scope, tx, deployment_id)
        effect, first = await preview_offset(scope, tx, deployment_id, offset_s)
    return ClockPreview(
        clock_offset_s=offset_s,
        clock_offset_now_s=row.clock_offset_s,
        moved=effect.moved,
        edited=effect.edited,
        without_camera_time=effect.without_camera_time,
        first=[MovedImage.model_validate(one._asdict()) for one in first],
    )


async def undo_clock(system: System, scope: Scope, deployment_id: UUID) -> Deployment:
    """Set the offset back to what it was before; done again, it is the other one. Raises NotFound, Conflict."""
    async with system.database.transaction(scope) as tx:
        done = await find_answer(scope, tx, Deployment)
        if done:
            return done
        row = await get_deployment(scope, tx, deployment_id, lock=True)
        scope.check_unchanged(row.updated_at)
        if row.previous_clock_offset_s is None:
            raise Conflict("The clock offset of this deployment was never changed. Nothing was changed.")
        row.updated_at = datetime.now(UTC)
        await set_offset(tx, scope, row, row.previous_clock_offset_s)
        [deployment] = await describe_deployments(tx, scope, [row])
        return keep_answer(scope, tx, deployment)


async def date_all(system: System, scope: Scope) -> bool:
    """Date images of deployments whose clock was set, batch by batch; answers whether there is more.

    Each batch is committed by itself and begun anew from where the last one ended, in whatever process.
    """
    more = False
    async with system.database.transaction(scope) as tx:
        waiting = await list_dating(scope, tx)
    for deployment_id in waiting:
        async with system.database.transaction(scope) as tx:
            more = await date_batch(scope, tx, deployment_id, BATCH) or more
    return more
