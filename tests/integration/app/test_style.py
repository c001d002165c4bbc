"""The one style of the API: errors, pages, conditions, slashes, request ids."""

import base64
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest
from tests.integration.accounts.test_auth import make_owner
from tests.support.project_with_roles import build_house

from trapline.server.operations.actions.retention import purge_saved_responses
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import StatementTimeout

LONE_SURROGATE = base64.urlsafe_b64encode(
    rb'["\ud800", "019a0000-0000-7000-8000-000000000000"]'
).decode()


async def test_same_key_and_body_makes_one_project(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client) | {"Idempotency-Key": "k1"}
    first = await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    second = await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    other = await app_client.post("/api/v2/projects", json={"name": "Meadow"}, headers=headers)
    assert other.status_code == 409
    assert (await app_client.get("/api/v2/projects")).json()["count"] == 1


async def test_run_begun_twice_with_one_key_is_one_run(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    headers = {"Authorization": f"Bearer {house.tokens['owner']}", "Idempotency-Key": "k1"}
    path = f"/image-pull-sources/{house.ids['source_id']}/process"
    first, second = [await app_client.post(path, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert (
        await app_client.post(path, params={"max_files": 1}, headers=headers)
    ).status_code == 409


async def test_answers_are_forgotten_when_their_time_is_over(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    owner = await make_owner(system, app_client)
    for key in ("old", "new"):
        await app_client.post(
            "/api/v2/projects", json={"name": key}, headers=owner | {"Idempotency-Key": key}
        )
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        await tx.execute(
            "update idempotency_keys set created_at = now() - interval '31 days' where key = 'old'"
        )
    assert await purge_saved_responses(system, scope) is False
    async with system.database.transaction(scope) as tx:
        assert await (await tx.execute("select key from idempotency_keys")).fetchall() == [("new",)]


async def test_statement_that_takes_too_long_is_told_as_that(system: AppContext) -> None:
    async def wait_too_long() -> None:
        async with system.database.transaction(Scope.system()) as tx:
            await tx.execute("set local statement_timeout = '20ms'")
            await tx.execute("select pg_sleep(10)")

    with pytest.raises(StatementTimeout):
        await wait_too_long()


async def test_deleting_and_pausing_lose_races_too(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    headers = {"Authorization": f"Bearer {house.tokens['owner']}", "If-Match": '"1.000000"'}
    source, deployment = house.ids["source_id"], house.ids["deployment_id"]
    for method, path in (
        ("PATCH", f"/image-pull-sources/{source}/toggle"),
        ("DELETE", f"/image-pull-sources/{source}"),
        ("DELETE", f"/deployments/{deployment}"),
    ):
        assert (
            await app_client.request(method, f"/api/v2{path}", headers=headers)
        ).status_code == 412
    headers["If-Match"] = (
        await app_client.get(f"/image-pull-sources/{source}", headers=headers)
    ).headers["etag"]
    assert (
        await app_client.delete(f"/image-pull-sources/{source}", headers=headers)
    ).status_code == 204


@pytest.mark.parametrize("path", ["/assets/%00", "/assets/" + "a" * 5000])
async def test_file_that_cannot_be_is_404(app_client: httpx2.AsyncClient, path: str) -> None:
    assert (await app_client.get(path)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"options": {"secret": "canary"}},
        {"options": {"a": "\x00"}},
        {"base_url": "file:///%00"},
        {"base_url": "file://[x/"},
        {"base_url": "http://[::1"},
    ],
)
async def test_source_that_cannot_be_is_422(
    system: AppContext, app_client: httpx2.AsyncClient, wrong: dict[str, object]
) -> None:
    house = await build_house(system, "house")
    body = {
        "name": "n",
        "project": int(house.ids["project_id"]),
        "base_url": "http://camera.example/",
    } | wrong
    headers = {"Authorization": f"Bearer {house.tokens['owner']}"}
    answer = await app_client.post("/image-pull-sources", json=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert "canary" not in answer.text


async def test_lost_race_is_412(system: AppContext, app_client: httpx2.AsyncClient) -> None:
    headers = await make_owner(system, app_client)
    made = (
        await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    ).json()
    path = f"/api/v2/projects/{made['id']}"
    seen = (await app_client.get(path)).headers["etag"]
    won = await app_client.patch(path, json={"name": "A"}, headers=headers | {"If-Match": seen})
    assert won.status_code == 200
    lost = await app_client.patch(path, json={"name": "B"}, headers=headers | {"If-Match": seen})
    assert lost.status_code == 412
    fresh = headers | {"If-Match": won.headers["etag"]}
    assert (await app_client.patch(path, json={"name": "C"}, headers=fresh)).status_code == 200
    assert (await app_client.get(path)).json()["name"] == "C"


async def test_pages_follow_each_other_without_gap(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    project = (
        await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    ).json()["id"]
    for number in range(7):
        body = {"project": project, "name": f"camera {number}"}
        assert (
            await app_client.post("/api/v2/deployments", json=body, headers=headers)
        ).status_code == 201
    names, cursor = [], None
    while True:
        query = {"project": project, "limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await app_client.get("/api/v2/deployments", params=query)).json()
        names += [found["name"] for found in page["results"]]
        assert page["count"] == 8
        cursor = page["next"]
        if cursor is None:
            break
    assert names == sorted(names)
    assert len(names) == 8


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "W10", "bnVsbA", "WzEsMl0", "%00", "W3t9LHt9XQ", LONE_SURROGATE]
)
async def test_foreign_cursor_is_400(
    system: AppContext, app_client: httpx2.AsyncClient, cursor: str
) -> None:
    await make_owner(system, app_client)
    answer = await app_client.get("/api/v2/deployments", params={"cursor": cursor})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[]", 422),
        (b'{"name": ""}', 422),
        (b'{"name": "a\\u0000b"}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name": 7}', 422),
        (b'{"nmae": "x"}', 422),
        (b'{"name": "x", "description": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
    ],
)
async def test_bad_body_is_a_problem_in_words(
    system: AppContext, app_client: httpx2.AsyncClient, body: bytes, status: int
) -> None:
    headers = await make_owner(system, app_client) | {"Content-Type": "application/json"}
    answer = await app_client.post("/api/v2/projects", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    ("path", "signed"), [("/auth/sign-in", False), ("/projects", False), ("/projects", True)]
)
async def test_endless_body_is_refused_before_it_is_in_memory(
    system: AppContext, app_client: httpx2.AsyncClient, path: str, signed: bool, told: bool
) -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'{"name": "'
        for _ in range(1000):
            taken += 1
            yield b"a" * 2**20

    headers = {"Content-Type": "application/json"}
    if signed:
        house = await build_house(system, "house")
        headers["Authorization"] = f"Bearer {house.tokens['owner']}"
    if told:
        headers["Content-Length"] = str(1000 * 2**20)
    answer = await app_client.post(f"/api/v2{path}", content=pieces(), headers=headers)
    assert answer.status_code == 413, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert taken <= (0 if told else 2 if signed else 1)


async def test_unusable_deployment_values_are_422(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    project = (
        await app_client.post("/api/v2/projects", json={"name": "F"}, headers=headers)
    ).json()["id"]
    for wrong in (
        {"latitude": 91},
        {"latitude": True},
        {"latitude": "1"},
        {"time_zone": "Mars/Base"},
        {"clock_offset_s": 10**30},
        {"started_at": "2020-01-01T00:00:00"},
        {"started_at": "9999-12-31T23:59:59-12:00"},
        {"ended_at": "9999-01-01T00:00:00Z"},
        {"started_at": "0001-01-01T00:00:00+10:00"},
    ):
        body = {"project": project, "name": "c"} | wrong
        answer = await app_client.post("/api/v2/deployments", json=body, headers=headers)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["where"] == next(iter(wrong))
    assert (await app_client.get("/api/v2/projects/99999999999999999999")).status_code == 422


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
async def test_moment_beyond_the_calendar_is_refused_wherever_it_comes_in(
    system: AppContext, app_client: httpx2.AsyncClient, moment: str
) -> None:
    headers = await make_owner(system, app_client)
    project = (
        await app_client.post("/api/v2/projects", json={"name": "F"}, headers=headers)
    ).json()["id"]
    for query in ("captured_after", "captured_before"):
        assert (await app_client.get("/api/v2/images", params={query: moment})).status_code == 422
    cursor = (
        base64.urlsafe_b64encode(json.dumps([moment, str(uuid4())]).encode()).decode().rstrip("=")
    )
    assert (await app_client.get("/api/v2/images", params={"cursor": cursor})).status_code == 400
    token = {"name": "t", "expires_at": moment}
    assert (
        await app_client.post("/api/v2/auth/tokens", json=token, headers=headers)
    ).status_code == 422
    job = {"project": project, "pipeline": "p", "selection": {"captured_after": moment}}
    assert (await app_client.post("/api/v2/jobs", json=job, headers=headers)).status_code == 422


@pytest.mark.parametrize(
    "path", ["/api/v2/projects", "/api/v2/projects/", "/healthz", "/healthz/", "/api/v2/healthz"]
)
async def test_both_slash_forms_answer_without_redirect(
    system: AppContext, app_client: httpx2.AsyncClient, path: str
) -> None:
    await make_owner(system, app_client)
    answer = await app_client.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_documentation_needs_nothing_from_elsewhere(app_client: httpx2.AsyncClient) -> None:
    page = (await app_client.get("/api/v2/docs")).text
    assert "POST /api/v2/images" in page
    assert "<script" not in page
    assert "://" not in page


async def test_request_id_is_kept_and_errors_carry_it(app_client: httpx2.AsyncClient) -> None:
    answer = await app_client.get("/api/v2/projects", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 401
    assert answer.headers["x-request-id"] == "abc-1" == answer.json()["request_id"]
    missing = await app_client.get("/api/v2/nothing")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
