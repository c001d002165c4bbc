"""The filter of images by one deployment or several of them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.api_project import Field, make_field

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def places(system: AppContext) -> tuple[Field, list[UUID]]:
    """Return a project with two images in each of three deployments, and the deployments."""
    field = await make_field(system, 6)
    places = []
    for number in range(3):
        body = {"project": field.project, "name": f"place {number}"}
        answer = await field.call("POST", "/deployments", body)
        assert answer.status_code == 201, answer.text
        places.append(UUID(answer.json()["id"]))
        for image in field.images[2 * number : 2 * number + 2]:
            await field.change(
                "update images set deployment_id = %s where id = %s", places[-1], image
            )
    return field, places


async def get(field: Field, path: str) -> Any:
    answer = await field.call("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_images_of_several_deployments_are_listed(
    places: tuple[Field, list[UUID]],
) -> None:
    field, [first, second, third] = places
    for wanted, images in (
        ([first], field.images[:2]),
        ([first, third], [*field.images[:2], *field.images[4:]]),
        ([first, first, second], field.images[:4]),
        ([first, uuid4()], field.images[:2]),
        ([uuid4()], []),
    ):
        query = "&".join(f"deployment={one}" for one in wanted)
        for order in ("-captured_at", "random"):
            page = await get(
                field, f"/images?project={field.project}&order={order}&limit=50&{query}"
            )
            assert {one["id"] for one in page["results"]} == {str(one) for one in images}
            assert page["count"] == len(images)
        days = await get(field, f"/images/days?project={field.project}&{query}")
        assert days["images"] == len(images)
    many = "&".join(f"deployment={uuid4()}" for _ in range(101))
    answer = await field.call("GET", f"/images?project={field.project}&{many}")
    assert answer.status_code == 422, answer.text


async def test_views_and_exports_select_several_deployments(
    places: tuple[Field, list[UUID]],
) -> None:
    field, [first, second, _] = places
    both = [str(first), str(second)]
    body = {"project": field.project, "name": "Both", "filter": {"deployment": both}}
    answer = await field.call("POST", "/saved-views", body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["filter"]["deployment"] == both
    for wrong in ([], [str(first), str(uuid4())]):
        body = {"project": field.project, "name": "Wrong", "filter": {"deployment": wrong}}
        answer = await field.call("POST", "/saved-views", body)
        assert answer.status_code in (404, 422), answer.text
        exported = {
            "project": field.project, "format": "csv", "selection": {"deployment": wrong},
        }  # fmt: skip
        answer = await field.call("POST", "/exports", exported)
        assert answer.status_code in (404, 422), answer.text
    exported = {"project": field.project, "format": "csv", "selection": {"deployment": both}}
    answer = await field.call("POST", "/exports", exported)
    assert answer.status_code in (201, 202), answer.text
    assert answer.json()["selection"]["deployment"] == both
