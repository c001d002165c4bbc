"""The roles that can lift the restriction of a deployment, and the names that restrict one."""

from typing import Any
from uuid import UUID

import pytest
from tests.support.api_project import SYSTEM, success
from tests.support.external_pipeline import analyse, begin, box
from tests.support.sensitive_project import NAME, Reserve, make_reserve

from trapline.server.platform.app_context import AppContext
from trapline.server.review.actions.observation_builds import build_observations

SPECIES_NET = "0f1e;mammalia;perissodactyla;rhinocerotidae;diceros;bicornis;black rhino"


@pytest.fixture
async def reserve(system: AppContext) -> Reserve:
    return await make_reserve(system)


async def precision(reserve: Reserve, role: str, deployment: str) -> Any:
    return (await reserve.get(role, f"/deployments/{deployment}"))["location_precision"]


async def say(reserve: Reserve, role: str, **said: Any) -> Any:
    body = {"identifications": [{"kind": "correct", "label": "cow"} | said]}
    return await reserve.call(role, "POST", "/identifications", body, 201)


@pytest.mark.parametrize("role", ["reviewer", "manager"])
async def test_a_correction_by_a_role_that_sees_less_lifts_nothing(
    reserve: Reserve, role: str
) -> None:
    image = reserve.images[reserve.hidden]
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    await say(reserve, role, images=[image])
    assert await precision(reserve, role, reserve.hidden) == "0.1"
    shown = await reserve.get("viewer", f"/images/{image}")
    assert shown["classes"] == ["cow"]
    await say(reserve, "owner", images=[image])
    assert await precision(reserve, role, reserve.hidden) == "exact"


async def test_decided_boxes_lift_after_the_image_is_confirmed(reserve: Reserve) -> None:
    image = reserve.images[reserve.open]
    said = await reserve.get("owner", f"/identifications?image={image}")
    keys = [one["id"] for one in said["results"]]
    await reserve.call("owner", "POST", "/identifications/withdraw", {"identifications": keys})
    boxes = await analyse(reserve.field, UUID(image), box(class_name="Diceros bicornis"))
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    await say(reserve, "owner", annotations=boxes)
    assert await precision(reserve, "viewer", reserve.open) == "0.1"
    await say(reserve, "reviewer", kind="confirm", label=None, images=[image])
    assert await precision(reserve, "viewer", reserve.open) == "0.1"
    await say(reserve, "owner", kind="confirm", label=None, images=[image])
    assert await precision(reserve, "viewer", reserve.open) == "exact"


async def test_an_owner_finds_the_images_that_restrict_a_place(reserve: Reserve) -> None:
    image = reserve.images[reserve.hidden]
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    path = f"/projects/{reserve.field.project}/sensitive-taxa/{reserve.family}/sightings"
    expected = {
        "deployment_id": reserve.hidden, "deployment_name": NAME, "images": 1, "overruled": 0,
        "overruled_images": [],
    }  # fmt: skip
    assert (await reserve.get("owner", path))["results"] == [expected]
    await say(reserve, "reviewer", images=[image])
    expected |= {"overruled": 1, "overruled_images": [image]}
    assert (await reserve.get("owner", path))["results"] == [expected]
    await reserve.get("manager", path, 403)
    await reserve.get("owner", path.replace(reserve.family, reserve.species), 404)
    await say(reserve, "owner", images=[image])
    assert (await reserve.get("owner", path))["results"] == []


async def test_images_of_one_request_are_lifted_separately(reserve: Reserve) -> None:
    await reserve.identify(reserve.images[reserve.open], label="Diceros bicornis")
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    said = [
        {"kind": "correct", "images": [reserve.images[reserve.hidden]], "label": "cow"},
        {"kind": "correct", "images": [reserve.images[reserve.open]], "taxon": reserve.species},
    ]
    await reserve.call("owner", "POST", "/identifications", {"identifications": said}, 201)
    assert await precision(reserve, "viewer", reserve.hidden) == "exact"
    assert await precision(reserve, "viewer", reserve.open) == "0.1"


async def test_a_manager_who_sees_the_place_exactly_lifts_it(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1")
    await say(reserve, "manager", images=[reserve.images[reserve.hidden]])
    assert await precision(reserve, "viewer", reserve.hidden) == "exact"


async def test_an_identification_that_leaves_the_taxon_lifts_nothing(reserve: Reserve) -> None:
    image = reserve.images[reserve.hidden]
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    await say(reserve, "owner", images=[image], label="Diceros bicornis")
    assert await precision(reserve, "viewer", reserve.hidden) == "0.1"
    await say(reserve, "reviewer", images=[image])
    await say(reserve, "owner", images=[image], kind="unsure", label=None)
    assert await precision(reserve, "viewer", reserve.hidden) == "0.1"


async def test_a_deleted_image_lifts_nothing(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    deleted = {"images": [reserve.images[reserve.hidden]], "reason": "x"}
    await reserve.call("owner", "POST", "/images/delete", deleted)
    assert await precision(reserve, "manager", reserve.hidden) == "0.1"


async def test_listing_a_taxon_again_starts_with_the_present_observations(
    reserve: Reserve,
) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    await say(reserve, "reviewer", images=[reserve.images[reserve.hidden]])
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.01")
    assert await precision(reserve, "viewer", reserve.hidden) == "0.1"
    path = f"/projects/{reserve.field.project}/sensitive-taxa/{reserve.family}"
    await reserve.call("owner", "DELETE", path, status=204)
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    assert await precision(reserve, "viewer", reserve.hidden) == "exact"


async def test_only_roles_that_see_all_places_change_names_and_thresholds(
    reserve: Reserve,
) -> None:
    project = reserve.field.project
    cow = {"project": project, "scientific_name": "Bos taurus"}
    taxon = (await reserve.call("owner", "POST", "/taxa", cow, 201))["id"]
    mapping = {"project": project, "labels": [{"label": "rhino", "taxon": taxon}]}
    image = reserve.images[reserve.open]
    outside = await begin(reserve.field, UUID(image), model_name="net")
    await outside.call("POST", "/finalize", {"status": "completed"})
    new = {"image_id": image, "model_version": "1", "looks_for": ["other"]}
    changes: list[tuple[str, str, Any, int]] = [
        ("PATCH", f"/projects/{project}/observation-settings", {"detection_threshold": 1}, 200),
        ("PUT", "/taxa/labels", mapping, 200),
        ("PATCH", f"/taxa/{reserve.species}", {"higher_ranks": {}}, 200),
        ("DELETE", f"/taxa/{taxon}", None, 204),
        ("POST", f"/images/{image}/analyses", new | {"model_name": "net"}, 201),
    ]
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    for method, path, body, _ in changes:
        refused = await reserve.call("manager", method, path, body, 403)
        assert "An owner of the project can change them" in refused["detail"], path
    sent = await reserve.field.client.post(
        f"/api/v2/taxa/import?project={project}",
        content=b"scientific_name,family\nDiceros bicornis,Bovidae\n",
        headers={"Authorization": f"Token {reserve.tokens['manager']}", "Content-Type": "text/csv"},
    )
    assert sent.status_code == 403, sent.text
    unknown = new | {"model_name": "plate-reader"}
    await reserve.call("manager", "POST", f"/images/{image}/analyses", unknown, 201)
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="exact")
    mapping["labels"] = [{"label": "rhino", "taxon": reserve.species}]
    for method, path, body, status in changes:
        await reserve.call("manager", method, path, body, status)
    # The record of the species remains, although it is no longer in the family.
    assert await precision(reserve, "viewer", reserve.hidden) == "0.1"


@pytest.mark.parametrize("is_built", [False, True])
async def test_a_known_pipeline_is_known_during_a_build(
    reserve: Reserve, system: AppContext, *, is_built: bool
) -> None:
    async def declare(role: str, looks_for: str, status: int) -> None:
        new = {"image_id": image, "model_name": "net", "model_version": "1"}
        body = new | {"looks_for": [looks_for]}
        await reserve.call(role, "POST", f"/images/{image}/analyses", body, status)

    image = reserve.images[reserve.open]
    await analyse(reserve.field, UUID(image), box(class_name="Diceros bicornis"), model="net")
    settings: dict[str, Any] = {"detection_threshold": 0.3}
    if is_built:
        # The pipeline counts by choice: its declaration is effective after the choice is deleted.
        settings |= {"pipelines": [{"name": "net", "counts": True}]}
    path = f"/projects/{reserve.field.project}/observation-settings"
    assert (await reserve.call("owner", "PATCH", path, settings))["progress"] is not None
    while is_built and await build_observations(system, SYSTEM):
        pass
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    await declare("manager", "other", 403)
    await declare("manager", "animal", 201)
    await declare("manager", "other", 403)
    await declare("owner", "vehicle", 201)
    [shown] = (await reserve.get("owner", path))["pipelines"]
    assert (shown["looks_for"], shown["counts"]) == (["vehicle"], True)


@pytest.mark.parametrize("is_listed_before", [True, False])
@pytest.mark.parametrize(
    "label",
    [SPECIES_NET, "DICEROS BICORNIS", "diceros_bicornis", "Diceros bicornis michaeli", "Old Hooky"],
)
async def test_a_label_of_a_model_is_covered(
    reserve: Reserve, label: str, *, is_listed_before: bool
) -> None:
    change = {"common_names": {"en": ["Old Hooky"]}}
    await reserve.call("owner", "PATCH", f"/taxa/{reserve.family}", change)
    said = await reserve.get("owner", f"/identifications?image={reserve.images[reserve.open]}")
    keys = [one["id"] for one in said["results"]]
    await reserve.call("owner", "POST", "/identifications/withdraw", {"identifications": keys})
    if is_listed_before:
        await reserve.restrict(viewer="0.1")
    job = await reserve.field.run_job(selection={"deployment": reserve.open})
    results = [name_result(success(task), label) for task in await reserve.field.lease_all(job)]
    assert await reserve.field.post(job, results) == ["accepted"]
    if not is_listed_before:
        assert await precision(reserve, "viewer", reserve.open) == "exact"
        await reserve.restrict(viewer="0.1")
    assert await precision(reserve, "viewer", reserve.open) == "0.1"


async def test_a_copied_set_with_some_meanings_is_covered(reserve: Reserve) -> None:
    """The state between an upgrade and the end of the first build."""
    await reserve.identify(reserve.images[reserve.hidden], label=SPECIES_NET)
    await reserve.identify(reserve.images[reserve.open], label="hare")
    async with reserve.field.system.database.transaction(SYSTEM) as tx:
        await tx.execute("delete from name_meanings where key <> 'hare'")
    await reserve.restrict(viewer="0.1")
    assert await precision(reserve, "viewer", reserve.hidden) == "0.1"
    assert await precision(reserve, "viewer", reserve.open) == "exact"


def name_result(result: dict[str, Any], label: str) -> dict[str, Any]:
    for found in result["result"]["detections"]:
        for one in found["classifications"]:
            one["classification"] = label
    return result
