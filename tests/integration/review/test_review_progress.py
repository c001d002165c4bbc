"""The progress of a review by deployment and by person, for every role."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from tests.integration.review.test_observation_lists import add_reviewer, say
from tests.support.api_project import SYSTEM, Field, make_field

from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=4)


async def test_images_are_counted_by_deployment_and_by_person(field: Field) -> None:
    while await update_day_counts(field.system, SYSTEM):
        pass
    token, reviewer = await add_reviewer(field)
    one, two, three, _ = map(str, field.images)
    await say(field, kind="blank", images=[one])
    said = {"kind": "correct", "label": "Fox", "images": [two, three]}
    assert (
        await field.call("POST", "/identifications", {"identifications": [said]}, token)
    ).status_code == 201
    # A remark is not a decision.
    await say(field, kind="comment", comment="A tail", images=[three])
    path = f"/projects/{field.project}/review-progress"
    found = (await field.call("GET", path, token=token)).json()
    assert (found["images"], found["reviewed"]) == (4, 3)
    [place] = found["deployments"]
    assert (place["images"], place["reviewed"]) == (4, 3)
    people = [(one["person_id"], one["images"], one["recent"]) for one in found["people"]]
    assert people[0] == (str(reviewer), 2, 2)
    assert [rest for _, *rest in people[1:]] == [[1, 1]]

    later = quote((datetime.now(UTC) + timedelta(minutes=1)).isoformat())
    found = (await field.call("GET", f"{path}?decided_after={later}")).json()
    assert [(one["images"], one["recent"]) for one in found["people"]] == [(2, 0), (1, 0)]
    assert (await field.call("GET", f"{path}?decided_after=yesterday")).status_code == 422


async def test_a_decision_is_refused_if_another_user_decided_after_the_images_were_read(
    field: Field,
) -> None:
    token, _ = await add_reviewer(field)
    image, other = str(field.images[0]), str(field.images[1])
    read = datetime.now(UTC)
    await say(field, kind="blank", images=[image])

    async def decide(about: str, kind: str = "unsure", **seen: str) -> int:
        said = {"kind": kind, "images": [about]}
        if kind == "comment":
            said["comment"] = "A tail"
        body = {"identifications": [said], **seen}
        return (await field.call("POST", "/identifications", body, token)).status_code

    before = {"seen": read.isoformat()}
    assert await decide(image, **before) == 409
    # A remark is not a decision, and the other image was not decided about.
    assert await decide(image, "comment", **before) == 201
    assert await decide(other, **before) == 201
    # A user's own decision is not a conflict.
    assert await decide(other, **before) == 201
    assert await decide(image, seen=datetime.now(UTC).isoformat()) == 201
    assert await decide(image) == 201
    assert await decide(image, seen="2026-01-01T00:00:00") == 422
