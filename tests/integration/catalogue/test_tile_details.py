"""Details of a tile of the grid: the most specific name with its count, reviewers, sequence."""

from typing import Any

import pytest
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import begin, box

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=3)


async def identify(field: Field, **stated: Any) -> None:
    answer = await field.call("POST", "/identifications", {"identifications": [stated]})
    assert answer.status_code == 201, answer.text


async def test_a_list_has_what_its_tiles_show(field: Field) -> None:
    first, second, third = field.images
    outside = await begin(field, first, model_name="net")
    names = ["animal", "animal", "Lynx lynx"]
    boxes = [box(at, class_name=one, confidence=0.9 - at / 10) for at, one in enumerate(names)]
    found = (await outside.post(boxes))["annotations"]
    await outside.call("POST", "/finalize", {"status": "completed"})
    await identify(field, kind="correct", images=[str(second)], label="Canis lupus", count=4)
    await identify(field, kind="confirm", annotations=[found[2]["id"]])
    answer = await field.call("GET", f"/images?project={field.project}")
    tiles = {one["id"]: one for one in answer.json()["results"]}

    shown = tiles[str(first)]
    # A generic name follows, although its confidence is higher.
    assert shown["observed"] == [
        {"name": "Lynx lynx", "count": 1},
        {"name": "animal", "count": 2},
    ]
    assert tiles[str(second)]["observed"] == [{"name": "Canis lupus", "count": 4}]
    me = (await field.call("GET", "/auth/me")).json()
    assert shown["reviewers"] == tiles[str(second)]["reviewers"] == [me["name"] or me["email"]]
    assert tiles[str(third)]["reviewers"] == tiles[str(third)]["observed"] == []
    sizes = {one["sequence_images"] for one in tiles.values()}
    assert sizes <= {None, 3}
