"""Read the taxa in the descriptor of a Camtrap DP: its `taxonomic` list as fields of taxa."""

import re
from typing import Any

from pydantic import ValidationError

from trapline.server.imports.formats.import_records import EntryFault, PackageTaxa, sanitise_text
from trapline.server.review.formats.taxon_tables import RANKS
from trapline.server.review.rules.language_codes import LANGUAGES
from trapline.wire.taxa import UNKNOWN_LANGUAGE, TaxonFields, normalise_spaces

LONGEST_NAME = 255
_GBIF = re.compile(r"https?://(?:www\.)?gbif\.org/species/(\d{1,18})/?")
_SHORT = {three: two for two, three in LANGUAGES.items()}


def read_taxa(listed: Any) -> PackageTaxa:
    """Read the taxa that a package lists; an invalid entry becomes a fault."""
    taxa = PackageTaxa()
    for place, entry in enumerate(listed if isinstance(listed, list) else (), 1):
        try:
            taxa.values[place] = _read_taxon(entry if isinstance(entry, dict) else {})
        except (ValueError, ValidationError) as error:
            taxa.faults.append(
                EntryFault(
                    f"taxonomic {place}", f"it is not a taxon: {sanitise_text(str(error), 200)}"
                )
            )
    return taxa


def _read_taxon(entry: dict[str, Any]) -> dict[str, Any]:
    name = normalise_spaces(str(entry.get("scientificName") or ""))
    if len(name) > LONGEST_NAME or "\x00" in name:
        raise ValueError(f"its scientificName has more than {LONGEST_NAME} characters, or NUL")
    given = str(entry.get("taxonID") or "")
    gbif = _GBIF.fullmatch(given)
    names = entry.get("vernacularNames")
    fields = TaxonFields(
        rank=str(entry.get("taxonRank") or ""),
        higher_ranks={rank: str(entry[rank]) for rank in RANKS if entry.get(rank)},
        common_names={
            _SHORT.get(language, language or UNKNOWN_LANGUAGE): [str(name)]
            for language, name in (names.items() if isinstance(names, dict) else ())
            if name
        },
        gbif_key=int(gbif[1]) if gbif else None,
        external_id="" if gbif else given,
    )
    return {"scientific_name": name} | fields.model_dump(exclude_defaults=True)
