"""Boxes with the IDs of clients, and who restores a box that was withdrawn."""

import asyncio
from typing import Any

import pytest
from tests.support.api_project import make_field
from tests.support.human_box_easel import BOX, Easel, make_easel
from uuid_utils.compat import uuid7

from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import Role


@pytest.fixture
async def easel(system: AppContext) -> Easel:
    return await make_easel(system)


async def test_a_box_has_the_id_of_the_client_and_is_restored_with_it(easel: Easel) -> None:
    own, other = str(uuid7()), await easel.join(Role.REVIEWER)
    [drawn] = await easel.draw({"id": own, "supersedes": easel.found[0]})
    assert (drawn["id"], drawn["version"]) == (own, 1)
    stranger = await make_field(easel.field.system, 1, "other")
    theirs = [{"id": own, "image": str(stranger.images[0]), "box": BOX, "label": "hare"}]
    for used, token, new in (
        (own, None, {}),
        (easel.found[0], None, {}),
        (own, stranger.owner, theirs[0]),
    ):
        told = await easel.draw({"id": used} | new, status=409, token=token)
        assert [one["where"] for one in told["errors"]] == ["annotations.0.id"]
    twice = {"id": str(uuid7())}
    told = await easel.draw(twice, twice | {"image": easel.images[1]}, status=422)
    assert [one["where"] for one in told["errors"]] == ["annotations.1.id"]
    named = {"identifications": [{"kind": "correct", "annotations": [own], "label": "rabbit"}]}
    await easel.call("POST", "/identifications", named, 201)
    before = await easel.store()
    await easel.call("DELETE", f"/annotations/{own}", status=204)
    # Only its author restores it, and only on its image.
    await easel.draw({"id": own}, status=409, token=other)
    await easel.draw({"id": own, "image": easel.images[1]}, status=409)
    [again] = await easel.draw({"id": own, "supersedes": easel.found[0]})
    assert (again["id"], again["version"]) == (own, 3)
    assert await easel.store() == before, "with the name that a person gave it"
    history = await easel.call("GET", f"/annotations/{own}/history")
    assert [one["version"] for one in history["changes"]] == [3, 2]
    free, [first, second] = str(uuid7()), easel.images[1:]
    headers = {"Authorization": f"Token {easel.field.owner}"}
    answers = await asyncio.gather(
        *(
            easel.field.client.post(
                "/api/v2/annotations",
                json={"annotations": [{"id": free, "image": image, "box": BOX, "label": "hare"}]},
                headers=headers,
            )
            for image in (first, second, first, second)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_who_drew_and_withdrew_a_box_restores_it(easel: Easel) -> None:
    other = await easel.join(Role.REVIEWER)
    own, theirs = str(uuid7()), str(uuid7())
    await easel.draw({"id": own})
    await easel.draw({"id": theirs, "image": easel.images[1]}, token=other)
    # The owner of the project withdraws both boxes, and restores only the one that the owner drew.
    for box in (own, theirs):
        await easel.call("DELETE", f"/annotations/{box}", status=204)
    for token in (None, other):
        await easel.draw({"id": theirs, "image": easel.images[1]}, status=409, token=token)
    await easel.draw({"id": own}, status=409, token=other)
    assert [one["id"] for one in await easel.draw({"id": own})] == [own]


async def test_a_repeated_change_and_withdrawal_return_the_saved_response(easel: Easel) -> None:
    [drawn] = await easel.draw({})
    path = f"/annotations/{drawn['id']}"

    async def change(label: str, status: int = 200) -> Any:
        return await easel.call(
            "PATCH", path, {"label": label}, status, Idempotency_Key="change", If_Match='"1"'
        )

    changed = await change("rabbit")
    assert changed["version"] == 2
    assert await change("rabbit") == changed
    assert "with another request" in (await change("fox", 409))["detail"]
    await easel.call("PATCH", path, {"label": "fox"}, 412, If_Match='"1"')
    for _ in range(2):
        same = await easel.call("PATCH", path, {"label": "rabbit"}, Idempotency_Key="same")
        assert same["version"] == 2, "nothing was changed"
    for _ in range(2):
        await easel.call("DELETE", path, status=204, Idempotency_Key="removal", If_Match='"2"')
    await easel.call("DELETE", path, status=404, Idempotency_Key="another")
    of_model = f"/annotations/{easel.found[0]}"
    for _ in range(2):
        await easel.call("DELETE", of_model, status=204, Idempotency_Key="model")
    [said] = await easel.field.ask(
        "select count(*) from identifications where kind = 'blank' and withdrawn_at is null"
    )
    assert said == (1,)
    history = await easel.call("GET", f"{path}/history")
    assert [one["version"] for one in history["changes"]] == [3, 2], "one change, one withdrawal"
