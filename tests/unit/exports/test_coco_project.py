"""COCO exports of a project, read with pycocotools: boxes, masks and key points."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from pycocotools.coco import COCO
from tests.support.format_spools import (
    HEIGHT,
    HOSTILE,
    LYNX,
    PLACE,
    WIDTH,
    found,
    image,
    make_spool,
    said,
    write_twice,
)

from trapline.server.exports.formats.coco_project import write, write_camera_traps
from trapline.server.exports.formats.export_records import ImageRecord

RUNS: dict[str, Any] = {
    "format": "rle",
    "counts": [105, 3, 97, 3, WIDTH * HEIGHT - 208],
    "size": [HEIGHT, WIDTH],
}
RING: dict[str, Any] = {"format": "polygon", "points": [[0, 0], [10, 0], [10, 10]]}
POSE: dict[str, Any] = {
    "keypoints": [{"name": "nose", "x": 3, "y": 4}, {"name": "tail", "x": 13, "y": 9}]
}


def _read(folder: Path, images: list[ImageRecord]) -> tuple[COCO, dict[str, Any]]:
    report, content = write_twice(write, make_spool(folder, images), tells_when=True)
    path = folder / "coco.json"
    path.write_bytes(content)
    assert report.written == len(json.loads(content)["annotations"])
    return COCO(path), json.loads(content)


# pycocotools 2.0.11 calls numpy 2 in a way that causes a warning.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_written_annotations(tmp_path: Path) -> None:
    images = [
        image(1, found(1, "lynx", taxon=LYNX.id), found(2, "deer", type="segmentation", data=RUNS)),
        image(2),
        image(
            3,
            found(3, "deer", type="segmentation", data=RING),
            found(4, "deer", type="keypoint", data=POSE),
        ),
        image(
            4,
            found(5, "deer", None),
            found(6, "x", type="mask", data={}),
            found(7, "x", said=said("blank")),
        ),
    ]
    coco, content = _read(tmp_path, images)
    assert len(coco.getImgIds()) == 4
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    first, runs, ring, pose = coco.loadAnns(coco.getAnnIds())
    assert (names[first["category_id"]], first["bbox"], first["area"]) == (
        "Lynx lynx",
        [20, 10, 100, 50],
        5000,
    )
    assert first["score"] == 0.9
    assert (
        names[runs["category_id"]]
        == names[ring["category_id"]]
        == names[pose["category_id"]]
        == "deer"
    )
    mask = coco.annToMask(runs)
    assert (mask.shape, int(mask.sum()), mask[5:8, 1:3].all()) == ((HEIGHT, WIDTH), 6, True)
    assert int(coco.annToMask(ring).sum()) > 30
    assert (pose["num_keypoints"], pose["keypoints"]) == (2, [3, 4, 2, 13, 9, 2])
    assert coco.loadCats(pose["category_id"])[0]["keypoints"] == ["nose", "tail"]
    told = content["images"][0]
    assert told["file_name"] == "Ridge-north/100RECNX/IMG_0001.JPG"
    assert told["date_captured"] == "2026-06-01T14:00:10+02:00"


def test_identifications_take_precedence(tmp_path: Path) -> None:
    right = image(
        1,
        found(1, "deer", said=said("correct", taxon=LYNX.id)),
        found(2, "deer", said=said("blank")),
    )
    coco, _ = _read(tmp_path, [right])
    [one] = coco.loadAnns(coco.getAnnIds())
    assert coco.loadCats(one["category_id"])[0]["name"] == "Lynx lynx"
    assert "score" not in one


def test_camera_traps_have_locations_and_sequences(tmp_path: Path) -> None:
    images = [
        image(1, found(1, "lynx", taxon=LYNX.id)),
        image(2),
        image(3, sequence_id=UUID(int=9001), analysed=False, blank=None),
        image(
            4,
            sequence_id=UUID(int=9001),
            reviewed=True,
            said=said("correct", taxon=LYNX.id, count=3),
        ),
        image(5, sequence_id=None, analysed=False, blank=None),
    ]
    report, content = write_twice(write_camera_traps, make_spool(tmp_path, images), tells_when=True)
    told = json.loads(content)
    assert [
        (one["seq_id"][-4:], one["frame_num"], one["seq_num_frames"]) for one in told["images"]
    ] == [
        ("2328", 1, 2),
        ("2328", 2, 2),
        ("2329", 1, 2),
        ("2329", 2, 2),
        (str(images[4].id)[-4:], 1, 1),
    ]
    assert {(one["location"], one["datetime"][:10]) for one in told["images"]} == {
        ("Ridge north", "2026-06-01")
    }
    assert told["categories"] == [{"id": 0, "name": "empty"}, {"id": 1, "name": "Lynx lynx"}]
    box, empty, whole = told["annotations"]
    assert (box["category_id"], box["bbox"], box["image_id"]) == (
        1,
        [20, 10, 100, 50],
        str(images[0].id),
    )
    assert (empty["category_id"], "bbox" in empty, whole["count"], whole["human"]) == (
        0,
        False,
        3,
        True,
    )
    assert report.written == 3


def test_hostile_texts_and_empty_exports_are_valid_json(tmp_path: Path) -> None:
    places = [
        msgspec.structs.replace(PLACE, id=UUID(int=number), name=text)
        for number, text in enumerate(HOSTILE)
    ]
    images = [
        image(
            number,
            found(number, text or "x"),
            deployment_id=UUID(int=number),
            filename=text,
            path=text,
        )
        for number, text in enumerate(HOSTILE)
    ]
    for writer in (write, write_camera_traps):
        _, content = write_twice(
            writer, make_spool(tmp_path, images, deployments=places), tells_when=True
        )
        told = json.loads(content)
        assert len(told["images"]) == len(HOSTILE)
        assert not [one for one in told["images"] if {"..", ""} & set(one["file_name"].split("/"))]
        _, content = write_twice(writer, make_spool(tmp_path, []), tells_when=True)
        assert json.loads(content)["annotations"] == []
