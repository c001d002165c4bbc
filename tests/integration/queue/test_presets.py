"""Presets: a pipeline with parameters under a name, and the roles that can change it."""

import httpx2
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.app_context import AppContext


def _as(house: House, who: str = "owner", **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[who]}", **headers}


async def test_a_preset_is_made_changed_and_deleted(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    project = int(house.ids["project_id"])
    new = {
        "project": project,
        "name": "night",
        "pipeline": "p",
        "parameters": {"threshold": 0.4},
        "priority": "high",
    }
    made = await app_client.post(
        "/api/v2/presets", json=new, headers=_as(house, **{"Idempotency-Key": "k"})
    )
    again = await app_client.post(
        "/api/v2/presets", json=new, headers=_as(house, **{"Idempotency-Key": "k"})
    )
    assert (made.status_code, again.status_code) == (201, 201)
    assert made.json() == again.json()
    assert made.headers["Location"] == f"/api/v2/presets/{made.json()['id']}"
    told = await app_client.get(
        "/api/v2/presets", params={"project": project}, headers=_as(house, "viewer")
    )
    assert [one["name"] for one in told.json()["results"]] == ["house-preset", "night"]

    path = made.headers["Location"]
    shown = await app_client.get(path, headers=_as(house, "viewer"))
    assert shown.json() == made.json()
    change = {"name": "dusk", "priority": "low", "parameters": {}}
    tag = shown.headers["ETag"]
    changed = await app_client.patch(path, json=change, headers=_as(house, **{"If-Match": tag}))
    assert changed.status_code == 200
    assert {key: changed.json()[key] for key in change} == change
    lost = await app_client.patch(
        path, json={"name": "dawn"}, headers=_as(house, **{"If-Match": tag})
    )
    assert lost.status_code == 412

    assert (await app_client.delete(path, headers=_as(house, "viewer"))).status_code == 403
    assert (await app_client.delete(path, headers=_as(house))).status_code == 204
    assert (await app_client.get(path, headers=_as(house))).status_code == 404


async def test_an_invalid_preset_changes_nothing(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    project, preset = int(house.ids["project_id"]), f"/api/v2/presets/{house.ids['preset_id']}"
    new = {"project": project, "name": "night", "pipeline": "p"}
    refused = {
        409: new | {"name": "house-preset"},
        422: new | {"pipeline": "nobody-offers-it"},
    }
    for status, body in refused.items():
        answer = await app_client.post("/api/v2/presets", json=body, headers=_as(house))
        assert answer.status_code == status
        assert "Nothing was changed" in answer.json()["detail"]
    await app_client.post("/api/v2/presets", json=new, headers=_as(house))
    for status, change in {409: {"name": "night"}, 422: {"pipeline": "nobody-offers-it"}}.items():
        assert (
            await app_client.patch(preset, json=change, headers=_as(house))
        ).status_code == status
    kept = (await app_client.get(preset, headers=_as(house))).json()
    assert (kept["name"], kept["pipeline"]) == ("house-preset", "p")


async def test_a_change_to_nothing_or_of_something_newer_is_refused(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    path = f"/api/v2/presets/{house.ids['preset_id']}"
    before = await app_client.get(path, headers=_as(house))
    for field in ("name", "pipeline", "description", "parameters", "priority"):
        answer = await app_client.patch(path, json={field: None}, headers=_as(house))
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            f"{field} cannot be empty. Nothing was changed.",
        )
    assert (await app_client.get(path, headers=_as(house))).headers["ETag"] == before.headers[
        "ETag"
    ]
    assert (
        await app_client.delete(path, headers=_as(house, **{"If-Match": '"nonsense"'}))
    ).status_code == 412
    tag = before.headers["ETag"]
    assert (
        await app_client.delete(path, headers=_as(house, **{"If-Match": tag}))
    ).status_code == 204
