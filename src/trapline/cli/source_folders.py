"""`trapline source folders`, `grant` and `revoke`: local folders that pull sources may read."""

from typing import Annotated

import typer

from trapline.cli.options import AsJson


def list_source_folders(
    *,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="List the sources whose folder is not granted. Requires an operator."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the folders of the server's machine that are granted to projects.

    Operators see all projects.
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect

    with connect() as server:
        if missing:
            print_list(
                server.list_ungranted_sources(),
                ("source", "project", "folder", "active", "reason"),
                lambda it: (it.name, it.project_name, it.base_url, it.is_active, it.detail),
                as_json=as_json,
            )
            return
        print_list(
            server.list_source_folders(),
            ("folder", "project", "granted by", "granted at", "id"),
            lambda it: (it.path, it.project_name, it.granted_by, it.created_at, it.id),
            as_json=as_json,
        )


def grant_source_folder(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Absolute path on the server's machine.")
    ],
    *,
    project: Annotated[str, typer.Option(help="A project (name or ID).")],
    as_json: AsJson = False,
) -> None:
    """Grant a folder of the server's machine to a project. Requires an operator.

    Example: `trapline source grant /media/cards --project "Forest edge"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.source_folders import NewSourceFolder

    with connect() as server:
        number = int(project) if project.isdigit() else resolve_project(server, project).id
        granted = server.grant_source_folder(NewSourceFolder(project=number, path=path))
    if as_json:
        print_json(granted)
    else:
        print(f"Granted {granted.path} to {granted.project_name}")


def revoke_source_folder(
    path: Annotated[str, typer.Argument(metavar="PATH", help="The granted path.")],
    *,
    project: Annotated[str, typer.Option(help="A project (name or ID).")],
) -> None:
    """Revoke a folder: the sources that read it pause. Images are kept. Requires an operator."""
    from trapline.cli.errors import CommandError
    from trapline.cli.server_session import connect

    with connect() as server:
        for folder in server.list_source_folders():
            if folder.path == path and project in (folder.project_name, str(folder.project_id)):
                server.revoke_source_folder(folder.id)
                print(f"Revoked {path} of {folder.project_name}")
                return
    raise CommandError(f"{path} is not granted to {project}. Nothing was changed.")
