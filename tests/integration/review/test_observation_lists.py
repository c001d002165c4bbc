"""Observations as the API lists and counts them, after models and after people."""

from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import begin, box
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=4)


async def analyse(
    field: Field, image: int, *found: dict[str, Any], model: str = "net"
) -> list[str]:
    """Run an external pipeline on an image; returns the ids of its annotations."""
    outside = await begin(field, field.images[image], model_name=model)
    posted = (await outside.post(list(found)))["annotations"] if found else []
    assert (await outside.call("POST", "/finalize", {"status": "completed"})).status_code == 200
    return [one["id"] for one in posted]


async def say(field: Field, **said: Any) -> str:
    answer = await field.call("POST", "/identifications", {"identifications": [said]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["identifications"][0]["id"])


async def add_taxon(field: Field, name: str, *labels: str, **ranks: str) -> str:
    body = {"project": field.project, "scientific_name": name, "rank": "species"}
    made = await field.call("POST", "/taxa", body | {"higher_ranks": ranks})
    assert made.status_code == 201, made.text
    taxon = str(made.json()["id"])
    mapped = {
        "project": field.project,
        "labels": [{"label": label, "taxon": taxon} for label in labels],
    }
    assert (await field.call("PUT", "/taxa/labels", mapped)).status_code == 200
    return taxon


async def add_reviewer(field: Field) -> tuple[str, UUID]:
    """Add a reviewer to the project; return a token and the ID of the user."""
    async with field.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name="a reviewer")
        tx.session.add(user)
        await tx.session.flush()
        role = Role.REVIEWER
        member = MemberRow(project_id=field.project, user_id=user.id, role=role.value)
        tx.session.add(member)
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={field.project: role})
    return (await create_token(field.system, scope, NewToken(name="t"))).token, user.id


async def find(field: Field, **query: Any) -> list[dict[str, Any]]:
    """List observations page by page."""
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    results: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await field.call(
            "GET", f"/observations?project={field.project}&limit=2&{asked}{cursor}"
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        results += page["results"]
        if page["next"] is None:
            assert page["count"] == len(results)
            return results
        cursor = f"&cursor={page['next']}"


async def count(field: Field, by: str, **query: Any) -> dict[str, tuple[int, int]]:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    answer = await field.call(
        "GET", f"/observations/groups?project={field.project}&by={by}&{asked}"
    )
    assert answer.status_code == 200, answer.text
    return {one["key"]: (one["images"], one["individuals"]) for one in answer.json()["groups"]}


async def test_a_correction_is_what_everybody_finds(field: Field) -> None:
    bobcat = await add_taxon(field, "Lynx rufus", "bobcat", family="Felidae", genus="Lynx")
    lynx = await add_taxon(field, "Lynx canadensis", family="Felidae", genus="Lynx")
    [found] = await analyse(field, 0, box(class_name="bobcat"))
    assert [one["name"] for one in await find(field, taxon=bobcat)] == ["Lynx rufus"]
    said = await say(field, kind="correct", annotations=[found], taxon=lynx, count=2)
    assert await find(field, taxon=bobcat) == await find(field, **{"class": "bobcat"}) == []
    [one] = await find(field, taxon=lynx)
    assert (one["annotation_id"], one["source"], one["count"]) == (found, "human", 2)
    assert (one["person_id"], one["identification_id"]) == (str(field.user_id), said)
    assert one["confidence"] is None
    assert (
        await find(field, source="human") == await find(field, identified_by=field.user_id) == [one]
    )
    assert await find(field, count_min=2) == [one]
    assert await find(field, count_min=3) == await find(field, source="model") == []
    assert await count(field, "name") == {"Lynx canadensis": (1, 2)}
    withdrawn = await field.call("POST", "/identifications/withdraw", {"identifications": [said]})
    assert withdrawn.status_code == 200
    assert await count(field, "name") == {"Lynx rufus": (1, 1)}


async def test_a_deer_that_is_called_blank_is_no_deer(field: Field) -> None:
    await analyse(field, 0, box(), box(1))
    assert await count(field, "name") == {"deer": (1, 2)}
    await say(field, kind="blank", images=[str(field.images[0])])
    [one] = await find(field)
    assert (one["kind"], one["name"], one["source"]) == ("blank", "blank", "human")
    assert await count(field, "kind") == {"blank": (1, 0)}


async def test_a_class_of_an_old_analysis_is_gone(field: Field) -> None:
    await analyse(field, 0, box(class_name="wolf"))
    await analyse(field, 0, box(class_name="dog"))
    assert await count(field, "name") == {"dog": (1, 1)}
    await analyse(field, 0)
    assert await count(field, "name") == {"blank": (1, 0)}


async def test_a_taxon_covers_its_descendants_and_synonyms(field: Field) -> None:
    family = await add_taxon(field, "Felidae")
    await add_taxon(field, "Lynx rufus", "bobcat", family="Felidae", genus="Lynx")
    await analyse(field, 0, box(class_name="bobcat"))
    await analyse(field, 1, box(class_name="deer"))
    assert [one["name"] for one in await find(field, taxon=family)] == ["Lynx rufus"]


async def test_lists_are_filtered_and_ordered(field: Field) -> None:
    for image in range(4):
        await analyse(field, image, box(class_name="deer"), box(1, class_name="fox"))
    await say(field, kind="unsure", images=[str(field.images[2])])
    listed = await find(field)
    assert len(listed) == 8
    assert [one["captured_at"] for one in listed] == sorted(
        (one["captured_at"] for one in listed), reverse=True
    )
    assert await find(field, order="captured_at") == listed[::-1]
    assert {one["image_id"] for one in await find(field, needs_review="true")} == {
        str(field.images[2])
    }
    assert len(await find(field, needs_review="false")) == 6
    assert len(await find(field, **{"class": "fox"})) == 4
    assert len(await find(field, image=field.images[1])) == 2
    at = listed[2]["captured_at"].replace("+", "%2B")
    assert len(await find(field, captured_before=at)) == 4
    assert await count(field, "hour") == {"00": (4, 8)}
    assert await count(field, "day", **{"class": "deer"}) == {"2026-06-01": (4, 4)}


async def test_only_visible_entries_are_listed(field: Field, system: AppContext) -> None:
    await analyse(field, 0, box())
    other = await make_field(system, images=1, name="other")
    taxon = await add_taxon(field, "Cervus elaphus", "deer")
    foreign = await other.call("GET", f"/observations?project={field.project}")
    assert foreign.status_code == 404
    own = await other.call("GET", f"/observations?taxon={taxon}")
    assert own.json()["results"] == []
    assert (await other.call("GET", "/observations")).json()["results"] == []


async def test_an_image_is_found_by_each_person_that_decided_about_it(field: Field) -> None:
    first, second, third = await analyse(field, 0, box(), box(1), box(2))
    for key, count_of in ((first, 1), (second, 4)):
        await say(field, kind="correct", annotations=[key], label="lynx", count=count_of)
    token, other = await add_reviewer(field)
    said = {"kind": "correct", "annotations": [third], "label": "lynx", "count": 2}
    answer = await field.call("POST", "/identifications", {"identifications": [said]}, token)
    assert answer.status_code == 201, answer.text
    for person in (other, field.user_id):
        query = f"/images?project={field.project}&identified_by={person}"
        listed = (await field.call("GET", f"{query}&class=lynx")).json()
        assert [image["id"] for image in listed["results"]] == [str(field.images[0])]
        assert listed["count"] == 1
        assert (await field.call("GET", f"{query}&class=deer")).json()["results"] == []
    users = {f"user:{other}": (1, 2), f"user:{field.user_id}": (1, 5)}
    assert await count(field, "person") == users
    assert await count(field, "person", identified_by=other) == {f"user:{other}": (1, 2)}


async def test_groups_by_person_leave_out_findings_of_models(field: Field) -> None:
    [found] = await analyse(field, 0, box())
    corners = {"x_min": 100, "y_min": 50, "x_max": 130, "y_max": 90}
    drawn = {"image": str(field.images[0]), "box": corners, "label": "deer", "count": 3}
    answer = await field.call("POST", "/annotations", {"annotations": [drawn]})
    assert answer.status_code == 201, answer.text
    person = f"user:{field.user_id}"
    assert await count(field, "person") == {person: (1, 3), "": (1, 1)}
    assert await count(field, "person", identified_by=field.user_id) == {person: (1, 3)}
    assert await count(field, "name", identified_by=field.user_id) == {"deer": (1, 4)}
    await say(field, kind="unsure", annotations=[found])
    assert await count(field, "person", needs_review="true") == {"": (1, 1)}
    assert await count(field, "person", needs_review="false") == {person: (1, 3)}
    path = f"/images?project={field.project}&identified_by={field.user_id}"
    assert len((await field.call("GET", path)).json()["results"]) == 1


async def test_an_image_that_nothing_is_known_about_is_unclassified(field: Field) -> None:
    async def list_unclassified(query: str = "") -> list[str]:
        path = f"/images?project={field.project}&kind=unclassified{query}"
        listed = (await field.call("GET", path)).json()
        assert listed["count"] == len(listed["results"])
        return [image["id"] for image in listed["results"]]

    every = [str(image) for image in field.images]
    assert sorted(await list_unclassified()) == sorted(every)
    await analyse(field, 0, box(class_name=None))
    await analyse(field, 1)
    await say(field, kind="unsure", images=[every[2]])
    assert await list_unclassified() == every[3:]
    assert await list_unclassified("&source=model") == []
    assert await list_unclassified("&class=blank") == []
    assert [one["name"] for one in await find(field, kind="unknown")] == ["", ""]


async def test_wrong_questions_are_refused(field: Field) -> None:
    for query in ("count_min=0", "count_min=1000001", "kind=plant", "source=robot", "tacks=1"):
        answer = await field.call("GET", f"/observations?project={field.project}&{query}")
        assert answer.status_code == 422, (query, answer.text)


async def test_groups_count_what_the_filter_takes(field: Field) -> None:
    for image in (0, 1):
        await analyse(field, image, box(class_name="deer"))
    await analyse(field, 2, box(class_name="fox"))
    await say(field, kind="correct", label="lynx", images=[str(field.images[0])])
    await say(field, kind="unsure", images=[str(field.images[1])])
    path = f"/observations/groups?project={field.project}"

    async def count(query: str) -> dict[str, int]:
        groups = (await field.call("GET", f"{path}&{query}")).json()["groups"]
        return {one["key"]: one["images"] for one in groups}

    assert await count("needs_review=false") == {"lynx": 1, "fox": 1}
    assert await count("needs_review=true") == {"deer": 1}
    assert await count(f"identified_by={field.user_id}") == {"lynx": 1}
    assert await count("identified_by=00000000-0000-0000-0000-000000000001") == {}


async def test_a_box_without_a_name_can_be_confirmed(field: Field) -> None:
    [key] = await analyse(field, 0, box(class_name=None, confidence=0.1))
    await say(field, kind="confirm", annotations=[key])
    [one] = await find(field)
    assert (one["kind"], one["annotation_id"], one["source"]) == ("unknown", key, "human")


CONDITIONS: dict[str, set[int]] = {
    "class=lynx": {3}, "blank=true": {1, 2}, "blank=false": {0, 3, 4}, "kind=animal": {0, 3, 4},
    "kind=blank": {1, 2}, "kind=unclassified": {5}, "source=model": {0, 1, 4},
    "source=human": {2, 3}, "identified_by={}": {2, 3}, "needs_review=false": {0, 1, 2, 3},
    "needs_review=true": {4}, "individual=Bella": {3}, "count_min=1": {0, 3, 4},
    "count_min=2": {3}, "confidence_max=0.95": {0, 4}, "confidence_max=1": {0, 2, 3, 4},
    "deployment={}": {0, 1, 2, 3, 4, 5},
}  # fmt: skip
"""Conditions, and the images that meet them by their one row in the class index."""


async def test_two_conditions_list_the_images_that_meet_both(system: AppContext) -> None:
    field = await make_field(system, images=6)
    await analyse(field, 0, box())
    for image in (1, 2, 3):
        await analyse(field, image)
    [found] = await analyse(field, 4, box())
    images = [str(one) for one in field.images]
    await say(field, kind="blank", images=[images[2]])
    bella = {"label": "lynx", "count": 3, "individual_id": "Bella"}
    await say(field, kind="correct", images=[images[3]], **bella)
    await say(field, kind="unsure", annotations=[found])
    place = (await field.call("GET", f"/images/{images[0]}")).json()["deployment_id"]
    filled = {
        one.format(place if one.startswith("deployment") else field.user_id): expected
        for one, expected in CONDITIONS.items()
    }

    async def find_images(query: str) -> dict[str, Any]:
        answer = await field.call("GET", f"/images?project={field.project}&{query}")
        assert answer.status_code == 200, (query, answer.text)
        return dict(answer.json())

    for one, other in combinations(filled, 2):
        if one.partition("=")[0] == other.partition("=")[0]:
            continue
        listed = await find_images(f"{one}&{other}")
        expected = {images[number] for number in filled[one] & filled[other]}
        assert {image["id"] for image in listed["results"]} == expected, (one, other)
        assert (listed["count"], listed["count_is_estimate"]) == (len(expected), False)
    page = await find_images("source=model&limit=2&count_up_to=1")
    assert (len(page["results"]), page["count"], page["count_is_estimate"]) == (2, 1, True)
    page = await find_images(f"source=model&limit=2&cursor={page['next']}")
    assert (len(page["results"]), page["next"], page["count"]) == (1, None, 3)
