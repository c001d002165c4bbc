"""`trapline images findings` and `classes`: results of models on many images."""

from itertools import islice
from typing import Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject


def list_findings(
    image: Annotated[
        UUID | None, typer.Argument(metavar="[IMAGE]", help="ID of one image; default: all images.")
    ] = None,
    *,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="Name or ID.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--type", help="Only this type, such as bounding_box or classification."),
    ] = None,
    named: Annotated[str | None, typer.Option("--class", help="Only this class.")] = None,
    taxon: Annotated[
        str | None,
        typer.Option(
            help="Only this taxon, by its scientific name or ID, through the labels of models."
        ),
    ] = None,
    sure: Annotated[
        float | None, typer.Option("--min", min=0, max=1, help="Minimum confidence.")
    ] = None,
    unsure: Annotated[
        float | None, typer.Option("--max", min=0, max=1, help="Maximum confidence.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Slug of a pipeline, or name of an external model.")
    ] = None,
    version: Annotated[str | None, typer.Option("--model-version", help="Version.")] = None,
    algorithm: Annotated[str | None, typer.Option(help="Key of the algorithm.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Captured at or after this day or time.")
    ] = None,
    before: Annotated[str | None, typer.Option(help="Captured before this day or time.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what completed analyses found, on the newest images first.

    Example: `trapline images findings --class lynx --min 0.8 --after 2026-05-01`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_list
    from trapline.cli.server_session import (
        connect,
        resolve_deployment,
        resolve_project,
        resolve_taxon,
    )
    from trapline.cli.timestamps import parse_timestamp
    from trapline.client import iterate

    filters: dict[str, str | float | None] = {
        "type": kind,
        "class_": named,
        "confidence_min": sure,
        "confidence_max": unsure,
    }
    by = {"model": model, "model_version": version, "algorithm": algorithm}
    if image is not None and (project or deployment or after or before):
        raise CommandError(
            "IMAGE cannot be combined with --project, --deployment, --after or --before: "
            "one image has its own project and capture time.",
            ExitCode.WRONG_USAGE,
        )
    with connect() as server:
        if taxon is not None:
            of_project = (
                server.get_image(image).project_id if image else resolve_project(server, project).id
            )
            filters["taxon"] = str(resolve_taxon(server, of_project, taxon).id)
        if image is not None:
            pages = iterate(server.list_image_annotations, image, **filters, **by)
        else:
            within = resolve_project(server, project)
            pages = iterate(
                server.find_annotations,
                project=within.id,
                deployment=str(resolve_deployment(server, within, deployment).id)
                if deployment
                else None,
                captured_after=parse_timestamp("--after", after),
                captured_before=parse_timestamp("--before", before),
                **filters,
                **by,
            )
        found = list(islice(pages, limit))
    print_list(
        found,
        ("taken", "type", "class", "confidence", "model", "version", "image", "id"),
        lambda it: (
            it.captured_at,
            it.annotation_type.value,
            it.class_name,
            None if it.confidence is None else f"{it.confidence:.2f}",
            it.model_name,
            it.model_version,
            it.image_id,
            it.id,
        ),
        as_json=as_json,
    )


def list_classes(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List the classes that were seen in a project and on how many images, the most frequent first.

    Example: `trapline images classes`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.count_classes(resolve_project(server, project).id)
    print_list(found, ("class", "images"), lambda it: (it.class_name, it.images), as_json=as_json)


def list_tags(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List the tags of a project and how many images have each.

    Example: `trapline images tags`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        found = server.list_tags(resolve_project(server, project).id)
    print_list(found, ("tag", "images"), lambda it: (it.tag, it.images), as_json=as_json)


def show_image(
    image: Annotated[UUID, typer.Argument(metavar="IMAGE", help="ID.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show an image: when and where it was taken, its tags, and its results. --json has its
    EXIF and addresses.

    Example: `trapline images show ID`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        shown = server.get_image(image)
    if as_json:
        print_json(shown)
        return
    name = shown.source_path or shown.filename
    print(
        f"{name} of {shown.deployment_name}, {shown.width} x {shown.height}, taken "
        f"{shown.captured_at}"
    )
    if shown.tags:
        print(f"tags: {', '.join(shown.tags)}")
    print_table(
        ("model", "version", "status", "found", "analysis"),
        [
            (it.model_name, it.model_version, it.status.value, it.annotation_count, it.id)
            for it in shown.analyses
        ],
    )
