"""The audit records changes and reads, and the owner of the project can read it."""

from typing import Any

import httpx2
import pytest
from tests.integration.accounts.test_auth import PASSWORD, make_owner
from tests.integration.images.test_images import local
from tests.integration.queue.test_runs import as_caller, over_image, submit
from tests.support.project_with_roles import House, build_house

from trapline.server.accounts.routes.event_streams import CHECKED_EVERY_S
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.caches import Caches
from trapline.server.platform.store.storage_keys import build_original_key

_SYSTEM = Scope.system()


@pytest.fixture
async def house(system: AppContext) -> House:
    return await build_house(system, "house")


async def read(client: httpx2.AsyncClient, house: House, **query: Any) -> list[dict[str, Any]]:
    query = {"project": int(house.ids["project_id"])} | query
    answer = await client.get("/api/v2/audit", params=query, headers=as_caller(house))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_a_change_is_told_with_who_what_when_and_from_where(
    app_client: httpx2.AsyncClient, house: House
) -> None:
    started = await submit(app_client, house, over_image(house), **{"X-Request-Id": "r-1"})
    number = started.json()["job_id"].removeprefix("job-")
    await app_client.post(f"/pipeline/job/{number}/cancel", headers=as_caller(house))
    canceled, run = await read(app_client, house, kind="job")
    assert (canceled["action"], run["action"]) == ("cancel", "run")
    assert (run["subject_id"], run["actor"], run["request_id"]) == (number, "token t", "r-1")
    assert run["actor_id"] == f"token:{house.ids['token_id']}"
    assert run["address"]
    assert canceled["at"] >= run["at"]
    assert [one["action"] for one in await read(app_client, house, action="cancel")] == ["cancel"]
    assert await read(
        app_client, house, actor=run["actor_id"], since=canceled["at"], kind="job"
    ) == [canceled]
    assert await read(app_client, house, actor="token:nobody") == []


async def test_pages_follow_each_other(app_client: httpx2.AsyncClient, house: House) -> None:
    for _ in range(3):
        await submit(app_client, house, over_image(house))
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"project": house.ids["project_id"], "limit": 1, "kind": "job"} | (
            {"cursor": cursor} if cursor else {}
        )
        page = (
            await app_client.get("/api/v2/audit", params=query, headers=as_caller(house))
        ).json()
        seen += [one["id"] for one in page["results"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [one["id"] for one in await read(app_client, house, kind="job")]
    assert len(seen) == 3


async def test_whole_pictures_and_exports_that_are_read_are_told(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    key = build_original_key(int(house.ids["project_id"]), "aa" * 32)
    async with system.store.receive() as incoming:
        incoming.write(b"a picture")
        await system.store.keep(incoming, key)
    async with system.database.transaction(_SYSTEM) as tx:
        await tx.execute(
            "update images set storage_key = %s where id = %s", (key, house.ids["image_id"])
        )
    image = await app_client.get(
        f"/api/v2/images/{house.ids['image_id']}", headers=as_caller(house, "viewer")
    )
    address = local(image.json()["file_url"])
    assert (await app_client.head(address)).status_code == 200
    assert await read(app_client, house, action="download") == [], "a HEAD is no download"
    for headers in ({"Range": "bytes=1-"}, {}, {"Range": "bytes=3-"}, {"Range": "bytes=0-3"}):
        assert (await app_client.get(address, headers=headers)).status_code < 300
    downloads = await read(app_client, house, action="download")
    assert len(downloads) == 1, (
        "whichever part is read first is the download, and the rest of it is none"
    )
    system.known.downloads.delete(lambda _: True)
    assert (await app_client.get(address)).status_code == 200
    downloads = await read(app_client, house, action="download")
    assert len(downloads) == 2, "some minutes later it is another one"
    assert {one["subject_id"] for one in downloads} == {house.ids["image_id"]}
    assert downloads[0]["actor_id"].startswith("token:")
    assert downloads[0]["actor_id"] != f"token:{house.ids['token_id']}", "it was the viewer"
    path = f"/api/v2/analyses/{house.ids['analysis_id']}/export"
    assert (
        await app_client.get(path, params={"format": "csv"}, headers=as_caller(house))
    ).status_code == 200
    [export] = await read(app_client, house, action="export")
    assert (export["subject_id"], export["details"]) == (
        house.ids["analysis_id"],
        {"format": "csv"},
    )
    stolen = address.replace("for=token", "for=user")
    assert stolen != address
    assert (await app_client.get(stolen)).status_code == 403


async def test_only_owners_read_it(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    other = await build_house(system, "other")
    await submit(app_client, other, over_image(other))
    viewer = await app_client.get("/api/v2/audit", headers=as_caller(house, "viewer"))
    assert (viewer.status_code, viewer.json()["results"]) == (200, [])
    named = {"project": house.ids["project_id"]}
    assert (
        await app_client.get("/api/v2/audit", params=named, headers=as_caller(house, "viewer"))
    ).status_code == 403
    foreign = await app_client.get("/api/v2/audit", headers=as_caller(house))
    assert {one["project_id"] for one in foreign.json()["results"]} == {
        int(house.ids["project_id"])
    }
    assert {one["kind"] for one in foreign.json()["results"]} == {"token"}, (
        "nothing was done here but made tokens"
    )


async def test_a_person_s_token_that_leases_is_told_of_as_a_reader(
    system: AppContext, app_client: httpx2.AsyncClient, house: House
) -> None:
    for one, who, told in ((house, "owner", 1), (await build_house(system, "other"), "worker", 0)):
        key = build_original_key(int(one.ids["project_id"]), "bb" * 32)
        async with system.store.receive() as incoming:
            incoming.write(b"a picture")
            await system.store.keep(incoming, key)
        async with system.database.transaction(_SYSTEM) as tx:
            await tx.execute(
                "update images set storage_key = %s where id = %s", (key, one.ids["image_id"])
            )
        path = f"/api/v2/jobs/{one.ids['job_id']}/tasks"
        leased = await app_client.post(path, json={"batch_size": 1}, headers=as_caller(one, who))
        [task] = leased.json()["tasks"]
        assert (await app_client.get(local(task["image_url"]))).status_code == 200
        downloads = await read(app_client, one, action="download")
        assert [line["subject_id"] for line in downloads] == [one.ids["image_id"]] * told


async def test_a_stream_knows_within_a_second_who_may_hear_it_no_more() -> None:
    assert CHECKED_EVERY_S + Caches().callers.seconds < 1


async def test_the_owner_of_the_installation_reads_what_is_of_no_project(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    headers = await make_owner(system, app_client)
    house = await build_house(system, "of somebody else")
    theirs = (await app_client.get("/api/v2/audit", headers=as_caller(house))).json()["results"]
    assert {one["project_id"] for one in theirs} == {int(house.ids["project_id"])}
    assert {(one["action"], one["kind"]) for one in theirs} == {("create", "token")}, (
        "tokens that reach the project"
    )
    assert (await app_client.post("/api/v2/auth/sign-out", headers=headers)).status_code == 204
    signed_in = {"email": "owner@example.org", "password": PASSWORD}
    assert (await app_client.post("/api/v2/auth/sign-in", json=signed_in)).status_code == 200
    mine = (await app_client.get("/api/v2/audit")).json()["results"]
    assert {one["project_id"] for one in mine} == {None}
    actions = [one["action"] for one in mine]
    assert actions == ["sign_in", "sign_out", "sign_in", "make_owner", "make_link"]
