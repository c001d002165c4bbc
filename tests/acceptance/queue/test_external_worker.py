"""A field worker works with Trapline over real HTTP, and receives upright images."""

import io
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.support.adc_client import PIPELINE, FieldWorker, Refused, find_on
from tests.support.camera_images import fill
from tests.support.running_server import RunningServer, wait_for

from trapline.client import Trapline
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.jobs import JobState, NewJob, Selection
from trapline.wire.projects import NewProject, ProjectUpdate

IMAGES = 60


def _set_up(server: Trapline, name: str, files: list[Path]) -> tuple[int, str]:
    """Create a project with these images; return its ID and a worker's token."""
    project = server.create_project(NewProject(name=name)).id
    deployment = server.create_deployment(NewDeployment(project=project, name="camera")).id
    assert server.upload_images(files, deployment=deployment).imported == len(files)
    return project, server.create_token(
        NewToken(name=name, kind=TokenKind.WORKER, projects=[project])
    ).token


def _turned(path: Path) -> Path:
    """Write an image of 160 x 120 pixels that EXIF rotates to 120 x 160."""
    picture = Image.new("RGB", (160, 120), (200, 30, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, "JPEG", exif=exif)
    return path


def test_a_field_worker_drains_a_job(server: RunningServer, tmp_path: Path) -> None:
    with server.open() as api:
        project, token = _set_up(api, "field", fill(tmp_path, IMAGES))
        worker = FieldWorker(server.base_url, token)
        [registered] = worker.register()
        assert registered["pipelines_created"] == [PIPELINE["slug"]]
        assert worker.register()[0]["pipelines_created"] == []
        job = api.create_job(NewJob(project=project, pipeline="field-pipeline")).id
        wait_for("work", lambda: worker.find_job() == job)
        assert worker.drain(job) == IMAGES
        assert worker.statuses == ["accepted"] * IMAGES
        assert len(set(worker.leased)) == IMAGES
        shown = api.get_job(job)
        assert shown.status is JobState.COMPLETED
        assert shown.classes == {"moth": IMAGES}
        assert shown.annotations == 2 * IMAGES
        assert worker.find_job() is None
        [service] = api.list_services(project)
        assert service.online
        assert sum(found.completed for found in service.workers) == IMAGES


def test_a_task_serves_upright_pixels(server: RunningServer, tmp_path: Path) -> None:
    with server.open() as api:
        project, token = _set_up(api, "turned", [_turned(tmp_path / "turned.jpg")])
        sizes = []

        def look(task: dict[str, Any]) -> dict[str, Any]:
            with urllib.request.urlopen(task["image_url"], timeout=10) as picture:
                opened = Image.open(io.BytesIO(picture.read()))
                sizes.append((opened.size, opened.getexif().get(0x0112, 1)))
            return find_on(task)

        worker = FieldWorker(server.base_url, token, work=look, loaders=1)
        worker.register()
        job = api.create_job(NewJob(project=project, pipeline="field-pipeline")).id
        wait_for("work", lambda: worker.find_job() == job)
        assert worker.drain(job) == 1
        assert sizes == [((120, 160), 1)]


def test_a_standing_job_takes_what_is_uploaded(server: RunningServer, tmp_path: Path) -> None:
    with server.open() as api:
        project, token = _set_up(api, "standing", fill(tmp_path / "before", 1))
        worker = FieldWorker(server.base_url, token, loaders=1)
        worker.register()
        api.update_project(project, ProjectUpdate(automatic_pipeline="field-pipeline"))
        files = fill(tmp_path / "after", 4)[1:]
        assert api.upload_images(files, project=project).imported == 3
        [job] = api.list_jobs(project).results
        assert job.automatic
        assert worker.work_until_idle(idle_s=0.5) == 3
        again = api.get_job(job.id)
        assert (again.status, again.progress.completed) == (JobState.PROCESSING, 3)
        assert again.status_reason == "Waiting for new images."


def test_a_worker_sees_its_own_projects_only(server: RunningServer, tmp_path: Path) -> None:
    with server.open() as api:
        mine, token = _set_up(api, "mine", fill(tmp_path / "a", 1))
        other, theirs = _set_up(api, "theirs", fill(tmp_path / "b", 1))
        worker, stranger = FieldWorker(server.base_url, token), FieldWorker(server.base_url, theirs)
        worker.register()
        stranger.register()
        job = api.create_job(NewJob(project=other, pipeline="field-pipeline")).id
        wait_for("work", lambda: stranger.find_job() == job)
        assert worker.find_job() is None
        with pytest.raises(Refused) as refused:
            worker.lease(job)
        assert refused.value.status == 404
        tasks = stranger.lease(job)
        with pytest.raises(Refused) as refused:
            worker.post(job, tasks)
        assert refused.value.status == 404
        assert mine != other
        empty = api.create_job(
            NewJob(
                project=other,
                pipeline="field-pipeline",
                selection=Selection(captured_after="2100-01-01T00:00:00Z"),
            )
        ).id
        wait_for("the end of an empty job", lambda: api.get_job(empty).status is JobState.COMPLETED)
