"""The data of annotations: each type's geometry is checked and brought to the upright original."""

from typing import Any

import pytest

from trapline.server.rules.annotation_data import WrongData, check_data
from trapline.server.rules.geometry import Frame
from trapline.server.rules.run_lengths import count_pixels, decode

PICTURE = Frame(200, 100)


def _box(**changes: Any) -> dict[str, Any]:
    return {"x_min": 10, "y_min": 5, "x_max": 60, "y_max": 50, "image_width": 200, "image_height": 100} | changes


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("bounding_box", _box()),
    ("classification", {"topk": [{"class": "deer", "confidence": 1}, {"class": "fox", "confidence": 0.0}]}),
    ("classification", {"score": 0.5}),
    ("classification", {"scores": [1e-9, 3], "logits": [-5, 2.5]}),
    ("heatmap", {"width": 200, "height": 100, "color_map": "viridis"}),
    ("mask", {"width": 200, "height": 100}),
    ("segmentation", {"format": "rle", "counts": [10, 20, 19970], "size": [100, 200], "area": 20}),
    ("segmentation", {"format": "polygon", "points": [[0, 0], [10, 0], [10, 10.5]]}),
    ("segmentation", {"format": "polygon", "points": [[[0, 0], [9, 0], [9, 9]], [[1, 1], [2, 1], [2, 2]]]}),
    ("keypoint", {"keypoints": [{"name": "nose", "x": 3, "y": 4, "confidence": 0.5}], "skeleton": [[0, 0]]}),
    ("keypoint", {"keypoints": [{"name": "tail", "x": None, "y": None, "confidence": 0}]}),
    ("custom", {"anything": [1, {"given": 2}], "scaled": "mine"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), RIGHT)
def test_what_is_right_stays_as_it_is(kind: str, data: dict[str, Any]) -> None:
    assert check_data(kind, data, PICTURE) == data


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("bounding_box", {"x_min": 1}, "image_width"),
    ("bounding_box", _box(x_min="10"), "x_min"),
    ("bounding_box", _box(x_min=True), "x_min"),
    ("bounding_box", _box(x_min=60), "x_min"),
    ("bounding_box", _box(y_max=5), "y_min"),
    ("bounding_box", _box(x_max=201.5), "x_min"),
    ("bounding_box", _box(y_min=-1.01), "x_min"),
    ("bounding_box", _box(image_width=0), "image_width"),
    ("bounding_box", _box(image_height=99.5), "image_height"),
    ("bounding_box", _box(x_min=200, x_max=200.5), "x_min"),
    ("classification", {}, "topk"),
    ("classification", {"topk": {"deer": 1}}, "topk"),
    ("classification", {"topk": [{"class": "", "confidence": 1}]}, "topk.0.class"),
    ("classification", {"topk": [{"class": "a", "confidence": 1.01}]}, "topk.0.confidence"),
    ("classification", {"score": -0.1}, "score"),
    ("classification", {"scores": [0.5, "x"]}, "scores.1"),
    ("classification", {"score": 1, "logits": 3}, "logits"),
    ("heatmap", {"width": 10}, "height"),
    ("heatmap", {"width": 10, "height": 10, "color_map": 7}, "color_map"),
    ("mask", {"width": -1, "height": 10}, "width"),
    ("segmentation", {"counts": [1]}, "format"),
    ("segmentation", {"format": "rle", "counts": [19999]}, "counts"),
    ("segmentation", {"format": "rle", "counts": [-1, 20001]}, "counts"),
    ("segmentation", {"format": "rle", "counts": "~~~"}, "counts"),
    ("segmentation", {"format": "rle", "counts": None}, "counts"),
    ("segmentation", {"format": "rle", "counts": [20000], "size": [200]}, "size"),
    ("segmentation", {"format": "rle", "counts": [20000], "size": [200, 100], "bbox": [1]}, "bbox"),
    ("segmentation", {"format": "rle", "counts": [20000], "area": -1}, "area"),
    ("segmentation", {"format": "polygon", "points": []}, "points"),
    ("segmentation", {"format": "polygon", "points": [[0, 0], [1, 1]]}, "points.0"),
    ("segmentation", {"format": "polygon", "points": [[0, 0], [1, 1], [300, 1]]}, "points.0.2"),
    ("segmentation", {"format": "polygon", "points": [[0, 0], [1, 1], [1]]}, "points.0.2"),
    ("keypoint", {"keypoints": []}, "keypoints"),
    ("keypoint", {"keypoints": [{"x": 1}]}, "keypoints.0.y"),
    ("keypoint", {"keypoints": [{"x": 1, "y": 101.5}]}, "keypoints.0.x"),
    ("keypoint", {"keypoints": [{"x": 1, "y": 1, "confidence": 2}]}, "keypoints.0.confidence"),
    ("keypoint", {"keypoints": [{"x": 1, "y": 1}], "skeleton": [[0, 1]]}, "skeleton.0"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "field"), WRONG)
def test_what_is_wrong_is_named(kind: str, data: dict[str, Any], field: str) -> None:
    with pytest.raises(WrongData) as wrong:
        check_data(kind, data, PICTURE)
    assert wrong.value.field == field, wrong.value.message


def test_a_box_up_to_a_pixel_over_its_frame_is_clipped() -> None:
    checked = check_data("bounding_box", _box(x_min=-1, x_max=201), PICTURE)
    assert (checked["x_min"], checked["x_max"]) == (0, 200)
    assert checked["given"] == {"x_min": -1, "x_max": 201}
    assert "scaled" not in checked


def test_coordinates_of_another_frame_are_brought_to_the_original() -> None:
    checked = check_data("bounding_box", _box(image_width=100, image_height=50, scaled=False, given=7), PICTURE)
    assert [checked[name] for name in ("x_min", "y_min", "x_max", "y_max")] == [20, 10, 120, 100]
    assert (checked["image_width"], checked["image_height"], checked["scaled"]) == (200, 100, True)
    assert (checked["given"]["x_min"], checked["given"]["image_width"]) == (10, 100)
    ring = {"format": "polygon", "points": [[0, 0], [10, 0], [10, 50]], "image_width": 100, "image_height": 50}
    assert check_data("segmentation", ring, PICTURE)["points"] == [[0, 0], [20, 0], [20, 100]]
    points = {"keypoints": [{"name": "nose", "x": 10, "y": 20}], "image_width": 100, "image_height": 50}
    assert check_data("keypoint", points, PICTURE)["keypoints"] == [{"name": "nose", "x": 20, "y": 40}]


def test_rasters_of_another_size_are_marked_and_stay() -> None:
    assert check_data("mask", {"width": 20, "height": 10}, PICTURE)["scaled"] is True
    runs = {"format": "rle", "counts": [0, 12], "size": [3, 4]}
    assert check_data("segmentation", runs, PICTURE) == {**runs, "scaled": True}


def _compress(runs: list[int]) -> str:
    """COCO's compression, from its description."""
    text = ""
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        while True:
            part, value = value & 31, value >> 5
            more = value != (-1 if part & 16 else 0)
            text += chr(48 + (part | 32 if more else part))
            if not more:
                break
    return text


@pytest.mark.parametrize("runs", [[0], [20000], [3, 1, 19, 7, 2, 900, 31, 32, 33, 5], [0, 2**31, 5, 1, 16, 15]])
def test_compressed_runs_are_the_plain_ones(runs: list[int]) -> None:
    assert decode(_compress(runs)) == runs
    assert count_pixels(_compress(runs)) == count_pixels(runs) == sum(runs)


@pytest.mark.parametrize("text", ["", "o", "~", "é", "o" * 20 + "0", "2b0Y"])
def test_what_is_no_compressed_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|ends|long|negative"):
        decode(text)
