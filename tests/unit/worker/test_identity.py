"""A worker and a server that gives it an id: leases over all jobs, renewals, eviction, goodbye."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import structlog
from tests.support.worker_test_server import TOKEN, Answer, Asked, FakeServer, make_jpeg, refuse
from tests.unit.worker.test_loop import Sleeper, run
from tests.unit.worker.test_process import finish, installed, start

from trapline.client import Trapline
from trapline.wire.tasks import Task
from trapline.wire.workers import HelloRequest
from trapline.worker.held_leases import HeldLease, HeldLeases
from trapline.worker.loop import WorkerLimits
from trapline.worker.pipeline import InputImage, ModelDetection
from trapline.worker.worker_identity import WorkerIdentity, WorkerRejected
from trapline.worker.worker_names import WorkerNameLock

__all__ = ["installed"]


@pytest.fixture(autouse=True)
def _with_additions(server: FakeServer) -> None:
    server.additions = True


class Configured(Sleeper):
    """Remembers the parameters of the jobs."""

    slug = "sleeper"

    def __init__(self) -> None:
        super().__init__()
        self.configs: list[object] = []

    def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
        self.configs += [dict(image.config) for image in images]
        return super().run(images)


def wait_until(happened: Callable[[], bool], within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def ids_of(asked: Sequence[Asked]) -> set[str | None]:
    return {one.headers.get("X-Trapline-Worker") for one in asked}


def test_it_leases_over_all_jobs_and_passes_their_parameters(
    server: FakeServer, tmp_path: Path
) -> None:
    server.add_job(7, "sleeper", {"a": make_jpeg()})
    server.add_job(9, "sleeper", {"b": make_jpeg()})
    pipeline = Configured()
    run(server, tmp_path, pipeline)
    assert set(server.results) == {"a", "b"}
    assert sorted(pipeline.configs, key=str) == [{"job": 7}, {"job": 9}]
    assert len(server.workers) == 1
    [hello] = server.paths("/api/v2/workers/hello")
    assert {name: hello.body[name] for name in ("service", "name", "pid", "pipelines")} == {
        "service": "Tests", "name": "worker-1", "pid": 1, "pipelines": ["sleeper"],
    }  # fmt: skip
    assert not server.paths("/api/v2/jobs?")
    assert ids_of(server.paths("/api/v2/tasks/") + server.paths("/api/v2/jobs/7/")) == {
        server.workers[0]
    }
    assert ids_of([asked for asked in server.asked if asked.path in ("/a", "/b")]) == {None}
    assert [goodbye["leases"] for goodbye in server.goodbyes] == [[]]


def test_a_server_of_the_previous_version_ends_the_worker_id(
    server: FakeServer, tmp_path: Path
) -> None:
    """It reads only `goodbye`, and ignores the name `final`."""
    server.name_of_final = "goodbye"
    server.add_job(7, "sleeper", {"a": make_jpeg()})
    run(server, tmp_path, Sleeper())
    assert set(server.results) == {"a"}
    assert list(server.ended) == server.workers


def test_it_waits_at_the_server_and_not_between_calls(server: FakeServer, tmp_path: Path) -> None:
    stop = threading.Event()
    limits = WorkerLimits(
        batch_size=4, poll_s=30, idle_s=8
    )  # a wait between two calls would be seen
    thread = threading.Thread(
        target=run, args=(server, tmp_path, Sleeper()), kwargs={"stop": stop, "limits": limits}
    )
    thread.start()
    wait_until(
        lambda: (
            [asked.body["wait_s"] for asked in server.paths("/api/v2/tasks/lease")][:2] == [0, 2]
        )
    )
    server.add_job(7, "sleeper", {"a": make_jpeg()})
    server.wait_for_results(1)
    server.add_job(8, "sleeper", {"b": make_jpeg()})
    server.wait_for_results(2)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_lost_and_canceled_tasks_are_dropped(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(8)})
    server.states = {f"r-i{number}": "canceled" if number % 2 else "lost" for number in range(5, 8)}
    progress = run(
        server,
        tmp_path,
        Sleeper(0.6),
        limits=WorkerLimits(batch_size=4, loaders=1, poll_s=0.02, idle_s=0.3),
    )
    assert not {"i5", "i6", "i7"} & set(server.results)
    assert progress.read()["leased"] == progress.read()["posted"] == len(server.results) == 5
    named = [asked.body["leases"] for asked in server.paths("/api/v2/tasks/renew")]
    assert any("r-i7" in leases for leases in named)
    assert "r-i7" not in named[-1]


def test_a_task_that_begins_during_the_measurement_is_reported(server: FakeServer) -> None:
    """The server would otherwise give it to an idle worker, which would do the same work again."""
    task = Task(id="t", image_id="i", image_url="http://x/i", reply_subject="r-i")
    lease, holding = HeldLease(7, "sleeper", task), HeldLeases()
    holding.add([lease])

    def measure() -> None:
        holding.begin(lease)

    hello = HelloRequest(service="Tests", name="worker-1", host="here", pid=1, pipelines=[])
    with Trapline(server.url, TOKEN) as api:
        identity = WorkerIdentity(
            api=api, hello=hello, holding=holding, log=structlog.get_logger(), measure=measure
        )
        identity.ensure()
        identity.renew()
    [renewal] = server.paths("/api/v2/tasks/renew")
    assert (renewal.body["leases"], renewal.body["begun"]) == (["r-i"], ["r-i"])


def test_leases_with_unsent_results_are_renewed(server: FakeServer, tmp_path: Path) -> None:
    away = threading.Event()
    away.set()
    server.meddle = lambda asked: refuse(503) if "/result" in asked.path and away.is_set() else None
    server.add_job(7, "sleeper", {"a": make_jpeg()})
    stop = threading.Event()
    options = {"stop": stop, "limits": WorkerLimits(batch_size=4, poll_s=0.02, idle_s=8)}
    thread = threading.Thread(target=run, args=(server, tmp_path, Sleeper()), kwargs=options)
    thread.start()
    wait_until(lambda: bool(list(tmp_path.rglob("*.json"))))
    seen = len(server.paths("/api/v2/tasks/renew"))
    wait_until(lambda: len(server.paths("/api/v2/tasks/renew")) >= seen + 3)
    assert server.paths("/api/v2/tasks/renew")[-1].body["leases"] == ["r-a"]
    stop.set()
    thread.join(10)
    assert [(goodbye["leases"], goodbye["unsent"]) for goodbye in server.goodbyes] == [
        ([], ["r-a"])
    ]
    assert server.queued[7] == [], "its result is still to come"
    # The next process sends it before it says hello: after that it would be void.
    away.clear()
    before = len(server.asked)
    run(server, tmp_path, Sleeper())
    paths = [asked.path for asked in server.asked[before:]]
    assert paths.index("/api/v2/jobs/7/result/") < paths.index("/api/v2/workers/hello")
    assert set(server.results) == {"a"}


def test_an_unknown_id_is_followed_by_another_hello_and_loses_nothing(
    server: FakeServer, tmp_path: Path
) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(40)})

    def meddle(asked: Asked) -> Answer | None:
        # The server is set back to before the first hello, twice: before a lease, and before
        # results are posted.
        worker = asked.headers.get("X-Trapline-Worker")
        for number, where in enumerate(("/lease", "/result/")):
            if (
                asked.path.endswith(where)
                and len(server.workers) == number + 1
                and worker == server.workers[number]
            ):
                return refuse(409, "no worker of yours has this id; say hello again")
        return None

    server.meddle = meddle
    run(server, tmp_path, Sleeper(0.01), limits=WorkerLimits(batch_size=4, poll_s=0.02, idle_s=0.4))
    assert len(server.results) == 40
    assert len(server.workers) == 3
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("where", ["/lease", "/renew"])
def test_an_evicted_worker_stops_and_says_why(
    server: FakeServer, tmp_path: Path, where: str
) -> None:
    server.add_job(7, "sleeper", {"a": make_jpeg()})

    def meddle(asked: Asked) -> Answer | None:
        if asked.path.endswith(where):
            server.ended[server.workers[0]] = "Ann evicted this worker"
        return None

    server.meddle = meddle
    with pytest.raises(
        WorkerRejected, match="the server ended this worker: Ann evicted this worker"
    ):
        run(server, tmp_path, Sleeper(), limits=WorkerLimits(poll_s=0.02, idle_s=30))


def test_an_evicted_worker_finishes_what_it_has_begun_and_nothing_else(
    server: FakeServer, tmp_path: Path
) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(12)})

    def list_renewed() -> list[Asked]:
        return server.paths("/api/v2/tasks/renew")

    class EvictedAtWork(Sleeper):
        def run(self, images: Sequence[InputImage]) -> list[list[ModelDetection]]:
            begun = [f"r-{image.image_id}" for image in images]
            wait_until(lambda: any(asked.body["begun"] == begun for asked in list_renewed()))
            server.ended[server.workers[0]] = "Ann evicted this worker"
            wait_until(lambda: "renewer" not in {thread.name for thread in threading.enumerate()})
            return super().run(images)

    pipeline = EvictedAtWork()
    with pytest.raises(WorkerRejected, match="Ann evicted this worker"):
        run(server, tmp_path, pipeline, limits=WorkerLimits(poll_s=0.02, idle_s=30))
    [begun] = pipeline.batches
    assert set(server.results) == set(begun)


def test_additions_that_go_away_are_done_without(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(12)})

    def meddle(asked: Asked) -> Answer | None:
        server.additions = len(server.queued[7]) > 6
        return None

    server.meddle = meddle
    run(server, tmp_path, Sleeper(0.01), limits=WorkerLimits(batch_size=2, poll_s=0.02, idle_s=0.5))
    assert len(server.results) == 12
    assert server.paths("/api/v2/jobs/7/tasks/")


def test_a_task_to_run_alone_has_a_separate_batch(server: FakeServer, tmp_path: Path) -> None:
    server.add_job(7, "sleeper", {f"i{number}": make_jpeg() for number in range(9)})
    server.alone = {"i4"}
    pipeline = Sleeper(0.02)
    run(server, tmp_path, pipeline, limits=WorkerLimits(batch_size=3, poll_s=0.02, idle_s=0.5))
    assert len(server.results) == 9
    assert ["i4"] in pipeline.batches
    asked = [one.path for one in server.asked]
    fetched = asked.index("/i4")
    posted = [
        row["reply_subject"]
        for one in server.asked[:fetched]
        if "/result" in one.path
        for row in one.body["results"]
    ]
    assert sorted(posted) == [f"r-i{number}" for number in range(4)], (
        "others were in hand when it was begun"
    )
    after = [place for place, path in enumerate(asked) if path == "/i5"]
    assert after[0] > next(
        place for place, one in enumerate(server.asked)
        if "/result" in one.path and one.body["results"][0]["reply_subject"] == "r-i4"
    )  # fmt: skip


def test_a_signal_gives_back_what_is_not_begun_at_once(server: FakeServer, installed: Path) -> None:
    server.add_job(3, "slow", {f"i{number}": make_jpeg() for number in range(30)})
    process = start(server, installed, "-p", "slow", SLOW_S="0.8", TRAPLINE_BATCH_SIZE="4")
    server.wait_for_results(1)
    # Beyond the batch that is begun: on a busy machine the next one is leased late.
    wait_until(lambda: len(server.held) > 4)
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: bool(server.released))
    assert server.held, "it was given back only when all else was done"
    code, _, err = finish(process)
    assert code == 0, err
    assert not server.held
    assert len(server.results) + len(server.queued[3]) == 30
    assert not set(server.released) & set(server.results)
    assert len(server.goodbyes) == 1


def test_a_model_that_does_not_end_in_time_gives_its_tasks_back(
    server: FakeServer, installed: Path
) -> None:
    server.add_job(3, "slow", {"a": make_jpeg()})
    process = start(server, installed, "-p", "slow", SLOW_S="60", TRAPLINE_STOP_TIMEOUT="1.5")
    wait_until(lambda: "/a" in [asked.path for asked in server.asked])
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 0, err
    assert "stopped before all work was done" in err
    assert server.queued[3] == ["a"], err


def test_eviction_is_an_exit_code_and_a_sentence(server: FakeServer, installed: Path) -> None:
    process = start(server, installed, "-p", "slow")
    wait_until(lambda: bool(server.paths("/api/v2/tasks/lease")))
    server.ended[server.workers[0]] = "A newer process (process 7) took this worker's name"
    code, _, err = finish(process, 40)
    assert code == 4
    assert err.splitlines()[-1] == (
        "trapline: the server ended this worker: A newer process (process 7) took this worker's "
        "name"
    )


def test_names_are_held_by_live_processes_only(tmp_path: Path) -> None:
    hold = (
        "import sys, pathlib; from trapline.worker.worker_names import WorkerNameLock;"
        "print(WorkerNameLock(pathlib.Path(sys.argv[1]), 's', 'service').name, flush=True); "
        "sys.stdin.read()"
    )

    def hold_name() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", hold, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    held = [hold_name() for _ in range(3)]
    assert [name for _, name in held] == ["worker-1", "worker-2", "worker-3"]
    held[1][0].kill()
    held[1][0].communicate()
    again = WorkerNameLock(tmp_path, "s", "service")
    assert again.name == "worker-2"
    assert WorkerNameLock(tmp_path, "s", "other service").name == "worker-1"
    again.release()
    assert WorkerNameLock(tmp_path, "s", "service").name == "worker-2"
    for process, _ in (held[0], held[2]):
        process.communicate("")
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert WorkerNameLock(blocked, "s", "service").name.startswith("process-")


def test_holding_knows_what_is_begun_dropped_and_settled() -> None:
    one, two, three = (
        HeldLease(1, "p", Task(id=name, image_id=name, image_url="", reply_subject=name))
        for name in ("a", "b", "c")
    )
    holding = HeldLeases()
    holding.add([one, two, three])
    assert holding.begin(one)
    assert holding.discard(["a", "b", "unknown"]) == 1, "what is begun is answered all the same"
    assert holding.discard(["b"]) == 0
    assert not holding.begin(two)
    assert not holding.is_active(two)
    assert holding.list() == ["a", "c"]
    assert holding.remove_idle() == ["b", "c"]
    assert not holding.begin(three)
    holding.complete(["a", "b"])
    assert holding.list() == []
