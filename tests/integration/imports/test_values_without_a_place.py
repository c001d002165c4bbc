"""Values of imported files that have no place in a project: each kind is a line of the result."""

import json
from typing import Any

import pytest
from tests.integration.exports.test_exchange_round_trips import (
    COMMON,
    DEPLOYMENT,
    MEDIA,
    write_package,
)
from tests.support.exchange_project import ExchangeProject, make_exchange_project

from trapline.server.platform.app_context import AppContext

BOX = {"bboxX": "0.1", "bboxY": "0.1", "bboxWidth": "0.5", "bboxHeight": "0.5"}
FIRST, SECOND = (row["mediaID"] for row in MEDIA)
NO_PLACE = "has no place here and is left out"


async def make_project(system: AppContext, *paths: str) -> ExchangeProject:
    project = await make_exchange_project(system)
    await project.upload(await project.create_deployment(DEPLOYMENT["locationName"]), *paths)
    return project


def build_package(
    *observations: dict[str, str], media: list[dict[str, str]] | None = None
) -> bytes:
    return write_package(
        {"deployments": [DEPLOYMENT], "media": media or MEDIA, "observations": list(observations)}
    )


async def test_media_of_one_name_are_not_stored_on_one_image(system: AppContext) -> None:
    """The folders of media with URLs are unknown: each could be the image."""
    name = MEDIA[0]["fileName"]
    project = await make_project(system, name)
    media = [one | {"fileName": name} for one in MEDIA]
    deer, fox = (
        COMMON | {"observationID": key, "mediaID": key, "observationType": "animal",
                  "scientificName": taxon, "classificationMethod": "human"}
        for key, taxon in ((FIRST, "Cervus elaphus"), (SECOND, "Vulpes vulpes"))
    )  # fmt: skip
    made = await project.import_file("camtrap-dp", build_package(deer, fox, media=media))
    assert (made["identifications"], made["stored"], made["ambiguous"]) == (0, 0, 2), made
    again = [media[0], media[0]]
    made = await project.import_file("camtrap-dp", build_package(deer, media=again))
    assert (made["identifications"], made["ambiguous"]) == (1, 0), made
    assert made["listed_faults"] == ["another line has the same mediaID"]


async def test_columns_without_a_place_are_named_with_their_number(system: AppContext) -> None:
    project = await make_project(system, *(row["fileName"] for row in MEDIA))
    media = [
        one | {"captureMethod": "activityDetection", "mediaComments": comment, "favorite": star}
        for one, comment, star in zip(MEDIA, ("blurred", ""), ("true", "false"), strict=True)
    ]
    machine = COMMON | BOX | {
        "observationID": "m", "mediaID": FIRST, "observationType": "animal",
        "scientificName": "Cervus elaphus", "classificationMethod": "machine", "count": "4",
        "sex": "female", "behavior": "grazing", "observationComments": "close",
        "observationTags": "label:deer | herd", "cameraSetupType": "calibration",
    }  # fmt: skip
    blank = COMMON | {
        "observationID": "b", "mediaID": SECOND, "observationType": "blank", "count": "",
        "classificationMethod": "machine", "classificationProbability": "0.9",
    }  # fmt: skip
    person = machine | {
        "observationID": "p", "mediaID": SECOND, "classificationMethod": "human", "sex": "mixed",
        "individualPositionRadius": "2.5", "observationTags": "label:deer",
    }  # fmt: skip
    unsure = {"observationID": "u", "observationType": "unknown", "scientificName": ""}
    rows = (machine, blank, person, person | unsure)
    made = await project.import_file("camtrap-dp", build_package(*rows, media=media))
    assert (made["state"], made["unknown"]) == ("completed", 0), made
    expected = {
        f"captureMethod {NO_PLACE}: 2 values",
        f"cameraSetupType of observations by people {NO_PLACE}: 2 values",
        f"cameraSetupType of observations by machines {NO_PLACE}: 1 value",
        f"individualPositionRadius of observations by people {NO_PLACE}: 2 values",
        f"sex of observations by people {NO_PLACE}: 2 values",
    }
    by_machine = ("count", "sex", "behavior", "observationComments", "observationTags")
    expected |= {f"{one} of observations by machines {NO_PLACE}: 1 value" for one in by_machine}
    assert set(made["listed_faults"]) == expected
    assert made["faults"] == len(expected)
    faults = (await project.send("GET", f"/imports/{made['id']}/faults"))["results"]
    assert {one["place"] for one in faults} == {"media", "observations"}


async def test_favorites_are_starred_once(system: AppContext) -> None:
    project = await make_project(system, *(row["fileName"] for row in MEDIA))
    media = [MEDIA[0] | {"favorite": "true"}, MEDIA[1] | {"favorite": "false"}]
    made = await project.import_file("camtrap-dp", build_package(media=media))
    assert (made["state"], made["faults"]) == ("completed", 0), made
    images = [project.images[row["fileName"]] for row in MEDIA]
    starred = [(await project.send("GET", f"/images/{key}"))["starred"] for key in images]
    assert starred == [True, False]
    await project.send("PATCH", "/images", {"images": images, "starred": False})
    await project.import_file("camtrap-dp", build_package(media=media))
    shown = await project.send("GET", f"/images/{images[0]}")
    assert shown["starred"] is False


@pytest.mark.parametrize(
    ("kind", "label"), [("human", "garde-chasse"), ("vehicle", "Unimog"), ("human", "hiker")]
)
async def test_people_stay_people_with_labels_of_another_project(
    system: AppContext, kind: str, label: str
) -> None:
    """The label means people where the package is from; here it would be an animal."""
    project = await make_project(system, *(row["fileName"] for row in MEDIA))
    machine = COMMON | BOX | {
        "observationID": "m", "mediaID": FIRST, "observationType": kind,
        "observationTags": f"label:{label}", "classificationMethod": "machine",
        "classificationProbability": "0.9",
    }  # fmt: skip
    person = machine | {"mediaID": SECOND, "classificationMethod": "human"}
    made = await project.import_file("camtrap-dp", build_package(machine, person))
    assert (made["state"], made["stored"]) == ("completed", 2), made
    path = f"/observations?project={project.field.project}"
    observed = (await project.send("GET", path))["results"]
    assert {one["kind"] for one in observed} == {kind}
    told = [one for one in made["listed_faults"] if "replaced by the type" in one]
    said = (await project.send("GET", f"/identifications?project={project.field.project}"))[
        "results"
    ]
    is_known = label == "hiker"
    assert (len(told), label in str(said[0]["comment"])) == (not is_known, not is_known)


async def test_coco_reports_what_people_stated(system: AppContext) -> None:
    project = await make_project(system, "1.jpg")
    seen: dict[str, Any] = {"id": 1, "image_id": 1, "category_id": 1, "human": True, "count": 3}
    seen["attributes"] = {"occluded": False, "rotation": 30.0}
    data = {
        "images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [seen | {"sex": "female"}],
        "categories": [{"id": 1, "name": "fox"}],
    }  # fmt: skip
    made = await project.import_file("coco", json.dumps(data).encode())
    assert made["stored"] == 1
    assert made["listed_faults"] == [
        "an annotation by a person is imported as a result of a model: 1 value",
        f"attributes {NO_PLACE}: 1 value",
        f"count {NO_PLACE}: 1 value",
        f"sex {NO_PLACE}: 1 value",
    ]


async def test_speciesnet_reports_people_and_failures(system: AppContext) -> None:
    project = await make_project(system, "1.jpg", "2.jpg")
    person = {"class": "fox", "source": "human"}
    found = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.5]}
    predictions = [
        {"filepath": "1.jpg", "detections": [found | {"processed_classification": person}],
         "failures": ["GEOLOCATION"]},
        {"filepath": "2.jpg", "detections": [], "failures": ["CLASSIFIER"]},
    ]  # fmt: skip
    body = json.dumps({"predictions": predictions}).encode()
    made = await project.import_file("speciesnet", body)
    assert (made["stored"], made["model_failures"]) == (2, 1), made
    assert made["listed_faults"] == [
        "a classification by a person is imported as a result of a model: 1 value",
        "a failure is left out, because its image has detections: 1 value",
    ]


async def test_megadetector_reports_detections_next_to_a_failure(system: AppContext) -> None:
    project = await make_project(system, "1.jpg", "2.jpg")
    found = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.5, 0.5]}
    images = [
        {"file": "1.jpg", "failure": "Failure image access", "detections": [found]},
        {"file": "2.jpg", "failure": "Failure image access", "detections": None},
    ]
    made = await project.import_file("megadetector", json.dumps({"images": images}).encode())
    assert (made["stored"], made["model_failures"]) == (2, 2), made
    assert made["listed_faults"] == [
        "the detections of an image with a failure are left out: 1 value"
    ]
