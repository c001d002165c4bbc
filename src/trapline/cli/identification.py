"""`trapline identification`: identifications by people, in addition to those of models."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from trapline.wire.identifications import Identification

app = typer.Typer(
    help=(
        "State what an annotation, a whole image or a sequence shows.\n\n"
        "By default the latest identification replaces the result of a model, which is kept. "
        "`trapline images findings` shows the IDs of annotations."
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
Sequences = Annotated[
    list[UUID] | None,
    typer.Option("--sequence", help="ID of a sequence; may be given several times."),
]
Taxa = Annotated[
    list[str] | None,
    typer.Option(
        "--taxa",
        metavar="JSON",
        help=(
            "With correct: one of several taxa of an image or a sequence, as JSON with label or "
            "taxon, count, sex, life_stage, behaviour and individual_id; may be given several "
            "times."
        ),
    ),
]


@app.command("add")
def identify(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="confirm, correct, blank, unsure or comment.")
    ],
    *,
    annotation: Annotations = None,
    image: Images = None,
    sequence: Sequences = None,
    apply_to: Annotated[
        str | None,
        typer.Option(
            help="Images of a sequence that get its taxa: boxes (those with a box) or all."
        ),
    ] = None,
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
    individual: Annotated[
        str | None, typer.Option(help="Name of a known individual, as free text.")
    ] = None,
    taxa: Taxa = None,
    as_json: AsJson = False,
) -> None:
    """Identify what annotations, whole images or sequences show: all of them are stored, or none.

    To confirm an image means that its newest result is right.

    Example: `trapline identification add correct --annotation ID --label "Lynx lynx" --count 2`

    Example: `trapline identification add correct --sequence ID --taxa '{"label": "Lynx lynx"}'`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.identifications import NewIdentification

    values = {
        "kind": kind,
        "annotations": annotation or [],
        "images": image or [],
        "sequences": sequence or [],
        "apply_to": apply_to,
        "taxon": taxon,
        "label": label,
        "comment": comment,
        "count": count,
        "sex": sex,
        "life_stage": life_stage,
        "behaviour": behaviour,
        "individual_id": individual,
        "taxa": [_parse_taxon(item) for item in taxa] if taxa else None,
    }
    with connect() as server:
        created = server.create_identifications(
            build_request(NewIdentification, values, "identification")
        )
    if as_json:
        print_json(created)
    else:
        _show(created)


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

    An identification of a sequence is withdrawn for all its images.

    Example: `trapline identification withdraw ID`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        result = server.withdraw_identifications(identifications)
    if as_json:
        print_json(result)
    else:
        print(
            f"{result.withdrawn} withdrawn"
            + (f", {result.unchanged} were already withdrawn" if result.unchanged else "")
        )


def _parse_taxon(text: str) -> object:
    from trapline.cli.errors import CommandError, ExitCode

    try:
        return json.loads(text)
    except ValueError:
        raise CommandError(
            f'--taxa takes JSON such as {{"label": "Lynx lynx", "count": 2}}, not {text}.',
            ExitCode.WRONG_USAGE,
        ) from None


def _name(it: "Identification") -> str | None:
    return ", ".join(item.label for item in it.taxa) if len(it.taxa) > 1 else it.label


def _show(found: "list[Identification]") -> None:
    from trapline.cli.output import print_table

    print_table(
        ("said", "by", "kind", "is", "count", "comment", "withdrawn", "of", "id"),
        [
            (
                it.created_at,
                it.by,
                it.kind.value,
                _name(it),
                it.count if len(it.taxa) < 2 else None,
                it.comment,
                it.withdrawn_at,
                f"annotation {it.annotation_id}" if it.annotation_id else f"image {it.image_id}",
                it.id,
            )
            for it in found
        ],
    )
