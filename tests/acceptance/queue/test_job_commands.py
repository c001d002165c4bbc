"""`trapline job` against a real server: failures, retry, priority, pause, delayed start."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.camera_images import fill
from tests.support.running_server import RunningServer

from trapline.client import Trapline
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.deployments import NewDeployment
from trapline.wire.jobs import NewJob
from trapline.wire.pipelines import PipelineDefinition
from trapline.wire.projects import NewProject
from trapline.wire.results import Failure, Result


@dataclass
class Shop:
    """A server with a job of which three images failed, for two reasons."""

    server: RunningServer
    owner: str
    project: int
    name: str
    job: int

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a `trapline job` command; answers what it said."""
        done: subprocess.CompletedProcess[str] = self.server.call(
            "job", *arguments, check=False, TRAPLINE_TOKEN=self.owner
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, *arguments: str) -> Any:
        """The same, for scripts."""
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture
def shop(server: RunningServer, tmp_path: Path) -> Shop:
    name = f"failing of {tmp_path.name}"
    with server.open() as owner:
        project = owner.create_project(NewProject(name=name)).id
        deployment = owner.create_deployment(NewDeployment(project=project, name="camera")).id
        owner.upload_images(fill(tmp_path / "DCIM", 4), deployment=deployment)
        owner_token = owner.create_token(NewToken(name="cli")).token
        token = owner.create_token(
            NewToken(name="worker", kind=TokenKind.WORKER, projects=[project])
        ).token
        with Trapline(server.base_url, token) as worker:
            worker.register_pipelines(project, "service", [PipelineDefinition(name="P", slug="p")])
            job = owner.create_job(NewJob(project=project, pipeline="p")).id
            tasks: list[Any] = []
            while len(tasks) < 4:
                tasks += worker.lease_tasks(job, 10)
            words = [
                "image is not an image: 1 byte",
                "image is not an image: 20 bytes",
                "image is not an image at all",
            ]
            failures = [
                Result(
                    reply_subject=task.reply_subject,
                    result=Failure(error=error, image_id=task.image_id),
                )
                for task, error in zip(tasks, words, strict=False)
            ]
            worker.post_results(job, failures)
    return Shop(server, owner_token, project, name, job)


@pytest.mark.long
def test_failures_are_shown_and_retried(shop: Shop) -> None:
    job = str(shop.job)
    assert "3 failed" in shop.run("show", job, "--once")
    reasons = {it["reason"]: it["images"] for it in shop.ask("failures", job)["results"]}
    assert reasons == {
        "image is not an image: … byte": 1, "image is not an image: … "
                                            "bytes": 1, "image is not an image at all": 1,
    }  # fmt: skip
    assert "image is not an image at all" in shop.run("failures", job)
    listed = shop.ask("failures", job, "--reason", "image is not an image: 7 bytes")["results"]
    assert [it["error"] for it in listed] == ["image is not an image: 20 bytes"]
    task = listed[0]["analysis_id"]
    assert "error" in shop.run("failures", job, "--task", task)
    assert [it["outcome"] for it in shop.ask("failures", job, "--task", task)["attempts"]] == [
        "error"
    ]
    assert shop.ask("retry", job, "--task", task)["progress"]["failed"] == 2
    assert (
        shop.ask("retry", job, "--reason", "image is not an image at all")["progress"]["failed"]
        == 1
    )
    assert f"trapline job show {job}" in shop.run("retry", job)
    assert "No image of this job failed." in shop.run("failures", job)
    assert "nothing to retry" in shop.run("retry", job, code=4)
    assert "not both" in shop.run("retry", job, "--task", task, "--reason", "a", code=2)
    assert "not the id of a task" in shop.run("retry", job, "--task", "a", code=2)


def test_a_job_is_started_later_moved_and_canceled(shop: Shop) -> None:
    made = shop.ask("run", "p", "--project", shop.name, "--later", "--priority", "low")
    job = str(made["id"])
    assert (made["not_started"], made["priority"]) == (True, "low")
    assert "not started" in shop.run("list", "--project", shop.name)
    assert "Not started" in shop.run("show", job, "--once")
    assert shop.ask("run", f"job-{job}")["not_started"] is False
    assert shop.ask("priority", f"job-{job}", "high")["priority"] == "high"
    assert "low, normal or high" in shop.run("priority", job, "urgent", code=2)
    assert shop.ask("pause", job)["paused"] is True
    assert f"Job {job} is paused" in shop.run("pause", job)
    assert shop.ask("resume", job)["paused"] is False
    assert shop.ask("cancel", job)["status"] == "canceled"
    assert "already ended" in shop.run("pause", job, code=4)
    assert "is not a job number, such as 12 or job-12" in shop.run("show", "twelve", code=2)


def test_a_run_is_asked_for_in_every_way(shop: Shop, tmp_path: Path) -> None:
    with shop.server.open() as owner:
        images = [str(it.id) for it in owner.list_images(project=shop.project).results]
        second = owner.create_project(NewProject(name=f"second beside {shop.name}")).id
    (tmp_path / "ids.txt").write_text("\n".join(images[:2]), encoding="utf-8")
    (tmp_path / "with.json").write_text('{"size": 640, "threshold": 0.1}', encoding="utf-8")
    # The images determine which of the two projects is meant.
    said = shop.ask(
        "run", "p", "--image", images[2], "--image-file", str(tmp_path / "ids.txt"), "--priority",
        "high",
        "--parameter", "threshold=0.4", "--parameter-file", str(tmp_path / "with.json"),
        "--metadata", "ticket=7", "--metadata", "for=Ann",
    )  # fmt: skip
    assert (set(said["selection"]["images"]), said["progress"]["total"]) == (set(images[:3]), 3)
    assert (said["parameters"], said["priority"]) == ({"size": 640, "threshold": 0.4}, "high")
    assert said["metadata"] == {"ticket": 7, "for": "Ann"}
    within = ("--project", shop.name)
    when = ("--captured-after", "2020-01-01", "--captured-before", "2020-01-02T12:00:00+02:00")
    selection = shop.ask("run", "p", *within, "--deployment", "camera", *when, "--unanalysed")[
        "selection"
    ]
    assert (selection["captured_before"], selection["unanalysed_only"]) == (
        "2020-01-02T12:00:00+02:00",
        True,
    )
    urls = (
        "--url",
        "https://pictures.example/a.jpg",
        "--url",
        "https://pictures.example/b.jpg",
        "--key",
        "once",
    )
    fetching = [shop.ask("run", "p", *within, *urls) for _ in range(2)]
    assert {it["id"] for it in fetching} == {fetching[0]["id"]}
    assert fetching[0]["content_preview"] == "2 images: a.jpg, .."
    later = shop.ask("run", "p", *within, *urls[:2], "--later", "--metadata", "ticket=8")
    assert (later["not_started"], later["metadata"]) == (True, {"ticket": 8})
    assert len(shop.ask("list", *within)) == 5
    assert len(shop.ask("list", *within, "--limit", "2")) == 2
    assert shop.ask("list", *within, "--pipeline", "nothing") == []
    done = shop.server.call(
        "project", "audit", shop.name, "--action", "run", "--since", "2020-01-01", "--json",
        TRAPLINE_TOKEN=shop.owner,
    )  # fmt: skip
    assert [it["subject_id"] for it in json.loads(done.stdout)] == [
        str(it) for it in (later["id"], fetching[0]["id"], said["id"] + 1, said["id"])
    ]
    told = shop.server.call(
        "project", "audit", shop.name, "--limit", "4", TRAPLINE_TOKEN=shop.owner
    ).stdout  # fmt: skip
    assert f"job {said['id']}" in told
    assert "These are the newest 4" in told
    assert "no deployment camera" in shop.run(
        "run", "p", "--project", str(second), "--deployment", "camera", code=1
    )
