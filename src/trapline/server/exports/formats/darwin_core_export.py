"""Write occurrences as a Darwin Core Archive (TDWG, "Darwin Core text guide"), for GBIF.

An occurrence is an observation in a sequence: by people if they reviewed all of its images, else
by models. Each occurrence states which. Observations of people, and those without a scientific
name, are not occurrences.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from typing import BinaryIO
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from trapline.server.exports.formats.camtrap_dp_deployments import format_value
from trapline.server.exports.formats.camtrap_dp_descriptor import LICENCES, build_description
from trapline.server.exports.formats.decimals import format_decimal
from trapline.server.exports.formats.export_events import (
    CountGroup,
    GroupCount,
    SequenceEvent,
    SequenceEventBuilder,
)
from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportIssue,
    ExportMetadata,
    ExportReport,
    ExportSpool,
)
from trapline.server.exports.formats.export_times import TimeFormatter
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import ObservationType, ObservedImage
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.images.rules.locations import DECIMALS, Precision
from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.server.platform.formats.zip_writer import open_zip
from trapline.server.review.formats.taxon_tables import RANKS
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS

TERMS = "http://rs.tdwg.org/dwc/terms/"
DUBLIN = "http://purl.org/dc/terms/"
COLUMNS = (
    "occurrenceID", "basisOfRecord", "eventID", "eventDate", "scientificName",
    "scientificNameAuthorship", "taxonRank", *RANKS, "taxonID", "vernacularName",
    "individualCount", "sex", "lifeStage", "behavior", "occurrenceStatus", "decimalLatitude",
    "decimalLongitude", "geodeticDatum", "coordinateUncertaintyInMeters", "locationID", "locality",
    "minimumDistanceAboveSurfaceInMeters", "maximumDistanceAboveSurfaceInMeters",
    "minimumDepthInMeters", "maximumDepthInMeters", "habitat",
    "samplingProtocol", "identifiedBy", "dateIdentified",
    "identificationVerificationStatus", "identificationRemarks", "associatedMedia", "datasetName",
    "license", "occurrenceRemarks", "dataGeneralizations", "informationWithheld",
)  # fmt: skip
OCCURRENCES = "occurrence.txt"
LINES_AT_ONCE = 2000
MOST_LABELS = 50

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write `occurrence.txt`, `meta.xml` and `eml.xml` in a zip."""
    report = ExportReport()
    with open_zip(out) as pack:
        with pack.open(OCCURRENCES) as file:
            occurrences = _Occurrences(spool, file, report)
            occurrences.write(spool)
        pack.add("meta.xml", _describe_columns())
        pack.add("eml.xml", _describe_dataset(spool.about))
    occurrences.report_issues()
    return report


class _Occurrences:
    def __init__(self, spool: ExportSpool, out: BinaryIO, report: ExportReport) -> None:
        self._about, self._out, self._report = spool.about, out, report
        self._naming, self._times = TaxonResolver(spool.taxa), TimeFormatter()
        self._deployments = {str(one.id): one for one in spool.about.deployments}
        self._lines: list[str] = []
        self._people = 0
        self._labels: Counter[str] = Counter()
        self._placeless: Counter[str] = Counter()
        url = spool.about.public_url.rstrip("/")
        is_linked = spool.about.public and url.startswith(("http://", "https://"))
        self._link = (
            f"{url}/api/v2/public/projects/{spool.about.project_id}/images/" if is_linked else ""
        )

    def write(self, spool: ExportSpool) -> None:
        """Write the occurrences of all events."""
        self._out.write(("\t".join(COLUMNS) + "\n").encode())
        events, naming = SequenceEventBuilder(), self._naming
        for image in spool.read(ObservedImage):
            for event in events.add(
                image,
                build_observations(image, naming),
                shown=image.shown and not naming.is_withheld(image),
            ):
                self._add(event)
        for event in events.finish():
            self._add(event)
        self._flush()

    def report_issues(self) -> None:
        """Report observations that are not occurrences, and occurrences without coordinates."""
        left_out = self._report.left_out
        if self._people:
            left_out.append(
                ExportIssue(
                    "Observations of people, vehicles and unknown objects are not occurrences.",
                    self._people,
                )
            )
        for label, count in self._labels.most_common():
            named = f"of the class “{label}”" if label else "of other classes"
            what = (
                f"Observations {named}: no taxon of the project has this label. "
                "Assign a taxon to the label and export again."
            )
            left_out.append(ExportIssue(what, count))
        for key, count in self._placeless.items():
            one = self._deployments[key]
            what = (
                f"The deployment “{one.name}” has no coordinates: its occurrences have no "
                "location, which GBIF flags."
            )
            left_out.append(ExportIssue(what, count, one.id))
        if not self._about.options.get("data_licence"):
            left_out.append(
                ExportIssue(
                    "No licence: GBIF accepts only data under CC0-1.0, CC-BY-4.0 or CC-BY-NC-4.0."
                )
            )

    def _add(self, event: SequenceEvent) -> None:
        for group, seen in event.groups.items():
            if group.kind is not ObservationType.ANIMAL:
                self._people += 1
            elif group.taxon is None or group.taxon not in self._naming.taxa:
                label = (
                    group.label
                    if group.label in self._labels or len(self._labels) < MOST_LABELS
                    else ""
                )
                self._labels[label] += 1
            else:
                self._lines.append(self._describe(event, group, seen))
        if len(self._lines) >= LINES_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._out.write("".join(self._lines).encode())
        self._report.written += len(self._lines)
        self._lines.clear()

    def _describe(self, event: SequenceEvent, group: CountGroup, seen: GroupCount) -> str:
        assert group.taxon is not None
        taxon, place, said = (
            self._naming.taxa[group.taxon],
            self._deployments[event.deployment_id],
            seen.said,
        )
        start, end = (self._times.local(at, event.time_zone) for at in (event.start, event.end))
        licence = self._about.options.get("data_licence") or ""
        cells = {
            "occurrenceID": event.key_of(group),
            "basisOfRecord": "MachineObservation",
            "eventID": event.id,
            "eventDate": start if start == end else f"{start}/{end}",
            "scientificName": taxon.scientific_name,
            "scientificNameAuthorship": taxon.authorship,
            "taxonRank": taxon.rank.lower(),
            **{rank: taxon.higher_ranks.get(rank, "") for rank in RANKS},
            "taxonID": f"https://www.gbif.org/species/{taxon.gbif_key}"
            if taxon.gbif_key
            else taxon.external_id,
            "vernacularName": next(iter(taxon.english_names), ""),
            "individualCount": str(seen.count or ""),
            "sex": group.sex if group.sex in ("female", "male") else "",
            "lifeStage": group.life_stage or "",
            "behavior": group.behaviour or "",
            "occurrenceStatus": "present",
            **self._locate(place),
            "samplingProtocol": "camera trap",
            "identifiedBy": said.by if said is not None else seen.model,
            "dateIdentified": self._times.read(said.at if said is not None else seen.at),
            "identificationVerificationStatus": "verified by human"
            if said is not None
            else "predicted by machine",
            "identificationRemarks": ""
            if seen.confidence is None
            else f"confidence of the model: {format_decimal(seen.confidence)}",
            "associatedMedia": " | ".join(f"{self._link}{key}/file" for key in seen.media)
            if self._link
            else "",
            "datasetName": self._about.options.get("title") or self._about.project_name,
            "license": LICENCES.get(licence, licence),
            "occurrenceRemarks": seen.comment or "",
            **_describe_generalisation(place),
        }
        return "\t".join(_plain(cells[name] or "") for name in COLUMNS) + "\n"

    def _locate(self, place: DeploymentRecord) -> dict[str, str]:
        cells = {
            term: format_value(one.kind, getattr(place, name))
            for name, one in DEPLOYMENT_FIELDS.items()
            for term in one.darwin_core
        } | dict.fromkeys(
            COLUMNS[COLUMNS.index("decimalLatitude") : COLUMNS.index("locationID")], ""
        )
        if place.latitude is None or place.longitude is None:
            if not place.precision:
                self._placeless[str(place.id)] += 1
        else:
            uncertain = place.coordinate_uncertainty_m
            decimals = DECIMALS.get(Precision(place.precision), 7)
            cells |= {
                # A number with a minus sign is not a spreadsheet formula, so it is not escaped.
                "decimalLatitude": f"{place.latitude:.{decimals}f}",
                "decimalLongitude": f"{place.longitude:.{decimals}f}",
                "geodeticDatum": "EPSG:4326",
                "coordinateUncertaintyInMeters": format_decimal(uncertain).removesuffix(".0")
                if uncertain
                else "",
            }
        return cells | {"locationID": str(place.id)}


def _describe_generalisation(place: DeploymentRecord) -> dict[str, str]:
    """Describe what was done to the location of a sensitive taxon, in the terms of the standard."""
    precision = Precision(place.precision)
    if precision is Precision.EXACT:
        return {"dataGeneralizations": "", "informationWithheld": ""}
    decimals = DECIMALS.get(precision)
    return {
        "dataGeneralizations": f"Coordinates rounded to {10**-decimals:g} degrees, because a "
        "sensitive taxon occurs at the location."
        if decimals
        else "",
        "informationWithheld": "Name of the location withheld"
        if decimals
        else "Coordinates and name of the location withheld, because a sensitive taxon occurs "
        "there.",
    }


_NUMBER = re.compile(r"-?\d+\.\d+")


def _plain(text: str) -> str:
    """Format a text as a cell: on one line, without separators and safe in a spreadsheet."""
    plain = _BREAKS.sub(" ", text).strip()
    return plain if _NUMBER.fullmatch(plain) else str(escape_formula(plain))


def _describe_columns() -> bytes:
    archive = ET.Element(
        "archive", {"xmlns": "http://rs.tdwg.org/dwc/text/", "metadata": "eml.xml"}
    )
    core = ET.SubElement(
        archive,
        "core",
        {
            "encoding": "UTF-8", "fieldsTerminatedBy": "\\t", "linesTerminatedBy": "\\n",
            "fieldsEnclosedBy": "", "ignoreHeaderLines": "1", "rowType": f"{TERMS}Occurrence",
        },
    )  # fmt: skip
    ET.SubElement(ET.SubElement(core, "files"), "location").text = OCCURRENCES
    ET.SubElement(core, "id", {"index": "0"})
    for index, name in enumerate(COLUMNS):
        ET.SubElement(
            core,
            "field",
            {"index": str(index), "term": f"{DUBLIN if name == 'license' else TERMS}{name}"},
        )
    return _write_xml(archive)


def _describe_dataset(about: ExportMetadata) -> bytes:
    """Describe the dataset in EML 2.2.0 (eml.ecoinformatics.org), with the parts GBIF requires."""
    space, at = "https://eml.ecoinformatics.org/eml-2.2.0", about.started_at.astimezone(UTC)
    title = about.options.get("title") or about.project_name
    key = uuid5(
        NAMESPACE_URL, f"trapline:export:{about.public_url}:{about.project_id}:{at.isoformat()}"
    )
    root = ET.Element(
        "eml:eml", {"xmlns:eml": space, "packageId": str(key), "system": "https://gbif.org"}
    )
    dataset = ET.SubElement(root, "dataset")
    ET.SubElement(dataset, "title").text = _text(title)
    named: Sequence[dict[str, str]] = about.options.get("contributors") or (
        {"title": about.project_name},
    )
    for role in ("creator", "metadataProvider"):
        for one in named if role == "creator" else named[:1]:
            _add_party(dataset, role, one)
    ET.SubElement(dataset, "pubDate").text = at.date().isoformat()
    ET.SubElement(dataset, "language").text = "eng"
    ET.SubElement(ET.SubElement(dataset, "abstract"), "para").text = _text(build_description(about))
    if licence := about.options.get("data_licence"):
        rights = ET.SubElement(ET.SubElement(dataset, "intellectualRights"), "para")
        if licence in LICENCES:
            link = ET.SubElement(rights, "ulink", {"url": LICENCES[licence]})
            ET.SubElement(link, "citetitle").text = licence
        else:
            rights.text = _text(licence)
    contacts = [one for one in named if one.get("role") == "contact"] or named[:1]
    for one in contacts:
        _add_party(dataset, "contact", one)
    return _write_xml(root)


def _add_party(dataset: ET.Element, role: str, named: dict[str, str]) -> None:
    party = ET.SubElement(dataset, role)
    if named.get("organization"):
        ET.SubElement(ET.SubElement(party, "individualName"), "surName").text = _text(
            named["title"]
        )
        ET.SubElement(party, "organizationName").text = _text(named["organization"])
    else:
        ET.SubElement(party, "organizationName").text = _text(named["title"])
    if named.get("email"):
        ET.SubElement(party, "electronicMailAddress").text = _text(named["email"])


def _text(text: str) -> str:
    return _BREAKS.sub(" ", text).strip() or "unnamed"


def _write_xml(root: ET.Element) -> bytes:
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
