"""Build the descriptor of a Camtrap DP, with the metadata that GBIF's IPT requires."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportIssue,
    ExportMetadata,
    TaxonRecord,
)
from trapline.server.images.rules.locations import DECIMALS, Precision
from trapline.server.platform.formats.zip_writer import sanitise_file_name
from trapline.server.review.formats.taxon_tables import RANKS
from trapline.server.review.rules.language_codes import find_language

RELEASE = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2/"
NAMED_RANKS = frozenset({*RANKS, "species", "subspecies"})
LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
}
FOR_GBIF = ("CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0")
_LICENCE_NAME = re.compile(r"[-a-zA-Z0-9._]+")


def build_descriptor(
    about: ExportMetadata,
    deployments: Iterable[DeploymentRecord],
    span: tuple[datetime, datetime] | None,
    taxa: Iterable[TaxonRecord],
    levels: list[str],
    *,
    individuals: bool = False,
) -> dict[str, Any]:
    """Build the descriptor of an export.

    `span` is the period of its deployments; `levels` are the levels of its observations.
    """
    options = about.options
    title = options.get("title") or about.project_name or "Camera trap data"
    descriptor: dict[str, Any] = {
        "resources": [
            {
                "name": table, "path": f"{table}.csv",
                "profile": "tabular-data-resource", "format": "csv",
                "mediatype": "text/csv", "encoding": "utf-8",
                "schema": f"{RELEASE}{table}-table-schema.json",
            }
            for table in ("deployments", "media", "observations")
        ],
        "profile": f"{RELEASE}camtrap-dp-profile.json",
        "name": re.sub(r"[^-a-z0-9._]+", "-", sanitise_file_name(title).lower()) or "export",
        "created": about.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": title,
        "contributors": _list_contributors(about),
        "description": build_description(about),
        "version": "1.0",
        "keywords": ["camera traps"],
        "sources": [{"title": "Trapline"}],
    }  # fmt: skip
    if about.public_url.startswith(("http://", "https://")):
        descriptor["homepage"] = about.public_url
    if licences := list_licences(about):
        descriptor["licenses"] = licences
    descriptor["project"] = {
        "id": str(about.project_id),
        "title": about.project_name or title,
        **({"description": about.project_description} if about.project_description else {}),
        "samplingDesign": options.get("sampling_design") or "opportunistic",
        "captureMethod": ["activityDetection"],
        "individualAnimals": individuals,
        "observationLevel": levels or ["media"],
    }
    if (spatial := _find_spatial(deployments)) is not None:
        descriptor["spatial"] = spatial
    if coarsest := max((one.precision for one in about.deployments), default=0):
        descriptor["coordinatePrecision"] = 10 ** -DECIMALS[Precision(coarsest)]
    if span is not None:
        descriptor["temporal"] = {
            "start": span[0].date().isoformat(),
            "end": span[1].date().isoformat(),
        }
    descriptor["taxonomic"] = [_describe_taxon(taxon) for taxon in sorted(taxa, key=_by_name)]
    return descriptor


def build_description(about: ExportMetadata) -> str:
    """Return the description of an export, or a generated sentence."""
    own = about.options.get("description") or about.project_description
    return (
        own or f"Camera trap images of the project {about.project_name}, and what was seen on them."
    )


def list_licences(about: ExportMetadata) -> list[dict[str, str]]:
    """List the licences of data and media: both or none, as the standard requires."""
    named = [(scope, about.options.get(f"{scope}_licence")) for scope in ("data", "media")]
    return (
        [_describe_licence(scope, name) for scope, name in named if name]
        if all(name for _, name in named)
        else []
    )


def list_notices(about: ExportMetadata) -> tuple[list[ExportIssue], list[ExportIssue]]:
    """List the values that were filled in, and those that are missing but required by GBIF."""
    options, filled, missing = about.options, [], []
    if not options.get("title"):
        filled.append(ExportIssue("No title was given: the name of the project is used."))
    if not options.get("description") and not about.project_description:
        filled.append(
            ExportIssue(
                "No description was given: a sentence that names the project is used instead."
            )
        )
    if not options.get("contributors"):
        filled.append(
            ExportIssue(
                "No contributor was given: the project is listed as one. GBIF requires a contact."
            )
        )
    if not options.get("sampling_design"):
        filled.append(ExportIssue("No sampling design was given: “opportunistic” is used."))
    filled.append(
        ExportIssue(
            "The capture method of the cameras is unknown: captureMethod is activityDetection."
        )
    )
    if not list_licences(about):
        missing.append(
            ExportIssue(
                "No licences for data and media: the package is valid without them, but GBIF "
                f"requires both. Choose licences, such as {', '.join(FOR_GBIF)}, and export again."
            )
        )
    elif options["data_licence"] not in FOR_GBIF:
        missing.append(
            ExportIssue(
                f"GBIF accepts only data under {', '.join(FOR_GBIF)}, not "
                f"{options['data_licence']}."
            )
        )
    return filled, missing


def _list_contributors(about: ExportMetadata) -> list[dict[str, str]]:
    named = [
        {
            key: str(one[key])
            for key in ("title", "email", "path", "organization", "role")
            if one.get(key)
        }
        for one in about.options.get("contributors") or ()
    ]
    return named or [{"title": about.project_name or "Unknown", "role": "contributor"}]


def _describe_licence(scope: str, name: str) -> dict[str, str]:
    licence = (
        {"name": name}
        if _LICENCE_NAME.fullmatch(name)
        else {"name": sanitise_file_name(name), "title": name}
    )
    return {**licence, **({"path": LICENCES[name]} if name in LICENCES else {}), "scope": scope}


def _find_spatial(deployments: Iterable[DeploymentRecord]) -> dict[str, Any] | None:
    """Return the bounding box of the deployments as a GeoJSON polygon, or None."""
    places = [
        (one.longitude, one.latitude)
        for one in deployments
        if one.longitude is not None and one.latitude is not None
    ]
    if not places:
        return None
    (west, east), (south, north) = ((min(side), max(side)) for side in zip(*places, strict=True))
    return {
        "type": "Polygon",
        "coordinates": [
            [[west, south], [east, south], [east, north], [west, north], [west, south]]
        ],
    }


def _describe_taxon(taxon: TaxonRecord) -> dict[str, Any]:
    entry: dict[str, Any] = {"scientificName": taxon.scientific_name}
    if taxon.gbif_key is not None:
        entry["taxonID"] = f"https://www.gbif.org/species/{taxon.gbif_key}"
    elif taxon.external_id:
        entry["taxonID"] = taxon.external_id
    if taxon.rank.lower() in NAMED_RANKS:
        entry["taxonRank"] = taxon.rank.lower()
    entry |= {rank: taxon.higher_ranks[rank] for rank in RANKS if taxon.higher_ranks.get(rank)}
    names: dict[str, str] = {}
    for language, of_it in taxon.common_names.items():
        code = find_language(language)
        if code is not None and of_it:
            names.setdefault(code, of_it[0])
    return entry | ({"vernacularNames": names} if names else {})


def _by_name(taxon: TaxonRecord) -> tuple[str, str]:
    return taxon.scientific_name, str(taxon.id)
