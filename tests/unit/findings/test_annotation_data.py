"""The data of annotations: each type's geometry is checked and brought to the upright original."""

import math
from typing import Any

import pytest

from trapline.server.findings.rules.annotation_data import InvalidAnnotationData, validate_data
from trapline.server.findings.rules.geometry import Frame
from trapline.server.findings.rules.run_lengths import count_pixels, decode_run_lengths

PICTURE = Frame(200, 100)


def _box(**changes: Any) -> dict[str, Any]:
    return {
        "x_min": 10,
        "y_min": 5,
        "x_max": 60,
        "y_max": 50,
        "image_width": 200,
        "image_height": 100,
    } | changes


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("bounding_box", _box()),
    (
        "classification",
        {"topk": [{"class": "deer", "confidence": 1}, {"class": "fox", "confidence": 0.0}]},
    ),
    ("classification", {"score": 0.5}),
    ("classification", {"scores": [1e-9, 3], "logits": [-5, 2.5]}),
    *[
        ("heatmap", {"width": 200, "height": 100, "color_map": name})
        for name in ("viridis", "magma", "turbo", "jet", "grey", "gray", "Viridis")
    ],
    ("mask", {"width": 200, "height": 100}),
    ("segmentation", {"format": "rle", "counts": [10, 20, 19970], "size": [100, 200], "area": 20}),
    ("segmentation", {"format": "polygon", "points": [[0, 0], [10, 0], [10, 10.5]]}),
    (
        "segmentation",
        {"format": "polygon", "points": [[[0, 0], [9, 0], [9, 9]], [[1, 1], [2, 1], [2, 2]]]},
    ),
    (
        "keypoint",
        {"keypoints": [{"name": "nose", "x": 3, "y": 4, "confidence": 0.5}], "skeleton": [[0, 0]]},
    ),
    ("keypoint", {"keypoints": [{"name": "tail", "x": None, "y": None, "confidence": 0}]}),
    ("custom", {"anything": [1, {"given": 2}], "scaled": "mine"}),
]


@pytest.mark.parametrize(("kind", "data"), RIGHT)
def test_valid_data_stays_unchanged(kind: str, data: dict[str, Any]) -> None:
    assert validate_data(kind, data, PICTURE) == data


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
    ("heatmap", {"width": 10, "height": 10, "color_map": "no-such-map"}, "color_map"),
    ("heatmap", {"width": 10, "height": 10, "color_map": ""}, "color_map"),
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
def test_invalid_data_is_named(kind: str, data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidAnnotationData) as wrong:
        validate_data(kind, data, PICTURE)
    assert wrong.value.field == field, wrong.value.message


HUGE = 10**400
"""JSON allows integers of any length; this one does not fit into a double."""
RING = [[0, 0], [10, 0], [10, 10]]
UNHEARD: list[tuple[str, dict[str, Any], str]] = [
    ("bounding_box", _box(x_max=HUGE), "x_max"),
    ("bounding_box", _box(y_min=-HUGE), "y_min"),
    ("bounding_box", _box(image_width=HUGE), "image_width"),
    ("classification", {"topk": [{"class": "a", "confidence": HUGE}]}, "topk.0.confidence"),
    ("classification", {"score": HUGE}, "score"),
    ("classification", {"scores": [0.5, HUGE]}, "scores.1"),
    ("classification", {"score": 1, "logits": [-HUGE]}, "logits.0"),
    ("segmentation", {"format": "polygon", "points": [[0, 0], [1, HUGE], [1, 1]]}, "points.0.1.1"),
    ("segmentation", {"format": "polygon", "points": RING, "area": HUGE}, "area"),
    ("segmentation", {"format": "polygon", "points": RING, "bbox": [0, 0, HUGE, 1]}, "bbox.2"),
    ("segmentation", {"format": "rle", "counts": [12], "size": [3, 4], "area": 1e308}, "area"),
    (
        "segmentation",
        {"format": "rle", "counts": [12], "size": [3, 4], "bbox": [0, 0, 1, 1e308]},
        "bbox.3",
    ),
    ("segmentation", {"format": "rle", "counts": [1], "size": [HUGE, 1]}, "size"),
    ("segmentation", {"format": "rle", "counts": [int("9" * 4300)] * 2}, "counts"),
    ("keypoint", {"keypoints": [{"x": HUGE, "y": 1}]}, "keypoints.0.x"),
    ("keypoint", {"keypoints": [{"x": 1, "y": 1, "confidence": HUGE}]}, "keypoints.0.confidence"),
]


@pytest.mark.parametrize(("kind", "data", "field"), UNHEARD)
def test_a_number_that_is_no_double_is_refused(kind: str, data: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidAnnotationData) as wrong:
        validate_data(kind, data, PICTURE)
    assert wrong.value.field == field, wrong.value.message


def _rings(*lengths: int) -> dict[str, Any]:
    rings = [[[n % 100, n % 7] for n in range(length)] for length in lengths]
    return {"format": "polygon", "points": rings if len(rings) > 1 else rings[0]}


def _topk(count: int) -> dict[str, Any]:
    return {"topk": [{"class": str(n), "confidence": 0} for n in range(count)]}


def _keypoints(count: int, pairs: int = 0) -> dict[str, Any]:
    return {
        "keypoints": [{"x": n % 100, "y": 1} for n in range(count)],
        "skeleton": [[0, 1]] * pairs,
    }


@pytest.mark.parametrize(
    ("kind", "most", "over", "field"),
    [
        ("segmentation", _rings(100_000), _rings(100_001), "points"),
        ("segmentation", _rings(60_000, 40_000), _rings(60_000, 40_001), "points"),
        ("segmentation", _rings(*[3] * 1_000), _rings(*[3] * 1_001), "points"),
        ("classification", _topk(1_000), _topk(1_001), "topk"),
        ("keypoint", _keypoints(1_000), _keypoints(1_001), "keypoints"),
        ("keypoint", _keypoints(2, 10_000), _keypoints(2, 10_001), "skeleton"),
    ],
    ids=["ring", "rings", "many rings", "topk", "keypoints", "skeleton"],
)
def test_one_annotation_holds_only_so_much(
    kind: str, most: dict[str, Any], over: dict[str, Any], field: str
) -> None:
    assert validate_data(kind, most, PICTURE) == most
    with pytest.raises(InvalidAnnotationData) as wrong:
        validate_data(kind, over, PICTURE)
    assert wrong.value.field == field


def test_a_box_up_to_a_pixel_over_its_frame_is_clipped() -> None:
    checked = validate_data("bounding_box", _box(x_min=-1, x_max=201), PICTURE)
    assert (checked["x_min"], checked["x_max"]) == (0, 200)
    assert checked["given"] == {"x_min": -1, "x_max": 201}
    assert "scaled" not in checked


def test_coordinates_of_another_frame_are_brought_to_the_original() -> None:
    checked = validate_data(
        "bounding_box", _box(image_width=100, image_height=50, scaled=False, given=7), PICTURE
    )
    assert [checked[name] for name in ("x_min", "y_min", "x_max", "y_max")] == [20, 10, 120, 100]
    assert (checked["image_width"], checked["image_height"], checked["scaled"]) == (200, 100, True)
    assert (checked["given"]["x_min"], checked["given"]["image_width"]) == (10, 100)
    ring = {
        "format": "polygon",
        "points": [[0, 0], [10, 0], [10, 50]],
        "image_width": 100,
        "image_height": 50,
    }
    assert validate_data("segmentation", ring, PICTURE)["points"] == [[0, 0], [20, 0], [20, 100]]
    points = {
        "keypoints": [{"name": "nose", "x": 10, "y": 20}],
        "image_width": 100,
        "image_height": 50,
    }
    assert validate_data("keypoint", points, PICTURE)["keypoints"] == [
        {"name": "nose", "x": 20, "y": 40}
    ]


def test_box_and_area_of_a_segmentation_go_with_its_frame() -> None:
    ring = {
        "format": "polygon", "points": [[0, 0], [10, 0], [10, 20]], "bbox": [0, 1, 10, 20],
        "area": 100,
        "image_width": 100, "image_height": 25,
    }  # fmt: skip
    checked = validate_data("segmentation", ring, PICTURE)
    assert (checked["bbox"], checked["area"]) == ([0, 4, 20, 80], 800)
    assert checked["given"] == {
        name: ring[name] for name in ("points", "bbox", "area", "image_width", "image_height")
    }
    assert checked["scaled"] is True
    runs = {"format": "rle", "counts": [0, 2, 10], "size": [3, 4], "bbox": [0, 0, 1, 2], "area": 2}
    checked = validate_data("segmentation", runs, Frame(8, 9))
    assert (checked["bbox"], checked["area"], checked["scaled"]) == ([0, 0, 2, 6], 12, True)
    assert (checked["counts"], checked["size"]) == ([0, 2, 10], [3, 4])
    assert checked["given"] == {"bbox": [0, 0, 1, 2], "area": 2}


def test_points_up_to_a_pixel_over_their_frame_are_clipped() -> None:
    ring = {"format": "polygon", "points": [[-1, 0], [201, -0.5], [10, 101]]}
    checked = validate_data("segmentation", ring, PICTURE)
    assert checked["points"] == [[0, 0], [200, 0], [10, 100]]
    assert (checked["given"], "scaled" in checked) == ({"points": ring["points"]}, False)
    points = {
        "keypoints": [{"name": "nose", "x": 200.5, "y": -1, "confidence": 1}, {"x": 1, "y": 2}]
    }
    checked = validate_data("keypoint", points, PICTURE)
    assert checked["keypoints"] == [
        {"name": "nose", "x": 200, "y": 0, "confidence": 1},
        {"x": 1, "y": 2},
    ]
    assert (checked["given"], "scaled" in checked) == (points, False)
    smaller = {"keypoints": [{"x": 101, "y": 20}], "image_width": 100, "image_height": 50}
    assert validate_data("keypoint", smaller, PICTURE)["keypoints"] == [{"x": 200, "y": 40}]


def test_nothing_is_clipped_to_nothing() -> None:
    for ring in ([[200.2, 1], [200.9, 5], [200.5, 9]], [[1, -0.1], [5, -0.9], [9, -0.5]]):
        with pytest.raises(InvalidAnnotationData, match="outside its frame"):
            validate_data("segmentation", {"format": "polygon", "points": ring}, PICTURE)
    flat = {"format": "polygon", "points": [[1, 5], [5, 5], [9, 5]]}
    assert validate_data("segmentation", flat, PICTURE) == flat


def test_scaling_never_leads_over_the_edge_nor_to_an_empty_box() -> None:
    picture, frame = Frame(3, 3), {"image_width": 187, "image_height": 187}
    assert 187 * (3 / 187) > 3
    ring = validate_data(
        "segmentation",
        {"format": "polygon", "points": [[0, 0], [187, 0], [187, 187]], **frame},
        picture,
    )
    assert ring["points"] == [[0, 0], [3, 0], [3, 3]]
    thin = {"x_min": math.nextafter(187, 0), "x_max": 187, "y_min": 0, "y_max": 187, **frame}
    with pytest.raises(InvalidAnnotationData, match="less than x_max"):
        validate_data("bounding_box", thin, picture)


def test_rasters_of_another_size_are_marked_and_stay() -> None:
    assert validate_data("mask", {"width": 20, "height": 10}, PICTURE)["scaled"] is True
    runs = {"format": "rle", "counts": [0, 12], "size": [3, 4]}
    assert validate_data("segmentation", runs, PICTURE) == {**runs, "scaled": True}


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


@pytest.mark.parametrize(
    "runs", [[0], [20000], [3, 1, 19, 7, 2, 900, 31, 32, 33, 5], [0, 2**31, 5, 1, 16, 15]]
)
def test_compressed_runs_are_the_plain_ones(runs: list[int]) -> None:
    assert decode_run_lengths(_compress(runs)) == runs
    assert count_pixels(_compress(runs)) == count_pixels(runs) == sum(runs)


@pytest.mark.parametrize("text", ["", "o", "~", "é", "o" * 20 + "0", "2b0Y"])
def test_invalid_compressed_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|ends|long|negative"):
        decode_run_lengths(text)
