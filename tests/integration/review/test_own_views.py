"""Confirmations of images whose current observations are those of other people, or a question."""

from typing import Any

import pytest
from tests.integration.review.test_observation_builds import build
from tests.integration.review.test_observation_lists import add_reviewer, analyse, find, say
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import box

from trapline.server.platform.app_context import AppContext
from trapline.server.review.queries.observation_inputs import load_inputs
from trapline.server.review.queries.observation_sets import list_active_sets
from trapline.server.review.rules.observations import derive_observations


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=3)


async def rule_out(field: Field, name: str) -> None:
    """Make the results of a pipeline count no longer; it analyses the second image."""
    await analyse(field, 1, box(class_name="fox"), model=name)
    path = f"/projects/{field.project}/observation-settings"
    answer = await field.call("PATCH", path, {"pipelines": [{"name": name, "counts": False}]})
    assert answer.status_code == 200, answer.text
    await build(field)


async def confirm(field: Field, token: str, image: str, **more: Any) -> None:
    said = {"kind": "confirm", "images": [image]} | more
    answer = await field.call("POST", "/identifications", {"identifications": [said]}, token)
    assert answer.status_code == 201, answer.text


async def list_confirmed(field: Field) -> list[Any]:
    rows = await field.ask("select confirmed from identifications where kind = 'confirm'")
    return [confirmed for (confirmed,) in rows]


async def test_an_independent_confirmation_never_has_the_words_of_others(field: Field) -> None:
    token, _ = await add_reviewer(field)
    image = str(field.images[0])
    await rule_out(field, "net")
    await analyse(field, 0, box(class_name="fox"))
    await say(field, kind="correct", images=[image], label="lynx")
    assert {one["name"] for one in await find(field, image=image)} == {"lynx"}
    await confirm(field, token, image, independent=True)
    assert await list_confirmed(field) == [[]]


async def test_a_question_is_not_confirmed_as_an_animal(field: Field) -> None:
    token, _ = await add_reviewer(field)
    image = str(field.images[0])
    await rule_out(field, "net")
    await analyse(field, 0, box(class_name="fox"))
    await say(field, kind="unsure", images=[image])
    assert [one["kind"] for one in await find(field, image=image)] == ["unknown"]
    await confirm(field, token, image)
    assert await list_confirmed(field) == [[]]
    assert "" not in {one["name"] for one in await find(field, image=image)}


async def test_a_pipeline_that_is_new_since_the_settings_were_read_is_left_out(
    field: Field,
) -> None:
    await analyse(field, 0, box(class_name="fox"))
    async with field.system.database.transaction(SYSTEM) as tx:
        [current] = await list_active_sets(SYSTEM, tx, field.project)
        settings = current.build_settings({})
        [image] = await load_inputs(SYSTEM, tx, current, settings, field.images[:1])
    assert derive_observations(image, settings) == ()


async def test_a_withdrawal_can_be_repeated_after_the_image_was_deleted(field: Field) -> None:
    image = str(field.images[0])
    said = await say(field, kind="blank", images=[image])
    headers = {"Authorization": f"Token {field.owner}", "Idempotency-Key": "once"}
    answers = []
    for _ in range(2):
        answer = await field.client.post(
            "/api/v2/identifications/withdraw", json={"identifications": [said]}, headers=headers
        )
        answers.append((answer.status_code, answer.json()))
        gone = {"images": [image], "reason": "a face"}
        await field.call("POST", "/images/delete", gone)
    assert answers[0] == (200, {"withdrawn": 1, "unchanged": 0})
    assert answers[1] == answers[0]


async def test_images_of_other_projects_are_not_locked(field: Field) -> None:
    other = await make_field(field.system, 1, "other")
    said = {"kind": "blank", "images": [str(other.images[0])]}
    async with field.system.database.transaction(SYSTEM) as tx:
        await tx.execute("select 1 from images where id = %s for update", (other.images[0],))
        answer = await field.call("POST", "/identifications", {"identifications": [said]})
    assert answer.status_code == 404
