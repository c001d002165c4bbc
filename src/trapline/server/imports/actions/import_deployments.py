"""Find the deployments of a package in the project, and fill their empty fields."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from trapline.server.images.actions.deployments import follow_coordinates
from trapline.server.images.queries.deployments import (
    DeploymentRow,
    get_deployment_row,
    has_images,
)
from trapline.server.images.rules.deployments import RELATED, build_columns, list_faults
from trapline.server.imports.formats.import_records import (
    DeploymentReference,
    EntryFault,
    sanitise_text,
)
from trapline.server.imports.queries.imported_ids import (
    DeploymentIds,
    list_deployment_ids,
    write_deployment_ids,
)
from trapline.server.imports.queries.imported_results import list_deployments
from trapline.server.imports.queries.imports import ImportRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.wire.deployments import ZoneSource

LONGEST_ID = 255
"""A longer deploymentID is not stored for exports."""
EMPTY: tuple[Any, ...] = (None, "", [])
LOCATION = ("latitude", "longitude", "coordinate_uncertainty_m")
POSITION = ("camera_height_m", "camera_depth_m")


class PackageDeployments:
    """The deployments of a package in the project; `places` are their IDs by the package's keys.

    A deployment that the project does not have is not created, because none of its files can be
    accepted: an import adds no images. `faults` names each.
    """

    def __init__(self, scope: Scope, tx: Transaction, row: ImportRow) -> None:
        self._scope, self._tx, self._row = scope, tx, row
        self.places: dict[str, UUID] = {}
        self.faults: list[EntryFault] = []
        self.filled = 0

    async def resolve(self, named: Sequence[DeploymentReference]) -> None:
        """Find the deployments by Trapline's ID, the package's ID or the name, and fill them."""
        row = self._row
        there = await list_deployments(self._scope, self._tx, row.project_id)
        ids = set(there.values())
        stored = await list_deployment_ids(self._scope, self._tx, row.project_id)
        known = {one.external_id: key for key, one in stored.items()}
        given: dict[UUID, DeploymentIds] = {}
        for one in named:
            if row.deployment_id is not None:
                self.places[one.key] = row.deployment_id
                continue
            key = one.id if one.id in ids else known.get(one.key) or there.get(one.name)
            if key is None:
                self.faults.append(_report_missing(one))
                continue
            self.places[one.key] = key
            if len(one.key) <= LONGEST_ID and one.id != key:
                given[key] = DeploymentIds(one.key, one.location_id)
        await write_deployment_ids(self._scope, self._tx, row.project_id, given)
        if row.deployment_id is None:
            described = {self.places[one.key]: one for one in named if one.key in self.places}
            for key, one in sorted(described.items()):
                await self._fill(key, one.values)

    async def _fill(self, deployment_id: UUID, given: Mapping[str, Any]) -> None:
        """Give the empty fields of a deployment the values of the package."""
        deployment = await get_deployment_row(self._scope, self._tx, deployment_id, lock=True)
        is_dated = await has_images(self._scope, self._tx, deployment_id)
        values = _choose_values(deployment, given, is_dated=is_dated)
        if not values:
            return
        for name, value in values.items():
            setattr(deployment, name, value)
        await follow_coordinates(self._scope, self._tx, deployment, values.keys())
        deployment.updated_at = datetime.now(UTC)
        await self._tx.session.flush()
        self._tx.audit(
            "change",
            "deployment",
            deployment.id,
            deployment.project_id,
            fields=sorted(values),
            of_import=str(self._row.id),
        )
        self.filled += 1


def _report_missing(one: DeploymentReference) -> EntryFault:
    name = sanitise_text(one.name, 100)
    return EntryFault(
        one.place,
        f"the project has no deployment {name}, and none is created without images: create it, "
        "upload its images and import the file again",
    )


def _choose_values(
    deployment: DeploymentRow, given: Mapping[str, Any], *, is_dated: bool
) -> dict[str, Any]:
    """Return the values for empty fields that do not contradict other fields of the deployment."""
    values = {
        name: value
        for name, value in build_columns(given).items()
        if name not in ("name", "time_zone", "clock_offset_s")
        and value not in EMPTY
        and getattr(deployment, name) in EMPTY
    }
    # The uncertainty is that of the package's own location.
    for names in (LOCATION, POSITION):
        if any(getattr(deployment, name) not in EMPTY for name in names):
            values = {name: value for name, value in values.items() if name not in names}
    related = {name: getattr(deployment, name) for name in RELATED}
    for name, _ in list_faults(related | values):
        values.pop(name, None)
    is_given = deployment.time_zone_source == ZoneSource.GIVEN
    if given.get("time_zone") and not is_dated and not is_given:
        values["time_zone"] = given["time_zone"]
    return values
