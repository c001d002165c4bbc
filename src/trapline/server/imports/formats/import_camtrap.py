"""Read Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org): deployments, media and observations in a zip.

Media are matched with images by Trapline's image ID, otherwise by path and name within their
deployment. No media are downloaded. Observations by machines become results, and those by people
become identifications. An observation of a whole event does not belong to one image and is left
out.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from pydantic import TypeAdapter, ValidationError

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_package_taxa import read_taxa
from trapline.server.imports.formats.import_records import (
    LONGEST_CLASS,
    LONGEST_ENTRY,
    DeploymentReference,
    EntryContent,
    EntryFault,
    EntryIds,
    ImageReference,
    ImportedFinding,
    ImportedIdentification,
    ImportedResult,
    ImportEntry,
    InvalidEntry,
    ModelInfo,
    PackageTaxa,
    UnreadableFile,
    build_classification,
    parse_class_name,
    parse_id,
    sanitise_text,
    scale_box,
    validate_confidence,
)
from trapline.server.imports.formats.zipped_tables import BROKEN, Row, ZippedTables
from trapline.server.platform.formats.sqlite_spill import SqliteSpill
from trapline.wire.identifications import LARGEST_COUNT, LifeStage, Sex
from trapline.wire.imports import ImportOptions
from trapline.wire.values import GivenTime

TABLES = ("deployments", "media", "observations")
MOST_DEPLOYMENTS = 50_000
MOST_OF_DEPLOYMENTS = 64 << 20
MOST_OF_ONE = 10_000
LONGEST_ID = 255
MOST_NAMES = 10_000
"""The maximum number of scientific names of observations that are looked up as taxa."""
NAMED = {"human": "human", "vehicle": "vehicle"}
TIME = TypeAdapter(GivenTime)
LABEL = "label:"
"""Prefix of the tag with which exports keep a class without a taxon."""


class CamtrapReader:
    """Read a package; its observations are first grouped by their media."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self._tables = ZippedTables(path, TABLES)
        self._parts = SqliteSpill()
        self._options = options
        self._media = 0
        self.left_out = 0
        self._places: dict[str, UUID] = {}
        self._taxa = read_taxa(self._tables.package.get("taxonomic"))
        try:
            self._parts.add_owners(self._find_media())
            self._parts.add_parts(self._find_observations())
            self._parts.build_index()
        except UnreadableFile:
            self.close()
            raise
        except BROKEN as error:
            self.close()
            raise UnreadableFile(
                f"The package cannot be unpacked: {sanitise_text(str(error), 200)}."
            ) from error

    def _find_media(self) -> Iterator[tuple[str, int, str | None]]:
        for number, (_, row) in enumerate(self._tables.read("media"), 1):
            self._media = number
            yield row.get("mediaID", ""), number, None

    def _find_observations(self) -> Iterator[tuple[str, int, int, int, bytes | None]]:
        for line, row in self._tables.read("observations"):
            # A name of people, vehicles or something unknown does not become a taxon.
            if (
                (name := row.get("scientificName"))
                and row.get("observationType", "animal") == "animal"
                and len(self._taxa.names) < MOST_NAMES
                and len(name) <= LONGEST_CLASS
            ):
                self._taxa.names.add(name)
            if "mediaID" in row:
                yield row["mediaID"], line, 0, 0, msgspec.json.encode(row)
            else:
                self.left_out += 1

    def deployments(self) -> Sequence[DeploymentReference | EntryFault]:
        """Return the deployments by location name, with the ID if several are at one location."""
        rows: list[tuple[int, Row]] = []
        size = 0
        for line, row in self._tables.read("deployments"):
            size += sum(map(len, row.values()))
            if len(rows) >= MOST_DEPLOYMENTS or size > MOST_OF_DEPLOYMENTS:
                raise UnreadableFile(
                    f"The file has more than {MOST_DEPLOYMENTS:,} deployments, or their data is "
                    "too large."
                )
            rows.append((line, row))
        called = Counter(row.get("locationName") for _, row in rows)
        references: list[DeploymentReference | EntryFault] = []
        for line, row in rows:
            place, key = f"line {line} of deployments", row.get("deploymentID", "")
            name = row.get("locationName")
            if name is None or called[name] > 1:
                name = key if name is None else f"{name} ({key})"
            try:
                values = _describe_deployment(row)
                if not key or len(name) > 255 or "\x00" in name:
                    raise InvalidEntry("its deploymentID or its name is missing, or too long")
            except InvalidEntry as error:
                references.append(EntryFault(place, str(error)))
                continue
            location = row.get("locationID", "")
            references.append(
                DeploymentReference(key, " ".join(name.split()), parse_id(key), values, location)
            )
        return references

    def taxa(self) -> PackageTaxa:
        """Return the taxa of the package, with the names in its observations."""
        return self._taxa

    def place_deployments(self, ids: dict[str, UUID]) -> None:
        """Set the deployments of the project by their keys in the package."""
        self._places = ids

    def paths(self) -> Iterator[ImageReference]:
        """List the names of all media; observations without media are entries, too."""
        for _, row in self._tables.read("media"):
            yield ImageReference(_path_of(row), row.get("deploymentID", ""))
        for _ in range(self._parts.orphans):
            yield ImageReference("")

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """List the media after the first `after` ones, then the observations without media."""
        for number, (line, row) in enumerate(self._tables.read("media"), 1):
            if number > after:
                yield self._enter(number, line, row)
        for place, (key, line) in enumerate(self._parts.list_orphans(), self._media + 1):
            if place > after:
                yield EntryFault(
                    f"line {line} of observations",
                    f"its mediaID {sanitise_text(key, 100)} is not in the media",
                )

    def _enter(self, number: int, line: int, row: Row) -> ImportEntry | EntryFault:
        place, path, key = f"line {line} of media", _path_of(row), row.get("mediaID", "")
        if self._parts.get_number(key) != number:
            return EntryFault(
                place,
                "another line has the same mediaID" if key else "it has no mediaID",
                path,
            )
        deployment = self._places.get(row.get("deploymentID", ""))
        if deployment is None:
            return EntryFault(
                place, "its deploymentID is not the ID of an imported deployment", path
            )
        return ImportEntry(place, path, key, parse_id(key), deployment)

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:
        """Read the observations of an image. Raises InvalidEntry."""
        count, size = self._parts.get_size(entry.content)
        if count > MOST_OF_ONE or size > LONGEST_ENTRY:
            raise InvalidEntry(
                f"it has more than {MOST_OF_ONE:,} observations, "
                f"or they have more than {LONGEST_ENTRY >> 20} MiB"
            )
        reading = EntryContent(
            ids=EntryIds(sanitise_text(entry.content) if len(entry.content) <= LONGEST_ID else "")
        )
        machines: dict[ModelInfo, list[ImportedFinding]] = {}
        said: list[tuple[Row, ImportedFinding | None]] = []
        for part in self._parts.list_parts(entry.content):
            row = msgspec.json.decode(part.text or b"{}", type=Row)
            try:
                if row.get("classificationMethod") == "machine":
                    self._add_machine(row, frame, machines, reading)
                elif row.get("observationType") in ("unclassified", None):
                    reading.left_out += 1
                else:
                    _state(row, None)  # validates the row, so that its line is in the message
                    said.append((row, _find(row, frame)))
            except InvalidEntry as error:
                raise InvalidEntry(f"line {part.number} of observations: {error}") from None
        self._add_people(said, reading)
        reading.results += [ImportedResult(model, findings) for model, findings in machines.items()]
        return reading

    def _add_machine(
        self,
        row: Row,
        frame: Frame,
        machines: dict[ModelInfo, list[ImportedFinding]],
        reading: EntryContent,
    ) -> None:
        by = sanitise_text(row.get("classifiedBy", "Camtrap DP"), 255)
        name, _, version = by.rpartition(" ") if " " in by else (by, "", "unknown")
        options = self._options
        model = ModelInfo(options.model_name or name, options.model_version or version[:100])
        findings = machines.setdefault(model, [])
        found = _find(row, frame)
        if found is None:
            _keep_ids(reading, row, None)
            return
        if found.confidence is not None and found.confidence < options.confidence_min:
            reading.left_out += 1
        else:
            findings.append(found)
            _keep_ids(reading, row, found)

    def _add_people(
        self, said: Sequence[tuple[Row, ImportedFinding | None]], reading: EntryContent
    ) -> None:
        """Add identifications: of the image if there is one without a box, else of each finding."""
        if len(said) == 1 and (said[0][1] is None or said[0][1].kind != "bounding_box"):
            reading.statements.append(_state(said[0][0], None))
            _keep_ids(reading, said[0][0], reading.statements[-1])
            return
        findings: list[ImportedFinding] = []
        for row, found in said:
            if found is None:
                reading.statements.append(_state(row, None))
                _keep_ids(reading, row, reading.statements[-1])
            else:
                _keep_ids(reading, row, found)
                reading.statements.append(_state(row, len(findings)))
                findings.append(found)
        if findings:
            reading.results.append(ImportedResult(ModelInfo("people", "Camtrap DP"), findings))

    def close(self) -> None:
        """Close the files."""
        self._parts.close()
        self._tables.close()


def _keep_ids(
    reading: EntryContent, row: Row, one: ImportedFinding | ImportedIdentification | None
) -> None:
    """Keep the IDs of an observation, unless they are too long."""
    ids = [row.get(column, "") for column in ("observationID", "eventID", "individualID")]
    if reading.ids is not None and max(map(len, ids)) <= LONGEST_ID:
        reading.ids.add(one, [sanitise_text(text) for text in ids])


def _path_of(row: Row) -> str:
    """Return the path of an image if it ends in the file name, else the name; never a URL."""
    path, name = row.get("filePath", ""), row.get("fileName", "")
    if "://" in path:
        path = name or path.partition("?")[0]
    return path if not name or path.replace("\\", "/").endswith(name) else name


def _number(row: Row, column: str, lowest: float, highest: float) -> float | None:
    text = row.get(column)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        raise InvalidEntry(f"{column} is not a number: {sanitise_text(text, 50)}") from None
    if not lowest <= number <= highest:
        raise InvalidEntry(
            f"{column} is not from {lowest:g} to {highest:g}: {sanitise_text(text, 50)}"
        )
    return number


def _time(row: Row, column: str) -> datetime | None:
    text = row.get(column)
    if text is None:
        return None
    try:
        return TIME.validate_python(text)
    except ValidationError:
        raise InvalidEntry(
            f"{column} is not a time with a time zone: {sanitise_text(text, 50)}"
        ) from None


def _zone(row: Row) -> dict[str, str]:
    """Return the time zone of a deployment's times; the standard has only the UTC offset."""
    start = row.get("deploymentStart") or row.get("deploymentEnd")
    if start is None:
        return {}
    try:
        ahead = datetime.fromisoformat(start).utcoffset() or timedelta()
    except ValueError:
        return {}
    hours, rest = divmod(ahead, timedelta(hours=1))
    # The names of these zones have the opposite sign, as in POSIX.
    return {
        "time_zone": f"Etc/GMT{-hours:+}" if hours and not rest and -12 <= hours <= 14 else "UTC"
    }


def _describe_deployment(row: Row) -> dict[str, Any]:
    return {
        "latitude": _number(row, "latitude", -90, 90),
        "longitude": _number(row, "longitude", -180, 180),
        "coordinate_uncertainty_m": _number(row, "coordinateUncertainty", 0, 1e9),
        "camera": sanitise_text(row.get("cameraModel", row.get("cameraID", ""))),
        **_zone(row),
        "habitat": sanitise_text(row.get("habitat", "")),
        "notes": sanitise_text(row.get("deploymentComments", ""), 10_000),
        "started_at": _time(row, "deploymentStart"),
        "ended_at": _time(row, "deploymentEnd"),
    }


def _name(row: Row) -> str:
    """Return the name of an observation: taxon, else the class in its tags, else its type."""
    kind = row.get("observationType") or "unknown"
    tags = (tag.strip() for tag in row.get("observationTags", "").split("|"))
    label = next((tag.removeprefix(LABEL).strip() for tag in tags if tag.startswith(LABEL)), None)
    return parse_class_name(row.get("scientificName") or label or NAMED.get(kind, kind))


def _find(row: Row, frame: Frame) -> ImportedFinding | None:
    """Build the finding of an observation: a box or a class of the image; None if it is blank.

    Raises InvalidEntry.
    """
    kind = row.get("observationType")
    if kind == "blank":
        return None
    name = _name(row)
    score = _number(row, "classificationProbability", 0, 1)
    confidence = None if score is None else validate_confidence(score)
    sides = [_number(row, f"bbox{side}", -1, 2) for side in ("X", "Y", "Width", "Height")]
    box = [side for side in sides if side is not None]
    if len(box) == 4:
        return ImportedFinding("bounding_box", name, confidence, scale_box(box, frame))
    return ImportedFinding(
        "classification",
        name,
        confidence,
        build_classification([(name, 1.0 if confidence is None else confidence)]),
    )


def _state(row: Row, finding: int | None) -> ImportedIdentification:
    """Build an identification by a person, whose name is added to the comment.

    The person need not have an account here. Raises InvalidEntry.
    """
    by, remark = row.get("classifiedBy"), row.get("observationComments")
    # Comments are published with the observations, so an email address is left out.
    comments = ". ".join(
        part for part in (remark, f"By {by}" if by and "@" not in by else None) if part
    )
    kind = row.get("observationType")
    at = _time(row, "classificationTimestamp")
    comment = sanitise_text(comments, 10_000) or None
    if kind == "blank":
        return ImportedIdentification("blank", comment=comment, at=at)
    if kind == "unknown" and "scientificName" not in row:
        return ImportedIdentification("unsure", comment=comment, at=at, finding=finding)
    count = _number(row, "count", 1, LARGEST_COUNT)
    sex, stage, behaviour = row.get("sex"), row.get("lifeStage"), row.get("behavior")
    return ImportedIdentification(
        "correct",
        _name(row),
        comment,
        None if count is None else int(count),
        sex if sex in tuple(Sex) else None,
        stage if stage in tuple(LifeStage) else None,
        None if behaviour is None else sanitise_text(behaviour, 255),
        at,
        finding,
    )
