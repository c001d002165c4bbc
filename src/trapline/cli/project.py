"""`trapline project`: make and list projects, and read who did what in one."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trapline.wire.audit import AuditEntry

app = typer.Typer(
    help="Projects own everything else; people have a role in each.", no_args_is_help=True, rich_markup_mode="markdown"
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
SHOWN_DETAILS = 100


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


@app.command("audit")
def show_audit(
    project: Annotated[str | None, typer.Argument(help="Name or id; not needed if you have one project.")] = None,
    *,
    actor: Annotated[str | None, typer.Option(help="Only what this one did, by the `actor_id` of --json.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as change or download.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only what was done to these, such as job or source.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Not before, such as 2026-05-01.")] = None,
    limit: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Say who changed what in a project you own, and who read whole pictures and exports; the newest first.

    Example: `trapline project audit "Forest edge" --action download --since 2026-05-01`
    """
    from itertools import islice

    from trapline.cli.moments import read_moment
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import get_project, open_server
    from trapline.client import iterate

    asked = {"actor": actor, "action": action, "kind": kind, "since": read_moment("--since", since)}
    with open_server() as server:
        within = get_project(server, project).id
        found = list(islice(iterate(server.list_audit, project=within, **asked, limit=min(limit, 500)), limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ("at", "who", "did", "what", "from", "details"),
        [(it.at, it.actor, it.action, f"{it.kind} {it.subject_id}", it.address, _tell_details(it)) for it in found],
    )
    if len(found) == limit:
        print(f"These are the newest {limit:,}; --limit shows more.")


def _tell_details(entry: "AuditEntry") -> str:
    """What is known besides, in a line."""
    from trapline.cli.parameters import write_parameters

    said = write_parameters(entry.details)
    return said if len(said) <= SHOWN_DETAILS else f"{said[: SHOWN_DETAILS - 2]}.."
