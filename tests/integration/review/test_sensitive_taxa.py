"""The locations of sensitive taxa, on every surface and for every role."""

import json
from typing import Any

import pytest
from tests.support.api_project import SLUG, failure, success
from tests.support.import_client import box, megadetector, take
from tests.support.sensitive_project import (
    FILE,
    FOLDER,
    FREE,
    LATITUDE,
    LONGITUDE,
    NAME,
    OPEN_NAME,
    SECRETS,
    UNCERTAINTY,
    Reserve,
    make_reserve,
    read_position,
)

from trapline.server.platform.app_context import AppContext

ROLES = ("viewer", "reviewer", "manager", "owner")
STEPPED = {"viewer": "withheld", "reviewer": "0.1", "manager": "0.01"}


@pytest.fixture
async def reserve(system: AppContext) -> Reserve:
    return await make_reserve(system)


def reveals(answer: Any) -> list[str]:
    text = json.dumps(answer, ensure_ascii=False)
    return [secret for secret in SECRETS if secret in text]


async def test_every_role_sees_exact_locations_without_a_rule(reserve: Reserve) -> None:
    for role in ROLES:
        shown = await reserve.get(role, f"/deployments/{reserve.hidden}")
        assert (shown["name"], shown["latitude"], shown["longitude"]) == (
            NAME,
            LATITUDE,
            LONGITUDE,
        )
        assert shown["location_precision"] == "exact"


async def test_each_role_sees_a_deployment_as_its_rule_says(reserve: Reserve) -> None:
    await reserve.restrict(**STEPPED)
    expected = {
        "viewer": (None, None, None, "withheld"),
        "reviewer": (-19.0, 29.2, UNCERTAINTY + 7900, "0.1"),
        "manager": (-19.02, 29.16, UNCERTAINTY + 790, "0.01"),
        "owner": (LATITUDE, LONGITUDE, UNCERTAINTY, "exact"),
    }
    fields = ("latitude", "longitude", "coordinate_uncertainty_m", "location_precision")
    for role, values in expected.items():
        shown = await reserve.get(role, f"/deployments/{reserve.hidden}")
        assert tuple(shown[name] for name in fields) == values, role
        assert bool(reveals(shown)) == (role == "owner")
        empty = [shown[name] for name in ("camera", "habitat", "notes", *FREE) if not shown[name]]
        assert len(empty) == (0 if role == "owner" else 3 + len(FREE))
        assert shown["started_at"] is not None
        image = await reserve.get(role, f"/images/{reserve.images[reserve.hidden]}")
        assert image["location_precision"] == values[-1]
        assert (shown["name"] == NAME) == (role == "owner")
        other = await reserve.get(role, f"/deployments/{reserve.open}")
        assert (other["name"], other["latitude"], other["location_precision"]) == (
            OPEN_NAME,
            -20.25,
            "exact",
        )


async def test_the_preview_of_a_clock_offset_names_no_file(reserve: Reserve) -> None:
    path = f"/deployments/{reserve.hidden}/clock/preview"
    body = {"clock_offset_s": 3600}
    assert reveals(await reserve.call("owner", "POST", path, body)) == [FILE]
    await reserve.restrict(viewer="0.1")
    assert reveals(await reserve.call("viewer", "POST", path, body)) == []


async def test_exif_keeps_camera_and_settings_only(reserve: Reserve) -> None:
    path = f"/images/{reserve.images[reserve.hidden]}"
    before = (await reserve.get("viewer", path))["exif"]
    assert {"GPSLatitude", "GPSLongitude", "ImageDescription", "Model"} <= before.keys()
    await reserve.restrict(viewer="0.01", reviewer="0.01")
    after = (await reserve.get("viewer", path))["exif"]
    assert after == {name: before[name] for name in ("Model", "DateTimeOriginal")}
    assert (await reserve.get("owner", path))["exif"] == before


async def test_originals_are_served_without_metadata(reserve: Reserve) -> None:
    image = reserve.images[reserve.hidden]
    whole = await reserve.download("viewer", image)
    assert read_position(whole)[2] == (19.0, 0.0, 55.44)
    await reserve.restrict(viewer="0.1", reviewer="exact")
    stripped = await reserve.download("viewer", image)
    assert read_position(stripped) == {}
    assert b"fig tree" not in stripped
    for role in ("reviewer", "manager", "owner"):
        assert await reserve.download(role, image) == whole
    other = await reserve.download("viewer", reserve.images[reserve.open])
    assert read_position(other) != {}


async def test_a_url_from_before_the_observation_reveals_nothing_after_it(
    reserve: Reserve,
) -> None:
    image = reserve.images[reserve.open]
    await reserve.restrict(viewer="0.1")
    url = (await reserve.get("viewer", f"/images/{image}"))["file_url"]
    path = url.removeprefix("http://trapline.test")
    path = path[path.index("/files/") :]
    assert read_position((await reserve.field.client.get(path)).content) != {}
    await reserve.identify(image, taxon=reserve.species)
    assert read_position((await reserve.field.client.get(path)).content) == {}
    partial = await reserve.field.client.get(path, headers={"Range": "bytes=0-1"})
    assert (partial.status_code, partial.content) == (206, b"\xff\xd8")


async def test_a_worker_gets_the_image_without_metadata(reserve: Reserve) -> None:
    await reserve.restrict(viewer="exact", reviewer="exact", visitor="0.1")
    tasks = await reserve.field.lease_all(await reserve.field.run_job())
    positions = {}
    for task in tasks:
        url = task["image_url"]
        content = (await reserve.field.client.get(url[url.index("/files/") :])).content
        positions[task["image_id"]] = read_position(content)
    assert positions[reserve.images[reserve.hidden]] == {}
    assert positions[reserve.images[reserve.open]] != {}


async def test_a_correction_takes_effect_with_the_next_request(reserve: Reserve) -> None:
    await reserve.restrict(viewer="withheld")
    path = f"/deployments/{reserve.hidden}"
    assert (await reserve.get("viewer", path))["latitude"] is None
    said = await reserve.identify(reserve.images[reserve.hidden], label="cow")
    assert (await reserve.get("viewer", path))["latitude"] == LATITUDE
    withdrawal = {"identifications": [said]}
    await reserve.call("owner", "POST", "/identifications/withdraw", withdrawal)
    assert (await reserve.get("viewer", path))["latitude"] is None
    remove = f"/projects/{reserve.field.project}/sensitive-taxa/{reserve.family}"
    await reserve.call("owner", "DELETE", remove, status=204)
    assert (await reserve.get("viewer", path))["latitude"] == LATITUDE


async def test_a_result_of_a_model_restricts_its_deployment(reserve: Reserve) -> None:
    insect = {"project": reserve.field.project, "scientific_name": "Apis mellifera"}
    taxon = (await reserve.call("owner", "POST", "/taxa", insect, 201))["id"]
    job = await reserve.field.run_job(selection={"deployment": reserve.open})
    results = [success(task) for task in await reserve.field.lease_all(job)]
    label = results[0]["result"]["detections"][0]["classifications"][0]["classification"]
    mapping = {"project": reserve.field.project, "labels": [{"label": label, "taxon": taxon}]}
    await reserve.call("owner", "PUT", "/taxa/labels", mapping)
    await reserve.restrict(taxon, viewer="withheld")
    # The identification by a person outranks the model until it is withdrawn.
    said = await reserve.get("owner", f"/identifications?image={reserve.images[reserve.open]}")
    keys = [one["id"] for one in said["results"]]
    await reserve.call("owner", "POST", "/identifications/withdraw", {"identifications": keys})
    path = f"/deployments/{reserve.open}"
    assert (await reserve.get("viewer", path))["location_precision"] == "exact"
    assert await reserve.field.post(job, results) == ["accepted"]
    assert (await reserve.get("viewer", path))["location_precision"] == "withheld"


async def test_the_strictest_of_several_rules_counts(reserve: Reserve) -> None:
    await reserve.restrict(reserve.species, viewer="0.1", reviewer="0.01")
    await reserve.restrict(reserve.family, viewer="0.01", reviewer="0.01", manager="0.01")
    path = f"/deployments/{reserve.hidden}"
    seen = [(await reserve.get(role, path))["location_precision"] for role in ROLES]
    assert seen == ["0.1", "0.01", "0.01", "exact"]


async def test_hidden_texts_cannot_be_searched_or_ordered_by(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1")
    base = f"/deployments?project={reserve.field.project}"
    for query in ("name=Old fig waterhole", "camera=fig-cam-7", "habitat=fig forest"):
        found = await reserve.get("viewer", f"{base}&{query}")
        assert reserve.hidden not in [one["id"] for one in found["results"]], query
    listed = await reserve.get("viewer", f"{base}&limit=1")
    names = [listed["results"][0]["name"]]
    while listed["next"]:
        listed = await reserve.get("viewer", f"{base}&limit=1&cursor={listed['next']}")
        names.append(listed["results"][0]["name"])
    assert len(names) == 3
    assert names == sorted(names)
    assert NAME not in names
    [shown] = [name for name in names if name.startswith("Deployment ")]
    found = await reserve.get("viewer", f"{base}&name={shown}")
    assert [one["id"] for one in found["results"]] == [reserve.hidden]


async def test_a_generalised_location_never_replaces_the_exact_one(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    path = f"/deployments/{reserve.hidden}"
    shown = await reserve.get("manager", path)
    for change in ({"latitude": shown["latitude"], "longitude": 29.2}, {"name": "x"}):
        await reserve.call("manager", "PATCH", path, change, status=403)
    await reserve.call("manager", "PATCH", path, {"ended_at": "2030-01-01T00:00:00Z"})
    assert (await reserve.get("owner", path))["latitude"] == LATITUDE


async def test_the_csv_of_deployments_is_generalised_and_not_taken_back(reserve: Reserve) -> None:
    await reserve.restrict(viewer="0.1", reviewer="0.1", manager="0.1")
    path = f"/deployments/csv?project={reserve.field.project}"
    answers = {}
    for role in ROLES:
        answer = await reserve.field.call("GET", path, token=reserve.tokens[role])
        assert answer.status_code == 200
        answers[role] = answer.text
        assert bool(reveals(answer.text)) == (role == "owner")
    headers = {"Authorization": f"Token {reserve.tokens['manager']}", "Content-Type": "text/csv"}
    sent = await reserve.field.client.post(
        f"/api/v2{path}", content=answers["manager"].encode(), headers=headers
    )
    assert sent.status_code == 422, sent.text
    assert (await reserve.get("owner", f"/deployments/{reserve.hidden}"))["latitude"] == LATITUDE


async def test_a_source_of_a_withheld_deployment_does_not_exist(reserve: Reserve) -> None:
    new = {"name": "fig feed", "base_url": "http://camera.example/fig/", "gateway": "http"}
    body = new | {"deployment": reserve.hidden}
    source = (await reserve.call("owner", "POST", "/image-pull-sources", body, 201))["id"]
    path = f"/image-pull-sources/{source}"
    assert (await reserve.get("viewer", path))["name"] == "fig feed"
    await reserve.restrict(viewer="0.1")
    for part in ("", "/runs", "/files"):
        await reserve.get("viewer", f"{path}{part}", 404)
    listed = await reserve.get("viewer", f"/image-pull-sources?project={reserve.field.project}")
    assert (listed["results"], listed["count"]) == ([], 0)
    assert (await reserve.get("manager", path))["deployment_name"] == NAME


async def test_only_owners_change_the_list(reserve: Reserve) -> None:
    path = f"/projects/{reserve.field.project}/sensitive-taxa"
    for role in ("viewer", "reviewer", "manager"):
        await reserve.call(role, "PUT", f"{path}/{reserve.family}", {}, status=403)
        await reserve.call(role, "DELETE", f"{path}/{reserve.family}", status=403)
    await reserve.call("owner", "PUT", f"{path}/{reserve.family}", {})
    [listed] = (await reserve.get("viewer", path))["results"]
    assert listed["scientific_name"] == "Rhinocerotidae"
    levels = [listed[role] for role in ("visitor", "viewer", "reviewer", "manager")]
    assert levels == ["withheld", "0.1", "0.1", "exact"]


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"viewer": "0.01", "reviewer": "0.1"}, "reviewer"),
        ({"visitor": "exact"}, "viewer"),
        ({"viewer": "0.5"}, "viewer"),
        ({"owner": "withheld"}, "owner"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    reserve: Reserve, rule: dict[str, str], named: str
) -> None:
    path = f"/projects/{reserve.field.project}/sensitive-taxa"
    refused = await reserve.call("owner", "PUT", f"{path}/{reserve.family}", rule, status=422)
    assert named in json.dumps(refused)
    assert (await reserve.get("owner", path))["results"] == []


async def test_a_synonym_or_unknown_taxon_is_refused(reserve: Reserve) -> None:
    path = f"/projects/{reserve.field.project}/sensitive-taxa"
    synonym = {
        "project": reserve.field.project,
        "scientific_name": "Rhinoceros bicornis",
        "accepted": reserve.species,
    }
    key = (await reserve.call("owner", "POST", "/taxa", synonym, 201))["id"]
    await reserve.call("owner", "PUT", f"{path}/{key}", {}, status=422)
    await reserve.call("owner", "PUT", f"{path}/{reserve.hidden}", {}, status=404)
    await reserve.call("owner", "DELETE", f"{path}/{reserve.family}", status=404)
    await reserve.restrict(reserve.species)
    await reserve.call("owner", "DELETE", f"/taxa/{reserve.species}", status=409)


async def test_a_label_that_is_a_synonym_is_covered(reserve: Reserve) -> None:
    synonym = {
        "project": reserve.field.project,
        "scientific_name": "Rhinoceros bicornis",
        "accepted": reserve.species,
    }
    await reserve.call("owner", "POST", "/taxa", synonym, 201)
    await reserve.restrict(reserve.species, viewer="withheld")
    await reserve.identify(reserve.images[reserve.open], label="rhinoceros bicornis")
    shown = await reserve.get("viewer", f"/deployments/{reserve.open}")
    assert shown["location_precision"] == "withheld"


async def test_previews_of_runs_name_no_file_or_deployment(reserve: Reserve) -> None:
    for content in ({"deployment": reserve.hidden}, {"image": reserve.images[reserve.hidden]}):
        body = {"pipeline": SLUG, "project": reserve.field.project, "content": content}
        await reserve.call("owner", "POST", "/pipeline/run", body, 202)
    listed = await reserve.get("viewer", "/pipeline/jobs")
    assert set(reveals(listed)) == {NAME, FILE}
    await reserve.restrict(viewer="0.1")
    assert reveals(await reserve.get("viewer", "/pipeline/jobs")) == []
    assert reveals(await reserve.get("viewer", f"/jobs?project={reserve.field.project}")) == []


async def test_failed_tasks_name_no_file(reserve: Reserve) -> None:
    job = await reserve.field.run_job(selection={"deployment": reserve.hidden})
    while tasks := await reserve.field.lease_all(job):
        await reserve.field.post(job, [failure(task) for task in tasks])
        await reserve.field.skip_waits()
    [letter] = (await reserve.get("viewer", f"/jobs/{job}/dead_letters"))["results"]
    assert letter["filename"] == FILE
    await reserve.restrict(viewer="0.1")
    image = reserve.images[reserve.hidden]
    [letter] = (await reserve.get("viewer", f"/jobs/{job}/dead_letters"))["results"]
    assert letter["filename"] == f"{image}.jpg"
    task = await reserve.get("viewer", f"/jobs/{job}/tasks/{letter['analysis_id']}")
    assert task["filename"] == f"{image}.jpg"


async def test_entries_and_folders_of_imports_are_withheld(reserve: Reserve) -> None:
    entry = {"file": f"{FOLDER}/gone.jpg", "detections": [box()]}
    content = megadetector(entry, {"file": f"{FOLDER}/{FILE}", "detections": [box()]})
    taken = await take(reserve.field, content, folder=f"{FOLDER}={reserve.hidden}")
    path = f"/imports/{taken['id']}"
    paths = [f"{path}/faults", f"{path}/folders"]
    assert (await reserve.get("viewer", path))["options"]["folders"] != {}
    assert reveals(await reserve.get("viewer", paths[0])) == [NAME]
    await reserve.restrict(viewer="0.1")
    assert (await reserve.get("viewer", path))["options"]["folders"] == {}
    for path in paths:
        assert reveals(await reserve.get("viewer", path, 403)) == []
        await reserve.get("manager", path)
