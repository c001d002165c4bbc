"""Create, list and withdraw identifications, and find the effective ones."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.findings.queries.current_findings import list_shown_analyses
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Unprocessable
from trapline.server.review.actions.identification_rows import (
    IdentificationRowBuilder,
    IdentifiedSubjects,
    refuse,
    require_few_images,
)
from trapline.server.review.actions.independent_observations import list_own_confirmable
from trapline.server.review.actions.later_decisions import require_unchanged
from trapline.server.review.queries.derivation import refresh_stated_observations
from trapline.server.review.queries.human_boxes import HumanBoxRow
from trapline.server.review.queries.identifications import (
    IdentificationRow,
    create_identification_rows,
    list_active_identifications,
    list_annotation_locations,
    list_by_id,
    list_sequence_images,
    list_statements,
    list_taxon_names,
    lock_image_rows,
    lock_images,
    select_identifications,
    withdraw_identification_rows,
)
from trapline.server.review.queries.observations import list_confirmable
from trapline.server.review.queries.sensitive_taxa import lift_sightings
from trapline.server.review.rules.filters import IdentificationFilter
from trapline.server.review.rules.identifications import (
    ActiveIdentification,
    EffectiveIdentifications,
    can_see_people,
    list_errors,
)
from trapline.wire.auth import Role
from trapline.wire.identifications import (
    MOST_SEQUENCE_IMAGES,
    ApplyTo,
    CreatedIdentifications,
    Identification,
    IdentificationKind,
    IdentificationTaxon,
    NewIdentification,
    NewIdentifications,
    WithdrawRequest,
    WithdrawResult,
)
from trapline.wire.observations import ObservationKind
from trapline.wire.values import Page

WITHDRAWS_OTHERS = Role.MANAGER
"""The role that is required to withdraw identifications of other users."""
DECIDE = frozenset(
    {IdentificationKind.CONFIRM, IdentificationKind.CORRECT, IdentificationKind.BLANK}
)
"""The identifications that say what an image shows."""


async def create_identifications(
    system: AppContext, scope: Scope, wanted: NewIdentifications
) -> CreatedIdentifications:
    """Create identifications of annotations and images, all or none.

    Raises NotFound, Forbidden, and Unprocessable and Conflict with all faults of the request.
    """
    new = wanted.identifications
    if faults := list_errors(new):
        raise refuse(Unprocessable, faults)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, CreatedIdentifications)
        if done:
            return done
        subjects = await _load_subjects(scope, tx, new)
        rows = IdentificationRowBuilder(scope, subjects).build_rows(new)
        independent = subjects.list_independent(new)
        if wanted.seen is not None:
            await require_unchanged(scope, tx, rows, wanted.seen, independent)
        await store_identifications(scope, tx, rows, independent)
        return save_response(
            scope, tx, CreatedIdentifications(identifications=await _build_all(scope, tx, rows))
        )


async def store_identifications(
    scope: Scope,
    tx: Transaction,
    rows: Sequence[IdentificationRow],
    independent: Collection[UUID] = (),
    **details: object,
) -> None:
    """Store identifications of locked images, and all that follows from them.

    Images in `independent` are confirmed without the decisions of other people. `details` are added
    to the audit.
    """
    await _record_confirmed(scope, tx, rows, independent)
    await create_identification_rows(scope, tx, rows)
    for project in sorted({row.project_id for row in rows}):
        own = [row for row in rows if row.project_id == project]
        await refresh_stated_observations(scope, tx, project, {row.image_id for row in own})
        # A box says nothing about the other animals of its image.
        whole = {row.image_id for row in own if row.annotation_id is None and row.kind in DECIDE}
        await lift_sightings(scope, tx, project, whole)
        _audit(tx, "identify", own, kinds=dict(Counter(row.kind for row in own)), **details)


async def _load_subjects(
    scope: Scope, tx: Transaction, new: Sequence[NewIdentification]
) -> IdentifiedSubjects:
    """Lock the images that identifications are about, and load all that they name."""
    places = await list_annotation_locations(
        scope, tx, {key for one in new for key in one.annotations}
    )
    of_sequences = {key for one in new for key in one.sequences}
    sequences = await list_sequence_images(scope, tx, of_sequences, MOST_SEQUENCE_IMAGES + 1)
    require_few_images(new, {key: len(images) for key, images in sequences.items()})
    named = {key for one in new for key in one.images}
    named |= {place.image_id for place in places.values()}
    images = await lock_images(scope, tx, named.union(*sequences.values()))
    stated = {taxon.taxon for one in new for taxon in (one, *(one.taxa or ()))}
    taxa = await list_taxon_names(scope, tx, {key for key in stated if key is not None})
    confirmed = [one for one in new if one.kind == IdentificationKind.CONFIRM]
    shown = {key for one in confirmed for key in one.images}
    shown |= {
        image for one in confirmed for key in one.sequences for image in sequences.get(key, ())
    }
    results = await list_shown_analyses(scope, tx, shown)
    return IdentifiedSubjects(images, places, sequences, results, taxa)


async def _record_confirmed(
    scope: Scope,
    tx: Transaction,
    rows: Sequence[IdentificationRow],
    independent: Collection[UUID],
) -> None:
    """Record in confirmations which observations they confirm, so that thresholds can change.

    Of the images in `independent`, these are the observations without decisions of other people.
    """
    confirming = [row for row in rows if row.kind == IdentificationKind.CONFIRM.value]
    observed = await list_confirmable(scope, tx, {row.image_id for row in confirming})
    for project in {row.project_id for row in confirming if row.image_id in independent}:
        own = {row.image_id for row in confirming if row.project_id == project} & set(independent)
        observed |= await list_own_confirmable(scope, tx, project, own)
    for row in confirming:
        found = observed.get(row.image_id)
        if found is None:
            continue
        if row.annotation_id is None:
            row.confirmed = [one for one in found if _is_confirmable(one)]
        else:
            subject = str(row.annotation_id)
            row.confirmed = [one for one in found if one["subject"] == subject] or None


def _is_confirmable(one: Mapping[str, Any]) -> bool:
    """Whether an observation names something; one that only asks a question does not."""
    if one["kind"] == ObservationKind.UNKNOWN:
        return bool(one["label"] or one["subject"])
    return bool(one["kind"] != ObservationKind.BLANK)


def _audit(
    tx: Transaction, action: str, rows: Sequence[IdentificationRow], **details: object
) -> None:
    images = sorted({str(row.image_id) for row in rows})
    keys = [str(row.id) for row in rows]
    if sequences := sorted({str(row.sequence_id) for row in rows if row.sequence_id is not None}):
        details["sequences"] = sequences
    tx.audit(
        action,
        "image",
        images[0],
        rows[0].project_id,
        images=images,
        identifications=keys,
        **details,
    )


async def list_identifications(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: IdentificationFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[Identification]:
    """List identifications by creation time."""
    async with system.database.transaction(scope) as tx:
        statement = select_identifications(scope, project_id, wanted)
        order = [(IdentificationRow.created_at, datetime), (IdentificationRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        results = await _build_all(scope, tx, rows)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def get_identification(
    system: AppContext, scope: Scope, identification_id: UUID
) -> Identification:
    """Get an identification. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [found] = await _build_all(scope, tx, await list_by_id(scope, tx, [identification_id]))
    return found


async def withdraw_identifications(
    system: AppContext, scope: Scope, wanted: WithdrawRequest
) -> WithdrawResult:
    """Withdraw identifications, all or none; those of other users require WITHDRAWS_OTHERS.

    A statement about a sequence is withdrawn for all its images. Raises NotFound, Forbidden.
    """
    async with system.database.transaction(scope) as tx:
        # First, because the image can be in the trash when a request is repeated.
        done = await find_saved_response(scope, tx, WithdrawResult)
        if done:
            return done
        rows = await list_statements(scope, tx, sorted(set(wanted.identifications)))
        keys = sorted(row.id for row in rows)
        own = scope.person
        for project in {row.project_id for row in rows if row.made_by != own}:
            scope.check(project, WITHDRAWS_OTHERS)
        withdrawn = await store_withdrawals(scope, tx, keys, {row.image_id for row in rows}, own)
        unchanged = len(keys) - withdrawn
        return save_response(scope, tx, WithdrawResult(withdrawn=withdrawn, unchanged=unchanged))


async def store_withdrawals(
    scope: Scope,
    tx: Transaction,
    keys: Sequence[UUID],
    images: Collection[UUID],
    person: str,
    **details: object,
) -> int:
    """Lock images, withdraw their identifications, and return how many were not withdrawn before.

    `details` are added to the audit.
    """
    # Also images of a statement that are in the trash.
    await lock_image_rows(scope, tx, images)
    withdrawn = await withdraw_identification_rows(scope, tx, keys, person)
    for project in sorted({row.project_id for row in withdrawn}):
        of_project = [row for row in withdrawn if row.project_id == project]
        await refresh_stated_observations(scope, tx, project, {row.image_id for row in of_project})
        _audit(tx, "withdraw", of_project, **details)
    return len(withdrawn)


async def list_effective_identifications(
    scope: Scope, tx: Transaction, annotations: Sequence[AnnotationRow | HumanBoxRow]
) -> dict[UUID, Identification]:
    """List the effective identifications of annotations, by annotation.

    The result is empty if the caller may not see identifications of people.
    """
    named = {key for row in annotations for key in (row.id, row.parent_id) if key is not None}
    of_images, rows = await _find(scope, tx, {row.image_id for row in annotations}, named)
    return await _list_effective(scope, tx, annotations, of_images, rows)


async def list_effective_on_image(
    scope: Scope,
    tx: Transaction,
    image_id: UUID,
    annotations: Sequence[AnnotationRow | HumanBoxRow],
) -> tuple[Identification | None, dict[UUID, Identification]]:
    """List the effective identifications of a whole image and of these annotations on it."""
    of_images, rows = await _find(scope, tx, {image_id}, None)
    if image_id not in of_images:
        return None, {}
    whole = of_images[image_id].of_image()
    of_image = await _build_all(scope, tx, [] if whole is None else [rows[whole.id]])
    of_annotations = await _list_effective(scope, tx, annotations, of_images, rows)
    return next(iter(of_image), None), of_annotations


async def _find(
    scope: Scope, tx: Transaction, images: Collection[UUID], annotations: Collection[UUID] | None
) -> tuple[dict[UUID, EffectiveIdentifications], dict[UUID, IdentificationRow]]:
    rows = (
        await list_active_identifications(scope, tx, images, annotations)
        if images and can_see_people(scope)
        else []
    )
    active: dict[UUID, list[ActiveIdentification]] = {}
    for row in rows:
        one = ActiveIdentification(
            row.id, IdentificationKind(row.kind), row.created_at, row.annotation_id, row.analysis_id
        )
        active.setdefault(row.image_id, []).append(one)
    return {image: EffectiveIdentifications(ones) for image, ones in active.items()}, {
        row.id: row for row in rows
    }


async def _list_effective(
    scope: Scope,
    tx: Transaction,
    annotations: Sequence[AnnotationRow | HumanBoxRow],
    of_images: Mapping[UUID, EffectiveIdentifications],
    rows: Mapping[UUID, IdentificationRow],
) -> dict[UUID, Identification]:
    effective: dict[UUID, UUID] = {}
    for row in annotations if of_images else ():
        of_image = of_images.get(row.image_id)
        one = of_image.of_annotation(row.id, row.parent_id, row.analysis_id) if of_image else None
        if one is not None:
            effective[row.id] = one.id
    built = await _build_all(scope, tx, [rows[key] for key in dict.fromkeys(effective.values())])
    by_id = {one.id: one for one in built}
    return {annotation: by_id[key] for annotation, key in effective.items()}


async def _build_all(
    scope: Scope, tx: Transaction, rows: Sequence[IdentificationRow]
) -> list[Identification]:
    if not rows:
        return []
    names = await list_actor_names(
        scope, tx, {one for row in rows for one in (row.made_by, row.withdrawn_by)}
    )
    computed = {"by", "person_id", "withdrawn_by", "taxa", "apply_to"}
    shown = set(Identification.model_fields) - computed
    return [
        Identification(
            **{field: getattr(row, field) for field in shown},
            by=names[row.made_by],
            person_id=parse_actor(row.made_by),
            withdrawn_by=names.get(row.withdrawn_by),
            taxa=_build_taxa(row),
            apply_to=_get_apply_to(row),
        )
        for row in rows
    ]


def _build_taxa(row: IdentificationRow) -> list[IdentificationTaxon]:
    if row.taxa is not None:
        return [
            IdentificationTaxon(
                taxon_id=one["taxon"], **{name: one[name] for name in one if name != "taxon"}
            )
            for one in row.taxa
        ]
    if row.label is None:
        return []
    shown = IdentificationTaxon.model_fields
    return [IdentificationTaxon(**{field: getattr(row, field) for field in shown})]


def _get_apply_to(row: IdentificationRow) -> ApplyTo | None:
    if row.sequence_id is None or row.kind != IdentificationKind.CORRECT:
        return None
    return ApplyTo.ALL if row.applies_to_all else ApplyTo.BOXES
