"""Log lines name their subject with the same keys everywhere, and contain no secret."""

import ast
import json
from pathlib import Path
from uuid import uuid4

import structlog
from structlog.testing import capture_logs
from tests.house.tree import ROOT
from tests.support.api_project import make_field
from tests.support.pull_source import fill, make_feed

from trapline.server.app.background.background_tasks import _wrap_queued
from trapline.server.app.http.application import list_routes
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.telemetry import _CONCERNED, build_log_context

BOUND = [structlog.contextvars.merge_contextvars]
LEVELS = {"debug", "info", "warning", "error", "exception"}
# Ids of what no other line is about; every other id goes by the word of what it names.
OTHER_IDS = {"chore_id"}


async def test_a_request_names_itself_and_what_its_path_names(system: AppContext) -> None:
    field = await make_field(system)
    job = await field.run_job()
    headers = {"Authorization": f"Bearer {field.owner}", "X-Request-Id": "mine-7"}
    with capture_logs(processors=BOUND) as logged:
        answer = await field.client.get(f"/api/v2/jobs/{job}", headers=headers)
        worker = {"Authorization": f"Bearer {field.worker}", "X-Trapline-Worker": str(uuid4())}
        await field.client.post("/api/v2/tasks/lease", json={}, headers=worker)
    assert answer.headers["x-request-id"] == "mine-7"
    [line] = [
        line for line in logged if line["event"] == "request" and line.get("request") == "mine-7"
    ]
    assert (line["job"], line["status"]) == (str(job), 200)
    [line] = [line for line in logged if line["event"] == "request" and line.get("worker")]
    assert line["worker"] == worker["X-Trapline-Worker"]
    told = json.dumps(logged, default=str)
    assert field.owner not in told
    assert field.worker not in told


async def test_log_lines_of_a_run_name_its_source(system: AppContext) -> None:
    async with make_feed(system) as feed:
        fill(feed.camera, "a.jpg")
        await feed.change(auth_type="basic", auth_username="ranger", auth_password="swordfish 4711")
        feed.camera.faults = {"": "500"}
        with capture_logs(processors=BOUND) as logged:
            run = await feed.run()
    about = {
        "project": int(feed.house.ids["project_id"]),
        "source": str(feed.source_id),
        "run": str(run.id),
    }
    lines = [line for line in logged if line.get("source") == str(feed.source_id)]
    assert run.state == "failed"
    assert lines
    assert [{name: line.get(name) for name in about} for line in lines] == [about] * len(lines)
    assert "swordfish" not in json.dumps(logged, default=str)


async def test_a_chore_names_its_job(system: AppContext) -> None:
    async def chore(_system: AppContext, job_id: int) -> None:
        structlog.get_logger("chore").info("done", of=job_id)

    with capture_logs(processors=BOUND) as logged:
        await _wrap_queued(system, "sweep", chore)(job_id=12)
    assert logged == [{"event": "done", "log_level": "info", "of": 12, "job": 12, "chore": "sweep"}]


def test_every_id_of_a_path_has_a_word() -> None:
    named = {
        part.strip("{}").removesuffix(":path")
        for route in list_routes()
        for part in route.split("/")
        if "{" in part
    }
    ids = {name for name in named if name.endswith("_id")}
    assert set(build_log_context(dict.fromkeys(ids, 1))) >= {
        "project",
        "job",
        "analysis",
        "source",
        "image",
        "worker",
    }
    assert {"project", "job", "analysis", "worker", "source"} <= set(_CONCERNED)


def test_lines_say_the_same_word_for_the_same_thing() -> None:
    """With `job_id=` in one place and `job=` in another, a search for a job misses lines."""
    wrong = []
    for file in sorted((ROOT / "src/trapline/server").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and ast.unparse(node.func.value) == "log"
            ):
                given = {word.arg for word in node.keywords if word.arg}
                wrong += [
                    f"{Path(file).name}: {word}"
                    for word in given - OTHER_IDS
                    if word.endswith("_id") or word == "task"
                ]
    assert not wrong
