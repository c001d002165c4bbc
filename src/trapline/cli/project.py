"""`trapline project`: make and list projects."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Projects own everything else; people have a role in each.", no_args_is_help=True, rich_markup_mode="markdown"
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help='Such as "Forest edge".')],
    *,
    description: Annotated[str, typer.Option(help="What it is about.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a project; you become its owner.

    Example: `trapline project create "Forest edge"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server
    from trapline.wire.projects import NewProject

    with open_server() as server:
        project = server.make_project(NewProject(name=name, description=description))
    if as_json:
        print_json(project)
    else:
        print(f"Made project {project.id}: {project.name}")


@app.command("list")
def list_projects(*, as_json: AsJson = False) -> None:
    """List your projects."""
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import open_server

    with open_server() as server:
        projects = server.list_projects()
    if as_json:
        print_json(projects)
    else:
        print_table(
            ("id", "name", "role", "images", "made"),
            [(str(it.id), it.name, it.role or "token", it.images, it.created_at) for it in projects],
        )
