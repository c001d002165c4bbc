"""Registration: truthful, repeatable, and revisions of algorithms never change."""

from typing import Any

import httpx2
import pytest
from tests.support.adc_client import PIPELINE
from tests.support.api_project import Field, make_field, success

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def register(
    field: Field, pipelines: list[dict[str, Any]], **changes: Any
) -> httpx2.Response:
    body = {"processing_service_name": "Field worker (host)", "pipelines": pipelines} | changes
    return await field.call("POST", f"/projects/{field.project}/pipelines/", body, field.worker)


def changed(**changes: Any) -> dict[str, Any]:
    return PIPELINE | changes


async def test_the_same_again_is_201_and_changes_nothing(field: Field) -> None:
    new = changed(slug="other")
    first = await register(field, [PIPELINE, new])
    assert first.status_code == 201
    assert first.json()["pipelines_created"] == ["other"]
    again = await register(field, [PIPELINE, new])
    assert again.status_code == 201
    assert again.json() == first.json() | {"pipelines_created": []}
    assert isinstance(again.json()["processing_service_id"], int)
    updated = await register(field, [PIPELINE, changed(slug="other", name="Better")])
    assert (updated.json()["pipelines_created"], updated.json()["pipelines_updated"]) == (
        [],
        ["other"],
    )
    listed = (await field.call("GET", f"/pipelines?project={field.project}")).json()
    assert [(found["slug"], found["name"], found["online"]) for found in listed["results"]] == [
        ("field-pipeline", "Field pipeline", True),
        ("other", "Better", True),
    ]
    assert listed["results"][0]["services"] == ["Field worker (host)"]


async def test_another_class_list_is_another_revision(field: Field) -> None:
    algorithms: Any = PIPELINE["algorithms"]
    detector, classifier = algorithms
    grown = classifier | {"category_map": {"data": {}, "labels": ["moth", "bat", "owl"]}}
    await register(field, [changed(algorithms=[detector, grown])])
    rows = await field.ask(
        """
        select cardinality(m.labels) from algorithms a
        join category_maps m on m.sha256 = a.map_sha256
        where a.key = 'field-classifier' order by a.id
        """
    )
    assert rows == [(2,), (3,)]
    [listed] = (await field.call("GET", f"/pipelines?project={field.project}")).json()["results"]
    assert [found["classes"] for found in listed["algorithms"]] == [0, 3]
    assert await field.ask("select classes from pipelines") == [(3,)]


async def test_a_class_list_of_30000_labels(field: Field) -> None:
    labels = [f"species number {number}" for number in range(30_000)]
    data = [
        {"index": number, "label": label, "gbif_key": number} for number, label in enumerate(labels)
    ]
    classifier = {
        "name": "C",
        "key": "c",
        "version": 2,
        "category_map": {"data": data, "labels": labels},
    }
    answer = await register(field, [changed(slug="long", algorithms=[classifier])])
    assert answer.status_code == 201, answer.text
    assert await field.ask(
        "select cardinality(labels) from category_maps order by 1 desc limit 1"
    ) == [(30_000,)]


async def test_labels_may_stand_in_data_alone(field: Field) -> None:
    data = [{"index": 1, "label": "b"}, {"index": 0, "label": "a"}]
    classifier = {
        "name": "C",
        "key": "c",
        "version": 2,
        "category_map": {"data": data, "labels": []},
    }
    await register(field, [changed(slug="short", algorithms=[classifier])])
    query = (
        "select m.labels from category_maps m join algorithms a on a.map_sha256 = m.sha256 where "
        "a.key = 'c'"
    )
    assert await field.ask(query) == [(["a", "b"],)]


NUL_IN_DATA = {
    "name": "A",
    "key": "a",
    "version": 1,
    "category_map": {"data": [{"index": 0, "label": {"x\x00": 1}}]},
}


@pytest.mark.parametrize(
    "body",
    [
        {"processing_service_name": "", "pipelines": []},
        {"pipelines": []},
        {
            "processing_service_name": "S",
            "pipelines": [{"name": "P", "slug": "not a slug", "version": 1}],
        },
        {"processing_service_name": "S", "pipelines": [PIPELINE, PIPELINE]},
        {"processing_service_name": "S\x00", "pipelines": []},
        {"processing_service_name": "S", "pipelines": [PIPELINE | {"algorithms": [NUL_IN_DATA]}]},
        [],
    ],
)
async def test_bad_content_is_400_in_words(field: Field, body: Any) -> None:
    answer = await field.call("POST", f"/projects/{field.project}/pipelines/", body, field.worker)
    assert answer.status_code == 400, answer.text
    assert "Nothing was registered" in answer.json()["detail"]


async def test_an_unknown_project_is_404(field: Field) -> None:
    body = {"processing_service_name": "S", "pipelines": []}
    assert (
        await field.call("POST", "/projects/999/pipelines/", body, field.worker)
    ).status_code == 404


async def test_a_service_belongs_to_its_registrant(system: AppContext) -> None:
    field, neighbour = await make_field(system), await make_field(system, name="neighbour")
    assert (await field.register())["processing_service_id"] != (await neighbour.register())[
        "processing_service_id"
    ]
    other_token = await field.make_worker()
    body = {"processing_service_name": "Field worker (host)", "pipelines": [PIPELINE]}
    same = await field.call("POST", f"/projects/{field.project}/pipelines/", body, other_token)
    assert same.json()["processing_service_id"] == (await field.register())["processing_service_id"]


async def test_an_algorithm_that_nobody_registered_is_kept_and_flagged(field: Field) -> None:
    job = await field.run_job()
    [task] = await field.lease(job, 1)
    result = success(task)
    result["result"]["detections"][0]["algorithm"] = {"name": "Stranger", "key": "stranger"}
    assert await field.post(job, [result]) == ["accepted"]
    assert await field.ask("select key, name, registered from algorithms where not registered") == [
        ("stranger", "Stranger", False),
    ]
    image = (await field.call("GET", f"/images/{task['image_id']}")).json()
    assert image["analyses"][0]["annotations"][0]["algorithm"] == "stranger"


async def test_a_finding_is_by_the_revision_that_its_result_names(field: Field) -> None:
    algorithms: Any = PIPELINE["algorithms"]
    detector, classifier = algorithms
    newer = classifier | {"version": 2, "category_map": {"data": {}, "labels": ["bat", "moth"]}}
    job = await field.run_job()
    tasks = await field.lease(job, 3)
    await register(field, [changed(algorithms=[detector, newer])])
    key = classifier["key"]
    told = [
        success(task, algorithms=of)
        for task, of in zip(tasks, ({key: classifier}, {key: newer}, {}), strict=True)
    ]
    assert await field.post(job, told) == ["accepted"] * 3
    rows = await field.ask(
        """
        select a.image_id::text, g.version from annotations n
        join analyses a on a.id = n.analysis_id
        join algorithms g on g.id = n.algorithm_id where g.key = %s order by a.id
        """,
        key,
    )
    assert dict(rows) == {tasks[0]["image_id"]: 1, tasks[1]["image_id"]: 2, tasks[2]["image_id"]: 2}


async def test_services_show_their_workers(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job, 2)
    await field.post(job, [success(tasks[0])])
    [service] = (await field.call("GET", f"/processing_services?project={field.project}")).json()[
        "results"
    ]
    assert (service["name"], service["online"]) == ("Field worker (host)", True)
    assert service["pipelines"] == ["field-pipeline"]
    assert service["projects"] == [field.project]
    [worker] = service["workers"]
    assert (worker["job_id"], worker["leases"], worker["completed"], worker["online"]) == (
        job,
        1,
        1,
        True,
    )


async def test_a_worker_that_only_asks_for_jobs_is_online_but_keeps_no_lease(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.change(
        "update holders set seen_at = now() - interval '1 h', last_contact_at = now() - interval "
        "'1 h'"
    )
    listing = f"/processing_services?project={field.project}"
    [service] = (await field.call("GET", listing)).json()["results"]
    assert [worker["online"] for worker in service["workers"]] == [False]
    await field.claim()
    [service] = (await field.call("GET", listing)).json()["results"]
    assert [worker["online"] for worker in service["workers"]] == [True]
    assert await field.ask("select last_contact_at < now() - interval '59 min' from holders") == [
        (True,)
    ]


async def test_a_job_names_who_asked_for_it_and_who_moved_it(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    shown = await field.show(job)
    assert shown["requested_by"].startswith("token ")
    assert [move["actor"].startswith("token ") for move in shown["transitions"]] == [True, True]


async def test_asking_for_jobs_is_a_sign_of_life(field: Field) -> None:
    await field.change("update processing_services set last_seen_at = now() - interval '1 h'")
    [pipeline] = (await field.call("GET", f"/pipelines?project={field.project}")).json()["results"]
    assert pipeline["online"] is False
    job = await field.run_job()
    assert (await field.show(job))["status_reason"].startswith(
        "No worker offers field-pipeline since "
    )
    await field.claim()
    [pipeline] = (await field.call("GET", f"/pipelines?project={field.project}")).json()["results"]
    assert pipeline["online"] is True
