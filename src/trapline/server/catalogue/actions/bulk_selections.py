"""Prepare bulk identifications: freeze the images that they are about, and count them."""

from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from trapline.server.catalogue.queries.bulk_selections import list_filtered
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.review.actions.bulk_identifications import (
    build_bulk_identifications,
    build_statement,
)
from trapline.server.review.actions.identification_rows import missing
from trapline.server.review.queries.bulk_identifications import (
    BulkIdentificationRow,
    count_selected,
    create_bulk_row,
)
from trapline.server.review.queries.identifications import list_sequence_images, list_taxon_names
from trapline.server.review.rules.identifications import DETAILS, list_errors
from trapline.wire.bulk_identifications import (
    MOST_EXCLUDED,
    MOST_IMAGES,
    BulkIdentification,
    BulkUnit,
    NewBulkIdentification,
)
from trapline.wire.identifications import (
    IdentificationKind,
    IdentificationTaxon,
    NewIdentification,
    NewIdentificationTaxon,
)

ANY_FILTER = ImageFilter()
SELECTION = {"images", "sequences", "excluded", "unit"}


async def prepare_bulk_identification(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: ImageFilter,
    new: NewBulkIdentification,
) -> BulkIdentification:
    """Select the images of a bulk identification, and count them; nothing is identified yet.

    Raises:
        NotFound: an image, sequence, taxon or the project does not exist for the caller.
        Unprocessable: the selection is empty, too large or of several projects, or a field is
            invalid.
    """
    unit = new.unit or (BulkUnit.IMAGES if new.sequences is None else BulkUnit.SEQUENCES)
    request = _build_request(new, unit)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, BulkIdentification)
        if done:
            return done
        project, selected = await _select(scope, tx, project_id, wanted, new)
        taxa = await _list_taxa(scope, tx, project, request)
        if wanted != ANY_FILTER and (new.images or new.sequences):
            raise _refuse("", "Send either a filter, or images or sequences")
        excluded = set(new.excluded)
        images = sorted(selected.keys() - excluded)
        _require_number(images)
        row = BulkIdentificationRow(
            id=uuid7(),
            project_id=project,
            statement=build_statement(request, taxa),
            unit=unit.value,
            image_ids=images,
            images=len(images),
            reviewed=sum(selected[key] for key in images),
            made_by=scope.person,
            actor=scope.actor,
            acts_for=scope.person,
        )
        await create_bulk_row(scope, tx, row)
        tx.audit("prepare", "bulk_identification", row.id, project, images=len(images))
        [prepared] = await build_bulk_identifications(scope, tx, [row])
        return save_response(scope, tx, prepared)


def _build_request(new: NewBulkIdentification, unit: BulkUnit) -> NewIdentification:
    """Build the identification without its subjects. Raises Unprocessable."""
    request = NewIdentification(**new.model_dump(exclude=SELECTION, exclude_unset=True))
    about = "images" if unit is BulkUnit.IMAGES else "sequences"
    faults = [
        (where.removeprefix("identifications.0").removeprefix("."), why)
        for where, why in list_errors([request.model_copy(update={about: [uuid4()]})])
    ]
    if faults:
        first = "; ".join(f"{where}: {why}" if where else why for where, why in faults)
        raise Unprocessable(f"{first}. Nothing was stored.", faults)
    return request


async def _select(
    scope: Scope,
    tx: Transaction,
    project_id: int | None,
    wanted: ImageFilter,
    new: NewBulkIdentification,
) -> tuple[int, dict[UUID, bool]]:
    """Return the project of a selection, and of each image whether it is reviewed."""
    if new.images is None and new.sequences is None:
        if project_id is None:
            raise _refuse("project", "is required with a filter")
        if wanted.deleted:
            raise _refuse("deleted", "images in the trash cannot be identified")
        most = MOST_IMAGES + len(new.excluded)
        return project_id, await list_filtered(scope, tx, project_id, wanted, most + 1)
    if new.sequences is not None:
        most = MOST_IMAGES + MOST_EXCLUDED
        found = await list_sequence_images(scope, tx, new.sequences, most + 1)
        is_whole = sum(map(len, found.values())) <= most
        for place, key in enumerate(new.sequences):
            if key not in found and is_whole:
                raise missing(f"sequences.{place}")
        named = {image for images in found.values() for image in images}
    else:
        named = set(new.images or ())
    places = await count_selected(scope, tx, sorted(named))
    for place, key in enumerate(new.images or ()):
        if key not in places:
            raise missing(f"images.{place}")
    if not places:
        raise missing("sequences.0")
    project = _get_project(scope, project_id, {of for of, _ in places.values()})
    return project, {key: reviewed for key, (_, reviewed) in places.items()}


def _get_project(scope: Scope, project_id: int | None, found: Collection[int]) -> int:
    for project in found:
        scope.check(project)
    if len(found) > 1:
        raise _refuse("images", "must be of one project")
    [project] = found
    if project_id not in (None, project):
        raise NotFound
    return project


def _require_number(images: Collection[UUID]) -> None:
    if not images:
        raise _refuse("", "The selection has no images")
    if len(images) > MOST_IMAGES:
        raise _refuse("", f"The selection has more than {MOST_IMAGES:,} images: narrow the filter")


async def _list_taxa(
    scope: Scope, tx: Transaction, project: int, request: NewIdentification
) -> list[IdentificationTaxon]:
    """List what a correction names. Raises NotFound if a taxon is not in the project."""
    if request.kind is not IdentificationKind.CORRECT:
        return []
    given: Sequence[NewIdentification | NewIdentificationTaxon] = request.taxa or [request]
    names = await list_taxon_names(
        scope, tx, {taxon.taxon for taxon in given if taxon.taxon is not None}
    )
    taxa = []
    for place, taxon in enumerate(given):
        label = taxon.label
        if taxon.taxon is not None:
            found = names.get(taxon.taxon)
            if found is None or found[0] != project:
                raise missing("taxon" if request.taxa is None else f"taxa.{place}.taxon")
            label = found[1]
        details = {name: getattr(taxon, name) for name in DETAILS}
        taxa.append(IdentificationTaxon(taxon_id=taxon.taxon, label=label or "", **details))
    return taxa


def _refuse(where: str, why: str) -> Unprocessable:
    what = f"{where}: {why}" if where else why
    return Unprocessable(f"{what}. Nothing was stored.", [(where or "selection", why)])
