"""`trapline bulk-identification`: the same identification of many images, undone as one."""

import time
from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.bulk_identifications import BulkIdentification

app = typer.Typer(
    help=(
        "Identify up to 100,000 images at once, and withdraw that in one step.\n\n"
        "The number of images is shown before they are identified. Images that are deleted, or "
        "that another user identifies meanwhile, are skipped."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
LOOK_EVERY_S = 1.0
UNFINISHED = ("running", "withdrawing")
BulkId = Annotated[UUID, typer.Argument(metavar="BULK", help="ID of the bulk identification.")]


@app.command("add")
def add_bulk_identification(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="confirm, correct, blank or unsure.")],
    *,
    project: InProject = None,
    deployment: Annotated[
        str | None, typer.Option(help="Only images of this deployment, by name or ID.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="FILTER=VALUE",
            help="Only images that match a filter of `GET /api/v2/images`, such as reviewed=false "
            "or class=fox; may be given several times.",
        ),
    ] = None,
    image: Annotated[
        list[UUID] | None,
        typer.Option("--image", help="ID of an image, instead of a filter; repeatable."),
    ] = None,
    sequence: Annotated[
        list[UUID] | None,
        typer.Option("--sequence", help="ID of a sequence, instead of a filter; repeatable."),
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="images, or sequences for one statement about each.")
    ] = None,
    apply_to: Annotated[
        str | None, typer.Option(help="With sequences: boxes (images with a box) or all.")
    ] = None,
    taxon: Annotated[UUID | None, typer.Option(help="With correct: ID of the taxon.")] = None,
    label: Annotated[
        str | None, typer.Option(help="With correct: a name that is not on the species list.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Number of individuals.")] = None,
    comment: Annotated[str | None, typer.Option(help="Comment.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Identify images, sequences, or all images that match a filter.

    Shows the number of images and asks before anything is identified.

    Example: `trapline bulk-identification add blank --deployment "Old oak" --where blank=true`
    """
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect, resolve_deployment, resolve_project
    from trapline.wire.bulk_identifications import NewBulkIdentification

    values = {
        "kind": kind,
        "images": image,
        "sequences": sequence,
        "unit": unit,
        "apply_to": apply_to,
        "taxon": taxon,
        "label": label,
        "count": count,
        "comment": comment,
    }
    given = {name: value for name, value in values.items() if value is not None}
    filters = dict(_parse_filter(one) for one in where or ())
    with connect() as server:
        within = resolve_project(server, project)
        if deployment is not None:
            filters["deployment"] = str(resolve_deployment(server, within, deployment).id)
        new = build_request(NewBulkIdentification, given, "bulk identification")
        bulk = server.prepare_bulk_identification(new, project=within.id, **filters)
        if not yes:
            reviewed = f", {bulk.reviewed:,} of them reviewed" if bulk.reviewed else ""
            typer.confirm(f"Identify {bulk.images:,} images{reviewed}?", abort=True)
        _show(_wait(server, server.start_bulk_identification(bulk.id)), as_json=as_json)


@app.command("list")
def list_bulk_identifications(
    *,
    project: InProject = None,
    person: Annotated[UUID | None, typer.Option(help="Only those of this user, by ID.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the bulk identifications of a project.

    Example: `trapline bulk-identification list`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        pages = iterate(
            server.list_bulk_identifications,
            project=resolve_project(server, project).id,
            person=str(person) if person else None,
        )
        found = list(islice(pages, limit))
    print_list(
        found,
        ("started", "by", "kind", "is", "images", "identified", "state", "id"),
        lambda it: (
            it.started_at,
            it.by,
            it.kind.value,
            ", ".join(taxon.label for taxon in it.taxa),
            it.images,
            it.identified,
            it.state.value,
            it.id,
        ),
        as_json=as_json,
    )


@app.command("show")
def show_bulk_identification(bulk: BulkId, *, as_json: AsJson = False) -> None:
    """Show the progress of a bulk identification, and the images that it skipped.

    Example: `trapline bulk-identification show ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _show(server.get_bulk_identification(bulk), as_json=as_json)


@app.command("resume")
def resume_bulk_identification(bulk: BulkId, *, as_json: AsJson = False) -> None:
    """Resume your own bulk identification after it stopped.

    Example: `trapline bulk-identification resume ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _show(_wait(server, server.start_bulk_identification(bulk)), as_json=as_json)


@app.command("withdraw")
def withdraw_bulk_identification(bulk: BulkId, *, as_json: AsJson = False) -> None:
    """Withdraw all identifications of your own bulk identification, or as a manager of any.

    Later identifications of the same images are kept.

    Example: `trapline bulk-identification withdraw ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _show(_wait(server, server.withdraw_bulk_identification(bulk)), as_json=as_json)


def _parse_filter(text: str) -> tuple[str, str]:
    from trapline.cli.errors import CommandError, ExitCode

    name, separator, value = text.partition("=")
    if not separator or not name:
        raise CommandError(
            f"--where takes FILTER=VALUE, such as reviewed=false, not {text}.",
            ExitCode.WRONG_USAGE,
        )
    return name, value


def _wait(server: "Trapline", bulk: "BulkIdentification") -> "BulkIdentification":
    while bulk.state.value in UNFINISHED:
        time.sleep(LOOK_EVERY_S)
        bulk = server.get_bulk_identification(bulk.id)
    return bulk


def _show(bulk: "BulkIdentification", *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(bulk)
        return
    print(f"{bulk.state.value}: {bulk.identified:,} of {bulk.images:,} images identified")
    if bulk.withdrawn:
        print(f"{bulk.withdrawn:,} identifications withdrawn")
    for reason, count in bulk.skipped.items():
        print(f"{count:,} skipped: {reason.value.replace('_', ' ')}")
    for skipped in bulk.skipped_images:
        print(f"  {skipped.image_id} {skipped.reason.value.replace('_', ' ')}")
    if bulk.reason:
        print(bulk.reason)
    print(f"Withdraw it with `trapline bulk-identification withdraw {bulk.id}`.")
