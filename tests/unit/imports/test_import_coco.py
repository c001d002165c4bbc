"""Reading COCO: instances, images without boxes, and invalid annotations."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.import_files import (
    build_coco,
    build_rows,
    list_findings,
    open_content,
    read_entries,
)

from trapline.server.findings.rules.annotation_data import InvalidAnnotationData
from trapline.server.imports.formats.import_records import (
    EntryContent,
    ImportEntry,
    InvalidEntry,
)


def test_instances(tmp_path: Path) -> None:
    runs = {"counts": [0, 5, 19_995], "size": [100, 200]}
    fox = {"category_id": 1}
    [told] = read_entries(
        open_content(
            tmp_path,
            "coco",
            build_coco(
                fox | {"bbox": [40, 20, 100, 60], "score": 0.5},
                fox
                | {
                    "segmentation": [[10, 10, 110, 10, 60, 90]],
                    "bbox": [10, 10, 100, 80],
                    "area": 4000.0,
                },
                fox | {"segmentation": runs},
                fox | {"keypoints": [10, 10, 2, 0, 0, 0], "num_keypoints": 1},
                fox | {"bbox_relative": [0.1, 0.2, 0.3, 0.4], "score": 0.1},
                {"category_id": 0},
                fox | {"segmentation": runs, "keypoints": [10, 10, 2, 0, 0, 0]},
                fox | {"segmentation": runs, "keypoints": [0, 0, 0, 0, 0, 0]},
            ),
            confidence_min=0.2,
        )
    )
    kinds = [
        ("bounding_box", 0.5),
        ("segmentation", None),
        ("segmentation", None),
        ("keypoint", None),
    ]
    kinds += [("segmentation", None), ("keypoint", None), ("segmentation", None)]
    assert list_findings(told) == [(kind, "fox", confidence) for kind, confidence in kinds]
    assert isinstance(told, EntryContent)
    assert told.left_out == 1
    box, polygon, mask, points = (one.data for one in told.results[0].findings[:4])
    assert [one.parent for one in told.results[0].findings] == [None] * 5 + [4, None]
    assert [box[side] for side in ("x_min", "y_min", "x_max", "y_max")] == [20, 10, 70, 40]
    assert polygon["points"] == [[5, 5], [55, 5], [30, 45]]
    assert polygon["bbox"] == [5, 5, 50, 40]
    assert mask["counts"] == runs["counts"]
    assert points["keypoints"] == [
        {"name": "nose", "x": 5, "y": 5, "visibility": 2},
        {"name": "tail"},
    ]
    assert points["skeleton"] == [[0, 1]]


def test_images_without_boxes(tmp_path: Path) -> None:
    images = [{"id": name, "file_name": f"{name}.jpg"} for name in "abc"]
    said = ({"image_id": "a", "category_id": 0}, {"image_id": "b", "category_id": 1})
    empty, fox, silent = read_entries(
        open_content(tmp_path, "coco", build_coco(*said, images=images))
    )
    assert (list_findings(empty), list_findings(fox)) == ([], [("classification", "fox", None)])
    assert silent == EntryContent(left_out=1)
    asked = read_entries(
        open_content(tmp_path, "coco", build_coco(*said, images=images), nothing_is_blank=True)
    )
    assert list_findings(asked[2]) == []


def test_invalid_entries_are_reported(tmp_path: Path) -> None:
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 200, "height": 100},
        {"id": 1, "file_name": "b.jpg"},
        {"id": 2, "file_name": "c.jpg", "width": 100, "height": 200},
        {"id": 3, "file_name": "d.jpg"},
        {"file_name": "e.jpg"},
    ]
    told = read_entries(
        open_content(
            tmp_path,
            "coco",
            build_coco(
                {"category_id": 1, "bbox": [1, 2, 3, 4], "bbox_relative": [0, 0, 1, 1]},
                {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]},
                {"image_id": 3, "category_id": 9},
                {"image_id": 77, "category_id": 1},
                images=images,
            ),
        )
    )
    assert told[0] == "images 1: annotations 1: it has both `bbox` and `bbox_relative`"
    assert told[1] == "images 2: images 1 has the same id"
    assert "aspect ratios differ" in str(told[2])
    assert told[3] == "images 4: annotations 3: the category 9 is not among `categories`"
    assert "id" in str(told[4])
    assert told[5] == "annotations 4: its image_id 77 is not in `images`"


@pytest.mark.parametrize(
    "one",
    [
        {"bbox": [1, 2, 3]},
        {"bbox": [1, 2, 10**400, 4]},
        {"bbox": [1, 2, -3, 4]},
        {"bbox": [1, 2, 3000, 4]},
        {"bbox": "all"},
        {"bbox": [1, 2, 3, 4], "score": 2},
        {"bbox": [1, 2, 3, 4], "score": True},
        {"segmentation": [[1, 2, 3]]},
        {"segmentation": [[1, 2, 3, 4]]},
        {"segmentation": {"counts": "@@", "size": [100, 200]}},
        {"segmentation": {"counts": [5], "size": [10**30, 1]}},
        {"segmentation": {"counts": [5], "size": [1, 2]}},
        {"keypoints": [1, 2]},
        {"keypoints": [1000, 2, 1]},
        {"category_id": None},
        {"category_id": 2, "bbox": [1, 2, 3, 4]},
        {"category_id": 3, "keypoints": [1, 2, 2]},
    ],
)
def test_hostile_annotations_are_rejected(tmp_path: Path, one: dict[str, Any]) -> None:
    image = [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}]
    categories = [
        {"id": 1, "name": "fox"},
        {"id": 2, "name": "f\0x"},
        {"id": 3, "name": "fox", "keypoints": ["\0"]},
    ]
    reader = open_content(
        tmp_path, "coco", build_coco({"category_id": 1} | one, images=image, categories=categories)
    )
    [entry] = reader.entries(0)
    assert isinstance(entry, ImportEntry)
    with pytest.raises((InvalidEntry, InvalidAnnotationData)):
        build_rows(reader, entry)
    reader.close()
