"""A worker like those in the field: it uses the five worker calls and imports nothing of Trapline.

It behaves like AMI Data Companion: it drains a listed job before it looks for another one. Four
loader processes lease about 400 tasks before the first result arrives. Images are used as they are
stored. Two threads post results once, one request for each lease, and there is no heartbeat.
"""

import contextlib
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.adc_calls import Caller, Lost, Refused

__all__ = ["PIPELINE", "FieldWorker", "Lost", "Refused", "find_on"]

ROOT = Path(__file__).parents[2]
POSTING_THREADS = 2
POST_PATIENCE_S = 30.0

PIPELINE = {
    "name": "Field pipeline",
    "slug": "field-pipeline",
    "version": 1,
    "stages": [{"key": "detect", "name": "Detect", "params": []}],
    "algorithms": [
        {
            "name": "Field detector",
            "key": "field-detector",
            "version": 1,
            "task_type": "localization",
            "category_map": {"data": {}, "labels": []},
        },
        {
            "name": "Field classifier",
            "key": "field-classifier",
            "version": 1,
            "task_type": "classification",
            "category_map": {
                "data": [{"index": 0, "label": "moth"}, {"index": 1, "label": "bat"}],
                "labels": ["moth", "bat"],
            },
        },
    ],
}
DETECTOR = {"name": "Field detector", "key": "field-detector"}
CLASSIFIER = {"name": "Field classifier", "key": "field-classifier"}


def name_now() -> str:
    """Return the time as such a worker formats it: local time without a zone."""
    return datetime.now().isoformat()  # noqa: DTZ005 - that is their habit


def find_class(name: str = "moth", *, terminal: bool = True) -> dict[str, Any]:
    """A classification over the two classes."""
    scores = [0.75, 0.25] if name == "moth" else [0.25, 0.75]
    return {
        "classification": name,
        "labels": None,
        "scores": scores,
        "logits": [math.log(score) for score in scores],
        "inference_time": 0.01,
        "algorithm": CLASSIFIER,
        "terminal": terminal,
        "timestamp": name_now(),
    }


def find_box(
    image_id: str, corners: tuple[float, float, float, float], *classes: dict[str, Any]
) -> dict[str, Any]:
    """A detection with its classifications."""
    return {
        "source_image_id": image_id,
        "bbox": dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True)),
        "inference_time": 0.05,
        "algorithm": DETECTOR,
        "timestamp": name_now(),
        "crop_image_url": None,
        "classifications": list(classes),
    }


def find_on(image: dict[str, Any]) -> dict[str, Any]:
    """A success for one task: one box with one classification, as such a worker writes them."""
    return make_success(image, find_box(image["image_id"], (1.0, 2.0, 11.0, 22.0), find_class()))


def make_success(image: dict[str, Any], *detections: dict[str, Any]) -> dict[str, Any]:
    """A success for one task with these detections."""
    return {
        "pipeline": "field-pipeline",
        "algorithms": {},
        "total_time": 0.1,
        "source_images": [{"id": image["image_id"], "url": image["image_url"]}],
        "detections": list(detections),
    }


def make_failure(image: dict[str, Any], words: str) -> dict[str, Any]:
    """An error for one task."""
    return {"error": words, "image_id": image["image_id"]}


@dataclass
class FieldWorker:
    """Worker that registers, drains the jobs that it finds, and counts its tasks and results.

    `prefetch` is the number of tasks that its loaders lease before the first result. `load_s` is
    the time in seconds that each loader adds to the loading of a batch. `given_up` counts results
    that were lost with a failed post, or that were not sent after a post that took longer than
    `post_patience_s`.
    """

    server: str
    token: str
    work: Callable[[dict[str, Any]], dict[str, Any]] = find_on
    batch_size: int = 24
    loaders: int = 4
    prefetch: int = 400
    load_s: float = 0.0
    slash: bool | None = None
    post_patience_s: float = POST_PATIENCE_S
    statuses: list[str] = field(default_factory=list)
    leased: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    given_up: int = 0
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def caller(self) -> Caller:
        """Caller of the API with the token of this worker."""
        return Caller(self.server, self.token, self.slash)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one call. Raises Refused, Lost."""
        return self.caller.get(path) if method == "GET" else self.caller.post(path, body)

    def register(self, pipeline: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Register the pipeline in every project of the token."""
        projects = self.call("GET", "/api/v2/projects/")["results"]
        body = {
            "processing_service_name": "Field worker (host)",
            "pipelines": [pipeline or PIPELINE],
        }
        return [
            self.call("POST", f"/api/v2/projects/{project['id']}/pipelines/", body)
            for project in projects
        ]

    def find_job(self, slug: str = "field-pipeline") -> int | None:
        """Ask which job to work on."""
        query = f"pipeline__slug__in={slug}&ids_only=1&incomplete_only=1&dispatch_mode=async_api"
        jobs = self.call("GET", f"/api/v2/jobs?{query}")["results"]
        return jobs[0]["id"] if jobs else None

    def lease(self, job: int, batch_size: int | None = None) -> list[dict[str, Any]]:
        """Lease some tasks of a job."""
        tasks = self.call(
            "POST", f"/api/v2/jobs/{job}/tasks/", {"batch_size": batch_size or self.batch_size}
        )["tasks"]
        self.leased += [task["id"] for task in tasks]
        return list(tasks)

    def answer(self, task: dict[str, Any]) -> dict[str, Any]:
        """Work on one task; the element of a body that answers it."""
        unreadable = task.get("unreadable")
        result = make_failure(task, unreadable) if unreadable else self.work(task)
        return {"reply_subject": task["reply_subject"], "result": result}

    def post(self, job: int, tasks: list[dict[str, Any]]) -> dict[str, Any]:
        """Post the results of some tasks, once."""
        return self.send(job, [self.answer(task) for task in tasks])

    def send(self, job: int, elements: Any) -> dict[str, Any]:
        """Post elements that are made already, once; bytes go as they are."""
        body = elements if isinstance(elements, bytes) else {"results": elements}
        answer = self.call("POST", f"/api/v2/jobs/{job}/result/", body)
        self.statuses += [task["status"] for task in answer["tasks"]]
        return dict(answer)

    def drain(self, job: int) -> int:
        """Process a job until it has no task to lease. Return the number of posted results."""
        ahead = max(1, math.ceil(self.prefetch / (self.loaders * self.batch_size)))
        ready: queue.Queue[tuple[_Loader, dict[str, Any] | None]] = queue.Queue()
        running = [_Loader(self, job, ahead, ready) for _ in range(self.loaders)]
        every = list(running)
        self.processes = [loader.process for loader in every]
        posts = _Posts(self, job)
        try:
            while running:
                loader, message = ready.get()
                if message is None:
                    running.remove(loader)
                elif "leased" in message:
                    self.leased += [task["id"] for task in message["leased"]]
                elif message.get("end"):
                    self.troubles.append(message["end"])
                elif "batch" in message:
                    posts.add([self.answer(task) for task in message["batch"]])
                    loader.ask()
        finally:
            for loader in every:
                loader.end()
        return posts.finish()

    def work_until_idle(self, slug: str = "field-pipeline", idle_s: float = 2.0) -> int:
        """Process jobs until none was listed for a while. Return the number of posted results."""
        posted, idle_since = 0, time.monotonic()
        while time.monotonic() - idle_since < idle_s:
            try:
                job = self.find_job(slug)
            except (Refused, Lost) as error:
                self.troubles.append(str(error))
                job = None
            if job is None:
                time.sleep(0.1)
                continue
            posted += self.drain(job)
            idle_since = time.monotonic()
        return posted


class _Loader:
    def __init__(
        self,
        worker: FieldWorker,
        job: int,
        ahead: int,
        ready: "queue.Queue[tuple[_Loader, dict[str, Any] | None]]",
    ) -> None:
        told = [
            worker.server,
            worker.token,
            str(job),
            str(worker.batch_size),
            str(ahead),
            str(worker.load_s),
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.adc_loader", *told],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._ready = ready
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                if line.endswith("\n"):  # one that was killed stops in the middle of a word
                    self._ready.put((self, json.loads(line)))
        self._ready.put((self, None))

    def ask(self) -> None:
        """Let it make one more batch ready."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write("+\n")
            self.process.stdin.flush()
        except OSError:
            return  # it was killed; what it held is lost, as it is in the field

    def end(self) -> None:
        """Kill the process if it has not ended."""
        self.process.kill()
        self.process.wait()
        self._listener.join()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()


class _Posts:
    """Sends two bodies at a time, each once.

    After one that took too long, waiting ones are dropped.
    """

    def __init__(self, worker: FieldWorker, job: int) -> None:
        self._worker = worker
        self._job = job
        self._pool = ThreadPoolExecutor(POSTING_THREADS)
        self._posts: list[Future[int]] = []
        self._tired = threading.Event()

    def add(self, elements: list[dict[str, Any]]) -> None:
        """Send one body when a thread is free."""
        self._posts.append(self._pool.submit(self._post, elements))

    def _post(self, elements: list[dict[str, Any]]) -> int:
        worker = self._worker
        if self._tired.is_set():
            worker.given_up += len(elements)
            return 0
        began = time.monotonic()
        try:
            worker.send(self._job, elements)
        except (Refused, Lost) as error:
            worker.troubles.append(str(error))
            worker.given_up += len(elements)
            return 0
        finally:
            if time.monotonic() - began > worker.post_patience_s:
                self._tired.set()
        return len(elements)

    def finish(self) -> int:
        """Wait for what is on its way; answers how many results reached the server."""
        wait(self._posts)
        self._pool.shutdown()
        return sum(post.result() for post in self._posts)
