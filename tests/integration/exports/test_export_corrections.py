"""Corrections of whole images in every export format: overruled boxes are not exported."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow import parquet
from pycocotools.coco import COCO
from tests.support.exchange_project import (
    SIZE,
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
)
from tests.support.ultralytics_reader import read_dataset

from trapline.server.platform.app_context import AppContext

LEFT, RIGHT, SMALL = (0.1, 0.1, 0.3, 0.5), (0.5, 0.2, 0.3, 0.5), (0.05, 0.7, 0.1, 0.1)
MODEL_BOXES = {
    "agrees.jpg": [("animal", LEFT), ("fox", RIGHT), ("person", SMALL)],
    "ancestor.jpg": [("wild dog", LEFT), ("badger", RIGHT)],
    "heron.jpg": [("person", LEFT), ("fox", RIGHT)],
    "blank.jpg": [("fox", LEFT), ("animal", RIGHT)],
    "later.jpg": [("animal", LEFT), ("animal", RIGHT)],
    "removed.jpg": [("animal", LEFT), ("animal", RIGHT)],
    "model.jpg": [("fox", LEFT)],
}
BOXES = {
    "agrees.jpg": [("Vulpes vulpes", LEFT), ("Vulpes vulpes", RIGHT)],
    "ancestor.jpg": [("Vulpes vulpes", LEFT)],
    "later.jpg": [("Meles meles", RIGHT), ("Vulpes vulpes", LEFT)],
    "removed.jpg": [("Vulpes vulpes", LEFT), ("Vulpes vulpes", RIGHT)],
    "model.jpg": [("Vulpes vulpes", LEFT)],
}
"""The boxes that exports must have, in the order of their names.

On `removed.jpg` the later statement, about the whole image, decides about both boxes.
"""


@pytest.fixture
async def project(system: AppContext) -> ExchangeProject:
    made = await make_exchange_project(system)
    place = await made.create_deployment("Old oak")
    await made.upload(place, *MODEL_BOXES, "mask.jpg")
    ranks = {"class": "Mammalia", "family": "Canidae", "genus": "Vulpes"}
    fox = await made.create_taxon("Vulpes vulpes", "fox", rank="species", higher_ranks=ranks)
    await made.create_taxon("Canidae", "wild dog", rank="family")
    badger = await made.create_taxon("Meles meles", "badger", rank="species")
    heron = await made.create_taxon("Ardea cinerea", rank="species")
    await made.detect(MODEL_BOXES)
    mask = {
        "images": [{"id": 1, "file_name": "mask.jpg", "width": SIZE[0], "height": SIZE[1]}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[20, 20, 90, 20, 90, 80]]}
        ],
        "categories": [{"id": 1, "name": "fox"}],
    }
    assert (await made.import_file("coco", json.dumps(mask).encode()))["stored"] == 1
    await made.identify("blank", "blank.jpg")
    await made.identify("blank", "mask.jpg")
    await made.identify("correct", "agrees.jpg", taxon=fox, count=3, sex="female")
    await made.identify("correct", "ancestor.jpg", taxon=fox)
    await made.identify("correct", "heron.jpg", taxon=heron)
    await made.identify("correct", "later.jpg", taxon=fox)
    await identify_right_box(made, "later.jpg", kind="correct", taxon=badger)
    await identify_right_box(made, "removed.jpg", kind="blank")
    await made.identify("correct", "removed.jpg", taxon=fox)
    return made


async def identify_right_box(project: ExchangeProject, path: str, **said: str) -> None:
    found = await project.send("GET", f"/images/{project.images[path]}/analyses")
    boxes = await project.send("GET", f"/analyses/{found['results'][0]['id']}/annotations")
    [box] = [one["id"] for one in boxes["results"] if one["data"]["x_min"] > SIZE[0] / 3]
    body = {"identifications": [{"annotations": [box]} | said]}
    await project.send("POST", "/identifications", body, 201)


def read_rows(content: bytes, **dialect: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), **dialect))


def round_box(*sides: Any) -> tuple[float, ...]:
    return tuple(round(float(side), 2) for side in sides)


async def test_camtrap_dp_has_the_boxes_that_agree_with_the_person(
    project: ExchangeProject, tmp_path: Path
) -> None:
    _, content = await project.export("camtrap-dp")
    package = open_package(content, tmp_path)
    report = package.validate()
    assert report.valid, report.flatten(["message"])
    paths = {str(row["mediaID"]): row["fileName"] for row in read_resource(package, "media")}
    rows = [
        row for row in read_resource(package, "observations") if row["observationLevel"] == "media"
    ]
    seen: dict[str, list[Any]] = {}
    for row in rows:
        seen.setdefault(paths[row["mediaID"]], []).append(row)
    for path, boxes in BOXES.items():
        here = sorted(
            (
                row["scientificName"],
                round_box(*(row[f"bbox{side}"] for side in ("X", "Y", "Width", "Height"))),
            )
            for row in seen[path]
            if row["bboxX"] is not None
        )
        assert here == sorted(boxes), path
    assert {row["classificationMethod"] for row in seen["agrees.jpg"]} == {"human"}
    assert sum(row["count"] for row in seen["agrees.jpg"]) == 3
    assert {row["sex"] for row in seen["agrees.jpg"]} == {"female"}
    [heron] = seen["heron.jpg"]
    assert (heron["scientificName"], heron["observationType"], heron["bboxX"]) == (
        "Ardea cinerea",
        "animal",
        None,
    )
    for path in ("blank.jpg", "mask.jpg"):
        [blank] = seen[path]
        assert (blank["observationType"], blank["bboxX"], blank["classificationMethod"]) == (
            "blank",
            None,
            "human",
        )


async def test_coco_and_yolo_have_no_overruled_box_and_no_mask_of_a_blank(
    project: ExchangeProject, tmp_path: Path
) -> None:
    made, content = await project.export("coco")
    assert [one["count"] for one in made["left_out"]] == [2], "the heron and one of three foxes"
    (tmp_path / "coco.json").write_bytes(content)
    coco = COCO(tmp_path / "coco.json")
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    assert set(names.values()) == {"Vulpes vulpes", "Meles meles"}
    for image in coco.loadImgs(coco.getImgIds()):
        path = image["file_name"].rpartition("/")[2]
        drawn = coco.loadAnns(coco.getAnnIds(image["id"]))
        boxes = [(names[one["category_id"]], round_box(*scale_box(one["bbox"]))) for one in drawn]
        assert sorted(boxes) == sorted(BOXES.get(path, [])), path
    _, content = await project.export("coco-camera-traps")
    told = json.loads(content)
    titles = {one["id"]: one["name"] for one in told["categories"]}
    paths = {one["id"]: one["file_name"].rpartition("/")[2] for one in told["images"]}
    seen: dict[str, list[str]] = {}
    for one in told["annotations"]:
        seen.setdefault(paths[one["image_id"]], []).append(
            titles[one["category_id"]] + " box" * ("bbox" in one)
        )
    assert {path: sorted(found) for path, found in seen.items()} == {
        **{path: sorted(f"{name} box" for name, _ in boxes) for path, boxes in BOXES.items()},
        "agrees.jpg": ["Vulpes vulpes", "Vulpes vulpes box", "Vulpes vulpes box"],
        "heron.jpg": ["Ardea cinerea"], "blank.jpg": ["empty"], "mask.jpg": ["empty"],
    }  # fmt: skip
    _, content = await project.export("yolo")
    files = unpack(content)
    classes = yaml.safe_load(files["data.yaml"])["names"]
    labels = {
        name: [classes[int(line.split()[0])] for line in text.decode().splitlines()]
        for name, text in files.items() if name.startswith("labels/")
    }  # fmt: skip
    expected = {path: sorted(name for name, _ in boxes) for path, boxes in BOXES.items()}
    expected |= {"blank.jpg": [], "mask.jpg": []}
    del expected["agrees.jpg"]  # one of its three foxes has no box
    assert len(labels) == len(expected)
    assert sorted(map(sorted, labels.values())) == sorted(expected.values())


@pytest.mark.long
async def test_ultralytics_reads_the_boxes_that_agree_with_the_person(
    project: ExchangeProject, tmp_path: Path
) -> None:
    """Ultralytics (AGPL-3.0) is an outside reader in a separate environment."""
    pond = await project.create_deployment("Pond")
    await project.upload(pond, "pond.jpg")
    await project.detect({"pond.jpg": [("badger", LEFT), ("fox", RIGHT)]})
    await identify_right_box(project, "pond.jpg", kind="blank")
    _, content = await project.export("yolo")
    for name, data in unpack(content).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    told = read_dataset(tmp_path / "data.yaml")
    names = {int(place): name for place, name in told["names"].items()}
    assert set(names.values()) == {"Vulpes vulpes", "Meles meles"}
    assert set(told["read"]) == {"train", "val"}
    found = []
    for one in [one for part in told["read"].values() for one in part]:
        assert (one["shape"], one["pixels"][0]) == ([SIZE[1], SIZE[0]], 3), one["file"]
        boxes = [
            (names[int(place)], round_box(x - width / 2, y - height / 2, width, height))
            for place, (x, y, width, height) in zip(one["classes"], one["boxes"], strict=True)
        ]
        found.append(sorted(boxes))
    expected = {path: sorted(boxes) for path, boxes in BOXES.items()}
    expected |= {"blank.jpg": [], "mask.jpg": [], "pond.jpg": [("Meles meles", LEFT)]}
    del expected["agrees.jpg"]  # one of its three foxes has no box
    assert sorted(found) == sorted(expected.values())
    assert len({tuple(part["file"] for part in parts) for parts in told["read"].values()}) == 2
    assert "WARNING" not in told["messages"]


def scale_box(box: list[float]) -> tuple[float, ...]:
    return box[0] / SIZE[0], box[1] / SIZE[1], box[2] / SIZE[0], box[3] / SIZE[1]


async def test_crops_are_of_the_boxes_that_remain(project: ExchangeProject) -> None:
    _, content = await project.export("crops")
    rows = read_rows(unpack(content)["crops.csv"])
    paths = {image: path for path, image in project.images.items()}
    seen: dict[str, list[str]] = {}
    for row in rows:
        seen.setdefault(paths[row["image_id"]], []).append(row["class"])
    assert {path: sorted(names) for path, names in seen.items()} == {
        path: sorted(name for name, _ in boxes) for path, boxes in BOXES.items()
    }


async def test_megadetector_and_speciesnet_have_no_overruled_detection(
    project: ExchangeProject,
) -> None:
    _, content = await project.export("megadetector")
    told = json.loads(content)
    names = told["classification_categories"]
    for image in told["images"]:
        path = image["file"].rpartition("/")[2]
        found = sorted(
            (names[one["classifications"][0][0]], round_box(*one["bbox"]))
            for one in image["detections"]
        )
        expected = [
            ("fox" if path == "model.jpg" else name, box) for name, box in BOXES.get(path, [])
        ]
        assert found == sorted(expected), path
        assert {told["detection_categories"][one["category"]] for one in image["detections"]} <= {
            "animal"
        }
    _, content = await project.export("speciesnet")
    for image in json.loads(content)["predictions"]:
        path = image["filepath"].rpartition("/")[2]
        boxes = [one for one in image["detections"] if one["category"] != "0"]
        assert sorted(round_box(*one["bbox"]) for one in boxes) == sorted(
            box for _, box in BOXES.get(path, [])
        )
        if path != "model.jpg":
            assert {one["processed_classification"]["source"] for one in image["detections"]} <= {
                "human"
            }


async def test_tables_and_darwin_core_have_the_names_of_people(project: ExchangeProject) -> None:
    _, content = await project.export("csv")
    rows: list[dict[str, Any]] = list(read_rows(content))
    _, content = await project.export("parquet")
    for table in (rows, parquet.read_table(io.BytesIO(content)).to_pylist()):
        seen: dict[str, list[tuple[str, str | None]]] = {}
        for row in table:
            seen.setdefault(row["filename"], []).append(
                (row["type"], row["scientific_name"] or None)
            )
        for path, boxes in BOXES.items():
            named = sorted(
                name for kind, name in seen[path] if kind == "bounding_box" and name is not None
            )
            assert named == sorted(name for name, _ in boxes), path
            assert len([kind for kind, _ in seen[path] if kind != "image"]) == len(boxes), path
        counts = [int(row["count"] or 1) for row in table if row["filename"] == "agrees.jpg"]
        assert counts == [1, 1, 1], "which add up to the stated three"
        assert seen["heron.jpg"] == [("image", "Ardea cinerea")]
        assert seen["blank.jpg"] == seen["mask.jpg"] == [("image", None)]
    assert {row["said"] for row in rows if row["filename"] in ("blank.jpg", "mask.jpg")} == {
        "blank"
    }
    _, content = await project.export("darwin-core")
    occurrences = read_rows(
        unpack(content)["occurrence.txt"], delimiter="\t", quoting=csv.QUOTE_NONE
    )
    assert {row["scientificName"] for row in occurrences} == {
        "Vulpes vulpes",
        "Meles meles",
        "Ardea cinerea",
    }
    assert sum(int(row["individualCount"]) for row in occurrences) == 3 + 1 + 1 + 1 + 1 + 2 + 1
