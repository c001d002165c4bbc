"""Masks, polygons, key points and embeddings of detections become values of results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.worker_test_server import FakeServer, make_jpeg
from tests.unit.worker.test_loop import run

from trapline.wire.pipelines import Algorithm
from trapline.worker.pipeline import InputImage, ModelDetection, ModelKeypoint, Pipeline
from trapline.worker.shapes import build_keypoints, build_mask

WIDTH, HEIGHT = 6, 4


def detect(**values: Any) -> ModelDetection:
    return ModelDetection(box=(0, 0, 3, 3), algorithm="shapes", **values)


def draw(mask: dict[str, Any]) -> list[str]:
    """Draw run lengths column by column, as COCO defines them."""
    height, width = mask["size"]
    cells = "".join(".#"[place % 2] * run for place, run in enumerate(mask["counts"]))
    return ["".join(cells[x * height + y] for x in range(width)) for y in range(height)]


@pytest.mark.parametrize(
    ("rows", "bbox", "area"),
    [
        (["......", ".##...", ".##...", "......"], [1, 1, 2, 2], 4),
        (["#....#", "......", "......", "#....#"], [0, 0, 6, 4], 4),
        (["######", "######", "######", "######"], [0, 0, 6, 4], 24),
        (["..#", "..#"], [2, 0, 1, 2], 2),
    ],
)
def test_a_mask_is_encoded_by_columns(rows: list[str], bbox: list[int], area: int) -> None:
    mask = build_mask(detect(mask=np.array([[c == "#" for c in row] for row in rows])), 6, 4)
    assert mask is not None
    assert draw(mask) == rows
    assert (mask["format"], mask["bbox"], mask["area"]) == ("rle", bbox, area)


def test_an_empty_mask_has_no_extent() -> None:
    mask = build_mask(detect(mask=np.zeros((4, 6), bool)), WIDTH, HEIGHT)
    assert mask == {"format": "rle", "size": [4, 6], "counts": [24]}


def test_polygons_are_clipped_and_key_points_outside_are_not_visible() -> None:
    found = detect(
        polygon=[[(-2, 0), (9, 0), (5, 7)]],
        keypoints=[
            ModelKeypoint(name="nose", x=2, y=3, confidence=0.5),
            ModelKeypoint(name="tail", x=7, y=3),
            ModelKeypoint(),
        ],
        skeleton=[(0, 1)],
    )
    assert build_mask(found, WIDTH, HEIGHT) == {
        "format": "polygon",
        "points": [[[0, 0], [6, 0], [5, 4]]],
    }
    assert build_keypoints(found, WIDTH, HEIGHT) == {
        "keypoints": [{"name": "nose", "x": 2, "y": 3, "confidence": 0.5}, {"name": "tail"}, {}],
        "skeleton": [[0, 1]],
    }
    assert build_mask(detect(), WIDTH, HEIGHT) is None
    assert build_keypoints(detect(), WIDTH, HEIGHT) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mask": np.zeros((2, 2, 1), bool)}, r"a mask of shape \(2, 2, 1\), not height x width"),
        ({"mask": np.zeros((2, 2), bool), "polygon": [[(0, 0)] * 3]}, "return only one"),
        ({"polygon": [[(0, 0), (1, 1)]]}, "rings of at least 3 points"),
        ({"polygon": []}, "1 to 1,000 rings"),
        ({"polygon": [[(0, 0), (1, float("nan")), (2, 2)]]}, "a point of a polygon that is not"),
        ({"keypoints": [ModelKeypoint(x=float("inf"), y=0)]}, "a key point that is not a finite"),
        ({"keypoints": [ModelKeypoint(confidence=2)]}, "confidence 2, which is not from 0 to 1"),
        ({"keypoints": [ModelKeypoint()], "skeleton": [(0, 1)]}, "index that is not 0 to 0"),
    ],
)
def test_invalid_shapes_are_named(values: dict[str, Any], message: str) -> None:
    build = build_keypoints if "keypoints" in values else build_mask
    with pytest.raises(ValueError, match=message):
        build(detect(**values), WIDTH, HEIGHT)


class Shapes(Pipeline):
    """A pipeline that finds a shape on each image; the mask of images of width 66 is not valid."""

    slug = "shapes"
    name = "Shapes"
    algorithms = (Algorithm(name="Shapes", key="shapes"),)

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        return [
            [
                detect(
                    mask=np.ones((1, 1, 1) if image.pixels.shape[1] == 66 else (1, 1), bool),
                    keypoints=[ModelKeypoint(x=1, y=2)],
                    embedding=np.array([0.5, 1.5], np.float32),
                )
            ]
            for image in images
        ]


def test_results_contain_the_shapes_and_an_invalid_one_fails_its_image(
    server: FakeServer, tmp_path: Path
) -> None:
    server.add_job(7, "shapes", {"good": make_jpeg(), "bad": make_jpeg(width=66)})
    run(server, tmp_path, Shapes())
    [found] = server.results["good"]["detections"]
    assert found["mask"] == {
        "format": "rle",
        "size": [1, 1],
        "counts": [0, 1],
        "bbox": [0, 0, 1, 1],
        "area": 1,
    }
    assert found["keypoints"] == {"keypoints": [{"x": 1.0, "y": 2.0}]}
    assert found["embedding"] == [0.5, 1.5]
    assert "a mask of shape (1, 1, 1)" in server.results["bad"]["error"]
