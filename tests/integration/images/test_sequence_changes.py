"""Sequences that people split and merge: kept when images are grouped again, and undone."""

import asyncio
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.integration.images.test_sequences import groups, settle, take
from tests.support.api_project import SYSTEM, Field, add_images, make_field
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.catalogue.actions import sequence_changes, sequences
from trapline.server.images.actions.clock_offsets import update_capture_times
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def call(
    field: Field, method: str, path: str, body: Any = None, status: int = 200, **more: str
) -> Any:
    token = more.pop("token", field.owner)
    headers = {"Authorization": f"Token {token}"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
    answer = await field.client.request(method, f"/api/v2{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def split(field: Field, image: UUID, status: int = 201, **more: str) -> Any:
    return await call(field, "POST", "/sequences/split", {"image_id": str(image)}, status, **more)


async def merge(field: Field, *keys: str, status: int = 201, **more: str) -> Any:
    return await call(field, "POST", "/sequences/merge", {"sequences": list(keys)}, status, **more)


async def undo(field: Field, change: Any, status: int = 200, **more: str) -> Any:
    return await call(field, "POST", f"/sequence-changes/{change['id']}/undo", None, status, **more)


async def list_ids(field: Field) -> list[str]:
    """Return the IDs of the sequences by time."""
    path = f"/sequences?project={field.project}&order=started_at&limit=1000"
    return [one["id"] for one in (await call(field, "GET", path))["results"]]


async def let_in(field: Field, role: Role) -> str:
    async with field.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role.value}")
        tx.session.add(user)
        await tx.session.flush()
        tx.session.add(MemberRow(project_id=field.project, user_id=user.id, role=role.value))
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={field.project: role})
    return (await create_token(field.system, scope, NewToken(name="t"))).token


async def test_a_split_is_kept_and_undone_with_the_same_ids(field: Field) -> None:
    images = await take(field, 0, 60, 120, 180)
    [before] = await list_ids(field)
    change = await split(field, images[2], Idempotency_Key="one")
    assert await groups(field) == [[0, 60], [120, 180]]
    assert await split(field, images[2], Idempotency_Key="one") == change
    assert change["sequences"] == await list_ids(field)
    assert (change["sequences"][0], change["kind"], change["images"]) == (before, "split", 4)
    shown = await call(field, "GET", f"/sequences/{before}")
    assert shown["manual"]
    for gap in (1000, 30, 120):
        await call(field, "PATCH", f"/projects/{field.project}", {"sequence_gap_s": gap})
        await settle(field)
        assert await groups(field) == [[0, 60], [120, 180]]
        assert await list_ids(field) == change["sequences"]
    # An image that arrives between joins the earlier neighbour, outside the gap none.
    await take(field, 90, -60, 400)
    assert await groups(field) == [[-60, 0, 60, 90], [120, 180], [400]]
    undone = await undo(field, change)
    assert undone["undone_at"] is not None
    assert await undo(field, change) == undone
    assert await groups(field) == [[-60, 0, 60, 90, 120, 180], [400]]
    assert (await list_ids(field))[0] == before
    listed = await call(field, "GET", f"/sequence-changes?project={field.project}")
    assert listed["results"] == [undone]
    assert await call(field, "GET", f"/sequence-changes/{change['id']}") == undone
    actions = await field.ask(
        "select action from audit where subject_type like 'sequence%%' order by id"
    )
    assert actions == [("split",), ("undo",)]


async def test_a_merge_is_kept_with_images_that_arrive_between(field: Field) -> None:
    images = await take(field, 0, 60, 600, 660, 2000)
    first, second, third = await list_ids(field)
    change = await merge(field, second, first)
    assert change["sequences"] == [first]
    assert await groups(field) == [[0, 60, 600, 660], [2000]]
    await take(field, 300, 310)
    assert await groups(field) == [[0, 60, 300, 310, 600, 660], [2000]]
    await call(field, "PATCH", f"/projects/{field.project}", {"sequence_gap_s": 20})
    await settle(field)
    assert await groups(field) == [[0, 60, 300, 310, 600, 660], [2000]]
    named = [str(images[1]), str(images[2])]
    await call(field, "POST", "/images/delete", {"images": named, "reason": "x"})
    await settle(field)
    assert await groups(field) == [[0, 300, 310, 660], [2000]]
    await call(field, "POST", "/images/restore", {"images": named})
    await settle(field)
    assert await groups(field) == [[0, 60, 300, 310, 600, 660], [2000]]
    await call(field, "PATCH", f"/projects/{field.project}", {"sequence_gap_s": 120})
    await settle(field)
    third = (await list_ids(field))[-1]
    again = await merge(field, first, third)
    await undo(field, change, status=409)
    await undo(field, again)
    await undo(field, change)
    assert await groups(field) == [[0, 60], [300, 310], [600, 660], [2000]]
    ids = await list_ids(field)
    assert (ids[0], ids[2], ids[3]) == (first, second, third)


async def test_changes_follow_the_clock_and_leave_an_edited_time_alone(field: Field) -> None:
    images = await take(field, 0, 60, 120, 180, 1000)
    await split(field, images[2])
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    await call(field, "PATCH", f"/deployments/{deployment}", {"clock_offset_s": 36_000})
    while await update_capture_times(field.system, SYSTEM):
        await settle(field)
    await settle(field)
    assert await groups(field) == [[36_000, 36_060], [36_120, 36_180], [37_000]]
    year = 365 * 86_400
    await call(field, "PATCH", "/images", {"images": [str(images[3])], "shift_s": year})
    await settle(field)
    assert await groups(field) == [[36_000, 36_060], [36_120], [37_000], [36_180 + year]]
    await call(field, "PATCH", "/images", {"images": [str(images[3])], "shift_s": -year})
    await settle(field)
    assert await groups(field) == [[36_000, 36_060], [36_120, 36_180], [37_000]]


async def test_requests_that_do_not_fit_are_refused_and_change_nothing(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = await take(field, 0, 60, 600, 1200, 200_000)
    ids = await list_ids(field)
    before = await groups(field)
    await split(field, images[0], 409)
    await split(field, uuid7(), 404)
    body = {"image_id": str(images[1]), "sequence_id": ids[1]}
    answer = await call(field, "POST", "/sequences/split", body, 409)
    assert "another sequence now" in answer["detail"]
    answer = await merge(field, ids[0], ids[2], status=409)
    assert ids[1] in answer["detail"]
    await merge(field, ids[0], str(uuid7()), status=404)
    await merge(field, status=422)
    await merge(field, ids[0], ids[0], status=409)
    answer = await merge(field, ids[2], ids[3], status=422)
    assert "a day apart" in answer["detail"]
    new = {"name": "Second", "project": field.project}
    other = await call(field, "POST", "/deployments", new, 201)
    await add_images(field.system.database, field.project, UUID(other["id"]), 1)
    await settle(field)
    path = f"/sequences?deployment={other['id']}"
    [elsewhere] = (await call(field, "GET", path))["results"]
    answer = await merge(field, ids[0], elsewhere["id"], status=422)
    assert "the same deployment" in answer["detail"]
    before = await groups(field)
    monkeypatch.setattr(sequence_changes, "MOST_SEQUENCE_IMAGES", 1)
    await split(field, images[1], 422)
    await field.change("update images set sequence_id = null where id = %s", images[1])
    await split(field, images[1], 409)
    await field.change("update images set sequence_id = %s where id = %s", ids[0], images[1])
    await call(field, "POST", "/images/delete", {"images": [str(images[3])], "reason": "x"})
    await split(field, images[3], 404)
    await call(field, "POST", "/images/restore", {"images": [str(images[3])]})
    await settle(field)
    assert await groups(field) == before
    assert await field.ask("select count(*) from sequence_changes") == [(0,)]


async def test_roles_and_other_projects(field: Field) -> None:
    images = await take(field, 0, 60, 120)
    other = await make_field(field.system, 0, "other")
    viewer, reviewer = await let_in(field, Role.VIEWER), await let_in(field, Role.REVIEWER)
    manager = await let_in(field, Role.MANAGER)
    await split(field, images[1], 403, token=viewer)
    await split(field, images[1], 404, token=other.owner)
    change = await split(field, images[1], token=reviewer)
    assert change["by"] == "a reviewer"
    path = f"/sequence-changes/{change['id']}"
    assert (await call(field, "GET", path, token=viewer))["id"] == change["id"]
    await call(field, "GET", path, None, 404, token=other.owner)
    listed = await call(field, "GET", "/sequence-changes", token=other.owner)
    assert listed["results"] == []
    await call(field, "GET", f"/sequence-changes?project={field.project}", None, 404,
        token=other.owner)  # fmt: skip
    await undo(field, change, 404, token=other.owner)
    await undo(field, change, 403, token=viewer)
    await undo(field, change, 403, token=await let_in(field, Role.REVIEWER))
    await merge(field, *change["sequences"], status=403, token=viewer)
    await merge(field, *change["sequences"], status=404, token=other.owner)
    await undo(field, change, token=manager)
    assert await groups(field) == [[0, 60, 120]]


async def test_two_users_at_the_same_time(field: Field) -> None:
    images = await take(field, 0, 60, 120, 180)
    found = await asyncio.gather(
        *(
            field.call("POST", "/sequences/split", {"image_id": str(images[at])})
            for at in (1, 2, 2, 3)
        )
    )
    assert sorted(one.status_code for one in found) == [201, 201, 201, 409]
    assert await groups(field) == [[0], [60], [120], [180]]
    ids = await list_ids(field)
    found = await asyncio.gather(
        *(field.call("POST", "/sequences/merge", {"sequences": ids[:2]}) for _ in range(3))
    )
    assert sorted(one.status_code for one in found) == [201, 404, 404]
    assert await groups(field) == [[0, 60], [120], [180]]


class Model:
    """The images of each change that was not undone."""

    def __init__(self) -> None:
        self.changes: dict[int, dict[UUID, str]] = {}

    def find_marks(self) -> dict[UUID, str]:
        marks: dict[UUID, str] = {}
        for key in sorted(self.changes):
            marks |= self.changes[key]
        return marks

    def list_last(self) -> list[int]:
        """List the changes that can be undone."""
        return [
            key
            for key, own in self.changes.items()
            if not any(
                later > key and own.keys() & other.keys() for later, other in self.changes.items()
            )
        ]


async def require_rules(field: Field, model: Model, gap_s: int) -> None:
    """Compare sequences with the rules of manual and automatic grouping."""
    rows = await field.ask(
        "select id, captured_at, sequence_id from images where deleted_at is null"
        " order by captured_at, id"
    )
    marks = model.find_marks()
    members: dict[UUID, list[int]] = {}
    for number, (_, _, key) in enumerate(rows):
        assert key is not None
        members.setdefault(key, []).append(number)
    stored = await field.ask("select id, started_at, ended_at, images, manual from sequences")
    assert {row[0]: row[1:] for row in stored} == {
        key: (
            rows[found[0]][1],
            rows[found[-1]][1],
            len(found),
            any(rows[at][0] in marks for at in found),
        )
        for key, found in members.items()
    }
    hulls: dict[str, list[int]] = {}
    for number, (image, *_) in enumerate(rows):
        if image in marks:
            hulls.setdefault(marks[image], []).append(number)
    # A restored image can be beyond images that people put elsewhere meanwhile.
    divided = {
        key
        for key, hull in hulls.items()
        for number in range(hull[0], hull[-1])
        if marks.get(rows[number][0], key) != key
    }
    for image, _, key in rows:
        if image in marks and marks[image] not in divided:
            assert str(key) == marks[image]
    for found in members.values():
        assert found == list(range(found[0], found[-1] + 1))
    for number in range(1, len(rows)):
        (_, at, key), (_, before, previous) = rows[number], rows[number - 1]
        is_near = at - before < timedelta(seconds=gap_s)
        inside = any(hull[0] < number <= hull[-1] for hull in hulls.values())
        if key == previous:
            assert is_near or inside
        elif is_near:
            assert str(key) in hulls
            assert str(previous) in hulls
            assert rows[number][0] in marks


async def change_by_hand(field: Field, model: Model, verb: str, body: dict[str, Any]) -> None:
    """Split or merge sequences, and record the images of the result, deleted ones included."""
    answer = await field.call("POST", f"/sequences/{verb}", body)
    assert answer.status_code in (201, 409, 422), answer.text
    if answer.status_code == 201:
        change = answer.json()
        model.changes[change["id"]] = {
            image: str(key)
            for image, key in await field.ask(
                """
                select i.id, s.id from sequences s
                join images first on first.sequence_id = s.id
                join images last on last.sequence_id = s.id
                join images i on (i.captured_at, i.id) between
                    (first.captured_at, first.id) and (last.captured_at, last.id)
                where s.id = any(%s)
                """,
                [UUID(key) for key in change["sequences"]],
            )
        }


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_changes_keeps_what_people_did(  # noqa: C901 - one case per change
    field: Field, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "BATCH", 3)
    pick = random.Random(seed)
    model, gap_s, moved, deleted = Model(), 120, 0, set[str]()
    await take(field, *(pick.randrange(0, 3000, 10) for _ in range(3)))
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    for _ in range(25):
        live = [
            row[0]
            for row in await field.ask(
                "select id from images where deleted_at is null order by captured_at, id"
            )
        ]
        ids = await list_ids(field)
        match pick.choice(["split", "split", "merge", "merge", "undo", "add", "gap", "clock",
            "delete", "restore"]):  # fmt: skip
            case "split":
                await change_by_hand(field, model, "split", {"image_id": str(pick.choice(live))})
            case "merge":
                at = pick.randrange(max(1, len(ids) - 1))
                await change_by_hand(field, model, "merge", {"sequences": ids[at : at + 2]})
            case "undo" if model.changes:
                key = pick.choice(model.list_last())
                await undo(field, {"id": key})
                del model.changes[key]
            case "add":
                more = [pick.randrange(0, 3000, 10) + moved for _ in range(pick.randrange(5))]
                for image in await take(field, *more):
                    await field.change(
                        "update images set clock_offset_s = %s where id = %s", moved, image
                    )
            case "gap":
                gap_s = pick.choice([0, 30, 120, 300])
                path = f"/projects/{field.project}"
                await call(field, "PATCH", path, {"sequence_gap_s": gap_s})
            case "clock":
                moved = pick.randrange(-3600, 3600)
                path = f"/deployments/{deployment}"
                await call(field, "PATCH", path, {"clock_offset_s": moved})
                while await update_capture_times(field.system, SYSTEM):
                    pass
            case "delete" if len(live) > 6:
                some = [str(key) for key in pick.sample(live, 3)]
                deleted |= set(some)
                await call(field, "POST", "/images/delete", {"images": some, "reason": "x"})
            case "restore" if deleted:
                await call(field, "POST", "/images/restore", {"images": sorted(deleted)})
                deleted = set()
            case _:
                continue
        await settle(field)
        await require_rules(field, model, gap_s)
    for key in sorted(model.changes, reverse=True):
        await undo(field, {"id": key})
    await require_rules(field, Model(), gap_s)
    assert await field.ask("select count(*) from sequence_marks") == [(0,)]
