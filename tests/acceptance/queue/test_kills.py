"""kill -9 of any process during a job or an import: everything is done once, nothing is lost."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.support.camera_images import fill, serve_slowly
from tests.support.running_server import RunningServer, quiet_environment, wait_for

from trapline.client import ApiConnectionError, ApiStatusError, Trapline
from trapline.server.platform.postgres.postgres import find_free_port, find_running_url
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.jobs import JobDetail, JobState, NewJob
from trapline.wire.projects import NewProject
from trapline.wire.sources import NewSource

IMAGES = 150
PULLED = 60
KILLS = 3
FIELD_WORKER = Path(__file__).parents[2] / "support" / "external_worker.py"


class _Fleet:
    """Two field workers that are started again when they end, by whatever."""

    def __init__(self, server: RunningServer, token: str) -> None:
        self._command = [sys.executable, str(FIELD_WORKER), server.base_url, token, "0.02"]
        self.processes: list[subprocess.Popen[bytes]] = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._keep_running) for _ in range(2)]

    def _keep_running(self) -> None:
        while not self._ending.is_set():
            process = subprocess.Popen(
                self._command,
                env=quiet_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.processes.append(process)
            while process.poll() is None:
                if self._ending.wait(0.05):
                    process.kill()
            process.wait()

    def kill_one(self) -> None:
        """Kill -9 a worker that runs now."""
        running = [process for process in self.processes if process.poll() is None]
        assert running
        random.choice(running).kill()

    @contextmanager
    def working(self) -> Iterator["_Fleet"]:
        """Work for as long as the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            for thread in self._threads:
                thread.join()


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a slow camera with images; yield its host and port."""
    folder = tmp_path_factory.mktemp("camera")
    fill(folder / "DCIM", PULLED)
    with serve_slowly(folder) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def battered(make_prepared: Callable[[], Path], camera: str) -> Iterator[RunningServer]:
    """Start a Trapline whose parts are killed by every test, each in a separate project."""
    running = RunningServer(make_prepared(), find_free_port())
    running.settings = {
        **running.settings,
        "TRAPLINE_TASK_LOSSES": "50",
        "TRAPLINE_ALLOWED_NETWORKS": camera,
    }
    try:
        running.start()
        yield running
    finally:
        running.end()


LONG = pytest.mark.long
"""The fault tests kill these parts too, during both kinds of work."""


@pytest.mark.parametrize(
    "part", ["worker", *(pytest.param(it, marks=LONG) for it in ("api", "database", "background"))]
)
def test_a_job_ends_with_one_result_for_each_image_whatever_is_killed(
    battered: RunningServer, part: str, tmp_path: Path
) -> None:
    with battered.open() as server:
        project = server.create_project(NewProject(name="killed")).id
        deployment = server.create_deployment(NewDeployment(project=project, name="camera")).id
        uploaded = server.upload_images(fill(tmp_path / "DCIM", IMAGES), deployment=deployment)
        assert uploaded.imported == IMAGES
        token = server.create_token(
            NewToken(name="fleet", kind=TokenKind.WORKER, projects=[project])
        ).token
        with _Fleet(battered, token).working() as fleet:
            wait_for("the pipeline's registration", lambda: bool(server.list_pipelines(project)))
            job = server.create_job(NewJob(project=project, pipeline="field-pipeline")).id
            struck_in_flight = 0
            for number in range(1, KILLS + 1):
                _wait_until_done(server, job, number * IMAGES // (KILLS + 2))
                held = "select count(*) from analyses where state = 'processing' and job_id = %s"
                struck_in_flight += _read(battered, held, job)[0][0] > 0
                if part == "worker":
                    fleet.kill_one()
                else:
                    battered.kill(part)
                    time.sleep(0.3)
            wait_for(
                "the end of the job", lambda: _look(server, job).status is JobState.COMPLETED, 90
            )
        assert struck_in_flight > 0, (
            "nothing was in flight when it was struck: the test proves nothing"
        )
        ended = server.get_job(job)
    assert (ended.progress.completed, ended.progress.failed) == (IMAGES, 0)
    results = _read(
        battered,
        "select i.id, count(*) filter (where a.annotation_type = 'bounding_box') from images i "
        "left join annotations a on a.image_id = i.id where i.project_id = %s group by i.id",
        project,
    )
    assert len(results) == IMAGES
    assert {count for _, count in results} == {1}


@pytest.mark.parametrize(
    "part", [pytest.param(it, marks=LONG) for it in ("up", "background", "api", "database")]
)
def test_an_import_loses_and_doubles_no_file_whatever_is_killed(
    battered: RunningServer, camera: str, part: str
) -> None:
    """The run continues automatically: no user starts another one."""
    with battered.open() as server:
        project = server.create_project(NewProject(name="pulled")).id
        deployment = server.create_deployment(NewDeployment(project=project, name="camera")).id
        url = f"http://{camera}/DCIM/"
        new = NewSource(
            name="camera", deployment=deployment, base_url=url, max_files_per_run=0, min_age_s=0
        )
        source = server.create_source(new).id
        server.run_source(source)
        wait_for("some imports", lambda: _count_images(battered, project) >= 5)
        # Asked before the kill: imports go on while an API that was killed starts again.
        assert _count_images(battered, project) < PULLED, (
            "the kill comes too late: the test proves nothing"
        )
        battered.kill(part)
        if part == "up":
            assert battered.process is not None
            battered.process.wait()
            battered.start()
        if part != "api":
            assert _count_images(battered, project) < PULLED, (
                "the kill came too late: the test proves nothing"
            )
        wait_for("every image", lambda: _count_images(battered, project) == PULLED, 90)
        battered.wait_until_ready()
        wait_for("the end of the run", lambda: _is_over(server, source), 60)
        counts = server.get_source(source).counts
        assert (counts.imported, counts.failed, counts.duplicate) == (PULLED, 0, 0)
    stored = (
        "select count(*), count(distinct sha256), count(distinct filename) from images where "
        "project_id = %s"
    )
    assert _read(battered, stored, project) == [(PULLED, PULLED, PULLED)]
    files = _read(
        battered,
        "select state, count(*) from pulled_files where project_id = %s group by state",
        project,
    )
    assert files == [("imported", PULLED)]
    originals = battered.data / "store" / "originals" / str(project)
    assert len([path for path in originals.rglob("*") if path.is_file()]) == PULLED


def _is_over(server: Trapline, source: UUID) -> bool:
    with suppress(ApiStatusError, ApiConnectionError):
        return getattr(server.get_source(source).last_run, "state", "") == "completed"
    return False


def _count_images(server: RunningServer, project: int) -> int:
    return int(_read(server, "select count(*) from images where project_id = %s", project)[0][0])


def _wait_until_done(server: Trapline, job: int, wanted: int) -> None:
    wait_for(f"{wanted} results", lambda: _look(server, job).progress.completed >= wanted, 60)


def _look(server: Trapline, job: int) -> JobDetail:
    """The job, asked for until the server is back."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return server.get_job(job)
        except (ApiStatusError, ApiConnectionError) as error:
            passing = isinstance(error, ApiConnectionError) or error.is_transient
            if not passing or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _read(server: RunningServer, query: str, *about: Any) -> list[tuple[Any, ...]]:
    """Ask the database itself; it may be starting again at this moment."""
    deadline = time.monotonic() + 30
    while True:
        try:
            url = find_running_url(server.data)
            if url is not None:
                with psycopg.connect(url, connect_timeout=2) as connection:
                    return list(connection.execute(query.encode(), about).fetchall())
        except psycopg.OperationalError:
            pass
        assert time.monotonic() < deadline, "the database did not come back"
        time.sleep(0.1)
