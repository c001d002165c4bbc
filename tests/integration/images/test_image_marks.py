"""Stars, tags and edited capture times: for many images at once, found again, and undone."""

from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import Field, make_field, success

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def change(
    field: Field, images: list[UUID], expect: int = 200, **changes: Any
) -> dict[str, Any]:
    body = {"images": [str(image) for image in images]} | changes
    answer = await field.call("PATCH", "/images", body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


async def listed(field: Field, query: str) -> list[UUID]:
    answer = await field.call("GET", f"/images?project={field.project}&order=captured_at&{query}")
    assert answer.status_code == 200, answer.text
    return [UUID(image["id"]) for image in answer.json()["results"]]


async def test_stars_and_tags_are_found_again(field: Field) -> None:
    first, second, third = field.images
    assert await change(field, [first, second], starred=True) == {"changed": 2, "unchanged": 0}
    assert await change(
        field, [second, third], starred=True, add_tags=["red fox", " night  time "]
    ) == {
        "changed": 2,
        "unchanged": 0,
    }
    assert await listed(field, "starred=true") == field.images
    assert await listed(field, "tag=night+time") == [second, third]
    assert await listed(field, "tag=night+time&class=lynx") == []
    await change(field, [second], remove_tags=["red fox"], starred=False)
    assert await listed(field, "starred=false") == [second]
    shown = (await field.call("GET", f"/images/{second}")).json()
    assert (shown["starred"], shown["tags"]) == (False, ["night time"])
    tags = (await field.call("GET", f"/images/tags?project={field.project}")).json()["results"]
    assert tags == [{"tag": "night time", "images": 2}, {"tag": "red fox", "images": 1}]
    assert await change(field, [second], add_tags=["night time"]) == {"changed": 0, "unchanged": 1}
    for number in range(0, 40, 20):
        await change(field, [second], add_tags=[f"tag {number + one}" for one in range(20)])
    assert (
        "at most 50"
        in (await change(field, [second], 422, add_tags=[f"more {one}" for one in range(20)]))[
            "detail"
        ]
    )
    assert len((await field.call("GET", f"/images/{second}")).json()["tags"]) == 41


async def test_a_capture_time_is_edited_and_what_was_read_is_kept(field: Field) -> None:
    first, second, third = field.images
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease(job)])
    await change(field, [first], captured_at="2026-06-02T12:00:00+02:00")
    shown = (await field.call("GET", f"/images/{first}")).json()
    assert (shown["captured_at"], shown["read_at"]) == (
        "2026-06-02T10:00:00Z",
        "2026-06-01T00:00:00Z",
    )
    assert await listed(field, "") == [second, third, first]
    [name] = (await field.call("GET", f"/images/classes?project={field.project}")).json()["results"]
    assert await listed(field, f"class={name['class_name']}") == [second, third, first]
    assert await change(field, field.images, shift_s=-3600) == {"changed": 3, "unchanged": 0}
    shown = (await field.call("GET", f"/images/{first}")).json()
    assert (shown["captured_at"], shown["read_at"]) == (
        "2026-06-02T09:00:00Z",
        "2026-06-01T00:00:00Z",
    )
    await change(field, [second, third], shift_s=3600)
    assert (await field.call("GET", f"/images/{second}")).json()["read_at"] is None
    assert await change(field, field.images, as_read=True) == {"changed": 1, "unchanged": 2}
    assert await listed(field, f"class={name['class_name']}") == field.images
    told = (await field.call("GET", f"/audit?project={field.project}&action=change")).json()[
        "results"
    ]
    assert told[-1]["details"]["captured_at"] == "2026-06-02T12:00:00+02:00"


async def test_a_change_that_cannot_be_made_changes_nothing(field: Field) -> None:
    other = await make_field(field.system, 1, "other")
    await change(field, [field.images[0], other.images[0]], 404, starred=True)
    await change(field, field.images, 422, captured_at="2026-06-02T12:00:00Z")
    await change(field, field.images, 422)
    await change(field, field.images, 422, shift_s=1, as_read=True)
    await change(field, field.images, 422, add_tags=["  "])
    await field.change(
        "update images set captured_at = '9998-12-31' where id = %s", field.images[2]
    )
    await change(field, field.images, 422, shift_s=86_400, starred=True)
    assert await listed(field, "starred=true") == []
    await field.call("POST", "/images/delete", {"images": [str(field.images[0])], "reason": "x"})
    await change(field, field.images, 404, starred=True)
