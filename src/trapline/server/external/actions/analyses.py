"""Create, list, get, update and finalize analyses of external pipelines."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from trapline.server.catalogue.actions.analysis_responses import (
    build_analyses,
    build_analysis,
    build_annotations,
)
from trapline.server.external.actions.artifacts import cite_own_artifacts, list_uploads
from trapline.server.external.actions.callbacks import (
    SignatureUse,
    derive_secret,
    record_signature_use,
    require_standalone,
)
from trapline.server.external.queries.standalone_analyses import (
    count_standalone,
    create_analysis_row,
    get_analysis_row,
    get_image_project,
    lock_image,
    select_analyses,
    transition_analysis,
)
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotation_pages import (
    AnalysisAnnotations,
    list_analysis_annotations,
    list_annotation_rows,
    select_annotations,
)
from trapline.server.findings.queries.current_findings import refresh_findings
from trapline.server.findings.rules.filters import AnnotationFilter
from trapline.server.images.queries.images import get_image_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, InvalidRequest, TooManyRequests, Unprocessable
from trapline.server.queue.rules.job_transitions import (
    ALLOWED_CALLBACK_MOVES,
    ALLOWED_FINALIZATIONS,
    FINAL,
)
from trapline.server.review.actions.observation_settings import declare_targets
from trapline.server.review.queries.derivation import refresh_observations
from trapline.wire.analyses import (
    Analysis,
    AnalysisState,
    CreatedAnalysis,
    Finalization,
    NewAnalysis,
    StatusUpdate,
)
from trapline.wire.annotations import Annotation
from trapline.wire.values import Page

TAKEN = "uq_analysis_details_external_job_id"
SIMULATOR = "trapline simulate"
CREATED_A_DAY = 4
"""Analyses that may be created for an image in 24 hours in any state, as a multiple of its limit.
"""
RETRY_AFTER_S = 3600


async def create_analysis(
    system: AppContext, scope: Scope, image_id: UUID, new: NewAnalysis
) -> CreatedAnalysis:
    """Create a stand-alone analysis of an image, with the secret that signs its callbacks.

    Raises:
        NotFound, Forbidden: the caller does not see the image or may not change the project.
        InvalidRequest: another image, a model that is not allowed, or too many analyses.
        Conflict: the external_job_id is in use, or another declaration is being applied.
        TooManyRequests: too many analyses of this image were created in 24 hours.
    """
    if new.image_id != image_id:
        raise InvalidRequest(
            "The image_id of the body differs from the one in the URL. Nothing was created.",
        )
    allowed = system.callbacks.allowed_models
    if allowed and new.model_name not in allowed:
        raise InvalidRequest(
            f"The server does not accept the model {new.model_name}, only "
            f"{', '.join(allowed)}. Nothing was created. The operator can allow other models in "
            "ML_ALLOWED_MODELS."
        )
    async with system.database.transaction(scope) as tx:
        # The response is saved without the secret, which is derived again; no secret is stored.
        done = await find_saved_response(scope, tx, Analysis)
        if done is None:
            done = save_response(scope, tx, await _add(system, scope, tx, image_id, new))
    return CreatedAnalysis(**dict(done), callback_secret=derive_secret(system, done.id))


async def _add(
    system: AppContext, scope: Scope, tx: Transaction, image_id: UUID, new: NewAnalysis
) -> Analysis:
    # Versions of `trapline simulate` without the field `simulated` are named in the provenance
    # only.
    is_simulated = new.simulated or new.provenance.get("made_by") == SIMULATOR
    if new.looks_for is not None and not is_simulated:
        project_id = await get_image_project(scope, tx, image_id)
        await declare_targets(scope, tx, project_id, new.model_name, new.looks_for)
    image = await lock_image(scope, tx, image_id)
    most = system.callbacks.analyses_per_image
    open_ones, recent = await count_standalone(scope, tx, image, simulated=is_simulated)
    if open_ones >= most:
        raise InvalidRequest(
            f"This image has {most} {'simulated ' if is_simulated else ''}analyses of external "
            "pipelines that are "
            "queued, processing or completed. The limit is reached, and no analysis was created. "
            "Cancel those that are "
            "not needed, or ask the operator to raise ML_MAX_ANALYSES_PER_IMAGE."
        )
    if recent >= most * CREATED_A_DAY:
        raise TooManyRequests(
            f"{recent} analyses of external pipelines were created for this image in the last 24 "
            "hours, also counting "
            "canceled, failed and simulated ones. The limit is reached, and no analysis was "
            "created. Try again later.",
            RETRY_AFTER_S,
        )
    row = AnalysisRow(
        project_id=image.project_id,
        image_id=image.id,
        job_id=None,
        model_name=new.model_name,
        model_version=new.model_version,
        state=AnalysisState.QUEUED.value,
        simulated=is_simulated,
    )
    detail = {
        "parameters": new.parameters,
        "provenance": new.provenance,
        "external_job_id": new.external_job_id,
        "priority": new.priority.value,
        "requested_by": scope.actor if scope.user_id is None else f"user:{scope.user_id}",
    }
    try:
        async with tx.session.begin_nested():
            row, details = await create_analysis_row(scope, tx, row, detail)
    except IntegrityError as error:
        if TAKEN not in str(error.orig):
            raise
        raise Conflict(
            f"Another analysis of this project has the external_job_id {new.external_job_id}. "
            "Nothing was created."
        ) from error
    tx.audit(
        "create", "analysis", row.id, row.project_id, model=f"{row.model_name} {row.model_version}"
    )
    return build_analysis(system, AnalysisAnnotations(row, details), {})


async def list_analyses(
    system: AppContext, scope: Scope, image_id: UUID, limit: int, cursor: str | None
) -> Page[Analysis]:
    """List the analyses of an image, newest first.

    Raises:
        NotFound: the caller does not see the image.
    """
    async with system.database.transaction(scope) as tx:
        statement = select_analyses(scope, await get_image_row(scope, tx, image_id))
        rows, following = await fetch_page(
            tx,
            statement,
            [(AnalysisRow.created_at, datetime), (AnalysisRow.id, UUID)],
            descending=True,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        analyses = await build_analyses(
            system, scope, tx, await list_analysis_annotations(scope, tx, rows, longer=0)
        )
    return Page(results=analyses, next=following, count=count, count_is_estimate=estimated)


async def get_analysis(
    system: AppContext, scope: Scope, analysis_id: UUID, use: SignatureUse | None = None
) -> Analysis:
    """Return an analysis with the first page of its annotations.

    Raises:
        NotFound: the caller does not see such an analysis.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_analysis_row(scope, tx, analysis_id)
        await record_signature_use(tx, row, use)
        return await _show(system, scope, tx, row)


async def _show(system: AppContext, scope: Scope, tx: Transaction, row: AnalysisRow) -> Analysis:
    [analysis] = await build_analyses(
        system, scope, tx, await list_analysis_annotations(scope, tx, [row])
    )
    return analysis


async def list_annotations(
    system: AppContext,
    scope: Scope,
    analysis_id: UUID,
    wanted: AnnotationFilter,
    limit: int,
    cursor: str | None,
    use: SignatureUse | None = None,
) -> Page[Annotation]:
    """List the annotations of an analysis by ordering, then in the order posted.

    Raises:
        NotFound: the caller does not see such an analysis.
        InvalidRequest: the cursor is of another list.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_analysis_row(scope, tx, analysis_id)
        await record_signature_use(tx, row, use)
        found, following = await list_annotation_rows(scope, tx, row, wanted, limit, cursor)
        count, estimated = await count_rows(tx, select_annotations(row, wanted))
        results = await build_annotations(system, scope, tx, found)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def update_status(
    system: AppContext,
    scope: Scope,
    analysis_id: UUID,
    change: StatusUpdate,
    use: SignatureUse | None,
) -> Analysis:
    """Change the status of a stand-alone analysis.

    Raises:
        NotFound: the caller does not see such an analysis.
        Forbidden: the caller may not change it.
        Conflict: the transition is not allowed.
    """
    return await _move(
        system, scope, analysis_id, change.status, change.error_message, use, ALLOWED_CALLBACK_MOVES
    )


async def finalize(
    system: AppContext, scope: Scope, analysis_id: UUID, end: Finalization, use: SignatureUse | None
) -> Analysis:
    """End a stand-alone analysis as completed or failed.

    Raises:
        NotFound: the caller does not see such an analysis.
        Forbidden: the caller may not change it.
        Unprocessable: the status or the error message is not valid.
        Conflict: the transition is not allowed.
    """
    if end.status not in (AnalysisState.COMPLETED, AnalysisState.FAILED):
        raise Unprocessable(
            f"An analysis is finalized as completed or failed, not as {end.status}. Nothing was "
            "changed.",
            [("status", "must be completed or failed")],
        )
    return await _move(
        system, scope, analysis_id, end.status, end.error_message, use, ALLOWED_FINALIZATIONS
    )


async def _move(
    system: AppContext,
    scope: Scope,
    analysis_id: UUID,
    target: AnalysisState,
    error_message: str | None,
    use: SignatureUse | None,
    allowed: frozenset[tuple[str, str]],
) -> Analysis:
    if error_message and target != AnalysisState.FAILED:
        raise Unprocessable(
            f"An error_message belongs to an analysis that failed, not to one that is {target}. "
            "Nothing was changed.",
            [("error_message", "belongs to the status failed")],
        )
    arrived = await list_uploads(system, scope, analysis_id) if target.value in FINAL else {}
    async with system.database.transaction(scope) as tx:
        row = await get_analysis_row(scope, tx, analysis_id, lock=True)
        require_standalone(row)
        is_first = await record_signature_use(tx, row, use)
        if is_first and row.state != target:
            if (row.state, target.value) not in allowed:
                raise Conflict(
                    f"This analysis is {row.state} and cannot become {target}. Nothing was "
                    "changed.",
                )
            await cite_own_artifacts(scope, tx, row, arrived)
            await transition_analysis(
                scope, tx, row, target.value, error_message, error_message or None
            )
            if target == AnalysisState.COMPLETED and not row.simulated:
                await refresh_findings(scope, tx, [row.image_id])
                await refresh_observations(scope, tx, row.project_id, [row.image_id])
            tx.audit(f"analysis {target}", "analysis", row.id, row.project_id)
        return await _show(system, scope, tx, row)
