"""Masks, key points and embeddings of results become annotations, or are stored unchanged."""

import json
from typing import Any

import msgspec
import pytest
from tests.unit.queue.test_result_decoding import find

RUNS = {"size": [100, 200], "counts": [5, 3, 19992]}
NOSE = {"name": "nose", "x": 3.0, "y": 9.0, "confidence": 0.5}


def test_a_mask_and_key_points_become_annotations_of_the_box() -> None:
    box, named, mask, points = find(
        score=0.9,
        mask={**RUNS, "x_min": 3, "topk": []},
        keypoints={"keypoints": [NOSE, {"name": "tail"}], "skeleton": [[0, 1]]},
        embedding=[0.5, -1.0],
    ).annotations
    assert [row.annotation_type for row in (box, named, mask, points)] == [
        "bounding_box",
        "classification",
        "segmentation",
        "keypoint",
    ]
    assert [row.ordering for row in (box, named, mask, points)] == [0, 1, 2, 3]
    assert mask.parent_id == points.parent_id == box.id
    for shape in (mask, points):
        assert (shape.class_name, shape.confidence) == ("moth", 0.9)
        assert shape.algorithm_id == box.algorithm_id
    assert mask.data == {**RUNS, "format": "rle", "extra": {"x_min": 3, "topk": []}}
    assert points.data == {"keypoints": [NOSE, {"name": "tail"}], "skeleton": [[0, 1]]}
    assert json.loads(msgspec.json.encode(box.data["embedding"])) == [0.5, -1.0]
    assert "mask" not in box.data
    assert "keypoints" not in box.data


def test_shapes_of_other_sizes_are_scaled_and_lists_of_key_points_are_accepted() -> None:
    ring = [[0, 0], [50, 0], [50, 50]]
    *_, mask, points = find(
        mask={"format": "polygon", "points": ring, "image_width": 100, "image_height": 50},
        keypoints=[NOSE],
    ).annotations
    assert mask.data["points"] == [[0.0, 0.0], [100.0, 0.0], [100.0, 100.0]]
    assert points.data == {"keypoints": [NOSE]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mask": {**RUNS, "counts": [5]}}, {"mask": "counts cover 5 pixels"}),
        ({"mask": [[0, 0]]}, {"mask": "segmentation must be an object"}),
        ({"keypoints": [{"x": 900, "y": 1}]}, {"keypoints": "keypoints.0.x is outside its frame"}),
        (
            {"mask": RUNS, "bbox": {"x1": 300.0, "y1": 0.0, "x2": 310.0, "y2": 5.0}},
            {"mask": "bbox is empty within the image"},
        ),
    ],
)
def test_a_shape_that_cannot_be_drawn_is_kept_with_the_reason(
    changes: dict[str, Any], reason: dict[str, str]
) -> None:
    box, named = find(**changes).annotations
    assert named.annotation_type == "classification"
    data = json.loads(msgspec.json.encode(box.data))
    [(field, text)] = reason.items()
    assert data[field] == changes[field]
    assert list(data["invalid"]) == [field]
    assert data["invalid"][field].startswith(text)


def test_the_vector_of_an_image_without_detections_is_kept() -> None:
    rows = find(bbox=None, classifications=[], embedding=[0.25])
    assert rows.annotations == []
    [empty] = json.loads(msgspec.json.encode(rows.report))["nothing_found"]
    assert empty["embedding"] == [0.25]
