"""`trapline observations`: what images show, by models and people."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from trapline.cli.observation_options import (
    CountMinOption,
    IndividualOption,
    KindOption,
    NeedsReviewOption,
    PersonOption,
    SourceOption,
)

if TYPE_CHECKING:
    from trapline.wire.observation_settings import ObservationPipeline, ObservationSettings
    from trapline.wire.observations import Observation

app = typer.Typer(
    help=(
        "List and count observations, which are the current answer to what images show.\n\n"
        "Models propose and people decide: an identification replaces what models found. Lists, "
        "charts, public pages and exports all read observations."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
Project = Annotated[str, typer.Option(help="Name or ID of the project.")]
ClassName = Annotated[
    str | None, typer.Option("--class", help="Only this name, or a label that means it.")
]
TaxonFilter = Annotated[
    UUID | None, typer.Option(help="Only this taxon and its descendants, by its ID.")
]
Deployment = Annotated[UUID | None, typer.Option(help="Only of this deployment, by its ID.")]
After = Annotated[str | None, typer.Option(help="Captured at or after this day or time.")]
Before = Annotated[str | None, typer.Option(help="Captured before this day or time.")]


@app.command("list")
def list_observations(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it those of all your projects.")
    ] = None,
    class_name: ClassName = None,
    taxon: TaxonFilter = None,
    kind: KindOption = None,
    source: SourceOption = None,
    person: PersonOption = None,
    needs_review: NeedsReviewOption = None,
    individual: IndividualOption = None,
    count_min: CountMinOption = None,
    image: Annotated[UUID | None, typer.Option(help="Only of this image, by its ID.")] = None,
    deployment: Deployment = None,
    after: After = None,
    before: Before = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List observations, those of the newest images first.

    Example: `trapline observations list --project "Forest edge" --class "Lynx lynx"`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.cli.timestamps import parse_timestamp
    from trapline.client import iterate

    with connect() as server:
        pages = iterate(
            server.list_observations,
            project=resolve_project(server, project).id if project else None,
            taxon=_text(taxon),
            kind=kind,
            source=source,
            identified_by=_text(person),
            needs_review=None if needs_review is None else str(needs_review).lower(),
            individual=individual,
            count_min=count_min,
            image=_text(image),
            deployment=_text(deployment),
            captured_after=parse_timestamp("--after", after),
            captured_before=parse_timestamp("--before", before),
            **{"class": class_name},
        )
        found = list(islice(pages, limit))
    if as_json:
        print_json(found)
    else:
        _show(found)


@app.command("count")
def count_observations(
    *,
    project: Project,
    by: Annotated[
        str,
        typer.Option(help="name, kind, source, deployment, day, month, hour or person."),
    ] = "name",
    class_name: ClassName = None,
    taxon: TaxonFilter = None,
    kind: KindOption = None,
    needs_review: NeedsReviewOption = None,
    deployment: Deployment = None,
    after: After = None,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Count images and individuals by name, day, deployment or another group.

    Example: `trapline observations count --project "Forest edge" --by month --class "Lynx lynx"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project
    from trapline.cli.timestamps import parse_timestamp

    with connect() as server:
        counted = server.count_observations(
            resolve_project(server, project).id,
            by,
            taxon=_text(taxon),
            kind=kind,
            needs_review=None if needs_review is None else str(needs_review).lower(),
            deployment=_text(deployment),
            captured_after=parse_timestamp("--after", after),
            captured_before=parse_timestamp("--before", before),
            **{"class": class_name},
        )
    if as_json:
        print_json(counted)
        return
    rows = [(one.key, one.images, one.individuals, one.needs_review) for one in counted.groups]
    if rows:
        print_table((by, "images", "individuals", "to review"), rows)
    else:
        typer.echo("No image matches.")


@app.command("individuals")
def list_individuals(
    *,
    project: Project,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, by name.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the known individuals of a project, with the images that show them.

    Example: `trapline observations individuals --project "Forest edge"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        pages = iterate(server.list_individuals, project=resolve_project(server, project).id)
        found = list(islice(pages, limit))
    if as_json:
        print_json(found)
    elif found:
        rows = [
            (one.individual_id, ", ".join(one.names), one.images, one.first_seen, one.last_seen)
            for one in found
        ]
        print_table(("individual", "names", "images", "first seen", "last seen"), rows)
    else:
        typer.echo("No observation names an individual.")


@app.command("settings")
def show_or_change_settings(
    *,
    project: Project,
    detection_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Minimum score of a detection, such as 0.2.")
    ] = None,
    classification_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Minimum score of a classification, such as 0.5."),
    ] = None,
    review_threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Observations with a lower confidence need review."),
    ] = None,
    combine: Annotated[
        bool | None,
        typer.Option(
            "--combine/--separate", help="Combine the findings of one image, or keep them separate."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(help="The identification that counts: latest, expert or agreement."),
    ] = None,
    agreement: Annotated[
        int | None, typer.Option(min=1, max=5, help="How many reviewers must agree.")
    ] = None,
    blank_label: Annotated[
        list[str] | None,
        typer.Option(help="A label that means blank; may be given several times."),
    ] = None,
    preview: Annotated[bool, typer.Option(help="Preview a change without applying it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how observations are derived, preview a change, or change it.

    A change is applied in the background; until it is complete, the earlier observations are shown.

    Example: `trapline observations settings --project 1 --detection-threshold 0.2 --preview`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.observation_settings import ObservationSettingsChange

    given: dict[str, Any] = {
        "detection_threshold": detection_threshold,
        "classification_threshold": classification_threshold,
        "review_threshold": review_threshold,
        "combines": combine,
        "rule": rule,
        "agreement": agreement,
        "blank_labels": blank_label,
    }
    given = {name: value for name, value in given.items() if value is not None}
    with connect() as server:
        number = resolve_project(server, project).id
        if preview:
            change = build_request(ObservationSettingsChange, given, "settings")
            effect = server.preview_observation_settings(number, change)
            if as_json:
                print_json(effect)
                return
            typer.echo(
                f"Of the newest {effect.images} images, {effect.changed} would change and "
                f"{effect.needs_review} would need review. Nothing was changed."
            )
            rows = [(one.class_name, one.before, one.after) for one in effect.classes]
            print_table(("name", "images now", "images then"), rows)
            return
        if given:
            change = build_request(ObservationSettingsChange, given, "settings")
            settings = server.change_observation_settings(number, change)
        else:
            settings = server.get_observation_settings(number)
    if as_json:
        print_json(settings)
    else:
        _show_settings(settings)


def _text(value: UUID | Path | None) -> str | None:
    return None if value is None else str(value)


def _show(found: "list[Observation]") -> None:
    from trapline.cli.output import print_table

    if not found:
        typer.echo("No observation matches.")
        return
    rows = [
        (
            one.image_id,
            one.captured_at,
            one.name or one.kind.value,
            one.count if one.count is not None else "",
            one.identified_by or one.model_name or "",
            "" if one.confidence is None else f"{one.confidence:.2f}",
            "yes" if one.needs_review else "",
        )
        for one in found
    ]
    columns = ("image", "captured", "name", "count", "by", "confidence", "needs review")
    print_table(columns, rows)


def _format_pipeline(pipeline: "ObservationPipeline") -> str:
    kinds = ", ".join(kind.value for kind in pipeline.looks_for)
    notes = [f"looks for: {kinds}"] if kinds else []
    notes += [] if pipeline.counts else ["does not count"]
    return pipeline.name + (f" ({'; '.join(notes)})" if notes else "")


def _show_settings(settings: "ObservationSettings") -> None:
    from trapline.cli.output import print_table

    rows = [
        ("detection threshold", settings.detection_threshold),
        ("classification threshold", settings.classification_threshold),
        ("review threshold", settings.review_threshold),
        ("findings", "combined" if settings.combines else "separate"),
        ("identification that counts", settings.rule.value),
        ("reviewers that must agree", settings.agreement),
        ("labels that mean blank", ", ".join(settings.blank_labels) or "blank, empty"),
    ]
    rows += [
        (f"pipeline {place}", _format_pipeline(one))
        for place, one in enumerate(settings.pipelines, 1)
    ]
    print_table(("setting", "value"), rows)
    if settings.progress is not None:
        typer.echo(
            f"A change is being applied: {settings.progress.derived} of "
            f"{settings.progress.images} images."
        )
