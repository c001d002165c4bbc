"""Clock offsets of cameras: preview, the change of all camera times in batches, and undo."""

from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success

from trapline.server.images.actions import clock_offsets, deployments
from trapline.server.images.actions.clock_offsets import update_capture_times
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 5)


async def find_deployment(field: Field) -> UUID:
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    return UUID(str(deployment))


async def times(field: Field) -> list[str]:
    found = (await field.call("GET", f"/images?project={field.project}&order=captured_at")).json()[
        "results"
    ]
    at = {image["id"]: image["captured_at"] for image in found}
    return [at[str(image)][5:16] for image in field.images]


async def call(
    field: Field, method: str, path: str, body: Any = None, expect: int = 200
) -> dict[str, Any]:
    answer = await field.call(method, path, body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


async def test_a_clock_is_set_with_a_preview_and_set_back(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "BATCH", 2)
    monkeypatch.setattr(clock_offsets, "BATCH", 2)
    at = f"/deployments/{await find_deployment(field)}"
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease(job)])
    await call(
        field,
        "PATCH",
        "/images",
        {"images": [str(field.images[1])], "captured_at": "2026-07-01T00:00:00Z"},
    )
    await field.change(
        "update images set captured_at_source = 'received_time' where id = %s", field.images[2]
    )
    before = await times(field)
    preview = await call(field, "POST", f"{at}/clock/preview", {"clock_offset_s": 3600})
    assert (preview["moved"], preview["edited"], preview["without_camera_time"]) == (3, 1, 1)
    assert preview["first"][0]["captured_at"] == "2026-06-01T00:00:00Z"
    assert preview["first"][0]["would_be"] == "2026-06-01T01:00:00Z"
    assert await times(field) == before

    changed = await call(field, "PATCH", at, {"clock_offset_s": 3600})
    assert (
        changed["clock_offset_s"],
        changed["previous_clock_offset_s"],
        changed["capture_times_pending"],
    ) == (
        3600,
        0,
        True,
    )
    while await update_capture_times(field.system, SYSTEM):
        pass
    assert await times(field) == [
        "06-01T01:00",
        "07-01T00:00",
        "06-01T00:02",
        "06-01T01:03",
        "06-01T01:04",
    ]
    edited = await call(field, "GET", f"/images/{field.images[1]}")
    assert edited["read_at"] == "2026-06-01T01:01:00Z"
    assert (await call(field, "GET", at))["capture_times_pending"] is False
    drifted = (
        "select count(*) from image_classes c join images i on i.id = c.image_id where "
        "c.captured_at <> i.captured_at"
    )
    assert await field.ask(drifted) == [(0,)]

    once = {"Authorization": f"Token {field.owner}", "Idempotency-Key": "once"}
    for _ in range(2):
        undone = await field.client.post(f"/api/v2{at}/clock/undo", headers=once)
        assert undone.json()["clock_offset_s"] == 0, (
            "sent again, it is not the step back from the step back"
        )
    while await update_capture_times(field.system, SYSTEM):
        pass
    assert await times(field) == before
    told = (await call(field, "GET", f"/audit?project={field.project}&action=set clock"))["results"]
    assert [(line["details"]["from_s"], line["details"]["to_s"]) for line in told] == [
        (3600, 0),
        (0, 3600),
    ]


async def test_a_clock_that_was_never_set_cannot_be_set_back(field: Field) -> None:
    at = f"/deployments/{await find_deployment(field)}"
    await call(field, "POST", f"{at}/clock/undo", expect=409)
    await call(field, "PATCH", at, {"clock_offset_s": 0})
    await call(field, "POST", f"{at}/clock/undo", expect=409)


async def test_a_time_that_would_leave_the_calendar_stays(field: Field) -> None:
    at = f"/deployments/{await find_deployment(field)}"
    await field.change(
        "update images set captured_at = '9998-12-01' where id = %s", field.images[0]
    )
    await call(field, "PATCH", at, {"clock_offset_s": 86_400 * 365})
    while await update_capture_times(field.system, SYSTEM):
        pass
    assert (await times(field))[:2] == ["12-01T00:00", "06-01T00:01"]


async def test_a_camera_that_sends_nothing_is_silent_until_its_period_is_over(field: Field) -> None:
    at = f"/deployments/{await find_deployment(field)}"
    await field.change("update images set captured_at = now() - interval '4 days'")
    silent = await call(field, "GET", at)
    assert silent["silent_since"] == silent["last_image_at"]
    assert (await call(field, "PATCH", at, {"ended_at": "2020-06-02T00:00:00Z"}))[
        "silent_since"
    ] is None
