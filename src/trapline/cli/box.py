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
        "Manage boxes that people drew, each with what it shows.\n\n"
        "A box can correct the box of a model, whose result is kept. "
        "`trapline images findings` shows the IDs of annotations."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

CORNERS = ("x_min", "y_min", "x_max", "y_max")
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Box = Annotated[UUID, typer.Argument(metavar="BOX", help="ID.")]
At = Annotated[
    str | None,
    typer.Option(metavar="LEFT,TOP,RIGHT,BOTTOM", help="Edges in pixels of the upright image."),
]
Point = Annotated[
    str | None, typer.Option(metavar="X,Y", help="Position of a point instead of a box, in pixels.")
]
Polygon = Annotated[
    str | None,
    typer.Option(
        metavar="'X,Y X,Y X,Y'", help="Corners of a polygon instead of a box, in order, in pixels."
    ),
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
    at: At = None,
    point: Point = None,
    polygon: Polygon = None,
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
    """Create a box, a point or a polygon on an image: `--at`, `--point` or `--polygon`.

    Example: `trapline box add --image ID --at 10,20,110,90 --label "Lynx lynx"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.human_boxes import NewHumanBox

    given = {
        "image": image,
        **_parse_shape(at, point, polygon),
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


@app.command("update")
def update_box(
    box: Box,
    *,
    at: At = None,
    point: Point = None,
    polygon: Polygon = None,
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

    Example: `trapline box update ID --at 10,20,120,90`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect
    from trapline.wire.human_boxes import HumanBoxUpdate

    given: dict[str, Any] = {
        **_parse_shape(at, point, polygon),
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
            _format_shape(
                tuple(one.box.model_dump().values()) if one.box is not None else (),
                [one.point] if one.point is not None else one.polygon,
            ),
        )
        for one in history.changes
    ]
    print_table(("version", "changed", "by", "previous name", "previous box"), rows)


def _parse_shape(at: str | None, point: str | None, polygon: str | None) -> dict[str, Any]:
    """Parse the options of a shape; the server refuses several or none."""
    shapes: dict[str, Any] = {}
    if at is not None:
        corners = _parse_numbers("--at", at, "10,20,110,90")
        shapes["box"] = dict(zip(CORNERS, corners, strict=True))
    if point is not None:
        shapes["point"] = _parse_numbers("--point", point, "60,55")
    if polygon is not None:
        shapes["polygon"] = [
            _parse_numbers("--polygon", corner, "60,55") for corner in polygon.split()
        ]
    return shapes


def _parse_numbers(option: str, text: str, example: str) -> list[float]:
    from trapline.cli.errors import CommandError, ExitCode

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    count = {2: "two", 4: "four"}[len(example.split(","))]
    if len(numbers) != len(example.split(",")):
        raise CommandError(
            f"{option} takes {count} numbers such as {example}, not {text}.", ExitCode.WRONG_USAGE
        )
    return numbers


def _format_shape(corners: "Sequence[float]", positions: "Sequence[Sequence[float]] | None") -> str:
    """Format the corners of a box, or the positions of another shape."""
    if positions is None:
        return ", ".join(f"{value:g}" for value in corners)
    return " ".join(f"{x:g},{y:g}" for x, y in positions)


def _format_data(data: dict[str, Any]) -> str:
    positions = data.get("points")
    if "keypoints" in data:
        positions = [(one["x"], one["y"]) for one in data["keypoints"]]
    return _format_shape([data[name] for name in CORNERS], positions)


def _show(found: "Sequence[Annotation]") -> None:
    from trapline.cli.output import print_table

    rows = [
        (
            one.id,
            one.class_name,
            _format_data(one.data),
            one.author,
            one.version,
        )
        for one in found
    ]
    print_table(("box", "name", "edges or corners", "by", "version"), rows)
