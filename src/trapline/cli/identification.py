"""`trapline identification`: identifications by people, in addition to those of models."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from trapline.wire.identifications import Identification

app = typer.Typer(
    help=(
        "An identification is what a person says that an annotation, or a whole image, really "
        "is.\n\n"
        "The latest one holds, before the model's own words, which stay as they are. "
        "`trapline images findings` shows the ids of annotations."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Annotations = Annotated[
    list[UUID] | None,
    typer.Option("--annotation", help="ID of an annotation; may be given several times."),
]
Images = Annotated[
    list[UUID] | None,
    typer.Option("--image", help="ID of a whole image; may be given several times."),
]


@app.command("add")
def identify(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="confirm, correct, blank, unsure or comment.")
    ],
    *,
    annotation: Annotations = None,
    image: Images = None,
    taxon: Annotated[UUID | None, typer.Option(help="With correct: ID of the taxon.")] = None,
    label: Annotated[
        str | None, typer.Option(help="With correct: a name that is not on the species list.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="Comment.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Number of individuals.")] = None,
    sex: Annotated[str | None, typer.Option(help="female or male.")] = None,
    life_stage: Annotated[str | None, typer.Option(help="adult, subadult or juvenile.")] = None,
    behaviour: Annotated[
        str | None, typer.Option(help="Behaviour of the animal, as free text.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Identify what annotations or whole images show: all of them are stored, or none.

    To confirm an image means that its newest result is right.

    Example: `trapline identification add correct --annotation ID --label "Lynx lynx" --count 2`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.identifications import NewIdentification

    said = {
        "kind": kind,
        "annotations": annotation or [],
        "images": image or [],
        "taxon": taxon,
        "label": label,
        "comment": comment,
        "count": count,
        "sex": sex,
        "life_stage": life_stage,
        "behaviour": behaviour,
    }
    with connect() as server:
        made = server.create_identifications(
            build_request(NewIdentification, said, "identification")
        )
    if as_json:
        print_json(made)
    else:
        _show(made)


@app.command("list")
def list_identifications(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it, all your projects.")
    ] = None,
    image: Annotated[
        UUID | None,
        typer.Option(help="Only identifications of this image or of annotations on it."),
    ] = None,
    annotation: Annotated[
        UUID | None, typer.Option(help="Only identifications of this annotation.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="confirm, correct, blank, unsure or comment.")
    ] = None,
    person: Annotated[
        UUID | None, typer.Option(help="Only identifications of this user, by ID.")
    ] = None,
    taxon: Annotated[UUID | None, typer.Option(help="Only identifications as this taxon.")] = None,
    after: Annotated[str | None, typer.Option(help="Created at or after this day or time.")] = None,
    before: Annotated[str | None, typer.Option(help="Created before this day or time.")] = None,
    withdrawn: Annotated[
        bool | None,
        typer.Option(
            "--withdrawn/--held", help="Only withdrawn identifications, or only current ones."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List identifications with their authors and times.

    Example: `trapline identification list --kind correct --after 2026-05-01`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.cli.timestamps import parse_timestamp
    from trapline.client import iterate

    with connect() as server:
        pages = iterate(
            server.list_identifications,
            project=resolve_project(server, project).id if project else None,
            image=str(image) if image else None,
            annotation=str(annotation) if annotation else None,
            kind=kind,
            person=str(person) if person else None,
            taxon=str(taxon) if taxon else None,
            withdrawn=None if withdrawn is None else str(withdrawn).lower(),
            created_after=parse_timestamp("--after", after),
            created_before=parse_timestamp("--before", before),
        )
        found = list(islice(pages, limit))
    if as_json:
        print_json(found)
    else:
        _show(found)


@app.command("show")
def show_identification(
    identification: Annotated[UUID, typer.Argument(metavar="IDENTIFICATION", help="ID.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one identification.

    Example: `trapline identification show ID`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        found = server.get_identification(identification)
    if as_json:
        print_json(found)
    else:
        _show([found])


@app.command("withdraw")
def withdraw_identifications(
    identifications: Annotated[
        list[UUID], typer.Argument(metavar="IDENTIFICATION...", help="IDs.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Withdraw your own identification, or as a manager any; it is kept in the list and no longer
    counts.

    Example: `trapline identification withdraw ID`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        told = server.withdraw_identifications(identifications)
    if as_json:
        print_json(told)
    else:
        print(
            f"{told.withdrawn} withdrawn"
            + (f", {told.unchanged} were before" if told.unchanged else "")
        )


def _show(found: "list[Identification]") -> None:
    from trapline.cli.output import print_table

    print_table(
        ("said", "by", "kind", "is", "count", "comment", "withdrawn", "of", "id"),
        [
            (
                it.created_at,
                it.by,
                it.kind.value,
                it.label,
                it.count,
                it.comment,
                it.withdrawn_at,
                f"annotation {it.annotation_id}" if it.annotation_id else f"image {it.image_id}",
                it.id,
            )
            for it in found
        ],
    )
