"""Callers within the test that are many and quick, and moments that many threads share."""

import http.client
import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.fault_scene import Scene
from tests.support.light_worker import SLUG


@dataclass
class Speaker:
    """A caller with one open connection, for one thread.

    Callers with different `address` do not extend each other's leases. `worker_id` is set by
    `greet`.
    """

    port: int
    token: str
    address: str = "127.0.0.1"
    worker_id: str = ""
    _connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: Any = None, signed: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Make one call without retries; return the status and the response.

        A signature replaces the token.
        """
        if not self._connections:
            self._connections.append(
                http.client.HTTPConnection(
                    "127.0.0.1", self.port, timeout=60, source_address=(self.address, 0)
                )
            )
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Token {self.token}"} if signed is None else signed
        if self.worker_id:
            headers["X-Trapline-Worker"] = self.worker_id
        [connection] = self._connections
        connection.request(method, f"/api/v2{path}", body=sent, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The same where nothing but a 2xx will do."""
        status, said = self.call(method, path, body)
        assert 200 <= status < 300, f"{method} {path}: {status} {said}"
        return said

    def greet(self, name: str) -> None:
        """Say hello; later calls name this worker."""
        told = {
            "service": "Field worker (host)",
            "name": name,
            "host": "tests",
            "pid": 1,
            "pipelines": [SLUG],
        }
        self.worker_id = self.ask("POST", "/workers/hello", told)["worker_id"]

    def claim(self) -> list[int]:
        """Ask as workers in the field do which job has something to lease."""
        query = f"pipeline__slug__in={SLUG}&ids_only=1&incomplete_only=1&dispatch_mode=async_api"
        return [job["id"] for job in self.ask("GET", f"/jobs?{query}")["results"]]

    def lease(self, job: int, wanted: int) -> list[dict[str, Any]]:
        """Lease some tasks of a job."""
        return list(self.ask("POST", f"/jobs/{job}/tasks/", {"batch_size": wanted})["tasks"])

    def post(self, job: int, elements: Sequence[dict[str, Any]]) -> list[str]:
        """Post results; answers the status of each."""
        said = self.ask("POST", f"/jobs/{job}/result/", {"results": list(elements)})
        return [task["status"] for task in said["tasks"]]

    def close(self) -> None:
        """Give the connection back."""
        while self._connections:
            self._connections.pop().close()


def race(runners: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run these functions at the same time, each in a separate thread; return their results.

    Raises the first exception.
    """
    start = threading.Barrier(len(runners))
    results: list[Any] = [None] * len(runners)
    failures: list[BaseException] = []

    def run(place: int) -> None:
        try:
            start.wait(60)
            results[place] = runners[place]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(runners))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def spread(
    work: Sequence[Callable[[random.Random], None]], threads: int, chance: random.Random
) -> None:
    """Do this work on several threads, each with a random generator, so that a seed replays it."""
    left = iter([(piece, random.Random(chance.random())) for piece in work])
    lock = threading.Lock()

    def run() -> None:
        while True:
            with lock:
                piece = next(left, None)
            if piece is None:
                return
            piece[0](piece[1])

    race([run] * threads)


def count_boxes(scene: Scene, job: int) -> list[int]:
    """How many boxes each task of a job has, in no order."""
    rows = scene.ask(
        "select count(n.id) filter (where n.annotation_type = 'bounding_box') from analyses a "
        "left join annotations n on n.analysis_id = a.id where a.job_id = %s group by a.id",
        job,
    )
    return [int(count) for (count,) in rows]
