"""Read one page of an export in a transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from trapline.server.exports.actions.export_attempt import ExportAttempt
from trapline.server.exports.formats.export_assembly import ExportPage
from trapline.server.exports.queries.export_gathering import (
    ExportScope,
    count_sequences,
    list_annotations,
    list_images,
    list_public_images,
)
from trapline.server.exports.queries.exported_observations import (
    find_stated_sequences,
    get_current_set,
    list_drawn_boxes,
    list_identifications,
    list_observations,
    list_remarks,
    list_underived_images,
)
from trapline.server.images.queries.images import list_tags
from trapline.server.imports.queries.imported_ids import list_image_ids
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.derivation import refresh_observations


class ObservationsReplaced(Exception):
    """The project's observations were derived with other settings since the export began."""


async def read_page(
    attempt: ExportAttempt,
    tx: Transaction,
    wanted: ExportScope,
    images: Sequence[Any],
    set_id: int | None,
    *,
    is_public: bool,
) -> ExportPage:
    """Read all that a page of images has, from one set of observations or without any.

    Raises:
        ObservationsReplaced: the set is no longer the current one, and its rows may be deleted.
    """
    scope, project_id = attempt.scope, attempt.row.project_id
    ids = [image.id for image in images]
    sequences = {image.sequence_id for image in images if image.sequence_id is not None}
    page = ExportPage(
        images=images,
        tags=await list_tags(scope, tx, ids),
        shown=await list_public_images(scope, tx, project_id, ids) if is_public else (),
        ids=await list_image_ids(scope, tx, ids),
        sequences=await count_sequences(scope, tx, sequences, wanted.as_of),
    )
    if set_id is None:
        page.found = await list_annotations(scope, tx, ids, wanted.as_of)
        return page
    observed = await list_observations(scope, tx, set_id, ids)
    said = await list_identifications(scope, tx, ids)
    page.observed, page.said = observed, said
    page.remarks = await list_remarks(scope, tx, ids)
    page.found = await list_annotations(scope, tx, ids, wanted.as_of, observed)
    known = {one.id for one in page.found}
    subjects = {one.annotation_id for one in observed if one.human and one.annotation_id}
    page.drawn = await list_drawn_boxes(scope, tx, subjects - known)
    page.stated = await find_stated_sequences(scope, tx, set_id, said)
    # A set is replaced before its rows are deleted, so this is known of all that was read.
    if await get_current_set(scope, tx, project_id) != set_id:
        raise ObservationsReplaced
    return page


async def derive_missing_observations(
    attempt: ExportAttempt,
    wanted: ExportScope,
    set_id: int,
    deployment_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> None:
    """Derive the observations of a page of images that has none yet, after an upgrade."""
    scope = attempt.scope
    async with attempt.system.database.transaction(scope) as tx:
        listed = await list_images(scope, tx, wanted, deployment_id, after, limit)
        missing = await list_underived_images(scope, tx, set_id, [image.id for image in listed])
    if missing:
        async with attempt.system.database.transaction(scope) as tx:
            await refresh_observations(scope, tx, attempt.row.project_id, missing)
