"""The server that commands talk to, and what people call things there."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from dotenv import dotenv_values

from trapline.cli.errors import CommandError, ExitCode
from trapline.client import Trapline, iterate
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.deployments import Deployment
from trapline.wire.projects import Project
from trapline.wire.taxa import Taxon

Thing = TypeVar("Thing")

DEFAULT_SERVER = "http://localhost:8000"


def get_variable(name: str) -> str | None:
    """A variable from the environment, else from the `.env` file of the working folder; None where it is not set."""
    return os.environ.get(name) or dotenv_values(Path(".env")).get(name) or None


def connect(address: str | None = None) -> Trapline:
    """A session with the server that `address` or TRAPLINE_SERVER names, and TRAPLINE_TOKEN, to be
    used in a `with`.

    Raises CommandError if there is no token or the URL is invalid.
    """
    token = get_variable("TRAPLINE_TOKEN")
    if token is None:
        raise CommandError(
            "TRAPLINE_TOKEN is not set. Make an API token on the page under Tokens, or on the "
            "server's machine with "
            "`trapline token create --data DIR --name me`.",
            ExitCode.WRONG_USAGE,
        )
    try:
        return Trapline(address or get_variable("TRAPLINE_SERVER") or DEFAULT_SERVER, token)
    except ValueError as error:
        raise CommandError(
            f"{'' if address else 'TRAPLINE_SERVER: '}{error}.", ExitCode.WRONG_USAGE
        ) from None


def resolve_project(server: Trapline, named: str | None) -> Project:
    """The project with this name or id; without one, the only project there is.

    Raises CommandError.
    """
    projects = [project for project in server.list_projects() if project.archived_at is None]
    if named is None and len(projects) == 1:
        return projects[0]
    found = [project for project in projects if named in (project.name, str(project.id))]
    if len(found) == 1:
        return found[0]
    names = (
        ", ".join(f"{project.name} ({project.id})" for project in projects)
        or "none yet: trapline project create NAME"
    )
    if named is None:
        raise CommandError(
            f"Say which project with --project. Yours: {names}.", ExitCode.WRONG_USAGE
        )
    if found:
        raise CommandError(
            f"Several projects are called {named}; give the id. Yours: {names}.",
            ExitCode.WRONG_USAGE,
        )
    raise CommandError(f"There is no project {named}. Yours: {names}.")


def resolve_deployment(server: Trapline, project: Project, named: str) -> Deployment:
    """The deployment of a project with this name or id. Raises CommandError."""
    deployments = server.list_deployments(project.id)
    for deployment in deployments:
        if named in (deployment.name, str(deployment.id)):
            return deployment
    names = ", ".join(deployment.name for deployment in deployments) or "none yet"
    raise CommandError(f"There is no deployment {named} in {project.name}. There: {names}.")


def resolve_one(
    found: Iterable[Thing], kind: str, named: str, names_of: Callable[[Thing], Iterable[object]]
) -> Thing:
    """The one of these that is called so, by one of its names or its id. Raises CommandError."""
    chosen = [thing for thing in found if named in map(str, names_of(thing))]
    where = f"`trapline {kind} list` shows them."
    if len(chosen) > 1:
        raise CommandError(
            f"Several {kind}s are called {named}; give the id. {where}", ExitCode.WRONG_USAGE
        )
    if not chosen:
        raise CommandError(f"There is no {kind} {named} in your projects. {where}")
    return chosen[0]


def resolve_taxon(server: Trapline, project: int, named: str) -> Taxon:
    """The taxon of a project with this scientific name, in any case, or id.

    Raises CommandError.
    """
    try:
        return server.get_taxon(UUID(named))
    except ValueError:
        found = iterate(server.list_taxa, project=project, search=named)
        return resolve_one(
            found, "taxon", named.casefold(), lambda it: (it.scientific_name.casefold(),)
        )


def list_in_project(
    server: Trapline, asked: Callable[..., NotebookPage[Thing]], named: str | None
) -> list[Thing]:
    """All of what a call lists page by page, of the project with this name or id, or of all of the caller's."""
    return list(iterate(asked, project=resolve_project(server, named).id if named else None))


def parse_job_id(given: str) -> int | None:
    """The number of a job from what it is called, 12 or job-12; None for what names none."""
    found = re.fullmatch(r"(?:job-)?([1-9][0-9]{0,18})", given)
    return int(found[1]) if found else None
