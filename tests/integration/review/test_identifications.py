"""Identifications of annotations and images: the latest is current, model results stay."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.operations.actions.image_deletion import purge_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.review.queries.taxa import TaxonRow
from trapline.wire.auth import NewToken, Role, TokenKind


@dataclass
class Desk:
    """A field whose three images were analysed: a box with a classification on each."""

    field: Field
    boxes: list[str]
    names: list[str]

    @property
    def images(self) -> list[str]:
        return [str(image) for image in self.field.images]

    async def say(self, *said: dict[str, Any], expect: int = 201, token: str | None = None) -> Any:
        answer = await self.field.call(
            "POST", "/identifications", {"identifications": list(said)}, token
        )
        assert answer.status_code == expect, answer.text
        return answer.json()["identifications"] if expect == 201 else answer.json()

    async def withdraw(self, *keys: str, expect: int = 200, token: str | None = None) -> Any:
        answer = await self.field.call(
            "POST", "/identifications/withdraw", {"identifications": list(keys)}, token
        )
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def find(
        self, query: str = "", path: str = "/identifications", token: str | None = None
    ) -> list[Any]:
        answer = await self.field.call(
            "GET", f"{path}?project={self.field.project}&{query}", token=token
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["count"] == len(answer.json()["results"])
        return list(answer.json()["results"])

    async def holds(self) -> dict[str, str | None]:
        """Return the current identification of each annotation.

        The filter of lists and the response of each image are equal.
        """
        found = await self.find(path="/annotations")
        told = {one["id"]: one["identification"] for one in found}
        for reviewed in (True, False):
            listed = await self.find(f"reviewed={str(reviewed).lower()}", "/annotations")
            assert {one["id"] for one in listed} == {
                key for key, one in told.items() if (one is not None) == reviewed
            }
        for image in self.images:
            for analysis in (await self.show(image))["analyses"]:
                for one in analysis["annotations"]:
                    assert one["identification"] == told[one["id"]]
        return {key: one and (one["label"] or one["kind"]) for key, one in told.items()}

    async def show(self, image: str, token: str | None = None) -> dict[str, Any]:
        answer = await self.field.call("GET", f"/images/{image}", token=token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def reviewed(self) -> list[bool]:
        """Return whether each image is reviewed, by the filter and by the image itself."""
        listed = {image["id"] for image in await self.find("reviewed=true", "/images")}
        told = {image["id"]: image["reviewed"] for image in await self.find(path="/images")}
        assert listed == {key for key, is_reviewed in told.items() if is_reviewed}
        return [told[image] for image in self.images]


@pytest.fixture
async def desk(system: AppContext) -> Desk:
    field = await make_field(system)
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    made = Desk(field, [], [])
    found = await made.find("order=captured_at", "/annotations")
    made.boxes = [one["id"] for one in found if one["annotation_type"] == "bounding_box"]
    made.names = [one["id"] for one in found if one["annotation_type"] == "classification"]
    assert len(made.boxes) == len(made.names) == 3
    return made


async def let_in(desk: Desk, role: Role) -> tuple[str, UUID]:
    """Add a user to the project; return a token and the ID of the user."""
    async with desk.field.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role.value}")
        tx.session.add(user)
        await tx.session.flush()
        tx.session.add(MemberRow(project_id=desk.field.project, user_id=user.id, role=role.value))
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={desk.field.project: role})
    return (await create_token(desk.field.system, scope, NewToken(name="t"))).token, user.id


async def test_the_latest_holds_and_what_the_model_said_stays(desk: Desk) -> None:
    before = await desk.field.ask("select * from annotations order by id")
    nothing = dict.fromkeys((*desk.boxes, *desk.names))
    assert await desk.holds() == nothing
    details = {
        "count": 2,
        "sex": "female",
        "life_stage": "juvenile",
        "behaviour": "feeding",
        "comment": "two cubs",
    }
    [first] = await desk.say(
        {"kind": "correct", "annotations": desk.boxes[:1], "label": "Lynx lynx", **details}
    )
    assert details.items() <= first.items()
    assert (first["by"], first["person_id"]) == ("field@field.example", str(desk.field.user_id))
    assert (first["image_id"], first["withdrawn_at"]) == (desk.images[0], None)
    corrected = nothing | {desk.boxes[0]: "Lynx lynx", desk.names[0]: "Lynx lynx"}
    assert await desk.holds() == corrected
    [second] = await desk.say({"kind": "unsure", "annotations": [desk.boxes[0]]})
    await desk.say(
        {"kind": "comment", "annotations": [desk.boxes[0]], "comment": "look at the ears"}
    )
    assert await desk.holds() == nothing | {desk.boxes[0]: "unsure", desk.names[0]: "unsure"}
    assert await desk.withdraw(second["id"]) == {"withdrawn": 1, "unchanged": 0}
    assert await desk.withdraw(second["id"]) == {"withdrawn": 0, "unchanged": 1}
    assert await desk.holds() == corrected, "what was said before holds again"
    assert await desk.reviewed() == [True, False, False]
    await desk.withdraw(first["id"])
    assert await desk.holds() == nothing
    assert await desk.reviewed() == [False, False, False], "a comment is no review"
    assert await desk.field.ask("select * from annotations order by id") == before
    history = await desk.find(f"annotation={desk.boxes[0]}")
    assert [(one["kind"], one["withdrawn_at"] is None) for one in history] == [
        ("comment", True),
        ("unsure", False),
        ("correct", False),
    ]
    shown = (await desk.field.call("GET", f"/identifications/{first['id']}")).json()
    assert shown["withdrawn_by"] == "field@field.example"


async def test_whole_images_are_said_to_be_right_or_blank_in_bulk(desk: Desk) -> None:
    await desk.say({"kind": "correct", "annotations": [desk.boxes[1]], "label": "red deer"})
    made = await desk.say(
        {"kind": "confirm", "images": desk.images[:2]}, {"kind": "blank", "images": desk.images[2:]}
    )
    assert [one["image_id"] for one in made] == desk.images
    held = await desk.holds()
    assert (
        [held[key] for key in desk.boxes]
        == [held[key] for key in desk.names]
        == ["confirm", "red deer", "blank"]
    )
    assert [(await desk.show(image))["identification"]["kind"] for image in desk.images] == [
        "confirm"
    ] * 2 + ["blank"]
    assert await desk.reviewed() == [True] * 3
    job = await desk.field.run_job()
    await desk.field.post(job, [success(task) for task in await desk.field.lease_all(job)])
    held = await desk.holds()
    of_old = {key: held.pop(key) for key in (*desk.boxes, *desk.names)}
    assert (
        sorted(filter(None, of_old.values())) == ["blank"] * 2 + ["confirm"] * 2 + ["red deer"] * 2
    )
    assert sorted(filter(None, held.values())) == ["blank"] * 2, (
        "what is found later was not confirmed"
    )
    await desk.say({"kind": "correct", "annotations": [desk.boxes[2]], "label": "wolf"})
    assert (await desk.show(desk.images[2]))["identification"] is None, (
        "something on it was named since"
    )
    assert (await desk.holds())[desk.boxes[2]] == "wolf"
    await desk.say({"kind": "unsure", "images": [desk.images[2]]})
    assert (await desk.show(desk.images[2]))["identification"]["kind"] == "unsure"
    assert (await desk.holds())[desk.names[2]] == "wolf"


async def test_all_of_a_request_is_stored_or_nothing(desk: Desk) -> None:
    fine = {"kind": "confirm", "annotations": desk.boxes[:1]}
    other = await make_field(desk.field.system, 1, "other")
    told = await desk.say(
        fine, {"kind": "correct", "annotations": desk.boxes[1:]}, {"kind": "unsure"}, expect=422
    )
    assert [one["where"] for one in told["errors"]] == ["identifications.1", "identifications.2"]
    assert "Nothing was stored" in told["detail"]
    for missing in (
        {"images": [str(other.images[0])]},
        {"annotations": [desk.boxes[1], str(uuid7())]},
    ):
        told = await desk.say(fine, {"kind": "unsure", **missing}, expect=404)
        assert told["detail"].startswith("identifications.1.")
    await desk.say({**fine, "count": 0}, expect=422)
    await desk.say({**fine, "label": "x"}, expect=422)
    await desk.say({"kind": "guess", "annotations": desk.boxes}, expect=422)
    await desk.say({"kind": "unsure", "images": [str(uuid7()) for _ in range(600)]}, {
        "kind": "unsure", "images": [str(uuid7()) for _ in range(600)]
    }, expect=422)  # fmt: skip
    for path in ("select id from identifications", "select id from images where reviewed"):
        assert await desk.field.ask(path) == []
    wanted = {"model_name": "lynx", "model_version": "1", "image_id": desk.images[0]}
    made = (await desk.field.call("POST", f"/images/{desk.images[0]}/analyses", wanted)).json()
    await desk.field.change("update analyses set state = 'processing' where id = %s", made["id"])
    await desk.field.change(
        "update annotations set analysis_id = %s where id = %s", made["id"], desk.boxes[0]
    )
    told = await desk.say({"kind": "unsure", "annotations": [desk.boxes[1]]}, fine, expect=409)
    assert [one["where"] for one in told["errors"]] == ["identifications.1.annotations.0"]
    await desk.field.change("update analyses set state = 'failed' where job_id is not null")
    told = await desk.say({"kind": "confirm", "images": desk.images}, expect=409)
    assert len(told["errors"]) == 3
    [one] = await desk.say({"kind": "blank", "images": desk.images[:1]})
    await desk.withdraw(one["id"], str(uuid7()), expect=404)
    assert await desk.reviewed() == [True, False, False]


async def test_a_withdrawal_with_a_key_returns_its_first_response_again(desk: Desk) -> None:
    [said] = await desk.say({"kind": "blank", "images": desk.images[:1]})
    body = {"identifications": [said["id"]]}
    headers = {"Authorization": f"Token {desk.field.owner}", "Idempotency-Key": "withdrawn once"}
    answers = [
        await desk.field.client.post("/api/v2/identifications/withdraw", json=body, headers=headers)
        for _ in range(2)
    ]
    assert [answer.json() for answer in answers] == [{"withdrawn": 1, "unchanged": 0}] * 2


async def test_roles_that_may_identify_and_withdraw(desk: Desk) -> None:
    reviewer, person = await let_in(desk, Role.REVIEWER)
    viewer, _ = await let_in(desk, Role.VIEWER)
    manager, _ = await let_in(desk, Role.MANAGER)
    said = {"kind": "confirm", "annotations": desk.boxes[:1]}
    await desk.say(said, token=viewer, expect=403)
    [own] = await desk.say(said, token=reviewer)
    [others] = await desk.say(said)
    await desk.withdraw(own["id"], others["id"], token=reviewer, expect=403)
    assert [one["withdrawn_at"] for one in await desk.find()] == [None, None]
    assert [one["by"] for one in await desk.find(f"person={person}", token=viewer)] == [
        "a reviewer"
    ]
    await desk.withdraw(own["id"], token=reviewer)
    await desk.withdraw(others["id"], token=manager)
    told = await desk.find("withdrawn=true&order=created_at")
    assert [(one["by"], one["withdrawn_by"]) for one in told] == [
        ("a reviewer", "a reviewer"),
        ("field@field.example", "a manager"),
    ]
    lines = await desk.field.ask(
        "select action, details->'images' from audit where action in ('identify', 'withdraw')"
    )
    assert sorted(lines) == [
        (action, [desk.images[0]]) for action in ("identify", "identify", "withdraw", "withdraw")
    ]
    await desk.say(said)
    scope = Scope(actor="x", user_id=desk.field.user_id, roles={desk.field.project: Role.OWNER})
    made = await create_token(desk.field.system, scope, NewToken(name="p", kind=TokenKind.PIPELINE))
    answer = await desk.field.call("GET", f"/images/{desk.images[0]}", token=made.token)
    assert answer.json()["reviewed"] is True
    assert "field@field.example" not in answer.text, "outside pipelines are not told who said what"


async def test_taxa_name_what_it_is(desk: Desk) -> None:
    async with desk.field.system.database.transaction(SYSTEM) as tx:
        lynx = TaxonRow(
            project_id=desk.field.project,
            scientific_name="Lynx lynx",
            name_key="lynx lynx",
            searched="",
        )
        tx.session.add(lynx)
    taxon = str(lynx.id)
    [made] = await desk.say(
        {"kind": "correct", "annotations": desk.boxes[:1], "taxon": taxon, "count": 1}
    )
    assert (made["taxon_id"], made["label"]) == (taxon, "Lynx lynx")
    assert [one["id"] for one in await desk.find(f"taxon={taxon}")] == [made["id"]]
    assert await desk.find(f"taxon={uuid7()}") == await desk.find("kind=blank") == []
    await desk.say(
        {"kind": "correct", "annotations": desk.boxes[:1], "taxon": str(uuid7())}, expect=404
    )
    other = await make_field(desk.field.system, 1, "other")
    async with desk.field.system.database.transaction(SYSTEM) as tx:
        tx.session.add(
            MemberRow(project_id=other.project, user_id=desk.field.user_id, role=Role.OWNER.value)
        )
        elsewhere = TaxonRow(
            project_id=other.project, scientific_name="Lynx", name_key="lynx", searched=""
        )
        tx.session.add(elsewhere)
    await desk.say(
        {"kind": "correct", "annotations": desk.boxes[:1], "taxon": str(elsewhere.id)}, expect=404
    )
    moment = made["created_at"].replace("+", "%2B")
    assert len(await desk.find(f"created_after={moment}&image={desk.images[0]}&kind=correct")) == 1
    assert await desk.find(f"created_before={moment}") == []


async def test_many_speak_of_one_image_at_once(desk: Desk) -> None:
    """The final state decides whether an image is reviewed, in any order of the calls."""
    said = {"kind": "confirm", "annotations": desk.boxes[:1]}
    made = [one["id"] for _ in range(4) for one in await desk.say(said)]
    await asyncio.gather(*(desk.say(said) for _ in range(4)), *(desk.withdraw(key) for key in made))
    assert await desk.reviewed() == [True, False, False]
    keys = [one["id"] for one in await desk.find("withdrawn=false")]
    assert len(keys) == 4
    await asyncio.gather(*(desk.withdraw(key) for key in keys))
    assert await desk.reviewed() == [False, False, False]


async def test_identifications_are_deleted_with_their_image(desk: Desk) -> None:
    await desk.say({"kind": "confirm", "images": desk.images[:2]})
    await desk.field.call("POST", "/images/delete", {"images": desk.images[:1], "reason": "x"})
    assert [one["image_id"] for one in await desk.find()] == desk.images[1:2]
    await desk.say({"kind": "blank", "images": desk.images[:1]}, expect=404)
    await desk.field.change(
        "update images set deleted_at = now() - interval '99 days' where deleted_at is not null"
    )
    await purge_images(desk.field.system, SYSTEM)
    assert await desk.field.ask("select image_id from identifications") == [(UUID(desk.images[1]),)]
