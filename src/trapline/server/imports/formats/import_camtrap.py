"""Read Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org): deployments, media and observations in a zip.

Media are matched with images by Trapline's image ID, otherwise by path and name within their
deployment. No media are downloaded. Observations by machines become results, and those by people
become identifications. Observations of a whole event by people become an identification of the
sequence of its images.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_camtrap_deployments import (
    FLAGS,
    describe_deployments,
)
from trapline.server.imports.formats.import_camtrap_events import CamtrapEvents
from trapline.server.imports.formats.import_camtrap_rows import (
    LONGEST_ID,
    build_finding,
    build_statement,
    get_path,
    list_package_values,
)
from trapline.server.imports.formats.import_camtrap_values import (
    list_lost_deployment_values,
    list_lost_media_values,
    list_lost_values,
    remove_stated,
    split_comments,
)
from trapline.server.imports.formats.import_package_taxa import read_taxa
from trapline.server.imports.formats.import_records import (
    LONGEST_CLASS,
    LONGEST_ENTRY,
    NO_DEPLOYMENT,
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
    LostValues,
    ModelInfo,
    PackageTaxa,
    UnreadableFile,
    parse_id,
    sanitise_text,
)
from trapline.server.imports.formats.zipped_tables import BROKEN, Row, ZippedTables
from trapline.server.imports.queries.imported_ids import BLANK, UNCLASSIFIED
from trapline.server.platform.formats.sqlite_spill import SqliteSpill
from trapline.wire.imports import FaultKind, ImportOptions

TABLES = ("deployments", "media", "observations")
MOST_DEPLOYMENTS = 50_000
MOST_OF_DEPLOYMENTS = 64 << 20
MOST_OF_ONE = 10_000
MOST_NAMES = 10_000
"""The maximum number of scientific names of observations that are looked up as taxa."""


class CamtrapReader:
    """Read a package; its observations are first grouped by their media."""

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self._tables = ZippedTables(path, TABLES)
        self._parts = SqliteSpill()
        self._events = CamtrapEvents()
        self._options = options
        self._media = 0
        self.left_out = 0
        self.lost = LostValues()
        self._places: dict[str, UUID] = {}
        self._taxa = read_taxa(self._tables.package.get("taxonomic"))
        try:
            # Each table is read to its end before anything is stored, because it can be damaged.
            self._deployments = list(self._list_deployments())
            self._parts.add_owners(self._find_media())
            self._parts.add_parts(self._find_observations())
            self._parts.build_index()
            if self._events.count:
                self._events.assign_media(self._tables)
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
            self.lost.add("media", list_lost_media_values(row))
            yield row.get("mediaID", ""), number, None

    def _find_observations(self) -> Iterator[tuple[str, int, int, int, bytes | None]]:
        for line, row in self._tables.read("observations"):
            self.lost.add("observations", list_lost_values(row))
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
                self._events.add(line, row)

    def deployments(self) -> Sequence[DeploymentReference | EntryFault]:
        """Return the deployments by location name, with the ID if several are at one location."""
        return describe_deployments(self._deployments)

    def _list_deployments(self) -> Iterator[tuple[int, Row]]:
        size = 0
        for count, (line, row) in enumerate(self._tables.read("deployments"), 1):
            size += sum(map(len, row.values()))
            if count > MOST_DEPLOYMENTS or size > MOST_OF_DEPLOYMENTS:
                raise UnreadableFile(
                    f"The file has more than {MOST_DEPLOYMENTS:,} deployments, or their data is "
                    "too large."
                )
            self.lost.add("deployments", list_lost_deployment_values(row))
            yield line, row

    def taxa(self) -> PackageTaxa:
        """Return the taxa of the package, with the names in its observations."""
        return self._taxa

    def place_deployments(self, ids: dict[str, UUID]) -> None:
        """Set the deployments of the project by their keys in the package."""
        self._places = ids

    def paths(self) -> Iterator[ImageReference]:
        """List the names of all media; observations without media and events are entries, too."""
        for number, (_, row) in enumerate(self._tables.read("media"), 1):
            # A repeated mediaID is reported as such: it is not another image of this name.
            is_first = self._parts.get_number(row.get("mediaID", "")) == number
            yield ImageReference(get_path(row) if is_first else "", row.get("deploymentID", ""))
        for _ in range(self._parts.orphans + self._events.count):
            yield ImageReference("")

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """List the media after the first `after` ones, then orphaned observations, then events."""
        for number, (line, row) in enumerate(self._tables.read("media"), 1):
            if number > after:
                yield self._enter(number, line, row)
        for place, (key, line) in enumerate(self._parts.list_orphans(), self._media + 1):
            if place > after:
                yield EntryFault(
                    f"line {line} of observations",
                    f"its mediaID {sanitise_text(key, 100)} is not in the media",
                )
        before = self._media + self._parts.orphans
        yield from self._events.list_entries(max(0, after - before), self._places)

    def _enter(self, number: int, line: int, row: Row) -> ImportEntry | EntryFault:
        place, path, key = f"line {line} of media", get_path(row), row.get("mediaID", "")
        if self._parts.get_number(key) != number:
            return EntryFault(
                place,
                "another line has the same mediaID" if key else "it has no mediaID",
                path,
            )
        deployment = self._places.get(row.get("deploymentID", ""))
        if deployment is None:
            return EntryFault(place, NO_DEPLOYMENT, path, FaultKind.UNKNOWN)
        is_favorite = FLAGS.get(row.get("favorite", "").lower(), False)
        return ImportEntry(
            place, path, key, parse_id(key), deployment, is_favorite, *split_comments(row)
        )

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
                    _keep_ids(reading, row, UNCLASSIFIED)
                else:
                    build_statement(
                        row, None
                    )  # validates the row, so that its line is in the message
                    said.append((row, build_finding(row, frame)))
            except InvalidEntry as error:
                raise InvalidEntry(f"line {part.number} of observations: {error}") from None
        self._add_people(said, reading)
        if comment := remove_stated(entry.comment, [row for row, _ in said]):
            reading.statements.append(ImportedIdentification("comment", comment=comment))
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
        found = build_finding(row, frame)
        if row.get("observationType") == "blank":
            if found is not None and (found.confidence or 0) >= options.confidence_min:
                findings.append(found)
            self._keep_model_ids(reading, row, BLANK)
            return
        assert found is not None
        if found.confidence is not None and found.confidence < options.confidence_min:
            reading.left_out += 1
        else:
            findings.append(found)
            self._keep_model_ids(reading, row, found)

    def _keep_model_ids(self, reading: EntryContent, row: Row, one: ImportedFinding | str) -> None:
        options = self._options
        is_renamed = bool(options.model_name or options.model_version)
        _keep_ids(reading, row, one, is_renamed=is_renamed)

    def _add_people(
        self, said: Sequence[tuple[Row, ImportedFinding | None]], reading: EntryContent
    ) -> None:
        """Add identifications: of the image if there is one without a box, else of each finding."""
        if len(said) == 1 and (said[0][1] is None or said[0][1].kind != "bounding_box"):
            reading.statements.append(build_statement(said[0][0], None))
            _keep_ids(reading, said[0][0], reading.statements[-1])
            return
        findings: list[ImportedFinding] = []
        for row, found in said:
            if found is None:
                reading.statements.append(build_statement(row, None))
                _keep_ids(reading, row, reading.statements[-1])
            else:
                _keep_ids(reading, row, found)
                reading.statements.append(build_statement(row, len(findings)))
                _keep_ids(reading, row, reading.statements[-1])
                findings.append(found)
        if findings:
            reading.results.append(ImportedResult(ModelInfo("people", "Camtrap DP"), findings))

    def close(self) -> None:
        """Close the files."""
        self._parts.close()
        self._events.close()
        self._tables.close()


def _keep_ids(
    reading: EntryContent,
    row: Row,
    one: ImportedFinding | ImportedIdentification | str,
    *,
    is_renamed: bool = False,
) -> None:
    """Keep the IDs of an observation, unless they are too long."""
    ids = list_package_values(row, is_renamed=is_renamed)
    if reading.ids is not None and ids is not None:
        reading.ids.add(one, ids)
