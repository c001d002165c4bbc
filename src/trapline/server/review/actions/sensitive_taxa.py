"""List, set and remove the sensitive taxa of a project."""

from itertools import pairwise
from uuid import UUID

from trapline.server.images.rules.locations import AUDIENCES, NAMES, PRECISIONS, Precision
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.queries.sensitive_sightings import (
    list_sightings,
    record_first_chunk,
)
from trapline.server.review.queries.sensitive_taxa import (
    list_sensitive_taxa,
    remove_sensitive_taxon,
    upsert_sensitive_taxon,
)
from trapline.server.review.queries.taxa import get_taxon_row
from trapline.wire.sensitive_taxa import (
    SensitiveSighting,
    SensitiveSightings,
    SensitiveTaxa,
    SensitiveTaxon,
    SensitiveTaxonRule,
)

MOST_TAXA = 1000
MOST_DEPLOYMENTS, MOST_IMAGES = 1000, 100
"""The deployments in a list of sightings, and the overruled images of each."""


async def get_sensitive_taxa(system: AppContext, scope: Scope, project_id: int) -> SensitiveTaxa:
    """List the sensitive taxa of a project by name. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        return SensitiveTaxa(results=await _build_all(scope, tx, project_id))


async def get_sensitive_sightings(
    system: AppContext, scope: Scope, project_id: int, taxon_id: UUID
) -> SensitiveSightings:
    """List the deployments that a sensitive taxon restricts. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        if taxon_id not in {
            row.taxon_id for row, _ in await list_sensitive_taxa(scope, tx, project_id)
        }:
            raise NotFound
        found = await list_sightings(scope, tx, project_id, taxon_id, MOST_DEPLOYMENTS, MOST_IMAGES)
        return SensitiveSightings(
            results=[
                SensitiveSighting(
                    deployment_id=one.deployment_id,
                    deployment_name=one.deployment_name,
                    images=one.images,
                    overruled=one.overruled,
                    overruled_images=one.overruled_images,
                )
                for one in found
            ]
        )


async def set_sensitive_taxon(
    system: AppContext, scope: Scope, project_id: int, taxon_id: UUID, rule: SensitiveTaxonRule
) -> SensitiveTaxon:
    """Create or replace the rule of a taxon, effective with the next request of any caller.

    Raises:
        NotFound: the project has no such taxon.
        Unprocessable: a role would see less than a role below it, or the list is full.
    """
    levels = {name: PRECISIONS[getattr(rule, name)] for name in AUDIENCES}
    for lower, role in pairwise(AUDIENCES):
        if levels[role] > levels[lower]:
            reason = f"shows less than {lower}, a role with fewer permissions"
            raise Unprocessable(f"{role} {reason}. Nothing was changed.", [(role, reason)])
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        taxon = await get_taxon_row(scope, tx, taxon_id)
        if taxon.project_id != project_id:
            raise NotFound
        if taxon.accepted_id is not None:
            reason = "is a synonym; name its accepted taxon"
            raise Unprocessable(f"taxon {reason}. Nothing was changed.", [("taxon", reason)])
        await upsert_sensitive_taxon(scope, tx, project_id, taxon_id, levels)
        await record_first_chunk(scope, tx, project_id)
        tx.audit(
            "set sensitive taxon",
            "taxon",
            taxon_id,
            project_id,
            name=taxon.scientific_name,
            **{name: getattr(rule, name).value for name in AUDIENCES},
        )
        listed = await _build_all(scope, tx, project_id)
        if len(listed) > MOST_TAXA:
            raise Unprocessable(
                f"A project has at most {MOST_TAXA:,} sensitive taxa. Nothing was changed. "
                "Name a taxon of a higher rank, which covers its descendants."
            )
        [found] = [one for one in listed if one.taxon_id == taxon_id]
        return found


async def delete_sensitive_taxon(
    system: AppContext, scope: Scope, project_id: int, taxon_id: UUID
) -> None:
    """Delete the rule of a taxon; its locations are exact again. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        if not await remove_sensitive_taxon(scope, tx, project_id, taxon_id):
            raise NotFound
        name = (await get_taxon_row(scope, tx, taxon_id)).scientific_name
        tx.audit("delete sensitive taxon", "taxon", taxon_id, project_id, name=name)


async def _build_all(scope: Scope, tx: Transaction, project_id: int) -> list[SensitiveTaxon]:
    return [
        SensitiveTaxon(
            project_id=row.project_id,
            taxon_id=row.taxon_id,
            scientific_name=name,
            updated_at=row.updated_at,
            **{key: NAMES[Precision(getattr(row, key))] for key in AUDIENCES},
        )
        for row, name in await list_sensitive_taxa(scope, tx, project_id)
    ]
