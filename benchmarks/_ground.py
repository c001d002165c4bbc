"""Environment of the queue benchmarks: a running Trapline with images and a pipeline.

Images have rows but no files, because the queue never opens an image.
"""

import contextlib
import hashlib
import http.client
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from trapline.server.platform.postgres.postgres import find_running_url

SLUG = "bench-pipeline"


class Caller:
    """A persistent HTTP connection with little overhead."""

    def __init__(self, port: int, token: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Token {token}"} if token else {}
        )

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """Send a request; any status other than 2xx ends the benchmark."""
        self._connection.request(
            method, f"/api/v2{path}", body=body, headers=self._headers | headers
        )
        answer = self._connection.getresponse()
        content = answer.read()
        if not 200 <= answer.status < 300:
            raise SystemExit(
                f"{method} {path}: {answer.status} {content.decode(errors='replace')[:500]}"
            )
        return content

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request with a JSON body and parse the response."""
        return json.loads(
            self.call(method, path, None if body is None else json.dumps(body).encode(), **headers)
        )


@dataclass
class Ground:
    """A running Trapline with its credentials; `database` is the URL of its PostgreSQL."""

    pid: int
    port: int
    database: str
    owner: str
    worker: str
    project: int
    deployment: UUID

    def register(self, classes: int = 2) -> None:
        """Register the pipeline, whose classifier has this number of classes."""
        labels = [f"class {number}" for number in range(classes)]
        body = {
            "processing_service_name": "Bench (here)",
            "pipelines": [
                {
                    "name": "Bench",
                    "slug": SLUG,
                    "version": 1,
                    "stages": [],
                    "algorithms": [
                        {"name": "Detector", "key": "detector", "version": 1},
                        {
                            "name": "Classifier",
                            "key": "classifier",
                            "version": 1,
                            "category_map": {"data": [], "labels": labels},
                        },
                    ],
                }
            ],
        }
        Caller(self.port, self.worker).ask("POST", f"/projects/{self.project}/pipelines/", body)

    def add_images(self, count: int) -> None:
        """Insert rows of images into the database."""
        columns = (
            "id, project_id, deployment_id, sha256, size_bytes, media_type, filename, width, "
            "height, storage_key, "
            "captured_at, captured_at_source, time_zone, thumbnails_at, orientation, "
            "clock_offset_s, flags, exif, "
            "reviewed"
        )
        with psycopg.connect(self.database) as connection, connection.cursor() as cursor:
            with cursor.copy(f"copy images ({columns}) from stdin") as copy:
                for number in range(count):
                    key = uuid7()
                    copy.write_row(
                        (
                            key,
                            self.project,
                            self.deployment,
                            hashlib.sha256(key.bytes).digest(),
                            1,
                            "image/jpeg",
                            f"{number:07}.jpg",
                            2000,
                            1500,
                            f"originals/{self.project}/aa/{key.hex}",
                            "2026-06-01T12:00:00Z",
                            "exif",
                            "UTC",
                            "2026-06-01T12:00:00Z",
                            1,
                            0,
                            "{}",
                            "{}",
                            False,
                        )
                    )
            cursor.execute("analyze images")

    def run_job(self, expected: int) -> int:
        """Run the pipeline over every new image; return the job when all tasks are queued."""
        caller = Caller(self.port, self.owner)
        asked = {"project": self.project, "pipeline": SLUG, "selection": {"unanalysed_only": True}}
        job = int(caller.ask("POST", "/jobs", asked)["id"])
        with psycopg.connect(self.database, autocommit=True) as connection:
            while True:
                row = connection.execute(
                    "select expanded, open from jobs where id = %s", (job,)
                ).fetchone()
                if row and row[0]:
                    if row[1] != expected:
                        raise SystemExit(f"the job has {row[1]} tasks, {expected} were expected")
                    connection.execute("vacuum analyze analyses")
                    return job
                time.sleep(0.1)

    def settle(self) -> float:
        """Wait until every image has its sequence and is counted by day; return the seconds."""
        began = time.monotonic()
        while self.count(
            "select (select count(*) from (select from images where sequence_id is null limit 1) i)"
            " + (select count(*) from (select from dirty_days limit 1) d)"
        ):
            time.sleep(0.5)
        return time.monotonic() - began

    def peak_memory(self) -> int:
        """Return the peak private memory of the API processes so far, in bytes."""
        peaks = []
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                lines = dict(
                    line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines()
                )
                command = (status.parent / "cmdline").read_bytes()
                if int(lines["PPid"]) == self.pid and b"trapline.server.app.main\0api" in command:
                    peaks.append(int(lines["VmHWM"].split()[0]) * 1024)
        return max(peaks)

    def processor_time(self) -> float:
        """Return the processor time of all processes so far, in seconds."""
        parents, times = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
                parents[int(stat.parent.name)] = int(fields[1])
                times[int(stat.parent.name)] = sum(map(int, fields[11:15])) / os.sysconf(
                    "SC_CLK_TCK"
                )
        ours = {self.pid}
        while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
            ours |= more
        return sum(times.get(pid, 0) for pid in ours)

    def count(self, query: str, *parameters: Any) -> int:
        """Query a number from the database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            row = connection.execute(query, parameters).fetchone()
            assert row is not None
            return int(row[0])


@contextlib.contextmanager
def open_ground(processes: int = 1, settings: Mapping[str, str] | None = None) -> Iterator[Ground]:
    """Start a Trapline with these settings in a new folder, and delete everything at the end.

    The tests of the benchmarks set TRAPLINE_BENCHMARK_DATA to a data folder with an empty database,
    which is copied, and TRAPLINE_BENCHMARK_FOLDER to a folder in memory.
    """
    # SIGTERM exits normally, so that the child processes are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    # Not below a home directory: the user that PostgreSQL runs as must be able to read it.
    parent = os.environ.get("TRAPLINE_BENCHMARK_FOLDER", "/tmp")
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir=parent) as name:
        Path(name).chmod(0o755)
        data, log = Path(name) / "data", Path(name) / "log"
        data.mkdir()
        if prepared := os.environ.get("TRAPLINE_BENCHMARK_DATA"):
            subprocess.run(["cp", "-a", f"{prepared}/.", str(data)], check=True)
        ours = ("TRAPLINE_", "ML_", "S3_", "DATABASE_URL")
        quiet = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    *(
                        sys.executable,
                        "-m",
                        "trapline.cli.main",
                        "up",
                        f"--data={data}",
                        "--port=0",
                        "--no-worker",
                    ),
                    f"--processes={processes}",
                ],
                env=quiet | {"TRAPLINE_LOG_LEVEL": "warning"} | dict(settings or {}),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            yield _settle(process, data, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _settle(process: subprocess.Popen[bytes], data: Path, log: Path) -> Ground:
    deadline = time.monotonic() + 300
    while not (
        found := re.search(r"http://\S+?:(\d+)/welcome#(\S+)", log.read_text(encoding="utf-8"))
    ):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(
                f"trapline up did not start:\n{log.read_text(encoding='utf-8')[-3000:]}"
            )
        time.sleep(0.05)
    port = int(found[1])
    while True:
        try:
            Caller(port).call("GET", "/readyz")
            break
        except OSError:
            time.sleep(0.05)
    session = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    owner = {
        "link": found[2],
        "email": "bench@example.org",
        "name": "Bench",
        "password": "correct horse battery",
    }
    session.request(
        "POST",
        "/api/v2/auth/link",
        body=json.dumps(owner),
        headers={"Content-Type": "application/json"},
    )
    answer = session.getresponse()
    cookie, me = answer.getheader("Set-Cookie", "").partition(";")[0], json.loads(answer.read())
    signed = {"Cookie": cookie, "X-CSRF-Token": me["csrf_token"]}
    caller = Caller(port)
    owner_token = caller.ask("POST", "/auth/tokens", {"name": "owner"}, **signed)["token"]
    as_owner = Caller(port, owner_token)
    project = as_owner.ask("POST", "/projects", {"name": "Bench"})["id"]
    deployments = as_owner.ask("GET", f"/deployments?project={project}")["results"]
    if not deployments:
        deployments = [as_owner.ask("POST", "/deployments", {"project": project, "name": "Camera"})]
    worker_token = caller.ask(
        "POST", "/auth/tokens", {"name": "worker", "kind": "worker"}, **signed
    )["token"]
    database = find_running_url(data)
    assert database is not None
    return Ground(
        process.pid, port, database, owner_token, worker_token, project, UUID(deployments[0]["id"])
    )


def describe_machine() -> str:
    """Describe the machine, the Python version and the date of a measurement."""
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        + time.strftime("%Y-%m-%d")
    )
