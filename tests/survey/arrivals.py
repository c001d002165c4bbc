"""Collect the files of a survey: from sources that are polled, and by uploads."""

import json
from functools import partial
from typing import Any
from uuid import UUID

import httpx2

from tests.support.running_server import wait_for
from tests.survey import pictures
from tests.survey.driver import PROJECT, Survey, list_images
from trapline.wire.sources import PullRunState

UPLOADED_AT_ONCE = 20


def collect_files(survey: Survey) -> None:
    """Poll the sources, upload the other cards, add the late files and poll again."""
    runs = [(key, survey.owner.run_source(key).run_id) for key in survey.sources.values()]
    for one in survey.truth["deployments"]:
        if one["arrives"] == "cli":
            _upload_by_command(survey, one)
        elif one["arrives"] == "api":
            _upload_by_http(survey, one)
    _wait_for_runs(survey, runs)
    pictures.write_files(survey.truth, survey.cards, poll=2)
    _wait_for_runs(
        survey, [(key, survey.owner.run_source(key).run_id) for key in survey.sources.values()]
    )
    wait_for("thumbnails", lambda: all(one.thumbnail_url for one in list_images(survey)), 120)
    wait_for("sequences", lambda: all(one.sequence_id for one in list_images(survey)), 120)
    _find_images(survey)


def _wait_for_runs(survey: Survey, runs: list[tuple[UUID, UUID]]) -> None:
    for source, run in runs:
        wait_for(
            "a pull run",
            partial(_has_ended, survey, source, run),
            300,
        )
        ended = survey.owner.get_source_run(source, run)
        assert ended.state is PullRunState.COMPLETED, ended


def _has_ended(survey: Survey, source: UUID, run: UUID) -> bool:
    return survey.owner.get_source_run(source, run).state is not PullRunState.RUNNING


def _upload_by_command(survey: Survey, deployment: dict[str, Any]) -> None:
    """Upload a card with the command line, which exits with 1 if files are rejected."""
    done = survey.server.run(
        "images", "upload", str(survey.cards / deployment["root"]), "--project", PROJECT,
        "--deployment", str(survey.deployments[deployment["key"]]), "--json", check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    survey.uploads[deployment["key"]] = [one["outcome"] for one in json.loads(done.stdout)["files"]]


def _upload_by_http(survey: Survey, deployment: dict[str, Any]) -> None:
    """Upload a card as multipart requests, each file under its path on the card."""
    files = sorted(survey.of_deployment(deployment["key"]), key=lambda one: str(one["path"]))
    outcomes: list[str] = []
    with httpx2.Client(
        base_url=f"{survey.server.base_url}/api/v2", trust_env=False, timeout=60
    ) as session:
        session.headers["Authorization"] = f"Bearer {survey.server.token}"
        for start in range(0, len(files), UPLOADED_AT_ONCE):
            parts: list[Any] = [("deployment", (None, str(survey.deployments[deployment["key"]])))]
            for one in files[start : start + UPLOADED_AT_ONCE]:
                if not one["in_exif"]:
                    parts.append(("modified_at", (None, one["captured_at"])))
                content = (survey.cards / deployment["root"] / one["path"]).read_bytes()
                parts.append(("files", (one["path"], content, "image/jpeg")))
            answer = session.post("/images", files=parts)
            assert answer.status_code in (200, 201), answer.text
            outcomes += [one["outcome"] for one in answer.json()["files"]]
    survey.uploads[deployment["key"]] = outcomes


def _find_images(survey: Survey) -> None:
    keys = {(survey.deployments[one["deployment"]], one["sha256"]): one["id"]
            for one in survey.truth["files"] if one["fate"] == "stored"}  # fmt: skip
    for image in list_images(survey):
        key = keys.get((image.deployment_id, image.sha256))
        if key is not None:
            survey.images[key] = image.id
