"""`trapline sequence`: images of one visit, split and merged by hand."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.wire.sequences import SequenceChange

app = typer.Typer(
    help=(
        "List sequences: images of one deployment with gaps below that of the project (120 s).\n\n"
        "Images are grouped automatically, and again when images, times or the gap change: "
        "`trapline project update NAME --sequence-gap 60`. Splits and merges by hand are kept."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("list")
def list_sequences(
    *,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="Name or ID.")] = None,
    after: Annotated[str | None, typer.Option(help="Started at or after this day or time.")] = None,
    before: Annotated[str | None, typer.Option(help="Started before this day or time.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Minimum number of images.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List a project's sequences.

    Example: `trapline sequence list --deployment "Old oak" --images 2 --after 2026-05-01`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_deployment, resolve_project
    from trapline.cli.timestamps import parse_timestamp
    from trapline.client import iterate

    with connect() as server:
        within = resolve_project(server, project)
        pages = iterate(
            server.list_sequences,
            project=within.id,
            deployment=str(resolve_deployment(server, within, deployment).id)
            if deployment
            else None,
            started_after=parse_timestamp("--after", after),
            started_before=parse_timestamp("--before", before),
            images_min=images,
        )
        found = list(islice(pages, limit))
    print_list(
        found,
        ("deployment", "began", "ended", "images", "id"),
        lambda it: (it.deployment_name, it.started_at, it.ended_at, it.images, it.id),
        as_json=as_json,
    )


@app.command("show")
def show_sequence(
    sequence: Annotated[UUID, typer.Argument(metavar="SEQUENCE", help="ID.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a sequence with its images, a thousand at most.

    Example: `trapline sequence show ID`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        shown = server.get_sequence(sequence)
    if as_json:
        print_json(shown)
        return
    print(f"{shown.deployment_name}: {shown.images} images, {shown.started_at} to {shown.ended_at}")
    print_table(
        ("taken", "file", "classes", "id"),
        [(it.captured_at, it.filename, ", ".join(it.classes), it.id) for it in shown.shown],
    )


@app.command("split")
def split_sequence(
    image: Annotated[UUID, typer.Argument(metavar="IMAGE", help="ID of an image.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Split the sequence of an image before the image. Requires the reviewer role.

    Example: `trapline sequence split IMAGE`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        change = server.split_sequence(image)
    _print_change(change, "Sequence split", as_json=as_json)


@app.command("merge")
def merge_sequences(
    sequences: Annotated[list[UUID], typer.Argument(metavar="SEQUENCE...", help="IDs.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Merge consecutive sequences into the first of them. Requires the reviewer role.

    Example: `trapline sequence merge FIRST SECOND`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        change = server.merge_sequences(*sequences)
    _print_change(change, "Sequences merged", as_json=as_json)


@app.command("changes")
def list_changes(
    *,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="Name or ID.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List splits and merges by hand.

    Example: `trapline sequence changes --deployment "Old oak"`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_deployment, resolve_project
    from trapline.client import iterate

    with connect() as server:
        within = resolve_project(server, project)
        pages = iterate(
            server.list_sequence_changes,
            project=within.id,
            deployment=str(resolve_deployment(server, within, deployment).id)
            if deployment
            else None,
        )
        found = list(islice(pages, limit))
    print_list(
        found,
        ("id", "change", "images", "by", "at", "undone"),
        lambda it: (it.id, it.kind.value, it.images, it.by, it.created_at, it.undone_at),
        as_json=as_json,
    )


@app.command("undo")
def undo_change(
    change: Annotated[int, typer.Argument(metavar="CHANGE", help="ID of a split or a merge.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Undo a split or a merge. One of another user requires the manager role.

    Example: `trapline sequence undo 12`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        undone = server.undo_sequence_change(change)
    _print_change(undone, "Change undone", as_json=as_json)


def _print_change(change: "SequenceChange", done: str, *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(change)
        return
    print(f"{done}: change {change.id}, {change.images} images")
    for key in change.sequences if change.undone_at is None else ():
        print(key)
