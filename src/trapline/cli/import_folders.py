"""Folders of imported files: assign them to deployments, and print folders without a match."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.imports import Import, UnmatchedFolders

MOST_PRINTED = 50


def read_folders(server: "Trapline", project: int, given: Sequence[str]) -> dict[str, UUID]:
    """Parse FOLDER=DEPLOYMENT, with the name or ID of a deployment. Raises CommandError."""
    from trapline.cli.errors import CommandError, ExitCode

    if not given:
        return {}
    known: dict[str, UUID] = {}
    for deployment in server.list_deployments(project):
        known |= {deployment.name: deployment.id, str(deployment.id): deployment.id}
    folders: dict[str, UUID] = {}
    for one in given:
        # Both names may contain "=". The longest suffix that names a deployment is used.
        places = [at for at, letter in enumerate(one) if letter == "=" and one[:at].strip()]
        found = next((at for at in places if one[at + 1 :].strip() in known), None)
        if found is None:
            near = _list_nearest(one.rpartition("=")[2].strip(), known)
            why = (
                f"The nearest names: {near}."
                if near
                else "`trapline deployment list` lists the deployments."
            )
            raise CommandError(
                f"--folder {one!r} is not FOLDER=DEPLOYMENT with a deployment of this project. "
                "Nothing was imported. "
                f"{why}",
                ExitCode.WRONG_USAGE,
            )
        folder, deployment_id = one[:found].strip(), known[one[found + 1 :].strip()]
        if folders.get(folder, deployment_id) != deployment_id:
            raise CommandError(
                f"--folder assigns {folder} to two deployments. Nothing was imported. Choose one.",
                ExitCode.WRONG_USAGE,
            )
        folders[folder] = deployment_id
    return folders


def _list_nearest(name: str, known: dict[str, UUID]) -> str:
    from difflib import get_close_matches

    return ", ".join(get_close_matches(name, known, 3, 0.5))


def print_folders(found: "UnmatchedFolders", imported: "Import") -> None:
    """Print folders whose entries match no image or several, with similar deployment names."""
    if not found.folders:
        return
    print("Folders with entries that match no image or several:")
    for one in found.folders[:MOST_PRINTED]:
        near = ", ".join(deployment.name for deployment in one.nearest)
        print(
            f"  {one.folder}: {one.entries:,} "
            f"entries{f'; nearest deployments: {near}' if near else ''}"
        )
    if len(found.folders) > MOST_PRINTED:
        print(
            f"  ... and {len(found.folders) - MOST_PRINTED:,} more: trapline import folders "
            f"{imported.id} --json"
        )
    if not found.is_complete:
        print("Only the first 10,000 faults were searched for folders.")
    if not found.all_compared:
        print(
            "There are too many folders and deployments to compare all names: some nearest "
            "deployments are missing."
        )
    if found.can_assign:
        print(
            f'Assign a folder: trapline import folders {imported.id} --folder "FOLDER=DEPLOYMENT"'
        )
