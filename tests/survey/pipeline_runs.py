"""Run the pipelines of a survey: a worker, and an external pipeline with signed callbacks."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.support.running_server import wait_for
from tests.survey.driver import Survey
from tests.survey.model_output import CLASSES, EYE
from trapline.client import CallbackSession
from trapline.client.signing import build_secret_signer
from trapline.wire.analyses import NewAnalysis
from trapline.wire.annotations import AnnotationType
from trapline.wire.auth import NewToken, TokenKind
from trapline.wire.bulk_annotations import BulkAnnotation
from trapline.wire.jobs import JobState, NewJob, Selection
from trapline.wire.observation_settings import ObservationSettingsChange


def run_pipelines(survey: Survey) -> None:
    """Run the pipelines in order: in a worker process, or as an external pipeline.

    The settings are changed between the first and the second versions, so that results arrive
    before and after the change.
    """
    for run in survey.truth["runs"]:
        if run["key"] == "eye-2":
            change_settings(survey, survey.truth["phases"][0])
        if run["pipeline"] == EYE:
            _run_worker(survey, run)
        else:
            _send_callbacks(survey, run)


def change_settings(survey: Survey, settings: dict[str, Any]) -> None:
    """Change the settings of the observations, and wait until all images are derived again."""
    owner, project = survey.owner, survey.project
    change = ObservationSettingsChange.model_validate(settings)
    owner.change_observation_settings(project, change)
    wait_for(
        "the observations of other settings",
        lambda: owner.get_observation_settings(project).progress is None,
        120,
    )


def _run_worker(survey: Survey, run: dict[str, Any]) -> None:
    package = survey.folder / f"package-{run['key']}"
    info = package / "survey_pipelines-1.0.dist-info"
    info.mkdir(parents=True)
    here = Path(__file__).parent
    shutil.copy(here / "survey_pipeline.py", package)
    shutil.copy(here / "marker.py", package / "survey_marker.py")
    numbers = {one["id"]: one["number"] for one in survey.truth["files"]}
    says = {
        "pipeline": run["pipeline"],
        "version": run["version"],
        "classes": CLASSES,
        "found": {str(numbers[key]): found for key, found in run["found"].items()},
    }
    (package / "survey_says.json").write_text(json.dumps(says), encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: survey-pipelines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[trapline.pipelines]\n{EYE} = survey_pipeline:SurveyEye\n"
    )
    token = survey.owner.create_token(
        NewToken(name=run["key"], kind=TokenKind.WORKER, projects=[survey.project])
    ).token
    environment = {
        "PYTHONPATH": str(package),
        "TRAPLINE_TOKEN": token,
        "TRAPLINE_OUTBOX": str(survey.folder / f"outbox-{run['key']}"),
        "TRAPLINE_POLL": "0.1",
    }
    survey.server.run("register", "--pipeline", EYE, check=True, **environment)
    chosen = run["deployments"] or [None]
    jobs = [
        survey.owner.create_job(
            NewJob(
                project=survey.project,
                pipeline=EYE,
                selection=Selection()
                if key is None
                else Selection(deployment=survey.deployments[key]),
            )
        ).id
        for key in chosen
    ]
    for job in jobs:
        wait_for("work", lambda: survey.owner.get_job(job).expanded, 60)  # noqa: B023
    survey.server.run("worker", "--pipeline", EYE, "--until-idle", "1", check=True, **environment)
    for job in jobs:
        wait_for(
            "the end of a job",
            lambda: survey.owner.get_job(job).status is JobState.COMPLETED,  # noqa: B023
            120,
        )


def _send_callbacks(survey: Survey, run: dict[str, Any]) -> None:
    """Create an analysis of each image, and send callbacks signed with its secret."""
    sizes = {one["id"]: (one["width"], one["height"]) for one in survey.truth["files"]}
    for key, found in run["found"].items():
        if key not in survey.images:
            continue
        made = survey.owner.create_analysis(
            NewAnalysis(
                image_id=survey.images[key],
                model_name=run["pipeline"],
                model_version=run["version"],
                looks_for=run["looks_for"],
            )
        )
        with CallbackSession(
            survey.server.base_url, build_secret_signer(made.callback_secret)
        ) as session:
            if found:
                posted = [_describe(one, place, sizes[key]) for place, one in enumerate(found)]
                session.post_annotations(made.id, posted)
            session.finalize(made.id)


def _describe(one: dict[str, Any], place: int, size: tuple[int, int]) -> BulkAnnotation:
    if one["type"] == "classification":
        return BulkAnnotation(
            annotation_type=AnnotationType.CLASSIFICATION,
            class_name=one["name"],
            confidence=one["score"],
            data={"score": one["score"]},
            ordering=place,
        )
    corners = dict(zip(("x_min", "y_min", "x_max", "y_max"), one["box"], strict=True))
    return BulkAnnotation(
        annotation_type=AnnotationType.BOUNDING_BOX,
        class_name=one["name"],
        confidence=one["score"],
        data={**corners, "image_width": size[0], "image_height": size[1]},
        ordering=place,
    )
