"""`trapline source show`: one pull source with its health, its settings and its last run."""

from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from trapline.wire.sources import PullRun

Named = Annotated[str, typer.Argument(metavar="SOURCE", help="Name or ID of the source.")]


def show_source(source: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Show one pull source: its health with the reason, its settings and its last run.

    Example: `trapline source show "Old oak"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect
    from trapline.cli.source_lookup import resolve_source

    with connect() as server:
        it = server.get_source(resolve_source(server, project, source).id)
    if as_json:
        print_json(it)
        return
    limit = f"{it.max_files_per_run:,}" if it.max_files_per_run else "no limit"
    failed = it.counts.failed + it.counts.quarantined
    counts = f"{it.counts.imported:,} imported, {it.counts.seen:,} waiting, {failed:,} failed"
    facts = [
        ("name", it.name),
        ("id", it.id),
        ("health", it.health),
        ("reason", it.health_detail),
        ("address", it.base_url),
        ("deployment", it.deployment_name),
        ("schedule", f"{it.schedule_in_words} ({it.time_zone})"),
        ("next run", it.next_run),
        ("files per run", limit),
        ("order", it.order.value),
        ("include", ", ".join(it.include) or None),
        ("exclude", ", ".join(it.exclude) or None),
        ("files", counts),
        ("last run", format_run(it.last_run) if it.last_run else None),
    ]
    print_table(("setting", "value"), [fact for fact in facts if fact[1] is not None])


def format_run(run: "PullRun") -> str:
    """Format a run as one line."""
    if run.state.value == "running":
        return f"run {run.id} has started; trapline source list shows its progress"
    text = f"{run.state.value}: {run.listed:,} listed, {run.imported:,} imported"
    for count, word in (
        (run.duplicate, "already imported"),
        (run.skipped, "skipped"),
        (run.failed, "failed"),
    ):
        text += f", {count:,} {word}" if count else ""
    text += f", {run.unlisted_folders:,} folders not listed" if run.unlisted_folders else ""
    text += f", {run.seconds:.1f} s"
    if run.remaining:
        text += f"; {run.remaining:,} more wait for the next run"
    if run.left_out:
        text += "; left out: " + ", ".join(
            f"{count:,} {reason}" for reason, count in run.left_out.items()
        )
    return text + (f" ({run.error})" if run.error else "")
