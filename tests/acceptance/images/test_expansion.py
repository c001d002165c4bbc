"""A job over many images starts with the first of them.

A kill -9 neither loses nor repeats an image.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.support.running_server import RunningServer, wait_for

from trapline.client import Trapline
from trapline.client.errors import ApiStatusError
from trapline.server.platform.postgres.postgres import find_free_port, find_running_url
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.jobs import NewJob
from trapline.wire.pipelines import PipelineDefinition
from trapline.wire.projects import NewProject
from trapline.wire.tasks import Task

IMAGES = 60_000


@pytest.fixture(scope="module")
def battered(make_prepared: Callable[[], Path]) -> Iterator[RunningServer]:
    """One Trapline whose processes are killed by every test, each in a separate project."""
    running = RunningServer(make_prepared(), find_free_port())
    try:
        running.start()
        yield running
    finally:
        running.end()


@pytest.mark.parametrize(
    "part", [pytest.param(it, marks=pytest.mark.long) for it in ("background", "database", "up")]
)
def test_an_expansion_goes_on_after_a_kill(battered: RunningServer, part: str) -> None:
    with battered.open() as owner:
        project = owner.create_project(NewProject(name="many")).id
        deployment = owner.create_deployment(NewDeployment(project=project, name="camera")).id
        token = owner.create_token(
            NewToken(name="worker", kind=TokenKind.WORKER, projects=[project])
        ).token
        with Trapline(battered.base_url, token) as worker:
            worker.register_pipelines(project, "service", [PipelineDefinition(name="P", slug="p")])
        _add_images(battered, project, str(deployment))
        job = owner.create_job(NewJob(project=project, pipeline="p")).id
        wait_for("the first rows", lambda: _count(battered, job) > 0)
        battered.kill(part)
        struck_at = 0 if part != "background" else _count(battered, job)
        assert struck_at < IMAGES, (
            "everything was written before the strike: the test proves nothing"
        )
        if part == "up":
            assert battered.process is not None
            battered.process.wait()
            battered.start()
        battered.wait_until_ready()
        with Trapline(battered.base_url, token) as worker:
            # Children of a killed PostgreSQL live on for a moment, and one of them may have said
            # that all is well.
            assert len(_lease(worker, job)) == 10
        wait_for("the last row", lambda: owner.get_job(job).expanded, 60)
        shown = owner.get_job(job)
    assert shown.progress.total == IMAGES
    with psycopg.connect(_address(battered)) as connection:
        rows = connection.execute(
            "select count(*), count(distinct image_id) from analyses where job_id = %s", (job,)
        ).fetchone()
    assert rows == (IMAGES, IMAGES)


def _lease(worker: Trapline, job: int) -> list[Task]:
    """Lease ten tasks.

    While the database is unavailable nothing is leased, and the request is repeated.
    """
    for _ in range(100):
        try:
            return worker.lease_tasks(job, 10)
        except ApiStatusError as refused:
            if refused.status != 503:
                raise
            time.sleep(0.1)
    return []


def _address(server: RunningServer) -> str:
    found = find_running_url(server.data)
    assert found is not None
    return found


def _count(server: RunningServer, job: int) -> int:
    with psycopg.connect(_address(server)) as connection:
        row = connection.execute("select open from jobs where id = %s", (job,)).fetchone()
    assert row is not None
    return int(row[0])


def _add_images(server: RunningServer, project: int, deployment: str) -> None:
    """Rows of images without files: no image is opened here."""
    with psycopg.connect(_address(server)) as connection:
        connection.execute(
            """
            insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type,
                filename, width, height,
                storage_key, captured_at, captured_at_source, time_zone, thumbnails_at,
                orientation, clock_offset_s,
                flags, exif, reviewed)
            select gen_random_uuid(), %s, %s, int4send(n), 1, 'image/jpeg', n || '.jpg', 200, 100,
                'originals/' || n, now(), 'exif', 'UTC', now(), 1, 0, '{}', '{}', false
            from generate_series(1, %s) as g(n)
            """,
            (project, deployment, IMAGES),
        )
