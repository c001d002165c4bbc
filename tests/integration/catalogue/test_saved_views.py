"""Saved views: filters of images that the members of a project share by name."""

from typing import Any
from uuid import uuid4

import pytest
from tests.support.api_project import SYSTEM, Field, make_field
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.catalogue.actions import saved_views
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role

NIGHT: dict[str, Any] = {"class_name": "fox", "hour_from": 22, "hour_to": 4, "commented": True}


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=1)


async def add_member(field: Field, role: Role) -> str:
    async with field.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role}")
        tx.session.add(user)
        await tx.session.flush()
        tx.session.add(MemberRow(project_id=field.project, user_id=user.id, role=role.value))
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={field.project: role})
    return (await create_token(field.system, scope, NewToken(name="t"))).token


async def create(
    field: Field, name: str, token: str | None = None, **given: Any
) -> tuple[int, dict[str, Any]]:
    body = {"project": field.project, "name": name, "filter": NIGHT} | given
    answer = await field.call("POST", "/saved-views", body, token)
    return answer.status_code, answer.json()


async def list_names(field: Field, token: str | None = None) -> list[str]:
    answer = await field.call("GET", f"/saved-views?project={field.project}", token=token)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["results"]]


async def test_reviewers_save_views_and_everyone_in_the_project_lists_them(field: Field) -> None:
    reviewer = await add_member(field, Role.REVIEWER)
    other = await add_member(field, Role.REVIEWER)
    viewer = await add_member(field, Role.VIEWER)
    manager = await add_member(field, Role.MANAGER)
    code, view = await create(field, "  Foxes by   night ", reviewer, order="random", seed=7)
    assert code == 201, view
    assert (view["name"], view["order"], view["seed"]) == ("Foxes by night", "random", 7)
    assert {name: value for name, value in view["filter"].items() if value} == NIGHT
    assert (view["created_by"], view["can_change"]) == ("a reviewer", True)
    assert (await create(field, "Foxes by night", other))[0] == 409
    assert (await create(field, "Another", viewer))[0] == 403
    assert (await create(field, "All", other, filter={}))[0] == 201
    assert await list_names(field, viewer) == ["All", "Foxes by night"]

    path = f"/saved-views/{view['id']}"
    seen = (await field.call("GET", path, token=viewer)).json()
    assert (seen["can_change"], seen["filter"]) == (False, view["filter"])
    for token in (viewer, other):
        assert (await field.call("PATCH", path, {"name": "x"}, token)).status_code == 403
        assert (await field.call("DELETE", path, token=token)).status_code == 403
    changed = await field.call("PATCH", path, {"filter": {"deleted": True}}, manager)
    assert changed.status_code == 200
    kept = {name: value for name, value in changed.json()["filter"].items() if value}
    assert (kept, changed.json()["name"]) == ({"deleted": True}, "Foxes by night")
    assert (await field.call("PATCH", path, {"name": "All"}, reviewer)).status_code == 409
    assert (await field.call("PATCH", path, {"name": None}, reviewer)).status_code == 422
    renamed = await field.call("PATCH", path, {"name": "Deleted"}, reviewer)
    assert renamed.json()["filter"]["deleted"] is True
    assert await list_names(field) == ["All", "Deleted"]
    assert (await field.call("DELETE", path, token=reviewer)).status_code == 204
    assert (await field.call("DELETE", path, token=reviewer)).status_code == 404
    assert await list_names(field) == ["All"]


async def test_a_repeated_request_creates_one_view(field: Field) -> None:
    headers = {"Authorization": f"Token {field.owner}", "Idempotency-Key": str(uuid4())}
    body = {"project": field.project, "name": "Once"}
    answers = [
        await field.client.post("/api/v2/saved-views", json=body, headers=headers) for _ in "12"
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert await list_names(field) == ["Once"]


async def test_a_view_has_only_a_valid_filter(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (
        {"name": " "},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"filter": {"clas": "fox"}},
        {"filter": {"hour_from": 24}},
        {"filter": {"confidence_max": 2}},
        {"filter": {"class_name": "x" * 1001}},
        {"filter": {"images": [str(field.images[0])]}},
        {"filter": "class=fox"},
        {"order": "name"},
        {"seed": -1},
    ):
        code, problem = await create(field, **{"name": "Wrong", **wrong})  # type: ignore[arg-type]
        assert code == 422, (wrong, problem)
    assert await list_names(field) == []
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 2)
    assert [(await create(field, name))[0] for name in "abc"] == [201, 201, 409]
