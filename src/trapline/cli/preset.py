"""`trapline preset`: named pipelines with parameters, so that users run them by name."""

from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.options import AsJson, InProject
from trapline.cli.parameters import build_request, format_parameters, parse_parameters

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.presets import Preset

app = typer.Typer(
    help=(
        "Manage presets: pipelines with parameters and a priority, under a name.\n\n"
        "`trapline job run --preset night` runs it; docs/how-to/run-a-pipeline.md shows how a "
        "program runs it."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Named = Annotated[str, typer.Argument(metavar="PRESET", help="Name or number.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        help="NAME=VALUE, where VALUE may be JSON; may be given several times.",
    ),
]


@app.command("add")
def add_preset(
    name: Annotated[str, typer.Argument(help="Name of the preset: letters, digits, - _ and .")],
    pipeline: Annotated[
        str, typer.Argument(help="The pipeline's slug; the page lists them under Workers.")
    ],
    *,
    project: InProject = None,
    parameter: Parameters = None,
    priority: Annotated[str, typer.Option(help="low, normal or high.")] = "normal",
    description: Annotated[str, typer.Option(help="Purpose of the preset.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create a preset: a name for a pipeline with its parameters and its priority.

    Example: `trapline preset add night animal-detector --parameter threshold=0.4 --priority high`
    """
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.presets import NewPreset

    given = parse_parameters("--parameter", parameter)
    with connect() as server:
        new = {
            "project": resolve_project(server, project).id,
            "name": name,
            "pipeline": pipeline,
            "parameters": given,
            "priority": priority,
            "description": description,
        }
        _print_preset(
            server.create_preset(build_request(NewPreset, new, "preset")), as_json=as_json
        )


@app.command("list")
def list_presets(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it, all your projects.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List presets by name.

    Example: `trapline preset list`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, list_in_project

    with connect() as server:
        found = list_in_project(server, server.list_presets, project)
    print_list(
        found,
        ("id", "preset", "pipeline", "parameters", "priority", "what for"),
        lambda it: (
            str(it.id),
            it.name,
            it.pipeline,
            format_parameters(it.parameters),
            it.priority.value,
            it.description,
        ),
        as_json=as_json,
    )


@app.command("show")
def show_preset(preset: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Show one preset.

    Example: `trapline preset show night`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _print_preset(_find_preset(server, preset, project), as_json=as_json)


@app.command("update")
def change_preset(
    preset: Named,
    *,
    project: InProject = None,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Slug of another pipeline.")] = None,
    parameter: Parameters = None,
    priority: Annotated[str | None, typer.Option(help="low, normal or high.")] = None,
    description: Annotated[str | None, typer.Option(help="Purpose of the preset.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change a preset; options that are not given stay the same. Existing runs keep their
    parameters. Parameters are replaced as a whole.

    Example: `trapline preset update night --parameter threshold=0.5`
    """
    from trapline.cli.server_session import connect
    from trapline.wire.presets import PresetUpdate

    given = {
        "name": name,
        "pipeline": pipeline,
        "parameters": parse_parameters("--parameter", parameter) if parameter else None,
        "priority": priority,
        "description": description,
    }
    change = build_request(
        PresetUpdate, {key: value for key, value in given.items() if value is not None}, "preset"
    )
    with connect() as server:
        _print_preset(
            server.update_preset(_find_preset(server, preset, project).id, change), as_json=as_json
        )


@app.command("delete")
def delete_preset(preset: Named, *, project: InProject = None) -> None:
    """Delete a preset; its runs are kept.

    Example: `trapline preset delete night`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.delete_preset(_find_preset(server, preset, project).id)
    print("Deleted.")


def _find_preset(server: "Trapline", named: str, project: str | None) -> "Preset":
    """Return the preset with this name or number, of one or of all projects of the caller.

    Raises CommandError.
    """
    from trapline.cli.server_session import list_in_project, resolve_one

    return resolve_one(
        list_in_project(server, server.list_presets, project),
        "preset",
        named,
        lambda it: (it.name, it.id),
    )


def _print_preset(preset: "Preset", *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(preset)
        return
    shown = format_parameters(preset.parameters) or "no parameters"
    print(
        f"{preset.name} (preset {preset.id}): {preset.pipeline}, {shown}, priority "
        f"{preset.priority.value}"
    )
    if preset.description:
        print(preset.description)
