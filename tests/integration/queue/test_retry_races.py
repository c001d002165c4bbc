"""Retry at the same time as other changes of tasks: no call fails, and counters equal the rows."""

import asyncio
import random
from typing import Any

from tests.support.api_project import SYSTEM, Field, failure, make_field, success

from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import jobs

ROUNDS = 25
CHANCE = random.Random(20261121)
PERMANENT = "image is not an image: {} bytes"


async def test_retry_races_with_results_leases_and_cancel(system: AppContext) -> None:
    field = await make_field(system, images=24)
    job = await field.run_job()
    answers: list[int] = []
    for number in range(ROUNDS):
        tasks = await field.lease(job, 24)
        CHANCE.shuffle(tasks)
        calls: list[Any] = [
            _post(field, job, tasks[first : first + 4]) for first in range(0, len(tasks), 4)
        ]
        calls += [
            _call(field, job, "retry", body) for body in (None, {"reason": PERMANENT.format(1)})
        ]
        calls += [
            _call(
                field,
                job,
                "retry",
                {"images": [task["image_id"] for task in tasks[:6]] or [str(job)]},
            )
        ]
        if number % 5 == 4:
            calls.append(_call(field, job, "cancel", None))
            calls.append(jobs.sweep_job(field.system, SYSTEM, job))
        CHANCE.shuffle(calls)
        answers += [answer for answer in await asyncio.gather(*calls) if answer is not None]
        status, *counted = await field.counters(job)
        if status != "canceled":
            assert tuple(counted) == await field.count_rows(job)
        answers.append(await _call(field, job, "retry", None))
    assert set(answers) <= {200, 202, 409, 422}, sorted(answers)
    assert answers.count(202) > ROUNDS


async def _post(field: Field, job: int, tasks: list[dict[str, Any]]) -> int:
    results = [
        success(task) if CHANCE.random() < 0.1 else failure(task, PERMANENT.format(1))
        for task in tasks
    ]
    return (
        await field.call("POST", f"/jobs/{job}/result/", {"results": results}, field.worker)
    ).status_code


async def _call(field: Field, job: int, verb: str, body: Any) -> int:
    return (await field.call("POST", f"/jobs/{job}/{verb}", body)).status_code
