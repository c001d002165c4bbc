"""Create, list, get, update and delete deployments."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from trapline.server.images.hooks import deployment_in_use
from trapline.server.images.queries.clock_offsets import (
    count_to_date,
    list_assumed_utc,
    update_capture_time_batch,
)
from trapline.server.images.queries.deployments import (
    DeploymentRow,
    get_deployment_row,
    get_name_column,
    has_images,
    select_deployments,
    summarise_images,
)
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.deployments import RELATED, build_columns, list_faults
from trapline.server.images.rules.filters import DeploymentFilter
from trapline.server.images.rules.locations import (
    NAMES,
    WITHHELD_FIELDS,
    Location,
    Precision,
    get_shown_fields,
)
from trapline.server.images.rules.time_zones import decide_zone, find_zone
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import OrderColumn, count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Forbidden, Unprocessable
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS, FieldKind
from trapline.wire.deployments import (
    CameraSetup,
    Deployment,
    DeploymentOrder,
    DeploymentUpdate,
    NewDeployment,
    ZoneSource,
)
from trapline.wire.values import Page

BATCH = 2000
SILENT_AFTER = timedelta(days=3)
NULLABLE = {
    "latitude",
    "longitude",
    "coordinate_uncertainty_m",
    "started_at",
    "ended_at",
    *CameraSetup.model_fields,
}


async def build_deployments(
    tx: Transaction, scope: Scope, rows: list[DeploymentRow]
) -> list[Deployment]:
    """Build deployments with a summary of their images, as exactly as the caller may see them."""
    precisions = await list_precisions(
        scope, tx, {row.project_id for row in rows}, [row.id for row in rows]
    )
    seen = await summarise_images(scope, tx, [row.id for row in rows])
    assumed = await list_assumed_utc(scope, tx, [row.id for row in rows])
    shown = set(Deployment.model_fields) - {
        "images", "last_image_at", "silent_since", "utc_assumed", "suggested_time_zone",
        "capture_times_pending", "location_precision",
    }  # fmt: skip
    now = datetime.now(UTC)
    return [
        Deployment(
            **({field: getattr(row, field) for field in shown} | replaced),
            location_precision=NAMES[precision],
            capture_times_pending=row.dating,
            images=images,
            last_image_at=last,
            silent_since=last if is_silent(last, row.ended_at, now) else None,
            utc_assumed=row.id in assumed,
            suggested_time_zone=find_zone(
                replaced.get("latitude", row.latitude), replaced.get("longitude", row.longitude)
            )
            if row.id in assumed
            else None,
        )
        for row in rows
        for images, last in [seen.get(row.id, (0, None))]
        for precision in [precisions.get(row.id, Precision.EXACT)]
        for replaced in [get_shown_fields(row.id, get_location(row), precision)]
    ]


def get_location(row: DeploymentRow) -> Location:
    """Return the exact location of a deployment."""
    return Location(row.latitude, row.longitude, row.coordinate_uncertainty_m)


async def require_exact_location(
    scope: Scope, tx: Transaction, row: DeploymentRow, fields: Collection[str]
) -> None:
    """Require that the caller can read the fields of a deployment that the request changes.

    Otherwise a generalised location that a client sends back would replace the exact one.

    Raises:
        Forbidden: one of the fields is withheld from the caller's role.
    """
    withheld = sorted(WITHHELD_FIELDS.intersection(fields))
    if withheld and await list_precisions(scope, tx, [row.project_id], [row.id]):
        raise Forbidden(
            f"{', '.join(withheld)}: withheld from your role, because a sensitive taxon occurs at "
            "this deployment. Nothing was changed. A role that sees its exact location, such as an "
            "owner, can change them."
        )


def is_silent(last_image_at: datetime | None, ended_at: datetime | None, now: datetime) -> bool:
    """Whether a deployment that has not ended has had no new image for SILENT_AFTER."""
    is_over = ended_at is not None and ended_at <= now
    return last_image_at is not None and not is_over and last_image_at < now - SILENT_AFTER


def _require_consistent(values: Mapping[str, Any]) -> None:
    if faults := list_faults(values):
        raise Unprocessable(
            "Fields of this deployment contradict each other. Nothing was changed.", faults
        )


def build_deployment(project_id: int, values: Mapping[str, Any]) -> DeploymentRow:
    """Build a deployment of these fields; without a time zone it gets that of its coordinates."""
    zone, source = decide_zone(
        values.get("time_zone"), values.get("latitude"), values.get("longitude")
    )
    fields = {**build_columns(values), "time_zone": zone, "time_zone_source": source.value}
    return DeploymentRow(project_id=project_id, **fields)


async def follow_coordinates(
    scope: Scope, tx: Transaction, row: DeploymentRow, fields: Collection[str]
) -> None:
    """Set the time zone of a locked deployment after a change of these fields.

    New coordinates give the zone only if it was never given and there are no images: their times
    would not follow.
    """
    if "time_zone" in fields:
        row.time_zone_source = ZoneSource.GIVEN.value
        return
    moved = row.time_zone_source != ZoneSource.GIVEN and not {"latitude", "longitude"}.isdisjoint(
        fields
    )
    if moved and not await has_images(scope, tx, row.id):
        zone, source = decide_zone(None, row.latitude, row.longitude)
        row.time_zone, row.time_zone_source = zone, source.value


async def insert_deployment(scope: Scope, tx: Transaction, new: NewDeployment) -> DeploymentRow:
    """Create a deployment within a transaction.

    Raises NotFound, Forbidden, and Conflict if the name is taken.
    """
    scope.check(new.project)
    _require_consistent(new.model_dump())
    row = build_deployment(new.project, new.model_dump(exclude={"project"}))
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except IntegrityError as error:
        raise Conflict(
            f"The name {new.name} is not available in this project. Nothing was created. "
            "Choose another name."
        ) from error
    await tx.session.refresh(row)
    tx.audit("create", "deployment", row.id, row.project_id, name=row.name)
    return row


async def create_deployment(system: AppContext, scope: Scope, new: NewDeployment) -> Deployment:
    """Create a deployment in a project."""
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Deployment)
        if done:
            return done
        [deployment] = await build_deployments(tx, scope, [await insert_deployment(scope, tx, new)])
        return save_response(scope, tx, deployment)


async def list_deployments(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: DeploymentFilter,
    *,
    order: DeploymentOrder,
    limit: int,
    cursor: str | None,
) -> Page[Deployment]:
    """List deployments in this order."""
    async with system.database.transaction(scope) as tx:
        projects = None if project_id is None else [project_id]
        withheld = list(await list_precisions(scope, tx, projects))
        statement = select_deployments(scope, project_id, wanted, withheld)
        by_name = order in (DeploymentOrder.BY_NAME, DeploymentOrder.BY_NAME_BACKWARDS)
        first: tuple[OrderColumn, type] = (
            (get_name_column(withheld), str) if by_name else (DeploymentRow.created_at, datetime)
        )
        rows, following = await fetch_page(
            tx,
            statement,
            [first, (DeploymentRow.id, UUID)],
            descending=order in (DeploymentOrder.BY_NAME_BACKWARDS, DeploymentOrder.NEWEST_FIRST),
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        return Page(
            results=await build_deployments(tx, scope, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def get_deployment(system: AppContext, scope: Scope, deployment_id: UUID) -> Deployment:
    """Get a deployment. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [deployment] = await build_deployments(
            tx, scope, [await get_deployment_row(scope, tx, deployment_id)]
        )
        return deployment


async def update_deployment(
    system: AppContext, scope: Scope, deployment_id: UUID, change: DeploymentUpdate
) -> Deployment:
    """Update the given fields of a deployment.

    Raises NotFound, Forbidden, PreconditionFailed, Conflict, Unprocessable.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_deployment_row(scope, tx, deployment_id, lock=True)
        scope.check_unchanged(row.updated_at)
        await require_exact_location(scope, tx, row, change.model_fields_set)
        given = change.model_dump(exclude_unset=True, exclude={"redate_images"})
        for field, value in build_columns(given).items():
            if value is None and field not in NULLABLE:
                raise Unprocessable(
                    "A field must not be null. Nothing was changed.", [(field, _refuse_null(field))]
                )
            if field != "clock_offset_s":
                setattr(row, field, value)
        if change.model_fields_set & RELATED:
            _require_consistent({field: getattr(row, field) for field in RELATED})
        await follow_coordinates(scope, tx, row, change.model_fields_set)
        row.updated_at = datetime.now(UTC)
        try:
            await tx.session.flush()
        except IntegrityError as error:
            raise Conflict(
                "That name is not available in this project. Nothing was changed."
            ) from error
        tx.audit(
            "change", "deployment", row.id, row.project_id, fields=sorted(change.model_fields_set)
        )
        offset = row.clock_offset_s if change.clock_offset_s is None else change.clock_offset_s
        await set_clock(tx, scope, row, offset, redate=change.redate_images)
        [deployment] = await build_deployments(tx, scope, [row])
        return deployment


def _refuse_null(field: str) -> str:
    empty = {FieldKind.TEXT: '""', FieldKind.LIST: "[]", FieldKind.PERIODS: "[]"}
    text = empty.get(DEPLOYMENT_FIELDS[field].kind)
    is_clearable = text is not None and field != "name"
    return f"must not be null; send {text} to clear it" if is_clearable else "must not be null"


async def set_clock(
    tx: Transaction, scope: Scope, row: DeploymentRow, offset_s: int, *, redate: bool
) -> None:
    """Set the clock offset of a locked deployment and date its first images again.

    With `redate` all images are dated in its zone. The background process dates the rest.
    """
    if not redate and offset_s == row.clock_offset_s:
        return
    await put_clock(scope, tx, row, offset_s, redate=redate)
    await tx.session.flush()
    await update_capture_time_batch(scope, tx, row.id, BATCH)
    await tx.session.refresh(row)


async def put_clock(
    scope: Scope, tx: Transaction, row: DeploymentRow, offset_s: int, *, redate: bool
) -> None:
    """Set the clock of a locked deployment; the background process dates its images again.

    An undo restores the zone that the images are in, which may differ from the deployment's zone
    before this request.
    """
    zone = row.time_zone if redate else row.dating_zone
    found = await count_to_date(scope, tx, row.id, zone, offset_s)
    images_zone = row.dating_zone or found.zone or row.time_zone
    zone_is_new = redate and images_zone != row.time_zone
    if zone_is_new or offset_s != row.clock_offset_s:
        zones = {"from_zone": images_zone, "to_zone": row.time_zone} if zone_is_new else {}
        tx.audit(
            "set clock",
            "deployment",
            row.id,
            row.project_id,
            from_s=row.clock_offset_s,
            to_s=offset_s,
            **zones,
        )
        row.previous_time_zone = images_zone if zone_is_new else None
        row.previous_clock_offset_s, row.clock_offset_s = row.clock_offset_s, offset_s
    row.dating_zone, row.images_to_date = zone, found.images
    row.dating, row.dated_to, row.images_dated = True, None, 0


async def delete_deployment(system: AppContext, scope: Scope, deployment_id: UUID) -> None:
    """Delete a deployment that has no images, no pull sources and no running downloads.

    Raises Conflict if it has, or if it is the default deployment.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_deployment_row(scope, tx, deployment_id, lock=True)
        scope.check_unchanged(row.updated_at)
        if row.is_default:
            raise Conflict(
                "This is the default deployment of its project, which receives the images without"
                " a deployment. Nothing was deleted."
            )
        if any([await handler(scope, tx, row.id) for handler in deployment_in_use]):
            raise Conflict(
                "A run is downloading images into this deployment. Nothing was deleted. "
                "Wait for its end, or cancel it."
            )
        try:
            await tx.session.delete(row)
            await tx.session.flush()
        except IntegrityError as error:
            raise Conflict(
                "This deployment has images, perhaps deleted ones, or pull sources. "
                "Nothing was deleted."
            ) from error
        tx.audit("delete", "deployment", row.id, row.project_id, name=row.name)
