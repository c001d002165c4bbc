"""`trapline analysis`: the results of models on images, one analysis at a time."""

import sys
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson
from trapline.wire.analyses import AnalysisFormat

app = typer.Typer(
    help=(
        "Show the analyses of an image: each is one run of a model on it.\n\n"
        "`trapline analysis list IMAGE` lists them; `trapline images findings` searches many "
        "images."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_SIMULATED = ", simulated"

Named = Annotated[UUID, typer.Argument(metavar="ANALYSIS", help="ID.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Maximum number; all by default.")]


@app.command("list")
def list_analyses(
    image: Annotated[UUID, typer.Argument(metavar="IMAGE", help="The id of an image.")],
    *,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """List the analyses of an image, the newest first.

    Example: `trapline analysis list ID --json | jq -r .[0].id`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        found = list(islice(iterate(server.list_analyses, image), limit))
    print_list(
        found,
        ("model", "version", "status", "found", "job", "made", "id"),
        lambda it: (
            it.model_name,
            it.model_version,
            f"{it.status.value}{_SIMULATED if it.simulated else ''}",
            it.annotation_count,
            it.job_id,
            it.created_at,
            it.id,
        ),
        as_json=as_json,
    )


@app.command("show")
def show_analysis(analysis: Named, *, limit: Limit = None, as_json: AsJson = False) -> None:
    """Show an analysis and what it found.

    Example: `trapline analysis show ID`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        shown = server.get_analysis(analysis)
        found = list(islice(iterate(server.list_annotations, analysis), limit))
    if as_json:
        print_json(
            {
                **shown.model_dump(mode="json"),
                "annotations": [it.model_dump(mode="json") for it in found],
            }
        )
        return
    state = f"{shown.status.value}{_SIMULATED if shown.simulated else ''}"
    print(f"{shown.model_name} {shown.model_version}, {state}: {shown.annotation_count} found")
    if shown.error_message:
        print(shown.error_message)
    print_table(
        ("type", "class", "confidence", "algorithm", "id"),
        [
            (it.annotation_type.value, it.class_name, it.confidence, it.algorithm, it.id)
            for it in found
        ],
    )


@app.command("scores")
def show_scores(
    annotation: Annotated[
        UUID, typer.Argument(metavar="ANNOTATION", help="The id of a classification.")
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, by confidence.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show the scores of a classification over its classes, the highest first; --json shows
    all.

    Example: `trapline analysis scores ID --limit 5`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        scores = server.get_scores(annotation)
    if as_json:
        print_json(scores)
        return
    labels = scores.labels or [str(index) for index in range(len(scores.scores))]
    highest = sorted(zip(labels, scores.scores, strict=True), key=lambda pair: -pair[1])[:limit]
    print_table(("class", "score"), [(label, f"{score:.4f}") for label, score in highest])


@app.command("files")
def list_files(analysis: Named, *, as_json: AsJson = False) -> None:
    """List the files of an analysis: heatmaps, masks and logs.

    Example: `trapline analysis files ID`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        found = list(iterate(server.list_artifacts, analysis))
    print_list(
        found,
        ("type", "file", "bytes", "id"),
        lambda it: (it.artifact_type.value, it.filename, it.size, it.id),
        as_json=as_json,
    )


@app.command("fetch")
def fetch_file(
    artifact: Annotated[
        UUID, typer.Argument(metavar="FILE", help="ID, as shown by `trapline analysis files`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Output file; - is standard output.")
    ],
) -> None:
    """Download a file of an analysis.

    Example: `trapline analysis fetch ID -o heatmap.png`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _write(output, server.download_artifact(artifact))


@app.command("export")
def export_analysis(
    analysis: Named,
    *,
    form: Annotated[
        AnalysisFormat, typer.Option("--format", help="json, csv or coco.")
    ] = AnalysisFormat.JSON,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file; - is standard output.")
    ] = Path("-"),
) -> None:
    """Download an analysis with all its annotations as a file.

    Example: `trapline analysis export ID --format coco -o found.json`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _write(output, server.export_analysis(analysis, form))


@app.command("cancel")
def cancel_analysis(analysis: Named) -> None:
    """Cancel an analysis of an external pipeline; the server then refuses everything posted to it.

    Example: `trapline analysis cancel ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.cancel_analysis(analysis)
    print("Canceled.")


def _write(output: Path, content: bytes) -> None:
    if output == Path("-"):
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)
