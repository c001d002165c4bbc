"""Labels of models: list their taxa, map them to taxa, and list labels that are not mapped."""

from uuid import UUID

from trapline.server.images.queries.images import count_classes
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.review.actions.observation_settings import rebuild_for_names
from trapline.server.review.queries.sensitive_taxa import require_exact_rules
from trapline.server.review.queries.taxa import TaxonLabelRow, lock_taxa
from trapline.server.review.queries.taxon_labels import (
    count_taxa,
    list_taxon_names,
    resolve_labels,
    select_labels,
    upsert_labels,
)
from trapline.server.review.rules.taxon_names import name_key
from trapline.wire.taxa import LabelMappingResult, LabelMappings, MappedLabel, UnmappedLabel
from trapline.wire.values import Page


async def list_labels(
    system: AppContext, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Page[MappedLabel]:
    """List the mapped labels with their taxa, by label."""
    async with system.database.transaction(scope) as tx:
        statement = select_labels(scope, project_id)
        order = [(TaxonLabelRow.label, str), (TaxonLabelRow.project_id, int)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        names = await list_taxon_names(scope, tx, [row.taxon_id for row in rows])
    found = [
        MappedLabel(
            project_id=row.project_id,
            label=row.label,
            taxon_id=row.taxon_id,
            scientific_name=names[row.taxon_id],
        )
        for row in rows
        if row.taxon_id in names
    ]
    return Page(results=found, next=following, count=count, count_is_estimate=estimated)


async def map_labels(system: AppContext, scope: Scope, wanted: LabelMappings) -> LabelMappingResult:
    """Map labels to taxa; labels that are not in the request keep their taxa.

    Raises NotFound, Forbidden, Unprocessable.
    """
    meanings: dict[str, UUID | None] = {one.label: one.taxon for one in wanted.labels}
    if len(meanings) < len(wanted.labels):
        raise Unprocessable("A label occurs more than once. Nothing was changed.")
    async with system.database.transaction(scope) as tx:
        await lock_taxa(scope, tx, wanted.project)
        await require_exact_rules(scope, tx, wanted.project)
        taxa = {taxon for taxon in meanings.values() if taxon is not None}
        if await count_taxa(scope, tx, wanted.project, taxa) < len(taxa):
            raise NotFound
        changed = await upsert_labels(scope, tx, wanted.project, meanings)
        if changed:
            first = {label: taxon and str(taxon) for label, taxon in list(meanings.items())[:100]}
            tx.audit("map", "label", wanted.project, wanted.project, changed=changed, labels=first)
            await rebuild_for_names(scope, tx, wanted.project, labels=meanings)
    return LabelMappingResult(changed=changed)


async def list_unmapped_labels(
    system: AppContext, scope: Scope, project_id: int
) -> list[UnmappedLabel]:
    """List the labels of images that are not mapped to a taxon, the most frequent first.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        counted = await count_classes(scope, tx, project_id)
        names = {label: name_key(label.replace("_", " ")) for label, _ in counted}
        mapped, suggested = await resolve_labels(scope, tx, project_id, names)
    return [
        UnmappedLabel(
            label=label,
            images=images,
            taxon_id=suggested[label].id if label in suggested else None,
            scientific_name=suggested[label].scientific_name if label in suggested else None,
        )
        for label, images in counted
        if label not in mapped
    ]
