"""A server with the five worker calls over real HTTP, and an image host; both record requests.

With `additions` it also gives IDs to workers, and supports leases over all jobs, renewal and
release.
"""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

TOKEN = "worker-token"


def make_jpeg(width: int = 64, height: int = 48, spot: tuple[int, int] = (20, 30)) -> bytes:
    """Draw a dark image with one bright spot."""
    picture = Image.new("RGB", (width, height), (10, 10, 10))
    picture.paste((255, 255, 255), (spot[0], spot[1], spot[0] + 3, spot[1] + 3))
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=95)
    return into.getvalue()


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class FakeServer:
    """Jobs with tasks to lease, images to fetch, and what was posted."""

    url: str = ""
    image_url: str = ""
    jobs: dict[int, str] = field(default_factory=dict)
    queued: dict[int, list[str]] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    times_posted: dict[str, int] = field(default_factory=dict)
    registered: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    projects: dict[int, str] = field(default_factory=lambda: {1: "Woods"})
    # Called first for every request; an answer from it is given instead of the true one.
    meddle: Callable[[Asked], Answer | None] = lambda _: None
    image_delay_s: float = 0.0
    additions: bool = False
    renew_s: float = 0.05
    workers: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    held: dict[str, tuple[int, str]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    goodbyes: list[dict[str, Any]] = field(default_factory=list)
    name_of_final: str = "final"
    alone: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_job(self, job_id: int, slug: str, images: dict[str, bytes]) -> None:
        """A job over these images."""
        with self.lock:
            self.jobs[job_id] = slug
            self.queued[job_id] = list(images)
            self.images.update(images)

    def paths(self, start: str) -> list[Asked]:
        """The requests to paths that begin so."""
        return [asked for asked in self.asked if asked.path.startswith(start)]

    def wait_for_results(self, count: int, seconds: float = 60) -> None:
        """Wait until `count` images have results."""
        until = time.monotonic() + seconds
        while len(self.results) < count:
            assert time.monotonic() < until, f"{len(self.results)} of {count} results came"
            time.sleep(0.01)

    def answer(self, asked: Asked) -> Answer:
        """The true answer to a request of the API."""
        if asked.headers.get("Authorization") != f"Token {TOKEN}":
            return _json(401, {"title": "Unauthorized", "status": 401, "detail": "sign in first"})
        if asked.path.split("?")[0] == "/api/v2/projects/":
            rows = [{"id": key, "name": name} for key, name in self.projects.items()]
            return _json(200, {"count": len(rows), "next": None, "results": rows})
        if asked.path.split("?")[0] == "/api/v2/jobs":
            with self.lock:
                found = [
                    {"id": key, "pipeline_slug": slug}
                    for key, slug in self.jobs.items()
                    if self.queued[key]
                ]
            return _json(200, {"results": found[:1]})
        if match := re.fullmatch(r"/api/v2/projects/(\d+)/pipelines/", asked.path):
            return self._register(int(match[1]), asked.body)
        if match := re.fullmatch(r"/api/v2/jobs/(\d+)/tasks/", asked.path):
            return self._lease(int(match[1]), asked.body["batch_size"])
        if match := re.fullmatch(r"/api/v2/jobs/(\d+)/result/", asked.path):
            return self._take(int(match[1]), asked.body["results"])
        if self.additions and asked.path.startswith(("/api/v2/workers/", "/api/v2/tasks/")):
            return self._add(asked)
        return _json(
            404, {"title": "Not Found", "status": 404, "detail": f"nothing at {asked.path}"}
        )

    def _add(self, asked: Asked) -> Answer:
        if asked.path.endswith("/hello"):
            worker = f"00000000-0000-7000-8000-{len(self.workers):012}"
            self.workers.append(worker)
            told = {
                "worker_id": worker,
                "lease_s": 3 * self.renew_s,
                "renew_s": self.renew_s,
                "max_batch": 500,
            }
            return _json(201, told)
        worker = asked.headers.get("X-Trapline-Worker", "")
        if worker in self.ended:
            return refuse(403, self.ended[worker])
        if worker not in self.workers:
            return refuse(409, "no worker of yours has this id")
        if asked.path.endswith("/lease"):
            return self._lease_any(worker, asked.body)
        named = asked.body["leases"]
        if asked.path.endswith("/renew"):
            rows = [
                {"reply_subject": name, "status": self.states.get(name, "held")} for name in named
            ]
            return _json(200, {"leases": rows, "revoked": 0})
        with self.lock:
            if asked.body.get(self.name_of_final):
                self.goodbyes.append(asked.body)
                self.ended[worker] = "it said goodbye"
            for name in named:
                if name in self.held:
                    job, image = self.held.pop(name)
                    self.queued[job].append(image)
                    self.released.append(image)
        return _json(200, {"released": len(named)})

    def _lease_any(self, worker: str, body: dict[str, Any]) -> Answer:
        until = time.monotonic() + body["wait_s"]
        while worker not in self.ended:
            rows: list[dict[str, Any]] = []
            with self.lock:
                for job, slug in self.jobs.items():
                    while (
                        self.queued[job] and slug in body["pipelines"] and len(rows) < body["limit"]
                    ):
                        if rows and self.queued[job][0] in self.alone:
                            break
                        name = self.queued[job].pop(0)
                        self.held[f"r-{name}"] = (job, name)
                        told = {
                            "job_id": job,
                            "pipeline": slug,
                            "config": {"job": job},
                            "lease_s": 1.0,
                        }
                        rows.append(self._task(name) | told | {"alone": name in self.alone})
                        if name in self.alone:
                            return _json(200, {"tasks": rows})
            if rows or time.monotonic() > until:
                return _json(200, {"tasks": rows})
            time.sleep(0.01)
        return refuse(403, self.ended[worker])

    def _task(self, name: str) -> dict[str, Any]:
        url = f"{self.image_url}/{name}"
        return {"id": f"t-{name}", "image_id": name, "image_url": url, "reply_subject": f"r-{name}"}

    def _register(self, project: int, body: dict[str, Any]) -> Answer:
        if project not in self.projects:
            return _json(
                404,
                {"title": "Not Found", "status": 404, "detail": f"there is no project {project}"},
            )
        self.registered.append((project, body))
        slugs = [pipeline["slug"] for pipeline in body["pipelines"]]
        return _json(
            201, {"pipelines_created": slugs, "pipelines_updated": [], "processing_service_id": 1}
        )

    def _lease(self, job: int, count: int) -> Answer:
        with self.lock:
            if job not in self.queued:
                return _json(
                    404, {"title": "Not Found", "status": 404, "detail": f"there is no job {job}"}
                )
            names, self.queued[job] = self.queued[job][:count], self.queued[job][count:]
        return _json(200, {"tasks": [self._task(name) for name in names]})

    def _take(self, job: int, results: list[dict[str, Any]]) -> Answer:
        with self.lock:
            for row in results:
                name = row["reply_subject"].removeprefix("r-")
                self.held.pop(row["reply_subject"], None)
                self.results[name] = row["result"]
                self.times_posted[name] = self.times_posted.get(name, 0) + 1
        statuses = [
            {"reply_subject": row["reply_subject"], "status": "accepted", "task_id": "a"}
            for row in results
        ]
        return _json(
            200,
            {
                "status": "accepted",
                "job_id": job,
                "results_queued": len(results),
                "tasks": statuses,
            },
        )


def _json(status: int, body: object) -> Answer:
    kind = "application/json" if status < 400 else "application/problem+json"
    return status, {"Content-Type": kind}, json.dumps(body).encode()


def refuse(status: int, detail: str = "no", **headers: str) -> Answer:
    """An answer that says no."""
    _, kind, body = _json(status, {"title": "No", "status": status, "detail": detail})
    return (
        status,
        {**kind, **{name.replace("_", "-"): value for name, value in headers.items()}},
        body,
    )


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A worker that was killed in the middle is part of the tests."""


@contextmanager
def serve(fake: FakeServer) -> Iterator[FakeServer]:
    """Start the server and its image host on free ports; they end with the block."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _hear(self) -> Asked:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            is_json = self.headers.get("Content-Type") == "application/json"
            asked = Asked(
                self.command,
                self.path,
                dict(self.headers),
                json.loads(body) if is_json else body,
                time.monotonic(),
            )
            with fake.lock:
                fake.asked.append(asked)
            return asked

        def _say(self, answer: Answer) -> None:
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            asked = self._hear()
            self._say(fake.meddle(asked) or fake.answer(asked))

        # http.server looks for these names.
        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    class Images(Api):
        def do_GET(self) -> None:
            asked = self._hear()
            time.sleep(fake.image_delay_s)
            data = fake.images.get(self.path.lstrip("/"))
            self._say(
                fake.meddle(asked) or ((200, {}, data) if data is not None else (404, {}, b""))
            )

    servers = [_Quiet(("127.0.0.1", 0), Api), _Quiet(("127.0.0.1", 0), Images)]
    fake.url, fake.image_url = (
        f"http://127.0.0.1:{server.server_address[1]}" for server in servers
    )
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield fake
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
