"""`trapline insights`: quality of models, audit samples, and thresholds."""

import sys
from typing import Annotated

import typer

from trapline.cli.options import AsJson, InProject

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")

Source = Annotated[
    str | None,
    typer.Option(
        help="A model version, such as model:megadetector/5; by default the one with most reviews."
    ),
]


@app.command("model-quality")
def show_model_quality(
    *,
    project: InProject = None,
    source: Source = None,
    csv: Annotated[
        str | None,
        typer.Option(help="Print a table as CSV: classes, deployments or reliability."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show precision, recall and F1 of a model by class, from reviewed images.

    Figures are of random audit samples. Those of images that people chose are marked as biased.

    Example: `trapline insights model-quality --source model:megadetector/5`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.insights import ProportionEstimate

    def format_estimate(one: ProportionEstimate, other: ProportionEstimate) -> str | None:
        shown = one if one.whole else other
        if shown.value is None or shown.interval is None:
            return None
        text = f"{shown.value:.2f} ({shown.interval.low:.2f}–{shown.interval.high:.2f})"
        return text if one.whole else f"{text} biased"

    with connect() as server:
        number = resolve_project(server, project).id
        if csv is not None:
            sys.stdout.buffer.write(server.export_quality_table(number, csv, source))
            return
        found = server.get_model_quality(number, source)
    if as_json:
        print_json(found)
        return
    if found.source is None:
        print("No image was reviewed that a model analysed. Create a random audit sample first.")
        return
    print(f"{found.source}: {found.audited} audited images, {found.biased} other reviewed images.")
    print_table(
        ("class", "precision", "recall", "F1", "more reviews"),
        [
            (
                one.name,
                format_estimate(one.precision, one.biased_precision),
                format_estimate(one.recall, one.biased_recall),
                format_estimate(one.f1, one.biased_f1),
                one.more_reviews,
            )
            for one in found.classes
        ],
    )
    for note in found.notes:
        print(note.text)


@app.command("reliability")
def show_reliability(
    source: Annotated[str, typer.Argument(help="A model version.")],
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Show the share of correct classes by confidence of a model.

    Example: `trapline insights reliability model:megadetector/5`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_reliability(resolve_project(server, project).id, source)
    if as_json:
        print_json(found)
        return
    print_table(
        ("confidence", "classes", "correct"),
        [
            (f"{one.low:.1f}–{one.high:.1f}", one.correct.whole, one.correct.value)
            for one in found.ranges
        ],
    )
    for note in found.notes:
        print(note.text)


@app.command("compare-models")
def compare_models(
    first: Annotated[str, typer.Argument(help="A model version.")],
    second: Annotated[str, typer.Argument(help="Another model version.")],
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Compare two models on the same reviewed images with McNemar's test.

    Example: `trapline insights compare-models model:megadetector/5 model:speciesnet/4`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.get_model_comparison(resolve_project(server, project).id, first, second)
    if as_json:
        print_json(found)
        return
    chance = "" if found.p_value is None else f" p = {found.p_value:.3g} (McNemar's exact test)."
    print(
        f"{found.images} images: both are correct on {found.both}, only {found.first} on "
        f"{found.only_first}, only {found.second} on {found.only_second}, neither on "
        f"{found.neither}.{chance}"
    )
    for note in found.notes:
        print(note.text)


@app.command("threshold")
def show_threshold(
    species: Annotated[str, typer.Argument(help="The name of a class.")],
    *,
    source: Annotated[str, typer.Option(help="A model version.")],
    recall: Annotated[float, typer.Option(min=0.0, max=1.0, help="The share to keep.")] = 0.95,
    apply: Annotated[
        bool, typer.Option("--apply", help="Set the threshold. Requires the manager role.")
    ] = False,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Suggest the detection threshold of a class that reaches a recall; `--apply` sets it.

    Example: `trapline insights threshold fox --source model:megadetector/5 --recall 0.95`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.observation_settings import ObservationSettingsChange

    with connect() as server:
        number = resolve_project(server, project).id
        found = server.get_threshold_suggestion(number, source, species, recall)
        if apply and found.class_thresholds is not None:
            change = ObservationSettingsChange(class_thresholds=found.class_thresholds)
            server.change_observation_settings(number, change)
    if as_json:
        print_json(found)
        return
    for note in found.notes:
        print(note.text)
    if found.threshold is None:
        raise typer.Exit(1)
    reached, precision = found.reached.value or 0.0, found.precision.value or 0.0
    print(
        f"{found.name}: threshold {found.threshold:g} reaches recall {reached:.2f} and precision "
        f"{precision:.2f} on {found.images} images. The current threshold is "
        f"{found.current_threshold:g}."
    )
    if apply:
        print("Threshold set. The observations of the project are derived again.")


@app.command("create-audit-sample")
def create_audit_sample(
    *,
    images: Annotated[int, typer.Option(min=1, max=10_000, help="The number of images.")] = 200,
    class_: Annotated[
        str | None, typer.Option("--class", help="Only images on which `--source` found this.")
    ] = None,
    source: Source = None,
    name: Annotated[str | None, typer.Option(help="The name of the review set.")] = None,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Draw images at random and create a review set of them. Requires the manager role.

    Model quality distinguishes its reviews from those of images that people chose.

    Example: `trapline insights create-audit-sample --images 200`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.model_quality import NewAuditSample

    given = {"images": images, "class_name": class_, "source": source, "name": name}
    new = build_request(NewAuditSample, given, "audit sample")
    with connect() as server:
        made = server.create_audit_sample(resolve_project(server, project).id, new)
    if as_json:
        print_json(made)
        return
    print(f"Created {made.name}: {made.items} images. ID {made.id}.")
