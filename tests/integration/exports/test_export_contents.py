"""Contents of exports: the observations of one set, or the raw output of models."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from pycocotools.coco import COCO
from tests.support.api_project import SYSTEM
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
    validate_package,
)
from tests.support.export_client import make_desk

from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.exports.actions import export_gathering
from trapline.server.exports.actions.export_attempt import get_work_folder
from trapline.server.exports.actions.export_build import build_export
from trapline.server.images.actions.thumbnails import generate_thumbnails
from trapline.server.platform import failpoints
from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import build_observations

LEFT, RIGHT = (0.1, 0.1, 0.3, 0.5), (0.6, 0.2, 0.3, 0.5)


@pytest.fixture
async def project(system: AppContext) -> ExchangeProject:
    """A bobcat that is a Canada lynx, a deer that is nothing, and a person that is a deer."""
    made = await make_exchange_project(system)
    place = await made.create_deployment("Old oak")
    await made.upload(place, "cat.jpg", "deer.jpg", "person.jpg", "walker.jpg")
    ranks = {"kingdom": "Animalia"}
    lynx = await made.create_taxon("Lynx canadensis", rank="species", higher_ranks=ranks)
    await made.create_taxon("Lynx rufus", "bobcat", rank="species")
    deer = await made.create_taxon(
        "Odocoileus hemionus", "deer", rank="species", higher_ranks=ranks
    )
    await made.detect(
        {
            "cat.jpg": [("bobcat", LEFT)],
            "deer.jpg": [("deer", LEFT)],
            "person.jpg": [("person", LEFT)],
            "walker.jpg": [("deer", LEFT)],
        }
    )
    await made.identify("correct", "cat.jpg", taxon=lynx, count=2)
    await made.identify("blank", "deer.jpg")
    await made.identify("correct", "person.jpg", taxon=deer)
    await made.identify("correct", "walker.jpg", label="hiker")
    return made


def read_rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


async def build_all(system: AppContext) -> None:
    while await build_observations(system, SYSTEM):
        pass


async def test_corrections_are_in_each_format_and_not_in_raw_model_output(
    project: ExchangeProject, tmp_path: Path
) -> None:
    names = {
        "observations": {"Lynx canadensis", "Odocoileus hemionus", ""},
        "model": {"Lynx rufus", "Odocoileus hemionus", "Homo sapiens"},
    }
    for content, expected in names.items():
        made, packed = await project.export("camtrap-dp", content=content)
        assert made["content"] == content
        folder = tmp_path / content
        folder.mkdir()
        package = open_package(packed, folder)
        assert validate_package(package) == []
        rows = read_resource(package, "observations")
        assert {row["scientificName"] or "" for row in rows if row["mediaID"]} - {""} == (
            expected - {""}
        ) | ({"Homo sapiens"})
        methods = {row["classificationMethod"] for row in rows}
        assert methods == ({"human"} if content == "observations" else {"machine"})
        (folder / "coco.json").write_bytes((await project.export("coco", content=content))[1])
        coco = COCO(folder / "coco.json")
        drawn = {one["name"] for one in coco.loadCats(coco.getCatIds())}
        boxes = len(coco.getAnnIds())
        # A bobcat does not agree with a Canada lynx, nor a person with a deer: no box is left.
        assert (drawn, boxes) == (
            (set(), 0)
            if content == "observations"
            else ({"Lynx rufus", "Odocoileus hemionus", "Homo sapiens"}, 4)
        )
        files = unpack((await project.export("yolo", content=content))[1])
        classes = set((yaml.safe_load(files["data.yaml"])["names"] or {}).values())
        assert classes == drawn
        crops = read_rows(unpack((await project.export("crops", content=content))[1])["crops.csv"])
        assert {row["class"] for row in crops} == drawn
        found = json.loads((await project.export("megadetector", content=content))[1])
        assert sum(len(one["detections"]) for one in found["images"]) == boxes
        table = read_rows((await project.export("csv", content=content))[1])
        assert {row["source"] for row in table} == (
            {"human"} if content == "observations" else {"model"}
        )


async def test_counts_of_media_and_event_are_those_of_the_person(
    project: ExchangeProject, tmp_path: Path
) -> None:
    _, packed = await project.export("camtrap-dp")
    rows = read_resource(open_package(packed, tmp_path), "observations")
    cat = project.images["cat.jpg"]
    assert [row["count"] for row in rows if row["mediaID"] == cat] == [2]
    events = [
        row["count"]
        for row in rows
        if row["observationLevel"] == "event" and row["scientificName"] == "Lynx canadensis"
    ]
    assert events == [2]


async def test_boxes_that_people_drew_are_in_each_format_with_boxes(
    project: ExchangeProject, tmp_path: Path
) -> None:
    corners = {"x_min": 10, "y_min": 5, "x_max": 30, "y_max": 25}
    drawn = {"image": project.images["deer.jpg"], "box": corners, "label": "deer"}
    [made] = (await project.send("POST", "/annotations", {"annotations": [drawn]}, 201))[
        "annotations"
    ]
    (tmp_path / "coco.json").write_bytes((await project.export("coco"))[1])
    coco = COCO(tmp_path / "coco.json")
    [one] = coco.loadAnns(coco.getAnnIds())
    assert (one["bbox"], "score" in one) == ([10, 5, 20, 20], False)
    assert coco.loadCats(one["category_id"])[0]["name"] == "Odocoileus hemionus"
    crops = read_rows(unpack((await project.export("crops"))[1])["crops.csv"])
    assert [(row["annotation_id"], row["model"]) for row in crops] == [(made["id"], "")]
    found = json.loads((await project.export("megadetector"))[1])
    [detection] = [box for image in found["images"] for box in image["detections"] or ()]
    assert (detection["conf"], found["info"]["detector"]) == (1.0, "none")
    predictions = json.loads((await project.export("speciesnet"))[1])["predictions"]
    [box] = [one for image in predictions for one in image["detections"] if one["category"] != "0"]
    assert box["processed_classification"]["source"] == "human"
    _, packed = await project.export("camtrap-dp")
    folder = tmp_path / "camtrap"
    folder.mkdir()
    package = open_package(packed, folder)
    assert validate_package(package) == []
    rows = [row for row in read_resource(package, "observations") if row["bboxX"] is not None]
    assert [(row["classificationMethod"], row["classifiedBy"], row["count"]) for row in rows] == [
        ("human", "reviewer 1", 1)
    ]


async def test_count_of_an_event_is_the_one_stated_for_its_sequence(system: AppContext) -> None:
    desk = await make_desk(system)
    field = desk.field
    while await group_images(system, SYSTEM):
        pass
    [(sequence,)] = await field.ask("select distinct sequence_id from images")
    ranks = {"kingdom": "Animalia"}
    body = {"project": field.project, "scientific_name": "Lynx lynx", "higher_ranks": ranks}
    lynx = (await field.call("POST", "/taxa", body)).json()["id"]
    deployments = (await field.call("GET", f"/deployments?project={field.project}")).json()
    for one in deployments["results"]:
        place = {"latitude": 47.5, "longitude": 11.0}
        assert (await field.call("PATCH", f"/deployments/{one['id']}", place)).status_code == 200
    told = {"kind": "correct", "sequences": [str(sequence)], "taxa": [{"taxon": lynx, "count": 2}]}
    answer = await field.call("POST", "/identifications", {"identifications": [told]})
    assert answer.status_code == 201, answer.text
    made = await desk.make("camtrap-dp")
    assert made["state"] == "ready", made
    packed = (await desk.download(made["id"])).content
    rows = read_rows(unpack(packed)["observations.csv"])
    seen = [(row["observationLevel"], row["scientificName"], row["count"]) for row in rows]
    # Each of the three images has one box, and the event has the stated count.
    assert sorted(seen) == [("event", "Lynx lynx", "2"), *[("media", "Lynx lynx", "1")] * 3]
    occurrences = unpack((await desk.download((await desk.make("darwin-core"))["id"])).content)
    [occurrence] = csv.DictReader(
        io.StringIO(occurrences["occurrence.txt"].decode(), newline=""), delimiter="\t"
    )
    assert occurrence["individualCount"] == "2"


async def test_counts_follow_a_split_and_a_merge_by_hand(system: AppContext) -> None:
    desk = await make_desk(system)
    field = desk.field
    while await group_images(system, SYSTEM):
        pass
    [(sequence,)] = await field.ask("select distinct sequence_id from images")
    [(_,), (second,), (_,)] = await field.ask("select id from images order by captured_at, id")

    async def state(key: object, count: int) -> None:
        told = {"kind": "correct", "sequences": [str(key)], "label": "lynx", "count": count}
        answer = await field.call("POST", "/identifications", {"identifications": [told]})
        assert answer.status_code == 201, answer.text

    async def count_events() -> list[str]:
        rows = unpack((await desk.download((await desk.make("camtrap-dp"))["id"])).content)
        return sorted(
            row["count"]
            for row in read_rows(rows["observations.csv"])
            if row["observationLevel"] == "event"
        )

    deployments = (await field.call("GET", f"/deployments?project={field.project}")).json()
    for one in deployments["results"]:
        place = {"latitude": 47.5, "longitude": 11.0}
        assert (await field.call("PATCH", f"/deployments/{one['id']}", place)).status_code == 200
    await state(sequence, 7)
    assert await count_events() == ["7"]
    split = (await field.call("POST", "/sequences/split", {"image_id": str(second)})).json()
    # The statement was about all images: each part has what its images show.
    assert await count_events() == ["1", "1"]
    await state(split["sequences"][1], 3)
    assert await count_events() == ["1", "3"]
    merged = await field.call("POST", "/sequences/merge", {"sequences": split["sequences"]})
    assert merged.status_code == 201, merged.text
    assert await count_events() == ["7"]


async def test_a_corrected_person_is_public_and_a_corrected_deer_is_not(
    project: ExchangeProject,
) -> None:
    await generate_thumbnails(project.field.system, SYSTEM)
    await project.send("PATCH", f"/projects/{project.field.project}", {"public": True})
    _, packed = await project.export("camtrap-dp")
    public = {row["mediaID"]: row["filePublic"] for row in read_rows(unpack(packed)["media.csv"])}
    assert {path: public[image] for path, image in project.images.items()} == {
        "cat.jpg": "true", "deer.jpg": "true", "person.jpg": "true", "walker.jpg": "false",
    }  # fmt: skip


async def test_an_export_reads_one_set_of_observations(system: AppContext, tmp_path: Path) -> None:
    """A rebuild that ends between two pages makes the export start again."""
    made = await make_exchange_project(system)
    place = await made.create_deployment("Old oak")
    await made.upload(place, "a.jpg", "b.jpg", "c.jpg")
    await made.detect({path: [("deer", LEFT)] for path in ("a.jpg", "b.jpg", "c.jpg")})
    body = {"project": made.field.project, "format": "csv"}
    key = (await made.send("POST", "/exports", body, 202))["id"]
    (system.work_folder.parent / failpoints.MARK).touch()
    plan = tmp_path / "plan"
    plan.write_text("1 export page|*|1|fail\n")
    export_gathering.PAGE, page = 1, export_gathering.PAGE
    try:
        failpoints.enable(str(plan), system.work_folder.parent)
        with pytest.raises(ConnectionResetError):
            await build_export(system, SYSTEM, UUID(key))
    finally:
        failpoints.enable(None, system.work_folder.parent)
        export_gathering.PAGE = page
    assert (await made.send("GET", f"/exports/{key}"))["images"] == 1
    # With this threshold nothing is left of the boxes, whose score is 0.9.
    settings = {"detection_threshold": 0.95}
    path = f"/projects/{made.field.project}/observation-settings"
    await made.send("PATCH", path, settings)
    await build_all(system)
    await build_export(system, SYSTEM, UUID(key))
    answer = await made.field.client.get(
        f"/api/v2/exports/{key}/download",
        headers={"Authorization": f"Token {made.field.owner}"},
    )
    assert [row["kind"] for row in read_rows(answer.content)] == ["blank"] * 3


async def test_images_without_observations_yet_are_derived(system: AppContext) -> None:
    """Until the first build after an upgrade ends, the current set is a copy of an index."""
    desk = await make_desk(system)
    expected = [row["class_name"] for row in await desk.read((await desk.make())["id"])]
    assert all(expected)
    await desk.field.change("delete from observations")
    await desk.field.change("update observation_sets set derived = 0")
    await desk.field.change(
        "insert into observation_sets (project_id, state, settings) "
        "select project_id, 'building', settings from observation_sets"
    )
    rows = await desk.read((await desk.make())["id"])
    assert [row["class_name"] for row in rows] == expected


async def test_a_spool_of_the_previous_version_is_gathered_again(
    system: AppContext, tmp_path: Path
) -> None:
    desk = await make_desk(system)
    undisturbed, asked = await desk.make(), await desk.ask()
    (system.work_folder.parent / failpoints.MARK).touch()
    plan = tmp_path / "plan"
    plan.write_text("1 export writing|*|1|fail\n")
    try:
        failpoints.enable(str(plan), system.work_folder.parent)
        with pytest.raises(ConnectionResetError):
            await build_export(system, SYSTEM, UUID(asked["id"]))
    finally:
        failpoints.enable(None, system.work_folder.parent)
    spool = get_work_folder(system) / asked["id"] / "images.jsonl"
    earlier = []
    for line in spool.read_text().splitlines():
        image: dict[str, Any] = json.loads(line)
        del image["observed"]
        earlier.append(json.dumps(image))
    spool.write_text("\n".join(earlier) + "\n" + " " * spool.stat().st_size)
    await desk.field.change("update exports set gathered_to = gathered_to - 'set'")
    assert (await desk.build(asked["id"]))["sha256"] == undisturbed["sha256"]
