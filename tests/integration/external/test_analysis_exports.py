"""An analysis as a file: complete, safe in a spreadsheet, and COCO that its tools can read."""

from typing import Any

import pytest
from tests.support.api_project import make_field
from tests.support.external_pipeline import Outside, begin, box

from trapline.server.platform.app_context import AppContext

WIDTH, HEIGHT = 200, 100


@pytest.fixture
async def outside(system: AppContext) -> Outside:
    return await begin(await make_field(system))


async def _export(outside: Outside, form: str) -> Any:
    answer = await outside.field.call("GET", f"/analyses/{outside.id}/export?format={form}")
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    return answer


def _segment(**data: Any) -> dict[str, Any]:
    return {"annotation_type": "segmentation", "class_name": "deer", "data": data}


def _pose(points: list[dict[str, Any]], skeleton: list[list[int]] | None = None) -> dict[str, Any]:
    data = (
        {"keypoints": points} if skeleton is None else {"keypoints": points, "skeleton": skeleton}
    )
    return {"annotation_type": "keypoint", "class_name": "deer", "data": data}


@pytest.mark.parametrize("form", ["json", "csv", "coco"])
async def test_an_analysis_is_exported_whole(outside: Outside, form: str) -> None:
    others: list[dict[str, Any]] = [
        {"annotation_type": "custom", "data": {}},
        {"annotation_type": "classification", "data": {"score": 0.5}},
    ]
    many = [box(number) for number in range(1, 1500)]
    await outside.post([box(0, class_name="=HYPERLINK(1)"), *others, *many])
    answer = await _export(outside, form)
    if form == "json":
        assert len(answer.json()["annotations"]) == answer.json()["annotation_count"] == 1502
    elif form == "csv":
        assert len(answer.text.splitlines()) == 1503
        assert ",'=HYPERLINK(1)," in answer.text
    else:
        coco = answer.json()
        assert (len(coco["annotations"]), coco["info"]["left_out"]) == (1500, 2)
        assert [image["width"] for image in coco["images"]] == [WIDTH]
        names = {category["id"]: category["name"] for category in coco["categories"]}
        first = coco["annotations"][0]
        assert (names[first["category_id"]], first["bbox"], first["area"]) == (
            "=HYPERLINK(1)",
            [1.5, 2, 30, 38],
            1140,
        )
        assert len({one["id"] for one in coco["annotations"]}) == 1500
        assert names == {1: "=HYPERLINK(1)", 2: "deer"}
    wrong = await outside.field.call("GET", f"/analyses/{outside.id}/export?format=xml")
    assert wrong.status_code == 422


async def test_nothing_found_is_exported_too(outside: Outside) -> None:
    coco = (await _export(outside, "coco")).json()
    assert (coco["annotations"], coco["categories"], len(coco["images"])) == ([], [], 1)


async def test_masks_lie_over_the_image_in_coco(outside: Outside) -> None:
    own = _segment(format="rle", counts=[105, 3, 97, 3, WIDTH * HEIGHT - 208])
    sent = _segment(format="rle", counts=[0, WIDTH * HEIGHT], bbox=[1, 2, 3, 4], area=5)
    # Half the size of the image; its only pixel is column 1, row 2.
    smaller = _segment(format="rle", counts=[52, 1, 4947], size=[50, 100])
    told = _segment(format="rle", counts=[53, 1, 4946], size=[50, 100], bbox=[1, 3, 1, 1], area=1)
    written = _segment(format="rle", counts="d11cj4", size=[50, 100])
    await outside.post([own, sent, smaller, told, written])
    found = (await _export(outside, "coco")).json()["annotations"]
    assert [one["segmentation"]["size"] for one in found] == [[HEIGHT, WIDTH]] * 5
    assert [one["iscrowd"] for one in found] == [0] * 5
    assert found[0]["segmentation"]["counts"] == own["data"]["counts"]
    assert [(one["bbox"], one["area"]) for one in found[:2]] == [
        ([1, 5, 2, 3], 6),
        ([1, 2, 3, 4], 5),
    ]
    for one, row in zip(found[2:], (4, 6, 4), strict=True):
        # Twice as wide and as high: columns 2 and 3, two rows each.
        assert one["segmentation"]["counts"] == [200 + row, 2, 98, 2, WIDTH * HEIGHT - 302 - row]
        assert (one["bbox"], one["area"]) == ([2, row, 2, 2], 4)


async def test_polygons_have_their_extent_and_their_holes_in_coco(outside: Outside) -> None:
    triangle = _segment(format="polygon", points=[[0, 0], [10, 0], [10, 10]])
    sent = _segment(
        format="polygon", points=[[0, 0], [10, 0], [10, 10]], bbox=[0, 0, 9, 9], area=40.5
    )
    square, hole = (
        [[10, 10], [30, 10], [30, 30], [10, 30]],
        [[15, 15], [20, 15], [20, 20], [15, 20]],
    )
    away = [[50, 50], [60, 50], [60, 60]]
    rings = _segment(format="polygon", points=[hole, square, away])
    await outside.post([triangle, sent, rings])
    first, second, third = (await _export(outside, "coco")).json()["annotations"]
    assert (first["segmentation"], first["bbox"], first["area"]) == (
        [[0, 0, 10, 0, 10, 10]],
        [0, 0, 10, 10],
        50,
    )
    assert (second["bbox"], second["area"]) == ([0, 0, 9, 9], 40.5)
    assert (third["bbox"], third["area"]) == ([10, 10, 50, 50], 400 - 25 + 50)
    outlined, apart = third["segmentation"]
    assert apart == [50, 50, 60, 50, 60, 60]
    assert outlined == [
        10, 10, 30, 10, 30, 30, 10, 30, 10, 10,
        15, 20, 20, 20, 20, 15, 15, 15, 15, 20,
    ]  # fmt: skip


async def test_key_points_have_categories_of_their_own_shape_in_coco(outside: Outside) -> None:
    nose, tail = (
        {"name": "nose", "x": 3, "y": 4, "confidence": 0.5},
        {"name": "tail", "x": 13, "y": 9},
    )
    unseen: list[dict[str, Any]] = [
        {"name": "nose", "x": 5, "y": 5, "confidence": 0},
        {"name": "tail"},
    ]
    posted = [
        box(0), _pose([nose, tail], [[0, 1]]),
        _pose([nose, {"name": "tail", "x": None, "y": None}], [[0, 1]]),
        _pose([nose, tail]), _pose([{"x": 1, "y": 1}, tail], [[1, 0]]), _pose(unseen, [[0, 1]]),
    ]  # fmt: skip
    await outside.post([one | {"ordering": place} for place, one in enumerate(posted)])
    coco = (await _export(outside, "coco")).json()
    assert [one["category_id"] for one in coco["annotations"]] == [1, 1, 1, 2, 3, 1]
    assert coco["categories"] == [
        {"id": 1, "name": "deer", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]},
        {"id": 2, "name": "deer", "keypoints": ["nose", "tail"], "skeleton": []},
        {"id": 3, "name": "deer", "keypoints": ["1", "tail"], "skeleton": [[2, 1]]},
    ]
    both, one, *_, none = coco["annotations"][1:]
    assert (both["keypoints"], both["num_keypoints"]) == ([3, 4, 2, 13, 9, 2], 2)
    assert (both["bbox"], both["area"]) == ([3, 4, 10, 5], 50)
    assert (one["keypoints"], one["num_keypoints"], one["bbox"]) == (
        [3, 4, 2, 0, 0, 0],
        1,
        [3, 4, 0, 0],
    )
    assert (none["keypoints"], none["num_keypoints"], none["bbox"]) == ([0] * 6, 0, [0, 0, 0, 0])


async def test_a_scaled_segmentation_is_exported_in_pixels_of_the_image(outside: Outside) -> None:
    frame: dict[str, Any] = {"image_width": 100, "image_height": 25}
    ring = _segment(
        format="polygon", points=[[0, 0], [10, 0], [10, 10]], bbox=[0, 0, 10, 10], area=50, **frame
    )
    await outside.post([ring])
    [one] = (await _export(outside, "coco")).json()["annotations"]
    assert (one["segmentation"], one["bbox"], one["area"]) == (
        [[0, 0, 20, 0, 20, 40]],
        [0, 0, 20, 40],
        400,
    )
