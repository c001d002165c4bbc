"""Members of a project: who may give a role, and that an owner stays."""

import asyncio
from uuid import UUID

import httpx2
import pytest
from tests.support.project_with_roles import House, build_house

from trapline.server.accounts.queries.accounts import UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

NEW = "new@example.org"


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


def by(house: House, who: str = "owner") -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[who]}"}


def members_of(house: House, user: UUID | str = "") -> str:
    return f"/api/v2/projects/{house.ids['project_id']}/members/{user}".rstrip("/")


async def add_account(system: AppContext) -> UUID:
    async with system.database.transaction(Scope.system()) as tx:
        row = UserRow(email=NEW)
        tx.session.add(row)
        await tx.session.flush()
        return row.id


async def test_an_owner_adds_changes_and_removes(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    user = await add_account(system)
    body = {"email": NEW.upper(), "role": "viewer"}
    added = await app_client.post(members_of(house), json=body, headers=by(house))
    assert (added.status_code, added.json()["user_id"]) == (201, str(user)), added.text
    assert (
        await app_client.post(members_of(house), json=body, headers=by(house))
    ).status_code == 409
    version = added.headers["ETag"]
    change = {"role": "manager"}
    changed = await app_client.patch(
        members_of(house, user), json=change, headers=by(house) | {"If-Match": version}
    )
    assert changed.json()["role"] == "manager", changed.text
    lost = await app_client.patch(
        members_of(house, user), json=change, headers=by(house) | {"If-Match": version}
    )
    assert lost.status_code == 412
    assert (await app_client.delete(members_of(house, user), headers=by(house))).status_code == 204
    assert (await app_client.delete(members_of(house, user), headers=by(house))).status_code == 404
    done = (
        await app_client.get("/api/v2/audit", params={"kind": "member"}, headers=by(house))
    ).json()["results"]
    assert [(one["action"], one["details"].get("role")) for one in done] == [
        ("remove", "manager"), ("change", "manager"), ("add", "viewer"),
    ]  # fmt: skip


async def test_nobody_is_added_who_has_no_account(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    refused = await app_client.post(
        members_of(house), json={"email": NEW, "role": "viewer"}, headers=by(house)
    )
    assert refused.status_code == 422
    assert "invite" in refused.json()["detail"]


async def test_a_viewer_sees_who_is_there_and_changes_nobody_but_leaves(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    owner, viewer = (await app_client.get(members_of(house), headers=by(house, "viewer"))).json()[
        "results"
    ]
    assert owner["email"] is None
    assert viewer["email"] == "viewer@house.example"
    for call in (
        app_client.post(
            members_of(house), json={"email": NEW, "role": "viewer"}, headers=by(house, "viewer")
        ),
        app_client.patch(
            members_of(house, viewer["user_id"]),
            json={"role": "owner"},
            headers=by(house, "viewer"),
        ),
        app_client.delete(members_of(house, owner["user_id"]), headers=by(house, "viewer")),
    ):
        assert (await call).status_code == 403
    left = await app_client.delete(
        members_of(house, viewer["user_id"]), headers=by(house, "viewer")
    )
    assert left.status_code == 204
    assert (await app_client.get(members_of(house), headers=by(house, "viewer"))).status_code == 404


async def test_the_last_owner_stays(app_client: httpx2.AsyncClient, house: House) -> None:
    owner, viewer = (await app_client.get(members_of(house), headers=by(house))).json()["results"]
    own = members_of(house, owner["user_id"])
    assert (await app_client.delete(own, headers=by(house))).status_code == 409
    assert (
        await app_client.patch(own, json={"role": "viewer"}, headers=by(house))
    ).status_code == 409
    second = {"role": "owner"}
    await app_client.patch(members_of(house, viewer["user_id"]), json=second, headers=by(house))
    # Each makes themselves less at the same moment: one of them stays.
    answers = await asyncio.gather(
        app_client.patch(own, json={"role": "viewer"}, headers=by(house)),
        app_client.delete(members_of(house, viewer["user_id"]), headers=by(house, "viewer")),
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses in ([200, 409], [409, 204]), [answer.text for answer in answers]


async def test_an_owner_who_cannot_sign_in_is_no_owner(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    owner, viewer = (await app_client.get(members_of(house), headers=by(house))).json()["results"]
    await app_client.patch(
        members_of(house, viewer["user_id"]), json={"role": "owner"}, headers=by(house)
    )
    async with system.database.transaction(Scope.system()) as tx:
        await tx.execute(
            "update users set deactivated_at = now() where id = %s", (viewer["user_id"],)
        )
    assert (
        await app_client.delete(members_of(house, owner["user_id"]), headers=by(house))
    ).status_code == 409
