"""Taxa of a project, imports of lists, and the taxa of labels of models."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
    set_etag,
)
from trapline.server.platform.http.request_bodies import read_body
from trapline.server.review.actions import taxa, taxon_labels
from trapline.server.review.formats.taxon_lists import MOST_BYTES
from trapline.wire.taxa import (
    LabelMappingResult,
    LabelMappings,
    MappedLabel,
    NewTaxon,
    Taxon,
    TaxonImportResult,
    TaxonUpdate,
    UnmappedLabels,
)
from trapline.wire.values import Page

router = APIRouter(prefix="/taxa", tags=["taxa"])

OfProject = Annotated[int, Query(ge=1, le=LARGEST)]
Search = Annotated[
    QueryText | None,
    Query(description="Text in a scientific or common name of the taxon or of its synonyms."),
]
LIST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("text/csv", "application/zip")
        },
    }
}


@router.get("")
async def list_taxa(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    search: Search = None,
    rank: Annotated[
        QueryText | None, Query(description="For example species or family; case is ignored.")
    ] = None,
    accepted: Annotated[
        bool | None, Query(description="Only accepted taxa, or only synonyms.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Taxon]:
    """List taxa of one project, or of all your projects, by scientific name."""
    return await taxa.list_taxa(
        system, scope, project, search, rank, accepted=accepted, limit=limit, cursor=cursor
    )


@router.post("", status_code=201)
async def create_taxon(
    system: SystemOf, scope: ScopeOf, new: NewTaxon, response: Response
) -> Taxon:
    """Create a taxon in a project."""
    taxon = await taxa.create_taxon(system, scope, new)
    response.headers["Location"] = f"/api/v2/taxa/{taxon.id}"
    return taxon


@router.post("/import", openapi_extra=LIST)
async def import_taxa(
    system: SystemOf, scope: ScopeOf, project: OfProject, request: Request
) -> TaxonImportResult:
    """Import a list of taxa.

    Formats: CSV, a table of Darwin Core or GBIF, a list of GBIF keys, or a Darwin Core Archive.
    Taxa are identified by their scientific names. Taxa that are not in the list are kept. Lines
    that are not valid are reported, and the others are imported.
    """
    return await taxa.import_taxa(system, scope, project, await read_body(request, MOST_BYTES))


@router.get("/labels")
async def list_labels(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MappedLabel]:
    """List the labels of models with their taxa, by label."""
    return await taxon_labels.list_labels(system, scope, project, limit, cursor)


@router.put("/labels")
async def map_labels(system: SystemOf, scope: ScopeOf, wanted: LabelMappings) -> LabelMappingResult:
    """Map labels to taxa; labels that are not in the request keep their taxa."""
    return await taxon_labels.map_labels(system, scope, wanted)


@router.get("/suggestions")
async def list_unmapped_labels(
    system: SystemOf, scope: ScopeOf, project: OfProject
) -> UnmappedLabels:
    """List labels without a taxon, the most frequent first, each with a taxon of that name."""
    return UnmappedLabels(results=await taxon_labels.list_unmapped_labels(system, scope, project))


@router.get("/{taxon_id}")
async def get_taxon(system: SystemOf, scope: ScopeOf, taxon_id: UUID, response: Response) -> Taxon:
    """Get a taxon."""
    taxon = await taxa.get_taxon(system, scope, taxon_id)
    set_etag(response, taxon.updated_at)
    return taxon


@router.patch("/{taxon_id}")
async def update_taxon(
    system: SystemOf, scope: ScopeOf, taxon_id: UUID, change: TaxonUpdate, response: Response
) -> Taxon:
    """Update a taxon; fields that are left out are kept."""
    taxon = await taxa.update_taxon(system, scope, taxon_id, change)
    set_etag(response, taxon.updated_at)
    return taxon


@router.delete("/{taxon_id}", status_code=204)
async def delete_taxon(system: SystemOf, scope: ScopeOf, taxon_id: UUID) -> None:
    """Delete a taxon to which no synonym, label or identification refers."""
    await taxa.delete_taxon(system, scope, taxon_id)
