"""Bulk identifications: exactly the images that were counted, each once, and undone as one."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.api_project import SYSTEM, Field, add_images, make_field, success
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions import bulk_identifications
from trapline.wire.auth import NewToken, Role

IMAGES = 9


@dataclass
class Grid:
    """Nine images with results of a model, in chunks of two images, without work in requests."""

    field: Field
    reviewer: str
    reviewer_id: str

    @property
    def images(self) -> list[str]:
        return [str(image) for image in self.field.images]

    async def call(
        self, method: str, path: str, body: Any = None, status: int = 200, **more: str
    ) -> Any:
        token = more.pop("token", self.reviewer)
        headers = {"Authorization": f"Token {token}"} | {
            name.replace("_", "-"): value for name, value in more.items()
        }
        answer = await self.field.client.request(
            method, f"/api/v2{path}", json=body, headers=headers
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    async def prepare(self, query: str = "", status: int = 201, **body: Any) -> Any:
        more = {name: body.pop(name) for name in ("token", "Idempotency_Key") if name in body}
        path = f"/bulk-identifications?project={self.field.project}&{query}"
        return await self.call("POST", path, body, status, **more)

    async def act(self, bulk: dict[str, Any], verb: str, status: int = 202, **more: str) -> Any:
        return await self.call(
            "POST", f"/bulk-identifications/{bulk['id']}/{verb}", None, status, **more
        )

    async def show(self, bulk: dict[str, Any]) -> Any:
        return await self.call("GET", f"/bulk-identifications/{bulk['id']}")

    async def run(self, steps: int = 100) -> None:
        """Run the loop of the background process."""
        for _ in range(steps):
            if not await bulk_identifications.run_bulk_identifications(self.field.system, SYSTEM):
                return

    async def store(self) -> list[tuple[Any, ...]]:
        """Return the stored observations, and whether images are reviewed."""
        rows = await self.field.ask("select o.*::text from observations o order by 1")
        return rows + await self.field.ask("select id, reviewed from images order by id")

    async def name(self) -> dict[str, tuple[str, ...]]:
        """Return the names on each image."""
        rows = await self.field.ask(
            "select image_id, array_agg(name order by name) from observations group by 1"
        )
        return {str(image): tuple(names) for image, names in rows}

    async def count(self) -> dict[str, int]:
        """Return the number of current identifications of each image that has some."""
        rows = await self.field.ask(
            "select image_id, count(*) from identifications where withdrawn_at is null group by 1"
        )
        return {str(image): count for image, count in rows}

    async def let_in(self, role: Role) -> tuple[str, str]:
        async with self.field.system.database.transaction(SYSTEM) as tx:
            user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role.value}")
            tx.session.add(user)
            await tx.session.flush()
            project = self.field.project
            tx.session.add(MemberRow(project_id=project, user_id=user.id, role=role.value))
        scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={project: role})
        made = await create_token(self.field.system, scope, NewToken(name="t"))
        return made.token, str(user.id)


@pytest.fixture
async def grid(system: AppContext, monkeypatch: pytest.MonkeyPatch) -> Grid:
    monkeypatch.setattr(bulk_identifications, "CHUNK", 2)
    monkeypatch.setattr(bulk_identifications, "AT_ONCE_S", -1)
    made = Grid(await make_field(system, IMAGES), "", "")
    job = await made.field.run_job()
    await made.field.post(job, [success(task) for task in await made.field.lease_all(job)])
    made.reviewer, made.reviewer_id = await made.let_in(Role.REVIEWER)
    return made


async def test_a_filter_is_identified_as_shown_and_undone_as_one(grid: Grid) -> None:
    field = grid.field
    before = await grid.store()
    [(deployment,)] = await field.ask("select distinct deployment_id from images")
    query = f"deployment={deployment}&captured_before=2026-06-01T00:08:00Z"
    shown = await grid.prepare(
        query, kind="correct", label="roe deer", count=2, excluded=grid.images[:1]
    )
    assert (shown["state"], shown["images"], shown["reviewed"]) == ("prepared", 7, 0)
    assert await grid.store() == before, "only the number is known"
    assert (await grid.call("GET", "/bulk-identifications"))["results"] == []
    [late] = await add_images(field.system.database, field.project, deployment, 1)
    started = await grid.act(shown, "start")
    assert (started["state"], started["done"], started["identified"]) == ("running", 2, 2)
    assert await grid.act(shown, "start") | {"done": 2, "identified": 2} == started
    await grid.run()
    done = await grid.show(shown)
    assert (done["state"], done["done"], done["identified"]) == ("completed", 7, 7)
    assert (done["skipped"], done["person_id"]) == ({}, grid.reviewer_id)
    names = await grid.name()
    assert {image for image, found in names.items() if found == ("roe deer",)} == set(
        grid.images[1:8]
    )
    assert str(late) not in await grid.count()
    assert set((await grid.count()).values()) == {1}, "each image was identified once"
    listed = await grid.call("GET", f"/bulk-identifications?project={field.project}")
    assert listed["results"] == [done]
    audited = await field.ask(
        "select actor, details from audit where action = 'identify' and details ? 'bulk'"
    )
    assert {image for _, details in audited for image in details["images"]} == set(grid.images[1:8])
    assert all(actor.startswith("token:") for actor, _ in audited)

    later = {"kind": "correct", "images": [grid.images[3]], "label": "red fox"}
    await grid.call(
        "POST", "/identifications", {"identifications": [later]}, 201, token=field.owner
    )
    undoing = await grid.act(shown, "withdraw")
    assert (undoing["state"], undoing["withdrawn"]) == ("withdrawing", 2)
    await grid.act(shown, "start", 409)
    await grid.run()
    undone = await grid.act(shown, "withdraw")
    assert (undone["state"], undone["withdrawn"]) == ("withdrawn", 7)
    assert (await grid.name())[grid.images[3]] == ("red fox",), "the later one is kept"
    assert await grid.count() == {grid.images[3]: 1}
    fox = await field.ask("select id from identifications where label = 'red fox'")
    taken_back = {"identifications": [str(fox[0][0])]}
    await grid.call("POST", "/identifications/withdraw", taken_back, token=field.owner)
    await field.change("delete from images where id = %s", late)
    assert await grid.store() == before


async def test_images_that_changed_meanwhile_are_skipped_with_a_reason(grid: Grid) -> None:
    field = grid.field
    [(deployment,)] = await field.ask("select distinct deployment_id from images")
    [bare] = await add_images(field.system.database, field.project, deployment, 1)
    chosen = [*grid.images[:5], str(bare)]
    own = {"kind": "unsure", "images": [grid.images[2]]}
    others = {"kind": "correct", "images": [grid.images[1]], "label": "badger"}
    earlier = {"kind": "correct", "images": [grid.images[4]], "label": "hare"}
    await grid.call(
        "POST", "/identifications", {"identifications": [earlier]}, 201, token=field.owner
    )
    shown = await grid.prepare(kind="confirm", images=chosen)
    assert (shown["images"], shown["reviewed"]) == (6, 1)
    await grid.call("POST", "/identifications", {"identifications": [own]}, 201)
    await grid.call(
        "POST", "/identifications", {"identifications": [others]}, 201, token=field.owner
    )
    await field.change("update images set deleted_at = now() where id = %s", field.images[0])
    await grid.act(shown, "start")
    await grid.run()
    done = await grid.show(shown)
    assert (done["state"], done["done"], done["identified"]) == ("completed", 6, 3)
    assert done["skipped"] == {"deleted": 1, "decided": 1, "nothing_to_confirm": 1}
    assert {one["image_id"]: one["reason"] for one in done["skipped_images"]} == {
        grid.images[0]: "deleted",
        grid.images[1]: "decided",
        str(bare): "nothing_to_confirm",
    }
    assert (await grid.name())[grid.images[1]] == ("badger",)
    confirmed = await field.ask("select image_id from identifications where kind = 'confirm'")
    assert {str(image) for (image,) in confirmed} == {grid.images[number] for number in (2, 3, 4)}


async def test_two_users_and_several_processes_identify_each_image_once(grid: Grid) -> None:
    field = grid.field
    mine = await grid.prepare(kind="correct", label="hare", images=grid.images[:6])
    theirs = await grid.prepare(
        kind="correct", label="lynx", images=grid.images[3:], token=field.owner
    )
    await asyncio.gather(
        grid.act(mine, "start"),
        grid.act(theirs, "start", token=field.owner),
        *(grid.run() for _ in range(3)),
    )
    await grid.run()
    found = [await grid.show(one) for one in (mine, theirs)]
    assert [one["state"] for one in found] == ["completed", "completed"]
    assert [one["done"] for one in found] == [6, 6]
    assert await grid.count() == dict.fromkeys(grid.images, 1)
    assert sum(one["identified"] for one in found) == IMAGES
    assert sum(one["skipped"].get("decided", 0) for one in found) == 3
    by = await field.ask("select label, count(*) from identifications group by 1 order by 1")
    assert [count for _, count in by] == [one["identified"] for one in found]
    await asyncio.gather(
        grid.act(mine, "withdraw"), grid.act(mine, "withdraw", token=field.owner), grid.run()
    )
    await grid.run()
    assert (await grid.show(mine))["withdrawn"] == found[0]["identified"]
    assert sum((await grid.count()).values()) == found[1]["identified"]


async def test_it_stops_when_its_author_loses_the_permission(grid: Grid) -> None:
    field = grid.field
    shown = await grid.prepare("blank=false", kind="blank")
    other, _ = await grid.let_in(Role.REVIEWER)
    await grid.act(shown, "start", 403, token=other)
    await grid.act(shown, "start")
    await grid.run(1)
    role = "update members set role = %s where user_id = %s"
    await field.change(role, "viewer", grid.reviewer_id)
    await grid.run()
    stopped = (await grid.call("GET", "/bulk-identifications", token=field.owner))["results"][0]
    assert (stopped["state"], stopped["done"], stopped["identified"]) == ("stopped", 4, 4)
    assert "role reviewer" in stopped["reason"]
    await grid.act(shown, "start", 403)
    await field.change(role, "reviewer", grid.reviewer_id)
    await grid.act(shown, "start")
    await field.change("update tokens set revoked_at = now() where user_id = %s", grid.reviewer_id)
    await grid.run()
    stopped = (await grid.call("GET", "/bulk-identifications", token=field.owner))["results"][0]
    assert (stopped["state"], stopped["done"]) == ("stopped", 6)
    assert stopped["reason"] == bulk_identifications.LOST
    await grid.act(shown, "withdraw", 403, token=other)
    await grid.act(shown, "withdraw", token=field.owner)
    await grid.run()
    withdrawn = await field.ask("select distinct withdrawn_by from identifications")
    assert withdrawn == [(f"user:{field.user_id}",)]
    assert set(await grid.count()) == set()


async def test_a_withdrawal_by_another_user_stops_when_they_lose_the_role(grid: Grid) -> None:
    field = grid.field
    shown = await grid.prepare("blank=false", kind="blank")
    await grid.act(shown, "start")
    await grid.run()
    manager, key = await grid.let_in(Role.MANAGER)
    await grid.act(shown, "withdraw", token=manager)
    await field.change("update members set role = 'reviewer' where user_id = %s", key)
    await grid.run()
    stopped = await grid.show(shown)
    assert (stopped["state"], stopped["withdrawn"]) == ("stopped", 2)


async def test_a_sequence_is_one_statement_for_its_boxes(grid: Grid) -> None:
    while await group_images(grid.field.system, SYSTEM):
        pass
    await group_images(grid.field.system, SYSTEM)
    [(sequence,)] = await grid.field.ask("select id from sequences")
    shown = await grid.prepare(kind="correct", label="boar", sequences=[str(sequence)])
    assert (shown["unit"], shown["images"]) == ("sequences", IMAGES)
    await grid.act(shown, "start")
    await grid.run()
    rows = await grid.field.ask(
        "select count(*), count(distinct statement_id), min(sequence_id::text) from identifications"
    )
    assert rows == [(IMAGES, 1, str(sequence))], "one statement, although in several chunks"
    assert set((await grid.name()).values()) == {("boar",)}


async def test_a_request_is_safe_to_repeat_and_wrong_ones_are_refused(grid: Grid) -> None:
    key = str(uuid7())
    first = await grid.prepare(kind="blank", images=grid.images, Idempotency_Key=key)
    assert await grid.prepare(kind="blank", images=grid.images, Idempotency_Key=key) == first
    for body, query, status in (
        ({"kind": "comment", "comment": "x", "images": grid.images}, "", 422),
        ({"kind": "correct", "images": grid.images}, "", 422),
        ({"kind": "blank", "label": "hare", "images": grid.images}, "", 422),
        ({"kind": "correct", "label": "x", "count": 0, "images": grid.images}, "", 422),
        ({"kind": "blank", "images": grid.images, "sequences": [str(uuid7())]}, "", 422),
        ({"kind": "blank", "images": grid.images}, "starred=true", 422),
        ({"kind": "blank"}, "starred=true", 422),
        ({"kind": "blank"}, "deleted=true", 422),
        ({"kind": "blank", "images": [str(uuid7())]}, "", 404),
        ({"kind": "blank", "sequences": [str(uuid7())]}, "", 404),
        ({"kind": "correct", "taxon": str(uuid7()), "images": grid.images}, "", 404),
    ):
        await grid.prepare(query, status, **body)
    viewer, _ = await grid.let_in(Role.VIEWER)
    await grid.prepare(kind="blank", images=grid.images, token=viewer, status=403)
    for _ in range(6):
        await grid.prepare(kind="blank", images=grid.images)
    await grid.call("GET", f"/bulk-identifications/{first['id']}", None, 404)
    await grid.field.change("update bulk_identifications set created_at = now() - interval '2 h'")
    await bulk_identifications.purge_prepared_bulks(grid.field.system, SYSTEM)
    assert await grid.field.ask("select id from bulk_identifications") == []
