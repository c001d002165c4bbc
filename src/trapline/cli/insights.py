"""`trapline insights`: rates, activity, richness, detection histories, camera health."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli import model_quality
from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.insights import InsightNote
    from trapline.wire.projects import Project

app = typer.Typer(
    help=(
        "Show statistics of a survey, from its current observations and deployments.\n\n"
        "Only animals are counted unless `--kind` is given."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

app.add_typer(model_quality.app)

Start = Annotated[str | None, typer.Option(help="First local day, such as 2026-01-31.")]
End = Annotated[str | None, typer.Option(help="Last local day, included.")]
Deployment = Annotated[str | None, typer.Option(help="Only this deployment: its name or ID.")]
Class = Annotated[str | None, typer.Option("--class", help="Only this name or label.")]
Taxon = Annotated[
    str | None, typer.Option(help="Only this taxon and its descendants: its name or ID.")
]
Kind = Annotated[str, typer.Option(help="animal, human, vehicle or unknown.")]
Minutes = Annotated[
    int, typer.Option("--interval", help="Minutes after which an observation starts a new event.")
]
Rule = Annotated[str, typer.Option(help="lastRecord or lastIndependentRecord.")]
Time = Annotated[str, typer.Option(help="clock, or solar: sunrise is 6:00 and sunset is 18:00.")]
Species = Annotated[str, typer.Argument(help="The name of a species, or a label of it.")]
Days = Annotated[int, typer.Option(help="Length of an occasion in days.")]
Step = Annotated[str, typer.Option(help="day, week, month or year.")]


def _build_filter(server: "Trapline", project: "Project", given: dict[str, Any]) -> dict[str, Any]:
    from trapline.cli.server_session import resolve_deployment, resolve_taxon

    named, taxon = given.pop("deployment"), given.pop("taxon")
    return {
        **given,
        "deployment": str(resolve_deployment(server, project, named).id) if named else None,
        "taxon": str(resolve_taxon(server, project.id, taxon).id) if taxon else None,
    }


def _print_notes(notes: "list[InsightNote]") -> None:
    for note in notes:
        names = f" ({', '.join(note.names[:10])})" if note.names else ""
        print(f"{note.text}{names}")


@app.command("summary")
def show_summary(
    *,
    project: InProject = None,
    start: Start = None,
    end: End = None,
    deployment: Deployment = None,
    class_: Class = None,
    taxon: Taxon = None,
    kind: Kind = "animal",
    interval: Minutes = 30,
    rule: Rule = "lastRecord",
    as_json: AsJson = False,
) -> None:
    """Show events and rates by species, and the effort in camera-nights.

    Example: `trapline insights summary --start 2026-01-01 --end 2026-04-30`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    given = {
        "start": start, "end": end, "deployment": deployment, "class_": class_, "taxon": taxon,
        "kind": kind, "interval": interval, "rule": rule,
    }  # fmt: skip
    with connect() as server:
        of = resolve_project(server, project)
        found = server.get_insight_summary(of.id, **_build_filter(server, of, given))
    if as_json:
        print_json(found)
        return
    print(found.sentence)
    print_table(
        ("species", "events", "individuals", "per 100 nights", "95 % interval", "deployments"),
        [
            (
                one.name,
                one.events,
                one.individuals,
                one.rate,
                f"{one.interval.low:.1f}–{one.interval.high:.1f}" if one.interval else None,
                one.deployments,
            )
            for one in found.species
        ],
    )
    _print_notes(found.notes)


@app.command("activity")
def show_activity(
    *,
    project: InProject = None,
    class_: Class = None,
    time: Time = "clock",
    as_json: AsJson = False,
) -> None:
    """Show the events of each species by hour of the day.

    Example: `trapline insights activity --class "Vulpes vulpes" --time solar`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_activity(resolve_project(server, project).id, class_=class_, time=time)
    if as_json:
        print_json(found)
        return
    print_table(
        ("hour", *(one.name for one in found.curves)),
        [(hour, *(one.hours[hour] for one in found.curves)) for hour in range(24)],
    )
    _print_notes(found.notes)


@app.command("overlap")
def show_overlap(
    first: Annotated[str, typer.Argument(help="The name of a species.")],
    second: Annotated[str, typer.Argument(help="The name of another species.")],
    *,
    project: InProject = None,
    start: Start = None,
    end: End = None,
    time: Time = "clock",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show the overlap of the activity of two species, from 0 to 1.

    Example: `trapline insights overlap "Vulpes vulpes" "Meles meles" --time solar`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_overlap(
            resolve_project(server, project).id,
            first,
            second,
            start=start,
            end=end,
            time=time,
            seed=seed,
        )
    if as_json:
        print_json(found)
        return
    print_table(
        ("species", "events", "kernel concentration"),
        [(one.name, one.events, one.concentration) for one in (found.first, found.second)],
    )
    for one in found.estimates:
        print(
            f"{one.estimator}: {one.value:.2f} (95 % interval {one.interval.low:.2f}–"
            f"{one.interval.high:.2f}, {found.replicates} replicates, seed {found.seed})"
        )
    _print_notes(found.notes)


@app.command("accumulation")
def show_accumulation(*, project: InProject = None, as_json: AsJson = False) -> None:
    """Show the number of species by camera-nights, and the estimated number of all species.

    Example: `trapline insights accumulation`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_accumulation(resolve_project(server, project).id)
    if as_json:
        print_json(found)
        return
    print_table(
        ("camera-nights", "species", "expected", "95 % interval"),
        [
            (one.units, one.observed, one.expected, f"{one.low:.1f}–{one.high:.1f}")
            for one in found.steps
        ],
    )
    if found.chao2:
        low, high = found.chao2.interval.low, found.chao2.interval.high
        print(
            f"Chao2: {found.chao2.value:.1f} species (95 % interval {low:.1f}–{high:.1f}), "
            f"{found.chao2.observed} observed."
        )
    _print_notes(found.notes)


@app.command("detections")
def show_detections(
    species: Species, *, days: Days = 7, project: InProject = None, as_json: AsJson = False
) -> None:
    """Show the detection history of a species: deployments by occasions.

    Example: `trapline insights detections "Lynx lynx" --days 10`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        number = resolve_project(server, project).id
        found = server.get_detection_history(number, species, days)
    if as_json:
        print_json(found)
        return
    rows = [
        (one.name, "".join("." if hit is None else str(hit) for hit in one.detections))
        for one in found.sites
    ]
    print_table(("deployment", f"occasions of {days} days"), rows)
    print(f"{found.name}: at {found.detected_sites} of {len(found.sites)} deployments.")
    _print_notes(found.notes)


@app.command("trends")
def show_trends(
    *,
    project: InProject = None,
    start: Start = None,
    end: End = None,
    deployment: Deployment = None,
    class_: Class = None,
    taxon: Taxon = None,
    kind: Kind = "animal",
    interval: Minutes = 30,
    rule: Rule = "lastRecord",
    step: Step = "month",
    as_json: AsJson = False,
) -> None:
    """Show the events of each species by day, week, month or year, with the effort.

    Example: `trapline insights trends --step week`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    given = {
        "start": start, "end": end, "deployment": deployment, "class_": class_, "taxon": taxon,
        "kind": kind, "interval": interval, "rule": rule,
    }  # fmt: skip
    with connect() as server:
        of = resolve_project(server, project)
        found = server.get_trends(of.id, step, **_build_filter(server, of, given))
    if as_json:
        print_json(found)
        return
    print_table(
        ("from", "camera-nights", "species", "new", *(one.name for one in found.species)),
        [
            (
                period.start,
                f"{period.nights:.1f}",
                period.species,
                period.new_species,
                *(one.events[at] for one in found.species),
            )
            for at, period in enumerate(found.periods)
        ],
    )
    if found.species_left_out:
        print(f"Species left out: {found.species_left_out}. `table trends` writes all.")
    _print_notes(found.notes)


@app.command("records")
def list_records(
    *, project: InProject = None, class_: Class = None, as_json: AsJson = False
) -> None:
    """List independent events, at most 10,000; `table records` writes all.

    Example: `trapline insights records --class "Lynx lynx"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.list_insight_records(resolve_project(server, project).id, class_=class_)
    if as_json:
        print_json(found)
        return
    print_table(
        ("deployment", "species", "local time", "images", "group size"),
        [
            (one.station, one.name, one.local_time, one.images, one.group_size)
            for one in found.records
        ],
    )
    _print_notes(found.notes)


@app.command("camera-health")
def show_camera_health(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List cameras by the urgency of a visit.

    Example: `trapline insights camera-health`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_camera_health(resolve_project(server, project).id)
    if as_json:
        print_json(found)
        return
    print_table(
        ("deployment", "urgency", "state", "problems", "last image", "images per day"),
        [
            (
                one.name,
                one.urgency,
                one.state.value,
                ", ".join(problem.value.replace("_", " ") for problem in one.problems),
                one.last_image_at,
                one.images_per_day,
            )
            for one in found.cameras
        ],
    )


@app.command("table")
def export_table(
    table: Annotated[
        str,
        typer.Argument(
            help="species, deployments, species-by-deployment, activity, overlap, accumulation, "
            "trends, detection-history, detection-effort, records or camera-health."
        ),
    ],
    *,
    project: InProject = None,
    start: Start = None,
    end: End = None,
    deployment: Deployment = None,
    class_: Class = None,
    taxon: Taxon = None,
    kind: Kind = "animal",
    interval: Minutes = 30,
    rule: Rule = "lastRecord",
    species: Annotated[str | None, typer.Option(help="The species of a detection history.")] = None,
    first: Annotated[str | None, typer.Option(help="The first species of an overlap.")] = None,
    second: Annotated[str | None, typer.Option(help="The second species of an overlap.")] = None,
    time: Time = "clock",
    days: Days = 7,
    step: Step = "month",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file; - is standard output.")
    ] = Path("-"),
) -> None:
    """Write a table as CSV.

    Example: `trapline insights table records -o records.csv`
    """
    from trapline.cli.server_session import connect, resolve_project

    given = {
        "start": start, "end": end, "deployment": deployment, "class_": class_, "taxon": taxon,
        "kind": kind, "interval": interval, "rule": rule,
    }  # fmt: skip
    with connect() as server:
        of = resolve_project(server, project)
        asked = _build_filter(server, of, given) | {
            "species": species, "first": first, "second": second, "time": time, "days": days,
            "step": step,
        }  # fmt: skip
        text = server.export_insight_table(of.id, table, **asked)
    if output == Path("-"):
        sys.stdout.buffer.write(text)
    else:
        output.write_bytes(text)
