"""Limits of tokens compared with their creator, what they can create, and what ends with them."""

import asyncio
from typing import Any

import httpx2
import pytest
from tests.integration.accounts.test_auth import make_owner
from tests.support.isolation_rows import make_operator
from tests.support.project_with_roles import House, build_house

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def make(client: httpx2.AsyncClient, maker: str, **given: Any) -> dict[str, Any]:
    answer = await client.post(
        "/api/v2/auth/tokens", json={"name": "t"} | given, headers=bearing(maker)
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_tokens_are_revoked_with_the_token_that_created_them(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    root = await make(app_client, house.tokens["owner"])
    other = await make(app_client, house.tokens["owner"])
    child = await make(app_client, root["token"])
    grandchild = await make(app_client, child["token"], kind="worker")
    assert (child["made_by"], grandchild["made_by"]) == (root["id"], child["id"])
    revoked = await app_client.delete(
        f"/api/v2/auth/tokens/{root['id']}", headers=bearing(other["token"])
    )
    assert revoked.status_code == 204
    seen = [
        (await app_client.get("/api/v2/auth/me", headers=bearing(one["token"]))).status_code
        for one in (root, child, grandchild, other)
    ]
    assert seen == [401, 401, 401, 200]


async def test_a_token_that_is_revoked_while_it_makes_one_leaves_none_behind(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    for _ in range(10):
        root = await make(app_client, house.tokens["owner"])
        made, revoked = await asyncio.gather(
            app_client.post(
                "/api/v2/auth/tokens", json={"name": "late"}, headers=bearing(root["token"])
            ),
            app_client.delete(
                f"/api/v2/auth/tokens/{root['id']}", headers=bearing(house.tokens["owner"])
            ),
        )
        assert revoked.status_code == 204
        if made.status_code == 201:
            late = await app_client.get("/api/v2/auth/me", headers=bearing(made.json()["token"]))
            assert late.status_code == 401
        else:
            assert made.status_code == 401, made.text


@pytest.mark.parametrize("limits", [{"projects": True}, {"scopes": ["own"]}])
async def test_a_limited_token_sees_and_revokes_only_its_own(
    app_client: httpx2.AsyncClient, house: House, limits: dict[str, Any]
) -> None:
    if "projects" in limits:
        limits = {"projects": [int(house.ids["project_id"])]}
    limited = await make(app_client, house.tokens["owner"], **limits)
    child = await make(app_client, limited["token"])
    listed = (await app_client.get("/api/v2/auth/tokens", headers=bearing(limited["token"]))).json()
    assert [one["id"] for one in listed["results"]] == [child["id"], limited["id"]]
    foreign = f"/api/v2/auth/tokens/{house.ids['token_id']}"
    assert (await app_client.delete(foreign, headers=bearing(limited["token"]))).status_code == 404
    assert (
        await app_client.get("/api/v2/auth/me", headers=bearing(house.tokens["owner"]))
    ).status_code == 200
    own = f"/api/v2/auth/tokens/{child['id']}"
    assert (await app_client.delete(own, headers=bearing(limited["token"]))).status_code == 204
    parent = f"/api/v2/auth/tokens/{limited['id']}"
    assert (await app_client.delete(parent, headers=bearing(child["token"]))).status_code == 401


async def test_a_scope_is_all_that_a_token_may_do(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    project = house.ids["project_id"]
    calls = {
        "read": ("GET", "/deployments", None),
        "write": ("POST", "/deployments", {"project": int(project), "name": "camera 2"}),
        "own": ("PATCH", f"/projects/{project}", {"description": "Oaks."}),
        "account": ("GET", "/auth/sessions", None),
    }
    may: dict[str, list[str]] = {}
    for scope in calls:
        token = await make(app_client, house.tokens["owner"], scopes=[scope])
        headers = bearing(token["token"])
        may[scope] = []
        for needed, (method, path, body) in calls.items():
            answer = await app_client.request(method, f"/api/v2{path}", json=body, headers=headers)
            if answer.status_code != 403:
                assert answer.status_code in (200, 201, 409), answer.text
                may[scope].append(needed)
            else:
                assert needed in answer.json()["detail"]
    assert may == {
        "read": ["read"],
        "write": ["read", "write"],
        "own": ["read", "write", "own"],
        "account": ["read", "account"],
    }


async def test_a_limited_token_of_an_operator_has_no_rights_of_an_operator(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    """It is refused where only operators are allowed, and where operators count as owners."""
    caller = await make_operator(system)
    [(_, whole)] = caller.headers.items()
    made = await app_client.post(
        "/api/v2/projects", json={"name": "Forest"}, headers=caller.headers
    )
    limits: dict[str, dict[str, Any]] = {
        "whole": {},
        "some projects": {"projects": [made.json()["id"]]},
        "some rights": {"scopes": ["own"]},
    }
    seen = {}
    for name, given in limits.items():
        token = await make(app_client, whole.removeprefix("Bearer "), **given)
        of_all = await app_client.get(
            "/api/v2/source-folders/missing", headers=bearing(token["token"])
        )
        members = f"/api/v2/projects/{house.ids['project_id']}/members"
        of_others = await app_client.get(members, headers=bearing(token["token"]))
        me = (await app_client.get("/api/v2/auth/me", headers=bearing(token["token"]))).json()
        seen[name] = (of_all.status_code, of_others.status_code, me["is_operator"])
    assert seen == {
        "whole": (200, 200, True),
        "some projects": (403, 404, False),
        "some rights": (403, 404, False),
    }


async def test_scopes_are_given_on_and_never_widened(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    writer = await make(app_client, house.tokens["owner"], scopes=["write"])
    assert (await make(app_client, writer["token"]))["scopes"] == ["write"]
    assert (await make(app_client, writer["token"], scopes=["read"]))["scopes"] == ["read"]
    refusals = []
    reader = await make(app_client, house.tokens["owner"], scopes=["read"])
    for maker, given in (
        (writer["token"], {"scopes": ["own"]}),
        (writer["token"], {"scopes": ["read", "account"]}),
        (reader["token"], {"kind": "worker"}),
        (house.tokens["owner"], {"scopes": []}),
        (house.tokens["owner"], {"scopes": ["read"], "kind": "worker"}),
    ):
        answer = await app_client.post(
            "/api/v2/auth/tokens", json={"name": "t"} | given, headers=bearing(maker)
        )
        refusals.append(answer.status_code)
    assert refusals == [403, 403, 403, 422, 422]


async def test_a_token_for_some_projects_reaches_no_other(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    whole = bearing(house.tokens["owner"])
    other = (
        await app_client.post("/api/v2/projects", json={"name": "other"}, headers=whole)
    ).json()["id"]
    own = int(house.ids["project_id"])
    for kind in ("user", "worker", "pipeline"):
        limited = bearing(
            (await make(app_client, house.tokens["owner"], projects=[own], kind=kind))["token"]
        )
        seen = [
            (await app_client.get(f"/api/v2/projects/{project}", headers=limited)).status_code
            for project in (own, other)
        ]
        assert seen == [200, 404], kind
        listed = (await app_client.get("/api/v2/projects", headers=limited)).json()["results"]
        assert [one["id"] for one in listed] == [own], kind


async def test_a_token_for_some_projects_makes_no_other(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    limited = await make(app_client, house.tokens["owner"], projects=[int(house.ids["project_id"])])
    made = await app_client.post(
        "/api/v2/projects", json={"name": "more"}, headers=bearing(limited["token"])
    )
    assert made.status_code == 403, made.text
    assert "No project was created" in made.json()["detail"]


async def test_every_member_of_a_project_creates_tokens_for_it(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    project = int(house.ids["project_id"])
    for role in ("viewer", "reviewer"):
        async with system.database.transaction(Scope.system()) as tx:
            await tx.execute(
                "update members set role = %s where role in ('viewer', 'reviewer')", (role,)
            )
        made = await make(app_client, house.tokens["viewer"], projects=[project])
        assert made["projects"] == [project]
        seen = await app_client.get(f"/api/v2/projects/{project}", headers=bearing(made["token"]))
        assert (seen.status_code, seen.json().get("role")) == (200, role), seen.text
        worker = {"name": "t", "kind": "worker", "projects": [project]}
        refused = await app_client.post(
            "/api/v2/auth/tokens", json=worker, headers=bearing(house.tokens["viewer"])
        )
        assert refused.status_code == 403, refused.text


async def read_all(client: httpx2.AsyncClient, token: str, *paths: str) -> dict[str, str]:
    """The texts of the answers of these calls, by path."""
    answers = {path: await client.get(f"/api/v2{path}", headers=bearing(token)) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(
        paths, 200
    )
    return {path: answer.text for path, answer in answers.items()}


async def test_tokens_of_machines_do_not_read_who_made_them(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    """A worker's token is stored on machines of others: it reads no e-mail address."""
    csrf = await make_owner(system, app_client)

    async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await app_client.post(f"/api/v2{path}", json=body, headers=csrf)
        assert answer.status_code in (200, 201, 202), answer.text
        told: dict[str, Any] = answer.json()
        return told

    project = (await post("/projects", {"name": "Forest"}))["id"]
    pipeline = {"name": "Deer", "slug": "deer", "version": 1, "algorithms": []}
    await post(
        f"/projects/{project}/pipelines",
        {"processing_service_name": "Gpu (host)", "pipelines": [pipeline]},
    )
    await post("/jobs", {"project": project, "pipeline": "deer"})
    tokens = {
        kind: (await post("/auth/tokens", {"name": f"{kind} at the lake", "kind": kind}))["token"]
        for kind in ("worker", "pipeline", "user")
    }
    hello = {"service": "Gpu (host)", "name": "worker-1", "host": "host", "pid": 1}
    said = await app_client.post(
        "/api/v2/workers/hello", json=hello, headers=bearing(tokens["worker"])
    )
    worker = said.json()["worker_id"]
    await post(f"/workers/{worker}/evict", {})
    refused = await app_client.post(
        "/api/v2/tasks/renew",
        json={"leases": []},
        headers=bearing(tokens["worker"]) | {"X-Trapline-Worker": worker},
    )
    assert refused.status_code == 403
    assert "evicted this worker" in refused.text
    app_client.cookies.clear()
    paths = {
        "worker": ("/auth/me", "/projects", "/jobs"),
        "pipeline": ("/auth/me", "/projects", "/images"),
    }
    texts = {
        kind: await read_all(app_client, tokens[kind], *these) for kind, these in paths.items()
    }
    assert "@" not in f"{texts}{refused.text}"
    for kind in paths:
        me = (await app_client.get("/api/v2/auth/me", headers=bearing(tokens[kind]))).json()
        assert (me["kind"], me["name"], me["email"], me["user_id"]) == (
            f"{kind}_token", f"token {kind} at the lake", None, None,
        )  # fmt: skip
        assert [one["project_id"] for one in me["memberships"]] == [project]
    mine = await read_all(app_client, tokens["user"], "/auth/me", "/jobs")
    assert all("owner@example.org" in text for text in mine.values()), (
        "a person's own token reads it as before"
    )
