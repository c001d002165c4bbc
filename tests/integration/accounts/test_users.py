"""Accounts: operators invite, deactivate and reset users, and users change their own account."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.accounts.test_sign_ins import wait_for_waiters
from tests.support.browser_clients import PASSWORD, follow, invite, open_browser, sign_in
from tests.support.project_with_roles import build_house, fingerprint

from trapline.server.accounts.actions.one_time_links import (
    create_first_owner_link,
    create_sign_in_link,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

ANNA = "anna@example.org"


@pytest.fixture
async def operator(
    system: AppContext, app_client: httpx2.AsyncClient, application: FastAPI
) -> AsyncIterator[httpx2.AsyncClient]:
    """The browser of the one who made the first account, with a project."""
    async with open_browser(application) as browser:
        await follow(
            browser, f"#{await create_first_owner_link(system)}", email="owner@example.org"
        )
        yield browser


@pytest.fixture
async def annas(
    operator: httpx2.AsyncClient, application: FastAPI
) -> AsyncIterator[httpx2.AsyncClient]:
    """The browser of another user."""
    async with open_browser(application, "198.51.100.1") as browser:
        yield browser


async def test_somebody_invited_chooses_a_password_once(
    operator: httpx2.AsyncClient, annas: httpx2.AsyncClient
) -> None:
    project = (await operator.post("/projects", json={"name": "Forest"})).json()["id"]
    user = await invite(
        operator, ANNA, name="Anna", memberships=[{"project": project, "role": "reviewer"}]
    )
    assert (user["state"], user["link"]["purpose"]) == ("invited", "invite")
    assert [(one["project_name"], one["role"]) for one in user["memberships"]] == [
        ("Forest", "reviewer")
    ]
    secret = user["link"]["url"].partition("#")[2]
    state = (await annas.post("/auth/link/state", json={"link": secret})).json()
    assert (state["purpose"], state["email"], state["name"]) == ("invite", ANNA, "Anna")
    assert (await annas.post("/auth/link", json={"link": secret})).status_code == 422
    caller = await follow(annas, user["link"]["url"])
    assert [one["role"] for one in caller["memberships"]] == ["reviewer"]
    assert (
        await annas.post("/auth/link", json={"link": secret, "password": PASSWORD})
    ).status_code == 404
    await sign_in(annas, ANNA.upper())
    listed = (await operator.get("/users")).json()["results"]
    assert [(one["email"], one["state"]) for one in listed] == [
        ("owner@example.org", "active"),
        (ANNA, "active"),
    ]
    assert secret not in (await operator.get("/users")).text
    again = await operator.post("/users", json={"email": ANNA.upper()})
    assert again.status_code == 409
    for path in ("/users", f"/users/{user['id']}"):
        assert (await annas.get(path)).status_code == 403
    assert (await annas.post("/users", json={"email": "more@example.org"})).status_code == 403


async def test_nobody_is_invited_into_a_project_that_is_not_there(
    system: AppContext, operator: httpx2.AsyncClient
) -> None:
    before = await fingerprint(system.database)
    body = {"email": ANNA, "memberships": [{"project": 99, "role": "viewer"}]}
    assert (await operator.post("/users", json=body)).status_code == 422
    assert await fingerprint(system.database) == before


async def test_deactivation_ends_sessions_links_and_tokens_at_once_and_for_good(
    operator: httpx2.AsyncClient, annas: httpx2.AsyncClient, app_client: httpx2.AsyncClient
) -> None:
    user = await invite(operator, ANNA)
    await follow(annas, user["link"]["url"])
    token = (await annas.post("/auth/tokens", json={"name": "t"})).json()["token"]
    worker = (await annas.post("/projects", json={"name": "Hers"})).json()["id"]
    made = await annas.post(
        "/auth/tokens", json={"name": "w", "kind": "worker", "projects": [worker]}
    )
    bearers = [{"Authorization": f"Bearer {one}"} for one in (token, made.json()["token"])]
    for bearer in bearers:
        assert (await app_client.get("/api/v2/auth/me", headers=bearer)).status_code == 200
    link = (await operator.post(f"/users/{user['id']}/link")).json()
    assert link["purpose"] == "reset"

    changed = await operator.patch(f"/users/{user['id']}", json={"deactivated": True})
    assert changed.json()["state"] == "deactivated", changed.text

    async def is_out() -> None:
        assert (await annas.get("/auth/me")).status_code == 401
        for bearer in bearers:
            assert (await app_client.get("/api/v2/auth/me", headers=bearer)).status_code == 401

    await is_out()
    used = await annas.post(
        "/auth/link", json={"link": link["url"].partition("#")[2], "password": PASSWORD}
    )
    assert used.status_code == 404
    right = await annas.post("/auth/sign-in", json={"email": ANNA, "password": PASSWORD})
    wrong = await annas.post("/auth/sign-in", json={"email": ANNA, "password": "another"})
    assert (right.status_code, right.json()["detail"]) == (
        wrong.status_code,
        wrong.json()["detail"],
    )
    assert (await operator.post(f"/users/{user['id']}/link")).status_code == 409

    assert (await operator.patch(f"/users/{user['id']}", json={"deactivated": False})).json()[
        "state"
    ] == "active"
    await is_out()
    await sign_in(annas, ANNA)


async def test_a_token_that_is_created_during_a_deactivation_is_not_good(
    system: AppContext,
    operator: httpx2.AsyncClient,
    annas: httpx2.AsyncClient,
    app_client: httpx2.AsyncClient,
) -> None:
    """The request was authorised before the deactivation, and stores its token after it."""
    user = await invite(operator, ANNA)
    await follow(annas, user["link"]["url"])
    assert (await annas.post("/projects", json={"name": "Hers"})).status_code == 201
    async with system.database.transaction(Scope.system()) as tx:
        # Where the request waits for a twin with the same key.
        twin = f"user:{user['id']} late"
        await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (twin,))
        creating = asyncio.create_task(
            annas.post("/auth/tokens", json={"name": "late"}, headers={"Idempotency-Key": "late"})
        )
        await wait_for_waiters(system, 1)
        assert (
            await operator.patch(f"/users/{user['id']}", json={"deactivated": True})
        ).status_code == 200
    created = await creating
    assert created.status_code == 201, (
        "a refusal is as good; then this test needs another way to such a token"
    )
    bearer = {"Authorization": f"Bearer {created.json()['token']}"}
    for path in ("/auth/me", "/projects"):
        assert (await app_client.get(f"/api/v2{path}", headers=bearer)).status_code == 401


async def test_a_sign_in_link_that_two_use_at_the_same_time_signs_in_one(
    system: AppContext, operator: httpx2.AsyncClient, annas: httpx2.AsyncClient
) -> None:
    """Both find the link unused; the second to lock the account must look at it again."""
    link = await create_sign_in_link(system)
    browsers = (operator, annas)
    for browser in browsers:
        browser.cookies.clear()
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute("select id from users for update")
        using = []
        for waiting, browser in enumerate(browsers, start=1):
            using.append(asyncio.create_task(browser.post("/auth/link", json={"link": link})))
            await wait_for_waiters(system, waiting)
    answers = [await one for one in using]
    assert sorted(answer.status_code for answer in answers) == [200, 404], [
        answer.text for answer in answers
    ]
    assert sum("set-cookie" in answer.headers for answer in answers) == 1


async def test_a_reset_link_sets_the_password_and_ends_sessions_and_an_earlier_link(
    operator: httpx2.AsyncClient, annas: httpx2.AsyncClient, application: FastAPI
) -> None:
    user = await invite(operator, ANNA)
    await follow(annas, user["link"]["url"])
    first, second = [
        (await operator.post(f"/users/{user['id']}/link")).json()["url"] for _ in range(2)
    ]
    assert (
        await annas.post("/auth/link/state", json={"link": first.partition("#")[2]})
    ).status_code == 404
    assert (await annas.get("/auth/me")).status_code == 200
    async with open_browser(application, "198.51.100.2") as elsewhere:
        await follow(elsewhere, second, password="quite another password")
        assert (await annas.get("/auth/me")).status_code == 401
        assert (await elsewhere.get("/auth/me")).status_code == 200
    old = await annas.post("/auth/sign-in", json={"email": ANNA, "password": PASSWORD})
    assert old.status_code == 401
    await sign_in(annas, ANNA, "quite another password")


async def test_a_link_from_the_servers_machine_can_set_a_forgotten_password(
    system: AppContext, operator: httpx2.AsyncClient, annas: httpx2.AsyncClient
) -> None:
    link = await create_sign_in_link(system)
    caller = await follow(annas, f"#{link}", password="quite another password")
    assert caller["is_operator"] is True
    assert (await operator.get("/auth/me")).status_code == 401
    await sign_in(operator, "owner@example.org", "quite another password")


async def test_there_is_always_an_operator(
    operator: httpx2.AsyncClient, annas: httpx2.AsyncClient
) -> None:
    mine = (await operator.get("/auth/me")).json()["user_id"]
    for change in ({"is_operator": False}, {"deactivated": True}):
        refused = await operator.patch(f"/users/{mine}", json=change)
        assert refused.status_code == 409, refused.text
    anna = await invite(operator, ANNA, is_operator=True)
    await follow(annas, anna["link"]["url"])
    # Each takes the other's rights away at the same moment.
    answers = await asyncio.gather(
        operator.patch(f"/users/{anna['id']}", json={"is_operator": False}),
        annas.patch(f"/users/{mine}", json={"is_operator": False}),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])
    listed = [(await browser.get("/users")).status_code for browser in (operator, annas)]
    assert sorted(listed) == [200, 403]


async def test_only_a_whole_token_of_an_operator_is_about_accounts(
    operator: httpx2.AsyncClient, app_client: httpx2.AsyncClient
) -> None:
    project = (await operator.post("/projects", json={"name": "Forest"})).json()["id"]
    narrow = [{"projects": [project]}, {"scopes": ["own"]}, {}, {"scopes": ["account"]}]
    seen = []
    for limits in narrow:
        made = await operator.post("/auth/tokens", json={"name": "t"} | limits)
        bearer = {"Authorization": f"Bearer {made.json()['token']}"}
        calls = ("/users", "/auth/sessions")
        seen.append(
            [(await app_client.get(f"/api/v2{path}", headers=bearer)).status_code for path in calls]
        )
    assert seen == [[403, 403], [403, 403], [200, 200], [200, 200]]


async def test_actions_of_operators_are_audited_without_secrets(
    system: AppContext, operator: httpx2.AsyncClient, application: FastAPI
) -> None:
    user = await invite(operator, ANNA)
    await operator.patch(f"/users/{user['id']}", json={"deactivated": True})
    async with system.database.transaction(Scope.system()) as tx:
        rows = await (
            await tx.execute("select action, subject_type, details::text from audit order by id")
        ).fetchall()
    assert [(action, subject) for action, subject, _ in rows][-3:] == [
        ("invite", "user"),
        ("make_link", "user"),
        ("deactivate", "user"),
    ]
    assert user["link"]["url"].partition("#")[2] not in str(rows)
    read = (await operator.get("/audit")).json()["results"]
    assert [one["action"] for one in read][:2] == ["deactivate", "make_link"]
    house = await build_house(system, "house")
    bearer = {"Authorization": f"Bearer {house.tokens['owner']}"}
    async with open_browser(application) as other:
        told = (await other.get("/audit", headers=bearer)).json()["results"]
        assert {(one["project_id"], one["kind"]) for one in told} == {
            (int(house.ids["project_id"]), "token")
        }


async def test_a_person_sees_nothing_of_their_deleted_project_until_they_restore_it(
    operator: httpx2.AsyncClient,
) -> None:
    project = (await operator.post("/projects", json={"name": "Forest"})).json()["id"]
    assert (
        await operator.delete(f"/projects/{project}", params={"name": "Forest"})
    ).status_code == 200
    assert (await operator.get("/auth/me")).json()["memberships"] == []
    for path in (f"/projects/{project}", f"/projects/{project}/members"):
        assert (await operator.get(path)).status_code == 404
    assert (await operator.post(f"/projects/{project}/restore")).status_code == 200
    assert [one["role"] for one in (await operator.get("/auth/me")).json()["memberships"]] == [
        "owner"
    ]


async def test_an_operator_gives_a_role_in_any_project_and_sees_nothing_of_it(
    system: AppContext, operator: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    project = house.ids["project_id"]
    assert (await operator.get(f"/projects/{project}")).status_code == 404
    assert (await operator.get("/images", params={"project": project})).status_code == 404
    members = (await operator.get(f"/projects/{project}/members")).json()["results"]
    assert [one["email"] for one in members] == ["owner@house.example", "viewer@house.example"]
    body = {"email": "viewer@house.example", "role": "owner"}
    assert (await operator.post(f"/projects/{project}/members", json=body)).status_code == 409
    changed = await operator.patch(
        f"/projects/{project}/members/{members[1]['user_id']}", json={"role": "owner"}
    )
    assert changed.status_code == 200, changed.text
    assert (await operator.get("/projects/999/members")).status_code == 404
