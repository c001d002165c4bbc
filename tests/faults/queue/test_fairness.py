"""No starvation: a small project next to a huge one, and workers next to silent ones."""

import threading
from dataclasses import dataclass, field

from tests.faults.conftest import MakeScene
from tests.support.adc_client import PIPELINE, find_on
from tests.support.concurrent_callers import Speaker
from tests.support.fault_run import Figures, sized
from tests.support.fault_scene import Scene
from tests.support.light_worker import SLUG
from tests.support.running_server import wait_for

HUGE = sized(50_000)
SMALL = 100
BATCH = 8
WORKERS = 4
MUTE = 4


@dataclass
class _Fleet:
    """Workers that lease and post immediately.

    `served` lists the job of each leased task, in order.
    """

    scene: Scene
    additions: bool
    served: list[int] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(number,)) for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int) -> None:
        ports = self.scene.ports
        speaker = Speaker(
            ports[number % len(ports)], self.scene.worker_token, f"127.0.2.{number + 1}"
        )
        try:
            if self.additions:
                speaker.greet(f"fleet {number}")
            while not self.ending.is_set():
                for job, tasks in (self._lease_any if self.additions else self._lease_listed)(
                    speaker
                ).items():
                    with self._lock:
                        self.served += [job] * len(tasks)
                    told = [
                        {"reply_subject": task["reply_subject"], "result": find_on(task)}
                        for task in tasks
                    ]
                    assert set(speaker.post(job, told)) <= {"accepted", "duplicate"}
        except BaseException as error:
            self.failures.append(error)
        finally:
            speaker.close()

    def _lease_listed(self, speaker: Speaker) -> dict[int, list[dict[str, str]]]:
        return {job: speaker.lease(job, BATCH) for job in speaker.claim()}

    def _lease_any(self, speaker: Speaker) -> dict[int, list[dict[str, str]]]:
        wanted = {"pipelines": [SLUG], "limit": BATCH, "wait_s": 1}
        found: dict[int, list[dict[str, str]]] = {}
        for task in speaker.ask("POST", "/tasks/lease", wanted)["tasks"]:
            found.setdefault(task["job_id"], []).append(task)
        return found

    def end(self) -> None:
        """End the workers; fails with the first thing that went wrong."""
        self.ending.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


def _add_project(scene: Scene, images: int) -> int:
    """Create another project of the same owner and pipeline with `images` copied images."""
    caller = Speaker(scene.ports[0], scene.owner)
    project = int(caller.ask("POST", "/projects", {"name": f"other of {images}"})["id"])
    [(pipelines,)] = scene.ask("select count(*) from pipelines where project_id = %s", project)
    assert pipelines == 0
    listed = caller.ask("GET", f"/deployments?project={project}")["results"]
    deployment = listed[0]["id"] if listed else None
    if deployment is None:
        deployment = caller.ask("POST", "/deployments", {"project": project, "name": "camera"})[
            "id"
        ]
    caller.close()
    worker = Speaker(scene.ports[0], scene.worker_token)
    body = {"processing_service_name": "Field worker (host)", "pipelines": [PIPELINE]}
    worker.ask("POST", f"/projects/{project}/pipelines/", body)
    worker.close()
    _copy_images(scene, project, deployment, images)
    return project


def _copy_images(scene: Scene, project: int, deployment: str, images: int) -> None:
    """Rows without bytes behind them, as many as wanted, made of one that is there."""
    columns = [
        name
        for (name,) in scene.ask(
            "select column_name from information_schema.columns where table_name = 'images' and "
            "is_generated = 'NEVER'"
        )
    ]
    other = {
        "id": "gen_random_uuid()",
        "project_id": str(project),
        "deployment_id": f"'{deployment}'",
        "sha256": f"sha256(('{project} ' || n)::bytea)",
        "filename": "n || '.jpg'",
    }
    values = ", ".join(other.get(name, name) for name in columns)
    scene.ask(
        f"insert into images ({', '.join(columns)}) select {values} from (select * from images "
        "limit 1) one, "
        f"generate_series(1, {images}) n"
    )


def _run_job(scene: Scene, project: int) -> int:
    caller = Speaker(scene.ports[0], scene.owner)
    job = int(caller.ask("POST", "/jobs", {"project": project, "pipeline": SLUG})["id"])
    caller.close()
    return job


def _is_expanded(scene: Scene, job: int) -> bool:
    return scene.ask("select expanded from jobs where id = %s", job) == [(True,)]


def _measure(scene: Scene, *, additions: bool) -> int:
    """Return the number of tasks leased from any job until the small job had no task left."""
    huge = _run_job(scene, _add_project(scene, HUGE))
    project = _add_project(scene, SMALL)
    wait_for("the huge job's tasks", lambda: _is_expanded(scene, huge), 120)
    fleet = _Fleet(scene, additions)
    try:
        wait_for("work on the huge job", lambda: len(fleet.served) > SMALL or bool(fleet.failures))
        small = _run_job(scene, project)
        wait_for("the small job's tasks", lambda: _is_expanded(scene, small))
        before = len(fleet.served)
        wait_for(
            "the small job", lambda: fleet.served.count(small) >= SMALL or bool(fleet.failures), 120
        )
    finally:
        fleet.end()
    left = scene.ask("select open from jobs where id = %s", huge)[0][0]
    assert left > 0, "the huge job was over before: the test proves nothing"
    served = fleet.served
    last = max(place for place, job in enumerate(served) if job == small)
    scene.call("POST", f"/jobs/{huge}/cancel")
    return last + 1 - before


def test_a_small_project_gets_its_turn_beside_a_huge_one(
    make_scene: MakeScene, figures: Figures
) -> None:
    scene = make_scene(apis=2).start(images=1)
    # Half of the leases belong to it. Leases in progress when it arrived are not charged to it.
    fair, on_its_way = 2 * SMALL, 2 * WORKERS * BATCH
    for additions in (False, True):
        needed = _measure(scene, additions=additions)
        how = "lease over all jobs" if additions else "listed jobs"
        figures.add("P13", f"{SMALL} beside {HUGE}, {how}", f"{2 * fair} leases at most", needed)
        assert needed <= 2 * fair + on_its_way


def test_workers_that_never_answer_block_nobody(make_scene: MakeScene, figures: Figures) -> None:
    """Some workers stop after a batch; one continues, and leases the tasks queued again."""
    scene = make_scene(apis=2, settings={"TRAPLINE_TASK_LOSSES": "100"}).start(images=SMALL)
    for number in range(1, MUTE + 1):
        scene.add_worker(number, hold=True, additions=number % 2 == 0)
    ending, taken = threading.Event(), [0]

    def take_and_take() -> None:
        greedy = Speaker(scene.ports[0], scene.worker_token, "127.0.3.1")
        while not ending.wait(0.1):
            for job in greedy.claim():
                taken[0] += len(greedy.lease(job, BATCH))
        greedy.close()

    thread = threading.Thread(target=take_and_take)
    thread.start()
    try:
        job = scene.make_expanded_job()
        wait_for(
            "leases of those that never answer",
            lambda: taken[0] > 0 and scene.count_held() >= 2 * BATCH,
        )
        _expect_done(scene, job, additions=True)
        _expect_done(scene, scene.make_expanded_job(), additions=False)
    finally:
        ending.set()
        thread.join()
    assert taken[0] > BATCH
    lost = scene.ask("select count(*) from attempts where outcome = 'lost'")[0][0]
    assert lost > 0, "nothing was taken from them: the test proves nothing"
    figures.add(
        "P13",
        "beside workers that never answer",
        f"{2 * SMALL} done",
        f"{2 * SMALL} done, {lost} leases lost",
    )


def _expect_done(scene: Scene, job: int, *, additions: bool) -> None:
    fleet = _Fleet(scene, additions)

    def done() -> bool:
        return scene.ask("select status from jobs where id = %s", job) == [("completed",)]

    try:
        wait_for(f"the end of job {job}", lambda: done() or bool(fleet.failures), 60)
    finally:
        fleet.end()
    assert scene.ask("select completed, failed from jobs where id = %s", job) == [(SMALL, 0)]
