"""Start the server of a survey, and create its project, deployments, sources and taxa.

The survey runs a real `trapline up` and uses its public interfaces only. Files come from a real
nginx and a real FTP server, from the command line and from HTTP uploads.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from tests.support.file_servers import PASSWORD as FTP_PASSWORD
from tests.support.file_servers import USER as FTP_USER
from tests.support.file_servers import pyftpd
from tests.support.running_server import RunningServer, wait_for
from tests.support.web_servers import nginx
from tests.survey import pictures
from trapline.client import Trapline, iterate
from trapline.wire.deployments import NewDeployment
from trapline.wire.observations import Observation
from trapline.wire.projects import NewProject, ProjectUpdate
from trapline.wire.sources import AuthType, NewSource

PROJECT = "Survey"
PULLED = ("web", "ftp")


@dataclass
class Survey:
    """A survey on its running server, with the IDs of its records by the keys of the truth."""

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
    """The outcome of each uploaded file, by deployment."""
    people: dict[str, UUID] = field(default_factory=dict)
    """The IDs of the users who reviewed, by name."""
    withdrawn: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """The observations of images before an identification, and after it was withdrawn."""

    @property
    def cards(self) -> Path:
        """The folder with the memory card of each deployment."""
        return self.folder / "cards"

    def of_deployment(self, key: str) -> list[dict[str, Any]]:
        """Return the files of a deployment."""
        return [one for one in self.truth["files"] if one["deployment"] == key]


@contextmanager
def open_survey(truth: dict[str, Any], folder: Path, data: Path, port: int) -> Iterator[Survey]:
    """Start the servers with the files of the first poll, and create project and deployments."""
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
                    # The survey starts each run; the yearly schedule does not interfere.
                    schedule="0 0 1 1 *",
                    min_age_s=0,
                    **(signed if one["arrives"] == "ftp" else {}),
                )
            )
            survey.sources[one["key"]] = source.id


def list_images(survey: Survey, **filters: Any) -> list[Any]:
    """List the images of the survey with the Python client."""
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


def list_observations(survey: Survey, **filters: Any) -> list[Observation]:
    """List the observations of the survey with the Python client."""
    pages = iterate(survey.owner.list_observations, project=survey.project, **filters)
    return list(pages)


def import_taxa(survey: Survey) -> None:
    """Import the taxa as CSV, with synonyms and common names, and map the labels of models."""
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


def publish(survey: Survey) -> None:
    """Make the project public, and wait for the counts of days."""
    survey.owner.update_project(survey.project, ProjectUpdate(public=True))
    wait_for_day_counts(survey)


def wait_for_day_counts(survey: Survey) -> None:
    """Wait until the counts of days are those of the current observations."""
    wait_for(
        "the counts of days", lambda: not survey.owner.get_summary(survey.project).is_behind, 120
    )
