"""Sign in, one-time links, tokens: who is let in, and who is not."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from tests.integration.accounts.test_sign_ins import wait_for_waiters
from tests.support.api_application import application_of
from tests.support.project_with_roles import build_house

from trapline.server.accounts.actions.one_time_links import (
    create_first_owner_link,
    create_sign_in_link,
)
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

PASSWORD = "a long enough password"


async def make_owner(system: AppContext, client: httpx2.AsyncClient) -> dict[str, str]:
    """Make the owner's account as a person would; answers the headers that change things."""
    link = await create_first_owner_link(system)
    answer = await client.post(
        "/api/v2/auth/link", json={"link": link, "email": "owner@example.org", "password": PASSWORD}
    )
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf_token"]}


async def test_first_link_makes_the_owner_once(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    link = await create_first_owner_link(system)
    shown = await app_client.post("/api/v2/auth/link/state", json={"link": link})
    assert shown.json()["purpose"] == "first_owner"
    body = {"link": link, "email": "owner@example.org", "password": PASSWORD}
    made = await app_client.post("/api/v2/auth/link", json=body)
    assert made.status_code == 200
    assert made.json()["is_operator"] is True
    again = await app_client.post("/api/v2/auth/link", json=body)
    assert again.status_code == 404
    assert again.headers["content-type"] == "application/problem+json"
    assert await create_first_owner_link(system) is None


@pytest.mark.parametrize("together", [False, True])
async def test_two_first_links_make_one_owner(
    system: AppContext, app_client: httpx2.AsyncClient, together: bool
) -> None:
    """Until an account exists each start of the server creates a link, and each of them is good."""
    bodies = [
        {
            "link": await create_first_owner_link(system),
            "email": f"{name}@example.org",
            "password": PASSWORD,
        }
        for name in ("first", "second")
    ]
    async with system.database.transaction(Scope.system()) as tx:
        if together:
            await tx.execute("lock table users in share mode")
        using = []
        for waiting, body in enumerate(bodies, start=1):
            using.append(asyncio.create_task(app_client.post("/api/v2/auth/link", json=body)))
            await (wait_for_waiters(system, waiting) if together else using[-1])
    answers = [await one for one in using]
    assert [answer.status_code for answer in answers] == [200, 409], answers[1].text
    async with system.database.transaction(Scope.system()) as tx:
        assert await (await tx.execute("select email from users")).fetchall() == [
            ("first@example.org",)
        ]


async def test_short_password_is_refused_and_link_stays_good(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    link = await create_first_owner_link(system)
    refused = await app_client.post(
        "/api/v2/auth/link", json={"link": link, "email": "a@b.c", "password": "short"}
    )
    assert refused.status_code == 422
    assert (
        await app_client.post("/api/v2/auth/link/state", json={"link": link})
    ).status_code == 200


async def test_sign_in_by_password_and_by_link(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    await make_owner(system, app_client)
    app_client.cookies.clear()
    assert (await app_client.get("/api/v2/auth/me")).status_code == 401
    wrong = await app_client.post(
        "/api/v2/auth/sign-in", json={"email": "owner@example.org", "password": "wrong"}
    )
    nobody = await app_client.post(
        "/api/v2/auth/sign-in", json={"email": "x@example.org", "password": "wrong"}
    )
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json()["detail"] == nobody.json()["detail"]
    right = await app_client.post(
        "/api/v2/auth/sign-in", json={"email": "OWNER@example.org", "password": PASSWORD}
    )
    assert right.status_code == 200
    app_client.cookies.clear()
    link = await create_sign_in_link(system)
    assert (await app_client.post("/api/v2/auth/link", json={"link": link})).status_code == 200
    assert (await app_client.get("/api/v2/auth/me")).json()["email"] == "owner@example.org"
    app_client.cookies.clear()
    again = await app_client.post("/api/v2/auth/link", json={"link": link})
    assert (again.status_code, "set-cookie" in again.headers) == (404, False)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cookie_is_for_no_script_and_no_other_site(system: AppContext, scheme: str) -> None:
    served = replace(system, public_url=f"{scheme}://trapline.test")
    transport = httpx2.ASGITransport(wrap_middleware(application_of(served)))
    async with httpx2.AsyncClient(
        transport=transport, base_url=f"{scheme}://trapline.test"
    ) as client:
        body = {
            "link": await create_first_owner_link(served),
            "email": "owner@example.org",
            "password": PASSWORD,
        }
        by_link = await client.post("/api/v2/auth/link", json=body)
        client.cookies.clear()
        by_password = await client.post(
            "/api/v2/auth/sign-in", json={"email": body["email"], "password": PASSWORD}
        )
        for answer in (by_link, by_password):
            [cookie] = answer.headers.get_list("set-cookie")
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert {"httponly", "samesite=lax", "path=/"} <= attributes
            assert ("secure" in attributes) == (scheme == "https")


async def test_change_under_a_session_needs_the_pages_token(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    body = {"name": "Forest"}
    assert (await app_client.post("/api/v2/projects", json=body)).status_code == 403
    foreign = headers | {"Origin": "https://elsewhere.example"}
    assert (
        await app_client.post("/api/v2/projects", json=body, headers=foreign)
    ).status_code == 403
    assert (
        await app_client.post("/api/v2/projects", json=body, headers=headers)
    ).status_code == 201


async def test_cookie_is_the_hosts_own_under_https(system: AppContext) -> None:
    secure = replace(system, public_url="https://trapline.test")
    transport = httpx2.ASGITransport(wrap_middleware(application_of(secure)))
    async with httpx2.AsyncClient(transport=transport, base_url="https://trapline.test") as client:
        headers = await make_owner(secure, client)
        assert list(client.cookies) == ["__Host-trapline_session"]
        assert (await client.get("/api/v2/auth/me")).status_code == 200
        out = await client.post("/api/v2/auth/sign-out", headers=headers)
        assert "Secure" in out.headers["set-cookie"]
        assert (await client.get("/api/v2/auth/me")).status_code == 401


async def test_sign_out_ends_the_session(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    cookie = dict(app_client.cookies)
    assert (await app_client.post("/api/v2/auth/sign-out", headers=headers)).status_code == 204
    app_client.cookies.clear()
    app_client.cookies.update(cookie)
    assert (await app_client.get("/api/v2/auth/me")).status_code == 401


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
async def test_token_works_in_both_forms_until_revoked(
    system: AppContext, app_client: httpx2.AsyncClient, scheme: str
) -> None:
    headers = await make_owner(system, app_client)
    made = (
        await app_client.post("/api/v2/auth/tokens", json={"name": "t"}, headers=headers)
    ).json()
    assert made["token"].startswith("tl_user_")
    listed = (await app_client.get("/api/v2/auth/tokens")).json()["results"]
    assert "token" not in listed[0]
    bearer = {"Authorization": f"{scheme} {made['token']}"}
    cookies = dict(app_client.cookies)
    app_client.cookies.clear()
    assert (await app_client.get("/api/v2/auth/me", headers=bearer)).json()["kind"] == "user_token"
    last = "y" if made["token"].endswith("x") else "x"
    damaged = {"Authorization": f"{scheme} {made['token'][:-1]}{last}"}
    assert (await app_client.get("/api/v2/auth/me", headers=damaged)).status_code == 401
    app_client.cookies.update(cookies)
    assert (
        await app_client.delete(f"/api/v2/auth/tokens/{made['id']}", headers=headers)
    ).status_code == 204
    app_client.cookies.clear()
    assert (await app_client.get("/api/v2/auth/me", headers=bearer)).status_code == 401


async def test_a_token_is_known_by_its_secret_and_not_by_its_prefix(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for role in ("owner", "worker"):
        token = house.tokens[role]
        body = token.rpartition("_")[0]
        forged = body[:-1] + ("0" if body[-1] != "0" else "1")
        # The form and the checksum are right, and so is the prefix by which the row is found.
        checksum = zlib.crc32(forged.encode())
        forged += "_" + "".join(digits[checksum // 62**place % 62] for place in reversed(range(6)))
        seen = [
            (
                await app_client.get("/api/v2/projects", headers={"Authorization": f"Bearer {one}"})
            ).status_code
            for one in (token, forged, token)
        ]
        assert seen == [200, 401, 200], role


async def test_worker_token_may_only_work(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    project = (
        await app_client.post("/api/v2/projects", json={"name": "Forest"}, headers=headers)
    ).json()
    body = {"name": "gpu", "kind": "worker", "projects": [project["id"]]}
    token = (await app_client.post("/api/v2/auth/tokens", json=body, headers=headers)).json()[
        "token"
    ]
    await app_client.post("/api/v2/projects", json={"name": "Another"}, headers=headers)
    app_client.cookies.clear()
    bearer = {"Authorization": f"Token {token}"}
    seen = (await app_client.get("/api/v2/projects/", headers=bearer)).json()
    assert [found["id"] for found in seen["results"]] == [project["id"]]
    assert (await app_client.get("/api/v2/deployments", headers=bearer)).status_code == 403
    assert (await app_client.get("/api/v2/auth/tokens", headers=bearer)).status_code == 403


async def test_token_for_a_project_of_others_is_refused(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    body = {"name": "t", "projects": [999]}
    assert (
        await app_client.post("/api/v2/auth/tokens", json=body, headers=headers)
    ).status_code == 404
    past = {"name": "t", "expires_at": (datetime.now(UTC) - timedelta(1)).isoformat()}
    assert (
        await app_client.post("/api/v2/auth/tokens", json=past, headers=headers)
    ).status_code == 422


async def test_a_token_gives_on_no_more_than_it_has(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    owner = _as(house.tokens["owner"])
    second = (
        await app_client.post("/api/v2/projects", json={"name": "second"}, headers=owner)
    ).json()["id"]
    first = int(house.ids["project_id"])
    ends = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    asked = {"name": "limited", "projects": [first], "expires_at": ends}
    limited = _as(
        (await app_client.post("/api/v2/auth/tokens", json=asked, headers=owner)).json()["token"]
    )
    made = (
        await app_client.post("/api/v2/auth/tokens", json={"name": "on"}, headers=limited)
    ).json()
    assert made["projects"] == [first]
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(ends)
    seen = [
        (
            await app_client.get(f"/api/v2/projects/{project}", headers=_as(made["token"]))
        ).status_code
        for project in (first, second)
    ]
    assert seen == [200, 404]
    for more in ({"projects": [second]}, {"expires_at": "2199-01-01T00:00:00Z"}):
        refused = await app_client.post(
            "/api/v2/auth/tokens", json={"name": "more"} | more, headers=limited
        )
        assert refused.status_code in (404, 422), refused.text


@pytest.mark.parametrize("kind", ["worker", "pipeline"])
async def test_only_a_manager_entrusts_a_project(
    system: AppContext, app_client: httpx2.AsyncClient, kind: str
) -> None:
    house = await build_house(system, "house")
    project = int(house.ids["project_id"])
    for body in ({"name": "w", "kind": kind}, {"name": "w", "kind": kind, "projects": [project]}):
        refused = await app_client.post(
            "/api/v2/auth/tokens", json=body, headers=_as(house.tokens["viewer"])
        )
        assert refused.status_code == 403, refused.text
        detail = refused.json()["detail"]
        assert "No token was created" in detail or "Nothing was changed" in detail
    made = await app_client.post(
        "/api/v2/auth/tokens", json={"name": "w", "kind": kind}, headers=_as(house.tokens["owner"])
    )
    assert made.status_code == 201
    token = _as(made.json()["token"])
    assert (await app_client.get("/api/v2/auth/me", headers=token)).json()["memberships"][0][
        "project_id"
    ] == project
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute("update members set role = 'reviewer' where role = 'owner'")
    system.known.callers.delete(lambda _: True)
    assert (await app_client.get("/api/v2/auth/me", headers=token)).json()["memberships"] == []


STRANGERS: tuple[dict[str, str], ...] = (
    {"Authorization": "Bearer tl_user_false"},
    {"Authorization": "Bearer tl_user_false", "Idempotency-Key": "k"},
    {"Cookie": "trapline_session=false"},
)


@pytest.mark.parametrize(
    ("headers", "path", "status", "is_read"),
    [
        *(
            (stranger, path, 401, False)
            for stranger in STRANGERS
            for path in ("/projects", "/jobs/{job_id}/result")
        ),
        ({"Authorization": "Bearer {owner}"}, "/projects", 413, True),
        # This route has its own size limit; a missing job is reported before the body is read.
        ({"Authorization": "Bearer {owner}"}, "/jobs/{job_id}/result", 400, True),
        ({"Authorization": "Bearer {owner}"}, "/jobs/987654321/result", 404, False),
    ],
)
async def test_nobody_reads_a_large_body_of_nobody(
    system: AppContext,
    app_client: httpx2.AsyncClient,
    headers: dict[str, str],
    path: str,
    status: int,
    is_read: bool,
) -> None:
    house = await build_house(system, "house")
    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(30):
            taken += 1
            yield b" " * 65536

    sent = {name: value.format(owner=house.tokens["owner"]) for name, value in headers.items()}
    sent["Content-Type"] = "application/json"
    answer = await app_client.post(
        f"/api/v2{path.format(**house.ids)}", content=body(), headers=sent
    )
    assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert (taken > 0) == is_read
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_the_end_of_a_session_is_reported_without_words_for_programs(
    app_client: httpx2.AsyncClient,
) -> None:
    page = {"X-CSRF-Token": "of a session that ended"}
    ended = [
        await app_client.post("/api/v2/identifications", json={}, headers=page),
        await app_client.get("/api/v2/auth/me", headers={"Cookie": "trapline_session=ended"}),
    ]
    for answer in ended:
        assert answer.status_code == 401
        assert (
            answer.json()["detail"] == "Your session has ended. Nothing was changed. Sign in again."
        )
    program = await app_client.get("/api/v2/auth/me")
    assert "Authorization: Bearer" in program.json()["detail"]
