"""Errors of field workers with results: nothing is lost, and nothing is duplicated."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.adc_client import (
    FieldWorker,
    Lost,
    Refused,
    find_box,
    find_class,
    find_on,
    make_failure,
    make_success,
)
from tests.support.adc_proxy import LOSE_ANSWER, make_away, open_wire
from tests.support.running_server import RunningServer, wait_for
from tests.support.server_project import Field, open_filled_field

from trapline.wire.annotations import AnnotationType
from trapline.wire.jobs import JobState

IMAGES = 4


@pytest.fixture
def field(server: RunningServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Field]:
    with open_filled_field(server, request.node.name, tmp_path, IMAGES) as opened:
        yield opened


def _lease_all(field: Field) -> tuple[FieldWorker, int, list[dict[str, Any]]]:
    worker = field.make_worker()
    job = field.run_job(worker)
    tasks = worker.lease(job)
    assert len(tasks) == IMAGES
    return worker, job, tasks


def _statuses(answer: dict[str, Any]) -> list[str]:
    return [task["status"] for task in answer["tasks"]]


def test_a_lost_answer_loses_no_result(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    with open_wire(field.server.port) as wire:
        wire.faults.append(("/result/", LOSE_ANSWER))
        far = FieldWorker(wire.url, worker.token)
        with pytest.raises(Lost):
            far.post(job, tasks)
        assert wire.count("POST") == 1, "a POST was repeated"
    assert set(field.count_boxes(job).values()) == {1}
    assert field.wait_for_end(job).progress.completed == IMAGES
    assert _statuses(worker.post(job, tasks)) == ["accepted"] * IMAGES
    assert set(field.count_boxes(job).values()) == {1}


def test_a_drain_over_a_bad_wire_leaves_the_lost_to_the_next_lease(field: Field) -> None:
    """The worker repeats GET requests, but no POST; the results of a refused post are lost."""
    worker = field.make_worker()
    job = field.run_job(worker)
    with open_wire(field.server.port) as wire:
        wire.faults += [("GET /api/v2/jobs", make_away(1)), ("GET /api/v2/jobs", make_away(0))]
        wire.faults += [("/result/", make_away(0))]
        far = FieldWorker(wire.url, worker.token, batch_size=1, loaders=1)
        began = time.monotonic()
        assert far.find_job() == job
        assert time.monotonic() - began >= 1, "Retry-After was not heard"
        assert wire.count("GET /api/v2/jobs") == 3
        assert far.drain(job) == IMAGES - 1
        assert far.given_up == 1
        assert wire.count("/result/") == IMAGES, "a POST was repeated"
    progress = field.api.get_job(job).progress
    assert (progress.completed, progress.processing) == (IMAGES - 1, 1)


def test_a_worker_gives_up_what_waits_behind_a_slow_answer(field: Field) -> None:
    """Such workers do not repeat slow requests: the results are complete and never sent."""
    worker = field.make_worker(batch_size=1, loaders=1, post_patience_s=0.0)
    job = field.run_job(worker)
    posted = worker.drain(job)
    assert 0 < posted < IMAGES
    assert worker.given_up == IMAGES - posted
    assert field.api.get_job(job).progress.processing == worker.given_up


def test_a_result_about_another_image_is_refused_alone(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    elements = [worker.answer(task) for task in tasks]
    elements[0]["result"], elements[1]["result"] = find_on(tasks[1]), find_on(tasks[0])
    elements[2]["result"]["detections"][0]["source_image_id"] = tasks[3]["image_id"]
    told = _statuses(worker.send(job, elements))
    assert [status.split(":")[0] for status in told] == [
        "rejected",
        "rejected",
        "rejected",
        "accepted",
    ]
    assert all("image" in status for status in told[:3])
    assert sorted(field.count_boxes(job).values()) == [0, 0, 0, 1]
    assert _statuses(worker.post(job, tasks)) == ["accepted"] * IMAGES
    assert set(field.count_boxes(job).values()) == {1}


def test_results_posted_twice_are_stored_once(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    first = worker.post(job, tasks)
    rows = field.read(
        "select n.id, n.created_at from annotations n where n.project_id = %s order by 1",
        field.project,
    )
    again = worker.post(job, tasks)
    assert first["tasks"] == again["tasks"]
    assert _statuses(again) == ["accepted"] * IMAGES
    same_body = worker.send(job, [worker.answer(task) for task in tasks + tasks])
    assert _statuses(same_body) == ["accepted"] * 2 * IMAGES
    after = field.read(
        "select n.id, n.created_at from annotations n where n.project_id = %s order by 1",
        field.project,
    )
    assert rows == after
    assert len(rows) == 2 * IMAGES


def test_results_twice_in_one_body_are_stored_once(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    assert _statuses(worker.post(job, tasks + tasks)) == ["accepted"] * 2 * IMAGES
    assert set(field.count_boxes(job).values()) == {1}
    assert field.wait_for_end(job).progress.completed == IMAGES


def test_results_may_come_in_any_order_and_as_a_bare_list(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    elements = [worker.answer(task) for task in reversed(tasks)]
    answer = worker.send(job, json.dumps(elements).encode())
    assert answer["status"] == "accepted"
    assert answer["job_id"] == job
    assert answer["results_queued"] == IMAGES
    assert [task["reply_subject"] for task in answer["tasks"]] == [
        element["reply_subject"] for element in elements
    ]
    assert [task["task_id"] for task in answer["tasks"]] == [task["id"] for task in reversed(tasks)]
    assert field.wait_for_end(job).progress.completed == IMAGES


def test_unknown_keys_are_ignored(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    elements = [worker.answer(task) for task in tasks]
    for element in elements:
        element["worker_version"] = {"nested": [1, 2]}
        element["result"]["endpoint_url"] = None
        element["result"]["source_images"][0]["width"] = 160
        [box] = element["result"]["detections"]
        box["rotation"] = 0
        box["bbox"]["confidence"] = 0.5
        box["algorithm"]["version"] = 3
        box["classifications"][0]["features"] = [0.5] * 4
        element["result"]["config"] = {"example_config_param": 3}
    body = json.dumps(
        {"results": elements, "client_info": {"hostname": "gpu"}, "batch": 7}
    ).encode()
    assert _statuses(worker.send(job, body)) == ["accepted"] * IMAGES


@pytest.mark.parametrize(
    "broken",
    [
        None,
        17,
        "text",
        {},
        {"reply_subject": 5, "result": {}},
        {"reply_subject": "no.such.token", "result": {"error": "x", "image_id": None}},
        {"reply_subject": "TOKEN"},
        {"reply_subject": "TOKEN", "result": None},
        {"reply_subject": "TOKEN", "result": {"detections": "none"}},
        {
            "reply_subject": "TOKEN",
            "result": {"source_images": [], "detections": [{"bbox": [1, 2, 3, 4]}]},
        },
        {"reply_subject": "TOKEN", "result": {"error": "nul \x00"}},
    ],
    ids=str,
)
def test_one_broken_element_harms_no_other(field: Field, broken: Any) -> None:
    worker, job, tasks = _lease_all(field)
    elements = [worker.answer(task) for task in tasks]
    sent = json.loads(json.dumps(broken).replace("TOKEN", tasks[1]["reply_subject"]))
    elements[1] = sent
    answer = worker.send(job, elements)
    told = _statuses(answer)
    assert told[1].startswith("rejected: ")
    assert [told[0], *told[2:]] == ["accepted"] * (IMAGES - 1)
    assert all(isinstance(value, str) for task in answer["tasks"] for value in task.values())
    assert sorted(field.count_boxes(job).values()) == [0, 1, 1, 1]
    assert worker.post(job, tasks[1:2])["results_queued"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1, 2", b'{"results": 3}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_none_is_refused_and_the_worker_goes_on(field: Field, body: bytes) -> None:
    worker, job, tasks = _lease_all(field)
    with pytest.raises(Refused) as refused:
        worker.send(job, body)
    assert refused.value.status in (400, 422)
    assert "Nothing was stored" in json.loads(refused.value.body)["detail"]
    assert _statuses(worker.post(job, tasks)) == ["accepted"] * IMAGES


@pytest.mark.parametrize(
    "words", ["failed to load image", "Batch processing error: CUDA out of memory"]
)
def test_passing_errors_are_tried_again(field: Field, words: str) -> None:
    worker, job, tasks = _lease_all(field)
    failures = [
        {"reply_subject": task["reply_subject"], "result": make_failure(task, words)}
        for task in tasks
    ]
    assert _statuses(worker.send(job, failures)) == ["accepted"] * IMAGES
    shown = field.api.get_job(job)
    assert (shown.status, shown.progress.queued, shown.progress.failed) == (
        JobState.PROCESSING,
        IMAGES,
        0,
    )
    assert worker.find_job() is None, "it is handed out again without a pause"
    wait_for("another try", lambda: worker.find_job() == job)
    other = field.make_worker()
    wait_for(
        "the end",
        lambda: (other.drain(job), field.api.get_job(job).progress.completed == IMAGES)[1],
    )
    assert field.count_attempts(job, "error") == IMAGES


def test_a_permanent_error_ends_its_task_at_once(field: Field) -> None:
    worker, job, tasks = _lease_all(field)
    bad = {
        "reply_subject": tasks[0]["reply_subject"],
        "result": {"error": "image is not an image", "image_id": None},
    }
    worker.send(job, [bad, *(worker.answer(task) for task in tasks[1:])])
    ended = field.wait_for_end(job)
    assert (ended.progress.completed, ended.progress.failed) == (IMAGES - 1, 1)
    assert [group.reason for group in ended.failures] == ["image is not an image"]


def test_classifications_belong_to_the_box_that_they_were_posted_with(field: Field) -> None:
    """Also if earlier jobs left boxes at the same place, in any order of boxes and classes."""
    dice = random.Random(7)
    worker, first, tasks = _lease_all(field)
    worker.post(first, tasks)
    second = field.run_job(worker)
    wanted: dict[str, list[tuple[float, list[str]]]] = {}

    def find(task: dict[str, Any]) -> dict[str, Any]:
        # Some boxes lie where the first job's lies, two are equal to the last digit, some have no
        # class at all.
        places = [float(place) for place in (1, 1, 1, 5, 9, 30, 60)]
        dice.shuffle(places)
        boxes = [(place, dice.choices(["moth", "bat"], k=dice.randrange(4))) for place in places]
        wanted[task["image_id"]] = boxes
        return make_success(
            task,
            *(
                find_box(
                    task["image_id"],
                    (place, 2.0, place + 10, 22.0),
                    *(find_class(name) for name in names),
                )
                for place, names in boxes
            ),
        )

    worker.work = find
    again = worker.lease(second)
    worker.post(second, list(reversed(again)))
    for task in again:
        analyses = field.api.get_image(task["image_id"]).analyses
        assert [analysis.job_id for analysis in analyses] == [second, first]
        rows = sorted(analyses[0].annotations, key=lambda row: row.ordering or 0)
        boxes = [row for row in rows if row.annotation_type is AnnotationType.BOUNDING_BOX]
        found = [
            (box.data["x_min"], [str(row.class_name) for row in rows if row.parent_id == box.id])
            for box in boxes
        ]
        assert found == wanted[task["image_id"]]
        names = [box.class_name for box in boxes]
        assert names == [
            classes[-1] if classes else None for _, classes in wanted[task["image_id"]]
        ]
        assert len(analyses[1].annotations) == 2
