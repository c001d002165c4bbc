"""A complete Trapline for fault tests: PostgreSQL, API, background and light worker processes."""

import asyncio
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.support.fault_project import SECRET, make_camp
from tests.support.fault_proxy import FaultProxy
from tests.support.operation_log import Operation, Recorder, judge_status, read_operations, was_busy
from tests.support.process_keeper import Keeper, Part, is_ready, last_words, signal_family
from tests.support.running_server import wait_for
from tests.support.scene_database import SceneDatabase
from trapline.server.platform.failpoints import MARK
from trapline.server.platform.postgres.postgres import Postgres, start_postgres, stop_postgres

LEASE_S, REAPER_S, LEASE_MAX_S = 2.0, 0.5, 4.0
SLUG = "field-pipeline"
ROOT = Path(__file__).parents[2]
LIGHT_WORKER = Path(__file__).with_name("light_worker.py")
DATABASE = "database"


@dataclass(frozen=True)
class Strike:
    """A fault that was injected: the affected part, the time, and its process ID."""

    what: str
    at: float
    pid: int


@dataclass
class Scene(SceneDatabase):
    """The processes of one test. `folder` holds a prepared database, see conftest.py.

    `apis` API processes listen on one socket each, or on one together. With `through_proxy` they
    reach PostgreSQL through `database_proxy`. A plan of failpoints is followed where `failpoints`
    is set; `forking`: see forking.py.
    """

    folder: Path
    apis: int = 1
    one_socket: bool = False
    through_proxy: bool = False
    failpoints: bool = False
    forking: bool = False
    background: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    strikes: list[Strike] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    project: int = 0
    owner: str = ""
    worker_token: str = ""
    images: list[str] = field(default_factory=list)
    deployment: str = ""
    postgres: Postgres | None = None
    database_proxy: FaultProxy | None = None

    def __post_init__(self) -> None:
        self.keeper = Keeper()
        self._sockets: list[socket.socket] = []
        self._database_wanted = False
        self._database_back: list[float] = []
        self._ending = threading.Event()
        self._database_thread = threading.Thread(
            target=self._keep_database, name="keep database", daemon=True
        )
        (self.folder / MARK).touch()
        self.logs.mkdir(exist_ok=True)

    @property
    def logs(self) -> Path:
        """Where the clients' logs of operations are."""
        return self.folder / "operations"

    @property
    def plan(self) -> Path:
        """The plan of failpoints."""
        return self.folder / "plan"

    @property
    def base_url(self) -> str:
        """The first API."""
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def database_url(self) -> str:
        """URL of PostgreSQL itself, without the proxy."""
        assert self.postgres is not None
        return self.postgres.url

    def start(self, images: int = 0) -> "Scene":
        """Start everything except workers; create a project with `images` images and a pipeline."""
        self.start_database()
        self._database_thread.start()
        if images:
            self.make_field(images)
        for _ in range(1 if self.one_socket else self.apis):
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            listener.listen(2048)
            self._sockets.append(listener)
            self.ports.append(listener.getsockname()[1])
        for number in range(1, self.apis + 1):
            self.add_api(number)
        if self.background:
            self.add_background(1)
        self.wait_until_ready()
        return self

    def start_database(self) -> None:
        """Start PostgreSQL, and keep it running."""
        self.postgres = start_postgres(self.folder, {"shared_buffers": "64MB"})
        self._database_wanted = True
        if self.through_proxy and self.database_proxy is None:
            self.database_proxy = FaultProxy(self.postgres.port)

    def environment(self, name: str) -> dict[str, str]:
        """Build the environment variables of a server process."""
        assert self.postgres is not None
        url = self.postgres.url
        if self.database_proxy is not None:
            url = url.replace(f":{self.postgres.port}/", f":{self.database_proxy.port}/")
        return {
            "DATABASE_URL": url,
            "TRAPLINE_DATA": str(self.folder),
            "TRAPLINE_PUBLIC_URL": self.base_url,
            "TRAPLINE_SECRET_KEY": SECRET,
            "TRAPLINE_LEASE_S": str(LEASE_S),
            "TRAPLINE_REAPER_S": str(REAPER_S),
            "TRAPLINE_LEASE_MAX_S": str(LEASE_MAX_S),
            "TRAPLINE_LOG_FORMAT": "json",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),
            **({"TRAPLINE_FAILPOINTS": str(self.plan)} if self.failpoints else {}),
            **self.settings,
            **self.environments.get(name, {}),
        }

    def add_api(self, number: int) -> Part:
        """Start an API process, called `api NUMBER`."""
        name = f"api {number}"
        listener = self._sockets[0 if self.one_socket else number - 1]
        environment = {**self.environment(name), "TRAPLINE_LISTEN_SOCKET": str(listener.fileno())}
        return self.keeper.add_module(
            name, self._module, ["api"], environment, self.log_of(name), listener.fileno()
        )

    def add_background(self, number: int) -> Part:
        """Start a background process, called `background NUMBER`."""
        name = f"background {number}"
        return self.keeper.add_module(
            name, self._module, ["background"], self.environment(name), self.log_of(name)
        )

    def add_worker(
        self, number: int, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Part:
        """Start a light worker, called `worker NUMBER`; see light_worker.WorkerOptions."""
        name = f"worker {number}"
        told = {
            "servers": [("127.0.0.1", port) for port in self.ports],
            "token": self.worker_token,
            "log": str(self.logs / f"worker-{number}.jsonl"),
            "name": name,
            "address": f"127.0.1.{number}",
            "lifeline": self.keeper.lifeline,
            **options,
        }
        command = [sys.executable, str(LIGHT_WORKER), json.dumps(told)]
        part = Part(
            name, command, environment or {}, self.log_of("workers"), (self.keeper.lifeline,)
        )
        return self.keeper.add(part)

    @property
    def _module(self) -> str:
        return "tests.support.forked_server" if self.forking else "trapline.server.app.main"

    def log_of(self, name: str) -> Path:
        """Return the path of the log of a part."""
        return self.folder / f"{name.replace(' ', '-')}.log"

    def wait_until_ready(self, within_s: float = 30.0) -> None:
        """Wait until every API answers that it is ready."""
        deadline = time.monotonic() + within_s
        while not all(is_ready(port) for port in self.ports):
            assert time.monotonic() < deadline, (
                f"no API after {within_s} s:\n{last_words(self.log_of('api 1'))}"
            )
            time.sleep(0.05)

    def end(self) -> None:
        """End everything, once."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._database_wanted = False
        if self._database_thread.is_alive():
            self._database_thread.join()
        self.keeper.end()
        if self.database_proxy is not None:
            self.database_proxy.end()
        if self.postgres is not None and self.postgres.process.poll() is None:
            signal_family(self.postgres.process.pid, signal.SIGCONT)
            stop_postgres(self.postgres, timeout_s=3)
        for listener in self._sockets:
            listener.close()

    def _keep_database(self) -> None:
        while not self._ending.wait(0.02):
            if (
                self._database_wanted
                and self.postgres is not None
                and self.postgres.process.poll() is not None
            ):
                self.postgres = start_postgres(self.folder, {"shared_buffers": "64MB"})
                self._database_back.append(time.monotonic())

    def make_field(self, images: int) -> None:
        """Create a project with images, a registered pipeline, and tokens of owner and workers."""

        made = asyncio.run(make_camp(self.folder, self.database_url, images))
        self.project, self.owner, self.worker_token, self.images = made
        [(deployment,)] = self.ask("select id from deployments limit 1")
        self.deployment = str(deployment)

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        """Call the first API as the owner, or with another token. Raises httpx2.HTTPError."""
        headers = {"Authorization": f"Token {token or self.owner}", **options.pop("headers", {})}
        with httpx2.Client(
            base_url=options.pop("base_url", self.base_url), trust_env=False, timeout=10
        ) as client:
            return client.request(method, f"/api/v2{path}", json=body, headers=headers, **options)

    def make_job(self, client: Recorder, key: str, path: str = "/jobs", **asked: Any) -> int:
        """Request a job until it is known to exist, each time with the same key. Return its ID."""
        body = {"project": self.project, "pipeline": SLUG, **asked}
        while True:
            number = client.begin("job", key=key)
            try:
                answer = self.call("POST", path, body, headers={"Idempotency-Key": key})
            except httpx2.HTTPError as error:
                client.end(number, judge_status(None), why=repr(error))
            else:
                state = judge_status(answer.status_code)
                if state == "ok":
                    job = int(
                        answer.json().get("id") or answer.json()["job_id"].removeprefix("job-")
                    )
                    client.end(number, state, job=job)
                    return job
                client.end(number, state, status=answer.status_code)
                assert state == "unknown", answer.text
            time.sleep(0.1)

    def make_expanded_job(self, **asked: Any) -> int:
        """Ask for a job, and wait until all its tasks are in the line."""
        job = self.make_job(self.record("owner"), f"job-{time.monotonic_ns()}", **asked)
        query = "select expanded from jobs where id = %s"
        wait_for(f"the tasks of job {job}", lambda: self.ask(query, job) == [(True,)], 30)
        return job

    def record(self, client: str) -> Recorder:
        """The log of a client of the test's own."""
        return Recorder(self.logs / f"{client}.jsonl", client)

    def operations(self) -> list[Operation]:
        """List the operations of all clients."""
        return read_operations(self.logs)

    def list_strikes(self) -> list[dict[str, Any]]:
        """List the faults that failpoints recorded."""
        struck = Path(f"{self.plan}.struck")
        if not struck.exists():
            return []
        return [json.loads(line) for line in struck.read_text(encoding="utf-8").splitlines()]

    def follow(self, *rules: str) -> None:
        """Let the failpoints follow these rules: NUMBER POINT|DOING|AT|ACT.

        Numbers are never used twice.
        """
        draft = self.plan.with_name("plan.draft")
        draft.write_text("".join(f"{rule}\n" for rule in rules), encoding="utf-8")
        draft.replace(self.plan)

    def expect_in_flight(self, share: float = 0.5) -> None:
        """Fail unless faults were injected, most of them during an operation."""
        assert self.strikes, "no fault was injected: the test proves nothing"
        operations = self.operations()
        busy = sum(was_busy(operations, strike.at) for strike in self.strikes)
        assert busy >= share * len(self.strikes), (
            f"something was in flight at only {busy} of {len(self.strikes)} strikes: the test "
            "proves nothing"
        )

    def list_victims(self) -> list[str]:
        """The names of all parts that run now, the database among them."""
        running = [part.name for part in self.keeper.parts if part.wanted and part.is_running]
        if self.postgres is not None and self.postgres.process.poll() is None:
            running.append(DATABASE)
        return running

    def find_pid(self, name: str) -> int:
        """The process id of a part."""
        if name == DATABASE:
            assert self.postgres is not None
            return self.postgres.process.pid
        process = self.keeper.find(name).process
        assert process is not None
        return process.pid

    def kill(self, name: str) -> Strike:
        """Kill -9 a part; the keeper starts it again."""
        pid = self.find_pid(name)
        strike = Strike(name, time.monotonic(), pid)
        os.kill(pid, signal.SIGKILL)
        self.strikes.append(strike)
        return strike

    def strike_now(self, name: str) -> Strike:
        """Record that a fault is injected into a part at this time."""
        return Strike(name, time.monotonic(), self.find_pid(name))

    def kill_any(self, chance: random.Random, victims: list[str] | None = None) -> Strike | None:
        """Kill -9 some part that runs now; None where none does."""
        running = sorted(set(self.list_victims()) & set(victims or self.list_victims()))
        return self.kill(chance.choice(running)) if running else None

    @contextmanager
    def frozen(self, name: str) -> Iterator[Strike]:
        """Stop a part for the length of the block, PostgreSQL with all its children."""
        pid = self.find_pid(name)
        strike = Strike(f"{name} stopped", time.monotonic(), pid)
        # Twice: a child may have been born meanwhile.
        signal_family(pid, signal.SIGSTOP)
        signal_family(pid, signal.SIGSTOP)
        self.strikes.append(strike)
        try:
            yield strike
        finally:
            signal_family(pid, signal.SIGCONT)

    @contextmanager
    def without_database(self) -> Iterator[Strike]:
        """Kill PostgreSQL with -9 for the duration of the block. It is ready again at the end."""
        self._database_wanted = False
        strike = self.kill(DATABASE)
        try:
            yield strike
        finally:
            count = len(self._database_back)
            self._database_wanted = True
            wait_for("PostgreSQL", lambda: len(self._database_back) > count, 30)

    def last_back(self) -> float:
        """When PostgreSQL was last ready again."""
        return self._database_back[-1]
