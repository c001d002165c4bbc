"""`trapline box`: boxes that people draw, in addition to those of models."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trapline.wire.annotations import Annotation

app = typer.Typer(
    help=(
        "A box that a person drew shows what is in one place of an image.\n\n"
        "It can correct the box of a model, whose result is kept. "
        "`trapline images findings` shows the IDs of annotations."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Box = Annotated[UUID, typer.Argument(metavar="BOX", help="ID.")]
At = Annotated[
    str | None,
    typer.Option(metavar="LEFT,TOP,RIGHT,BOTTOM", help="Edges in pixels of the upright image."),
]
Taxon = Annotated[UUID | None, typer.Option(help="ID of the taxon that it shows.")]
Label = Annotated[str | None, typer.Option(help="A name that is not on the species list.")]
Count = Annotated[int | None, typer.Option(min=1, help="Number of individuals.")]
Sex = Annotated[str | None, typer.Option(help="female or male.")]
LifeStage = Annotated[str | None, typer.Option(help="adult, subadult or juvenile.")]
Behaviour = Annotated[str | None, typer.Option(help="Behaviour of the animal, as free text.")]
Individual = Annotated[str | None, typer.Option(help="Name of a known individual, as free text.")]
Version = Annotated[int | None, typer.Option(min=1, help="Refuse if the box has another version.")]


@app.command("add")
def create_box(
    *,
    image: Annotated[UUID, typer.Option(help="ID of the image.")],
    at: Annotated[
        str,
        typer.Option(metavar="LEFT,TOP,RIGHT,BOTTOM", help="Edges in pixels of the upright image."),
    ],
    taxon: Taxon = None,
    label: Label = None,
    count: Count = None,
    sex: Sex = None,
    life_stage: LifeStage = None,
    behaviour: Behaviour = None,
    individual: Individual = None,
    supersedes: Annotated[
        UUID | None, typer.Option(help="ID of the model's annotation that the box corrects.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a box on an image.

    Example: `trapline box add --image ID --at 10,20,110,90 --label "Lynx lynx"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.human_boxes import NewHumanBox

    given = {
        "image": image,
        "box": _parse_corners(at),
        "taxon": taxon,
        "label": label,
        "count": count,
        "sex": sex,
        "life_stage": life_stage,
        "behaviour": behaviour,
        "individual_id": individual,
        "supersedes": supersedes,
    }
    with connect() as server:
        created = server.create_annotations(build_request(NewHumanBox, given, "box"))
    if as_json:
        print_json(created)
    else:
        _show(created)


@app.command("change")
def update_box(
    box: Box,
    *,
    at: At = None,
    taxon: Taxon = None,
    label: Label = None,
    count: Count = None,
    sex: Sex = None,
    life_stage: LifeStage = None,
    behaviour: Behaviour = None,
    individual: Individual = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Change a box; what is left out is kept.

    Boxes of other users require the manager role.

    Example: `trapline box change ID --at 10,20,120,90`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.human_boxes import HumanBoxUpdate

    given: dict[str, Any] = {
        "box": _parse_corners(at) if at is not None else None,
        "taxon": taxon,
        "label": label,
        "count": count,
        "sex": sex,
        "life_stage": life_stage,
        "behaviour": behaviour,
        "individual_id": individual,
    }
    given = {name: value for name, value in given.items() if value is not None}
    with connect() as server:
        changed = server.update_annotation(
            box, build_request(HumanBoxUpdate, given, "box"), version=version
        )
    if as_json:
        print_json(changed)
    else:
        _show([changed])


@app.command("delete")
def delete_box(box: Box, *, version: Version = None) -> None:
    """Withdraw a box of a person, or identify a model's box as not an animal.

    The history is kept. Boxes of other users require the manager role.

    Example: `trapline box delete ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.delete_annotation(box, version=version)
    typer.echo("Box withdrawn.")


@app.command("list")
def list_boxes(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it, all your projects.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest image first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List boxes that people drew.

    Example: `trapline box list --project "Forest edge"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        pages = iterate(
            server.find_annotations,
            project=resolve_project(server, project).id if project else None,
            source="human",
        )
        found = list(islice(pages, limit))
    if as_json:
        print_json(found)
    else:
        _show(found)


@app.command("history")
def show_history(box: Box, *, as_json: AsJson = False) -> None:
    """Show the changes of a box with their authors, times and previous values.

    Example: `trapline box history ID`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        history = server.get_annotation_history(box)
    if as_json:
        print_json(history)
        return
    rows = [
        (
            one.version,
            one.changed_at,
            one.by,
            one.taxon.label,
            ", ".join(f"{value:g}" for value in one.box.model_dump().values()),
        )
        for one in history.changes
    ]
    print_table(("version", "changed", "by", "previous name", "previous box"), rows)


def _parse_corners(text: str) -> dict[str, float]:
    from trapline.cli.errors import CommandError, ExitCode

    try:
        corners = [float(part) for part in text.split(",")]
    except ValueError:
        corners = []
    if len(corners) != 4:
        raise CommandError(
            f"--at takes four numbers such as 10,20,110,90, not {text}.", ExitCode.WRONG_USAGE
        )
    return dict(zip(("x_min", "y_min", "x_max", "y_max"), corners, strict=True))


def _show(found: "Sequence[Annotation]") -> None:
    from trapline.cli.output import print_table

    rows = [
        (
            one.id,
            one.class_name,
            ", ".join(f"{value:g}" for value in one.data.values()),
            one.author,
            one.version,
        )
        for one in found
    ]
    print_table(("box", "name", "left, top, right, bottom", "by", "version"), rows)
