"""Decisions about images that changed after the user read them: refused, or skipped in bulk."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.review.test_observation_builds import build, change
from tests.integration.review.test_observation_lists import add_reviewer, analyse, find, say
from tests.support.api_project import Field, make_field
from tests.support.external_pipeline import box
from tests.support.human_box_easel import BOX

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=4)


async def decide(
    field: Field, token: str, kind: str, images: list[str], status: int = 201, **more: Any
) -> Any:
    """Decide about images as a reviewer; `seen` is when the reviewer read them."""
    seen = {"seen": more.pop("seen").isoformat()} if "seen" in more else {}
    body = {"identifications": [{"kind": kind, "images": images} | more], **seen}
    answer = await field.call("POST", "/identifications", body, token)
    assert answer.status_code == status, answer.text
    return answer.json()


async def draw(field: Field, token: str, image: str, **more: Any) -> str:
    body = {"annotations": [{"image": image, "box": BOX, "label": "lynx"} | more]}
    answer = await field.call("POST", "/annotations", body, token)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["annotations"][0]["id"])


async def run_bulk(field: Field, token: str, bulk: dict[str, Any]) -> dict[str, Any]:
    path = f"/bulk-identifications/{bulk['id']}/start"
    answer = await field.call("POST", path, token=token)
    assert answer.status_code == 202, answer.text
    done = dict(answer.json())
    assert done["state"] == "completed"
    return {one["image_id"]: one["reason"] for one in done["skipped_images"]}


async def prepare(field: Field, token: str, **body: Any) -> dict[str, Any]:
    path = f"/bulk-identifications?project={field.project}"
    answer = await field.call("POST", path, body, token)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_decision_is_refused_if_another_user_decided_after_the_images_were_read(
    field: Field,
) -> None:
    token, _ = await add_reviewer(field)
    image, other = str(field.images[0]), str(field.images[1])
    read = datetime.now(UTC)
    await say(field, kind="blank", images=[image])

    await decide(field, token, "unsure", [image], 409, seen=read)
    # A remark is not a decision, and the other image was not decided about.
    await decide(field, token, "comment", [image], comment="A tail", seen=read)
    await decide(field, token, "unsure", [other], seen=read)
    # A user's own decision is not a conflict.
    await decide(field, token, "unsure", [other], seen=read)
    await decide(field, token, "unsure", [image], seen=datetime.now(UTC))
    await decide(field, token, "unsure", [image])
    await decide(field, token, "unsure", [image], 422, seen=read.replace(tzinfo=None))
    # Reviewers of a set decide independently.
    await decide(field, token, "unsure", [image], seen=read, independent=True)


async def test_a_result_that_the_user_was_not_shown_is_not_confirmed(field: Field) -> None:
    token, _ = await add_reviewer(field)
    one, two, three, _ = map(str, field.images)
    for image in range(3):
        await analyse(field, image, box(class_name="fox"))
    read = datetime.now(UTC)
    bulk = await prepare(field, token, kind="confirm", images=[one, two])
    await analyse(field, 0, box(class_name="wolf"))
    for independent in (None, True):
        refused = await decide(
            field, token, "confirm", [one, two], 409, seen=read, independent=independent
        )
        assert one in refused["detail"]
        assert [fault["where"] for fault in refused["errors"]] == ["seen"]
    await decide(field, token, "correct", [three], label="hare", seen=read)
    assert {row["name"] for row in await find(field, source="human")} == {"hare"}
    await decide(field, token, "confirm", [two], seen=read)
    assert await run_bulk(field, token, bulk) == {one: "changed"}
    await decide(field, token, "confirm", [one], seen=datetime.now(UTC))
    confirmed = await find(field, source="human")
    assert {row["image_id"]: row["name"] for row in confirmed} == {
        one: "wolf", two: "fox", three: "hare"
    }  # fmt: skip


async def test_results_of_other_settings_are_not_confirmed(field: Field) -> None:
    token, _ = await add_reviewer(field)
    one, two, *_ = map(str, field.images)
    for image in range(2):
        await analyse(field, image, box(class_name="fox", confidence=0.3))
    read = datetime.now(UTC)
    bulk = await prepare(field, token, kind="confirm", images=[two])
    await change(field, detection_threshold=0.5)
    await decide(field, token, "confirm", [one], seen=read)
    await build(field)
    await decide(field, token, "confirm", [one], 409, seen=read)
    await decide(field, token, "blank", [one], seen=read)
    assert await run_bulk(field, token, bulk) == {two: "changed"}
    await decide(field, token, "confirm", [two], seen=datetime.now(UTC))


async def test_boxes_of_other_users_are_decisions(field: Field) -> None:
    token, _ = await add_reviewer(field)
    one, two, three, _ = map(str, field.images)
    found = [(await analyse(field, image, box(class_name="fox")))[0] for image in range(3)]
    kept = await draw(field, field.owner, two)
    read = datetime.now(UTC)
    bulk = await prepare(field, token, kind="blank", images=[one, two, three])
    drawn = await draw(field, field.owner, one, supersedes=found[0])
    await draw(field, token, three)
    await decide(field, token, "blank", [one], 409, seen=read)
    await decide(field, token, "blank", [three], seen=read)
    of_boxes = {"images": [], "kind": "blank"}
    for key, status in ((drawn, 409), (found[0], 409), (found[1], 201)):
        body = {
            "identifications": [of_boxes | {"annotations": [key]}],
            "seen": read.isoformat(),
        }
        answer = await field.call("POST", "/identifications", body, token)
        assert answer.status_code == status, answer.text
    await decide(field, token, "blank", [two], seen=read)
    assert (await field.call("DELETE", f"/annotations/{kept}")).status_code == 204
    await decide(field, token, "unsure", [two], 409, seen=read)
    assert await run_bulk(field, token, bulk) == {one: "decided", two: "decided"}
    names = {row["name"] for row in await find(field, image=one)}
    assert names == {"lynx"}
    await decide(field, token, "blank", [one], seen=datetime.now(UTC))
