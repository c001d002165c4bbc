"""Each POST of the OpenAPI document that creates something honours its Idempotency-Key."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import httpx2
import pytest
from tests.integration.projects.test_audit_of_routes import OWN_BODIES, SHEETS, prepare
from tests.integration.projects.test_isolation import grounds
from tests.support.isolation_projects import Grounds
from tests.support.isolation_requests import BODIES, QUERIES, fill
from tests.support.project_with_roles import House, build_house, fingerprint
from tests.support.request_positions import operations

from trapline.server.app.http.access_table import ACCESS
from trapline.server.platform.access import Scope
from trapline.server.platform.http.request_context import get_route_key
from trapline.server.platform.network.email_sender import SmtpServer
from trapline.wire.auth import TokenKind

__all__ = ["grounds"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHERWISE = {
    "POST /projects/{project_id}/pipelines": "known by what they are made of: the same again is "
    "the same revision",
    "POST /workers/hello": "a worker is known by its name: the same again is the same row",
    "POST /projects/{project_id}/review-sets/{set_id}/claims": "repeated claims are renewed",
    "POST /projects/{project_id}/review-sets/{set_id}/release": "released claims stay released",
    "POST /imports": "by its key, as test_imports.py shows: here the file that came twice is seen "
    "to be discarded",
}
"""Routes that create something, and that prevent duplicates by other means."""
ALSO = {
    "POST /deployments/csv",
    "POST /taxa/import",
    "POST /exports",
    "POST /pipeline/run",
    "POST /image-pull-sources/{source_id}/process",
    "POST /projects/{project_id}/restore",
    "POST /webhooks/{webhook_id}/rotate-secret",
    "POST /deployments/{deployment_id}/clock/undo",
}
"""Routes that create something without status 201."""
ANEW = {
    "by what it is, not by when it was asked for": {
        "POST /images",
        "POST /images/presign",
        "POST /images/import",
        "POST /analyses/{analysis_id}/artifacts/presign",
        "POST /analyses/{analysis_id}/annotations:bulk",
        "POST /analyses/{analysis_id}/finalize",
        "POST /image-pull-sources/{source_id}/events",
    },
    "by its lease": {"POST /jobs/{job_id}/result"},
    "leased for a time, and back in line after it": {
        "POST /jobs/{job_id}/tasks",
        "POST /tasks/lease",
        "POST /tasks/renew",
        "POST /tasks/release",
    },
    "it moves what is there, and the same again finds it moved": {
        "POST /exports/{export_id}/cancel",
        "POST /identifications/withdraw",
        "POST /bulk-identifications/{bulk_id}/start",
        "POST /bulk-identifications/{bulk_id}/withdraw",
        "POST /images/delete",
        "POST /images/restore",
        "POST /image-pull-sources/{source_id}/files/retry",
        "POST /imports/{import_id}/cancel",
        "POST /imports/{import_id}/folders",
        "POST /jobs/{job_id}/cancel",
        "POST /jobs/{job_id}/pause",
        "POST /jobs/{job_id}/resume",
        "POST /jobs/{job_id}/retry",
        "POST /jobs/{job_id}/run",
        "POST /pipeline/job/{job_id}/cancel",
        "POST /pipeline/job/{job_id}/retry",
        "POST /webhooks/{webhook_id}/deliveries/replay",
        "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        "POST /sequence-changes/{change_id}/undo",
        "POST /workers/{worker_id}/evict",
    },
    "it looks, or sends a test that is meant each time": {
        "POST /callback_keys/check",
        "POST /deployments/{deployment_id}/clock/preview",
        "POST /image-pull-sources/test",
        "POST /projects/{project_id}/observation-settings/preview",
        "POST /image-pull-sources/{source_id}/test",
        "POST /notification-subscriptions/test",
        "POST /webhooks/{webhook_id}/test",
    },
    "no caller whose key it could be, or the end of one": {
        "POST /auth/link",
        "POST /auth/link/state",
        "POST /auth/oidc",
        "POST /auth/oidc/begin",
        "POST /auth/password-reset",
        "POST /auth/sign-in",
        "POST /auth/sign-out",
    },
}
"""Routes without status 201 that ignore the key, with the reason why repeats are harmless."""
MAIL = SmtpServer("127.0.0.1", 9, "none", "trapline@house.example", "house.example")
SYSTEM = Scope.system()
CREATING = sorted(
    key
    for method, path, operation in operations()
    if method == "POST"
    and ((key := get_route_key(method, path)) in ALSO or "201" in operation["responses"])
    and key not in OTHERWISE
)
_numbers = count()


async def ask(
    grounds: Grounds, house: House, key: str, once: str, *, otherwise: bool = False
) -> httpx2.Response:
    """Ask with a key; `otherwise` with other bytes that mean the same."""
    path = "/api/v2" + key.partition(" ")[2].format(**house.ids)
    caller = grounds.operator.headers if ACCESS[key].operators else bearing(house)
    body: Any = OWN_BODIES.get(key, BODIES.get(key))
    headers = caller | {"Idempotency-Key": once}
    if key in SHEETS:
        params = fill(QUERIES.get(key, {}), house.ids) | {"project": house.ids["project_id"]}
        sheet = SHEETS[key] + (b"\n" if otherwise else b"")
        return await grounds.app_client.post(path, headers=headers, params=params, content=sheet)
    if body is None:
        return await grounds.app_client.post(
            path, headers=headers, content=b" " if otherwise else b""
        )
    content = json.dumps(fill(body, house.ids)) + (" " if otherwise else "")
    return await grounds.app_client.post(
        path,
        headers=headers | {"Content-Type": "application/json"},
        params=fill(QUERIES.get(key, {}), house.ids),
        content=content.encode(),
    )


def bearing(house: House) -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens['owner']}"}


async def test_there_is_something_to_try() -> None:
    assert len(CREATING) >= 18
    assert set(CREATING) >= ALSO
    assert all(TokenKind.USER in (ACCESS[key].kinds or ()) for key in CREATING)


async def test_every_post_heeds_a_key_or_is_told_apart_by_another_means() -> None:
    posts = {get_route_key(method, path) for method, path, _ in operations() if method == "POST"}
    otherwise = set().union(*ANEW.values()) | set(OTHERWISE)
    assert posts - set(CREATING) == otherwise


@pytest.mark.parametrize("key", CREATING)
async def test_the_same_request_again_makes_nothing_and_is_answered_alike(
    grounds: Grounds, key: str
) -> None:
    name = f"once-{next(_numbers)}"
    house = await build_house(grounds.system, name)
    house.ids |= {"service_name": f"service {name}", "email": f"new@{name}.example"}
    await prepare(grounds, house, key)
    if key == "POST /notification-subscriptions":
        # Without a mail server these routes are refused; no e-mail is sent here.
        object.__setattr__(grounds.system, "mail_server", MAIL)
    database = grounds.system.database
    before = await fingerprint(database)
    first = await ask(grounds, house, key, name)
    assert first.status_code in (200, 201, 202), first.text
    made = await fingerprint(database)
    assert made != before
    again = await ask(grounds, house, key, name)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = await ask(grounds, house, key, name, otherwise=True)
    assert other.status_code == 409, other.text
    assert "Idempotency-Key" in other.json()["detail"]
    after = await fingerprint(database)
    assert [table for table in made if made[table] != after[table]] == []


@pytest.mark.parametrize("key", [key for key in CREATING if not ACCESS[key].operators])
async def test_the_answer_is_refused_to_a_caller_who_lost_the_project(
    grounds: Grounds, key: str
) -> None:
    name = f"lost-{next(_numbers)}"
    house, guest = (
        await build_house(grounds.system, name),
        await build_house(grounds.system, f"guest-{name}"),
    )
    house.ids |= {"service_name": f"service {name}", "email": f"new@{name}.example"}
    members = f"/api/v2/projects/{house.ids['project_id']}/members"
    invited = {"email": f"owner@guest-{name}.example", "role": "owner"}
    added = await grounds.app_client.post(members, json=invited, headers=bearing(house))
    assert added.status_code == 201, added.text
    await prepare(grounds, house, key)
    if key == "POST /notification-subscriptions":
        object.__setattr__(grounds.system, "mail_server", MAIL)
    house.tokens["host"], house.tokens["owner"] = house.tokens["owner"], guest.tokens["owner"]
    host = {"Authorization": f"Bearer {house.tokens['host']}"}
    first = await ask(grounds, house, key, name)
    assert first.status_code in (200, 201, 202), first.text
    if key == "POST /projects":
        members = f"/api/v2/projects/{first.json()['id']}/members"
        new_owner = {"email": f"owner@{name}.example", "role": "owner"}
        assert (
            await grounds.app_client.post(members, json=new_owner, headers=bearing(house))
        ).status_code == 201
    member = f"{members}/{added.json()['user_id']}"
    gone = await grounds.app_client.delete(member, headers=host)
    assert gone.status_code == 204, gone.text
    before = await fingerprint(grounds.system.database)
    again = await ask(grounds, house, key, name)
    assert again.status_code == 404, again.text
    after = await fingerprint(grounds.system.database)
    assert [table for table in before if before[table] != after[table]] == []


async def test_the_answer_is_refused_to_a_caller_whose_role_is_too_low_now(
    grounds: Grounds,
) -> None:
    name = f"lower-{next(_numbers)}"
    house, guest = (
        await build_house(grounds.system, name),
        await build_house(grounds.system, f"guest-{name}"),
    )
    members = f"/api/v2/projects/{house.ids['project_id']}/members"
    invited = {"email": f"owner@guest-{name}.example", "role": "manager"}
    added = await grounds.app_client.post(members, json=invited, headers=bearing(house))
    caller = {"Authorization": f"Bearer {guest.tokens['owner']}", "Idempotency-Key": name}
    new = {"project": int(house.ids["project_id"]), "name": "camera of the guest"}
    answers = []
    for role in ("manager", "viewer", "manager"):
        member = f"{members}/{added.json()['user_id']}"
        changed = await grounds.app_client.patch(
            member, json={"role": role}, headers=bearing(house)
        )
        assert changed.status_code == 200, changed.text
        answers.append(
            await grounds.app_client.post("/api/v2/deployments", json=new, headers=caller)
        )
    assert [answer.status_code for answer in answers] == [201, 403, 201]
    assert answers[0].json() == answers[2].json()


async def test_secrets_that_are_told_again_hold_and_are_not_kept(grounds: Grounds) -> None:
    house = await build_house(grounds.system, "told again")
    house.ids |= {"email": "again@told.example"}
    made = [await ask(grounds, house, "POST /auth/tokens", "a token") for _ in range(2)]
    token = made[1].json()["token"]
    assert made[0].json()["token"] == token
    mine = await grounds.app_client.get(
        "/api/v2/auth/me", headers={"Authorization": f"Bearer {token}"}
    )
    assert mine.status_code == 200
    invited = [await ask(grounds, house, "POST /users", "a person") for _ in range(2)]
    secret = invited[1].json()["link"]["url"].partition("#")[2]
    assert invited[0].json() == invited[1].json()
    state = await grounds.app_client.post("/api/v2/auth/link/state", json={"link": secret})
    assert state.json()["email"] == "again@told.example"
    async with grounds.system.database.transaction(SYSTEM) as tx:
        kept = await (
            await tx.execute("select string_agg(t::text, '') from idempotency_keys t")
        ).fetchone()
        answers = await (
            await tx.execute("select convert_from(answer, 'UTF8') from idempotency_keys")
        ).fetchall()
    told = str(kept) + str(answers)
    assert secret not in told
    assert token not in told
    others = [
        await ask(grounds, house, "POST /auth/tokens", f"key {number}") for number in range(2)
    ]
    assert len({answer.json()["token"] for answer in [*others, made[0]]}) == 3


async def test_a_key_whose_answer_was_forgotten_makes_another_secret(grounds: Grounds) -> None:
    house = await build_house(grounds.system, "forgotten")
    house.ids |= {"email": "forgotten@told.example"}
    invited = await ask(grounds, house, "POST /users", "somebody")
    house.ids["user_id"] = invited.json()["id"]
    keys = ("POST /auth/tokens", "POST /users/{user_id}/link")
    before = [await ask(grounds, house, key, "a key") for key in keys]
    async with grounds.system.database.transaction(SYSTEM) as tx:
        await tx.execute("delete from idempotency_keys")
    after = [await ask(grounds, house, key, "a key") for key in keys]
    assert [answer.status_code for answer in before + after] == [201] * 4, after[0].text
    assert after[0].json()["token"] != before[0].json()["token"]
    states = [
        await grounds.app_client.post(
            "/api/v2/auth/link/state", json={"link": it.json()["url"].partition("#")[2]}
        )
        for it in (before[1], after[1])
    ]
    assert [state.status_code for state in states] == [404, 200], (
        "a newer link took the place of the older one"
    )


async def test_under_another_secret_key_nothing_is_told_again(grounds: Grounds) -> None:
    house = await build_house(grounds.system, "other key")
    first = await ask(grounds, house, "POST /auth/tokens", "before")
    assert first.status_code == 201
    keys = grounds.system.secrets
    object.__setattr__(
        grounds.system, "secrets", replace(keys, by_version={keys.current: b"x" * 32})
    )
    try:
        again = await ask(grounds, house, "POST /auth/tokens", "before")
    finally:
        object.__setattr__(grounds.system, "secrets", keys)
    assert again.status_code == 409
    assert first.json()["token"] not in again.text
