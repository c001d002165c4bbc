"""The same results from many clients at the same time: one set of rows, and one response."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.conftest import MakeScene
from tests.support.adc_client import find_box, find_class, make_success
from tests.support.concurrent_callers import Speaker, count_boxes, race
from tests.support.fault_run import Figures, sized
from tests.support.fault_scene import Scene
from tests.support.ledger_checker import look

POSTS = sized(1000)
THREADS = 32
TASKS = 8


def _find(task: dict[str, Any]) -> dict[str, Any]:
    boxes = [(1.0, 2.0, 11.0, 22.0)] * 2 + [(5.0, 5.0, 50.0, 60.0)]
    return make_success(
        task, *(find_box(task["image_id"], box, find_class("bat"), find_class()) for box in boxes)
    )


def test_the_same_results_are_stored_once_and_answered_alike(
    make_scene: MakeScene, figures: Figures
) -> None:
    scene = make_scene(apis=2).start(images=TASKS)
    job = scene.make_expanded_job()
    leasing = Speaker(scene.ports[0], scene.worker_token)
    tasks = leasing.lease(job, TASKS)
    leasing.close()
    assert len(tasks) == TASKS
    elements = [{"reply_subject": task["reply_subject"], "result": _find(task)} for task in tasks]
    body = json.dumps({"results": elements}).encode()
    busy = [_busy(scene, number) for number in (1, 2)]

    def post_again(port: int) -> list[str]:
        speaker = Speaker(port, scene.worker_token)
        try:
            return [
                json.dumps(speaker.ask("POST", f"/jobs/{job}/result/", body))
                for _ in range(-(-POSTS // THREADS))
            ]
        finally:
            speaker.close()

    told = race([partial(post_again, scene.ports[number % 2]) for number in range(THREADS)])
    answers = [answer for some in told for answer in some]
    assert all(_busy(scene, number) > busy[number - 1] for number in (1, 2)), (
        "one of the two API processes was idle"
    )
    assert len(answers) >= POSTS
    assert len(set(answers)) == 1, set(answers)
    assert [task["status"] for task in json.loads(answers[0])["tasks"]] == ["accepted"] * TASKS
    assert count_boxes(scene, job) == [3] * TASKS
    assert scene.ask("select state, attempt, won from analyses") == [("completed", 1, 1)] * TASKS
    moves = scene.ask("select to_state from job_moves where job_id = %s order by number", job)
    assert [state for (state,) in moves] == ["queued", "processing", "completed"]
    rows = scene.ask("select count(*) from annotations")[0][0]
    assert rows == 9 * TASKS
    assert not _violations(scene)
    figures.add(
        "P7",
        "the same body, answers, rows",
        f"{POSTS} times, 1, {9 * TASKS}",
        f"{len(answers)}, 1, {rows}",
    )


def _violations(scene: Scene) -> list[str]:
    """Return the violations of the checker, without those caused by light workers."""
    return [wrong for wrong in look(scene, marks=False).violations if "is doubled" not in wrong]


def _busy(scene: Scene, number: int) -> int:
    """How long an API process has been busy, in ticks of the kernel."""
    stat = Path(f"/proc/{scene.find_pid(f'api {number}')}/stat").read_text(encoding="utf-8")
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
