"""Every surface has every field of a deployment: each is compared with the one list."""

from pathlib import Path
from typing import Any

import pytest
import typer
from tests.support.deployment_values import FULL, UNDER_WATER

from trapline.cli.deployment import app
from trapline.server.exports.formats.camtrap_dp_deployments import DEPLOYMENTS
from trapline.server.exports.formats.camtrap_dp_validation import load_schema
from trapline.server.exports.formats.darwin_core_export import COLUMNS as DARWIN_CORE
from trapline.server.exports.formats.export_records import DeploymentRecord
from trapline.server.images.formats.deployment_csv import COLUMNS
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS, FeatureType
from trapline.wire.deployments import Deployment, DeploymentUpdate, NewDeployment

ROOT = Path(__file__).parents[3]
FIELDS = set(DEPLOYMENT_FIELDS)
NOT_IN_CAMTRAP_DP = {"time_zone", "clock_offset_s"}
"""Times in Camtrap DP have UTC offsets and are corrected."""
NOT_IN_OPTIONS = {"name", "clock_offset_s"}
"""The name is an argument or `--name`; `trapline deployment clock` sets the offset."""
NOT_OF_DEPLOYMENTS = {"eventID", "eventDate", "locationID", "eventRemarks"}
"""Terms of Darwin Core that have other values; `eventRemarks` would publish internal notes."""
SPEC = {
    "started_at", "ended_at", "coordinate_uncertainty_m", "camera", "camera_model",
    "camera_delay_s", "camera_height_m", "camera_depth_m", "camera_tilt_deg",
    "camera_heading_deg", "detection_distance_m", "timestamp_issues", "bait_use", "habitat",
    "groups", "tags", "notes", "setup_by", "pickup_by", "inactive_periods",
}  # fmt: skip


def test_requests_and_responses_have_the_same_fields() -> None:
    assert set(NewDeployment.model_fields) - {"project"} == FIELDS
    assert set(DeploymentUpdate.model_fields) - {"redate_images"} == FIELDS
    assert set(Deployment.model_fields) >= FIELDS
    assert SPEC <= FIELDS


def test_the_database_the_exports_and_the_sheet_have_all_fields() -> None:
    assert set(DeploymentRow.__table__.columns.keys()) >= FIELDS
    assert set(DeploymentRecord.__struct_fields__) >= FIELDS
    assert set(COLUMNS) == FIELDS


def test_tests_of_round_trips_have_a_value_for_each_field() -> None:
    assert set(FULL) == FIELDS
    empty = {name for name in FIELDS if FULL[name] is None and UNDER_WATER[name] is None}
    assert not empty


def read_limits(model: type[Any], name: str) -> tuple[Any, Any]:
    schema = model.model_json_schema()["properties"][name]
    [schema, *_] = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return (
        schema.get("minimum", schema.get("ge")),
        schema.get("maximum", schema.get("le")),
    )


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_the_limits_of_requests_are_those_of_the_list(name: str) -> None:
    field = DEPLOYMENT_FIELDS[name]
    for model in (NewDeployment, DeploymentUpdate):
        assert read_limits(model, name) == (field.minimum, field.maximum)
        described = model.model_json_schema()["properties"][name]
        assert described["description"] == field.help


@pytest.mark.parametrize("command", ["create", "update"])
def test_commands_have_an_option_for_each_field(command: str) -> None:
    group: Any = typer.main.get_command(app)
    parameters = {one.name: one for one in group.commands[command].params}
    assert set(parameters) >= FIELDS - NOT_IN_OPTIONS
    for name in FIELDS - NOT_IN_OPTIONS:
        assert DEPLOYMENT_FIELDS[name].option in parameters[name].opts


def test_camtrap_dp_has_all_fields() -> None:
    terms = {one.camtrap_dp for one in DEPLOYMENT_FIELDS.values() if one.camtrap_dp}
    schema = [one["name"] for one in load_schema("deployments")["fields"]]
    assert DEPLOYMENTS.split(",") == schema
    assert set(schema) - terms == {"deploymentID", "locationID"}
    assert terms <= set(schema)
    for name, one in DEPLOYMENT_FIELDS.items():
        assert bool(one.camtrap_dp) + bool(one.camtrap_dp_tag) == (name not in NOT_IN_CAMTRAP_DP)


def test_limits_and_values_are_those_of_camtrap_dp() -> None:
    schema = {one["name"]: one for one in load_schema("deployments")["fields"]}
    for name, field in DEPLOYMENT_FIELDS.items():
        if not field.camtrap_dp or name == "coordinate_uncertainty_m":
            continue  # an uncertainty is rounded up to whole metres, at least 1
        limits = schema[field.camtrap_dp]["constraints"]
        assert limits.get("minimum") == field.minimum, name
        if "maximum" in limits:
            assert limits["maximum"] == field.maximum, name
        kinds = {"number": "number", "integer": "integer", "boolean": "flag"}
        if (kind := kinds.get(schema[field.camtrap_dp]["type"])) is not None:
            assert field.kind == kind, name
    assert schema["featureType"]["constraints"]["enum"] == list(FeatureType)


def test_darwin_core_has_each_field_that_it_has_a_term_for() -> None:
    prefix = "http://rs.tdwg.org/dwc/terms/"
    for column in load_schema("deployments")["fields"]:
        links = [value for key, value in column.items() if key.startswith("skos:")]
        terms = {
            link.removeprefix(prefix)
            for value in links
            for link in (value if isinstance(value, list) else [value])
            if link.startswith(prefix)
        } - NOT_OF_DEPLOYMENTS
        fields = [one for one in DEPLOYMENT_FIELDS.values() if one.camtrap_dp == column["name"]]
        if terms:
            [field] = fields
            assert set(field.darwin_core) == terms, column["name"]
    assert {term for one in DEPLOYMENT_FIELDS.values() for term in one.darwin_core} <= set(
        DARWIN_CORE
    )


def test_the_reference_describes_each_field() -> None:
    lines = (ROOT / "docs/reference/deployments.md").read_text().splitlines()
    rows = {
        cells[0].strip("` "): [cell.strip("` ") for cell in cells[1:]]
        for line in lines
        if line.startswith("| `")
        for cells in [line.strip("| ").split(" | ")]
    }
    assert set(rows) == FIELDS
    for name, (option, term, *_) in rows.items():
        field = DEPLOYMENT_FIELDS[name]
        if field.option:
            assert option == field.option
        expected = field.camtrap_dp or field.camtrap_dp_tag
        assert expected in term if expected else term == "", name
