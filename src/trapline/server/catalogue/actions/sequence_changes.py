"""Split and merge sequences by hand, list these changes, and undo them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.images.queries.sequence_marks import (
    SequenceChangeRow,
    SequenceMember,
    create_change_row,
    delete_marks,
    find_later_change,
    find_other_between,
    get_change_row,
    get_image_sequence,
    list_members,
    select_changes,
)
from trapline.server.images.queries.sequence_regrouping import (
    LockedDeployment,
    lock_for_grouping,
    regroup_marked,
)
from trapline.server.images.queries.sequences import SequenceRow, get_sequence_row
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.wire.auth import Role
from trapline.wire.identifications import MOST_SEQUENCE_IMAGES
from trapline.wire.sequences import (
    NewSequenceMerge,
    NewSequenceSplit,
    SequenceChange,
    SequenceChangeKind,
)
from trapline.wire.values import Page

UNDOES_OTHERS = Role.MANAGER
"""The role that is required to undo changes of other users."""
MOST_APART = timedelta(days=1)
"""Maximum time between two sequences to merge: the largest gap of a project."""
UNGROUPED = (
    "The image is not grouped into a sequence yet. Nothing was changed. Try again in a few seconds."
)
CHANGED = (
    "The image is in another sequence now: someone changed it, or images were grouped again. "
    "Nothing was changed. Read the sequence again."
)


async def split_sequence(system: AppContext, scope: Scope, new: NewSequenceSplit) -> SequenceChange:
    """Split the sequence of an image before the image.

    Raises:
        NotFound, Forbidden: the image does not exist, or the caller may not change it.
        Conflict: it is the first image of its sequence, or its sequence changed meanwhile.
        Unprocessable: the sequence has too many images.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, SequenceChange)
        if done:
            return done
        place = await get_image_sequence(scope, tx, new.image_id)
        deployment = await _lock(scope, tx, place.deployment_id)
        # Another transaction may have grouped the images while this one waited.
        place = await get_image_sequence(scope, tx, new.image_id)
        if place.sequence_id is None:
            raise Conflict(UNGROUPED)
        if new.sequence_id not in (None, place.sequence_id):
            raise Conflict(CHANGED)
        members = await _list_members(scope, tx, [place.sequence_id])
        number = next((at for at, one in enumerate(members) if one.image_id == new.image_id), None)
        if number is None:
            raise Conflict(CHANGED)
        if number == 0:
            raise Conflict(
                "The image is the first of its sequence: there is nothing to split before it. "
                "Nothing was changed."
            )
        return await _store(
            scope,
            tx,
            deployment,
            SequenceChangeKind.SPLIT,
            {place.sequence_id: members[:number], uuid7(): members[number:]},
        )


async def merge_sequences(
    system: AppContext, scope: Scope, new: NewSequenceMerge
) -> SequenceChange:
    """Merge consecutive sequences into the first of them.

    Raises:
        NotFound, Forbidden: a sequence does not exist, or the caller may not change it.
        Conflict: it is only one sequence, or another one is between them.
        Unprocessable: they are of several deployments, too far apart, or have too many images.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, SequenceChange)
        if done:
            return done
        rows = await _list_rows(scope, tx, new.sequences)
        if len({row.id for row in rows}) < 2:
            raise Conflict(
                "The request names only one sequence: there is nothing to merge. Nothing was "
                "changed."
            )
        if len({row.deployment_id for row in rows}) > 1:
            raise _refuse("sequences", "must be sequences of the same deployment")
        deployment = await _lock(scope, tx, rows[0].deployment_id)
        for row in rows:
            tx.session.expunge(row)
        # Another transaction may have merged or split one while this one waited.
        keys = {row.id for row in await _list_rows(scope, tx, new.sequences)}
        members = await _list_members(scope, tx, sorted(keys))
        if {one.sequence_id for one in members} != keys:
            raise Conflict(CHANGED)
        for one, following in pairwise(members):
            if following.captured_at - one.captured_at > MOST_APART:
                raise _refuse("sequences", "must not be more than a day apart")
        other = await find_other_between(scope, tx, deployment.id, members[0], members[-1], keys)
        if other is not None:
            raise Conflict(
                f"Sequence {other} is between these sequences. Nothing was changed. Merge it as "
                "well, or only sequences that follow each other."
            )
        return await _store(
            scope, tx, deployment, SequenceChangeKind.MERGE, {members[0].sequence_id: members}
        )


async def undo_sequence_change(system: AppContext, scope: Scope, change_id: int) -> SequenceChange:
    """Undo a split or a merge; one that was undone before is returned.

    Raises:
        NotFound, Forbidden: it does not exist, or the caller may not undo it.
        Conflict: a later change concerns the same images.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_change_row(scope, tx, change_id)
        if row.made_by != scope.person:
            scope.check(row.project_id, UNDOES_OTHERS)
        done = await find_saved_response(scope, tx, SequenceChange)
        if done:
            return done
        deployment = await _lock(scope, tx, row.deployment_id)
        await tx.session.refresh(row)
        if row.undone_at is None:
            later = await find_later_change(scope, tx, change_id)
            if later is not None:
                raise Conflict(
                    f"The later change {later} concerns the same images. Nothing was changed. "
                    "Undo the later change first."
                )
            await _undo(scope, tx, deployment, row)
        [change] = await _build(scope, tx, [row])
        return save_response(scope, tx, change)


async def _undo(
    scope: Scope, tx: Transaction, deployment: LockedDeployment, row: SequenceChangeRow
) -> None:
    row.undone_at, row.undone_by = datetime.now(UTC), scope.person
    await tx.session.flush()
    earlier = await delete_marks(scope, tx, row.id)
    # Its images may be in other sequences now, which then are near those.
    touched = {*row.sequences, *earlier.values()}
    await regroup_marked(
        scope, tx, deployment, sequences=touched, images=earlier.keys(), earlier=earlier
    )
    tx.audit("undo", "sequence_change", row.id, row.project_id, kind=row.kind, images=row.images)


async def list_sequence_changes(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    deployment_id: UUID | None,
    *,
    limit: int,
    cursor: str | None,
) -> Page[SequenceChange]:
    """List splits and merges, newest first. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        statement = select_changes(scope, project_id, deployment_id)
        if deployment_id is not None:
            await get_deployment_row(scope, tx, deployment_id)
        rows, following = await fetch_page(
            tx,
            statement,
            [(SequenceChangeRow.id, int)],
            descending=True,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        results = await _build(scope, tx, rows)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def get_sequence_change(system: AppContext, scope: Scope, change_id: int) -> SequenceChange:
    """Get a split or a merge. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [change] = await _build(scope, tx, [await get_change_row(scope, tx, change_id)])
    return change


async def _lock(scope: Scope, tx: Transaction, deployment_id: UUID) -> LockedDeployment:
    deployment = await lock_for_grouping(scope, tx, deployment_id)
    if deployment is None:
        raise NotFound
    return deployment


async def _list_rows(scope: Scope, tx: Transaction, sequences: Sequence[UUID]) -> list[SequenceRow]:
    rows = []
    for number, key in enumerate(sequences):
        try:
            rows.append(await get_sequence_row(scope, tx, key))
        except NotFound:
            raise NotFound(
                f"sequences.{number}: it does not exist any more, or you have no access to it. "
                "Nothing was changed."
            ) from None
    return rows


async def _list_members(
    scope: Scope, tx: Transaction, sequences: Sequence[UUID]
) -> list[SequenceMember]:
    members = await list_members(scope, tx, sequences, MOST_SEQUENCE_IMAGES + 1)
    if len(members) > MOST_SEQUENCE_IMAGES:
        raise _refuse("", f"The sequences have more than {MOST_SEQUENCE_IMAGES:,} images")
    return members


async def _store(
    scope: Scope,
    tx: Transaction,
    deployment: LockedDeployment,
    kind: SequenceChangeKind,
    parts: dict[UUID, list[SequenceMember]],
) -> SequenceChange:
    """Store a change, and group the images by it."""
    row = SequenceChangeRow(
        project_id=deployment.project_id,
        deployment_id=deployment.id,
        kind=kind.value,
        made_by=scope.person,
    )
    await create_change_row(scope, tx, row, parts)
    before = {one.sequence_id for members in parts.values() for one in members}
    await regroup_marked(scope, tx, deployment, sequences=before)
    tx.audit(
        kind.value,
        "sequence",
        row.sequences[0],
        row.project_id,
        change=row.id,
        images=row.images,
        before=sorted(str(key) for key in before),
        sequences=[str(key) for key in row.sequences],
    )
    [change] = await _build(scope, tx, [row])
    return save_response(scope, tx, change)


async def _build(
    scope: Scope, tx: Transaction, rows: Sequence[SequenceChangeRow]
) -> list[SequenceChange]:
    names = await list_actor_names(
        scope, tx, {one for row in rows for one in (row.made_by, row.undone_by)}
    )
    computed = {"by", "person_id", "undone_by"}
    return [
        SequenceChange(
            **{name: getattr(row, name) for name in set(SequenceChange.model_fields) - computed},
            by=names[row.made_by],
            person_id=parse_actor(row.made_by),
            undone_by=names.get(row.undone_by),
        )
        for row in rows
    ]


def _refuse(where: str, fault: str) -> Unprocessable:
    return Unprocessable(
        f"{where}: {fault}. Nothing was changed." if where else f"{fault}. Nothing was changed.",
        [(where, fault)],
    )
