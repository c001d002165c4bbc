"""Start, list and withdraw bulk identifications, and identify their images chunk by chunk."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy import func

from trapline.server.accounts.actions.auth import find_actor_scope
from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.findings.queries.current_findings import list_shown_analyses
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import (
    Conflict,
    Forbidden,
    NotFound,
    Unprocessable,
)
from trapline.server.review.actions.identification_rows import (
    IdentificationRowBuilder,
    IdentifiedSubjects,
)
from trapline.server.review.actions.identifications import (
    WITHDRAWS_OTHERS,
    store_identifications,
    store_withdrawals,
)
from trapline.server.review.queries.bulk_identifications import (
    BulkIdentificationRow,
    find_unfinished,
    get_bulk_row,
    list_bulk_members,
    list_chunk,
    list_sequences_of,
    lock_unfinished,
    purge_prepared,
    record_chunk,
    select_bulk_identifications,
    set_state,
)
from trapline.server.review.queries.identifications import (
    IdentificationRow,
    list_taxon_names,
    lock_images,
)
from trapline.server.review.queries.later_decisions import (
    list_decided_meanwhile,
    list_later_results,
)
from trapline.wire.auth import Role
from trapline.wire.bulk_identifications import (
    BulkIdentification,
    BulkState,
    BulkUnit,
    SkipReason,
)
from trapline.wire.identifications import IdentificationKind, IdentificationTaxon, NewIdentification
from trapline.wire.values import Page

log = structlog.get_logger(__name__)

CHUNK = 400
"""Number of images in one transaction: results of workers wait for its locks at most so long."""
AT_ONCE_S = 1.0
"""How long a request identifies images itself; the background process does the rest."""
PURGED_AT_ONCE = 100
LOST = "The user or the token that started it has no access any more."


async def get_bulk_identification(
    system: AppContext, scope: Scope, bulk_id: UUID
) -> BulkIdentification:
    """Get a bulk identification with its progress. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [found] = await build_bulk_identifications(
            scope, tx, [await get_bulk_row(scope, tx, bulk_id)]
        )
    return found


async def list_bulk_identifications(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    person: UUID | None,
    *,
    limit: int,
    cursor: str | None,
) -> Page[BulkIdentification]:
    """List the bulk identifications that were started, newest first."""
    made_by = f"user:{person}" if person else None
    async with system.database.transaction(scope) as tx:
        statement = select_bulk_identifications(scope, project_id, made_by=made_by)
        rows, following = await fetch_page(
            tx,
            statement,
            [(BulkIdentificationRow.created_at, datetime), (BulkIdentificationRow.id, UUID)],
            descending=True,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        results = await build_bulk_identifications(scope, tx, rows)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def start_bulk_identification(
    system: AppContext, scope: Scope, bulk_id: UUID
) -> BulkIdentification:
    """Start a prepared bulk identification, or resume a stopped one.

    If it is short, its images are identified when this returns.

    Raises:
        NotFound: the caller does not see it, or it was prepared too long ago.
        Forbidden: another user prepared it.
        Conflict: it was withdrawn.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_bulk_row(scope, tx, bulk_id, locked=True)
        if row.made_by != scope.person:
            raise Forbidden(
                "Another user prepared this bulk identification. Nothing was changed. Prepare one "
                "of your own."
            )
        if row.withdrawn_at is not None:
            raise Conflict(
                "This bulk identification was withdrawn. Nothing was changed. Prepare a new one."
            )
        if row.state in (BulkState.PREPARED, BulkState.STOPPED):
            set_state(row, BulkState.RUNNING)
            row.actor, row.acts_for, row.reason = scope.actor, scope.person, None
            row.started_at = row.started_at or func.clock_timestamp()
            tx.audit(
                "start",
                "bulk_identification",
                row.id,
                row.project_id,
                kind=row.statement["kind"],
                images=row.images,
            )
    await _run_for_a_moment(system, bulk_id)
    return await get_bulk_identification(system, scope, bulk_id)


async def withdraw_bulk_identification(
    system: AppContext, scope: Scope, bulk_id: UUID
) -> BulkIdentification:
    """Stop a bulk identification and withdraw all its identifications that are not withdrawn.

    Later identifications of the same images are kept. That of another user requires
    WITHDRAWS_OTHERS. Raises NotFound, Forbidden.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_bulk_row(scope, tx, bulk_id, locked=True)
        if row.made_by != scope.person:
            scope.check(row.project_id, WITHDRAWS_OTHERS)
        if row.state != BulkState.WITHDRAWN:
            row.withdrawn_at = row.withdrawn_at or func.clock_timestamp()
            row.actor, row.acts_for, row.reason = scope.actor, scope.person, None
            set_state(row, BulkState.WITHDRAWING)
            tx.audit(
                "withdraw", "bulk_identification", row.id, row.project_id, images=row.identified
            )
    await _run_for_a_moment(system, bulk_id)
    return await get_bulk_identification(system, scope, bulk_id)


async def _run_for_a_moment(system: AppContext, bulk_id: UUID) -> None:
    until = time.monotonic() + AT_ONCE_S
    while await run_bulk_identifications(system, Scope.system(), bulk_id):
        if time.monotonic() > until:
            return


async def run_bulk_identifications(
    system: AppContext, scope: Scope, bulk_id: UUID | None = None
) -> bool:
    """Identify, or withdraw, one chunk of an unfinished one; return whether there may be more.

    Each chunk and its progress are one transaction, so that a killed process leaves nothing half
    done. The permissions of the user are those of the present, not those of the start.
    """
    async with system.database.transaction(scope) as tx:
        found = await find_unfinished(scope, tx, bulk_id)
        if found is None:
            return False
        key, actor = found
        author = await find_actor_scope(tx, actor)
    if author is None:
        return await _stop(system, scope, key, actor, LOST)
    acting = replace(author, changes=True, needs=Role.REVIEWER)
    try:
        return await retry_on_deadlock(lambda: _run_chunk(system, acting, key, actor))
    except (NotFound, Forbidden, Conflict, Unprocessable) as error:
        return await _stop(system, scope, key, actor, error.detail)


async def _stop(system: AppContext, scope: Scope, bulk_id: UUID, actor: str, reason: str) -> bool:
    async with system.database.transaction(scope) as tx:
        row = await lock_unfinished(scope, tx, bulk_id, actor)
        if row is not None:
            set_state(row, BulkState.STOPPED)
            row.reason = reason
            tx.audit("stop", "bulk_identification", row.id, row.project_id, reason=reason)
            log.info("bulk identification stopped", bulk=str(bulk_id), reason=reason)
    return True


async def _run_chunk(system: AppContext, scope: Scope, bulk_id: UUID, actor: str) -> bool:
    async with system.database.transaction(scope) as tx:
        row = await lock_unfinished(scope, tx, bulk_id, actor)
        if row is None:
            return False
        if not scope.sees(row.project_id):
            raise Forbidden(LOST)
        scope.check(row.project_id)
        if row.state == BulkState.RUNNING:
            await _identify_chunk(scope, tx, row)
        else:
            if row.made_by != row.acts_for:
                scope.check(row.project_id, WITHDRAWS_OTHERS)
            await _withdraw_chunk(scope, tx, row)
    return True


async def _identify_chunk(scope: Scope, tx: Transaction, row: BulkIdentificationRow) -> None:
    chunk = await list_chunk(scope, tx, row, CHUNK)
    locked = await lock_images(scope, tx, chunk)
    new = NewIdentification.model_validate_json(row.statement["request"])
    is_confirmed = new.kind is IdentificationKind.CONFIRM
    results = await list_shown_analyses(scope, tx, locked) if is_confirmed else {}
    decided = await list_decided_meanwhile(scope, tx, row, locked)
    changed = await list_later_results(scope, tx, results, row.created_at)
    skipped: dict[UUID, str] = {}
    for key in chunk:
        if key not in locked:
            skipped[key] = SkipReason.DELETED
        elif key in decided:
            skipped[key] = SkipReason.DECIDED
        elif is_confirmed and key not in results:
            skipped[key] = SkipReason.NOTHING_TO_CONFIRM
        elif key in changed:
            skipped[key] = SkipReason.CHANGED
    images = [key for key in chunk if key not in skipped]
    if images:
        subjects = await _load_subjects(scope, tx, row, new, images, results)
        await store_identifications(
            scope, tx, _build_rows(scope, row, new, images, subjects), bulk=str(row.id)
        )
    await record_chunk(scope, tx, row, done=len(chunk), identified=len(images), skipped=skipped)


async def _load_subjects(
    scope: Scope,
    tx: Transaction,
    row: BulkIdentificationRow,
    new: NewIdentification,
    images: Sequence[UUID],
    results: dict[UUID, UUID],
) -> IdentifiedSubjects:
    of_sequences = row.unit == BulkUnit.SEQUENCES
    sequences = await list_sequences_of(scope, tx, images) if of_sequences else {}
    taxa = {taxon.taxon for taxon in (new, *(new.taxa or ())) if taxon.taxon is not None}
    return IdentifiedSubjects(
        images=dict.fromkeys(images, row.project_id),
        places={},
        sequences=sequences,
        results=results,
        taxa=await list_taxon_names(scope, tx, taxa),
    )


def _build_rows(
    scope: Scope,
    row: BulkIdentificationRow,
    new: NewIdentification,
    images: Sequence[UUID],
    subjects: IdentifiedSubjects,
) -> list[IdentificationRow]:
    in_sequences = {key for members in subjects.sequences.values() for key in members}
    wanted = new.model_copy(
        update={
            "images": [key for key in images if key not in in_sequences],
            "sequences": list(subjects.sequences),
        }
    )
    rows = IdentificationRowBuilder(scope, subjects).build_rows([wanted])
    for one in rows:
        one.bulk_id = row.id
        if one.sequence_id is not None:
            # The images of a sequence can be in several chunks, and are one statement.
            one.statement_id = uuid5(row.id, str(one.sequence_id))
    return rows


async def _withdraw_chunk(scope: Scope, tx: Transaction, row: BulkIdentificationRow) -> None:
    members = await list_bulk_members(scope, tx, row.id, CHUNK)
    if members:
        row.withdrawn += await store_withdrawals(
            scope,
            tx,
            [key for key, _ in members],
            {image for _, image in members},
            row.acts_for,
            bulk=str(row.id),
        )
    if len(members) < CHUNK:
        set_state(row, BulkState.WITHDRAWN)
        row.image_ids = []


async def purge_prepared_bulks(system: AppContext, scope: Scope) -> bool:
    """Delete bulk identifications that were prepared and not started within an hour."""
    async with system.database.transaction(scope) as tx:
        return await purge_prepared(scope, tx, PURGED_AT_ONCE) == PURGED_AT_ONCE


async def build_bulk_identifications(
    scope: Scope, tx: Transaction, rows: Sequence[BulkIdentificationRow]
) -> list[BulkIdentification]:
    """Build bulk identifications with the names of their authors."""
    names = await list_actor_names(scope, tx, {row.made_by for row in rows})
    fields = (
        "id",
        "project_id",
        "state",
        "unit",
        "images",
        "reviewed",
        "done",
        "identified",
        "skipped",
        "skipped_images",
        "withdrawn",
        "reason",
        "created_at",
        "started_at",
        "finished_at",
    )
    return [
        BulkIdentification(
            **{name: getattr(row, name) for name in fields},
            kind=row.statement["kind"],
            taxa=[IdentificationTaxon(**one) for one in row.statement["taxa"]],
            comment=row.statement["comment"],
            by=names[row.made_by],
            person_id=parse_actor(row.made_by),
        )
        for row in rows
    ]


def build_statement(
    request: NewIdentification, taxa: Sequence[IdentificationTaxon]
) -> dict[str, Any]:
    """Build the stored form of what a bulk identification states."""
    return {
        "kind": request.kind.value,
        "comment": request.comment,
        "taxa": [taxon.model_dump(mode="json") for taxon in taxa],
        "request": request.model_dump_json(),
    }
