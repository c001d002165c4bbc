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
