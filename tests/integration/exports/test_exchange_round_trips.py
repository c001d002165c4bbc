"""Round trips through the API: exports are imported again, and packages are exported again."""

import csv
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pycocotools.coco import COCO
from tests.support.api_project import SYSTEM
from tests.support.camera_server import running_camera
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
    validate_package,
)
from tests.support.image_factory import make_jpeg
from tests.support.loopback_policy import allow_origins

from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions import pull_runs

BOX, OTHER = (0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.3, 0.3)
PATHS = ["100RECNX/RCNX0001.JPG", "101RECNX/RCNX0001.JPG"]


async def upload_card(system: AppContext) -> ExchangeProject:
    project = await make_exchange_project(system)
    await project.upload(await project.create_deployment("Old oak"), *PATHS)
    return project


async def pull_card(system: AppContext) -> ExchangeProject:
    async with running_camera() as camera:
        camera.files = {path: make_jpeg(number) for number, path in enumerate(PATHS)}
        project = await make_exchange_project(
            replace(system, outbound=allow_origins(("127.0.0.1", camera.port)))
        )
        place = await project.create_deployment("Old oak")
        body = {"name": "card", "base_url": camera.url, "location_id": place}
        source = (await project.send("POST", "/image-pull-sources", body, 201))["id"]
        run = await project.send(
            "POST", f"/image-pull-sources/{source}/process?max_files=0", None, 202
        )
        await pull_runs.run_pull(project.field.system, SYSTEM, UUID(run["run_id"]))
    return project


@pytest.mark.parametrize("read_card", [upload_card, pull_card])
async def test_images_with_one_name_have_relative_paths(
    read_card: Callable[[AppContext], Awaitable[ExchangeProject]],
    system: AppContext,
    tmp_path: Path,
) -> None:
    project = await read_card(system)
    await project.detect({PATHS[0]: [("fox", BOX)], PATHS[1]: [("badger", BOX)]})
    _, content = await project.export("camtrap-dp")
    media = read_resource(open_package(content, tmp_path), "media")
    assert sorted(row["fileName"] for row in media) == PATHS
    keys = {row["fileName"]: row["mediaID"] for row in media}
    _, content = await project.export("coco")
    assert sorted(one["file_name"] for one in json.loads(content)["images"]) == [
        f"Old-oak/{path}" for path in PATHS
    ]
    _, content = await project.export("megadetector")
    assert sorted(one["file"] for one in json.loads(content)["images"]) == PATHS
    _, content = await project.export("speciesnet")
    assert sorted(one["filepath"] for one in json.loads(content)["predictions"]) == PATHS
    _, content = await project.export("crops")
    crops = csv.DictReader(io.StringIO(unpack(content)["crops.csv"].decode(), newline=""))
    assert {row["path"]: row["class"] for row in crops} == {PATHS[0]: "fox", PATHS[1]: "badger"}
    [analysis] = (await project.send("GET", f"/images/{keys[PATHS[1]]}/analyses"))["results"]
    coco = await project.send("GET", f"/analyses/{analysis['id']}/export?format=coco")
    assert coco["images"][0]["file_name"] == PATHS[1]
    for form in ("camtrap-dp", "coco", "megadetector", "speciesnet"):
        _, content = await project.export(form)
        made = await project.import_file(form, content)
        assert (made["state"], made["faults"]) == ("completed", 0), (form, made)


async def test_images_with_one_path_have_separate_file_names(system: AppContext) -> None:
    project = await make_exchange_project(system)
    place = await project.create_deployment("Old oak")
    keys = []
    for _ in range(2):
        await project.upload(place, PATHS[0])
        keys.append(project.images.pop(PATHS[0]))
        project.images[keys[-1]] = keys[-1]
    names = []
    for form, images, name in (("coco", "images", "file_name"), ("megadetector", "images", "file")):
        _, content = await project.export(form)
        names.append({one[name] for one in json.loads(content)[images]})
    stem = PATHS[0].removesuffix(".JPG")
    assert any(names[1] == {PATHS[0], f"{stem}-{key}.JPG"} for key in keys)
    assert names[0] == {f"Old-oak/{name}" for name in names[1]}


async def make_copy(system: AppContext, name: str) -> ExchangeProject:
    """Create a project with images of equal names in two deployments."""
    project = await make_exchange_project(system, name)
    for place in ("Old oak", "Beech (north)"):
        await project.upload(await project.create_deployment(place), "IMG_1.JPG", "IMG_2.JPG")
        for path in ("IMG_1.JPG", "IMG_2.JPG"):
            project.images[f"{place}/{path}"] = project.images.pop(path)
    return project


async def list_classes(project: ExchangeProject) -> dict[str, list[str]]:
    """List the classes of each image's findings."""
    seen: dict[str, list[str]] = {}
    for path, key in project.images.items():
        found = await project.send("GET", f"/images/{key}/analyses")
        seen[path] = []
        for analysis in found["results"]:
            shown = await project.send("GET", f"/analyses/{analysis['id']}/annotations")
            boxes = [one for one in shown["results"] if one["annotation_type"] == "bounding_box"]
            seen[path] += [one["class_name"] for one in boxes]
    return seen


async def test_own_exports_are_imported_into_another_project(
    system: AppContext, tmp_path: Path
) -> None:
    project = await make_copy(system, "first")
    labels = {path: f"class {number}" for number, path in enumerate(project.images)}
    await project.detect({path: [(label, BOX)] for path, label in labels.items()})
    for form in ("coco", "megadetector", "speciesnet", "camtrap-dp"):
        _, content = await project.export(form)
        if form == "coco":
            (tmp_path / "coco.json").write_bytes(content)
            assert len(COCO(tmp_path / "coco.json").imgs) == 4
        copy = await make_copy(system, f"copy-{form}")
        made = await copy.import_file(form, content)
        assert (made["state"], made["faults"], made["stored"]) == ("completed", 0, 4), (form, made)
        seen = await list_classes(copy)
        if form not in ("megadetector", "speciesnet"):
            assert seen == {path: [label] for path, label in labels.items()}, form
        assert sum(map(len, seen.values())) == 4, form


async def test_coco_with_images_is_imported_into_another_project(system: AppContext) -> None:
    project = await make_copy(system, "first")
    await project.detect({path: [("fox", BOX)] for path in project.images})
    _, content = await project.export("coco", with_images=True)
    copy = await make_copy(system, "second")
    made = await copy.import_file("coco", unpack(content)["annotations.json"])
    assert (made["state"], made["faults"], made["stored"]) == ("completed", 0, 4), made


async def test_folder_that_matches_two_deployments_is_not_guessed(system: AppContext) -> None:
    project = await make_exchange_project(system)
    for place in ("Old oak", "Old  oak!"):
        await project.upload(await project.create_deployment(place), "IMG_1.JPG")
    found = {
        "images": [{"id": 1, "file_name": "Old-oak/IMG_1.JPG"}],
        "annotations": [],
        "categories": [],
    }
    made = await project.import_file("coco", json.dumps(found).encode(), nothing_is_blank=True)
    assert (made["stored"], made["ambiguous"]) == (0, 1), made


def write_package(tables: dict[str, list[dict[str, Any]]], **descriptor: Any) -> bytes:
    """Write a data package of these rows."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        resources = [{"name": name, "path": f"{name}.csv"} for name in tables]
        archive.writestr("datapackage.json", json.dumps({"resources": resources} | descriptor))
        for name, rows in tables.items():
            text = io.StringIO()
            columns = list(dict.fromkeys(column for row in rows for column in row))
            writer = csv.DictWriter(text, columns)
            writer.writeheader()
            writer.writerows(rows)
            archive.writestr(f"{name}.csv", text.getvalue())
    return content.getvalue()


# Rows of the example of Camtrap DP 1.0.2 (TDWG, github.com/tdwg/camtrap-dp, example folder), with
# some columns left out; the second machine and the individual are added.
DEPLOYMENT = {
    "deploymentID": "00a2c20d", "locationID": "e254a13c",
    "locationName": "B_HS_val 2_processiepark",
    "latitude": "51.496", "longitude": "4.774", "deploymentStart": "2020-05-30T04:57:37+02:00",
    "deploymentEnd": "2020-07-01T11:41:41+02:00",
}  # fmt: skip
MEDIA = [
    {"mediaID": "07840dcc", "deploymentID": "00a2c20d", "timestamp": "2020-05-30T04:57:37+02:00",
     "filePath": "https://multimedia.agouti.eu/assets/07840dcc/file", "filePublic": "true",
     "fileName": "20200709093328-RCNX0001.JPG", "fileMediatype": "image/jpeg"},
    {"mediaID": "401386c7", "deploymentID": "00a2c20d", "timestamp": "2020-05-30T04:57:40+02:00",
     "filePath": "https://multimedia.agouti.eu/assets/401386c7/file", "filePublic": "true",
     "fileName": "20200709093328-RCNX0002.JPG", "fileMediatype": "image/jpeg"},
]  # fmt: skip
COMMON = {
    "deploymentID": "00a2c20d", "eventID": "4bb69c45", "eventStart": "2020-05-30T02:57:37Z",
    "eventEnd": "2020-05-30T02:57:44Z", "observationLevel": "media", "count": "1",
}  # fmt: skip
MODEL = "Western Europe species model Version 1"
OBSERVATIONS = [
    COMMON | {"observationID": "07840dcc_1", "mediaID": "07840dcc", "observationType": "animal",
              "scientificName": "Anas platyrhynchos", "sex": "female", "lifeStage": "adult",
              "classificationMethod": "human", "classifiedBy": "Peter Desmet",
              "individualID": "duck 7"},
    COMMON | {"observationID": "401386c7_1", "mediaID": "401386c7", "observationType": "animal",
              "scientificName": "Anas strepera", "classificationMethod": "machine",
              "classifiedBy": MODEL,
              "bboxX": "0.1", "bboxY": "0.1", "bboxWidth": "0.5", "bboxHeight": "0.5",
              "classificationProbability": "0.9"},
    COMMON | {"observationID": "401386c7_2", "mediaID": "401386c7", "observationType": "animal",
              "scientificName": "Rattus norvegicus", "classificationMethod": "machine",
              "classifiedBy": "Other 2",
              "bboxX": "0.65", "bboxY": "0.1", "bboxWidth": "0.3", "bboxHeight": "0.3",
              "classificationProbability": "0.8"},
]  # fmt: skip
TAXA = [
    {"scientificName": "Anas platyrhynchos",
     "taxonID": "https://www.checklistbank.org/dataset/COL2023/taxon/DGP6",
     "taxonRank": "species", "vernacularNames": {"eng": "mallard", "nld": "wilde eend"}},
    {"scientificName": "Anas strepera",
     "taxonID": "https://www.checklistbank.org/dataset/COL2023/taxon/DGPL",
     "taxonRank": "species", "vernacularNames": {"eng": "gadwall", "nld": "krakeend"}},
    {"scientificName": "Rattus norvegicus",
     "taxonID": "https://www.checklistbank.org/dataset/COL2023/taxon/4RM67",
     "taxonRank": "species", "vernacularNames": {"eng": "brown rat", "nld": "bruine rat"}},
]  # fmt: skip


async def import_example(system: AppContext, found_before: Sequence[str] = ()) -> ExchangeProject:
    project = await make_exchange_project(system)
    place = await project.create_deployment(
        DEPLOYMENT["locationName"], latitude=51.496, longitude=4.774
    )
    await project.upload(place, *(row["fileName"] for row in MEDIA))
    if found_before:
        await project.detect({path: [("animal", OTHER)] for path in found_before})
    package = write_package(
        {"deployments": [DEPLOYMENT], "media": MEDIA, "observations": OBSERVATIONS}, taxonomic=TAXA
    )
    made = await project.import_file("camtrap-dp", package)
    assert (made["state"], made["faults"], made["left_out"]) == ("completed", 0, 0), made
    again = await project.import_file("camtrap-dp", package)
    assert (again["state"], again["stored"], again["identifications"]) == ("completed", 0, 0), again
    return project


async def test_package_keeps_its_findings_and_taxa(system: AppContext, tmp_path: Path) -> None:
    project = await import_example(system)
    _, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    assert validate_package(package) == []
    rows = [
        row for row in read_resource(package, "observations") if row["observationLevel"] == "media"
    ]
    assert sorted((row["scientificName"], row["classificationMethod"]) for row in rows) == [
        ("Anas platyrhynchos", "human"),
        ("Anas strepera", "machine"),
        ("Rattus norvegicus", "machine"),
    ]
    assert {row["classifiedBy"] for row in rows if row["classificationMethod"] == "machine"} == {
        MODEL,
        "Other 2",
    }
    taxa = {one["scientificName"]: one for one in package.to_dict()["taxonomic"]}
    assert taxa == {one["scientificName"]: one for one in TAXA}
    for form in ("coco", "csv", "darwin-core"):
        _, content = await project.export(form)
        text = content if form != "darwin-core" else unpack(content)["occurrence.txt"]
        assert b"Anas strepera" in text, form
        assert b"Rattus norvegicus" in text, form


async def test_confirmed_box_does_not_replace_another_of_its_package(system: AppContext) -> None:
    project = await import_example(system, found_before=[MEDIA[1]["fileName"]])
    found = await project.send("GET", f"/images/{project.images[MEDIA[1]['fileName']]}/analyses")
    [model] = [
        one["id"] for one in found["results"] if one["model_name"] == MODEL.removesuffix(" 1")
    ]
    [box] = (await project.send("GET", f"/analyses/{model}/annotations"))["results"]
    said = {"kind": "confirm", "annotations": [box["id"]]}
    await project.send("POST", "/identifications", {"identifications": [said]}, 201)
    _, content = await project.export("camtrap-dp")
    rows = csv.DictReader(io.StringIO(unpack(content)["observations.csv"].decode(), newline=""))
    seen = {
        (row["scientificName"], row["classificationMethod"])
        for row in rows
        if row["mediaID"] == "401386c7"
    }
    assert seen == {
        ("Anas strepera", "human"),
        ("Rattus norvegicus", "machine"),
        ("", "machine"),  # found by another model elsewhere on the image
    }


async def test_package_keeps_its_ids(system: AppContext, tmp_path: Path) -> None:
    project = await import_example(system)
    _, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    assert validate_package(package) == []
    [place] = read_resource(package, "deployments")
    assert (place["deploymentID"], place["locationID"]) == (
        DEPLOYMENT["deploymentID"],
        DEPLOYMENT["locationID"],
    )
    media = read_resource(package, "media")
    assert {(row["mediaID"], row["fileName"], row["deploymentID"]) for row in media} == {
        (row["mediaID"], row["fileName"], row["deploymentID"]) for row in MEDIA
    }
    rows = read_resource(package, "observations")
    columns = ("observationID", "mediaID", "eventID", "scientificName", "classificationMethod")
    assert {
        tuple(row[name] for name in columns) for row in rows if row["observationLevel"] == "media"
    } == {tuple(row[name] for name in columns) for row in OBSERVATIONS}
    assert [row["individualID"] for row in rows if row["mediaID"] == "07840dcc"] == ["duck 7"]
    assert {row["eventID"] for row in rows} == {"4bb69c45"}
    assert package.to_dict()["project"]["individualAnimals"] is True
    again = await project.import_file("camtrap-dp", content)
    assert (again["faults"], again["deployments"]) == (len(again["lost_values"]), 0), again


async def test_ids_of_two_packages_do_not_collide(system: AppContext, tmp_path: Path) -> None:
    project = await import_example(system)
    place = await project.create_deployment("Second")
    await project.upload(place, "second.jpg")
    media = MEDIA[0] | {"deploymentID": "other", "fileName": "second.jpg", "filePath": "second.jpg"}
    deployment = DEPLOYMENT | {"deploymentID": "other", "locationName": "Second"}
    seen = OBSERVATIONS[0] | {"deploymentID": "other"}
    package = write_package(
        {"deployments": [deployment], "media": [media], "observations": [seen]}, taxonomic=TAXA
    )
    made = await project.import_file("camtrap-dp", package)
    assert (made["state"], made["faults"]) == ("completed", 0), made
    _, content = await project.export("camtrap-dp")
    package_again = open_package(content, tmp_path)
    assert validate_package(package_again) == []
    ids = [row["mediaID"] for row in read_resource(package_again, "media")]
    assert sorted(ids) == sorted(["07840dcc", "401386c7", project.images["second.jpg"]])


async def test_exported_package_keeps_its_ids_in_another_project(
    system: AppContext, tmp_path: Path
) -> None:
    project = await make_copy(system, "first")
    await project.detect({"Old oak/IMG_1.JPG": [("fox", BOX), ("badger", OTHER)]})
    details = {"count": 2, "sex": "female", "behaviour": "fishing", "individual_id": "Ada"}
    await project.identify("correct", "Beech (north)/IMG_1.JPG", label="heron", **details)
    _, content = await project.export("camtrap-dp")
    copy = await make_copy(system, "second")
    made = await copy.import_file("camtrap-dp", content)
    assert (made["state"], made["faults"]) == ("completed", 0), made
    [known, there] = [
        (await one.send("GET", f"/observations/individuals?project={one.field.project}"))["results"]
        for one in (project, copy)
    ]
    assert {one["individual_id"] for one in (*known, *there)} == {"Ada"}
    assert [one["names"] for one in there] == [one["names"] for one in known] == [["heron"]]
    _, exported = await copy.export("camtrap-dp")
    first, second = (
        open_package(data, make_folder(tmp_path, name))
        for name, data in (("a", content), ("b", exported))
    )
    assert validate_package(second) == []
    keys = {
        "deployments": ("deploymentID", "locationName"),
        "media": ("mediaID", "deploymentID", "fileName"),
        "observations": (
            "observationID",
            "mediaID",
            "eventID",
            "observationType",
            "bboxX",
            "observationTags",
            *("count", "sex", "behavior", "individualID"),
        ),
    }
    for name, columns in keys.items():
        before, after = (
            sorted(
                str([row[column] for column in columns])
                for row in read_resource(package, name)
                if row.get("observationLevel") != "event"
                and row.get("observationType") != "unclassified"
            )
            for package in (first, second)
        )
        assert before == after, name


def make_folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
