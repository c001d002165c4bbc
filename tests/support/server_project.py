"""A project with images on a running server, a worker's token, and access to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from tests.support.adc_client import FieldWorker
from tests.support.camera_images import fill
from tests.support.running_server import RunningServer, wait_for
from trapline.client import Trapline
from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.jobs import JobDetail, JobState, NewJob
from trapline.wire.projects import NewProject


@dataclass
class Field:
    """Project with images.

    Two workers with different tokens do not extend each other's leases.
    """

    server: RunningServer
    api: Trapline
    name: str
    project: int

    def make_token(self) -> str:
        """Make another worker's token."""
        return self.api.create_token(
            NewToken(name=self.name, kind=TokenKind.WORKER, projects=[self.project])
        ).token

    def make_worker(self, **changes: Any) -> FieldWorker:
        """Register a field worker with a new token."""
        worker = FieldWorker(self.server.base_url, self.make_token(), **changes)
        worker.register()
        return worker

    def run_job(self, worker: FieldWorker, **asked: Any) -> int:
        """Create a job over all images and wait until it can be leased."""
        job = self.api.create_job(
            NewJob(project=self.project, pipeline="field-pipeline", **asked)
        ).id
        wait_for("work", lambda: self.api.get_job(job).expanded)
        assert worker.find_job() == job
        return job

    def wait_for_end(self, job: int, state: JobState = JobState.COMPLETED) -> JobDetail:
        """Wait until a job has ended so."""
        wait_for(f"a {state} job", lambda: self.api.get_job(job).status is state)
        return self.api.get_job(job)

    def read(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        url = find_running_url(self.server.data)
        assert url is not None
        with psycopg.connect(url) as connection:
            return list(connection.execute(query.encode(), parameters).fetchall())

    def count_boxes(self, job: int) -> dict[UUID, int]:
        """How many boxes each task of a job has, tasks without any included."""
        rows = self.read(
            "select a.id, count(n.id) filter (where n.annotation_type = 'bounding_box') from "
            "analyses a "
            "left join annotations n on n.analysis_id = a.id where a.job_id = %s group by a.id",
            job,
        )
        return {analysis: int(count) for analysis, count in rows}

    def count_attempts(self, job: int, outcome: str) -> int:
        """How many attempts of a job ended so."""
        query = "select count(*) from attempts t join analyses a on a.id = t.analysis_id"
        return int(self.read(f"{query} where a.job_id = %s and t.outcome = %s", job, outcome)[0][0])


@contextmanager
def open_field(server: RunningServer, name: str, files: list[Path]) -> Iterator[Field]:
    """Create a project with these images."""
    with server.open() as api:
        project = api.create_project(NewProject(name=name)).id
        deployment = api.create_deployment(NewDeployment(project=project, name="camera")).id
        assert api.upload_images(files, deployment=deployment).imported == len(files)
        yield Field(server, api, name, project)


@contextmanager
def open_filled_field(
    server: RunningServer, name: str, folder: Path, images: int
) -> Iterator[Field]:
    """Create a project with `count` images."""
    with open_field(server, name, fill(folder, images)) as field:
        yield field
