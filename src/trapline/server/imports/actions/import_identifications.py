"""Store identifications of imported files, and the package IDs of images and observations."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from trapline.server.images.queries.image_marks import list_tagged_images, set_star, set_tags
from trapline.server.imports.formats.imported_rows import (
    ImportBatch,
    NewImportedIdentification,
)
from trapline.server.imports.queries.imported_ids import (
    PackageImageIds,
    list_image_ids,
    write_image_ids,
)
from trapline.server.imports.queries.imported_results import (
    list_annotations,
    list_existing_identifications,
)
from trapline.server.imports.queries.imports import (
    ImportRow,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.identifications import (
    IdentificationRow,
    create_identification_rows,
    lock_images,
)
from trapline.server.review.queries.taxa import list_known_taxa
from trapline.server.review.rules.taxon_names import name_key
from trapline.wire.identifications import IdentificationKind


async def write_package_ids(
    scope: Scope,
    tx: Transaction,
    row: ImportRow,
    batch: ImportBatch,
    there: Collection[UUID],
    new: Collection[UUID],
) -> None:
    """Store the package IDs of images and observations, so that exports can write them."""
    kept: dict[UUID, PackageImageIds] = {}
    for image_id, ids in batch.ids.items():
        if image_id in there:
            observations = dict(ids.observations)
            for result, findings in ids.findings.items():
                if result in new:
                    observations |= findings
            kept[image_id] = PackageImageIds(
                None if ids.media_id == str(image_id) else ids.media_id, observations
            )
    if kept:
        await write_image_ids(scope, tx, row.project_id, kept)


async def star_favorites(scope: Scope, tx: Transaction, images: Collection[UUID]) -> None:
    """Star the favorites of a package; a user can have removed the star of a known image."""
    known = await list_image_ids(scope, tx, sorted(images))
    await set_star(scope, tx, [one for one in sorted(images) if one not in known], starred=True)


async def tag_images(scope: Scope, tx: Transaction, tags: Mapping[UUID, tuple[str, ...]]) -> None:
    """Add the tags of a package to images without tags.

    A user can have removed those of an image that the package described before.
    """
    known = await list_image_ids(scope, tx, sorted(tags))
    tagged = await list_tagged_images(scope, tx, sorted(tags.keys() - known.keys()))
    images: dict[tuple[str, ...], list[UUID]] = {}
    for image_id in sorted(tags.keys() - known.keys() - tagged):
        images.setdefault(tags[image_id], []).append(image_id)
    for named, about in sorted(images.items()):
        await set_tags(scope, tx, about, named, [])


async def create_identifications(
    scope: Scope, tx: Transaction, row: ImportRow, said: Sequence[NewImportedIdentification]
) -> int:
    """Store identifications that are not stored yet and return their number."""
    before = (
        await list_existing_identifications(scope, tx, [one.id for one in said]) if said else set()
    )
    new = list({one.id: one for one in said if one.id not in before}.values())
    if not new:
        return 0
    await lock_images(scope, tx, {one.image_id for one in new})
    names = {name_key(one.statement.name): one.statement.name for one in new if one.statement.name}
    known = await list_known_taxa(scope, tx, row.project_id, list(names), [])
    about = [
        (one.analysis_id, one.statement.finding)
        for one in new
        if one.analysis_id is not None and one.statement.finding is not None
    ]
    places = await list_annotations(scope, tx, about) if about else {}
    rows = []
    for one in new:
        statement = one.statement
        taxon = known.get(name_key(statement.name)) if statement.name else None
        # The latest identification is effective. A time in the future, which must not take
        # precedence over identifications made after the import, is stored as the present time.
        more: dict[str, Any] = {} if statement.at is None else {"created_at": statement.at}
        is_about = one.analysis_id is not None and statement.finding is not None
        rows.append(
            IdentificationRow(
                id=one.id,
                project_id=row.project_id,
                image_id=one.image_id,
                annotation_id=(
                    places.get((one.analysis_id, statement.finding))  # type: ignore[arg-type]
                    if is_about
                    else None
                ),
                analysis_id=one.analysis_id if is_about else None,
                kind=statement.kind,
                taxon_id=None if taxon is None else taxon.id,
                label=_label(statement.kind, statement.name, taxon),
                comment=statement.comment,
                count=statement.count,
                sex=statement.sex,
                life_stage=statement.life_stage,
                behaviour=statement.behaviour,
                individual_id=statement.individual_id,
                made_by=row.requested_by,
                **more,
            )
        )
    await create_identification_rows(scope, tx, rows)
    return len(rows)


def _label(kind: str, name: str | None, taxon: Any) -> str | None:
    if kind != IdentificationKind.CORRECT:
        return None
    return name if taxon is None else taxon.values["scientific_name"]
