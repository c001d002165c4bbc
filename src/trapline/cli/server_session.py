"""The server that commands talk to, and what people call things there."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from dotenv import dotenv_values

from trapline.cli.errors import CommandFailed, Exit
from trapline.client import Trapline, iterate
from trapline.client.notebook_tables import Page
from trapline.wire.deployments import Deployment
from trapline.wire.projects import Project
from trapline.wire.taxa import Taxon

Thing = TypeVar("Thing")

DEFAULT_SERVER = "http://localhost:8000"


def read_variable(name: str) -> str | None:
    """A variable from the environment, else from the `.env` file of the working folder; None where it is not set."""
    return os.environ.get(name) or dotenv_values(Path(".env")).get(name) or None


def open_server(address: str | None = None) -> Trapline:
    """A session with the server that `address` or TRAPLINE_SERVER names, and TRAPLINE_TOKEN, to be used in a `with`.

    Raises CommandFailed where there is no token or the address is none.
    """
    token = read_variable("TRAPLINE_TOKEN")
    if token is None:
        raise CommandFailed(
            "TRAPLINE_TOKEN is not set. Make an API token on the page under Tokens, or on the server's machine with "
            "`trapline token create --data DIR --name me`.",
            Exit.WRONG_USAGE,
        )
    try:
        return Trapline(address or read_variable("TRAPLINE_SERVER") or DEFAULT_SERVER, token)
    except ValueError as error:
        raise CommandFailed(f"{'' if address else 'TRAPLINE_SERVER: '}{error}.", Exit.WRONG_USAGE) from None


def get_project(server: Trapline, named: str | None) -> Project:
    """The project with this name or id; without one, the only project there is. Raises CommandFailed."""
    projects = [project for project in server.list_projects() if project.archived_at is None]
    if named is None and len(projects) == 1:
        return projects[0]
    found = [project for project in projects if named in (project.name, str(project.id))]
    if len(found) == 1:
        return found[0]
    names = (
        ", ".join(f"{project.name} ({project.id})" for project in projects) or "none yet: trapline project create NAME"
    )
    if named is None:
        raise CommandFailed(f"Say which project with --project. Yours: {names}.", Exit.WRONG_USAGE)
    if found:
        raise CommandFailed(f"Several projects are called {named}; give the id. Yours: {names}.", Exit.WRONG_USAGE)
    raise CommandFailed(f"There is no project {named}. Yours: {names}.")


def get_deployment(server: Trapline, project: Project, named: str) -> Deployment:
    """The deployment of a project with this name or id. Raises CommandFailed."""
    deployments = server.list_deployments(project.id)
    for deployment in deployments:
        if named in (deployment.name, str(deployment.id)):
            return deployment
    names = ", ".join(deployment.name for deployment in deployments) or "none yet"
    raise CommandFailed(f"There is no deployment {named} in {project.name}. There: {names}.")


def choose_one(found: Iterable[Thing], kind: str, named: str, names_of: Callable[[Thing], Iterable[object]]) -> Thing:
    """The one of these that is called so, by one of its names or its id. Raises CommandFailed."""
    chosen = [thing for thing in found if named in map(str, names_of(thing))]
    where = f"`trapline {kind} list` shows them."
    if len(chosen) > 1:
        raise CommandFailed(f"Several {kind}s are called {named}; give the id. {where}", Exit.WRONG_USAGE)
    if not chosen:
        raise CommandFailed(f"There is no {kind} {named} in your projects. {where}")
    return chosen[0]


def get_taxon(server: Trapline, project: int, named: str) -> Taxon:
    """The taxon of a project with this scientific name, in any case, or id. Raises CommandFailed."""
    try:
        return server.get_taxon(UUID(named))
    except ValueError:
        found = iterate(server.list_taxa, project=project, search=named)
        return choose_one(found, "taxon", named.casefold(), lambda it: (it.scientific_name.casefold(),))


def list_within(server: Trapline, asked: Callable[..., Page[Thing]], named: str | None) -> list[Thing]:
    """All of what a call lists page by page, of the project with this name or id, or of all of the caller's."""
    return list(iterate(asked, project=get_project(server, named).id if named else None))


def find_job_number(given: str) -> int | None:
    """The number of a job from what it is called, 12 or job-12; None for what names none."""
    found = re.fullmatch(r"(?:job-)?([1-9][0-9]{0,18})", given)
    return int(found[1]) if found else None
