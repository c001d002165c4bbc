"""Build rows from the entries of a file, with IDs derived from their content.

The same entry again results in the same rows, so that it is not stored twice.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from struct import Struct
from typing import NamedTuple
from uuid import UUID

import msgspec
from uuid_utils.compat import uuid7

from trapline.server.findings.rules.annotation_data import InvalidAnnotationData
from trapline.server.imports.formats.image_index import ImageIndex, ImageMatch, NoImageMatch
from trapline.server.imports.formats.import_records import (
    NO_DEPLOYMENT,
    EntryFault,
    EntryIds,
    FormatReader,
    ImportedIdentification,
    ImportedResult,
    ImportEntry,
    ImportEvent,
    InvalidEntry,
    sanitise_text,
)
from trapline.server.imports.queries.imported_ids import PackageImageIds
from trapline.server.imports.queries.imported_results import (
    NewImportedAnalysis,
    NewImportedAnnotation,
)
from trapline.wire.imports import FaultKind

AT_ONCE = 2000
"""The maximum number of entries per transaction, so that locks are held for about a second."""
MOST_FINDINGS = 40_000
MOST_BYTES = 32 << 20
LONGEST_DATA = 8 << 20
GONE = "its image was deleted during the import"
NO_IMAGES = "its event has no image in the project: upload its images and import the file again"
LONGEST_PLACE = 100
NUL = rb"\u0000"
_COUNTED_BITS = (1 << 20) - 1
_DOUBLE = Struct(">d").pack


class NewImportedIdentification(NamedTuple):
    """An identification of an image, or of the annotation that analysis and finding identify."""

    id: UUID
    image_id: UUID
    statement: ImportedIdentification
    analysis_id: UUID | None


@dataclass
class BatchIds(PackageImageIds):
    """The package IDs of an image.

    IDs of findings are kept by their result: if the result is stored already, its annotations have
    other IDs.
    """

    findings: dict[UUID, dict[str, list[str]]] = field(default_factory=dict)


class NewImportedEvent(NamedTuple):
    """The statements of people about an event of a package, and the images of its media."""

    place: str
    event: ImportEvent
    images: frozenset[UUID]


class EntryRows(NamedTuple):
    """An entry with rows, and the number of the batch's faults before it."""

    entry: ImportEntry
    image_id: UUID
    faults_before: int


@dataclass
class ImportBatch:
    """A batch of entries as rows; `entries` also counts those that were not imported."""

    entries: int = 0
    results: list[NewImportedAnalysis] = field(default_factory=list)
    said: list[NewImportedIdentification] = field(default_factory=list)
    faults: list[EntryFault] = field(default_factory=list)
    taken: list[EntryRows] = field(default_factory=list)
    left_out: int = 0
    events: list[NewImportedEvent] = field(default_factory=list)
    ids: dict[UUID, "BatchIds"] = field(default_factory=dict)
    favorites: set[UUID] = field(default_factory=set)
    tags: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    _findings: int = 0
    _bytes: int = 0

    def add(
        self,
        image_id: UUID,
        results: list[ImportedResult],
        statements: list[ImportedIdentification],
        ids: EntryIds | None = None,
    ) -> None:
        """Add the content of an entry for an image.

        Raises:
            InvalidEntry: the content is not valid, and nothing was added.
        """
        made = [build_result(image_id, result) for result in results]
        first = made[0].id if made else None
        said = [
            NewImportedIdentification(
                _identification_id(image_id, one, first),
                image_id,
                one,
                first if one.finding is not None else None,
            )
            for one in statements
        ]
        self.results += made
        self.said += said
        if ids is not None:
            self._add_ids(
                image_id, ids, zip(results, made, strict=True), zip(statements, said, strict=True)
            )
        self._findings += len(said) + sum(len(one.findings) for one in made)
        self._bytes += sum(len(one.statement.comment or "") for one in said)
        self._bytes += sum(len(found.data) for one in made for found in one.findings)

    def _add_ids(
        self,
        image_id: UUID,
        ids: EntryIds,
        results: Iterable[tuple[ImportedResult, NewImportedAnalysis]],
        statements: Iterable[tuple[ImportedIdentification, NewImportedIdentification]],
    ) -> None:
        """Add the package IDs; those of findings are kept by result, see `BatchIds`."""
        known = self.ids.setdefault(image_id, BatchIds())
        known.media_id = known.media_id or ids.media_id or None
        for statement, row in statements:
            if (given := ids.observations.get(id(statement))) is not None:
                known.observations[str(row.id)] = given
        known.observations |= ids.others
        for result, made in results:
            known.findings[made.id] = {
                str(UUID(bytes=new.id)): given
                for found, new in zip(result.findings, made.findings, strict=True)
                if (given := ids.observations.get(id(found))) is not None
            }

    def add_event(self, place: str, event: ImportEvent, images: frozenset[UUID]) -> None:
        """Add what people state about an event."""
        self.events.append(NewImportedEvent(place, event, images))
        self._findings += len(images) * len(event.statements)

    def list_faults(self, there: Collection[UUID]) -> list[EntryFault]:
        """List the faults in the file's order, including entries whose image no longer exists."""
        faults = list(self.faults)
        for one in reversed(self.taken):
            if one.image_id not in there:
                gone = EntryFault(one.entry.place, GONE, one.entry.path, FaultKind.UNKNOWN)
                faults.insert(one.faults_before, gone)
        return faults

    @property
    def is_full(self) -> bool:
        """Whether the batch has reached the size of a transaction."""
        return (
            self.entries >= AT_ONCE or self._findings >= MOST_FINDINGS or self._bytes >= MOST_BYTES
        )


def build_batches(reader: FormatReader, catalogue: ImageIndex, after: int) -> Iterator[ImportBatch]:
    """Build rows of the entries after the first `after` ones, one batch per transaction."""
    entries = reader.entries(after)
    while True:
        batch = ImportBatch()
        for entry in islice(entries, AT_ONCE):
            batch.entries += 1
            _add_entry(batch, reader, catalogue, entry)
            if batch.is_full:
                break
        if not batch.entries:
            return
        yield batch


def _add_entry(
    batch: ImportBatch, reader: FormatReader, catalogue: ImageIndex, entry: ImportEntry | EntryFault
) -> None:
    if isinstance(entry, EntryFault):
        batch.faults.append(entry)
        return
    if isinstance(entry.content, ImportEvent):
        _add_event(batch, catalogue, entry.place, entry.content)
        return
    found = _find_image(catalogue, entry)
    if isinstance(found, NoImageMatch):
        batch.faults.append(EntryFault(entry.place, found.message, entry.path, found.kind))
        return
    try:
        reading = reader.read(entry, found.frame)
        batch.add(found.id, reading.results, reading.statements, reading.ids)
        if reading.results or reading.statements:
            # The unpacked content is dropped to save memory.
            batch.taken.append(EntryRows(entry._replace(content=None), found.id, len(batch.faults)))
        batch.left_out += reading.left_out
        if entry.is_favorite:
            batch.favorites.add(found.id)
        if entry.tags:
            batch.tags[found.id] = entry.tags
    except InvalidAnnotationData as error:
        batch.faults.append(EntryFault(entry.place, f"{error.field} {error.message}", entry.path))
    except InvalidEntry as error:
        batch.faults.append(EntryFault(entry.place, str(error), entry.path))
    except (ValueError, ArithmeticError) as error:
        # An invalid entry must not end the import of the entries after it.
        batch.faults.append(
            EntryFault(
                entry.place, f"it cannot be read: {sanitise_text(str(error), 200)}", entry.path
            )
        )


def _find_image(catalogue: ImageIndex, entry: ImportEntry) -> ImageMatch | NoImageMatch:
    own = None if entry.image_id is None else catalogue.find_by_id(entry.image_id)
    return own or catalogue.find(entry.path, entry.deployment_id)


def _add_event(batch: ImportBatch, catalogue: ImageIndex, place: str, event: ImportEvent) -> None:
    """Add an event with the images of its media, and the faults of its observations."""
    batch.faults += event.faults
    if not event.statements:
        return
    place = f"{place} (event {event.event_id[:LONGEST_PLACE]})" if event.event_id else place
    if event.deployment_id is None:
        batch.faults.append(EntryFault(place, NO_DEPLOYMENT, kind=FaultKind.UNKNOWN))
        return
    found = [_find_image(catalogue, entry) for entry in event.media]
    images = frozenset(one.id for one in found if isinstance(one, ImageMatch))
    if images or (not event.media and event.period is not None):
        batch.add_event(place, event, images)
    else:
        batch.faults.append(EntryFault(place, NO_IMAGES, kind=FaultKind.UNKNOWN))


def build_result(image_id: UUID, result: ImportedResult) -> NewImportedAnalysis:
    """Build the rows of a result. Raises InvalidEntry."""
    content = hashlib.sha256(image_id.bytes)
    content.update(msgspec.json.encode((result.model, result.error)))
    # All findings of a result share one UUIDv7 and count up its last bits, which is faster and
    # keeps them together in the index.
    first = uuid7().int & ~_COUNTED_BITS
    findings: list[NewImportedAnnotation] = []
    for place, found in enumerate(result.findings):
        data = msgspec.json.encode(found.data)
        if len(data) > LONGEST_DATA:
            raise InvalidEntry(f"the data of a finding is longer than {LONGEST_DATA:,} bytes")
        if NUL in data:
            raise InvalidEntry("a text of a finding has a NUL character, which cannot be stored")
        name, confidence = found.class_name, found.confidence
        content.update(f"\0{found.kind}\0{name}\0{found.parent}\0".encode())
        content.update(data if confidence is None else data + _DOUBLE(confidence))
        parent = None if found.parent is None else findings[found.parent].id
        key = (first + place).to_bytes(16, "big")
        findings.append(NewImportedAnnotation(key, found.kind, name, confidence, data, parent))
    return NewImportedAnalysis(
        _name(content.digest()),
        image_id,
        result.model.name,
        result.model.version,
        result.error,
        findings,
    )


def _identification_id(
    image_id: UUID, statement: ImportedIdentification, analysis_id: UUID | None
) -> UUID:
    about = analysis_id if statement.finding is not None else None
    return _name(hashlib.sha256(msgspec.json.encode((image_id, about, statement))).digest())


def build_statement_id(project_id: int, event: NewImportedEvent) -> UUID:
    """Return the ID of the statement about an event, which all of its images share."""
    about = (project_id, event.event.deployment_id, event.event.event_id, event.event.period)
    return _name(hashlib.sha256(msgspec.json.encode((about, event.event.statements))).digest())


def build_member_id(statement_id: UUID, image_id: UUID) -> UUID:
    """Return the ID of a statement about an event for one of its images."""
    return _name(hashlib.sha256(statement_id.bytes + image_id.bytes).digest())


def _name(digest: bytes) -> UUID:
    """Return a UUID of version 8 (RFC 9562) from a hash."""
    number = int.from_bytes(digest[:16], "big")
    number &= ~(0xF000 << 64) & ~(0xC000 << 48)
    return UUID(int=number | 0x8000 << 64 | 0x8000 << 48)
