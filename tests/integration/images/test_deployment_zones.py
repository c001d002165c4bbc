"""The time zone of a deployment: given, found by its coordinates, or UTC."""

import io
import zipfile
from typing import Any

import pytest
from tests.support.api_project import Field, make_field
from tests.support.exchange_project import make_exchange_project

from trapline.server.platform.app_context import AppContext

BERLIN = {"latitude": 52.52, "longitude": 13.4}
WHITEHORSE = {"latitude": 60.72, "longitude": -135.05}
FIJI = {"latitude": -17.8, "longitude": 178.0}
PACIFIC = {"latitude": 30.0, "longitude": -150.0}


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def create(field: Field, name: str = "Old oak", **values: Any) -> dict[str, Any]:
    answer = await field.call(
        "POST", "/deployments", {"project": field.project, "name": name} | values
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def change(field: Field, deployment: str, **values: Any) -> tuple[str, str]:
    answer = await field.call("PATCH", f"/deployments/{deployment}", values)
    assert answer.status_code == 200, answer.text
    return zone_of(answer.json())


def zone_of(deployment: dict[str, Any]) -> tuple[str, str]:
    return deployment["time_zone"], deployment["time_zone_source"]


@pytest.mark.parametrize(
    ("values", "zone"),
    [
        (BERLIN, ("Europe/Berlin", "coordinates")),
        (WHITEHORSE, ("America/Whitehorse", "coordinates")),
        (FIJI, ("Pacific/Fiji", "coordinates")),
        (PACIFIC, ("Etc/GMT+10", "coordinates")),
        ({}, ("UTC", "default")),
        (BERLIN | {"time_zone": None}, ("Europe/Berlin", "coordinates")),
        (BERLIN | {"time_zone": "UTC"}, ("UTC", "given")),
        (BERLIN | {"time_zone": "America/Lima"}, ("America/Lima", "given")),
    ],
)
async def test_a_deployment_without_a_zone_gets_that_of_its_coordinates(
    field: Field, values: dict[str, Any], zone: tuple[str, str]
) -> None:
    made = await create(field, **values)
    assert zone_of(made) == zone
    assert zone_of((await field.call("GET", f"/deployments/{made['id']}")).json()) == zone


async def test_later_coordinates_give_the_zone_only_if_none_was_given(field: Field) -> None:
    never = await create(field)
    assert await change(field, never["id"], **BERLIN) == ("Europe/Berlin", "coordinates")
    assert await change(field, never["id"], habitat="beech") == ("Europe/Berlin", "coordinates")
    assert await change(field, never["id"], **FIJI) == ("Pacific/Fiji", "coordinates")
    assert await change(field, never["id"], **BERLIN, time_zone="UTC") == ("UTC", "given")
    assert await change(field, never["id"], **FIJI) == ("UTC", "given")
    given = await create(field, "Ford", time_zone="UTC")
    assert await change(field, given["id"], **BERLIN) == ("UTC", "given")


async def test_later_coordinates_leave_the_zone_of_images_that_are_there(
    system: AppContext,
) -> None:
    project = await make_exchange_project(system)
    made = await create(project.field)
    await project.upload(made["id"], "1.jpg")
    assert await change(project.field, made["id"], **BERLIN) == ("UTC", "default")


async def test_a_sheet_follows_the_same_rule(field: Field) -> None:
    await create(field, "Given", time_zone="UTC")
    await create(field, "Never")
    sheet = (
        "name,latitude,longitude,time_zone\nGiven,52.52,13.4,\nNever,52.52,13.4,\nNew,-17.8,178,\n"
        "Explicit,52.52,13.4,America/Lima\n"
    )
    headers = {"Authorization": f"Token {field.owner}"}
    path = f"/api/v2/deployments/csv?project={field.project}"
    answer = await field.client.post(path, content=sheet.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    listed = (await field.call("GET", f"/deployments?project={field.project}")).json()["results"]
    zones = {one["name"]: zone_of(one) for one in listed}
    del zones["camera"]
    assert zones == {
        "Given": ("UTC", "given"), "Never": ("Europe/Berlin", "coordinates"),
        "New": ("Pacific/Fiji", "coordinates"),
        "Explicit": ("America/Lima", "given"),
    }  # fmt: skip
    # A sheet that was exported and sent again says nothing new.
    exported = (await field.client.get(path, headers=headers)).content
    answer = await field.client.post(path, content=exported, headers=headers)
    assert answer.json() == {"created": 0, "changed": 0, "unchanged": 5}
    listed = (await field.call("GET", f"/deployments?project={field.project}")).json()["results"]
    assert {one["name"]: zone_of(one) for one in listed if one["name"] != "camera"} == zones


async def test_a_package_without_times_leaves_the_zone_to_the_coordinates(
    system: AppContext,
) -> None:
    project = await make_exchange_project(system)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(
            "deployments.csv",
            "deploymentID,locationName,latitude,longitude,deploymentStart,deploymentEnd\n"
            "d1,Old oak,52.52,13.4,,\nd2,Ford,52.52,13.4,2026-05-01T00:00:00+02:00,"
            "2026-06-01T00:00:00+02:00\n",
        )
        archive.writestr(
            "media.csv", "mediaID,deploymentID,timestamp,filePath,filePublic,fileMediatype\n"
        )
        archive.writestr(
            "observations.csv",
            "observationID,deploymentID,mediaID,observationLevel,observationType\n",
        )
        archive.writestr("datapackage.json", "{}")
    for name in ("Old oak", "Ford"):
        body = {"project": project.field.project, "name": name}
        await project.send("POST", "/deployments", body, 201)
    await project.import_file("camtrap-dp", buffer.getvalue())
    listed = (
        await project.field.call("GET", f"/deployments?project={project.field.project}")
    ).json()["results"]
    assert {one["name"]: zone_of(one) for one in listed if one["name"] != "camera"} == {
        "Old oak": ("Europe/Berlin", "coordinates"), "Ford": ("Etc/GMT-2", "given"),
    }  # fmt: skip
