"""`trapline pipeline`: registered pipelines, their services, algorithms and classes."""

from itertools import islice
from typing import Annotated

import typer

from trapline.cli.options import AsJson, InProject

app = typer.Typer(
    help=(
        "Pipelines are registered by workers (`trapline worker`, `trapline register`), and made of "
        "algorithms.\n\n"
        "`trapline job run SLUG` runs one; `trapline preset add` names one with its parameters."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Search = Annotated[str | None, typer.Option(help="Only names that contain this text, in any case.")]


@app.command("list")
def list_pipelines(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List a project's pipelines, and whether a worker that offers them is online.

    Example: `trapline pipeline list`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.list_pipelines(resolve_project(server, project).id)
    print_list(
        found,
        ("slug", "name", "version", "algorithms", "offered by", "online"),
        lambda it: (
            it.slug,
            it.name,
            str(it.version),
            ", ".join(one.key for one in it.algorithms),
            ", ".join(it.services),
            it.online,
        ),
        as_json=as_json,
    )


@app.command("services")
def list_services(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List the processing services that offer a project's pipelines.

    Example: `trapline pipeline services`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.list_services(resolve_project(server, project).id)
    print_list(
        found,
        ("service", "online", "last seen", "pipelines", "id"),
        lambda it: (it.name, it.online, it.last_seen_at, ", ".join(it.pipelines), str(it.id)),
        as_json=as_json,
    )


@app.command("algorithms")
def list_algorithms(
    *,
    project: InProject = None,
    search: Annotated[
        str | None,
        typer.Option(help="Only with this text in the name, the key or a class, in any case."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List a project's algorithms: all, or those with a text in their name, their key or one of
    their classes.

    Example: `trapline pipeline algorithms --search lynx`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        found = list(
            iterate(
                server.list_algorithms, project=resolve_project(server, project).id, search=search
            )
        )
    print_list(
        found,
        ("id", "key", "version", "name", "task", "classes", "part of"),
        lambda it: (
            str(it.id),
            it.key,
            str(it.version),
            it.name,
            it.task_type,
            it.classes,
            ", ".join(it.pipelines),
        ),
        as_json=as_json,
    )


@app.command("classes")
def list_classes(
    algorithm: Annotated[
        int, typer.Argument(metavar="ALGORITHM", help="ID, as shown by `algorithms`.")
    ],
    *,
    search: Search = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number; all by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the classes of an algorithm in the order of its scores.

    Example: `trapline pipeline classes 3 --search fox`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        found = list(
            islice(iterate(server.list_algorithm_classes, algorithm, search=search), limit)
        )
    print_list(found, ("index", "class"), lambda it: (it.index, it.label), as_json=as_json)
