"""The server that commands talk to, and what people call things there."""

import os
import re
from pathlib import Path

from dotenv import dotenv_values

from trapline.cli.failures import CommandFailed, Exit
from trapline.client import Trapline
from trapline.wire.deployments import Deployment
from trapline.wire.projects import Project

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


def find_job_number(given: str) -> int | None:
    """The number of a job from what it is called, 12 or job-12; None for what names none."""
    found = re.fullmatch(r"(?:job-)?([1-9][0-9]{0,18})", given)
    return int(found[1]) if found else None
