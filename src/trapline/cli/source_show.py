"""`trapline source show`: one pull source with its health, its settings and its last run."""

from typing import Annotated

import typer

from trapline.cli.options import AsJson, InProject

Named = Annotated[str, typer.Argument(metavar="SOURCE", help="Its name or id.")]


def show_source(source: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Show one pull source: its health with the reason, its settings and its last run.

    Example: `trapline source show "Old oak"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect
    from trapline.cli.source import format_run, resolve_source

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
