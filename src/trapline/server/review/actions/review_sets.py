"""List, get, change and delete review sets, and mark their control items."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.actions.review_set_answers import derive_pending_answers
from trapline.server.review.queries.observation_rows import CURRENT
from trapline.server.review.queries.observation_sets import (
    add_names,
    get_taxon_key,
    list_active_sets,
)
from trapline.server.review.queries.review_set_items import (
    find_position,
    list_controls,
    set_control,
)
from trapline.server.review.queries.review_sets import (
    ReviewSetRow,
    count_items,
    get_review_set_row,
    is_assigned,
    list_people,
    list_reviewers,
    mark_updated,
    replace_people,
    select_review_sets,
)
from trapline.server.review.queries.taxa import get_taxon_row
from trapline.server.review.rules.review_set_agreement import BLANK
from trapline.wire.review_sets import (
    MOST_CONTROLS,
    ReviewControl,
    ReviewControlAnswer,
    ReviewControls,
    ReviewSet,
    ReviewSetKind,
    ReviewSetOrder,
    ReviewSetPerson,
    ReviewSetUpdate,
    ReviewUnit,
)
from trapline.wire.values import Page


async def list_review_sets(
    system: AppContext,
    scope: Scope,
    project_id: int,
    *,
    mine: bool,
    closed: bool | None,
    limit: int,
    cursor: str | None,
) -> Page[ReviewSet]:
    """List the review sets of a project that the caller sees, newest first. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        statement = select_review_sets(scope, project_id, mine=mine, closed=closed)
        rows, following = await fetch_page(
            tx,
            statement,
            [(ReviewSetRow.created_at, datetime), (ReviewSetRow.id, UUID)],
            descending=True,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        results = await build_review_sets(scope, tx, rows)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def get_review_set(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID
) -> ReviewSet:
    """Get a review set with its progress. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id)
        [built] = await build_review_sets(scope, tx, [row])
    return built


async def update_review_set(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID, change: ReviewSetUpdate
) -> ReviewSet:
    """Change the name or the people of a review set, close it, or open it again.

    Raises NotFound, Forbidden, PreconditionFailed, and Unprocessable for people who cannot review.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id, lock=True)
        scope.check_unchanged(row.updated_at)
        changed = []
        if change.name is not None and change.name != row.name:
            row.name = change.name
            changed.append("name")
        if change.people is not None:
            people = (await list_people(scope, tx, [row.id])).get(row.id, [])
            if set(change.people) != set(people):
                await require_reviewers(scope, tx, project_id, set(change.people) - set(people))
                await replace_people(scope, tx, row, change.people)
                changed.append("people")
        if change.closed is not None and change.closed != (row.closed_at is not None):
            row.closed_at = datetime.now(UTC) if change.closed else None
            changed.append("closed")
        if changed:
            await mark_updated(scope, tx, row)
            tx.audit("change", "review set", row.id, project_id, name=row.name, fields=changed)
        [built] = await build_review_sets(scope, tx, [row])
    return built


async def delete_review_set(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID
) -> None:
    """Delete a review set; the decisions that were made in it are kept. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id, lock=True)
        scope.check_unchanged(row.updated_at)
        tx.audit("delete", "review set", row.id, project_id, name=row.name)
        await tx.session.delete(row)


async def require_reviewers(
    scope: Scope, tx: Transaction, project_id: int, people: Collection[UUID]
) -> None:
    """Require that people are members whose role allows to review. Raises Unprocessable."""
    unknown = set(people) - await list_reviewers(scope, tx, project_id, people)
    if unknown:
        reason = "must be members of the project with the role reviewer or higher"
        raise Unprocessable(
            f"people: {', '.join(str(key) for key in sorted(unknown))} {reason}. Nothing was "
            "changed.",
            [("people", reason)],
        )


async def build_review_sets(
    scope: Scope, tx: Transaction, rows: Sequence[ReviewSetRow]
) -> list[ReviewSet]:
    """Build review sets with their progress; names only for people of the set."""
    people = await list_people(scope, tx, [row.id for row in rows])
    actors = {f"user:{key}" for each in people.values() for key in each}
    names = await list_actor_names(scope, tx, actors | {row.created_by for row in rows})
    built = []
    for row in rows:
        counts = await count_items(scope, tx, row, scope.user_id)
        can_review = await is_assigned(scope, tx, row)
        built.append(
            ReviewSet(
                id=row.id,
                project_id=row.project_id,
                name=row.name,
                kind=ReviewSetKind(row.kind),
                unit=ReviewUnit(row.unit),
                reviews=row.reviews,
                order=ReviewSetOrder(row.item_order),
                filter=row.filter,
                people=[
                    ReviewSetPerson(user_id=key, name=names[f"user:{key}"])
                    for key in people.get(row.id, [])
                ],
                items=counts.items,
                done=counts.done,
                mine=counts.mine,
                open=counts.open,
                can_review=can_review,
                created_by=names[row.created_by],
                created_at=row.created_at,
                updated_at=row.updated_at,
                closed_at=row.closed_at,
            )
        )
    return built


async def get_controls(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID
) -> ReviewControls:
    """List the control items of a set with their known answers. Raises NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id)
        await derive_pending_answers(scope, tx, row)
        return ReviewControls(
            results=[
                ReviewControl(
                    image_id=one.image_id,
                    position=one.position,
                    answer=", ".join(one.answer),
                    reviews=one.reviews,
                    right=one.right,
                )
                for one in await list_controls(scope, tx, row)
            ]
        )


async def set_control_answer(
    system: AppContext,
    scope: Scope,
    project_id: int,
    set_id: UUID,
    image_id: UUID,
    answer: ReviewControlAnswer,
) -> ReviewControls:
    """Mark the item of an image as a control item with a known answer, or change the answer.

    Raises NotFound if the image is not in the set, and Conflict for too many control items.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id, lock=True)
        position = await _get_position(scope, tx, row, image_id)
        known = await _name_answer(scope, tx, project_id, answer)
        if await set_control(scope, tx, row, position, image_id, known):
            if len(await list_controls(scope, tx, row)) > MOST_CONTROLS:
                raise Conflict(
                    f"A review set has at most {MOST_CONTROLS:,} control items. Nothing was "
                    "changed."
                )
            _audit_control(tx, row, image_id, "mark control image")
    return await get_controls(system, scope, project_id, set_id)


async def remove_control(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID, image_id: UUID
) -> None:
    """Make a control item an ordinary item again. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id, lock=True)
        position = await _get_position(scope, tx, row, image_id)
        if not await set_control(scope, tx, row, position, image_id, None):
            raise NotFound
        _audit_control(tx, row, image_id, "remove control image")


async def _get_position(scope: Scope, tx: Transaction, row: ReviewSetRow, image_id: UUID) -> int:
    position = await find_position(scope, tx, row, image_id)
    if position is None:
        raise NotFound("The image is not in this review set. Nothing was changed.")
    return position


async def _name_answer(
    scope: Scope, tx: Transaction, project_id: int, answer: ReviewControlAnswer
) -> tuple[str, ...]:
    """Return a known answer as the names that observations have. Raises NotFound for a taxon."""
    if answer.blank:
        return BLANK
    if answer.taxon is not None:
        taxon = await get_taxon_row(scope, tx, answer.taxon)
        if taxon.project_id != project_id:
            raise NotFound
    key = get_taxon_key(answer.taxon) if answer.taxon is not None else answer.label or ""
    sets = await list_active_sets(scope, tx, project_id)
    [current] = [one for one in sets if one.state == CURRENT]
    meaning = (await add_names(scope, tx, current, [key])).get(key)
    return (meaning.name if meaning is not None and meaning.name else answer.label or "",)


def _audit_control(tx: Transaction, row: ReviewSetRow, image_id: UUID, action: str) -> None:
    tx.audit(action, "review set", row.id, row.project_id, name=row.name, images=[str(image_id)])
