"""Create, list and withdraw identifications, and find the effective ones."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.findings.queries.current_findings import list_shown_analyses
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.review.queries.identifications import (
    AnnotationLocation,
    IdentificationRow,
    create_identification_rows,
    list_active_identifications,
    list_annotation_locations,
    list_by_id,
    list_taxon_names,
    lock_images,
    select_identifications,
    withdraw_identification_rows,
)
from trapline.server.review.rules.filters import IdentificationFilter
from trapline.server.review.rules.identifications import (
    ActiveIdentification,
    EffectiveIdentifications,
    can_see_people,
    list_errors,
)
from trapline.wire.auth import Role
from trapline.wire.identifications import (
    CreatedIdentifications,
    Identification,
    IdentificationKind,
    NewIdentification,
    NewIdentifications,
    WithdrawRequest,
    WithdrawResult,
)
from trapline.wire.values import Page

WITHDRAWS_OTHERS = Role.MANAGER
"""The role that is required to withdraw identifications of other users."""


async def create_identifications(
    system: AppContext, scope: Scope, wanted: NewIdentifications
) -> CreatedIdentifications:
    """Create identifications of annotations and images, all or none.

    Raises NotFound, Forbidden, and Unprocessable and Conflict with all faults of the request.
    """
    new = wanted.identifications
    if faults := list_errors(new):
        raise _refuse(Unprocessable, faults)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, CreatedIdentifications)
        if done:
            return done
        places = await list_annotation_locations(
            scope, tx, {key for one in new for key in one.annotations}
        )
        named = {key for one in new for key in one.images}
        images = await lock_images(scope, tx, named | {place.image_id for place in places.values()})
        taxa = await list_taxon_names(
            scope, tx, {one.taxon for one in new if one.taxon is not None}
        )
        confirmed = {
            key for one in new if one.kind == IdentificationKind.CONFIRM for key in one.images
        }
        results = await list_shown_analyses(scope, tx, confirmed)
        rows = _RowBuilder(scope, images, places, results, taxa).build_rows(new)
        await create_identification_rows(scope, tx, rows)
        for project in sorted(set(images.values())):
            own = [row for row in rows if row.project_id == project]
            _audit(tx, "identify", own, kinds=dict(Counter(row.kind for row in own)))
        return save_response(
            scope, tx, CreatedIdentifications(identifications=await _build_all(scope, tx, rows))
        )


def _audit(
    tx: Transaction, action: str, rows: Sequence[IdentificationRow], **details: object
) -> None:
    images = sorted({str(row.image_id) for row in rows})
    keys = [str(row.id) for row in rows]
    tx.audit(
        action,
        "image",
        images[0],
        rows[0].project_id,
        images=images,
        identifications=keys,
        **details,
    )


def _refuse(
    error: type[Unprocessable | Conflict], faults: Sequence[tuple[str, str]]
) -> Unprocessable | Conflict:
    first = "; ".join(f"{where}: {fault}" for where, fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return error(f"{first}{more}. Nothing was stored.", faults)


class _RowBuilder:
    """Builds the rows of identifications from their images, annotations and taxa."""

    def __init__(
        self,
        scope: Scope,
        images: Mapping[UUID, int],
        places: Mapping[UUID, AnnotationLocation],
        results: Mapping[UUID, UUID],
        taxa: Mapping[UUID, tuple[int, str]],
    ) -> None:
        self._made_by = scope.person
        self._images, self._places, self._results, self._taxa = images, places, results, taxa
        self._faults: list[tuple[str, str]] = []

    def build_rows(self, new: Sequence[NewIdentification]) -> list[IdentificationRow]:
        """Build the rows in order.

        Raises NotFound if an image, annotation or taxon does not exist or is deleted, and Conflict
        if an analysis is simulated or not completed.
        """
        rows = [
            row
            for number, one in enumerate(new)
            for row in self._build(f"identifications.{number}", one)
        ]
        if self._faults:
            raise _refuse(Conflict, self._faults)
        return rows

    def _build(self, here: str, one: NewIdentification) -> Iterable[IdentificationRow]:
        for number, key in enumerate(one.annotations):
            place = self._places.get(key)
            if place is None or place.image_id not in self._images:
                raise _missing(f"{here}.annotations.{number}")
            if place.is_simulated:
                why = (
                    "is of a simulated analysis: identify the image, or an annotation of an"
                    " analysis that is not simulated"
                )
                self._faults.append((f"{here}.annotations.{number}", why))
            elif not place.is_completed:
                why = "is of an analysis that is not completed: wait until it is completed"
                self._faults.append((f"{here}.annotations.{number}", why))
            yield self._row(here, one, place.image_id, key, place.analysis_id)
        for number, key in enumerate(one.images):
            if key not in self._images:
                raise _missing(f"{here}.images.{number}")
            is_confirmed = one.kind == IdentificationKind.CONFIRM
            if is_confirmed and key not in self._results:
                why = (
                    "has no completed analysis to confirm: identify what it shows,"
                    " or identify it as blank"
                )
                self._faults.append((f"{here}.images.{number}", why))
            yield self._row(here, one, key, None, self._results.get(key) if is_confirmed else None)

    def _row(
        self,
        here: str,
        one: NewIdentification,
        image_id: UUID,
        annotation_id: UUID | None,
        analysis_id: UUID | None,
    ) -> IdentificationRow:
        project, label = self._images[image_id], one.label
        if one.taxon is not None:
            of, label = self._taxa.get(one.taxon, (None, None))
            if of != project:
                raise _missing(f"{here}.taxon")
        return IdentificationRow(
            project_id=project,
            image_id=image_id,
            annotation_id=annotation_id,
            analysis_id=analysis_id,
            kind=one.kind.value,
            taxon_id=one.taxon,
            label=label,
            comment=one.comment,
            count=one.count,
            sex=one.sex,
            life_stage=one.life_stage,
            behaviour=one.behaviour,
            made_by=self._made_by,
        )


def _missing(where: str) -> NotFound:
    return NotFound(f"{where}: it does not exist, or you have no access to it. Nothing was stored.")


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

    Raises NotFound, Forbidden.
    """
    keys = sorted(set(wanted.identifications))
    async with system.database.transaction(scope) as tx:
        rows = await list_by_id(scope, tx, keys)
        own = scope.person
        for project in {row.project_id for row in rows if row.made_by != own}:
            scope.check(project, WITHDRAWS_OTHERS)
        done = await find_saved_response(scope, tx, WithdrawResult)
        if done:
            return done
        await lock_images(scope, tx, {row.image_id for row in rows})
        withdrawn = await withdraw_identification_rows(scope, tx, keys, own)
        for project in sorted({row.project_id for row in withdrawn}):
            _audit(tx, "withdraw", [row for row in withdrawn if row.project_id == project])
        unchanged = len(keys) - len(withdrawn)
        return save_response(
            scope, tx, WithdrawResult(withdrawn=len(withdrawn), unchanged=unchanged)
        )


async def list_effective_identifications(
    scope: Scope, tx: Transaction, annotations: Sequence[AnnotationRow]
) -> dict[UUID, Identification]:
    """List the effective identifications of annotations, by annotation.

    The result is empty if the caller may not see identifications of people.
    """
    named = {key for row in annotations for key in (row.id, row.parent_id) if key is not None}
    of_images, rows = await _find(scope, tx, {row.image_id for row in annotations}, named)
    return await _list_effective(scope, tx, annotations, of_images, rows)


async def list_effective_on_image(
    scope: Scope, tx: Transaction, image_id: UUID, annotations: Sequence[AnnotationRow]
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
    annotations: Sequence[AnnotationRow],
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
    shown = set(Identification.model_fields) - {"by", "person_id", "withdrawn_by"}
    return [
        Identification(
            **{field: getattr(row, field) for field in shown},
            by=names[row.made_by],
            person_id=parse_actor(row.made_by),
            withdrawn_by=names.get(row.withdrawn_by),
        )
        for row in rows
    ]
