"""Routes of the sensitive taxa of a project."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import ProjectPath
from trapline.server.review.actions import sensitive_taxa
from trapline.wire.sensitive_taxa import (
    SensitiveSightings,
    SensitiveTaxa,
    SensitiveTaxon,
    SensitiveTaxonRule,
)

router = APIRouter(prefix="/projects/{project_id}/sensitive-taxa", tags=["taxa"])


@router.get("")
async def get_sensitive_taxa(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath
) -> SensitiveTaxa:
    """List the sensitive taxa of a project, with what each role sees of their locations."""
    return await sensitive_taxa.get_sensitive_taxa(system, scope, project_id)


@router.put("/{taxon_id}")
async def set_sensitive_taxon(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    taxon_id: UUID,
    rule: SensitiveTaxonRule,
) -> SensitiveTaxon:
    """Create or replace the rule of a sensitive taxon; it covers synonyms and descendants."""
    return await sensitive_taxa.set_sensitive_taxon(system, scope, project_id, taxon_id, rule)


@router.get("/{taxon_id}/sightings")
async def get_sensitive_sightings(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, taxon_id: UUID
) -> SensitiveSightings:
    """List the deployments that a sensitive taxon restricts, and the images that restrict them."""
    return await sensitive_taxa.get_sensitive_sightings(system, scope, project_id, taxon_id)


@router.delete("/{taxon_id}", status_code=204)
async def delete_sensitive_taxon(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, taxon_id: UUID
) -> None:
    """Remove a taxon from the list; its locations are exact again for all roles."""
    await sensitive_taxa.delete_sensitive_taxon(system, scope, project_id, taxon_id)
