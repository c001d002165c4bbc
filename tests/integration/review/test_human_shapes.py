"""Points and polygons that people draw: they are stored, listed and changed as boxes are."""

from typing import Any

import pytest
from tests.support.human_box_easel import BOX, Easel, make_easel

from trapline.server.platform.app_context import AppContext

POINT = [60, 55.5]
TRIANGLE = [[10, 20], [110, 20], [60, 90]]
EXTENT = {"x_min": 10, "y_min": 20, "x_max": 110, "y_max": 90}


@pytest.fixture
async def easel(system: AppContext) -> Easel:
    return await make_easel(system)


async def draw(easel: Easel, *shapes: dict[str, Any], status: int = 201) -> Any:
    return await easel.draw(*({"box": None} | one for one in shapes), status=status)


async def test_points_and_polygons_are_observations_of_their_own_type(easel: Easel) -> None:
    before = await easel.store()
    point, polygon = await draw(easel, {"point": POINT}, {"polygon": TRIANGLE})
    assert (point["annotation_type"], polygon["annotation_type"]) == ("keypoint", "segmentation")
    at = {"x_min": 60, "y_min": 55.5, "x_max": 60, "y_max": 55.5}
    assert point["data"] == {"keypoints": [{"x": 60, "y": 55.5}], **at}
    assert polygon["data"] == {"format": "polygon", "points": TRIANGLE, **EXTENT}
    observed = await easel.observe()
    assert {("hare", point["id"], "human"), ("hare", polygon["id"], "human")} <= set(observed)
    [box] = await easel.draw({})
    for kind, one in (("keypoint", point), ("segmentation", polygon), ("bounding_box", box)):
        listed = await easel.find(f"source=human&type={kind}")
        assert [found["id"] for found in listed] == [one["id"]]
    assert await easel.find("source=human&type=classification") == []
    shown = {
        one["id"]: one for one in (await easel.call("GET", f"/images/{easel.images[0]}"))["boxes"]
    }
    assert shown[polygon["id"]] | EXTENT == shown[polygon["id"]], "the thumbnail shows the extent"
    for one in (point, polygon, box):
        await easel.call("DELETE", f"/annotations/{one['id']}", status=204)
    assert await easel.store() == before


async def test_a_shape_is_changed_withdrawn_and_restored_with_its_history(easel: Easel) -> None:
    [drawn] = await draw(easel, {"polygon": TRIANGLE, "count": 2})
    key, path = drawn["id"], f"/annotations/{drawn['id']}"
    square = [[10, 20], [60, 20], [60, 70], [10, 70]]
    changed = await easel.call("PATCH", path, {"polygon": square}, If_Match='"1"')
    assert (changed["version"], changed["data"]["points"]) == (2, square)
    assert changed["stated"]["count"] == 2
    same = await easel.call("PATCH", path, {"polygon": square}, If_Match='"2"')
    assert same == changed, "nothing changed, so that the version is the same"
    await easel.call("PATCH", path, {"polygon": TRIANGLE}, 412, If_Match='"1"')
    point = await easel.call("PATCH", path, {"point": POINT}, If_Match='"2"')
    assert point["annotation_type"] == "keypoint"
    box = await easel.call("PATCH", path, {"box": BOX}, If_Match='"3"')
    assert (box["annotation_type"], box["data"]) == ("bounding_box", BOX)
    await easel.call("DELETE", path, None, 204, If_Match='"4"')
    assert key not in {one["id"] for one in await easel.find("source=human")}
    [again] = await draw(easel, {"id": key, "polygon": TRIANGLE, "count": 2})
    assert (again["version"], again["data"]) == (6, drawn["data"])
    changes = (await easel.call("GET", f"{path}/history"))["changes"]
    assert [(one["box"], one["point"], one["polygon"]) for one in changes] == [
        (BOX, None, None),
        (BOX, None, None),
        (None, POINT, None),
        (None, None, square),
        (None, None, TRIANGLE),
    ]


async def test_a_polygon_supersedes_the_box_of_a_model(easel: Easel) -> None:
    before = await easel.store()
    [drawn] = await draw(easel, {"polygon": TRIANGLE, "supersedes": easel.found[0]})
    assert await easel.observe() == [("hare", drawn["id"], "human")]
    await easel.call("DELETE", f"/annotations/{drawn['id']}", status=204)
    assert await easel.store() == before


BOW = [[10, 10], [50, 50], [50, 10], [10, 50]]
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "annotations.0", "must have one of box, point and polygon"),
    ({"point": POINT, "polygon": TRIANGLE}, "annotations.0", "one of box, point and polygon"),
    ({"point": POINT, "box": BOX}, "annotations.0", "one of box, point and polygon"),
    ({"point": [200.1, 5]}, "annotations.0.point.0", "at most 200, the width of the image"),
    ({"point": [5, 101]}, "annotations.0.point.1", "at most 100, the height of the image"),
    ({"point": [-1, 5]}, "annotations.0.point.0", "greater than or equal to 0"),
    ({"point": [5]}, "annotations.0.point", "at least 2 items"),
    ({"point": [5, 5, 5]}, "annotations.0.point", "at most 2 items"),
    ({"point": ["5", 5]}, "annotations.0.point.0", "valid number"),
    ({"polygon": TRIANGLE[:2]}, "annotations.0.polygon", "at least 3 items"),
    ({"polygon": [[0, 0]] * 501}, "annotations.0.polygon", "at most 500 items"),
    ({"polygon": [*TRIANGLE[:2], [60, 101]]}, "annotations.0.polygon.2.1", "height of the image"),
    ({"polygon": [[0, 0], [50, 0], [90, 1.9]]}, "annotations.0.polygon", "2 pixels wide and high"),
    ({"polygon": BOW}, "annotations.0.polygon", "edges from corner 1 to 2 and from corner 3 to 4"),
    ({"polygon": [*TRIANGLE, TRIANGLE[0]]}, "annotations.0.polygon", "touches or crosses itself"),
    ({"polygon": [[5, 5], [9, 9], [5, 5], [5, 9]]}, "annotations.0.polygon", "touches or crosses"),
]


@pytest.mark.parametrize(("wrong", "where", "why"), REFUSED)
async def test_a_refusal_names_the_field_and_stores_nothing(
    easel: Easel, wrong: dict[str, Any], where: str, why: str
) -> None:
    told = await draw(easel, wrong, {"point": POINT, "image": easel.images[1]}, status=422)
    assert [one["where"] for one in told["errors"]] == [where]
    assert why in told["errors"][0]["message"]
    assert await easel.field.ask("select id from human_boxes") == []


async def test_a_wrong_change_names_the_field_and_changes_nothing(easel: Easel) -> None:
    [drawn] = await draw(easel, {"point": POINT})
    path = f"/annotations/{drawn['id']}"
    for change, where in (
        ({"polygon": BOW}, "polygon"),
        ({"polygon": [*TRIANGLE[:2], [201, 90]]}, "polygon.2.0"),
        ({"point": [5, 101]}, "point.1"),
        ({"point": None}, "box"),
        ({"point": POINT, "box": BOX}, "point"),
    ):
        told = await easel.call("PATCH", path, change, 422)
        assert told["detail"].startswith(f"{where}: "), told
        assert told["detail"].endswith("Nothing was changed.")
    assert (await easel.find("source=human"))[0]["version"] == 1


async def test_the_corners_of_a_request_are_limited(easel: Easel) -> None:
    many = [[1 + place / 10, 10 + place % 2 / 10] for place in range(499)]
    told = await draw(easel, *[{"polygon": [*many, [30, 90]]}] * 21, status=422)
    assert told["errors"][0]["where"] == "annotations"
    assert "10,000 corners" in told["detail"]


async def test_the_shapes_of_a_project_are_a_setting(easel: Easel) -> None:
    path = f"/projects/{easel.field.project}"
    assert (await easel.call("GET", path))["shapes"] == ["box"]
    for wrong in ([], ["circle"], ["box", "box"]):
        told = await easel.call("PATCH", path, {"shapes": wrong}, 422)
        assert "shapes" in str(told["errors"])
    changed = await easel.call("PATCH", path, {"shapes": ["polygon", "box"]})
    assert changed["shapes"] == ["box", "polygon"]
    assert (await easel.call("GET", path))["shapes"] == ["box", "polygon"]
