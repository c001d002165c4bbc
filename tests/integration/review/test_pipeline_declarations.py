"""An external pipeline declares what it looks for; a declaration applies to all its analyses."""

from typing import Any

import pytest
from tests.integration.review.test_observation_builds import build, change
from tests.integration.review.test_observation_lists import analyse, count
from tests.support.api_project import SLUG, Field, make_field, success
from tests.support.external_pipeline import ask, begin, box

from trapline.server.platform.app_context import AppContext

COUNTS = "select (select count(*) from analyses), (select max(id) from observation_sets)"
SIMULATOR = "trapline simulate"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=4)


async def show(field: Field, name: str) -> dict[str, Any]:
    """Return a pipeline as the settings show it."""
    answer = await field.call("GET", f"/projects/{field.project}/observation-settings")
    assert answer.status_code == 200, answer.text
    [found] = [one for one in answer.json()["pipelines"] if one["name"] == name]
    return dict(found)


async def is_building(field: Field) -> bool:
    return await field.ask("select 1 from observation_sets where state = 'building'") != []


async def test_a_declaration_applies_to_earlier_analyses(field: Field) -> None:
    await analyse(field, 0, box(class_name="deer"), model="net")
    await analyse(field, 3, box(class_name="AB 123"), model="reader")
    await analyse(field, 1, model="reader")
    assert await count(field, "name") == {"deer": (1, 1), "AB 123": (1, 1), "blank": (1, 0)}
    shown = await show(field, "reader")
    assert (shown["looks_for"], shown["counts"], shown["chosen"]) == ([], True, None)

    await begin(field, field.images[2], model_name="reader", looks_for=["other"])
    await build(field)
    assert await count(field, "name") == {"deer": (1, 1)}
    shown = await show(field, "reader")
    assert (shown["looks_for"], shown["counts"], shown["chosen"]) == (["other"], False, None)

    await begin(field, field.images[2], model_name="reader", looks_for=["other", "other"])
    await begin(field, field.images[2], model_name="reader")
    assert not await is_building(field), "nothing changed"
    await begin(field, field.images[2], model_name="reader", looks_for=["vehicle", "animal"])
    await build(field)
    assert await count(field, "name") == {"deer": (1, 1), "AB 123": (1, 1), "blank": (1, 0)}
    assert (await show(field, "reader"))["looks_for"] == ["animal", "vehicle"]
    audited = await field.ask("select details from audit where action = 'declare pipeline'")
    assert [one["looks_for"] for (one,) in audited] == [["other"], ["animal", "vehicle"]]


async def test_another_declaration_waits_for_the_build(field: Field) -> None:
    await analyse(field, 0, box(class_name="AB 123"), model="reader")
    await begin(field, field.images[1], model_name="reader", looks_for=["other"])
    assert await is_building(field)
    [(analyses, sets)] = await field.ask(COUNTS)
    refused = await ask(field, model_name="reader", looks_for=["animal"])
    assert refused.status_code == 409, refused.text
    assert "without looks_for" in refused.json()["detail"]
    assert await field.ask(COUNTS) == [(analyses, sets)]
    assert (await show(field, "reader"))["looks_for"] == ["other"]
    await begin(field, field.images[1], model_name="reader")
    await begin(field, field.images[1], model_name="reader", looks_for=["other"])
    await build(field)
    assert await count(field, "name") == {}
    await begin(field, field.images[1], model_name="reader", looks_for=["animal"])
    assert await is_building(field)


@pytest.mark.parametrize("marked", [{"simulated": True}, {"provenance": {"made_by": SIMULATOR}}])
async def test_a_simulated_analysis_declares_nothing(field: Field, marked: dict[str, Any]) -> None:
    await analyse(field, 0, box(class_name="deer"), model="net")
    await begin(field, field.images[1], model_name="net", looks_for=["other"], **marked)
    assert not await is_building(field)
    assert await field.ask("select 1 from pipeline_declarations") == []
    assert (await show(field, "net"))["looks_for"] == []


async def test_a_manager_decides_otherwise(field: Field) -> None:
    await analyse(field, 0, box(class_name="AB 123"), model="reader")
    await change(field, pipelines=[{"name": "reader", "counts": True}])
    await build(field)
    await begin(field, field.images[0], model_name="reader", looks_for=["other"])
    assert not await is_building(field)
    shown = await show(field, "reader")
    assert (shown["looks_for"], shown["counts"], shown["chosen"]) == (["other"], True, True)
    await change(field, pipelines=[{"name": "reader"}])
    await build(field)
    assert await count(field, "name") == {}


async def test_a_declaration_has_no_effect_on_a_pipeline_of_workers(field: Field) -> None:
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    before = await count(field, "name")
    assert before == {"moth": (4, 4)}
    await begin(field, model_name=SLUG, looks_for=["other"])
    assert not await is_building(field)
    shown = await show(field, SLUG)
    assert (shown["looks_for"], shown["counts"]) == (["animal"], True)
    await change(field, review_threshold=0.1)
    await build(field)
    assert await count(field, "name") == before


@pytest.mark.parametrize(
    "looks_for", [[], ["plates"], "animal", ["animal"] * 5, [None], [["animal"]], {"animal": 1}]
)
async def test_an_invalid_declaration_is_refused(field: Field, looks_for: Any) -> None:
    answer = await ask(field, model_name="reader", looks_for=looks_for)
    assert answer.status_code == 422, answer.text
    [error, *_] = answer.json()["errors"]
    assert error["where"].startswith("looks_for")
    assert await field.ask("select 1 from analyses union select 1 from pipeline_declarations") == []


async def test_a_refused_analysis_declares_nothing(field: Field) -> None:
    await begin(field, model_name="reader", external_job_id="7")
    again = await ask(field, model_name="reader", external_job_id="7", looks_for=["other"])
    assert again.status_code == 409, again.text
    assert await field.ask("select 1 from pipeline_declarations") == []
