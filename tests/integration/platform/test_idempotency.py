"""An Idempotency-Key is honoured for every form of body, or the request is refused."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.integration.accounts.test_sign_ins import wait_for_waiters
from tests.integration.queue.test_runs import RUN, as_caller, count, over_image
from tests.support.isolation_rows import make_operator
from tests.support.project_with_roles import build_house

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

KEY = {"Idempotency-Key": "once"}


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
)
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_key_counts_for_each_form_of_a_body(
    system: AppContext, app_client: httpx2.AsyncClient, kind: str, is_chunked: bool
) -> None:
    house = await build_house(system, "house")
    before = await count(system, "select count(*) from jobs")
    sent = json.dumps(over_image(house)).encode()

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        yield body[:7]
        yield body[7:]

    async def submit(body: bytes) -> httpx2.Response:
        headers = as_caller(house, **KEY, **{"Content-Type": kind})
        return await app_client.post(
            RUN, content=pieces(body) if is_chunked else body, headers=headers
        )

    first, second = await submit(sent), await submit(sent)
    assert (first.status_code, second.status_code) == (202, 202), first.text
    assert first.json() == second.json()
    assert (await submit(sent + b" ")).status_code == 409, "another body"
    assert await count(system, "select count(*) from jobs") == before + 1


async def test_a_key_is_the_same_wherever_a_route_is_mounted(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    body, headers = over_image(house), as_caller(house, **KEY)
    answers = [
        await app_client.post(path, json=body, headers=headers)
        for path in (RUN, f"/api/v2{RUN}", f"{RUN}/")
    ]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.text for answer in answers}) == 1
    other = await app_client.post("/api/v2/jobs", json=body, headers=headers)
    assert other.status_code in (409, 422)


async def test_a_key_of_another_route_is_refused_though_the_body_is_the_same(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    body, headers = {"name": "Forest"}, as_caller(house, **KEY)
    token = await app_client.post("/api/v2/auth/tokens", json=body, headers=headers)
    assert token.status_code == 201, token.text
    projects = await count(system, "select count(*) from projects")
    refused = await app_client.post("/api/v2/projects", json=body, headers=headers)
    assert (refused.status_code, "with another request" in refused.text) == (409, True)
    assert await count(system, "select count(*) from projects") == projects
    allowed = await app_client.post(
        "/api/v2/projects", json=body, headers=headers | {"Idempotency-Key": "another"}
    )
    assert allowed.status_code == 201, allowed.text


async def test_a_key_is_the_callers_own(system: AppContext, app_client: httpx2.AsyncClient) -> None:
    houses = [await build_house(system, name) for name in ("house", "neighbour")]
    answers = [
        await app_client.post(
            "/api/v2/projects", json={"name": "Forest"}, headers=as_caller(house, **KEY)
        )
        for house in houses
    ]
    assert [answer.status_code for answer in answers] == [201, 201], answers[1].text
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_the_query_is_a_part_of_the_request(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    headers = as_caller(house, **KEY)
    other = (
        await app_client.post("/api/v2/projects", json={"name": "other"}, headers=as_caller(house))
    ).json()["id"]
    sheet = b"name\na new camera\n"
    answers = [
        await app_client.post(
            "/api/v2/deployments/csv", params={"project": project}, content=sheet, headers=headers
        )
        for project in (house.ids["project_id"], other, house.ids["project_id"])
    ]
    assert [answer.status_code for answer in answers] == [200, 409, 200], [
        answer.text for answer in answers
    ]
    assert await count(system, f"select count(*) from deployments where project_id = {other}") == 1


@pytest.mark.parametrize("kind", ["deployments", "projects", "restore"])
async def test_a_twin_waits_for_the_answer_of_the_first(
    system: AppContext, app_client: httpx2.AsyncClient, kind: str
) -> None:
    """Both arrive before a response is stored.

    The second waits and returns what the first created.
    """
    house = await build_house(system, "house")
    headers, project = as_caller(house, **KEY), f"/api/v2/projects/{house.ids['project_id']}"
    path, body = {
        "deployments": (
            "/api/v2/deployments",
            {"project": int(house.ids["project_id"]), "name": "a new camera"},
        ),
        "projects": ("/api/v2/projects", {"name": "a new project"}),
        "restore": (f"{project}/restore", None),
    }[kind]
    if kind == "restore":
        gone = await app_client.delete(project, params={"name": "house"}, headers=headers)
        assert gone.status_code == 200, gone.text
    created = "select (select count(*) from deployments) + (select count(*) from projects)"
    before = await count(system, created)
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute("lock table projects in exclusive mode")
        twins: list[asyncio.Task[httpx2.Response]] = []
        for waiting in (1, 2):
            request = app_client.post(path, json=body, headers=headers)
            twins.append(asyncio.create_task(request))
            await wait_for_waiters(system, waiting)
    answers = [await twin for twin in twins]
    assert [answer.status_code for answer in answers] == [200 if kind == "restore" else 201] * 2, (
        answers[1].text
    )
    assert answers[0].json() == answers[1].json()
    assert (
        await count(system, created)
        == before + {"deployments": 1, "projects": 2, "restore": 0}[kind]
    )


async def test_a_former_operator_does_not_read_an_answer_about_a_project_of_others(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house, operator = await build_house(system, "house"), await make_operator(system)
    new = {"email": "second@the.example", "name": "second", "is_operator": True}
    second = await app_client.post("/api/v2/users", json=new, headers=operator.headers)
    assert second.status_code == 201, second.text
    path = f"/api/v2/projects/{house.ids['project_id']}/members"
    body = {"email": "second@the.example", "role": "viewer"}

    async def add() -> httpx2.Response:
        return await app_client.post(path, json=body, headers=operator.headers | KEY)

    first, again = await add(), await add()
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert first.json() == again.json()
    me = (await app_client.get("/api/v2/auth/me", headers=operator.headers)).json()["user_id"]
    left = await app_client.patch(
        f"/api/v2/users/{me}", json={"is_operator": False}, headers=operator.headers
    )
    assert left.status_code == 200, left.text
    refused = await add()
    assert (refused.status_code, "second@the.example" in refused.text) == (404, False), refused.text


async def test_an_answer_without_recorded_projects_is_not_returned(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    body, headers = (
        {"project": int(house.ids["project_id"]), "name": "a new camera"},
        as_caller(house, **KEY),
    )
    first = await app_client.post("/api/v2/deployments", json=body, headers=headers)
    assert first.status_code == 201, first.text
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute("update idempotency_keys set project_ids = null")
    refused = await app_client.post("/api/v2/deployments", json=body, headers=headers)
    assert (refused.status_code, first.json()["id"] in refused.text) == (409, False), refused.text
    assert "Nothing was changed" in refused.json()["detail"]


async def test_where_a_key_cannot_count_nothing_is_done(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    images = await count(system, "select count(*) from images")
    for _ in range(2):
        form = {"files": ("a.jpg", b"x", "image/jpeg")}
        data = {"project": house.ids["project_id"]}
        sent = await app_client.post(
            "/api/v2/images", data=data, files=form, headers=as_caller(house, **KEY)
        )
        assert sent.status_code == 400, sent.text
        assert "Idempotency-Key" in sent.json()["detail"]
    assert await count(system, "select count(*) from images") == images
