"""A worker without a model that can be killed: `python light_worker.py '{"servers": [...], ...}'`.

It uses the five worker calls, or with `additions` hello, lease, renew and release, and writes each
operation into its log. It uses only the standard library, so that it starts quickly. See
WorkerOptions.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.operation_log import OK, Recorder, judge_status

SLUG = "field-pipeline"
QUERY = (
    f"/api/v2/jobs?pipeline__slug__in={SLUG}&ids_only=1&incomplete_only=1&dispatch_mode=async_api"
)


@dataclass
class WorkerOptions:
    """Options of the worker.

    `servers` are (host, port), tried in turn. `address` is the loopback address that it connects
    from. `work_s` is the time in seconds for a task. `stubborn`: a result is sent again until its
    outcome is known. `poison`: IDs of images that kill the process that works on one. `fail_share`:
    the share of results that are errors. `hold`: lease, and never send a result; `keep`: the same,
    and renew the leases. `reports`: with `additions`, name each task as begun when it begins,
    so that idle workers take over the others; results of tasks that were taken over are sent, too.
    """

    servers: list[tuple[str, int]]
    token: str
    log: str
    name: str = "worker"
    address: str = "127.0.0.1"
    seed: str = ""
    batch: int = 8
    work_s: float = 0.02
    additions: bool = False
    stubborn: bool = True
    poison: list[str] = field(default_factory=list)
    fail_share: float = 0.0
    hold: bool = False
    keep: bool = False
    reports: bool = False
    wait_s: float = 1.0
    timeout_s: float = 10.0
    lifeline: int | None = None


class Lost(Exception):
    """No answer came."""


class Ended(Exception):
    """The process was asked to end."""


class Caller:
    """One kept-alive connection, to the next server after each failure."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._turn = sum(options.name.encode())
        self._connection: http.client.HTTPConnection | None = None
        self.worker_id: str | None = None

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Make one call; answers the status and the body. Raises Lost."""
        headers = {
            "Authorization": f"Token {self._options.token}",
            "Content-Type": "application/json",
        }
        headers["User-Agent"] = self._options.name
        if self.worker_id:
            headers["X-Trapline-Worker"] = self.worker_id
        try:
            if self._connection is None:
                self._turn += 1
                host, port = self._options.servers[self._turn % len(self._options.servers)]
                self._connection = http.client.HTTPConnection(
                    host,
                    port,
                    timeout=self._options.timeout_s,
                    source_address=(self._options.address, 0),
                )
            self._connection.request(
                method, path, None if body is None else json.dumps(body), headers
            )
            answer = self._connection.getresponse()
            content = answer.read()
            if answer.getheader("Connection", "").lower() == "close":
                self.close()
            return answer.status, json.loads(content) if content else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Lost(repr(error)) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Worker:
    """The worker at work."""

    def __init__(self, options: WorkerOptions) -> None:
        self.options = options
        self.recorder = Recorder(Path(options.log), options.name)
        self.caller = Caller(options)
        self.chance = random.Random(
            f"{options.seed}:{options.name}:{os.getpid()}" if not options.seed else options.seed
        )
        self.held: dict[str, tuple[str, int]] = {}
        self.begun: list[str] = []
        self.ending = threading.Event()
        self.renew_s = 1.0
        self.renewed = time.monotonic()

    def do(
        self, name: str, method: str, path: str, body: Any = None, **said: Any
    ) -> tuple[int | None, Any, int]:
        """Log one operation before and after it. The caller marks it as successful."""
        number = self.recorder.begin(name, **said)
        try:
            status, answer = self.caller.call(method, path, body)
        except Lost as lost:
            self.recorder.end(number, judge_status(None), why=str(lost))
            return None, None, number
        if judge_status(status) != OK:
            self.recorder.end(number, judge_status(status), status=status)
        return status, answer, number

    def run(self) -> None:
        """Work until a signal stops the worker."""
        try:
            while True:
                self.rest(0)
                tasks = self.lease()
                if not tasks:
                    self.rest(0.05)
                    if self.options.additions and time.monotonic() - self.renewed > self.renew_s:
                        self.renew()
                    continue
                self.answer(tasks)
        except Ended:
            self.release()

    def rest(self, seconds: float) -> None:
        """Wait; raises Ended."""
        if self.ending.wait(seconds):
            raise Ended

    def lease(self) -> list[dict[str, Any]]:
        """Lease some tasks, of whichever job."""
        if self.options.additions:
            if self.caller.worker_id is None and not self.hello():
                self.rest(0.1)
                return []
            wanted = {
                "pipelines": [SLUG],
                "limit": self.options.batch,
                "wait_s": self.options.wait_s,
            }
            status, answer, number = self.do("lease", "POST", "/api/v2/tasks/lease", wanted)
            if status in (403, 409):
                self.caller.worker_id = None
        else:
            status, answer, number = self.do("claim", "GET", QUERY)
            if status != 200:
                self.rest(0.1)
                return []
            self.recorder.end(number, OK)
            if not answer["results"]:
                return []
            job = answer["results"][0]["id"]
            wanted = {"batch_size": self.options.batch}
            status, answer, number = self.do(
                "lease", "POST", f"/api/v2/jobs/{job}/tasks/", wanted, job=job
            )
            if status == 200:
                for task in answer["tasks"]:
                    task["job_id"] = job
        if status != 200:
            self.rest(0.1)
            return []
        tasks = list(answer["tasks"])
        for task in tasks:
            self.held[task["reply_subject"]] = name_lease(task["reply_subject"])
        self.recorder.end(number, OK, tasks=[name_lease(task["reply_subject"]) for task in tasks])
        return tasks

    def hello(self) -> bool:
        """Say who this is."""
        body = {
            "service": "Field worker (host)",
            "name": self.options.name,
            "host": self.options.name,
            "pid": os.getpid(),
            "version": "1",
            "devices": ["cpu"],
            "pipelines": [SLUG],
        }
        status, answer, number = self.do("hello", "POST", "/api/v2/workers/hello", body)
        if status not in (200, 201):
            return False
        self.caller.worker_id = answer["worker_id"]
        self.renew_s = answer["renew_s"]
        self.recorder.end(number, OK, worker=answer["worker_id"])
        return True

    def answer(self, tasks: list[dict[str, Any]]) -> None:
        """Work on tasks and post their results, a body for each job."""
        if any(task["image_id"] in self.options.poison for task in tasks):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.options.hold:
            self.rest(3600)
        while self.options.keep:
            self.rest(self.renew_s)
            self.renew()
        for task in tasks:
            if self.options.reports:
                self.begun.append(task["reply_subject"])
                self.renew()
            self.rest(self.options.work_s)
            if self.options.additions and time.monotonic() - self.renewed > self.renew_s:
                self.renew()
        for job in sorted({task["job_id"] for task in tasks}):
            self.post(job, [task for task in tasks if task["job_id"] == job])

    def renew(self) -> None:
        """Say that the leases are still in hand."""
        self.renewed = time.monotonic()
        body = {"leases": list(self.held)} | ({"begun": self.begun} if self.options.reports else {})
        status, _, number = self.do("renew", "POST", "/api/v2/tasks/renew", body)
        if status == 200:
            self.recorder.end(number, OK)

    def post(self, job: int, tasks: list[dict[str, Any]]) -> None:
        """Post results, again and again if need be: each time the same."""
        elements, said = [], []
        for task in tasks:
            mark = round(self.chance.random() * 1e6, 3)
            is_error = self.chance.random() < self.options.fail_share
            result = (
                {"error": "failed to load image", "image_id": task["image_id"]}
                if is_error
                else found(task, mark)
            )
            elements.append({"reply_subject": task["reply_subject"], "result": result})
            said.append([*name_lease(task["reply_subject"]), mark, is_error])
        while True:
            path = f"/api/v2/jobs/{job}/result/"
            status, answer, number = self.do(
                "result", "POST", path, {"results": elements}, job=job, elements=said
            )
            if status == 200:
                self.recorder.end(number, OK, statuses=[task["status"] for task in answer["tasks"]])
            if status == 403 and self.options.additions:
                self.caller.worker_id = None
            if judge_status(status) != "unknown" or not self.options.stubborn:
                break
            self.rest(0.1)
        for element in elements:
            self.held.pop(str(element["reply_subject"]), None)
        self.begun = [subject for subject in self.begun if subject in self.held]

    def release(self) -> None:
        """Give back what is in hand, as the last thing."""
        if self.options.additions and self.caller.worker_id and self.held:
            body = {"leases": list(self.held), "final": True}
            status, answer, number = self.do(
                "release", "POST", "/api/v2/tasks/release", body, tasks=list(self.held.values())
            )
            if status == 200:
                self.recorder.end(number, OK, released=answer["released"])


def name_lease(lease_token: str) -> tuple[str, int]:
    """Return the task and the attempt of a lease token."""
    task, attempt, _ = lease_token.split(".", 2)
    return task, int(attempt)


def corner_of(mark: float) -> float:
    """Return the left edge of the box of a result with this mark.

    The stored box contains the mark.
    """
    return round(1 + mark % 100, 3)


def found(task: dict[str, Any], mark: float) -> dict[str, Any]:
    """A success: one box with one class, both telling the mark."""
    algorithm = {"name": "Field detector", "key": "field-detector"}
    left = corner_of(mark)
    return {
        "pipeline": SLUG,
        "algorithms": {},
        "total_time": mark,
        "source_images": [{"id": task["image_id"], "url": task["image_url"]}],
        "detections": [
            {
                "source_image_id": task["image_id"],
                "bbox": {"x1": left, "y1": 2.0, "x2": left + 20, "y2": 22.0},
                "algorithm": algorithm,
                "timestamp": "2026-06-01T00:00:00",
                "classifications": [
                    {
                        "classification": "moth",
                        "scores": [0.75, 0.25],
                        "algorithm": {"name": "Field classifier", "key": "field-classifier"},
                        "terminal": True,
                        "timestamp": "2026-06-01T00:00:00",
                    }
                ],
            }
        ],
    }


def end_with(lifeline: int) -> None:
    """End this process when its parent has closed the other end of this pipe."""
    os.read(lifeline, 1)
    os._exit(70)


def main(told: str) -> int:
    """Work until SIGTERM."""
    given = json.loads(told)
    given["servers"] = [tuple(server) for server in given["servers"]]
    worker = Worker(WorkerOptions(**given))
    if worker.options.lifeline is not None:
        threading.Thread(target=end_with, args=(worker.options.lifeline,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: worker.ending.set())
    with contextlib.suppress(KeyboardInterrupt):
        worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
