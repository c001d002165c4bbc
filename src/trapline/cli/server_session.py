"""The server that commands send requests to, and the lookup of its records by name."""

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

Item = TypeVar("Item")

DEFAULT_SERVER = "http://localhost:8000"


def get_variable(name: str) -> str | None:
    """Return a variable from the environment or from `.env` in the working folder, or None."""
    return os.environ.get(name) or dotenv_values(Path(".env")).get(name) or None


def connect(address: str | None = None) -> Trapline:
    """Return a session with the server of `address` or TRAPLINE_SERVER, to use in a `with` block.

    It uses the token TRAPLINE_TOKEN. Raises CommandError if there is no token or the URL is
    invalid.
    """
    token = get_variable("TRAPLINE_TOKEN")
    if token is None:
        raise CommandError(
            "TRAPLINE_TOKEN is not set. Create an API token on the page under Tokens, or on the "
            "server's machine with `trapline token create --data DIR --name me`.",
            ExitCode.WRONG_USAGE,
        )
    try:
        return Trapline(address or get_variable("TRAPLINE_SERVER") or DEFAULT_SERVER, token)
    except ValueError as error:
        raise CommandError(
            f"{'' if address else 'TRAPLINE_SERVER: '}{error}.", ExitCode.WRONG_USAGE
        ) from None


def resolve_project(server: Trapline, named: str | None) -> Project:
    """Return the project with this name or ID, or the only project if no name is given.

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
            f"Specify a project with --project. Your projects: {names}.", ExitCode.WRONG_USAGE
        )
    if found:
        raise CommandError(
            f"Several projects have the name {named}; specify the ID. Your projects: {names}.",
            ExitCode.WRONG_USAGE,
        )
    raise CommandError(f"There is no project {named}. Your projects: {names}.")


def resolve_deployment(server: Trapline, project: Project, named: str) -> Deployment:
    """Return the deployment of a project with this name or ID. Raises CommandError."""
    deployments = server.list_deployments(project.id)
    for deployment in deployments:
        if named in (deployment.name, str(deployment.id)):
            return deployment
    names = ", ".join(deployment.name for deployment in deployments) or "none yet"
    raise CommandError(
        f"There is no deployment {named} in {project.name}. Its deployments: {names}."
    )


def resolve_one(
    found: Iterable[Item], kind: str, named: str, names_of: Callable[[Item], Iterable[object]]
) -> Item:
    """Return the only item that has this name or ID. Raises CommandError."""
    chosen = [item for item in found if named in map(str, names_of(item))]
    where = f"`trapline {kind} list` shows them."
    if len(chosen) > 1:
        raise CommandError(
            f"Several {kind}s have the name {named}; specify the ID. {where}",
            ExitCode.WRONG_USAGE,
        )
    if not chosen:
        raise CommandError(f"There is no {kind} {named} in your projects. {where}")
    return chosen[0]


def resolve_taxon(server: Trapline, project: int, named: str) -> Taxon:
    """Return the taxon of a project with this ID or scientific name, ignoring case.

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
    server: Trapline, list_page: Callable[..., NotebookPage[Item]], named: str | None
) -> list[Item]:
    """List all items of a call for one project, by name or ID, or for all of the caller's."""
    return list(iterate(list_page, project=resolve_project(server, named).id if named else None))


def parse_job_id(given: str) -> int | None:
    """Parse the number of a job from 12 or job-12; return None if the text has another form."""
    found = re.fullmatch(r"(?:job-)?([1-9][0-9]{0,18})", given)
    return int(found[1]) if found else None
