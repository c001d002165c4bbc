"""Export and import of all deployments of a project as CSV."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from trapline.server.images.actions.deployments import (
    build_deployment,
    follow_coordinates,
    put_clock,
)
from trapline.server.images.formats.deployment_csv import DeploymentTable, parse_csv, render_csv
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.rules.deployments import RELATED, list_faults
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.wire.deployments import DeploymentImportResult, NewDeployment


async def export_deployments(system: AppContext, scope: Scope, project_id: int) -> str:
    """Export the deployments of a project as CSV, ordered by name. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        rows = sorted((await _find_all(scope, tx, project_id)).values(), key=lambda row: row.name)
        tx.audit("export", "deployment", project_id, project_id, deployments=len(rows))
    return render_csv(
        [
            {name: getattr(row, name) for name in NewDeployment.model_fields if name != "project"}
            for row in rows
        ]
    )


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
    sheet = parse_csv(body)
    checked = _check(sheet, project_id)
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


def _check(sheet: DeploymentTable, project_id: int) -> dict[int, dict[str, Any]]:
    checked = {}
    lines: dict[str, int] = {}
    for line, values in sheet.rows.items():
        try:
            new = NewDeployment.model_validate({"project": project_id, **values})
        except ValidationError as error:
            for wrong in error.errors():
                column = str(wrong["loc"][0]) if wrong["loc"] else "row"
                sheet.add_error(line, column, wrong["msg"].removeprefix("Value error, "))
            continue
        if new.name in lines:
            sheet.add_error(line, "name", f"is that of line {lines[new.name]} too")
        lines[new.name] = line
        checked[line] = {name: getattr(new, name) for name in values}
    return checked


async def _change(
    scope: Scope, tx: Transaction, row: DeploymentRow, values: dict[str, Any]
) -> bool:
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        if name == "clock_offset_s":
            await put_clock(scope, tx, row, value, redate=False)
        else:
            setattr(row, name, value)
    await follow_coordinates(scope, tx, row, different)
    if different:
        row.updated_at = datetime.now(UTC)
    return bool(different)


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
