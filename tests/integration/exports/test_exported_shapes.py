"""Points and polygons that people drew, in each format."""

import csv
import io
import json
from pathlib import Path

import pytest
from pycocotools.coco import COCO
from tests.support.exchange_project import (
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
    validate_package,
)

from trapline.server.platform.app_context import AppContext

TRIANGLE = [[10, 5], [30, 5], [10, 25]]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
async def test_formats_have_polygons_and_points_or_their_extent(
    system: AppContext, tmp_path: Path
) -> None:
    project = await make_exchange_project(system)
    place = await project.create_deployment("Old oak")
    await project.upload(place, "deer.jpg", "fox.jpg")
    shapes = (("deer.jpg", "polygon", TRIANGLE), ("fox.jpg", "point", [12, 14.5]))
    drawn = [
        {"image": project.images[path], kind: shape, "label": path.removesuffix(".jpg")}
        for path, kind, shape in shapes
    ]
    made = await project.send("POST", "/annotations", {"annotations": drawn}, 201)
    polygon, point = (one["id"] for one in made["annotations"])

    (tmp_path / "coco.json").write_bytes((await project.export("coco"))[1])
    coco = COCO(tmp_path / "coco.json")
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    found = {names[one["category_id"]]: one for one in coco.loadAnns(coco.getAnnIds())}
    assert (found["deer"]["bbox"], found["deer"]["area"]) == ([10, 5, 20, 20], 200)
    assert found["deer"]["segmentation"] == [[10, 5, 30, 5, 10, 25]]
    assert abs(int(coco.annToMask(found["deer"]).sum()) - 200) < 30
    assert (found["fox"]["keypoints"], found["fox"]["num_keypoints"]) == ([12, 14.5, 2], 1)

    traps = json.loads((await project.export("coco-camera-traps"))[1])["annotations"]
    assert {one["id"]: one.get("bbox") for one in traps} == {polygon: [10, 5, 20, 20], point: None}
    labels = unpack((await project.export("yolo"))[1])
    assert sum(name.endswith(".txt") and bool(text) for name, text in labels.items()) == 1
    export, packed = await project.export("crops")
    crops = list(csv.DictReader(io.StringIO(unpack(packed)["crops.csv"].decode(), newline="")))
    assert [one["annotation_id"] for one in crops] == [polygon]
    assert [one["count"] for one in export["left_out"]] == [1]
    detections = json.loads((await project.export("megadetector"))[1])["images"]
    assert [len(one["detections"] or ()) for one in detections] == [1, 0]
    predictions = json.loads((await project.export("speciesnet"))[1])["predictions"]
    boxes = [one["bbox"] for image in predictions for one in image["detections"]]
    assert len(boxes) == 2

    table = list(csv.DictReader(io.StringIO((await project.export("csv"))[1].decode(), newline="")))
    seen = {one["observation_id"]: one for one in table}
    assert len(seen) == 2
    folder = tmp_path / "camtrap"
    folder.mkdir()
    package = open_package((await project.export("camtrap-dp"))[1], folder)
    assert validate_package(package) == []
    rows = read_resource(package, "observations")
    media = [row for row in rows if row["observationLevel"] == "media"]
    assert sorted(row["bboxX"] is not None for row in media) == [False, True]
