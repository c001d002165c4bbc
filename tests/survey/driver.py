"""The driver of the survey: a real `trapline up`, used through its public interfaces alone.

Files arrive from a real nginx and a real FTP server, by the command line and by HTTP uploads. A
worker process runs the survey's pipeline, an external pipeline calls back with signed requests,
reviewers decide by API.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2

from tests.support.file_servers import PASSWORD as FTP_PASSWORD
from tests.support.file_servers import USER as FTP_USER
from tests.support.file_servers import pyftpd
from tests.support.running_server import RunningServer, wait_for
from tests.support.web_servers import nginx
from tests.survey import pictures
from tests.survey.model_output import CLASSES, EYE
from trapline.client import CallbackSession, Trapline
from trapline.client.signing import build_secret_signer
from trapline.wire.analyses import NewAnalysis
from trapline.wire.annotations import AnnotationType
from trapline.wire.auth import NewToken, Role, TokenKind
from trapline.wire.bulk_annotations import BulkAnnotation
from trapline.wire.deployments import NewDeployment
from trapline.wire.identifications import IdentificationKind, LifeStage, NewIdentification, Sex
from trapline.wire.jobs import JobState, NewJob, Selection
from trapline.wire.projects import NewProject, ProjectUpdate
from trapline.wire.sources import AuthType, NewSource, PullRunState
from trapline.wire.users import NewMembership, NewUser

PROJECT = "Survey"
PULLED = ("web", "ftp")
REVIEWER_PASSWORD = "correct horse battery staple"
UPLOADED_AT_ONCE = 20


@dataclass
class Survey:
    """A survey on its running server, and which of its records the truth's keys became."""

    truth: dict[str, Any]
    folder: Path
    server: RunningServer
    owner: Trapline
    project: int
    deployments: dict[str, UUID] = field(default_factory=dict)
    sources: dict[str, UUID] = field(default_factory=dict)
    images: dict[str, UUID] = field(default_factory=dict)
    taxa: dict[str, UUID] = field(default_factory=dict)
    uploads: dict[str, list[str]] = field(default_factory=dict)
    """What became of each file of a card that was uploaded."""

    @property
    def cards(self) -> Path:
        """The folder with the card of each deployment."""
        return self.folder / "cards"

    def of_deployment(self, key: str) -> list[dict[str, Any]]:
        """The files of a deployment."""
        return [one for one in self.truth["files"] if one["deployment"] == key]


@contextmanager
def open_survey(truth: dict[str, Any], folder: Path, data: Path, port: int) -> Iterator[Survey]:
    """Start the servers with the files of the first poll, and create the project with its deployments."""
    cards, work = folder / "cards", folder / "nginx"
    cards.mkdir()
    work.mkdir()
    pictures.write_files(truth, cards)
    with ExitStack() as stack:
        web = stack.enter_context(nginx(cards, work))
        ftp = stack.enter_context(pyftpd(cards))
        allowed = f"127.0.0.1:{urlsplit(web).port},127.0.0.1:{ftp}"
        settings = {"TRAPLINE_LOG_FORMAT": "json", "TRAPLINE_ALLOWED_NETWORKS": allowed}
        server = RunningServer(data, port, settings=settings)
        stack.callback(server.end)
        server.start()
        owner = stack.enter_context(server.open())
        project = owner.create_project(NewProject(name=PROJECT)).id
        survey = Survey(truth, folder, server, owner, project)
        for one in truth["deployments"]:
            survey.deployments[one["key"]] = owner.create_deployment(
                NewDeployment(
                    project=project,
                    name=one["name"],
                    latitude=one["latitude"],
                    longitude=one["longitude"],
                    time_zone=one["time_zone"],
                    clock_offset_s=one["clock_offset_s"],
                    camera=one["camera"]["make"],
                )
            ).id
        _create_sources(survey, web, f"ftp://127.0.0.1:{ftp}/")
        yield survey


def _create_sources(survey: Survey, web: str, ftp: str) -> None:
    for one in survey.truth["deployments"]:
        if one["arrives"] in PULLED:
            signed = {
                "auth_type": AuthType.BASIC,
                "auth_username": FTP_USER,
                "auth_password": FTP_PASSWORD,
            }
            source = survey.owner.create_source(
                NewSource(
                    name=f"source of {one['key']}",
                    base_url=f"{web if one['arrives'] == 'web' else ftp}{one['root']}/",
                    deployment=survey.deployments[one["key"]],
                    max_files_per_run=0,
                    # The survey polls; a schedule that comes once a year does not interfere.
                    schedule="0 0 1 1 *",
                    min_age_s=0,
                    **(signed if one["arrives"] == "ftp" else {}),
                )
            )
            survey.sources[one["key"]] = source.id


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
            lambda: survey.owner.get_source_run(source, run).state is not PullRunState.RUNNING,  # noqa: B023 - called here
            300,
        )
        ended = survey.owner.get_source_run(source, run)
        assert ended.state is PullRunState.COMPLETED, ended


def _upload_by_command(survey: Survey, deployment: dict[str, Any]) -> None:
    """Upload a card with the command line, which ends with 1 because files are refused."""
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


def list_images(survey: Survey, **filters: Any) -> list[Any]:
    """List the images of the survey by the Python client."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = survey.owner.list_images(
            **{"project": survey.project, **filters}, limit=1000, cursor=cursor
        )
        found += page.results
        cursor = page.next
        if cursor is None:
            return found


def _find_images(survey: Survey) -> None:
    keys = {(survey.deployments[one["deployment"]], one["sha256"]): one["id"]
            for one in survey.truth["files"] if one["fate"] == "stored"}  # fmt: skip
    for image in list_images(survey):
        key = keys.get((image.deployment_id, image.sha256))
        if key is not None:
            survey.images[key] = image.id


def import_taxa(survey: Survey) -> None:
    """Import the taxon list as CSV, with synonyms and common names, and map the labels of models."""
    languages = sorted(
        {language for one in survey.truth["taxa"] for language in one["common_names"]}
    )
    lines = [
        ",".join(
            [
                "scientific_name",
                "synonym_of",
                "kingdom",
                *(f"common_name_{language}" for language in languages),
            ]
        )
    ]
    for one in survey.truth["taxa"]:
        names = ["|".join(one["common_names"].get(language, [])) for language in languages]
        lines.append(",".join([one["scientific_name"], "", "Animalia", *names]))
        lines += [
            ",".join([synonym, one["scientific_name"], "", *("" for _ in languages)])
            for synonym in one["synonyms"]
        ]
    sheet = survey.folder / "taxa.csv"
    sheet.write_text("\n".join(lines), encoding="utf-8")
    survey.server.run("taxon", "import", str(sheet), "--project", PROJECT)
    listed = json.loads(survey.server.run("taxon", "list", "--project", PROJECT, "--json").stdout)
    survey.taxa |= {one["scientific_name"]: UUID(one["id"]) for one in listed}
    meanings = {label: survey.taxa[name] for label, name in survey.truth["labels"].items()}
    survey.owner.map_labels(survey.project, meanings)


def run_pipelines(survey: Survey) -> None:
    """Run each pipeline in its turn: in a worker process, or as an external pipeline that calls back."""
    for run in survey.truth["runs"]:
        if run["pipeline"] == EYE:
            _work(survey, run)
        else:
            _call_back(survey, run)


def _work(survey: Survey, run: dict[str, Any]) -> None:
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
        wait_for("work", lambda: survey.owner.get_job(job).expanded, 60)  # noqa: B023 - called here
    survey.server.run("worker", "--pipeline", EYE, "--until-idle", "1", check=True, **environment)
    for job in jobs:
        wait_for(
            "the end of a job",
            lambda: survey.owner.get_job(job).status is JobState.COMPLETED,  # noqa: B023 - called here
            120,
        )


def _call_back(survey: Survey, run: dict[str, Any]) -> None:
    """Create an analysis of each image and call back, signed with the secret of that analysis."""
    sizes = {one["id"]: (one["width"], one["height"]) for one in survey.truth["files"]}
    for key, found in run["found"].items():
        if key not in survey.images:
            continue
        made = survey.owner.create_analysis(
            NewAnalysis(
                image_id=survey.images[key],
                model_name=run["pipeline"],
                model_version=run["version"],
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
            annotation_type=AnnotationType.CLASSIFICATION, class_name=one["name"], confidence=one["score"],
            data={"score": one["score"]}, ordering=place,
        )  # fmt: skip
    corners = dict(zip(("x_min", "y_min", "x_max", "y_max"), one["box"], strict=True))
    return BulkAnnotation(
        annotation_type=AnnotationType.BOUNDING_BOX, class_name=one["name"], confidence=one["score"],
        data={**corners, "image_width": size[0], "image_height": size[1]}, ordering=place,
    )  # fmt: skip


def review(survey: Survey) -> None:
    """Let each reviewer decide in the order of the truth, and withdraw what is withdrawn."""
    names = sorted({one["by"] for one in survey.truth["decisions"] if one["channel"] == "api"})
    reviewers = {name: _invite(survey, name) for name in names}
    for one in survey.truth["decisions"]:
        if one["file"] not in survey.images or one["channel"] != "api":
            continue
        client = reviewers[one["by"]]
        [made] = client.create_identifications(_word(survey, one))
        if one["withdrawn"]:
            client.withdraw_identifications([made.id])
    for client in reviewers.values():
        client.close()


def _word(survey: Survey, one: dict[str, Any]) -> NewIdentification:
    about: dict[str, Any] = {"images": [survey.images[one["file"]]]}
    if one["run"] is not None:
        about = {"annotations": [_find_box(survey, one)]}
    return NewIdentification(
        kind=IdentificationKind(one["kind"]),
        taxon=survey.taxa[one["taxon"]] if "taxon" in one else None,
        comment=one.get("comment"),
        count=one.get("count"),
        sex=Sex(one["sex"]) if one.get("sex") else None,
        life_stage=LifeStage(one["life_stage"]) if one.get("life_stage") else None,
        behaviour=one.get("behaviour"),
        **about,
    )


def _find_box(survey: Survey, decision: dict[str, Any]) -> UUID:
    run = next(one for one in survey.truth["runs"] if one["key"] == decision["run"])
    wanted = [float(edge) for edge in run["found"][decision["file"]][decision["index"]]["box"]]
    page = survey.owner.list_image_annotations(
        survey.images[decision["file"]], type="bounding_box", limit=1000
    )
    for one in page.results:
        box = [float(one.data[corner]) for corner in ("x_min", "y_min", "x_max", "y_max")]
        if (one.model_name, one.model_version, box) == (run["pipeline"], run["version"], wanted):
            return one.id
    raise AssertionError(f"no annotation for {decision}: {page.results}")


def _invite(survey: Survey, name: str) -> Trapline:
    email = f"{name.split()[0].lower()}@example.org"
    invited = survey.owner.invite_user(
        NewUser(
            email=email,
            name=name,
            memberships=[NewMembership(project=survey.project, role=Role.REVIEWER)],
        )
    )
    link = invited.link.url.rpartition("#")[2]
    with httpx2.Client(base_url=f"{survey.server.base_url}/api/v2", trust_env=False) as session:
        entered = session.post(
            "/auth/link", json={"link": link, "name": name, "password": REVIEWER_PASSWORD}
        )
        assert entered.status_code == 200, entered.text
        session.headers["X-CSRF-Token"] = entered.json()["csrf_token"]
        token = session.post("/auth/tokens", json={"name": "survey"})
        assert token.status_code in (200, 201), token.text
        return Trapline(survey.server.base_url, token.json()["token"])


def publish(survey: Survey) -> None:
    """Make the project public, and wait until the days are counted."""
    survey.owner.update_project(survey.project, ProjectUpdate(public=True))
    wait_for(
        "the counts of days", lambda: not survey.owner.get_summary(survey.project).is_behind, 120
    )
