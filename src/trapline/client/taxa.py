"""Methods for taxa: species lists, their import, and the meaning of labels."""

from collections.abc import Mapping
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.sensitive_taxa import (
    SensitiveSightings,
    SensitiveTaxa,
    SensitiveTaxon,
    SensitiveTaxonRule,
)
from trapline.wire.taxa import (
    LabelMapping,
    LabelMappingResult,
    LabelMappings,
    MappedLabel,
    NewTaxon,
    Taxon,
    TaxonImportResult,
    TaxonUpdate,
    UnmappedLabel,
    UnmappedLabels,
)


class TaxonApi:
    """Methods for taxa."""

    _to: ApiSession

    def list_taxa(self, **filters: str | int | float | None) -> NotebookPage[Taxon]:
        """List one page of taxa by name; filters: project, search, rank, accepted, cursor, limit.

        `search` finds any of their names.
        """
        return self._to.get("/taxa", NotebookPage[Taxon], filters)

    def get_taxon(self, taxon_id: UUID) -> Taxon:
        """Get a taxon."""
        return self._to.get(f"/taxa/{taxon_id}", Taxon)

    def create_taxon(self, new: NewTaxon) -> Taxon:
        """Add a taxon to a project's list."""
        return self._to.send("POST", "/taxa", Taxon, new)

    def update_taxon(self, taxon_id: UUID, change: TaxonUpdate) -> Taxon:
        """Update the fields that are set in `change`."""
        return self._to.send("PATCH", f"/taxa/{taxon_id}", Taxon, change)

    def delete_taxon(self, taxon_id: UUID) -> None:
        """Delete a taxon that no synonym, label or identification names."""
        self._to.send("DELETE", f"/taxa/{taxon_id}", type(None))

    def import_taxa(self, project_id: int, content: bytes) -> TaxonImportResult:
        """Import a species list.

        It is a CSV, a Darwin Core or GBIF table, GBIF keys, or a Darwin Core Archive. Invalid
        lines are listed, the others are imported; the same file again changes nothing.
        """
        params, headers = {"project": project_id}, {"Content-Type": "application/octet-stream"}
        return self._to.send(
            "POST", "/taxa/import", TaxonImportResult, content, params=params, headers=headers
        )

    def list_taxon_labels(self, **filters: str | int | float | None) -> NotebookPage[MappedLabel]:
        """List one page of model labels with their taxa; filters are project, cursor, limit."""
        return self._to.get("/taxa/labels", NotebookPage[MappedLabel], filters)

    def map_labels(
        self, project_id: int, meanings: Mapping[str, UUID | None]
    ) -> LabelMappingResult:
        """Set the taxon of each label, or None; labels that are not named are not changed."""
        labels = [LabelMapping(label=label, taxon=taxon) for label, taxon in meanings.items()]
        return self._to.send(
            "PUT",
            "/taxa/labels",
            LabelMappingResult,
            LabelMappings(project=project_id, labels=labels),
        )

    def list_unmapped_labels(self, project_id: int) -> list[UnmappedLabel]:
        """List labels on images without a taxon, most frequent first, with taxa of that name."""
        return self._to.get("/taxa/suggestions", UnmappedLabels, {"project": project_id}).results

    def get_sensitive_taxa(self, project_id: int) -> SensitiveTaxa:
        """List the sensitive taxa of a project, with what each role sees of their locations."""
        return self._to.get(f"/projects/{project_id}/sensitive-taxa", SensitiveTaxa)

    def set_sensitive_taxon(
        self, project_id: int, taxon_id: UUID, rule: SensitiveTaxonRule
    ) -> SensitiveTaxon:
        """Create or replace the rule of a sensitive taxon; requires the owner role."""
        path = f"/projects/{project_id}/sensitive-taxa/{taxon_id}"
        return self._to.send("PUT", path, SensitiveTaxon, rule)

    def get_sensitive_sightings(self, project_id: int, taxon_id: UUID) -> SensitiveSightings:
        """List the deployments that a sensitive taxon restricts; requires the owner role."""
        path = f"/projects/{project_id}/sensitive-taxa/{taxon_id}/sightings"
        return self._to.get(path, SensitiveSightings)

    def delete_sensitive_taxon(self, project_id: int, taxon_id: UUID) -> None:
        """Remove a taxon from the sensitive taxa; requires the owner role."""
        self._to.send("DELETE", f"/projects/{project_id}/sensitive-taxa/{taxon_id}", type(None))
