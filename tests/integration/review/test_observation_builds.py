"""Settings of observations: a change is derived in the background without gaps."""

import asyncio
from random import Random
from typing import Any

import pytest
from tests.integration.review.test_derived_observations import (
    analyse as analyse_randomly,
)
from tests.integration.review.test_derived_observations import (
    compare,
    identify,
    make_taxa,
    read_rows,
)
from tests.integration.review.test_observation_lists import add_taxon, analyse, count, find, say
from tests.support.api_project import SYSTEM, Field, make_field
from tests.support.external_pipeline import box

from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import ChunkSize, build_observations
from trapline.server.review.queries.observation_builds import lock_settings, start_build
from trapline.server.review.queries.observation_sets import NEW_SETTINGS


@pytest.fixture
async def field(system: AppContext) -> Field:
    system.part(ChunkSize).images = 2
    return await make_field(system, images=5)


async def change(field: Field, expect: int = 200, **settings: Any) -> dict[str, Any]:
    path = f"/projects/{field.project}/observation-settings"
    answer = await field.call("PATCH", path, settings)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


async def build(field: Field) -> None:
    while await build_observations(field.system, SYSTEM):
        pass


async def test_a_threshold_is_applied_in_the_background(field: Field) -> None:
    for image, score in enumerate((0.1, 0.3, 0.6, 0.9, None)):
        await analyse(field, image, box(confidence=score))
    assert await count(field, "name") == {"deer": (4, 4), "blank": (1, 0)}
    told = await change(field, detection_threshold=0.5)
    assert (told["detection_threshold"], told["progress"]["images"]) == (0.2, 5)
    assert await count(field, "name") == {"deer": (4, 4), "blank": (1, 0)}
    await build_observations(field.system, SYSTEM)
    path = f"/projects/{field.project}/observation-settings"
    assert (await field.call("GET", path)).json()["progress"]["derived"] == 2
    assert await count(field, "name") == {"deer": (4, 4), "blank": (1, 0)}
    await build(field)
    told = (await field.call("GET", path)).json()
    assert (told["detection_threshold"], told["progress"]) == (0.5, None)
    assert await count(field, "name") == {"deer": (3, 3), "blank": (2, 0)}
    [(sets,)] = await field.ask("select count(*) from observation_sets")
    [(rows,)] = await field.ask("select count(distinct set_id) from observations")
    assert (sets, rows) == (1, 1), "the earlier observations are deleted"


async def test_changes_during_a_build_are_in_both(field: Field) -> None:
    await analyse(field, 0, box(confidence=0.3))
    await change(field, detection_threshold=0.5)
    await build_observations(field.system, SYSTEM)
    await analyse(field, 0, box(confidence=0.4), box(1, class_name="fox"))
    await say(field, kind="blank", images=[str(field.images[1])])
    await analyse(field, 4, box(class_name="wolf", confidence=0.4))
    assert await count(field, "name") == {
        "blank": (1, 0),
        "deer": (1, 1),
        "fox": (1, 1),
        "wolf": (1, 1),
    }
    await build(field)
    assert await count(field, "name") == {"blank": (2, 0), "fox": (1, 1)}


async def test_a_build_does_not_end_while_settings_are_changed(
    field: Field, system: AppContext
) -> None:
    await analyse(field, 0, box(confidence=0.3))
    await change(field, detection_threshold=0.5)
    states = "select state from observation_sets order by id"
    undone = "select from observation_sets where state = 'building' and derived < 5"
    while await field.ask(undone):
        await build_observations(system, SYSTEM)
    async with system.database.transaction(SYSTEM) as tx:
        await lock_settings(SYSTEM, tx, field.project)
        async with asyncio.timeout(10):
            assert not await build_observations(system, SYSTEM), "the build ended first"
        # The change does not wait for the build either, so neither has to be ended.
        await tx.execute("set local lock_timeout = '2s'")
        await start_build(SYSTEM, tx, field.project, {**NEW_SETTINGS, "detection_threshold": 0.1})
        async with asyncio.timeout(10):
            path = f"/projects/{field.project}/observation-settings/preview"
            shown = await field.call("POST", path, {"detection_threshold": 0.5})
        assert (shown.status_code, shown.json()["changed"]) == (200, 1)
    assert await field.ask(states) == [("current",), ("retired",), ("building",)]
    await build(field)
    assert await field.ask(states) == [("current",)]
    assert await count(field, "name") == {"deer": (1, 1)}


async def test_a_preview_tells_what_would_change_and_changes_nothing(field: Field) -> None:
    for image, score in enumerate((0.3, 0.9)):
        await analyse(field, image, box(confidence=score))
    path = f"/projects/{field.project}/observation-settings/preview"
    answer = await field.call("POST", path, {"detection_threshold": 0.5, "review_threshold": 1})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["images"], told["changed"], told["needs_review"]) == (5, 1, 1)
    assert {one["class_name"]: (one["before"], one["after"]) for one in told["classes"]} == {
        "deer": (2, 1),
        "blank": (0, 1),
    }
    assert await field.ask("select state from observation_sets") == [("current",)]


async def test_a_label_that_is_mapped_later_names_all_images(field: Field) -> None:
    await analyse(field, 0, box(class_name="bobcat"))
    await add_taxon(field, "Lynx rufus", "bobcat")
    await build(field)
    assert await count(field, "name") == {"Lynx rufus": (1, 1)}


async def test_pipelines_are_ordered_superseded_and_left_out(field: Field) -> None:
    await analyse(field, 0, box(class_name="fox"), model="a-net")
    await analyse(field, 0, box(class_name="wolf"), model="b-net")
    assert await count(field, "name") == {"fox": (1, 1)}
    await change(field, pipelines=[{"name": "b-net"}, {"name": "a-net"}])
    await build(field)
    assert await count(field, "name") == {"wolf": (1, 1)}
    await change(field, pipelines=[{"name": "b-net", "superseded": True}, {"name": "a-net"}])
    await build(field)
    assert await count(field, "name") == {"fox": (1, 1)}
    await change(field, pipelines=[{"name": name, "counts": False} for name in ("a-net", "b-net")])
    await build(field)
    assert await count(field, "name") == {}


async def test_a_pipeline_is_replaced_by_another(field: Field) -> None:
    await analyse(field, 0, box(class_name="fox"), model="a-net")
    await analyse(field, 0, box(class_name="wolf"), model="b-net")
    choices = [{"name": "b-net"}, {"name": "a-net", "superseded_by": "b-net"}]
    told = await change(field, pipelines=choices)
    by_name = {one["name"]: one for one in told["pipelines"]}
    assert [by_name["a-net"][key] for key in ("counts", "superseded")] == [True, False]
    pending = told["progress"]["settings"]["pipelines"]
    assert [(one["name"], one["counts"], one["superseded_by"]) for one in pending] == [
        ("b-net", True, None),
        ("a-net", False, "b-net"),
    ]
    # Before the build has met them, the pipelines are known already.
    await change(field, pipelines=choices, review_threshold=0.1)
    await build(field)
    assert await count(field, "name") == {"wolf": (1, 1)}
    path = f"/projects/{field.project}/observation-settings"
    told = (await field.call("GET", path)).json()
    assert [(one["name"], one["counts"], one["chosen"]) for one in told["pipelines"]] == [
        ("b-net", True, None),
        ("a-net", False, None),
    ]


@pytest.mark.parametrize("other", ["a-net", "never seen", "b-net"])
async def test_a_replacement_that_does_not_count_is_refused(field: Field, other: str) -> None:
    for model in ("a-net", "b-net", "c-net"):
        await analyse(field, 0, box(), model=model)
    choices = [
        {"name": "a-net", "superseded_by": other},
        {"name": "b-net", "superseded_by": "c-net"},
    ]
    told = await change(field, 422, pipelines=choices)
    assert told["errors"][0]["where"] == "pipelines.0.superseded_by"
    assert await field.ask("select state from observation_sets where state = 'building'") == []


async def test_blank_labels_and_thresholds_of_labels(field: Field) -> None:
    await analyse(field, 0, box(class_name="vide"))
    await analyse(field, 1, box(class_name="person", confidence=0.5))
    await change(field, blank_labels=["Vide"], class_thresholds={"person": 0.6})
    await build(field)
    assert await count(field, "name") == {"blank": (2, 0)}


@pytest.mark.parametrize(
    "settings",
    [
        {"detection_threshold": 1.1},
        {"agreement": 0},
        {"rule": "loudest"},
        {"pipelines": [{"name": "never seen"}]},
        {"class_thresholds": {"deer": -1}},
        {"tempo": 1},
    ],
)
async def test_wrong_settings_are_refused(field: Field, settings: dict[str, Any]) -> None:
    await change(field, 422, **settings)
    assert await field.ask("select state from observation_sets where state = 'building'") == []


@pytest.mark.parametrize("seed", [3, 4])
async def test_a_build_gives_the_same_rows(system: AppContext, seed: int) -> None:
    random = Random(seed)
    field = await make_field(system, images=8)
    taxa = await make_taxa(field)
    await analyse_randomly(field, random)
    await identify(field, random, taxa)
    await compare(field)
    [(first,)] = await field.ask("select id from observation_sets")
    before = await read_rows(field, first)
    await change(field, review_threshold=0.5)
    await build(field)
    await change(field, review_threshold=0.0)
    await build(field)
    [(last,)] = await field.ask("select id from observation_sets")
    assert last > first
    assert await read_rows(field, last) == before


async def test_a_confirmation_keeps_what_was_shown(field: Field) -> None:
    await analyse(field, 0, box(confidence=0.1, class_name="fox"), box(1, confidence=0.6))
    [deer] = [one for one in await find(field) if one["name"] == "deer"]
    await say(field, kind="confirm", images=[str(field.images[0])])
    [one] = await find(field)
    assert (one["name"], one["annotation_id"], one["source"]) == (
        "deer", deer["annotation_id"], "human"
    )  # fmt: skip
    for threshold in (0.9, 0.0):
        await change(field, detection_threshold=threshold)
        await build(field)
        assert [one["name"] for one in await find(field)] == ["deer"]


async def test_a_later_decision_about_a_confirmed_box_replaces_it(field: Field) -> None:
    image = str(field.images[0])
    [fox] = await analyse(field, 0, box(class_name="fox"), model="a-net")
    [wolf] = await analyse(field, 0, box(class_name="wolf"), model="b-net")
    await say(field, kind="confirm", images=[image])
    assert [one["annotation_id"] for one in await find(field)] == [fox]
    named = await say(field, kind="correct", annotations=[wolf], label="dog")
    assert [one["name"] for one in await find(field)] == ["dog"], "at the place of the fox"
    await field.call("POST", "/identifications/withdraw", {"identifications": [named]})
    corners = {"x_min": 2, "y_min": 2, "x_max": 30, "y_max": 40}
    drawn = {"image": image, "box": corners, "label": "cat", "supersedes": fox}
    answer = await field.call("POST", "/annotations", {"annotations": [drawn]})
    assert answer.status_code == 201, answer.text
    assert [one["name"] for one in await find(field)] == ["cat"]
    await say(field, kind="confirm", images=[image])
    [one] = await find(field)
    assert (one["name"], one["annotation_id"]) == (
        "cat", answer.json()["annotations"][0]["id"]
    )  # fmt: skip


async def test_an_owner_outranks_a_reviewer(field: Field) -> None:
    [found] = await analyse(field, 0, box())
    await change(field, rule="expert")
    await build(field)
    await say(field, kind="correct", annotations=[found], label="elk")
    await field.change("update members set role = 'reviewer'")
    await say(field, kind="correct", annotations=[found], label="moose")
    assert [one["name"] for one in await find(field)] == ["elk"]
    await change(field, expect=403, rule="latest")
