"""Many idle workers that ask and ask: they are all answered, quickly, and none with an error."""

import threading
import time
from collections import Counter

import pytest
from tests.faults.conftest import MakeScene
from tests.support.concurrent_callers import Speaker, race
from tests.support.fault_run import Figures, make_chance, percentile, sized
from tests.support.light_worker import SLUG

pytestmark = pytest.mark.alone

WORKERS = 64
POLLS_A_SECOND = 10
SECONDS = sized(60)
P99_AT_MOST_S = 0.5


def test_a_storm_of_polls_is_answered(make_scene: MakeScene, figures: Figures) -> None:
    # There is a job, and nothing of it to lease: its leases last.
    scene = make_scene(
        apis=2, settings={"TRAPLINE_LEASE_S": "300", "TRAPLINE_LEASE_MAX_S": "3600"}
    ).start(images=8)
    job = scene.make_expanded_job()
    holder = Speaker(scene.ports[0], scene.worker_token, "127.0.2.1")
    assert len(holder.lease(job, 8)) == 8
    holder.close()
    chance = make_chance("polls")
    starts = [chance.random() / POLLS_A_SECOND for _ in range(WORKERS)]
    answers: Counter[int] = Counter()
    times: list[float] = []
    lock = threading.Lock()
    everybody = threading.Barrier(WORKERS, timeout=60)

    def poll(number: int) -> None:
        ports = scene.ports
        speaker = Speaker(ports[number % len(ports)], scene.worker_token, f"127.0.4.{number + 1}")
        if number % 2:
            speaker.greet(f"polling {number}")
        asked = {"pipelines": [SLUG], "limit": 8, "wait_s": 0}
        query = (
            f"/jobs?pipeline__slug__in={SLUG}&ids_only=1&incomplete_only=1&dispatch_mode=async_api"
        )
        own_times, own_answers, leased = [], Counter[int](), 0
        # The measured polls start when all workers have connected and said hello.
        everybody.wait()
        due = time.monotonic() + starts[number]
        for _ in range(SECONDS * POLLS_A_SECOND):
            time.sleep(max(0.0, due - time.monotonic()))
            # From when it was due: a server that makes its callers wait cannot hide that by being
            # asked less.
            status, said = speaker.call(
                *(("POST", "/tasks/lease", asked) if number % 2 else ("GET", query))
            )
            own_times.append(time.monotonic() - due)
            own_answers[status] += 1
            leased += len(said["tasks" if number % 2 else "results"]) if status == 200 else 0
            due = max(due + 1 / POLLS_A_SECOND, time.monotonic() - 1.0)
        speaker.close()
        with lock:
            times.extend(own_times)
            answers.update(own_answers)
        assert leased == 0, "there was something to lease"

    race([lambda number=number: poll(number) for number in range(WORKERS)])  # type: ignore[misc]
    p99 = percentile(times, 0.99)
    asked = f"p99 < {1000 * P99_AT_MOST_S:.0f} ms, 0 errors"
    what = f"{WORKERS} workers, {POLLS_A_SECOND} polls/s each, {SECONDS} s"
    figures.add(
        "P14",
        what,
        asked,
        f"p50 {1000 * percentile(times, 0.5):.0f} ms, p99 {1000 * p99:.0f} ms, {dict(answers)}",
    )
    assert answers == {200: WORKERS * SECONDS * POLLS_A_SECOND}
    assert p99 < P99_AT_MOST_S
