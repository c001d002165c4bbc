"""`trapline disagreement`: where the answers of model versions and people differ."""

from typing import Annotated

import typer

from trapline.cli.options import AsJson, InProject

app = typer.Typer(
    help=(
        "Compare the answers of model versions and people.\n\n"
        "A disagreement is open until a person decides about the image."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

SOURCE = "`model:` with a name and version, `people`, or `user:` with the ID of a user."


@app.command("list")
def list_disagreements(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List the compared pairs of a project, those with the most open differences first.

    Example: `trapline disagreement list`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.list_compared_pairs(resolve_project(server, project).id)
    if as_json:
        print_json(found)
        return
    print_table(
        ("source", "compared with", "images", "differ", "open"),
        [(one.source_a, one.source_b, one.images, one.differ, one.open) for one in found.pairs],
    )
    if found.pairs_left_out:
        print(f"{found.pairs_left_out:,} more pairs with fewer open differences.")


@app.command("matrix")
def show_matrix(
    source_a: Annotated[str, typer.Argument(help=SOURCE)],
    source_b: Annotated[str, typer.Argument(help="The other source.")],
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Show how often each answer of a source meets each answer of another.

    Example: `trapline disagreement matrix "model:deer-net 2" people`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_confusion_matrix(resolve_project(server, project).id, source_a, source_b)
    if as_json:
        print_json(found)
        return
    print_table(
        (found.name_a, found.name_b, "images", "open"),
        [(one.answer_a, one.answer_b, one.images, one.open) for one in found.cells],
    )
    print(f"{found.images:,} images; answers differ on {found.differ:,}, {found.open:,} open.")
    if found.cells_left_out:
        print(
            f"{found.cells_left_out:,} more pairs of answers with {found.images_left_out:,} images."
        )
