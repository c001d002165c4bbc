"""Projects are deleted by name, hidden from everyone, restored, and purged later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from tests.support.project_with_roles import House, build_house

from trapline.server.operations.actions.image_deletion import purge_discarded_files
from trapline.server.operations.actions.project_purge import purge_projects
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext, IngestLimits
from trapline.server.platform.store.storage_keys import build_original_key

SYSTEM = Scope.system()
DELETE = {"name": "house"}


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


def by(house: House, who: str = "owner") -> dict[str, str]:
    return {"Authorization": f"Bearer {house.tokens[who]}"}


def path_of(house: House) -> str:
    return f"/api/v2/projects/{house.ids['project_id']}"


async def activate(system: AppContext) -> None:
    async with system.database.transaction(SYSTEM) as tx:
        await tx.execute("update pull_sources set is_active = true")


async def list_active(system: AppContext) -> list[tuple[str, bool]]:
    query = (
        "select 'source', is_active from pull_sources union all select 'webhook', is_active from "
        "webhooks order by 1"
    )
    async with system.database.transaction(SYSTEM) as tx:
        return await (await tx.execute(query)).fetchall()


async def test_a_deleted_project_is_seen_by_nobody_until_it_is_restored(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    await activate(system)
    assert (await app_client.delete(path_of(house), headers=by(house))).status_code == 422
    wrong = await app_client.delete(path_of(house), params={"name": "home"}, headers=by(house))
    assert (wrong.status_code, "Nothing was deleted" in wrong.json()["detail"]) == (422, True)
    deleted = await app_client.delete(path_of(house), params=DELETE, headers=by(house))
    assert deleted.status_code == 200, deleted.text
    assert deleted.json()["purge_after"] > deleted.json()["deleted_at"]

    image = f"/api/v2/images/{house.ids['image_id']}"
    for who in ("owner", "viewer", "worker"):
        seen = await app_client.get("/api/v2/projects", headers=by(house, who))
        assert seen.json()["results"] == []
        assert (await app_client.get(path_of(house), headers=by(house, who))).status_code == 404
    assert (await app_client.get(image, headers=by(house))).status_code == 404
    assert await list_active(system) == [("source", False), ("webhook", False)]
    kept = {
        who: await app_client.get(
            "/api/v2/projects", params={"deleted": True}, headers=by(house, who)
        )
        for who in ("owner", "viewer")
    }
    assert [one["name"] for one in kept["owner"].json()["results"]] == ["house"]
    assert kept["viewer"].json()["results"] == []

    assert (
        await app_client.post(f"{path_of(house)}/restore", headers=by(house, "viewer"))
    ).status_code == 404
    for _ in range(2):
        once = by(house) | {"Idempotency-Key": "once"}
        restored = await app_client.post(f"{path_of(house)}/restore", headers=once)
        assert (restored.status_code, restored.json()["deleted_at"]) == (200, None), restored.text
    assert (await app_client.get(image, headers=by(house))).status_code == 200
    assert await list_active(system) == [("source", True), ("webhook", False)]
    assert (
        await app_client.post(f"{path_of(house)}/restore", headers=by(house))
    ).status_code == 409


async def test_the_sources_of_an_archived_project_pause_also_where_it_is_deleted_and_restored(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    await activate(system)

    async def change(**told: object) -> int:
        return (await app_client.patch(path_of(house), json=told, headers=by(house))).status_code

    assert await change(archived=True) == 200
    assert await list_active(system) == [("source", False), ("webhook", False)]
    assert [await change(name="home"), await change(archived=True)] == [409, 200]
    deleted = await app_client.delete(path_of(house), params=DELETE, headers=by(house))
    assert deleted.status_code == 200, deleted.text
    assert (
        await app_client.post(f"{path_of(house)}/restore", headers=by(house))
    ).status_code == 200
    assert await list_active(system) == [("source", False), ("webhook", False)]
    assert await change(archived=False, name="home") == 200
    assert await list_active(system) == [("source", True), ("webhook", False)]


async def test_sources_that_leave_the_archive_are_polled_one_after_another(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    owner, moments = by(house), []
    new = {"base_url": "https://camera.example/DCIM/", "location_id": house.ids["deployment_id"]}
    for number in range(12):
        made = await app_client.post(
            "/api/v2/image-pull-sources", json=new | {"name": f"camera {number}"}, headers=owner
        )
        assert made.status_code == 201, made.text
    assert (
        await app_client.patch(path_of(house), json={"archived": True}, headers=owner)
    ).status_code == 200
    async with system.database.transaction(SYSTEM) as tx:
        # As if the project had been archived for a day.
        await tx.execute("update pull_sources set next_run_at = now() - interval '1 day'")
    before = datetime.now(UTC)
    assert (
        await app_client.patch(path_of(house), json={"archived": False}, headers=owner)
    ).status_code == 200
    after = datetime.now(UTC)
    listed = (await app_client.get("/api/v2/image-pull-sources", headers=owner)).json()["results"]
    for source in listed:
        if source["is_active"]:
            moments.append(datetime.fromisoformat(source["next_run"]))
    assert len(moments) == 12
    assert min(moments) >= before - timedelta(seconds=1)
    assert max(moments) <= after + timedelta(seconds=61)
    assert len(set(moments)) == 12
    assert max(moments) - min(moments) > timedelta(seconds=5), "they are spread over the minute"


async def test_expired_deletions_are_purged_with_files_and_leave_a_tombstone(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    stranger = await build_house(system, "stranger")
    key = build_original_key(int(house.ids["project_id"]), b"house".hex().ljust(64, "0"))
    async with system.store.receive() as incoming:
        incoming.write(b"bytes")
        await system.store.keep(incoming, key)
    async with system.database.transaction(SYSTEM) as tx:
        await tx.execute(
            "update images set storage_key = %s where id = %s", (key, house.ids["image_id"])
        )
        await tx.execute(
            "insert into job_downloads (job_id, number, project_id, deployment_id, id, attempts)"
            " values (%(job_id)s, 1, %(project_id)s, %(deployment_id)s, gen_random_uuid(), 0)",
            house.ids,
        )
        await tx.execute(
            "insert into notice_mails (id, project_id, user_id, kind, items, told, state, "
            "created_at, next_attempt_at,"
            " give_up_at) select gen_random_uuid(), project_id, user_id, kind, '[]', 1, 'waiting', "
            "now(), now(), now()"
            " from notices"
        )
    await app_client.delete(path_of(house), params=DELETE, headers=by(house))
    assert await purge_projects(system, SYSTEM) is False, "it can still be restored"
    late = replace(system, limits=IngestLimits(deleted_kept_s=0))
    while await purge_projects(late, SYSTEM):
        pass
    async with system.database.transaction(SYSTEM) as tx:
        tables = await (
            await tx.execute(
                "select table_name from information_schema.columns"
                " where table_schema = 'public' and column_name = 'project_id' and table_name != "
                "'discarded_files'"
            )
        ).fetchall()
        for (table,) in tables:
            rows = await tx.execute(
                f"select count(*) from {table} where project_id = %s", (house.ids["project_id"],)
            )
            assert await rows.fetchone() == (0,), table
        told = await tx.execute(
            "select action, details->>'name' from audit where subject_type = 'project' order by id"
        )
        assert await told.fetchall() == [("delete", "house"), ("purge", "house")]
        await tx.execute("update discarded_files set due_at = now()")
    assert await system.store.find_size(key)
    await purge_discarded_files(system, SYSTEM)
    assert await system.store.find_size(key) is None
    assert (await app_client.get(path_of(stranger), headers=by(stranger))).status_code == 200
