"""The fields of a deployment through Camtrap DP and Darwin Core, and back."""

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from dwca.read import DwCAReader
from tests.support.deployment_values import EMPTY, FULL, UNDER_WATER, list_all, pick
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    validate_package,
)

from trapline.server.platform.app_context import AppContext

TERMS = "http://rs.tdwg.org/dwc/terms/"


async def make_project(system: AppContext) -> ExchangeProject:
    """Create a project with two deployments that have an image each."""
    project = await make_exchange_project(system)
    for values, path in ((FULL, "a.jpg"), (UNDER_WATER, "b.jpg")):
        body = {"project": project.field.project} | values
        made = await project.send("POST", "/deployments", body, 201)
        await project.upload(made["id"], path)
    return project


async def create_empty(project: ExchangeProject, name: str, **values: Any) -> None:
    body = {"project": project.field.project, "name": name} | values
    await project.send("POST", "/deployments", body, 201)


async def test_camtrap_dp_keeps_each_field(system: AppContext, tmp_path: Path) -> None:
    project = await make_project(system)
    _, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    assert validate_package(package) == []
    rows = {row["locationName"]: row for row in read_resource(package, "deployments")}
    ford, reef = rows["Kaltenbach ford"], rows["Reef"]
    columns = {
        "cameraID": "P800HG08192031", "cameraModel": "Reconyx-PC800", "cameraDelay": 120,
        "cameraTilt": -10, "cameraHeading": 225, "timestampIssues": False, "baitUse": True,
        "featureType": "waterSource", "habitat": "beech forest, wet", "cameraDepth": None,
        "setupBy": "Ada Lovelace | Field team", "coordinateUncertainty": 12,
        "deploymentGroups": "season:winter 2026 | grid:A1",
        "deploymentTags": "forest edge | bait:food | pickupBy:Grace Hopper | pickupBy:Second team"
        " | inactivePeriod:2026-05-01T00:00:00Z/2026-05-03T12:00:00Z stolen"
        " | inactivePeriod:2026-06-01T00:00:00Z/2026-06-01T00:00:00Z",
    }  # fmt: skip
    assert {name: ford[name] for name in columns} == columns
    assert (float(ford["cameraHeight"]), float(ford["detectionDistance"])) == (1.25, 9.5)
    assert (float(reef["cameraDepth"]), reef["cameraHeight"]) == (4.8, None)
    assert (reef["timestampIssues"], reef["baitUse"]) == (True, False)
    assert ford["deploymentStart"] == datetime.fromisoformat("2020-03-01T22:00:00+00:00")
    copy = await make_exchange_project(system, "copy")
    for name in ("Kaltenbach ford", "Reef"):
        await create_empty(copy, name)
    made = await copy.import_file("camtrap-dp", content)
    assert (made["state"], made["deployments"]) == ("completed", 2), made
    again = await copy.import_file("camtrap-dp", content)
    assert (again["state"], again["deployments"]) == ("completed", 0), again
    assert not [one for one in made["listed_faults"] if "left out" in one], made
    copied = await list_all(copy.field)
    kept = FULL.keys() - {"time_zone", "clock_offset_s"}
    for values in (FULL, UNDER_WATER):
        shown = copied[values["name"]]
        assert {name: shown[name] for name in kept} == {name: values[name] for name in kept}


async def test_camtrap_dp_keeps_unknown_values(system: AppContext, tmp_path: Path) -> None:
    """The export derives timestampIssues and the period from its image, which has no EXIF."""
    project = await make_exchange_project(system)
    await project.upload(await project.create_deployment("Plain"), "a.jpg")
    _, content = await project.export("camtrap-dp")
    [row] = read_resource(open_package(content, tmp_path), "deployments")
    derived = "derived:deploymentStart | derived:deploymentEnd | derived:timestampIssues"
    assert (row["timestampIssues"], row["deploymentTags"]) == (True, derived)
    copy = await make_exchange_project(system, "copy")
    await create_empty(copy, "Plain")
    await copy.import_file("camtrap-dp", content)
    shown = (await list_all(copy.field))["Plain"]
    # Camtrap DP requires a location.
    given = {"latitude", "longitude"}
    expected = {name: value for name, value in EMPTY.items() if name not in given}
    assert pick(shown, expected) == expected


async def test_a_statement_about_times_is_exported_as_it_was_given(system: AppContext) -> None:
    """The images have no time in their EXIF, but the deployment states that its times are right."""
    project = await make_project(system)
    made, _ = await project.export("camtrap-dp")
    fixed = [one["what"] for one in made["fixed"] if "timestampIssues" in one["what"]]
    assert len(fixed) == 1
    assert "“Kaltenbach ford”" in fixed[0]
    assert "states no timestampIssues" in fixed[0]


async def test_invalid_values_of_a_package_are_left_out_and_named(system: AppContext) -> None:
    project = await make_project(system)
    _, content = await project.export("camtrap-dp")
    for old, new in (
        (b",1.25,", b",high,"), (b",-10,", b",-100,"), (b",waterSource,", b",pond,"),
        (b",120,", b",1.5,"), (b"Z/2026-05-03T12", b"Z/2025-05-03T12"),
    ):  # fmt: skip
        content = replace_in_package(content, old, new)
    copy = await make_exchange_project(system, "copy")
    await create_empty(copy, "Kaltenbach ford")
    made = await copy.import_file("camtrap-dp", content)
    faults = [one for one in made["listed_faults"] if "left out" in one]
    for column in ("cameraHeight", "cameraTilt", "featureType", "cameraDelay", "inactivePeriod"):
        assert [one for one in faults if f"its {column} is left out" in one], (column, faults)
    shown = (await list_all(copy.field))["Kaltenbach ford"]
    left_out = ("camera_height_m", "camera_tilt_deg", "feature_type", "camera_delay_s")
    assert [shown[name] for name in left_out] == [None] * 4
    assert shown["camera_heading_deg"] == 225
    assert shown["inactive_periods"] == FULL["inactive_periods"][1:]
    assert shown["tags"] == FULL["tags"]


async def test_values_of_an_existing_deployment_are_kept(system: AppContext) -> None:
    project = await make_project(system)
    _, content = await project.export("camtrap-dp")
    copy = await make_exchange_project(system, "copy")
    own = {
        "latitude": 10.5, "longitude": 20.5, "camera_depth_m": 2.0, "habitat": "swamp",
        "bait_use": False, "started_at": "2100-01-01T00:00:00Z",
    }  # fmt: skip
    await create_empty(copy, "Kaltenbach ford", **own)
    made = await copy.import_file("camtrap-dp", content)
    assert (made["state"], made["deployments"]) == ("completed", 1), made
    shown = (await list_all(copy.field))["Kaltenbach ford"]
    assert {name: shown[name] for name in own} == own
    # An uncertainty of another location, a height next to a depth, an end before the start.
    contradicting = ("coordinate_uncertainty_m", "camera_height_m", "ended_at")
    assert [shown[name] for name in contradicting] == [None] * 3
    assert (shown["camera_model"], shown["groups"]) == (FULL["camera_model"], FULL["groups"])
    [missing] = [one for one in made["listed_faults"] if "Reef" in one]
    assert "none is created without images" in missing
    assert "Reef" not in await list_all(copy.field)


def replace_in_package(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace a text in the deployments of a package."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "deployments.csv":
                assert old in data, (old, data)
                data = data.replace(old, new)
            target.writestr(name, data)
    return out.getvalue()


async def test_darwin_core_has_the_fields_with_a_term(system: AppContext, tmp_path: Path) -> None:
    project = await make_project(system)
    taxon = await project.create_taxon("Vulpes vulpes", rank="species")
    for path in project.images:
        await project.identify("correct", path, taxon=taxon)
    _, content = await project.export("darwin-core", title="Ford", data_licence="CC0-1.0")
    (tmp_path / "archive.zip").write_bytes(content)
    with DwCAReader(str(tmp_path / "archive.zip")) as archive:
        rows = {row.data[f"{TERMS}locality"]: row.data for row in archive}
    ford, reef = rows["Kaltenbach ford"], rows["Reef"]
    assert [
        ford[f"{TERMS}{end}DistanceAboveSurfaceInMeters"] for end in ("minimum", "maximum")
    ] == [
        "1.25",
        "1.25",
    ]
    assert [reef[f"{TERMS}{end}DepthInMeters"] for end in ("minimum", "maximum")] == ["4.8", "4.8"]
    assert ford[f"{TERMS}minimumDepthInMeters"] == ""
    assert ford[f"{TERMS}habitat"] == "beech forest, wet"
    assert not [text for row in rows.values() for text in row.values() if FULL["notes"] in text]
    assert float(ford[f"{TERMS}decimalLatitude"]) == -47.1234567
