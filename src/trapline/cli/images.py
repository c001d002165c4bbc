"""`trapline images`: upload, list, mark, delete and restore images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.image_findings import list_classes, list_findings, list_tags, show_image
from trapline.cli.observation_options import (
    CommentedOption,
    ConfidenceMaxOption,
    CountMinOption,
    HoursOption,
    IndividualOption,
    KindOption,
    ModelClassOption,
    NeedsReviewOption,
    OrderOption,
    PersonOption,
    SeedOption,
    SourceOption,
    parse_hours,
)
from trapline.cli.options import AsJson, InProject
from trapline.wire.images import ImageOrder

if TYPE_CHECKING:
    from trapline.wire.images import ImagesUpdateResult

app = typer.Typer(
    help="Upload, list, mark, delete and restore the images of a project.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Ids = Annotated[list[str], typer.Argument(metavar="IMAGE...", help="IDs of images.")]


@app.callback()
def _images() -> None:
    """Upload, list, mark, delete and restore the images of a project."""


@app.command("upload")
def upload_images(
    folder: Annotated[
        Path,
        typer.Argument(
            exists=True, readable=True, help="A folder with its sub-folders, or a file."
        ),
    ],
    *,
    project: InProject = None,
    deployment: Annotated[
        str | None, typer.Option(help="Name or ID; default: the default deployment of the project.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Upload every image of a folder; images keep their paths below it.

    An image that is stored already is not stored twice: run the command again after a break. Files
    that are not images are listed and not sent. Exit code 1 if a file was refused.

    Example: `trapline images upload DCIM/ --project "Forest edge" --deployment "Old oak"`
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from trapline.cli.errors import CommandError
    from trapline.cli.output import build_console, print_json
    from trapline.cli.server_session import connect, resolve_deployment, resolve_project
    from trapline.client.errors import ApiError
    from trapline.client.uploads import ENDINGS, list_files

    found = list_files(folder)
    if not found.images:
        others = (
            f" Other files in it: {_format_names([path.name for path in found.others])}."
            if found.others
            else ""
        )
        raise CommandError(
            f"No image in {folder}.{others} Accepted endings: {', '.join(sorted(ENDINGS))}."
        )
    console = build_console(to_errors=True)
    with (
        connect() as server,
        Progress(
            TextColumn("Uploading"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
            console=console, transient=True,
        ) as progress,
    ):  # fmt: skip
        within = resolve_project(server, project)
        place = resolve_deployment(server, within, deployment).id if deployment else None
        task = progress.add_task("", total=sum(path.stat().st_size for path in found.images))

        def show(sent: int, _total: int) -> None:
            progress.update(task, completed=sent)

        try:
            result = server.upload_images(
                folder, project=within.id, deployment=place, progress=show
            )
        except ApiError as failed:
            if failed.sent and failed.sent.files:
                console.print(
                    f"{len(failed.sent.files)} files were sent; run the same command to continue."
                )
            raise
    if as_json:
        print_json(result)
    else:
        print(
            f"{result.imported} imported, {result.duplicate} already stored, "
            f"{result.refused} refused"
        )
        _print_times(result.without_camera_time)
        for it in result.files:
            if it.outcome == "refused":
                console.print(f"{it.path or it.filename}: {it.detail}", markup=False)
        if result.left_out:
            console.print(
                f"{len(result.left_out)} files are not images and were not sent:", markup=False
            )
            for path in result.left_out:
                console.print(f"  {path}", markup=False)
        if result.hidden:
            console.print(f"{result.hidden} hidden files were not sent.", markup=False)
    if result.refused:
        raise typer.Exit(1)


def _print_times(without_camera_time: int) -> None:
    if without_camera_time:
        print(
            f"{without_camera_time:,} have the time of their file, because no camera time was read."
        )


@app.command("list")
def list_images(
    *,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="Name or ID.")] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Only images with this class.")
    ] = None,
    taxon: Annotated[
        str | None, typer.Option(help="Only images with this taxon: a scientific name or an ID.")
    ] = None,
    kind: KindOption = None,
    source: SourceOption = None,
    person: PersonOption = None,
    needs_review: NeedsReviewOption = None,
    individual: IndividualOption = None,
    count_min: CountMinOption = None,
    model_class: ModelClassOption = None,
    confidence_max: ConfidenceMaxOption = None,
    commented: CommentedOption = None,
    hours: HoursOption = None,
    tag: Annotated[str | None, typer.Option(help="Only images with this tag.")] = None,
    starred: Annotated[bool, typer.Option("--starred", help="Only starred images.")] = False,
    camera_time: Annotated[
        bool | None,
        typer.Option(
            "--camera-time/--no-camera-time",
            help="Only images dated by a camera, or by the time of their file.",
        ),
    ] = None,
    truncated: Annotated[
        bool | None,
        typer.Option(
            "--truncated/--not-truncated",
            help="Only truncated files, or only complete files.",
        ),
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="List deleted images instead.")
    ] = False,
    order: OrderOption = ImageOrder.NEWEST_FIRST,
    seed: SeedOption = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List a project's images with their IDs, the newest first by default.

    Example: `trapline images list --class "Vulpes vulpes" --needs-review --json | jq -r .[].id`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import (
        connect,
        resolve_deployment,
        resolve_project,
        resolve_taxon,
    )

    hour_from, hour_to = parse_hours(hours)
    with connect() as server:
        within = resolve_project(server, project)
        page = server.list_images(
            project=within.id,
            deployment=str(resolve_deployment(server, within, deployment).id)
            if deployment
            else None,
            class_=class_name,
            taxon=str(resolve_taxon(server, within.id, taxon).id) if taxon else None,
            kind=kind,
            source=source,
            identified_by=str(person) if person else None,
            needs_review=None if needs_review is None else str(needs_review).lower(),
            individual=individual,
            count_min=count_min,
            model_class=model_class,
            confidence_max=confidence_max,
            commented=None if commented is None else str(commented).lower(),
            hour_from=hour_from,
            hour_to=hour_to,
            order=order.value,
            seed=seed,
            tag=tag,
            starred="true" if starred else None,
            camera_time=None if camera_time is None else str(camera_time).lower(),
            truncated=None if truncated is None else str(truncated).lower(),
            deleted="true" if deleted else None,
            limit=limit,
        )
    print_list(
        page.results,
        ("taken", "flags", "file", "deployment", "classes", "tags", "deleted because", "id"),
        lambda it: (
            it.captured_at,
            ", ".join(it.flags),
            f"{it.source_path or it.filename} *" if it.starred else it.source_path or it.filename,
            it.deployment_name,
            ", ".join(it.classes),
            ", ".join(it.tags),
            it.deleted.reason if it.deleted else None,
            it.id,
        ),
        as_json=as_json,
    )


@app.command("update")
def change_images(
    images: Ids,
    *,
    tag: Annotated[
        list[str] | None, typer.Option(help="Add this tag; may be given several times.")
    ] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Remove this tag.")] = None,
    star: Annotated[
        bool | None, typer.Option("--star/--no-star", help="Add or remove the star.")
    ] = None,
    shift: Annotated[
        int | None, typer.Option(help="Shift the capture times by this number of seconds.")
    ] = None,
    captured_at: Annotated[
        str | None, typer.Option(help="The capture time of one image, with its zone.")
    ] = None,
    as_read: Annotated[
        bool,
        typer.Option("--as-read", help="Restore the capture times that were read from the files."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change images, all of them or none: tags, star, capture time.

    Example: `trapline images update ID ID --tag "red fox" --star`
    """
    from pydantic import ValidationError

    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import connect
    from trapline.wire.images import ImagesUpdate

    changes = {
        "starred": star,
        "add_tags": tag or [],
        "remove_tags": untag or [],
        "captured_at": captured_at,
        "shift_s": shift,
        "as_read": as_read,
    }
    try:
        ImagesUpdate.model_validate({"images": images[:1], **changes})
    except ValidationError as error:
        wrong = error.errors()[0]
        named = f"{wrong['loc'][0]}: " if wrong["loc"] else ""
        raise CommandError(
            f"{named}{wrong['msg'].removeprefix('Value error, ')}.", ExitCode.WRONG_USAGE
        ) from None
    with connect() as server:
        _print_result(
            server.update_images(_read_ids(images), **changes),
            "changed",
            "were unchanged",
            as_json=as_json,
        )


@app.command("delete")
def delete_images(
    images: Ids,
    *,
    reason: Annotated[
        str, typer.Option(help="Reason, recorded with the images and in the audit log.")
    ],
    as_json: AsJson = False,
) -> None:
    """Delete images. They can be restored for a limited time (60 days by default). Requires the
    owner role.

    Example: `trapline images delete ID --reason "a person is on it"`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _print_result(
            server.delete_images(_read_ids(images), reason),
            "deleted",
            "were already deleted",
            as_json=as_json,
        )


@app.command("restore")
def restore_images(images: Ids, *, as_json: AsJson = False) -> None:
    """Restore deleted images; `trapline images list --deleted` lists them. Requires the owner
    role.

    Example: `trapline images restore ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _print_result(
            server.restore_images(_read_ids(images)),
            "restored",
            "were not deleted",
            as_json=as_json,
        )


def _format_names(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _read_ids(given: list[str]) -> list[UUID]:
    from trapline.cli.errors import CommandError, ExitCode

    try:
        return [UUID(text) for text in given]
    except ValueError:
        raise CommandError(
            "Specify images by their IDs: `trapline images list` shows them.",
            ExitCode.WRONG_USAGE,
        ) from None


def _print_result(
    result: "ImagesUpdateResult", done: str, otherwise: str, *, as_json: bool
) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(result)
    else:
        print(
            f"{result.changed} {done}"
            + (f", {result.unchanged} {otherwise}" if result.unchanged else "")
        )


app.command("show")(show_image)
app.command("findings")(list_findings)
app.command("classes")(list_classes)
app.command("tags")(list_tags)
