"""What a token may do about taxa: a project's list, what comes in of others, and what the labels of models mean."""

from collections.abc import Mapping
from uuid import UUID

from trapline.client.api_session import Connection
from trapline.client.notebook_tables import Page
from trapline.wire.taxa import (
    LabelMeaning,
    LabelMeanings,
    LabelsMapped,
    MappedLabel,
    NewTaxon,
    TaxaTaken,
    Taxon,
    TaxonChange,
    UnmappedLabel,
    UnmappedLabels,
)


class TaxonCalls:
    """What a token may do about taxa."""

    _to: Connection

    def list_taxa(self, **filters: str | int | float | None) -> Page[Taxon]:
        """One page of taxa by name; filters are project, search (any of their names), rank, accepted, cursor, limit."""
        return self._to.get("/taxa", Page[Taxon], filters)

    def get_taxon(self, taxon_id: UUID) -> Taxon:
        """One taxon."""
        return self._to.get(f"/taxa/{taxon_id}", Taxon)

    def make_taxon(self, new: NewTaxon) -> Taxon:
        """Put a taxon on a project's list."""
        return self._to.send("POST", "/taxa", Taxon, new)

    def change_taxon(self, taxon_id: UUID, change: TaxonChange) -> Taxon:
        """Change what is set in `change`."""
        return self._to.send("PATCH", f"/taxa/{taxon_id}", Taxon, change)

    def remove_taxon(self, taxon_id: UUID) -> None:
        """Remove a taxon that no synonym, label or identification names."""
        self._to.send("DELETE", f"/taxa/{taxon_id}", type(None))

    def take_taxa(self, project_id: int, content: bytes) -> TaxaTaken:
        """Take in a list: a CSV, a table of Darwin Core or of GBIF, GBIF keys, or a Darwin Core Archive.

        Lines that cannot be taken are told, the others are taken; the same again changes nothing.
        """
        params, headers = {"project": project_id}, {"Content-Type": "application/octet-stream"}
        return self._to.send("POST", "/taxa/import", TaxaTaken, content, params=params, headers=headers)

    def list_taxon_labels(self, **filters: str | int | float | None) -> Page[MappedLabel]:
        """One page of labels of models with what they mean; filters are project, cursor, limit."""
        return self._to.get("/taxa/labels", Page[MappedLabel], filters)

    def map_labels(self, project_id: int, meanings: Mapping[str, UUID | None]) -> LabelsMapped:
        """Say which taxon each label means, None for none; labels that are not named keep their meaning."""
        labels = [LabelMeaning(label=label, taxon=taxon) for label, taxon in meanings.items()]
        return self._to.send("PUT", "/taxa/labels", LabelsMapped, LabelMeanings(project=project_id, labels=labels))

    def list_unmapped_labels(self, project_id: int) -> list[UnmappedLabel]:
        """The labels found on images that mean no taxon yet, the most frequent first, with a taxon called so."""
        return self._to.get("/taxa/suggestions", UnmappedLabels, {"project": project_id}).results
