"""B14: the time of a job of equal images on simulated workers, compared with the ideal time.

    python benchmarks/job_spread.py [--images 63 5000] [--workers 1 4 8 64] [--ideal 20]

The workers follow the protocol of `trapline worker`, except that they know their speed beforehand:
a real worker asks for one task until it has measured it, and its batches double from one image.
They wait for tasks before the job is submitted, hold at most 30 s of work and three batches,
process batches of at most 24 images and 4 s, report the tasks that they have begun within a second,
and drop tasks that another worker took over. The time per image is chosen so that each job ideally
takes `--ideal` seconds. The time begins with the submit and ends with the last result.

The last row is of workers that arrive when the first of them holds all tasks.
"""

import argparse
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg
from _ground import SLUG, Caller, Ground, describe_machine, open_ground
from line import make_result

WORK_S = 30.0
BATCHES = 3
BATCH = 24
BATCH_S = 4.0
REPORT_S = 1.0
LATE_S = 12.0


@dataclass
class Job:
    """A job that is measured: the time per image, and whether it has ended."""

    image_s: float
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def batch(self) -> int:
        """The number of images that the model processes at once."""
        return max(1, min(int(BATCH_S / self.image_s), BATCH))

    @property
    def capacity(self) -> int:
        """The number of tasks that a worker holds."""
        return max(1, min(int(WORK_S / self.image_s), BATCHES * BATCH))


class SimulatedWorker:
    """A registered worker whose model sleeps."""

    def __init__(self, ground: Ground, name: str, job: Job) -> None:
        self._job = job
        caller = Caller(ground.port, ground.worker)
        hello = {
            "service": "Bench (here)", "name": name, "host": "here", "pid": 1, "version": "1",
            "devices": ["cpu"], "pipelines": [SLUG],
        }  # fmt: skip
        known = caller.ask("POST", "/workers/hello", hello)
        self._ground, self._renew_s = ground, known["renew_s"]
        self._header = {"X-Trapline-Worker": known["worker_id"]}
        self._changed = threading.Condition()
        self._held: dict[str, dict[str, Any]] = {}
        self._begun: set[str] = set()
        self._done: queue.SimpleQueue[list[dict[str, Any]]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=part, daemon=True)
            for part in (self._lease, self._renew, self._run, self._post)
        ]
        self.duplicates = 0
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until the worker has ended."""
        for thread in self._threads:
            thread.join()

    def _ask(self, caller: Caller, path: str, body: Any) -> Any:
        return caller.ask("POST", path, body, **self._header)

    def _lease(self) -> None:
        caller = Caller(self._ground.port, self._ground.worker)
        while not self._job.ended.is_set():
            with self._changed:
                room = self._job.capacity - len(self._held)
                if room <= 0:
                    self._changed.wait(0.1)
                    continue
            wanted = {"pipelines": [SLUG], "limit": room, "wait_s": 2}
            tasks = self._ask(caller, "/tasks/lease", wanted)["tasks"]
            with self._changed:
                self._held |= {task["reply_subject"]: task for task in tasks}
                self._changed.notify_all()
        self._ask(caller, "/tasks/release", {"leases": [], "final": True})

    def _renew(self) -> None:
        caller = Caller(self._ground.port, self._ground.worker)
        renewed, reported = time.monotonic(), set[str]()
        while not self._job.ended.wait(REPORT_S):
            with self._changed:
                named, begun = list(self._held), set(self._begun)
            if time.monotonic() < renewed + self._renew_s and begun <= reported:
                continue
            renewed, reported = time.monotonic(), begun
            body = {"leases": named, "begun": list(begun)}
            for lease in self._ask(caller, "/tasks/renew", body)["leases"]:
                if lease["status"] != "held":
                    with self._changed:
                        if lease["reply_subject"] not in self._begun:
                            self._held.pop(lease["reply_subject"], None)

    def _run(self) -> None:
        while not self._job.ended.is_set():
            with self._changed:
                waiting = [task for name, task in self._held.items() if name not in self._begun]
                batch = waiting[: self._job.batch]
                if not batch:
                    self._changed.wait(0.1)
                    continue
                self._begun |= {task["reply_subject"] for task in batch}
            time.sleep(self._job.image_s * len(batch))
            self._done.put(batch)
        self._done.put([])

    def _post(self) -> None:
        caller = Caller(self._ground.port, self._ground.worker)
        while batch := self._done.get():
            results = [
                {"reply_subject": task["reply_subject"], "result": make_result(task["image_id"])}
                for task in batch
            ]
            path = f"/jobs/{batch[0]['job_id']}/result/"
            answer = self._ask(caller, path, {"results": results})
            self.duplicates += sum(one["status"] != "accepted" for one in answer["tasks"])
            with self._changed:
                for task in batch:
                    self._held.pop(task["reply_subject"], None)
                    self._begun.discard(task["reply_subject"])
                self._changed.notify_all()


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--images", type=int, nargs="+", default=[63, 5000])
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 4, 8, 64])
    arguments.add_argument("--ideal", type=float, default=20.0, help="seconds (default 20)")
    arguments.add_argument("--processes", type=int, default=2, help="API processes (default 2)")
    arguments.add_argument("--no-late", action="store_true", help="omit the last row")
    options = arguments.parse_args()
    with open_ground(options.processes) as ground:
        ground.register()
        print("images  workers  s per image   ideal    took  1.2 x ideal + 2 s  taken over  twice")
        for images in options.images:
            for workers in options.workers:
                image_s = options.ideal * workers / images
                print(format_row(ground, images, workers, image_s), flush=True)
        if not options.no_late:
            print(f"All but one worker arrive {LATE_S:.0f} s after the submit:")
            print(format_row(ground, 63, 8, WORK_S / 63, LATE_S), flush=True)
    print(describe_machine())


def format_row(
    ground: Ground, images: int, workers: int, image_s: float, late_s: float = 0.0
) -> str:
    """Measure a job and format its row."""
    late = workers - 1 if late_s else 0
    ideal = (images * image_s + late * late_s) / workers
    seconds, taken, duplicates = measure_job(ground, images, workers, image_s, late_s)
    bound = 1.2 * ideal + 2
    verdict = "reached" if seconds <= bound else "MISSED"
    return (
        f"{images:6}  {workers:7}  {image_s:11.3f}  {ideal:6.1f}  {seconds:6.1f}  {bound:9.1f} "
        f"{verdict}  {taken:10}  {duplicates:5}"
    )


def measure_job(
    ground: Ground, images: int, workers: int, image_s: float, late_s: float
) -> tuple[float, int, int]:
    """Run a job; return its seconds, the tasks that were taken over, and the duplicate results."""
    ground.add_images(images)
    measured = Job(image_s)
    first = 1 if late_s else workers
    crew = [SimulatedWorker(ground, f"worker-{number}", measured) for number in range(first)]
    time.sleep(1)  # all of them wait for tasks
    owner = Caller(ground.port, ground.owner)
    asked = {"project": ground.project, "pipeline": SLUG, "selection": {"unanalysed_only": True}}
    started = time.monotonic()
    job = int(owner.ask("POST", "/jobs", asked)["id"])
    if late_s:
        time.sleep(late_s)
        crew += [
            SimulatedWorker(ground, f"worker-{number}", measured)
            for number in range(first, workers)
        ]
    with psycopg.connect(ground.database, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "select completed, extract(epoch from finished_at - created_at) from jobs "
                "where id = %s and finished_at is not null",
                (job,),
            ).fetchone()
            if row:
                break
            if time.monotonic() - started > 600:
                raise SystemExit(f"job {job} did not end within 10 minutes")
            time.sleep(0.05)
        measured.ended.set()
        for worker in crew:
            worker.join()
        taken = connection.execute(
            "select count(*) from attempts where job_id = %s and outcome = 'taken over'", (job,)
        ).fetchone()
    assert row[0] == images, f"{row[0]} of {images} are completed"
    assert taken is not None
    return float(row[1]), int(taken[0]), sum(worker.duplicates for worker in crew)


if __name__ == "__main__":
    main()
