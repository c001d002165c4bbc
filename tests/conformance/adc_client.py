"""A worker as they are in the field: it speaks the five calls and imports nothing of Trapline.

Its habits are those seen in AMI Data Companion: paths end in a slash, redirects are not followed, GETs are tried three
times on a server's error, POSTs are never repeated, several loaders lease ahead of the work, and pictures are taken
as they come, without turning them by their EXIF.
"""

import contextlib
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def find_on(image: dict[str, Any]) -> dict[str, Any]:
    """A success for one task: one box with one classification, as such a worker writes them."""
    stamp = "2026-11-21T10:00:00.000000"
    detector = {"name": "Field detector", "key": "field-detector"}
    classifier = {"name": "Field classifier", "key": "field-classifier"}
    return {
        "pipeline": "field-pipeline",
        "algorithms": {},
        "total_time": 0.1,
        "source_images": [{"id": image["image_id"], "url": image["image_url"]}],
        "detections": [
            {
                "source_image_id": image["image_id"],
                "bbox": {"x1": 1.0, "y1": 2.0, "x2": 11.0, "y2": 22.0},
                "inference_time": 0.05,
                "algorithm": detector,
                "timestamp": stamp,
                "crop_image_url": None,
                "classifications": [
                    {
                        "classification": "moth",
                        "labels": None,
                        "scores": [0.75, 0.25],
                        "logits": [1.0986123, 0.0],
                        "inference_time": 0.01,
                        "algorithm": classifier,
                        "terminal": True,
                        "timestamp": stamp,
                    }
                ],
            }
        ],
    }


@dataclass
class FieldWorker:
    """One worker process of that kind: it registers, drains the jobs that it finds, and keeps count."""

    server: str
    token: str
    work: Callable[[dict[str, Any]], dict[str, Any]] = find_on
    batch_size: int = 8
    loaders: int = 4
    prefetch: int = 100
    statuses: list[str] = field(default_factory=list)
    leased: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one call; a GET is tried three times on a server's error, a POST never again. Raises Refused."""
        for attempt in range(3 if method == "GET" else 1):
            request = urllib.request.Request(
                f"{self.server}{path}",
                data=None if body is None else json.dumps(body).encode(),
                method=method,
                headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
            )
            try:
                with _opener.open(request, timeout=30) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == 2 or method != "GET":
                    raise Refused(error.code, error.read().decode(errors="replace")) from error
                time.sleep(float(error.headers.get("Retry-After") or 0.5))
        raise AssertionError("unreachable")

    def register(self, pipeline: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Register the pipeline in every project of the token."""
        projects = self.call("GET", "/api/v2/projects/")["results"]
        body = {"processing_service_name": "Field worker (host)", "pipelines": [pipeline or PIPELINE]}
        return [self.call("POST", f"/api/v2/projects/{project['id']}/pipelines/", body) for project in projects]

    def find_job(self, slug: str = "field-pipeline") -> int | None:
        """Ask which job to work on."""
        query = f"pipeline__slug__in={slug}&ids_only=1&incomplete_only=1&dispatch_mode=async_api"
        jobs = self.call("GET", f"/api/v2/jobs?{query}")["results"]
        return jobs[0]["id"] if jobs else None

    def lease(self, job: int, batch_size: int | None = None) -> list[dict[str, Any]]:
        """Lease some tasks of a job."""
        tasks = self.call("POST", f"/api/v2/jobs/{job}/tasks/", {"batch_size": batch_size or self.batch_size})["tasks"]
        self.leased += [task["id"] for task in tasks]
        return list(tasks)

    def post(self, job: int, tasks: list[dict[str, Any]]) -> dict[str, Any]:
        """Post the results of some tasks, once."""
        results = [{"reply_subject": task["reply_subject"], "result": self.work(task)} for task in tasks]
        answer = self.call("POST", f"/api/v2/jobs/{job}/result/", {"results": results})
        self.statuses += [task["status"] for task in answer["tasks"]]
        return dict(answer)

    def drain(self, job: int) -> int:
        """Work on a job until it has nothing left to lease; answers how many results were posted."""
        ahead: queue.Queue[list[dict[str, Any]]] = queue.Queue(maxsize=max(1, self.prefetch // self.batch_size))

        def load() -> None:
            while True:
                tasks = self.lease(job)
                if not tasks:
                    return
                for task in tasks:
                    with (
                        contextlib.suppress(urllib.error.URLError),
                        _opener.open(task["image_url"], timeout=30) as picture,
                    ):
                        task["size"] = len(picture.read())
                ahead.put(tasks)

        loaders = [threading.Thread(target=load, daemon=True) for _ in range(self.loaders)]
        for loader in loaders:
            loader.start()
        posted = 0
        while any(loader.is_alive() for loader in loaders) or not ahead.empty():
            try:
                tasks = ahead.get(timeout=0.1)
            except queue.Empty:
                continue
            self.post(job, tasks)
            posted += len(tasks)
        return posted

    def work_until_idle(self, slug: str = "field-pipeline", idle_s: float = 2.0) -> int:
        """Drain job after job until none has been listed for a while; answers how many results were posted."""
        posted, idle_since = 0, time.monotonic()
        while time.monotonic() - idle_since < idle_s:
            job = self.find_job(slug)
            if job is None:
                time.sleep(0.1)
                continue
            posted += self.drain(job)
            idle_since = time.monotonic()
        return posted
