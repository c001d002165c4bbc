"""Clients that read and write steadily during a fault, and record the responses."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.support.fault_scene import Scene
from tests.support.operation_log import Recorder, judge_status
from tests.support.process_keeper import Part

LIGHT_PROBER = Path(__file__).with_name("light_prober.py")


@dataclass(frozen=True)
class Answer:
    """A call: its start, duration in seconds, status (None if it failed), and Retry-After."""

    begun: float
    took_s: float
    status: int | None
    retry_after: str | None = None

    @property
    def ended(self) -> float:
        """When the answer was there."""
        return self.begun + self.took_s


@dataclass
class Probe:
    """A client in a separate thread that calls `ask` repeatedly until the block ends."""

    ask: Callable[[httpx2.Client], httpx2.Response | None]
    base_url: str
    every_s: float
    answers: list[Answer] = field(default_factory=list)

    def _run(self, ending: threading.Event) -> None:
        with httpx2.Client(base_url=self.base_url, trust_env=False, timeout=15) as client:
            while not ending.wait(self.every_s):
                self._note(client)

    def ask_once(self) -> None:
        """Ask once."""
        with httpx2.Client(base_url=self.base_url, trust_env=False, timeout=15) as client:
            self._note(client)

    def _note(self, client: httpx2.Client) -> None:
        began = time.monotonic()
        answer = self.ask(client)
        took_s = time.monotonic() - began
        self.answers.append(
            Answer(began, took_s, answer.status_code, answer.headers.get("Retry-After"))
            if answer is not None
            else Answer(began, took_s, None)
        )

    @contextmanager
    def at_work(self) -> Iterator["Probe"]:
        """Ask while the block runs."""
        ending = threading.Event()
        thread = threading.Thread(target=self._run, args=(ending,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            ending.set()
            thread.join()

    def within(self, begun_after: float, ended_before: float) -> list[Answer]:
        """The calls that were sent and answered in this time."""
        return [
            one for one in self.answers if one.begun >= begun_after and one.ended <= ended_before
        ]

    def first_good(self, after: float) -> float | None:
        """How long after this time the first call was answered well; None where none was."""
        good = [
            one.ended
            for one in self.answers
            if one.ended >= after and one.status and one.status < 300
        ]
        return min(good) - after if good else None


def probe_ready(scene: Scene, every_s: float = 0.1) -> Probe:
    """Ask whether the first API is ready."""
    return Probe(lambda client: _try(lambda: client.get("/readyz")), scene.base_url, every_s)


def probe_writes(scene: Scene, recorder: Recorder, every_s: float = 0.05) -> Probe:
    """Create deployments through the first API, each with a new name, and log the responses."""
    count = 0

    def write(client: httpx2.Client) -> httpx2.Response | None:
        nonlocal count
        count += 1
        name = f"{recorder.client}-{count}"
        number = recorder.begin("deployment", name=name)
        headers = {"Authorization": f"Token {scene.owner}"}
        body = {"project": scene.project, "name": name}
        answer = _try(lambda: client.post("/api/v2/deployments", json=body, headers=headers))
        recorder.end(number, judge_status(answer.status_code if answer is not None else None))
        return answer

    return Probe(write, scene.base_url, every_s)


def _try(call: Callable[[], httpx2.Response]) -> httpx2.Response | None:
    try:
        return call()
    except httpx2.HTTPError:
        return None


@dataclass(frozen=True)
class Alive:
    """A liveness request; `blocked_s` is the time for which the server itself delayed it."""

    begun: float
    status: int
    blocked_s: float


def watch_alive(scene: Scene, api: str = "api 1") -> Callable[[], list[Alive]]:
    """Start liveness requests to an API process. Return a function that returns the responses."""
    file = scene.folder / f"alive-{api.replace(' ', '-')}.jsonl"
    told = [str(scene.ports[0]), str(scene.find_pid(api)), str(file)]
    scene.keeper.add(
        Part("prober", [sys.executable, str(LIGHT_PROBER), *told], {}, scene.log_of("prober"))
    )

    def read() -> list[Alive]:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        rows = [json.loads(line) for line in lines if line.endswith("]")]
        return [
            Alive(begun, status, max(0.0, took_s - waited_s))
            for begun, status, took_s, waited_s in rows
        ]

    return read
