"""Free texts of people in exports: comments, and what visitors may read of a withheld place."""

import csv
import io
from typing import Any

import pytest
from tests.integration.exports.test_exchange_round_trips import write_package
from tests.integration.exports.test_sensitive_locations import download, export, reveals
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
    validate_package,
)
from tests.support.sensitive_project import FILE, NAME, Reserve, make_reserve

from trapline.server.platform.app_context import AppContext

LEFT, RIGHT = (0.1, 0.1, 0.3, 0.5), (0.6, 0.2, 0.3, 0.5)
TEXTS_WITHHELD = "Comments, tags, behaviours and individual IDs of images at withheld locations"
NO_REMARKS = "Comments on images and boxes that identify nothing"


@pytest.fixture
async def reserve(system: AppContext) -> Reserve:
    return await make_reserve(system)


def list_issues(made: dict[str, Any], what: str) -> list[int]:
    """Return the counts of what an export left out, of one kind."""
    return [one["count"] for one in made["left_out"] if one["what"].startswith(what)]


async def describe_place(reserve: Reserve) -> str:
    """Name the place in each free text of the image with the rhinoceros."""
    image = reserve.images[reserve.hidden]
    more = {"behaviour": f"sleeps at {NAME}", "individual_id": f"the bull of {NAME}", "count": 2}
    await reserve.identify(image, taxon=reserve.species, comment=f"close to {NAME}", **more)
    said = {"kind": "comment", "images": [image], "comment": f"200 m north of {NAME}"}
    await reserve.call("owner", "POST", "/identifications", {"identifications": [said]}, 201)
    marks = {"images": [image], "add_tags": [f"road to {NAME}"]}
    await reserve.call("owner", "PATCH", "/images", marks)
    return image


@pytest.mark.parametrize("form", ["csv", "camtrap-dp", "darwin-core", "parquet"])
async def test_visitors_read_no_free_texts_of_a_withheld_place(reserve: Reserve, form: str) -> None:
    await describe_place(reserve)
    await reserve.restrict(visitor="0.1", viewer="0.1", reviewer="0.1")
    made = await export(reserve, "owner", form, audience="visitor")
    content = await download(reserve, "owner", made)
    assert reveals(content) == []
    assert list_issues(made, TEXTS_WITHHELD) == [1]


async def test_members_keep_free_texts_of_a_generalised_place(reserve: Reserve) -> None:
    await describe_place(reserve)
    await reserve.restrict(visitor="0.1", viewer="0.1", reviewer="0.1", manager="0.1")
    made = await export(reserve, "manager", "csv")
    text = (await download(reserve, "manager", made)).decode()
    for start in ("close to", "200 m north of", "road to", "sleeps at", "the bull of"):
        assert f"{start} {NAME}" in text
    assert list_issues(made, TEXTS_WITHHELD) == []


async def test_visitors_read_no_ids_of_a_package_with_a_withheld_place(reserve: Reserve) -> None:
    at = "2026-01-02T03:04:05Z"
    place = {"deploymentID": reserve.hidden, "locationName": NAME, "deploymentStart": at}
    media = {
        "mediaID": f"{NAME} 1", "deploymentID": reserve.hidden, "timestamp": at, "fileName": FILE,
        "filePath": FILE,
    }  # fmt: skip
    seen = {
        "observationID": f"{NAME} event", "deploymentID": reserve.hidden, "eventStart": at,
        "eventID": f"{NAME} 2026-01-02", "eventEnd": at, "observationLevel": "event",
        "observationType": "animal", "scientificName": "Diceros bicornis", "count": "2",
        "classificationMethod": "human", "classifiedBy": f"Warden of {NAME}",
    }  # fmt: skip
    part = {"observationID": f"{NAME} medium", "mediaID": media["mediaID"]}
    part |= {"observationLevel": "media", "count": "1"}
    package = {"deployments": [place], "media": [media], "observations": [seen, seen | part]}
    made = await ExchangeProject(reserve.field).import_file("camtrap-dp", write_package(package))
    assert (made["state"], made["faults"], made["identifications"]) == ("completed", 0, 2), made
    known = await export(reserve, "owner", "camtrap-dp", audience="owner")
    assert (
        f"{NAME} 2026-01-02"
        in unpack(await download(reserve, "owner", known))["observations.csv"].decode()
    )
    await reserve.restrict(visitor="0.1", viewer="0.1", reviewer="0.1")
    hidden = await export(reserve, "owner", "camtrap-dp", audience="visitor")
    content = await download(reserve, "owner", hidden)
    assert reveals(content) == []
    rows = csv.DictReader(io.StringIO(unpack(content)["observations.csv"].decode(), newline=""))
    counts = [(row["observationLevel"], row["count"]) for row in rows if row["count"]]
    assert ("event", "2") in counts
    for form in ("csv", "parquet", "darwin-core"):
        hidden = await export(reserve, "owner", form, audience="visitor")
        assert reveals(await download(reserve, "owner", hidden)) == [], form


async def comment(project: ExchangeProject, text: str, **subject: Any) -> None:
    said = {"kind": "comment", "comment": text} | subject
    await project.send("POST", "/identifications", {"identifications": [said]}, 201)


async def test_comments_without_an_identification_are_exported(
    system: AppContext, tmp_path: Any
) -> None:
    project = await make_exchange_project(system)
    await project.upload(await project.create_deployment("Old oak"), "deer.jpg", "fox.jpg")
    await project.create_taxon("Vulpes vulpes", "fox", rank="species")
    await project.detect({"deer.jpg": [("deer", LEFT)], "fox.jpg": [("fox", RIGHT)]})
    await comment(project, "who set this camera?", images=[project.images["deer.jpg"]])
    analyses = await project.send("GET", f"/images/{project.images['fox.jpg']}/analyses")
    path = f"/analyses/{analyses['results'][0]['id']}/annotations"
    [box] = (await project.send("GET", path))["results"]
    await comment(project, "limps", annotations=[box["id"]])
    made, content = await project.export("csv")
    rows = {row["filename"]: row for row in csv.DictReader(io.StringIO(content.decode()))}
    assert rows["deer.jpg"]["comment"] == "who set this camera?"
    assert rows["fox.jpg"]["comment"] == "limps"
    assert {(row["said"], row["said_by"], row["reviewed"]) for row in rows.values()} == {
        ("", "", "False")
    }
    made, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    assert validate_package(package) == []
    media = {row["fileName"]: row["mediaComments"] for row in read_resource(package, "media")}
    assert media["deer.jpg"].startswith("who set this camera?")
    assert "limps" not in (media["fox.jpg"] or "")
    seen = {row["mediaID"]: row for row in read_resource(package, "observations")}
    fox = seen[project.images["fox.jpg"]]
    assert (fox["observationComments"], fox["classificationMethod"]) == ("limps", "machine")
    assert list_issues(made, NO_REMARKS) == []
    for form in ("coco", "yolo", "megadetector", "darwin-core", "crops", "speciesnet"):
        made, _ = await project.export(form)
        assert list_issues(made, NO_REMARKS) == [2], form
    await project.send(
        "POST", "/identifications/withdraw", {"identifications": [await find_comment(project)]}
    )
    made, _ = await project.export("coco")
    assert list_issues(made, NO_REMARKS) == [1]


async def find_comment(project: ExchangeProject) -> str:
    listed = await project.send("GET", f"/identifications?project={project.field.project}")
    return str(next(one["id"] for one in listed["results"] if one["comment"] == "limps"))
