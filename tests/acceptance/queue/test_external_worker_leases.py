"""Leases of other worker programs: many and long ones, in older forms, and their expiry."""

import json
import os
import signal
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.adc_calls import Caller
from tests.support.adc_client import PIPELINE, FieldWorker, Refused, find_on
from tests.support.running_server import QUICK, RunningServer, wait_for
from tests.support.server_project import Field, open_filled_field

from trapline.server.platform.postgres.postgres import find_free_port
from trapline.wire.jobs import JobPriority, JobState, NewJob

LEASE_S = 2
CAP = 30
MANY = 60


@pytest.fixture(scope="module")
def quick(make_prepared: Callable[[], Path]) -> Iterator[RunningServer]:
    """Start a server whose leases end soon, with a low limit of tasks per worker."""
    settings = QUICK | {"TRAPLINE_LEASE_S": str(LEASE_S), "TRAPLINE_HELD_AT_MOST": str(CAP)}
    running = RunningServer(make_prepared(), find_free_port(), settings=settings)
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.fixture
def field(quick: RunningServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Field]:
    with open_filled_field(quick, request.node.name, tmp_path, 6) as opened:
        yield opened


def _statuses(answer: dict[str, Any]) -> list[str]:
    return [task["status"] for task in answer["tasks"]]


def _lease_as_they_come(worker: FieldWorker, job: int, wanted: int) -> list[dict[str, Any]]:
    """Lease tasks that return to the queue, until there are `wanted` tasks."""
    tasks: list[dict[str, Any]] = []

    def has_all() -> bool:
        tasks.extend(worker.lease(job))
        return len(tasks) == wanted

    wait_for("the end of the leases", has_all)
    return tasks


@pytest.mark.long
def test_hundreds_are_leased_before_the_first_result(server: RunningServer, tmp_path: Path) -> None:
    with open_filled_field(server, "ahead", tmp_path, 450) as field:
        held: list[int] = []

        def work(task: dict[str, Any]) -> dict[str, Any]:
            if not held:
                wait_for("loaders far ahead", lambda: len(_held(field, job)) >= 384)
                time.sleep(0.5)
                held.append(len(_held(field, job)))
            return find_on(task)

        worker = field.make_worker(work=work, prefetch=384)
        job = field.run_job(worker)
        assert worker.drain(job) == 450
        assert held == [384]
        assert len(set(worker.leased)) == len(worker.leased) == 450
        assert worker.statuses == ["accepted"] * 450
        assert set(field.count_boxes(job).values()) == {1}
        assert field.api.get_job(job).status is JobState.COMPLETED


def _held(field: Field, job: int) -> list[tuple[Any, ...]]:
    return field.read("select id from analyses where job_id = %s and state = 'processing'", job)


@pytest.mark.long
def test_tasks_of_a_killed_loader_are_done_by_others(quick: RunningServer, tmp_path: Path) -> None:
    with open_filled_field(quick, "loader", tmp_path, MANY) as field:
        dropped: list[int] = []

        def work(task: dict[str, Any]) -> dict[str, Any]:
            if not dropped:
                wait_for("leases in every loader's hands", lambda: len(_held(field, job)) >= CAP)
                for process in worker.processes[:2]:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()
                dropped.append(len(_held(field, job)))
            return find_on(task)

        # Its loaders spend most of their time between lease and image, so they hold tasks when it
        # is killed.
        worker = field.make_worker(work=work, batch_size=4, prefetch=2 * MANY, load_s=0.3)
        job = field.run_job(worker)
        worker.drain(job)
        assert dropped[0] >= CAP
        left = len(_held(field, job))
        assert left > 0, "the killed loaders held nothing: the test proves nothing"
        # The rest is taken by another worker, whose token prolongs nothing of the killed one's.
        other = field.make_worker(loaders=1, batch_size=4)
        other.work_until_idle(idle_s=2 * LEASE_S)
        assert field.wait_for_end(job).progress.completed == MANY
        assert field.count_attempts(job, "lost") >= left
        assert set(field.count_boxes(job).values()) == {1}


def test_a_late_result_is_good_work_and_the_next_holder_hears_duplicate(field: Field) -> None:
    slow, next_one = field.make_worker(), field.make_worker()
    job = field.run_job(slow)
    tasks = slow.lease(job)
    again = _lease_as_they_come(next_one, job, len(tasks))
    assert {task["id"] for task in again} == {task["id"] for task in tasks}
    assert not {task["reply_subject"] for task in again} & {task["reply_subject"] for task in tasks}
    assert _statuses(slow.post(job, tasks)) == ["accepted"] * len(tasks)
    assert _statuses(next_one.post(job, again)) == ["duplicate"] * len(tasks)
    assert field.wait_for_end(job).progress.completed == len(tasks)
    assert set(field.count_boxes(job).values()) == {1}


def test_contact_keeps_what_is_held_for_long(field: Field) -> None:
    """They have no heartbeat: that they speak of the job at all is the sign that they live."""
    slow, eager = field.make_worker(), field.make_worker()
    job = field.run_job(slow)
    held = slow.lease(job, 4)
    rest = slow.lease(job, 2)
    began = time.monotonic()
    while time.monotonic() - began < 3 * LEASE_S:
        assert not [task for task in eager.lease(job) if task["id"] in {one["id"] for one in held}]
        slow.post(job, rest)  # the same again counts as contact and changes nothing
        time.sleep(LEASE_S / 8)
    assert field.count_attempts(job, "lost") == 0
    taken = _lease_as_they_come(eager, job, 4)
    assert {task["id"] for task in taken} == {task["id"] for task in held}


def test_a_killed_client_is_not_kept_alive_by_its_twin(field: Field) -> None:
    """Two clients on one host share a token: they are two rows, and one of them is killed."""
    killed = field.make_worker()
    twin = FieldWorker(field.server.base_url, killed.token)
    job = field.run_job(killed)
    assert killed.find_job() == job
    held = {task["id"] for task in killed.lease(job, 3)}
    assert twin.find_job() == job
    working = twin.lease(job, 1)
    rows = field.api.list_workers(field.project)
    assert sorted(row.leases for row in rows) == [1, 3]
    returned: set[str] = set()

    def works_on() -> bool:
        nonlocal working
        twin.post(job, working)
        working = twin.lease(job, 1) or working  # the same again is contact, too
        returned.update(task["id"] for task in working)
        return held <= returned

    wait_for("the tasks of the killed client", works_on)
    assert field.count_attempts(job, "lost") == len(held)
    twin.post(job, working)
    assert field.wait_for_end(job).progress.completed == 6


def test_callers_at_the_cap_get_single_tasks_and_never_none(
    quick: RunningServer, tmp_path: Path
) -> None:
    with open_filled_field(quick, "cap", tmp_path, CAP + 4) as field:
        worker = field.make_worker()
        job = field.run_job(worker)
        assert len(worker.lease(job, 10**6)) == CAP
        assert [len(worker.lease(job, 24)) for _ in range(6)] == [1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("slash", [True, False])
def test_every_call_is_taken_with_and_without_its_slash(field: Field, slash: bool) -> None:
    """A redirect would be an error: this client follows none on a POST."""
    worker = FieldWorker(field.server.base_url, field.make_token(), slash=slash)
    [registered] = worker.register()
    assert registered["pipelines_created"] == [PIPELINE["slug"]]
    job = field.run_job(worker)
    tasks = worker.lease(job, 5)
    tasks += worker.call("GET", f"/api/v2/jobs/{job}/tasks?batch=1")["tasks"]
    assert worker.post(job, tasks)["results_queued"] == 6
    assert field.wait_for_end(job).progress.completed == 6


def test_the_older_forms_work(field: Field) -> None:
    worker = field.make_worker()
    job = field.run_job(worker)
    listed = worker.call(
        "GET", "/api/v2/jobs?pipeline__slug=field-pipeline&ids_only=1&incomplete_only=1"
    )
    assert listed["results"] == [{"id": job, "pipeline_slug": "field-pipeline"}]
    tasks = worker.call("GET", f"/api/v2/jobs/{job}/tasks?batch=4")["tasks"]
    assert len(tasks) == 4
    assert all(isinstance(value, str) and value for task in tasks for value in task.values())
    assert _statuses(worker.post(job, tasks)) == ["accepted"] * 4


def test_the_list_of_jobs_is_what_can_be_leased_now(field: Field) -> None:
    worker = field.make_worker()

    def claim(query: str = "") -> list[int]:
        asked = f"/api/v2/jobs?ids_only=1&incomplete_only=1&dispatch_mode=async_api{query}"
        return [job["id"] for job in worker.call("GET", asked)["results"]]

    first = field.run_job(worker)
    urgent = field.api.create_job(
        NewJob(project=field.project, pipeline="field-pipeline", priority=JobPriority.HIGH)
    ).id
    wait_for("both jobs", lambda: field.api.get_job(urgent).expanded)
    assert claim() == [urgent]
    assert claim("&limit=10") == [urgent, first]
    assert claim("&pipeline__slug__in=other,field-pipeline&limit=10") == [urgent, first]
    assert claim("&pipeline__slug__in=other") == []
    field.api.transition_job(urgent, "pause")
    assert claim("&limit=10") == [first]
    held = worker.lease(first)
    assert claim("&limit=10") == [], "a job whose tasks are all in hand is listed"
    worker.post(first, held)
    field.api.transition_job(urgent, "resume")
    assert claim("&limit=10") == [urgent]
    field.api.transition_job(urgent, "cancel")
    assert claim("&limit=10") == []
    assert worker.lease(urgent) == []
    assert worker.lease(first) == []
    with pytest.raises(Refused) as refused:
        worker.call("GET", "/api/v2/jobs?ids_only=1&dispatch_mode=sync_api")
    assert refused.value.status == 400


def test_a_late_result_of_a_canceled_job_is_acknowledged_and_thrown_away(field: Field) -> None:
    worker = field.make_worker()
    job = field.run_job(worker)
    tasks = worker.lease(job)
    field.api.transition_job(job, "cancel")
    assert all(status.startswith("rejected") for status in _statuses(worker.post(job, tasks)))
    assert set(field.count_boxes(job).values()) == {0}
    assert field.api.get_job(job).status is JobState.CANCELED


def test_long_class_lists_are_registered_once_and_lease_less(field: Field) -> None:
    """A body answers a lease: the longer the class list, the fewer tasks at once."""
    worker = field.make_worker()
    classes = [f"species {number}" for number in range(30_000)]
    data = [
        {"index": number, "label": label, "gbif_id": number} for number, label in enumerate(classes)
    ]
    algorithms: list[dict[str, Any]] = json.loads(json.dumps(PIPELINE["algorithms"]))
    detector, classifier = algorithms
    long = {
        **classifier,
        "key": "long-classifier",
        "version": 2,
        "category_map": {"labels": classes, "data": data},
    }
    pipeline = PIPELINE | {"slug": "long-pipeline", "algorithms": [detector, long]}
    [made] = worker.register(pipeline)
    assert made["pipelines_created"] == ["long-pipeline"]
    [again] = worker.register(pipeline)
    assert (again["pipelines_created"], again["pipelines_updated"]) == ([], [])
    [shown] = [
        found for found in field.api.list_pipelines(field.project) if found.slug == "long-pipeline"
    ]
    assert {algorithm.key: algorithm.classes for algorithm in shown.algorithms} == {
        "field-detector": 0,
        "long-classifier": 30_000,
    }
    job = field.api.create_job(NewJob(project=field.project, pipeline="long-pipeline")).id
    wait_for("work", lambda: worker.find_job("long-pipeline") == job)
    assert len(worker.lease(job, 24)) == 1


def test_a_registration_that_cannot_be_is_refused_in_words(field: Field) -> None:
    worker = field.make_worker()
    body = {"processing_service_name": "Field worker (host)", "pipelines": [PIPELINE]}
    with pytest.raises(Refused) as refused:
        worker.call("POST", "/api/v2/projects/999999/pipelines/", body)
    assert refused.value.status == 404
    unusable: list[Any] = [
        {},
        body | {"pipelines": "none"},
        body | {"pipelines": [{"name": "no slug"}]},
        [],
        "text",
    ]
    for broken in unusable:
        with pytest.raises(Refused) as refused:
            worker.call("POST", f"/api/v2/projects/{field.project}/pipelines/", broken)
        assert refused.value.status == 400, refused.value
        assert '"detail"' in refused.value.body


def test_a_picture_needs_no_token(field: Field) -> None:
    """Field workers send no token for images; the URL suffices, and does not contain the token."""
    worker = field.make_worker()
    [task] = worker.lease(field.run_job(worker), 1)
    assert worker.token not in urllib.parse.unquote(task["image_url"])
    assert f":{field.server.port}/" in task["image_url"]
    with pytest.raises(Refused) as refused:
        Caller(field.server.base_url, "tl_worker_nobody").get("/api/v2/projects/")
    assert refused.value.status == 401
