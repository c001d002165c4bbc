"""Boxes that people draw: they are observations, and correct the boxes of models."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import make_field
from tests.support.human_box_easel import BOX, Easel, make_easel
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role, TokenKind


@pytest.fixture
async def easel(system: AppContext) -> Easel:
    return await make_easel(system)


async def test_a_box_of_a_person_is_an_observation(easel: Easel) -> None:
    before = await easel.store()
    models = await easel.observe()
    [drawn] = await easel.draw({"count": 2, "sex": "female", "individual_id": "Ada"})
    assert (drawn["analysis_id"], drawn["source"], drawn["version"]) == (None, "human", 1)
    assert (drawn["author_id"], drawn["confidence"]) == (str(easel.field.user_id), None)
    assert (drawn["data"], drawn["annotation_type"]) == (BOX, "bounding_box")
    assert (
        drawn["stated"] | {"label": "hare", "count": 2, "individual_id": "Ada"} == (drawn["stated"])
    )
    assert await easel.observe() == sorted([*models, ("hare", drawn["id"], "human")], key=str)
    found = await easel.call("GET", f"/observations?image={easel.images[0]}&source=human")
    assert [(one["count"], one["individual_id"]) for one in found["results"]] == [(2, "Ada")]
    image = await easel.call("GET", f"/images/{easel.images[0]}")
    assert image["boxes_by_people"] == [drawn]
    assert image["reviewed"] is True
    assert drawn["id"] in {one["id"] for one in image["boxes"]}, "the thumbnail shows it"
    listed = await easel.find("source=human")
    assert [drawn | one for one in listed] == listed
    assert (listed[0]["image_id"], listed[0]["model_name"]) == (easel.images[0], None)
    assert len(await easel.find()) == len(await easel.find("source=model")) + 1
    found = await easel.call("GET", f"/images?project={easel.field.project}&class=hare")
    assert [one["id"] for one in found["results"]] == easel.images[:1]
    await easel.call("DELETE", f"/annotations/{drawn['id']}", status=204)
    assert await easel.store() == before
    assert await easel.find("source=human") == []
    image = await easel.call("GET", f"/images/{easel.images[0]}")
    assert (image["boxes_by_people"], image["reviewed"]) == ([], False)


async def test_a_box_supersedes_the_box_of_a_model(easel: Easel) -> None:
    before = await easel.store()
    annotations = await easel.field.ask("select n.*::text from annotations n order by 1")
    [drawn] = await easel.draw({"supersedes": easel.found[0]})
    assert drawn["supersedes"] == easel.found[0]
    assert await easel.observe() == [("hare", drawn["id"], "human")]
    told = await easel.draw({"supersedes": easel.found[0]}, status=409)
    assert [one["where"] for one in told["errors"]] == ["annotations.0.supersedes"]
    assert await easel.field.ask("select n.*::text from annotations n order by 1") == annotations
    await easel.call("DELETE", f"/annotations/{drawn['id']}", status=204)
    assert await easel.store() == before
    await easel.draw({"supersedes": easel.found[0]})


async def test_a_box_is_changed_with_its_history(easel: Easel) -> None:
    [drawn] = await easel.draw({"count": 2})
    path = f"/annotations/{drawn['id']}"
    moved = BOX | {"x_min": 0}
    changed = await easel.call("PATCH", path, {"box": moved}, If_Match='"1"')
    assert (changed["version"], changed["data"]) == (2, moved)
    assert (changed["class_name"], changed["stated"]["count"]) == ("hare", 2)
    await easel.call("PATCH", path, {"label": "fox"}, 412, If_Match='"1"')
    await easel.call("DELETE", path, None, 412, If_Match='"1"')
    same = await easel.call("PATCH", path, {"box": moved, "label": "hare"}, If_Match='"2"')
    assert same == changed, "nothing changed, so that the version is the same"
    await easel.call("PATCH", path, {"label": "fox", "count": None}, If_Match='"2"')
    assert ("fox", drawn["id"], "human") in await easel.observe()
    await easel.call("DELETE", path, None, 204, If_Match='"3"')
    history = await easel.call("GET", f"{path}/history")
    told = [
        (one["version"], one["taxon"]["label"], one["taxon"]["count"], one["box"]["x_min"])
        for one in history["changes"]
    ]
    assert told == [(4, "fox", None, 0), (3, "hare", 2, 0), (2, "hare", 2, 10)]
    assert {one["person_id"] for one in history["changes"]} == {str(easel.field.user_id)}
    await easel.call("PATCH", path, {"label": "fox"}, 404)
    lines = await easel.field.ask(
        "select action from audit where subject_id = %s order by at, id", drawn["id"]
    )
    assert [action for (action,) in lines] == ["change", "change", "withdraw"]


async def test_the_later_of_a_box_and_other_decisions_applies(easel: Easel) -> None:
    [drawn] = await easel.draw({})
    key, path = drawn["id"], f"/annotations/{drawn['id']}"

    async def identify(**said: Any) -> Any:
        body = {"identifications": [said]}
        return (await easel.call("POST", "/identifications", body, 201))["identifications"][0]

    named = await identify(kind="correct", annotations=[key], label="rabbit")
    assert ("rabbit", key, "human") in await easel.observe()
    assert named["analysis_id"] is None
    history = await easel.call("GET", f"/identifications?annotation={key}")
    assert [one["id"] for one in history["results"]] == [named["id"]]
    assert (await easel.find("source=human"))[0]["identification"]["label"] == "rabbit"
    await easel.call("PATCH", path, {"box": BOX | {"x_min": 0}})
    assert ("rabbit", key, "human") in await easel.observe(), "moving it does not name it"
    await easel.call("PATCH", path, {"label": "fox"})
    assert ("fox", key, "human") in await easel.observe()
    assert (await easel.find("source=human"))[0]["identification"] is None
    blank = await identify(kind="blank", images=easel.images[:1])
    assert [name for name, *_ in await easel.observe()] == ["blank"]
    await easel.call("PATCH", path, {"box": BOX})
    assert await easel.observe() == [("fox", key, "human")]
    await easel.call("POST", "/identifications/withdraw", {"identifications": [blank["id"]]})
    await identify(kind="blank", annotations=[key])
    assert "fox" not in [name for name, *_ in await easel.observe()]


async def test_a_box_says_what_the_person_who_named_it_says(easel: Easel) -> None:
    ada, bob = await easel.join(Role.REVIEWER), await easel.join(Role.REVIEWER)
    [drawn] = await easel.draw({"label": "lynx"}, token=ada)
    path = f"/annotations/{drawn['id']}"

    async def find_author() -> str | None:
        found = await easel.call("GET", f"/observations?image={easel.images[0]}&source=human")
        [one] = [one for one in found["results"] if one["annotation_id"] == drawn["id"]]
        return str(one["person_id"])

    await easel.call("PATCH", path, {"box": BOX | {"x_min": 0}})
    assert await find_author() == drawn["author_id"]
    blank = {"identifications": [{"kind": "blank", "images": easel.images[:1]}]}
    await easel.call("POST", "/identifications", blank, 201, token=bob)
    await easel.call("PATCH", path, {"box": BOX})
    assert [name for name, *_ in await easel.observe()] == ["blank"], "its owner only moved it"
    await easel.call("PATCH", path, {"box": BOX | {"x_min": 5}}, token=ada)
    assert ("lynx", drawn["id"], "human") in await easel.observe(), "its author moved it"
    await easel.call("PATCH", path, {"label": "cat"})
    assert await find_author() == str(easel.field.user_id)
    await easel.call("POST", "/identifications", blank, 201, token=bob)
    await easel.call("DELETE", path, status=204, token=ada)
    await easel.draw({"id": drawn["id"], "label": "cat"}, token=ada)
    assert await find_author() == drawn["author_id"], "its author restored it"


async def test_a_box_that_another_user_withdrew_is_not_restored(easel: Easel) -> None:
    ada = await easel.join(Role.REVIEWER)
    [drawn] = await easel.draw({}, token=ada)
    await easel.call("DELETE", f"/annotations/{drawn['id']}", status=204)
    await easel.draw({"id": drawn["id"]}, status=409, token=ada)


async def test_a_box_never_adds_to_a_stated_count(easel: Easel) -> None:
    said = {"kind": "correct", "images": easel.images[:1], "label": "hare", "count": 3}
    await easel.call("POST", "/identifications", {"identifications": [said]}, 201)
    await easel.draw({"supersedes": easel.found[0]})
    found = await easel.call("GET", f"/observations?image={easel.images[0]}&class=hare")
    assert sum(one["count"] for one in found["results"]) == 3


async def test_a_deleted_box_of_a_model_is_not_an_animal(easel: Easel) -> None:
    before = await easel.store()
    await easel.call("DELETE", f"/annotations/{easel.found[0]}", status=204)
    assert await easel.observe() == [("blank", None, "human")]
    [said] = (await easel.call("GET", f"/identifications?annotation={easel.found[0]}"))["results"]
    assert said["kind"] == "blank"
    assert easel.found[0] in {one["id"] for one in await easel.find()}, "the model's result is kept"
    body = {"identifications": [said["id"]]}
    await easel.call("POST", "/identifications/withdraw", body)
    assert await easel.store() == before


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"box": BOX | {"x_max": 200.1}}, 422, "annotations.0.box.x_max"),
    ({"box": BOX | {"y_max": 101}}, 422, "annotations.0.box.y_max"),
    ({"box": BOX | {"x_min": -0.1}}, 422, "annotations.0.box.x_min"),
    ({"box": BOX | {"x_max": 11.9}}, 422, "annotations.0.box"),
    ({"box": BOX | {"y_max": "wide"}}, 422, "annotations.0.box.y_max"),
    ({"count": 0}, 422, "annotations.0.count"),
    ({"count": 1_000_001}, 422, "annotations.0.count"),
    ({"label": None}, 422, "annotations.0"),
    ({"taxon": str(uuid7())}, 422, "annotations.0"),
    ({"label": None, "taxon": str(uuid7())}, 404, "annotations.0.taxon"),
    ({"image": str(uuid7())}, 404, "annotations.0.image"),
    ({"supersedes": str(uuid7())}, 404, "annotations.0.supersedes"),
]


@pytest.mark.parametrize(("wrong", "status", "where"), REFUSED)
async def test_a_refusal_names_the_field_and_stores_nothing(
    easel: Easel, wrong: dict[str, Any], status: int, where: str
) -> None:
    before = await easel.store()
    told = await easel.draw(wrong, {"image": easel.images[1]}, status=status)
    assert where in told["detail"] or where in str(told["errors"]), told
    assert await easel.field.ask("select id from human_boxes") == []
    assert await easel.store() == before


async def test_only_boxes_of_the_image_are_superseded(easel: Easel) -> None:
    told = await easel.draw({"supersedes": easel.found[1]}, status=404)
    assert "annotations.0.supersedes" in told["detail"]
    [name] = [
        one["id"]
        for one in await easel.find("type=classification")
        if one["image_id"] == easel.images[0]
    ]
    await easel.draw({"supersedes": name}, status=409)
    twice = {"supersedes": easel.found[0]}
    await easel.draw(twice, twice, status=422)


async def test_a_change_outside_the_image_is_refused(easel: Easel) -> None:
    [drawn] = await easel.draw({})
    path = f"/annotations/{drawn['id']}"
    for change, where in (
        ({"box": BOX | {"x_max": 201}}, "box.x_max"),
        ({"box": None}, "box"),
        ({"label": None}, "label"),
        ({"label": "fox", "taxon": str(uuid7())}, "label"),
        ({"count": 0}, "count"),
    ):
        told = await easel.call("PATCH", path, change, 422)
        assert where in told["detail"] or where in str(told["errors"])
    told = await easel.call("PATCH", path, {"taxon": str(uuid7())}, 404)
    assert told["detail"].startswith("taxon")
    told = await easel.call("PATCH", f"/annotations/{easel.found[0]}", {"label": "fox"}, 409)
    assert "supersedes" in told["detail"]
    assert (await easel.find("source=human"))[0]["version"] == 1


async def test_a_box_on_an_image_in_the_trash_is_not_found(easel: Easel) -> None:
    [drawn] = await easel.draw({})
    deleted = {"images": easel.images[:1], "reason": "x"}
    await easel.call("POST", "/images/delete", deleted)
    path = f"/annotations/{drawn['id']}"
    told = await easel.call("PATCH", path, {"label": "fox"}, 404)
    assert told == await easel.call("DELETE", path, None, 404) | {"request_id": told["request_id"]}
    await easel.call("GET", f"{path}/history", status=404)
    assert await easel.find("source=human") == []
    await easel.draw({}, status=404)


async def test_roles_decide_who_may_draw_and_change(easel: Easel) -> None:
    reviewer, other = await easel.join(Role.REVIEWER), await easel.join(Role.REVIEWER)
    manager, viewer = await easel.join(Role.MANAGER), await easel.join(Role.VIEWER)
    await easel.draw({}, status=403, token=viewer)
    [drawn] = await easel.draw({}, token=reviewer)
    path = f"/annotations/{drawn['id']}"
    for token in (viewer, other):
        await easel.call("PATCH", path, {"label": "fox"}, 403, token=token)
        await easel.call("DELETE", path, None, 403, token=token)
    assert (await easel.find("source=human", token=viewer))[0]["author"] == "a reviewer"
    await easel.call("PATCH", path, {"label": "fox"}, token=reviewer)
    await easel.call("PATCH", path, {"label": "wolf"}, token=manager)
    [one] = await easel.find("source=human")
    assert (one["author"], one["class_name"], one["version"]) == ("a reviewer", "wolf", 3)
    stranger = await make_field(easel.field.system, 1, "other")
    for method, body in (("PATCH", {"label": "fox"}), ("DELETE", None)):
        await easel.call(method, path, body, 404, token=stranger.owner)
    await easel.call("GET", f"{path}/history", status=404, token=stranger.owner)
    await easel.draw({}, status=404, token=stranger.owner)
    scope = Scope(actor="x", user_id=easel.field.user_id, roles={easel.field.project: Role.OWNER})
    pipeline = await create_token(
        easel.field.system, scope, NewToken(name="p", kind=TokenKind.PIPELINE)
    )
    image = await easel.call("GET", f"/images/{easel.images[0]}", token=pipeline.token)
    assert (image["boxes_by_people"][0]["author"], image["boxes_by_people"][0]["author_id"]) == (
        None,
        None,
    )


async def test_boxes_with_a_key_are_stored_once(easel: Easel) -> None:
    both: tuple[dict[str, Any], ...] = ({}, {"image": easel.images[1]})
    first = await easel.draw(*both, Idempotency_Key="once")
    assert await easel.draw(*both, Idempotency_Key="once") == first
    assert await easel.field.ask("select count(*) from human_boxes") == [(2,)]
    [line] = await easel.field.ask("select details from audit where action = 'draw'")
    assert line[0]["annotations"] == [one["id"] for one in first]


async def test_of_two_changes_at_the_same_time_one_is_refused(easel: Easel) -> None:
    [drawn] = await easel.draw({})
    headers = {"Authorization": f"Token {easel.field.owner}", "If-Match": '"1"'}
    answers = await asyncio.gather(
        *(
            easel.field.client.patch(
                f"/api/v2/annotations/{drawn['id']}", json={"label": name}, headers=headers
            )
            for name in ("fox", "wolf")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    both = await asyncio.gather(
        *(
            easel.field.call(
                "POST",
                "/annotations",
                {
                    "annotations": [
                        {
                            "image": easel.images[1],
                            "box": BOX,
                            "label": name,
                            "supersedes": easel.found[1],
                        }
                    ]
                },
            )
            for name in ("fox", "wolf")
        )
    )
    assert sorted(answer.status_code for answer in both) == [201, 409]


async def test_pages_of_annotations_have_both_sources(easel: Easel) -> None:
    await easel.draw(*({"image": image} for image in easel.images for _ in range(2)))
    for order in ("captured_at", "-captured_at"):
        everything = [one["id"] for one in await easel.find(f"order={order}")]
        assert len(everything) == len(set(everything)) == 12
        paged: list[str] = []
        path = f"/annotations?project={easel.field.project}&order={order}&limit=5"
        following: str | None = ""
        while following is not None:
            page = await easel.call("GET", f"{path}&cursor={following}" if following else path)
            paged += [one["id"] for one in page["results"]]
            following = page["next"]
        assert paged == everything
    assert len(await easel.find("class=hare")) == 6
    assert await easel.find("source=human&confidence_min=0.1") == []
    of_image = await easel.call("GET", f"/images/{easel.images[0]}/annotations?source=human")
    assert of_image["count"] == 2


async def test_a_box_is_named_by_a_taxon(easel: Easel) -> None:
    body = {"project": easel.field.project, "scientific_name": "Lepus europaeus"}
    taxon = await easel.call("POST", "/taxa", body | {"rank": "species"}, 201)
    [drawn] = await easel.draw({"label": None, "taxon": taxon["id"]})
    assert (drawn["class_name"], drawn["stated"]["taxon_id"]) == ("Lepus europaeus", taxon["id"])
    listed = await easel.find(f"taxon={taxon['id']}")
    assert [one["id"] for one in listed] == [drawn["id"]]
    await easel.call("DELETE", f"/taxa/{taxon['id']}", status=409)
    changed = await easel.call("PATCH", f"/annotations/{drawn['id']}", {"label": "hare"})
    assert changed["stated"]["taxon_id"] is None
    await easel.call("PATCH", f"/annotations/{drawn['id']}", {"taxon": taxon["id"]})
    found = await easel.call("GET", f"/observations?image={easel.images[0]}&taxon={taxon['id']}")
    assert [UUID(one["annotation_id"]) for one in found["results"]] == [UUID(drawn["id"])]
