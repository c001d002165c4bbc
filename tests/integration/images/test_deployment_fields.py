"""Fields of a deployment that contradict each other are refused, by the name of the field."""

from typing import Any

import pytest
from tests.support.api_project import Field, make_field

from trapline.server.platform.app_context import AppContext

EARLY, LATE = "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"
REVERSED = {"started_at": LATE, "ended_at": EARLY}


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def create(field: Field, status: int, **values: Any) -> dict[str, Any]:
    answer = await field.call(
        "POST", "/deployments", {"project": field.project, "name": "Old oak"} | values
    )
    assert answer.status_code == status, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("values", "named"),
    [(REVERSED, "ended_at"), ({"latitude": 47.5}, "longitude"), ({"longitude": 0.0}, "latitude")],
)
async def test_contradictions_are_refused_on_create_change_and_sheet(
    field: Field, values: dict[str, Any], named: str
) -> None:
    refused = await create(field, 422, **values)
    assert [one["where"] for one in refused["errors"]] == [named]
    made = await create(field, 201)
    changed = await field.call("PATCH", f"/deployments/{made['id']}", values)
    assert (changed.status_code, [one["where"] for one in changed.json()["errors"]]) == (
        422,
        [named],
    )
    sheet = (
        f"name,{','.join(values)}\nOld oak,{','.join(str(value) for value in values.values())}\n"
    )
    answer = await field.client.post(
        "/api/v2/deployments/csv",
        params={"project": field.project},
        content=sheet.encode(),
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.status_code == 422, answer.text
    assert [one["where"] for one in answer.json()["errors"]] == [f"line 2, {named}"]
    kept = (await field.call("GET", f"/deployments/{made['id']}")).json()
    assert [kept[name] for name in ("latitude", "longitude", "started_at", "ended_at")] == [
        None
    ] * 4


async def test_a_partial_change_is_compared_with_the_stored_values(field: Field) -> None:
    made = await create(field, 201, latitude=47.5, longitude=11.0, started_at=EARLY, ended_at=LATE)
    for change in (
        {"ended_at": "2026-04-01T00:00:00Z"},
        {"started_at": "2026-07-01T00:00:00Z"},
        {"longitude": None},
    ):
        answer = await field.call("PATCH", f"/deployments/{made['id']}", change)
        assert answer.status_code == 422, (change, answer.text)
    for change in (
        {"started_at": LATE},
        {"latitude": None, "longitude": None},
        {"habitat": "beech"},
    ):
        answer = await field.call("PATCH", f"/deployments/{made['id']}", change)
        assert answer.status_code == 200, (change, answer.text)
