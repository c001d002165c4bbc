"""Changes of rules and names, and observations that are stored at the same time."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM
from tests.support.external_pipeline import analyse, box
from tests.support.sensitive_project import Reserve, make_reserve

from trapline.server.operations.actions.image_deletion import purge_images
from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import build_observations
from trapline.server.review.actions.sensitive_sightings import record_sightings
from trapline.server.review.queries import sensitive_sightings
from trapline.server.review.queries.observation_builds import (
    derive_chunk,
    list_next_images,
    lock_settings,
    lock_unfinished_set,
    start_build,
)
from trapline.server.review.queries.observation_rows import BUILDING
from trapline.server.review.queries.observation_sets import NEW_SETTINGS
from trapline.server.review.queries.sensitive_taxa import remove_sensitive_taxon

WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""


@pytest.fixture
async def reserve(system: AppContext) -> Reserve:
    return await make_reserve(system)


async def wait_for_a_lock(reserve: Reserve) -> None:
    for _ in range(600):
        [(waiting,)] = await reserve.field.ask(WAITING)
        if waiting:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no request waits for a lock")


async def test_a_taxon_is_changed_while_a_chunk_of_a_build_is_derived(
    reserve: Reserve, system: AppContext
) -> None:
    async def name(common: str) -> None:
        body = {"common_names": {"en": [common]}}
        await reserve.call("owner", "PATCH", f"/taxa/{reserve.species}", body)

    async def derive(second: bool) -> None:
        async with system.database.transaction(SYSTEM) as tx:
            unfinished = await lock_unfinished_set(SYSTEM, tx, BUILDING)
            assert unfinished is not None
            images = await list_next_images(SYSTEM, tx, unfinished, 1)
            if second:
                changes.append(asyncio.create_task(name("hook-lipped rhinoceros")))
                await wait_for_a_lock(reserve)
            await derive_chunk(SYSTEM, tx, unfinished, images)

    changes: list[asyncio.Task[None]] = []
    await reserve.restrict(viewer="0.1")
    await name("black rhinoceros")
    await derive(second=False)
    await derive(second=True)
    [change] = changes
    await change


async def test_a_taxon_is_changed_while_another_build_starts(
    reserve: Reserve, system: AppContext
) -> None:
    async def name() -> None:
        body = {"common_names": {"en": ["hook-lipped rhinoceros"]}}
        await reserve.call("owner", "PATCH", f"/taxa/{reserve.species}", body)

    async with system.database.transaction(SYSTEM) as tx:
        project = reserve.field.project
        await lock_settings(SYSTEM, tx, project)
        await start_build(SYSTEM, tx, project, NEW_SETTINGS)
        change = asyncio.create_task(name())
        await wait_for_a_lock(reserve)
    await change
    states = "select state from observation_sets where state <> 'retired' order by id"
    assert await reserve.field.ask(states) == [("current",), ("building",)]


async def test_a_rule_is_deleted_while_its_taxon_is_identified(
    reserve: Reserve, system: AppContext
) -> None:
    await reserve.restrict(viewer="0.1")
    async with system.database.transaction(SYSTEM) as tx:
        project = reserve.field.project
        assert await remove_sensitive_taxon(SYSTEM, tx, project, UUID(reserve.family))
        image = reserve.images[reserve.open]
        stored = asyncio.create_task(reserve.identify(image, label="Diceros bicornis"))
        await wait_for_a_lock(reserve)
    await stored
    deployment = await reserve.get("viewer", f"/deployments/{reserve.open}")
    assert deployment["location_precision"] == "exact"


async def list_precisions(reserve: Reserve) -> list[str]:
    return [
        (await reserve.get("viewer", f"/deployments/{key}"))["location_precision"]
        for key in (reserve.hidden, reserve.open)
    ]


async def test_all_deployments_are_restricted_until_all_images_are_searched(
    reserve: Reserve, system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitive_sightings, "CHUNK", 1)
    await reserve.restrict(viewer="0.1")
    assert await list_precisions(reserve) == ["0.1", "0.1"]
    while await record_sightings(system, SYSTEM):
        pass
    assert await list_precisions(reserve) == ["0.1", "exact"]
    await reserve.restrict(viewer="withheld", reviewer="withheld")
    assert await list_precisions(reserve) == ["withheld", "exact"], "no image is searched again"
    body = {"common_names": {"en": ["hare"]}}
    await reserve.call("owner", "PATCH", f"/taxa/{reserve.family}", body)
    assert await list_precisions(reserve) == ["withheld", "withheld"]
    while await record_sightings(system, SYSTEM):
        pass
    assert await list_precisions(reserve) == ["withheld", "withheld"], "a hare is covered now"


async def test_a_new_taxon_starts_a_search_only_if_it_names_observations(
    reserve: Reserve, system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def create(name: str, **fields: Any) -> None:
        body = {"project": reserve.field.project, "scientific_name": name} | fields
        await reserve.call("owner", "POST", "/taxa", body, 201)

    monkeypatch.setattr(sensitive_sightings, "CHUNK", 1)
    await reserve.restrict(viewer="0.1")
    while await record_sightings(system, SYSTEM):
        pass
    await create("Vulpes vulpes", higher_ranks={"family": "Canidae"})
    await create("Ceratotherium simum", higher_ranks={"family": "Rhinocerotidae"})
    await create("Rhinocerotes", accepted=reserve.family)
    assert await list_precisions(reserve) == ["0.1", "exact"], "no image is searched again"
    await create("Hare", higher_ranks={"family": "Rhinocerotidae"})
    assert await record_sightings(system, SYSTEM), "the images are searched again"
    while await record_sightings(system, SYSTEM):
        pass
    assert await list_precisions(reserve) == ["0.1", "0.1"]


async def test_locations_are_listed_with_one_search_of_the_sightings(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1")
    project = reserve.field.project
    plan = await reserve.field.ask(
        f"explain select * from list_sensitive_deployments(array[{project}::bigint], null)"
    )
    text = "\n".join(line for (line,) in plan)
    assert "sensitive_sightings" in text
    assert "SubPlan" not in text, text


async def test_a_rule_that_is_added_during_a_search_has_its_own(
    reserve: Reserve, system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitive_sightings, "CHUNK", 1)
    hare = {"project": reserve.field.project, "scientific_name": "Lepus", "rank": "genus"}
    taxon = (await reserve.call("owner", "POST", "/taxa", hare, 201))["id"]
    first, last = sorted(reserve.images.values())
    await reserve.identify(first, label="Lepus timidus")
    await reserve.identify(last, label="cow")
    await reserve.restrict(viewer="0.1")
    await record_sightings(system, SYSTEM)
    await reserve.restrict(taxon, viewer="0.01", reviewer="0.01")
    while await record_sightings(system, SYSTEM):
        pass
    precisions = dict(
        zip((reserve.hidden, reserve.open), await list_precisions(reserve), strict=True)
    )
    assert precisions == {
        place: "0.01" if image == first else "exact" for place, image in reserve.images.items()
    }


async def test_observations_are_stored_while_images_are_searched(
    reserve: Reserve, system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitive_sightings, "CHUNK", 1)
    await reserve.identify(reserve.images[reserve.hidden], label="hare")
    await reserve.restrict(viewer="0.1")
    first, last = sorted(reserve.images.values())
    async with system.database.transaction(SYSTEM) as tx:
        await sensitive_sightings.record_next_chunk(SYSTEM, tx, reserve.field.project)
        async with asyncio.timeout(10):
            # One image is locked by the search; the other one was searched before it.
            await reserve.identify(first, label="Diceros bicornis")
    assert last != first
    while await record_sightings(system, SYSTEM):
        pass
    shown = dict(zip((reserve.hidden, reserve.open), await list_precisions(reserve), strict=True))
    assert shown == {
        place: "0.1" if image == first else "exact" for place, image in reserve.images.items()
    }


@pytest.mark.parametrize(
    ("role", "expected"), [("reviewer", "0.1"), ("owner", "exact"), ("purge", "0.1")]
)
async def test_an_observation_that_is_deleted_during_a_search_is_recorded(
    reserve: Reserve,
    system: AppContext,
    monkeypatch: pytest.MonkeyPatch,
    role: str,
    expected: str,
) -> None:
    monkeypatch.setattr(sensitive_sightings, "CHUNK", 1)
    first, last = sorted(reserve.images.values())
    await reserve.identify(first, label="hare")
    await reserve.identify(last, label="Diceros bicornis")
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    if role == "purge":
        deleted = {"images": [last], "reason": "x"}
        await reserve.call("owner", "POST", "/images/delete", deleted)
        await reserve.field.change(
            "update images set deleted_at = now() - interval '99 days' where deleted_at is not null"
        )
        await purge_images(system, SYSTEM)
        assert await reserve.field.ask("select count(*) from images") == [(1,)]
    else:
        said = [{"kind": "correct", "images": [last], "label": "cow"}]
        await reserve.call(role, "POST", "/identifications", {"identifications": said}, 201)
    while await record_sightings(system, SYSTEM):
        pass
    shown = dict(zip((reserve.hidden, reserve.open), await list_precisions(reserve), strict=True))
    assert shown == {
        place: expected if image == last else "exact" for place, image in reserve.images.items()
    }


async def test_a_build_ends_after_the_search_of_the_present_observations(
    reserve: Reserve, system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensitive_sightings, "CHUNK", 1)
    first, last = sorted(reserve.images.values())
    await reserve.identify(first, label="hare")
    said = await reserve.get("owner", f"/identifications?image={last}")
    keys = [one["id"] for one in said["results"]]
    await reserve.call("owner", "POST", "/identifications/withdraw", {"identifications": keys})
    rhino = box(class_name="Diceros bicornis", confidence=0.4)
    await analyse(reserve.field, UUID(last), rhino)
    path = f"/projects/{reserve.field.project}/observation-settings"
    await reserve.call("owner", "PATCH", path, {"detection_threshold": 0.5})
    await reserve.restrict(viewer="0.1")
    for _ in range(2):
        while await build_observations(system, SYSTEM):
            pass
        while await record_sightings(system, SYSTEM):
            pass
    assert (await reserve.get("owner", path))["progress"] is None
    shown = dict(zip((reserve.hidden, reserve.open), await list_precisions(reserve), strict=True))
    assert shown == {
        place: "0.1" if image == last else "exact" for place, image in reserve.images.items()
    }
