"""Settings of observations: show them, preview a change on a sample, and apply it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.queries.derivation import derive_set
from trapline.server.review.queries.observation_builds import (
    compare_sets,
    create_trial_set,
    list_sample,
    list_set_pipelines,
    list_set_progress,
    lock_settings,
    start_build,
    uses_names,
)
from trapline.server.review.queries.observation_rows import BUILDING, CURRENT
from trapline.server.review.queries.observation_sets import (
    ObservationSet,
    list_active_sets,
    list_counting,
    list_declarations,
    list_pipeline_targets,
    upsert_declaration,
)
from trapline.server.review.queries.sensitive_sightings import restart_recording
from trapline.server.review.queries.sensitive_taxa import require_exact_rules
from trapline.server.review.rules.pipeline_competence import PipelineTargets
from trapline.wire.observation_settings import (
    BuildProgress,
    ClassChange,
    DecisionRule,
    ObservationPipeline,
    ObservationPreview,
    ObservationSettings,
    ObservationSettingsChange,
    ObservationValues,
    PipelineChoice,
)
from trapline.wire.observations import SoughtKind

SAMPLE = 1000
"""The number of images that a preview derives."""


async def get_observation_settings(
    system: AppContext, scope: Scope, project_id: int
) -> ObservationSettings:
    """Show the settings of a project's observations, and how far a change of them is."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        return await _show(scope, tx, project_id)


async def change_observation_settings(
    system: AppContext, scope: Scope, project_id: int, change: ObservationSettingsChange
) -> ObservationSettings:
    """Change settings, and derive all observations of the project again in the background.

    Raises:
        Forbidden: they decide which locations of sensitive taxa are withheld from the caller.
        PreconditionFailed: the settings were changed after the caller read them.
        Unprocessable: a pipeline is unknown or named twice.
    """
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        await lock_settings(scope, tx, project_id)
        await require_exact_rules(scope, tx, project_id)
        if scope.origin.if_match is not None:
            scope.check_unchanged((await _show(scope, tx, project_id)).updated_at)
        newest = (await list_active_sets(scope, tx, project_id))[-1]
        settings = await _apply(scope, tx, newest, change)
        if settings != dict(newest.settings):
            await start_build(scope, tx, project_id, settings)
            given = change.model_dump(mode="json", exclude_none=True)
            tx.audit("change observation settings", "project", project_id, project_id, **given)
        return await _show(scope, tx, project_id)


async def preview_observation_settings(
    system: AppContext, scope: Scope, project_id: int, change: ObservationSettingsChange
) -> ObservationPreview:
    """Derive the newest images with other settings, compare, and store nothing.

    Raises:
        Unprocessable: a pipeline is unknown or named twice.
    """
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        [current, *_] = [
            one for one in await list_active_sets(scope, tx, project_id) if one.state == CURRENT
        ]
        settings = await _apply(scope, tx, current, change)
        images = await list_sample(scope, tx, project_id, SAMPLE)
        tried = await create_trial_set(scope, tx, project_id, settings)
        if images:
            await derive_set(
                scope, tx, ObservationSet(tried, project_id, BUILDING, settings), images
            )
        compared = await compare_sets(scope, tx, current.id, tried, images)
        await tx.session.rollback()
    return ObservationPreview(
        images=len(images),
        changed=compared.changed,
        needs_review=compared.needs_review,
        classes=[
            ClassChange(class_name=name, before=before, after=after)
            for name, before, after in compared.classes
        ],
    )


async def rebuild_for_names(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    *,
    labels: Collection[str] = (),
    taxa: Collection[UUID] = (),
) -> None:
    """Derive all observations of a project again if they use labels or taxa that changed.

    Sightings are recorded last: a chunk of a build locks its set first and sightings after it.
    """
    await lock_settings(scope, tx, project_id)
    newest = (await list_active_sets(scope, tx, project_id))[-1]
    if await uses_names(scope, tx, newest.id, labels, taxa):
        await start_build(scope, tx, project_id, newest.settings)
    await restart_recording(scope, tx, project_id)


async def declare_targets(
    scope: Scope, tx: Transaction, project_id: int, model_name: str, kinds: Collection[SoughtKind]
) -> None:
    """Store what an external pipeline looks for, and derive its images again if it now counts.

    They are derived again also if it counts no longer. The caller has locked no image yet: a build
    locks its set before the images.

    Raises:
        Forbidden: the pipeline is known, and whether it counts decides which locations of sensitive
            taxa are withheld from the caller.
        Conflict: it declared before whether it counts, and a build is running.
    """
    given = [kind.value for kind in SoughtKind if kind in kinds]
    stored = (await list_declarations(scope, tx, project_id, [model_name])).get(model_name)
    is_new = stored != given
    # The second condition is for an analysis that was completed while its pipeline was declared.
    if not is_new and await _find_outdated_set(scope, tx, project_id, model_name) is None:
        return
    await lock_settings(scope, tx, project_id)
    if is_new:
        before, after = PipelineTargets(stored or ()), PipelineTargets(given)
        known = await _list_known_pipelines(scope, tx, project_id)
        if before.is_competent() != after.is_competent() and model_name in known:
            await require_exact_rules(scope, tx, project_id)
            newest = (await list_active_sets(scope, tx, project_id))[-1]
            if stored is not None and newest.state == BUILDING:
                raise Conflict(
                    f"{model_name} declared {', '.join(stored)} before, and the observations of "
                    "the project are being built. Another declaration would start the build "
                    "again. Nothing was created. Wait for the end of the build, or send the "
                    "request without looks_for."
                )
        await upsert_declaration(scope, tx, project_id, model_name, given)
        tx.audit(
            "declare pipeline", "project", project_id, project_id, model=model_name, looks_for=given
        )
    outdated = await _find_outdated_set(scope, tx, project_id, model_name)
    if outdated is not None:
        await require_exact_rules(scope, tx, project_id)
        await start_build(scope, tx, project_id, outdated.settings)


async def _list_known_pipelines(scope: Scope, tx: Transaction, project_id: int) -> set[str]:
    """List the pipelines of all active sets: one that is being built has not met all of them."""
    sets = await list_active_sets(scope, tx, project_id)
    return {name for one in sets for name, _, _ in await list_set_pipelines(scope, tx, one.id)}


async def _find_outdated_set(
    scope: Scope, tx: Transaction, project_id: int, model_name: str
) -> ObservationSet | None:
    """Return the newest set if a pipeline counts in it and should not, or the reverse."""
    newest = (await list_active_sets(scope, tx, project_id))[-1]
    counts = {name: counts for name, _, counts in await list_set_pipelines(scope, tx, newest.id)}
    if model_name not in counts:
        return None
    should_count = model_name in await list_counting(scope, tx, newest, [model_name])
    return newest if counts[model_name] != should_count else None


async def _apply(
    scope: Scope, tx: Transaction, of: ObservationSet, change: ObservationSettingsChange
) -> dict[str, Any]:
    given = change.model_dump(mode="json", exclude_none=True)
    if change.pipelines is not None:
        known = await _list_known_pipelines(scope, tx, of.project_id)
        _validate_pipelines(change.pipelines, known)
    return {**of.settings, **given}


def _validate_pipelines(pipelines: Sequence[PipelineChoice], known: Collection[str]) -> None:
    """Refuse names that are unknown or listed twice, and replacements that do not count.

    Raises:
        Unprocessable: one of the choices is invalid.
    """
    names = [one.name for one in pipelines]
    replaced = {one.name for one in pipelines if one.superseded or one.superseded_by}
    for place, one in enumerate(pipelines):
        key, fault = f"pipelines.{place}.name", ""
        if one.name in names[:place]:
            fault = "is listed twice"
        elif one.name not in known:
            fault = "has not analysed an image of this project"
        elif one.superseded_by is not None:
            key = f"pipelines.{place}.superseded_by"
            if one.superseded_by == one.name:
                fault = "is the pipeline itself"
            elif one.superseded_by not in known:
                fault = "has not analysed an image of this project"
            elif one.superseded_by in replaced:
                fault = "is itself replaced by another pipeline"
        if fault:
            raise Unprocessable(f"{key} {fault}. Nothing was changed.", [(key, fault)])


async def _show(scope: Scope, tx: Transaction, project_id: int) -> ObservationSettings:
    sets = {one.state: one for one in await list_active_sets(scope, tx, project_id)}
    current = sets[CURRENT]
    progress = await list_set_progress(scope, tx, project_id)
    building = progress.get(BUILDING)
    counting = {name: counts for name, _, counts in await list_set_pipelines(scope, tx, current.id)}
    targets = await list_pipeline_targets(scope, tx, project_id, list(counting))
    return ObservationSettings(
        **dict(_build_values(current.settings, list(counting), targets, counting)),
        updated_at=(building or progress[CURRENT]).created_at,
        finished_at=progress[CURRENT].finished_at,
        progress=BuildProgress(
            derived=min(building.derived, building.images),
            images=building.images,
            started_at=building.created_at,
            settings=_build_values(sets[BUILDING].settings, list(counting), targets, {}),
        )
        if building is not None
        else None,
    )


def _build_values(
    settings: Mapping[str, Any],
    names: Sequence[str],
    targets: Mapping[str, PipelineTargets],
    decided: Mapping[str, bool],
) -> ObservationValues:
    """Build the values of settings; `decided` are the pipelines that are known to count or not."""
    choices = {one["name"]: one for one in settings.get("pipelines", ())}
    ordered = [one for one in choices if one in names] + [
        one for one in names if one not in choices
    ]
    return ObservationValues(
        detection_threshold=settings["detection_threshold"],
        classification_threshold=settings["classification_threshold"],
        review_threshold=settings.get("review_threshold", 0.0),
        combines=settings.get("combines", True),
        rule=DecisionRule(settings.get("rule", DecisionRule.LATEST)),
        agreement=settings.get("agreement", 2),
        class_thresholds=settings.get("class_thresholds", {}),
        blank_labels=settings.get("blank_labels", []),
        pipelines=[
            _build_pipeline(name, choices.get(name, {}), targets[name], decided) for name in ordered
        ],
    )


def _build_pipeline(
    name: str,
    choice: Mapping[str, Any],
    targets: PipelineTargets,
    decided: Mapping[str, bool],
) -> ObservationPipeline:
    superseded = bool(choice.get("superseded") or choice.get("superseded_by"))
    chosen = choice.get("counts")
    counts = targets.is_competent() if chosen is None else chosen
    return ObservationPipeline(
        name=name,
        counts=decided.get(name, counts and not superseded),
        chosen=chosen,
        superseded=superseded,
        superseded_by=choice.get("superseded_by"),
        looks_for=targets.list_kinds(),
        task_types=sorted(targets.task_types),
    )
