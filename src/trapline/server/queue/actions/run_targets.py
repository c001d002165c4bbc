"""Resolve the presets, pipelines and images that runs and jobs name."""

from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.queue.queries.expansion import sort_unique_ids
from trapline.server.queue.queries.presets import list_preset_names
from trapline.server.queue.queries.submit import RunTarget, find_run_target, get_sequence_project
from trapline.wire.jobs import Selection

KNOWN = 100
"""How many presets an error names."""


async def resolve_run_target(
    scope: Scope, tx: Transaction, project_id: int, preset: str | None, pipeline: str | None
) -> RunTarget:
    """Resolve a preset or a pipeline of a project.

    Raises:
        Unprocessable: it does not exist, or the pipeline of the preset does not.
    """
    return await require_run_target(
        scope,
        tx,
        project_id,
        preset,
        pipeline,
        await find_run_target(scope, tx, project_id, preset, pipeline),
    )


async def require_run_target(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    preset: str | None,
    pipeline: str | None,
    found: RunTarget | None,
) -> RunTarget:
    """Return the preset or pipeline that was found for a name in a project.

    Raises:
        Unprocessable: nothing was found, as in `resolve_run_target`.
    """
    if found is not None and found.pipeline_id is not None:
        return found
    if found is None and preset is not None:
        raise await format_unknown_preset(scope, tx, preset, project_id)
    raise Unprocessable(
        f"No pipeline {found.slug if found else pipeline} is registered in this project. Nothing "
        "was created. "
        "Start a worker that offers it, or run `trapline register` where it is installed."
    )


async def format_unknown_preset(
    scope: Scope, tx: Transaction, preset: str, project_id: int | None
) -> Unprocessable:
    """Format the error for an unknown preset, with the presets that exist."""
    names = await list_preset_names(scope, tx, project_id, KNOWN)
    where = "any of your projects" if project_id is None else "this project"
    known = (
        f"Known are: {', '.join(names)}."
        if names
        else "There are no presets yet; create one with POST /api/v2/presets."
    )
    return Unprocessable(
        f"There is no preset {preset} in {where}. Nothing was created. {known}",
        [("preset", f"is not known; known are: {', '.join(names) or 'none'}")],
    )


async def list_selected_images(
    scope: Scope, tx: Transaction, project_id: int, selection: Selection
) -> list[UUID] | None:
    """List the images that a selection names, by ID or by sequence; None if it names none.

    The images are in order.

    Raises:
        NotFound: the project has no such sequence.
    """
    if selection.sequence is None:
        return None if selection.images is None else sort_unique_ids(selection.images)
    place = await get_sequence_project(scope, tx, selection.sequence)
    if place is None or place[0] != project_id:
        raise NotFound
    return place[1]
