"""Create, change and withdraw boxes that people draw."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.review.actions.identification_rows import missing, refuse
from trapline.server.review.actions.identifications import (
    WITHDRAWS_OTHERS,
    create_identifications,
    list_effective_identifications,
)
from trapline.server.review.queries.derivation import refresh_stated_observations
from trapline.server.review.queries.human_boxes import (
    SHAPE,
    HumanBoxRow,
    create_human_box_rows,
    find_human_box_row,
    get_human_box_row,
    list_changes,
    list_frames,
    list_superseded,
    list_used_ids,
    list_withdrawn_boxes,
    mark_stated,
    record_change,
)
from trapline.server.review.queries.identifications import (
    list_annotation_locations,
    list_taxon_names,
    lock_images,
    mark_reviewed,
)
from trapline.server.review.rules.drawn_shapes import (
    build_shape_columns,
    build_shape_data,
    find_polygon_error,
    get_annotation_type,
    list_outside_errors,
    list_shapes,
    read_previous_shape,
)
from trapline.server.review.rules.human_boxes import (
    list_box_errors,
    list_frame_errors,
    list_id_errors,
    list_superseding_errors,
)
from trapline.server.review.rules.identifications import DETAILS, can_see_people
from trapline.wire.annotations import Annotation, CreatedHumanBoxes
from trapline.wire.human_boxes import (
    HumanBoxChange,
    HumanBoxHistory,
    HumanBoxUpdate,
    NewHumanBox,
    NewHumanBoxes,
)
from trapline.wire.identifications import (
    IdentificationKind,
    IdentificationTaxon,
    NewIdentification,
    NewIdentifications,
)
from trapline.wire.observations import ObservationSource


class _Withdrawn(BaseModel):
    """The saved response to a withdrawal, which has no body."""

    id: UUID


async def create_annotations(
    system: AppContext, scope: Scope, wanted: NewHumanBoxes
) -> CreatedHumanBoxes:
    """Create boxes of people, all or none, and derive the observations of their images.

    Raises NotFound, Forbidden, and Unprocessable and Conflict with all faults of the request.
    """
    new = wanted.annotations
    if faults := list_box_errors(new):
        raise refuse(Unprocessable, faults)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, CreatedHumanBoxes)
        if done:
            return done
        images = await lock_images(scope, tx, {one.image for one in new})
        rows = await _build_rows(scope, tx, new, images)
        await create_human_box_rows(scope, tx, rows)
        for project in sorted(set(images.values())):
            own = [row for row in rows if row.project_id == project]
            await _apply(scope, tx, project, {row.image_id for row in own})
            keys = [str(row.id) for row in own]
            touched = sorted({str(row.image_id) for row in own})
            tx.audit("draw", "image", touched[0], project, images=touched, annotations=keys)
        created = CreatedHumanBoxes(annotations=await build_human_boxes(scope, tx, rows))
        return save_response(scope, tx, created)


async def _build_rows(
    scope: Scope, tx: Transaction, new: Sequence[NewHumanBox], images: Mapping[UUID, int]
) -> list[HumanBoxRow]:
    for place, one in enumerate(new):
        if one.image not in images:
            raise missing(f"annotations.{place}.image")
    frames = await list_frames(scope, tx, images)
    if faults := list_frame_errors(new, frames):
        raise refuse(Unprocessable, faults)
    taxa = await list_taxon_names(scope, tx, {one.taxon for one in new if one.taxon is not None})
    superseded = await list_superseded(
        scope, tx, {one.supersedes for one in new if one.supersedes is not None}
    )
    keys = {one.id for one in new if one.id is not None}
    images_of_ids = {one.id: one.image for one in new}
    withdrawn = {
        key: row
        for key, row in (await list_withdrawn_boxes(scope, tx, keys)).items()
        if row.image_id == images_of_ids[key]
    }
    used = await list_used_ids(scope, tx, keys - withdrawn.keys())
    if faults := list_id_errors(new, used):
        raise refuse(Conflict, faults)
    rows = []
    for place, one in enumerate(new):
        project, label = images[one.image], one.label
        if one.taxon is not None:
            of, label = taxa.get(one.taxon, (None, None))
            if of != project:
                raise missing(f"annotations.{place}.taxon")
        found = superseded.get(one.supersedes) if one.supersedes is not None else None
        if one.supersedes is not None and (found is None or found.image_id != one.image):
            raise missing(f"annotations.{place}.supersedes")
        values = {
            **build_shape_columns(one),
            "taxon_id": one.taxon,
            "label": label,
            **{name: getattr(one, name) for name in DETAILS},
            "supersedes": one.supersedes,
        }
        if one.id is not None and one.id in withdrawn:
            rows.append(await _restore(scope, tx, withdrawn[one.id], values))
            continue
        row = HumanBoxRow(
            project_id=project,
            image_id=one.image,
            **values,
            version=1,
            made_by=scope.person,
            updated_by=scope.person,
        )
        mark_stated(scope, row)
        if one.id is not None:
            row.id = one.id
        rows.append(row)
    if faults := list_superseding_errors(new, superseded):
        raise refuse(Conflict, faults)
    return rows


async def _restore(
    scope: Scope, tx: Transaction, row: HumanBoxRow, values: Mapping[str, Any]
) -> HumanBoxRow:
    """Set the values of a withdrawn box, which applies again."""
    await record_change(scope, tx, row)
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    if changed.difference((*SHAPE, "supersedes")):
        row.named_at = func.clock_timestamp()
    mark_stated(scope, row)
    row.withdrawn_at = None
    return row


async def update_annotation(
    system: AppContext, scope: Scope, annotation_id: UUID, change: HumanBoxUpdate
) -> Annotation:
    """Change a box of a person; that of another user requires WITHDRAWS_OTHERS.

    Raises NotFound, Forbidden, PreconditionFailed, Unprocessable, and Conflict for an annotation of
    a model.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Annotation)
        if done:
            return done
        row = await find_human_box_row(scope, tx, annotation_id)
        if row is None:
            if await _is_of_model(scope, tx, annotation_id):
                raise Conflict(
                    "Annotations of models do not change. Nothing was changed. Create a box with "
                    "`supersedes` instead, or identify the annotation."
                )
            raise NotFound
        row = await _lock(scope, tx, row)
        values = await _list_values(scope, tx, row, change)
        changed = {name for name, value in values.items() if getattr(row, name) != value}
        if changed:
            await record_change(scope, tx, row)
            for name in changed:
                setattr(row, name, values[name])
            if changed.difference(SHAPE):
                row.named_at = func.clock_timestamp()
            if changed.difference(SHAPE) or (row.stated_by or row.made_by) == scope.person:
                mark_stated(scope, row)
            await tx.session.flush()
            await tx.session.refresh(row)
            await _apply(scope, tx, row.project_id, {row.image_id})
            _audit(tx, "change", row, fields=sorted(changed))
        [built] = await build_human_boxes(scope, tx, [row])
        return save_response(scope, tx, built, projects=[row.project_id])


async def _list_values(
    scope: Scope, tx: Transaction, row: HumanBoxRow, change: HumanBoxUpdate
) -> dict[str, Any]:
    """List the columns that a change gives, with their new values."""
    given = change.model_fields_set
    values: dict[str, Any] = {name: getattr(change, name) for name in DETAILS if name in given}
    if given & {"box", "point", "polygon"}:
        values |= await _list_shape_values(scope, tx, row, change)
    if change.taxon is not None and change.label is not None:
        raise Unprocessable("label: is not allowed with taxon. Nothing was changed.")
    if change.taxon is not None:
        taxa = await list_taxon_names(scope, tx, [change.taxon])
        of, label = taxa.get(change.taxon, (None, None))
        if of != row.project_id:
            raise NotFound(
                "taxon: it does not exist, or you have no access to it. Nothing was changed."
            )
        values |= {"taxon_id": change.taxon, "label": label}
    elif change.label is not None:
        values |= {"taxon_id": None, "label": change.label}
    elif given & {"taxon", "label"}:
        raise Unprocessable("label: cannot be empty. Nothing was changed.")
    return values


async def _list_shape_values(
    scope: Scope, tx: Transaction, row: HumanBoxRow, change: HumanBoxUpdate
) -> dict[str, Any]:
    shapes = list_shapes(change)
    if not shapes:
        raise Unprocessable("box: cannot be empty. Nothing was changed.")
    if len(shapes) > 1:
        raise Unprocessable(f"{shapes[1]}: is not allowed with {shapes[0]}. Nothing was changed.")
    frames = await list_frames(scope, tx, [row.image_id])
    faults = list(list_outside_errors(change, frames[row.image_id]))
    if change.polygon is not None and (why := find_polygon_error(change.polygon)):
        faults.append(("polygon", why))
    if faults:
        raise Unprocessable(f"{faults[0][0]}: {faults[0][1]}. Nothing was changed.", faults)
    return build_shape_columns(change)


async def delete_annotation(system: AppContext, scope: Scope, annotation_id: UUID) -> None:
    """Withdraw a person's box, or identify a box of a model as not an animal.

    Raises NotFound, Forbidden, PreconditionFailed, Conflict.
    """
    async with system.database.transaction(scope) as tx:
        is_of_model = await _is_of_model(scope, tx, annotation_id)
        if not is_of_model:
            if await find_saved_response(scope, tx, _Withdrawn):
                return
            row = await find_human_box_row(scope, tx, annotation_id)
            if row is None:
                raise NotFound
            row = await _lock(scope, tx, row)
            await record_change(scope, tx, row)
            row.withdrawn_at = func.clock_timestamp()
            await tx.session.flush()
            await _apply(scope, tx, row.project_id, {row.image_id})
            _audit(tx, "withdraw", row)
            save_response(scope, tx, _Withdrawn(id=row.id))
            return
    removal = NewIdentification(kind=IdentificationKind.BLANK, annotations=[annotation_id])
    await create_identifications(system, scope, NewIdentifications(identifications=[removal]))


async def get_annotation_history(
    system: AppContext, scope: Scope, annotation_id: UUID
) -> HumanBoxHistory:
    """Get the changes of a person's box, also of a withdrawn one. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_human_box_row(scope, tx, annotation_id, withdrawn=True)
        changes = await list_changes(scope, tx, row)
        names = await list_actor_names(scope, tx, {one.changed_by for one in changes})
    return HumanBoxHistory(
        changes=[
            HumanBoxChange(
                version=one.version,
                by=names[one.changed_by],
                person_id=parse_actor(one.changed_by),
                changed_at=one.changed_at,
                **read_previous_shape(one.previous),
                taxon=IdentificationTaxon.model_validate(one.previous),
            )
            for one in changes
        ]
    )


async def _is_of_model(scope: Scope, tx: Transaction, annotation_id: UUID) -> bool:
    places = await list_annotation_locations(scope, tx, [annotation_id])
    return any(place.analysis_id is not None for place in places.values())


async def _lock(scope: Scope, tx: Transaction, row: HumanBoxRow) -> HumanBoxRow:
    """Lock the image of a box, and require that the caller may change the box.

    Raises NotFound, Forbidden, PreconditionFailed.
    """
    if not await lock_images(scope, tx, [row.image_id]):
        raise NotFound
    row = await get_human_box_row(scope, tx, row.id)
    if row.made_by != scope.person:
        scope.check(row.project_id, WITHDRAWS_OTHERS)
    scope.check_version(row.version)
    return row


async def _apply(scope: Scope, tx: Transaction, project_id: int, images: Iterable[UUID]) -> None:
    """Mark images as reviewed, or not, and derive their observations."""
    keys = list(images)
    await mark_reviewed(tx, keys)
    await refresh_stated_observations(scope, tx, project_id, keys)


def _audit(tx: Transaction, action: str, row: HumanBoxRow, **details: object) -> None:
    key = str(row.id)
    tx.audit(action, "annotation", key, row.project_id, images=[str(row.image_id)], **details)


async def build_human_boxes(
    scope: Scope, tx: Transaction, rows: Sequence[HumanBoxRow]
) -> list[Annotation]:
    """Build the annotations of boxes; authors only for callers who may see people."""
    effective = await list_effective_identifications(scope, tx, rows)
    names = await list_actor_names(scope, tx, {row.made_by for row in rows})
    shows_people = can_see_people(scope)
    built = []
    for row in rows:
        identification = effective.get(row.id)
        if identification is not None and identification.created_at < row.named_at:
            identification = None
        built.append(
            Annotation(
                id=row.id,
                analysis_id=None,
                annotation_type=get_annotation_type(row.extent, row.polygon),
                class_name=row.label,
                confidence=None,
                data=build_shape_data(row.extent, row.polygon),
                parent_id=None,
                ordering=None,
                algorithm=None,
                created_at=row.created_at,
                identification=identification,
                source=ObservationSource.HUMAN,
                stated=IdentificationTaxon(
                    **{name: getattr(row, name) for name in IdentificationTaxon.model_fields}
                ),
                author=names[row.made_by] if shows_people else None,
                author_id=parse_actor(row.made_by) if shows_people else None,
                supersedes=row.supersedes,
                version=row.version,
                updated_at=row.updated_at,
            )
        )
    return built
