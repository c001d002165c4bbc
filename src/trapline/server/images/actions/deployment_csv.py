"""Export and import of all deployments of a project as CSV."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from trapline.server.images.actions.deployments import (
    build_deployment,
    follow_coordinates,
    get_location,
    put_clock,
)
from trapline.server.images.formats.deployment_csv import (
    DeploymentTable,
    format_position,
    parse_csv,
    render_csv,
)
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.deployments import RELATED, build_columns, list_faults
from trapline.server.images.rules.locations import (
    WITHHELD_FIELDS,
    Precision,
    get_shown_fields,
    get_shown_name,
)
from trapline.server.images.rules.time_zones import set_zone
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS
from trapline.wire.deployments import DeploymentImportResult, NewDeployment


async def export_deployments(system: AppContext, scope: Scope, project_id: int) -> str:
    """Export the deployments of a project as CSV, ordered by name. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        rows = list((await _find_all(scope, tx, project_id)).values())
        precisions = await list_precisions(scope, tx, [project_id])
        tx.audit("export", "deployment", project_id, project_id, deployments=len(rows))
    shown = [
        {name: getattr(row, name) for name in DEPLOYMENT_FIELDS}
        | get_shown_fields(row.id, get_location(row), precisions.get(row.id, Precision.EXACT))
        for row in rows
    ]
    return render_csv(sorted(shown, key=lambda one: str(one["name"])))


async def import_deployments(
    system: AppContext, scope: Scope, project_id: int, body: bytes
) -> DeploymentImportResult:
    """Create and update deployments from CSV, all or none; the name identifies a deployment.

    Fields without a column and deployments without a row are kept.

    Raises:
        NotFound, Forbidden: the caller cannot change deployments of the project.
        InvalidRequest: the body is not CSV, or a column is not known.
        Unprocessable: cells are not valid; the error names line and column.
        Conflict: a deployment with one of the names was created at the same time.
    """
    scope.check(project_id)
    async with system.database.transaction(scope) as tx:
        zones = await _list_zones(tx, project_id)
    # 5,000 rows take more than 100 ms, in which the server would answer no other request.
    sheet, checked = await asyncio.to_thread(_parse_sheet, body, project_id, zones)
    if sheet.errors:
        raise Unprocessable(
            "Some cells are not valid. Nothing was changed. Fix them and send the file again.",
            sheet.errors,
        )
    made = changed = 0
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, DeploymentImportResult)
        if done:
            return done
        known = await _find_all(scope, tx, project_id, lock=True)
        _require_exact_locations(
            sheet, checked, known, await list_precisions(scope, tx, [project_id])
        )
        _require_consistent(sheet, checked, known)
        for values in checked.values():
            row = known.get(values["name"])
            if row is None:
                tx.session.add(build_deployment(project_id, values))
                made += 1
            elif await _change(scope, tx, row, values):
                changed += 1
        try:
            await tx.session.flush()
        except IntegrityError as error:
            raise Conflict(
                "A deployment with one of these names was created at the same time. "
                "Nothing was changed. Send the file again to update that deployment."
            ) from error
        if made or changed:
            tx.audit("import", "deployment", project_id, project_id, made=made, changed=changed)
        taken = DeploymentImportResult(
            created=made, changed=changed, unchanged=len(checked) - made - changed
        )
        return save_response(scope, tx, taken)


def _require_exact_locations(
    sheet: DeploymentTable,
    checked: Mapping[int, Mapping[str, Any]],
    known: Mapping[str, DeploymentRow],
    withheld: Collection[UUID],
) -> None:
    """Refuse rows that would replace a location that is withheld from the caller's role."""
    replacements = {get_shown_name(key) for key in withheld}
    for line, values in checked.items():
        row = known.get(values["name"])
        if values["name"] in replacements or (
            row is not None and row.id in withheld and len(WITHHELD_FIELDS & values.keys()) > 1
        ):
            sheet.add_error(
                line,
                "name",
                "is not available: choose another name, or leave out the row",
            )
    if sheet.errors:
        raise Unprocessable(
            "Some names are not available to your role. Nothing was changed. Choose others, leave "
            "out their rows, or ask an owner of the project to import the file.",
            sheet.errors,
        )


def _require_consistent(
    sheet: DeploymentTable,
    checked: Mapping[int, Mapping[str, Any]],
    known: Mapping[str, DeploymentRow],
) -> None:
    for line, values in checked.items():
        if RELATED & values.keys():
            row = known.get(values["name"])
            stored = {field: getattr(row, field, None) for field in RELATED}
            for column, wrong in list_faults(stored | dict(values)):
                sheet.add_error(line, column, wrong)
    if sheet.errors:
        raise Unprocessable(
            "Some cells contradict others. Nothing was changed. Fix them and send the file again.",
            sheet.errors,
        )


def _parse_sheet(
    body: bytes, project_id: int, zones: Mapping[str, str]
) -> tuple[DeploymentTable, dict[int, dict[str, Any]]]:
    """Return the table of a file, with its errors, and the valid values by line number.

    `zones` are the time zones of the stored deployments by their names.
    """
    sheet = parse_csv(body)
    checked = {}
    lines: dict[str, int] = {}
    for line, values in sheet.rows.items():
        try:
            located = set_zone(values, zones.get(str(values.get("name"))))
            new = NewDeployment.model_validate({"project": project_id, **located})
        except ValidationError as error:
            for wrong in error.errors():
                column, *inner = wrong["loc"] or ("row",)
                place = inner[0] if inner else None
                position = format_position(place) if isinstance(place, int) else ""
                message = wrong["msg"].removeprefix("Value error, ")
                sheet.add_error(line, str(column), f"{message}{position}")
            continue
        if new.name in lines:
            sheet.add_error(line, "name", f"is that of line {lines[new.name]} too")
        lines[new.name] = line
        checked[line] = new.model_dump(include=set(values))
    return sheet, checked


async def _change(
    scope: Scope, tx: Transaction, row: DeploymentRow, values: dict[str, Any]
) -> bool:
    stored = build_columns(values)
    different = {name: value for name, value in stored.items() if getattr(row, name) != value}
    for name, value in different.items():
        if name == "clock_offset_s":
            await put_clock(scope, tx, row, value, redate=False)
        else:
            setattr(row, name, value)
    await follow_coordinates(scope, tx, row, different)
    if different:
        row.updated_at = datetime.now(UTC)
    return bool(different)


async def _list_zones(tx: Transaction, project_id: int) -> dict[str, str]:
    statement = select(DeploymentRow.name, DeploymentRow.time_zone).where(
        DeploymentRow.project_id == project_id
    )
    return {name: zone for name, zone in await tx.session.execute(statement)}


async def _find_all(
    scope: Scope, tx: Transaction, project_id: int, *, lock: bool = False
) -> dict[str, DeploymentRow]:
    scope.check(project_id)
    statement = (
        select(DeploymentRow)
        .where(DeploymentRow.project_id == project_id)
        .order_by(DeploymentRow.id)
    )
    return {
        row.name: row
        for row in await tx.session.scalars(statement.with_for_update() if lock else statement)
    }
