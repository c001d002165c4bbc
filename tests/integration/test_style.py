"""The one style of the API: errors, pages, conditions, slashes, request ids."""

import httpx2
import pytest

from tests.integration.test_auth import make_owner
from trapline.server.system import System


async def test_same_key_and_body_makes_one_project(system: System, app_client: httpx2.AsyncClient) -> None:
    headers = await make_owner(system, app_client) | {"Idempotency-Key": "k1"}
    first = await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    second = await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    other = await app_client.post("/api/v2/projects", json={"name": "Meadow"}, headers=headers)
    assert other.status_code == 409
    assert (await app_client.get("/api/v2/projects")).json()["count"] == 1


async def test_lost_race_is_412(system: System, app_client: httpx2.AsyncClient) -> None:
    headers = await make_owner(system, app_client)
    made = (await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)).json()
    path = f"/api/v2/projects/{made['id']}"
    seen = (await app_client.get(path)).headers["etag"]
    won = await app_client.patch(path, json={"name": "A"}, headers=headers | {"If-Match": seen})
    assert won.status_code == 200
    lost = await app_client.patch(path, json={"name": "B"}, headers=headers | {"If-Match": seen})
    assert lost.status_code == 412
    fresh = headers | {"If-Match": won.headers["etag"]}
    assert (await app_client.patch(path, json={"name": "C"}, headers=fresh)).status_code == 200
    assert (await app_client.get(path)).json()["name"] == "C"


async def test_pages_follow_each_other_without_gap(system: System, app_client: httpx2.AsyncClient) -> None:
    headers = await make_owner(system, app_client)
    project = (await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)).json()["id"]
    for number in range(7):
        body = {"project": project, "name": f"camera {number}"}
        assert (await app_client.post("/api/v2/deployments", json=body, headers=headers)).status_code == 201
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


@pytest.mark.parametrize("cursor", ["x", "AAAA", "W10", "bnVsbA", "WzEsMl0", "%00", "W3t9LHt9XQ"])
async def test_foreign_cursor_is_400(system: System, app_client: httpx2.AsyncClient, cursor: str) -> None:
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
        (b'{"name": "x", "description": ' + b"[" * 5000 + b"]" * 5000 + b"}", 422),
    ],
)
async def test_bad_body_is_a_problem_in_words(
    system: System, app_client: httpx2.AsyncClient, body: bytes, status: int
) -> None:
    headers = await make_owner(system, app_client) | {"Content-Type": "application/json"}
    answer = await app_client.post("/api/v2/projects", content=body, headers=headers)
    assert answer.status_code in (status, 400), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_unusable_deployment_values_are_422(system: System, app_client: httpx2.AsyncClient) -> None:
    headers = await make_owner(system, app_client)
    project = (await app_client.post("/api/v2/projects", json={"name": "F"}, headers=headers)).json()["id"]
    for wrong in (
        {"latitude": 91},
        {"latitude": True},
        {"latitude": "1"},
        {"time_zone": "Mars/Base"},
        {"clock_offset_s": 10**30},
        {"started_at": "2020-01-01T00:00:00"},
    ):
        body = {"project": project, "name": "c"} | wrong
        answer = await app_client.post("/api/v2/deployments", json=body, headers=headers)
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["where"] == next(iter(wrong))
    assert (await app_client.get("/api/v2/projects/99999999999999999999")).status_code == 422


@pytest.mark.parametrize("path", ["/api/v2/projects", "/api/v2/projects/", "/healthz", "/healthz/", "/api/v2/healthz"])
async def test_both_slash_forms_answer_without_redirect(
    system: System, app_client: httpx2.AsyncClient, path: str
) -> None:
    await make_owner(system, app_client)
    answer = await app_client.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_request_id_is_kept_and_errors_carry_it(app_client: httpx2.AsyncClient) -> None:
    answer = await app_client.get("/api/v2/projects", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 401
    assert answer.headers["x-request-id"] == "abc-1" == answer.json()["request_id"]
    missing = await app_client.get("/api/v2/nothing")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
