"""A review of a set: of a whole item, by a person of the set, by identifications or boxes."""

from typing import Any

from tests.integration.review.test_review_sets import Camp, Person, camp, join
from tests.support.human_box_easel import BOX

from trapline.wire.auth import Role

__all__ = ["camp"]


async def draw(camp: Camp, by: Person, image: str, label: str = "hare") -> str:
    body = {"annotations": [{"image": image, "box": BOX, "label": label}]}
    [made] = (await camp.call("POST", "/annotations", body, 201, by))["annotations"]
    return str(made["id"])


async def list_claims(camp: Camp) -> list[Any]:
    rows = await camp.field.ask(
        "select position, claimed_by from review_set_items where claimed_by is not null order by 1"
    )
    return [(position, person) for position, person in rows]


async def list_answers(camp: Camp, key: str) -> dict[tuple[str, str], list[str]]:
    """Return the answers on which people differ, by image and person."""
    found = await camp.call("GET", f"{camp.path}/{key}/disagreements")
    return {
        (one["image_id"], answer["user_id"]): answer["answer"]
        for one in found["results"]
        for answer in one["answers"]
    }


async def test_only_people_of_the_set_review_it_and_not_in_bulk(camp: Camp) -> None:
    ada, bob = await join(camp), await join(camp)
    made = await camp.create("", unit="sequence", people=[str(ada.id)])
    key = made["id"]
    await camp.claim(key, ada, 1)
    await camp.decide(bob, images=camp.images[:3])
    assert (await camp.get(key))["done"] == 0, "the set is not his"
    path = f"/bulk-identifications?project={camp.field.project}"
    bulk = await camp.call("POST", path, {"kind": "blank", "images": camp.images}, 201, ada)
    done = await camp.call("POST", f"/bulk-identifications/{bulk['id']}/start", None, 202, ada)
    assert done["identified"] == 12
    assert await camp.get(key, ada) == {"items": 4, "done": 0, "mine": 0, "open": 4}
    assert await list_claims(camp) == [(1, ada.id)]
    await camp.decide(ada, images=camp.images[:3])
    assert await camp.get(key, ada) == {"items": 4, "done": 1, "mine": 1, "open": 3}
    assert await list_claims(camp) == []


async def test_an_item_is_reviewed_when_all_its_images_are_decided(camp: Camp) -> None:
    ada = await join(camp)
    made = await camp.create("", unit="sequence")
    key = made["id"]
    [item] = (await camp.claim(key, ada, 1))["items"]
    boxes = [box["id"] for image in item["images"] for box in image["boxes"]]
    assert len(boxes) == 3
    await camp.decide(ada, "correct", annotations=boxes[:1], label="hare")
    await camp.decide(ada, "correct", annotations=boxes[1:2], label="hare")
    assert (await camp.get(key, ada))["mine"] == 0
    assert await list_claims(camp) == [(1, ada.id)], "the page holds it until the last image"
    await draw(camp, ada, camp.images[2])
    assert (await camp.get(key, ada))["mine"] == 1
    assert await list_claims(camp) == []
    # An image without a result has nothing to confirm; the sequence is confirmed all the same.
    await camp.field.change("delete from analyses where image_id = %s", camp.field.images[3])
    [item] = (await camp.claim(key, ada, 1))["items"]
    await camp.decide(ada, "confirm", sequences=[item["sequence_id"]])
    assert (await camp.get(key, ada))["mine"] == 2


async def test_boxes_count_for_a_review_and_change_its_answer(camp: Camp) -> None:
    ada, bob = await join(camp), await join(camp)
    manager = await join(camp, Role.MANAGER)
    made = await camp.create("", reviews=2)
    key, image = made["id"], camp.images[0]
    drawn = await draw(camp, ada, image)
    assert (await camp.get(key, ada))["mine"] == 1
    await camp.decide(bob, images=[image])
    mine, theirs = (image, str(ada.id)), (image, str(bob.id))
    assert await list_answers(camp, key) == {mine: ["hare"], theirs: ["blank"]}
    await camp.call("PATCH", f"/annotations/{drawn}", {"label": "lynx"}, by=ada)
    assert await list_answers(camp, key) == {mine: ["lynx"], theirs: ["blank"]}
    await draw(camp, bob, image, "fox")
    assert (await list_answers(camp, key))[theirs] == ["fox"]
    await camp.call("PATCH", f"/annotations/{drawn}", {"label": "cat"}, by=manager)
    assert (await camp.get(key, ada))["mine"] == 0, "it is the manager's box now"
    await draw(camp, ada, image, "hare")
    assert (await list_answers(camp, key))[mine] == ["hare"]
    for box in await camp.field.ask("select id from human_boxes where withdrawn_at is null"):
        await camp.call("DELETE", f"/annotations/{box[0]}", status=204)
    assert await camp.get(key) == {"items": 12, "done": 0, "mine": 0, "open": 12}


async def test_answers_follow_images_that_are_deleted_and_restored(camp: Camp) -> None:
    ada, bob = await join(camp), await join(camp)
    made = await camp.create("", reviews=2)
    key, image = made["id"], camp.images[0]
    await camp.decide(ada, "correct", images=[image], label="hare")
    await camp.decide(bob, images=[image])
    gone = {"images": [image], "reason": "a face"}
    await camp.call("POST", "/images/delete", gone)
    assert await list_answers(camp, key) == {}
    progress = await camp.call("GET", f"{camp.path}/{key}/progress")
    assert (progress["agreement"]["compared"], progress["agreement"]["pending"]) == (0, 0)
    await camp.call("POST", "/images/restore", {"images": [image]})
    found = await list_answers(camp, key)
    assert found == {(image, str(ada.id)): ["hare"], (image, str(bob.id)): ["blank"]}
