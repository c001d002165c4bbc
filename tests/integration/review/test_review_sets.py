"""Review sets: a filter frozen into a list that several people review independently."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success
from uuid_utils.compat import uuid7

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.auth import NewToken, Role

BURST = """
    update images set captured_at = '2026-06-01'::timestamptz
        + interval '10 min' * (filename_number / 3) + interval '2 s' * (filename_number % 3)
    from (select id as key, left(filename, 6)::int as filename_number from images) n
    where id = n.key
"""


@dataclass(frozen=True)
class Person:
    """A member with a token."""

    id: UUID
    token: str


@dataclass
class Camp:
    """A project with four bursts of three images; a model found an insect on each image."""

    field: Field
    images: list[str]

    @property
    def path(self) -> str:
        return f"/projects/{self.field.project}/review-sets"

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        status: int = 200,
        by: Person | None = None,
        **headers: str,
    ) -> Any:
        given = {"Authorization": f"Token {by.token if by else self.field.owner}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.field.client.request(method, f"/api/v2{path}", json=body, headers=given)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def create(self, query: str = "", status: int = 201, **given: Any) -> Any:
        body = {"name": "Autumn", "unit": "image", "order": "captured_at"} | given
        return await self.call("POST", f"{self.path}?{query}", body, status)

    async def claim(self, key: str, by: Person, count: int = 10, **given: Any) -> Any:
        status = given.pop("status", 200)
        body = {"count": count} | given
        return await self.call("POST", f"{self.path}/{key}/claims", body, status, by)

    async def decide(self, by: Person, kind: str = "blank", **given: Any) -> list[str]:
        body = {"identifications": [{"kind": kind} | given]}
        found = await self.call("POST", "/identifications", body, 201, by)
        return [one["id"] for one in found["identifications"]]

    async def get(self, key: str, by: Person | None = None) -> dict[str, int]:
        found = await self.call("GET", f"{self.path}/{key}", by=by)
        return {name: found[name] for name in ("items", "done", "mine", "open")}

    async def expire(self) -> None:
        """Let ten minutes pass for all claims."""
        await self.field.change(
            "update review_set_items set claimed_until = claimed_until - interval '10 min'"
        )


Join = Callable[..., Any]


@pytest.fixture
async def camp(system: AppContext) -> Camp:
    field = await make_field(system, 12)
    await field.change(BURST)
    while await group_images(system, SYSTEM):
        pass
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    return Camp(field, [str(key) for key in field.images])


async def join(camp: Camp, role: Role = Role.REVIEWER) -> Person:
    """Add a user to the project."""
    async with camp.field.system.database.transaction(SYSTEM) as tx:
        user = UserRow(email=f"{uuid7()}@field.example", name=f"a {role.value}")
        tx.session.add(user)
        await tx.session.flush()
        tx.session.add(MemberRow(project_id=camp.field.project, user_id=user.id, role=role.value))
    scope = Scope(actor=f"user:{user.id}", user_id=user.id, roles={camp.field.project: role})
    return Person(user.id, (await create_token(camp.field.system, scope, NewToken(name="t"))).token)


def list_images(claimed: Any) -> list[str]:
    return [image["id"] for item in claimed["items"] for image in item["images"]]


async def test_a_set_is_the_list_of_images_at_its_creation(camp: Camp) -> None:
    ada = await join(camp)
    body = {"name": "Stars", "unit": "image", "order": "captured_at"}
    await camp.call("PATCH", "/images", {"images": camp.images[2:5], "starred": True})
    path = f"{camp.path}?starred=true"
    made = await camp.call("POST", path, body, 201, Idempotency_Key="once")
    again = await camp.call("POST", path, body, 201, Idempotency_Key="once")
    assert made == again
    assert (made["name"], made["filter"], made["people"]) == ("Stars", "starred=true", [])
    assert (made["items"], made["done"], made["mine"], made["closed_at"]) == (3, 0, 0, None)
    await camp.call("PATCH", "/images", {"images": camp.images[2:5], "starred": False})
    await camp.call("PATCH", "/images", {"images": camp.images[:1], "starred": True})
    claimed = await camp.claim(made["id"], ada)
    assert list_images(claimed) == camp.images[2:5]
    assert {one["sequence_id"] for one in claimed["items"]} == {None}
    [page] = [await camp.call("GET", camp.path, by=ada)]
    assert [one["id"] for one in page["results"]] == [made["id"]]
    sequences = await camp.create("starred=true", unit="sequence")
    [item] = (await camp.claim(sequences["id"], ada))["items"]
    assert [one["id"] for one in item["images"]] == camp.images[:3], "the whole sequence"
    image = await camp.call("GET", f"/images/{camp.images[0]}")
    assert item["sequence_id"] == image["sequence_id"]
    gone = {"images": camp.images[2:3], "reason": "a face"}
    await camp.call("POST", "/images/delete", gone)
    assert (await camp.get(made["id"], ada))["items"] == 2
    await camp.call("POST", f"{camp.path}/{made['id']}/release", {}, by=ada)
    assert list_images(await camp.claim(made["id"], ada)) == camp.images[3:5]
    await camp.call("POST", "/images/restore", {"images": camp.images[2:3]})
    assert (await camp.get(made["id"], ada))["items"] == 3
    assert list_images(await camp.claim(made["id"], ada)) == camp.images[2:5]
    await camp.create("starred=true&day_after=2030-01-01", 422)
    await camp.create("deleted=true", 422)
    listed = await camp.create("", order="-captured_at")
    assert list_images(await camp.claim(listed["id"], ada, 12)) == camp.images[::-1]
    mixed = await camp.create("", order="random")
    assert sorted(list_images(await camp.claim(mixed["id"], ada, 12))) == camp.images


async def test_people_at_the_same_time_get_different_items(camp: Camp) -> None:
    """Five people claim and decide at the same time until each item has two reviews."""
    people = [await join(camp) for _ in range(5)]
    made = await camp.create("", reviews=2)
    holder: dict[int, Person] = {}
    handed: Counter[tuple[int, UUID]] = Counter()

    async def work(by: Person) -> None:
        while True:
            claimed = await camp.claim(made["id"], by, 3)
            if claimed["open"] == 0:
                return
            for item in claimed["items"]:
                assert holder.setdefault(item["position"], by) is by, "held by another person"
                handed[item["position"], by.id] += 1
            for item in claimed["items"]:
                # From the request on, another person can have it.
                del holder[item["position"]]
                await camp.decide(by, images=[item["images"][0]["id"]])

    # Each person claims twice at the same time, as with two tabs.
    first = await asyncio.gather(*(camp.claim(made["id"], one, 1) for one in people * 2))
    by_person: dict[UUID, set[int]] = {}
    for one, claimed in zip(people * 2, first, strict=True):
        by_person.setdefault(one.id, set()).update(item["position"] for item in claimed["items"])
    assert sum(map(len, by_person.values())) == len(set().union(*by_person.values()))
    await asyncio.wait_for(asyncio.gather(*map(work, people)), 120)
    rows = await camp.field.ask("select position, user_id from review_set_reviews")
    assert Counter(position for position, _ in rows) == dict.fromkeys(range(1, 13), 2)
    assert set(handed.values()) == {1}, "no person got an item twice"
    assert (await camp.get(made["id"]))["done"] == 12
    [(held,)] = await camp.field.ask(
        "select count(*) from review_set_items where claimed_by is not null"
    )
    assert held == 0


async def test_an_ended_claim_is_taken_over(camp: Camp) -> None:
    ada, bob = await join(camp), await join(camp)
    made = await camp.create("", unit="sequence")
    key = made["id"]
    first = await camp.claim(key, ada, 4)
    assert [one["position"] for one in first["items"]] == [1, 2, 3, 4]
    nothing = await camp.claim(key, bob, 4)
    assert (nothing["items"], nothing["open"]) == ([], 4), "others hold the rest"
    again = await camp.claim(key, ada, 4)
    assert [one["position"] for one in again["items"]] == [1, 2, 3, 4], "the page was reloaded"
    await camp.expire()
    renewed = await camp.claim(key, ada, 0, held=[1, 2])
    assert (renewed["items"], renewed["lost"]) == ([], []), "no other person claimed them"
    taken = await camp.claim(key, bob, 4)
    assert [one["position"] for one in taken["items"]] == [3, 4]
    late = await camp.claim(key, ada, 2, held=[1, 2, 3, 4])
    assert (late["items"], late["lost"]) == ([], [3, 4])
    # A late decision counts all the same, and no one gets the item again.
    await camp.decide(ada, images=[one["id"] for one in first["items"][2]["images"]])
    kept = await camp.claim(key, bob, 0, held=[3, 4])
    assert kept["lost"] == [3]
    released = await camp.call("POST", f"{camp.path}/{key}/release", {"items": [4]}, by=bob)
    assert released == {"released": 1}
    [item] = (await camp.claim(key, ada, 2, held=[1, 2]))["items"]
    assert item["position"] == 4
    released = await camp.call("POST", f"{camp.path}/{key}/release", {}, by=ada)
    assert released == {"released": 3}


async def test_a_review_is_a_decision_after_the_set_was_created(camp: Camp) -> None:
    ada = await join(camp)
    await camp.decide(ada, images=camp.images[:1])
    made = await camp.create("", reviews=2, unit="sequence")
    key, start = made["id"], {"items": 4, "done": 0, "mine": 0, "open": 4}
    assert await camp.get(key, ada) == start, "decided before"
    await camp.decide(ada, "comment", images=camp.images[:1], comment="hm")
    assert await camp.get(key, ada) == start, "only a comment"
    decided = await camp.decide(ada, images=camp.images[1:2])
    assert await camp.get(key, ada) == start, "an image has no decision"
    await camp.decide(ada, "unsure", images=camp.images[2:3])
    assert await camp.get(key, ada) == start | {"mine": 1, "open": 3}
    withdrawn = {"identifications": decided}
    await camp.call("POST", "/identifications/withdraw", withdrawn, by=ada)
    assert await camp.get(key, ada) == start
    await camp.decide(ada, images=camp.images[1:2])
    bob = await join(camp)
    image = await camp.call("GET", f"/images/{camp.images[0]}")
    decided = await camp.decide(bob, "confirm", sequences=[image["sequence_id"]])
    assert await camp.get(key, bob) == start | {"done": 1, "mine": 1, "open": 3}
    await camp.call("POST", "/identifications/withdraw", {"identifications": decided[:1]}, by=bob)
    assert await camp.get(key, bob) == start
    await camp.call("DELETE", f"{camp.path}/{key}", status=204)
    await camp.call("GET", f"{camp.path}/{key}", status=404)
    found = await camp.call("GET", f"/identifications?image={camp.images[2]}")
    assert found["count"] == 2, "the decisions are kept"


async def test_reviewers_decide_without_the_decisions_of_others(camp: Camp) -> None:
    ada, bob, cleo = [await join(camp) for _ in range(3)]
    made = await camp.create("", reviews=3)
    key = made["id"]
    model = (await camp.claim(key, bob))["items"]
    await camp.call("POST", f"{camp.path}/{key}/release", {}, by=bob)
    names = {one["name"] for item in model for one in item["observations"]}
    assert len(names) == 1
    for image in camp.images[:4]:
        await camp.decide(ada, "correct", images=[image], label="hare")
    box = {"x_min": 0, "y_min": 0, "x_max": 9, "y_max": 9}
    drawn = {"annotations": [{"image": camp.images[0], "box": box, "label": "hare"}]}
    await camp.call("POST", "/annotations", drawn, 201, ada)
    shown = (await camp.claim(key, bob))["items"]
    assert shown[0]["observations"] == model[0]["observations"]
    await camp.call("PATCH", "/images", {"images": camp.images[:1], "add_tags": ["hare?"]})
    shown = (await camp.claim(key, bob))["items"]
    left = ("thumbnail_url", "preview_url", "file_url")
    blind = [{**item["images"][0], **dict.fromkeys(left)} for item in shown[:4]]
    assert blind == [{**item["images"][0], **dict.fromkeys(left)} for item in model[:4]]
    assert not shown[0]["images"][0]["reviewed"]
    assert {(tuple(one["observed"]), tuple(one["reviewers"])) for one in blind} == {((), ())}
    for image in camp.images[:2]:
        await camp.decide(bob, "confirm", images=[image], independent=True)
    await camp.decide(bob, "correct", images=camp.images[2:3], label="hare")
    await camp.decide(bob, "unsure", images=camp.images[3:4])
    await camp.decide(cleo, images=camp.images[:1])
    path = f"{camp.path}/{key}"
    [name] = names
    found = await camp.call("GET", f"{path}/disagreements")
    answers = {
        one["image_id"]: [(answer["user_id"], answer["answer"]) for answer in one["answers"]]
        for one in found["results"]
    }
    assert answers == {
        camp.images[0]: [(str(ada.id), ["hare"]), (str(bob.id), [name]), (str(cleo.id), ["blank"])],
        camp.images[1]: [(str(ada.id), ["hare"]), (str(bob.id), [name])],
        camp.images[3]: [(str(ada.id), ["hare"]), (str(bob.id), ["unsure"])],
    }
    progress = await camp.call("GET", f"{path}/progress")
    people = {one["user_id"]: one["reviewed"] for one in progress["people"]}
    assert people == {str(ada.id): 4, str(bob.id): 4, str(cleo.id): 1}
    agreement = progress["agreement"]
    assert (agreement["compared"], agreement["unanimous"], agreement["pending"]) == (4, 1, 0)
    [pair] = [one for one in agreement["pairs"] if one["items"] == 4]
    assert (pair["first"], pair["second"]) == (str(ada.id), str(bob.id))
    # p_o is 1/4, and by chance both say hare with 1 * 1/4.
    assert (pair["equal"], pair["share"], pair["kappa"]) == (1, 0.25, 0.0)
    assert (agreement["ratings"], agreement["rated"]) == (3, 1)
    # A person who decides again gave another answer.
    await camp.decide(cleo, "correct", images=camp.images[:1], label="hare")
    found = await camp.call("GET", f"{path}/disagreements")
    assert [one["answer"] for one in found["results"][0]["answers"]] == [["hare"], [name], ["hare"]]


async def test_control_items_are_for_owners_only(camp: Camp) -> None:
    ada, bob = await join(camp), await join(camp)
    manager = await join(camp, Role.MANAGER)
    made = await camp.create("")
    path = f"{camp.path}/{made['id']}"
    plain = (await camp.claim(made["id"], ada))["items"]
    one, two = camp.images[:2]
    await camp.call("PUT", f"{path}/controls/{one}", {"label": "hare"})
    found = await camp.call("PUT", f"{path}/controls/{two}", {"blank": True})
    listed = [(control["image_id"], control["answer"]) for control in found["results"]]
    assert listed == [(one, "hare"), (two, "blank")]
    again = (await camp.claim(made["id"], ada))["items"]
    assert [set(item) for item in again] == [set(item) for item in plain], "without a mark"
    assert "hare" not in str(again)
    await camp.decide(ada, "correct", images=[one], label="hare")
    await camp.decide(ada, "correct", images=[two], label="hare")
    await camp.call("POST", f"{path}/release", {}, by=ada)
    claimed = list_images(await camp.claim(made["id"], bob, 2))
    assert claimed == [one, two], "every person gets each control item"
    await camp.decide(bob, images=[two])
    progress = await camp.call("GET", f"{path}/progress")
    scores = {
        person["user_id"]: (person["controls"], person["controls_right"])
        for person in progress["people"]
    }
    assert scores == {str(ada.id): (2, 1), str(bob.id): (1, 1)}
    progress = await camp.call("GET", f"{path}/progress", by=manager)
    assert {person["controls"] for person in progress["people"]} == {None}
    for person in (ada, manager):
        await camp.call("GET", f"{path}/controls", status=403, by=person)
        await camp.call("PUT", f"{path}/controls/{one}", {"blank": True}, 403, person)
    await camp.call("GET", f"{path}/progress", status=403, by=ada)
    await camp.call("PUT", f"{path}/controls/{uuid7()}", {"blank": True}, 404)
    await camp.call("PUT", f"{path}/controls/{one}", {"blank": True, "label": "x"}, 422)
    await camp.call("DELETE", f"{path}/controls/{two}", status=204)
    await camp.call("DELETE", f"{path}/controls/{two}", status=404)
    found = await camp.call("GET", f"{path}/controls")
    assert [(control["image_id"], control["reviews"]) for control in found["results"]] == [(one, 1)]


async def test_only_the_people_of_a_set_review_it(camp: Camp) -> None:
    ada, bob = await join(camp), await join(camp)
    viewer, manager = await join(camp, Role.VIEWER), await join(camp, Role.MANAGER)
    made = await camp.create("", people=[str(ada.id)])
    path = f"{camp.path}/{made['id']}"
    assert [one["user_id"] for one in made["people"]] == [str(ada.id)]
    assert (await camp.claim(made["id"], ada, 1))["items"]
    for asked in ("", "/claims", "/release"):
        method = "POST" if asked else "GET"
        await camp.call(method, path + asked, {} if asked else None, 404, bob)
        await camp.call(method, path + asked, {} if asked else None, 403, viewer)
    assert (await camp.call("GET", camp.path, by=bob))["results"] == []
    await camp.claim(made["id"], manager, status=403)
    assert (await camp.call("GET", camp.path, by=manager))["count"] == 1
    assert (await camp.call("GET", f"{camp.path}?mine=true", by=manager))["count"] == 0
    await camp.create("", 422, people=[str(viewer.id)])
    await camp.create("", 422, people=[str(uuid7())])
    await camp.create("", 422, reviews=6)
    await camp.call("POST", camp.path, {"name": "x"}, 403, ada)
    await camp.call("PATCH", path, {"people": [str(bob.id)]}, by=manager)
    await camp.claim(made["id"], ada, status=404)
    assert [one["position"] for one in (await camp.claim(made["id"], bob, 1))["items"]] == [1], (
        "the claim of the former person was released"
    )
    changed = await camp.call("PATCH", path, {"name": "Winter", "people": []})
    assert (changed["name"], changed["people"]) == ("Winter", [])
    await camp.call("PATCH", path, {"name": "x"}, 412, If_Match='"stale"')
    await camp.call("PATCH", path, {"closed": True})
    await camp.claim(made["id"], ada, status=409)
    assert (await camp.call("GET", f"{camp.path}?closed=false"))["results"] == []
    await camp.call("PATCH", path, {"closed": False})
    project = f"/projects/{camp.field.project}"
    await camp.call("PATCH", project, {"archived": True})
    await camp.claim(made["id"], ada, status=409)
    await camp.call("POST", f"{path}/release", {}, by=bob)
    await camp.call("PATCH", project, {"archived": False})
    other = await make_field(camp.field.system, 1, "elsewhere")
    for asked in (path, f"{path}/progress", f"{path}/controls", camp.path):
        assert (await other.call("GET", asked)).status_code == 404
    asked = f"/projects/{other.project}/review-sets/{made['id']}"
    assert (await other.call("GET", asked)).status_code == 404
    assert (await other.call("POST", f"{asked}/claims", {})).status_code == 404
