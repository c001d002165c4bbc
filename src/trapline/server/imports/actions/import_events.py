"""Store what people state about the events of a package, as identifications of sequences."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from trapline.server.images.queries.sequences import group_batch
from trapline.server.imports.formats.import_records import EntryFault, ImportedIdentification
from trapline.server.imports.formats.imported_rows import (
    NO_IMAGES,
    NewImportedEvent,
    build_member_id,
    build_statement_id,
)
from trapline.server.imports.queries.imported_events import (
    EventImage,
    list_event_images,
    list_images_by_machines,
    list_images_of_periods,
    list_statement_times,
    lock_deployments,
)
from trapline.server.imports.queries.imported_ids import (
    ImportedObservation,
    PackageImageIds,
    build_member_key,
    read_observation,
    write_image_ids,
)
from trapline.server.imports.queries.imported_results import list_existing_identifications
from trapline.server.imports.queries.imports import ImportRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.identifications import (
    IdentificationRow,
    create_identification_rows,
    lock_images,
)
from trapline.server.review.queries.taxa import list_known_taxa
from trapline.server.review.rules.identifications import DETAILS
from trapline.server.review.rules.taxon_names import KnownTaxon, name_key
from trapline.wire.identifications import IdentificationKind
from trapline.wire.imports import FaultKind

GROUPED_AT_ONCE = 5000
STEP = timedelta(microseconds=1)
EARLIEST = datetime.min.replace(tzinfo=UTC)
"""The earliest time that can be stored, which a package can give."""
UNGROUPED = (
    "the images of its event are not grouped into sequences yet: import the file again in a minute"
)
KEPT_FINDINGS = (
    "is not stored, because its images have observations of people and of machines, which are kept "
    "and combined in exports"
)
DIVIDED = (
    "the images of its event are in {} sequences of the project: increase the time gap of the "
    "project's sequences and import the file again"
)


async def group_event_images(
    system: AppContext, scope: Scope, events: Sequence[NewImportedEvent]
) -> None:
    """Group the images of the events' deployments into sequences, as in the background."""
    named = (one.event.deployment_id for one in events)
    deployments = {key for key in named if key is not None}
    for deployment_id in sorted(deployments):
        grouped = GROUPED_AT_ONCE
        while grouped >= GROUPED_AT_ONCE:
            async with system.database.transaction(scope) as tx:
                await lock_deployments(scope, tx, [deployment_id])
                grouped = await group_batch(scope, tx, deployment_id, GROUPED_AT_ONCE)


class EventImport:
    """Stores the events of a batch; `images` and `faults` are complete after `store`."""

    def __init__(self, scope: Scope, tx: Transaction, row: ImportRow) -> None:
        self._scope, self._tx, self._row = scope, tx, row
        self.images: set[UUID] = set()
        self.faults: list[EntryFault] = []

    async def store(self, events: Sequence[NewImportedEvent]) -> int:
        """Store the statements that are not stored yet, and return the number of rows."""
        scope, tx, project = self._scope, self._tx, self._row.project_id
        periods = await list_images_of_periods(
            scope,
            tx,
            project,
            [
                (number, one.event.deployment_id, *one.event.period)
                for number, one in enumerate(events)
                if not one.images and one.event.deployment_id and one.event.period
            ],
        )
        members = {
            number: one.images or periods.get(number, frozenset())
            for number, one in enumerate(events)
        }
        await lock_images(scope, tx, set().union(*members.values()))
        there = await list_event_images(scope, tx, project, set().union(*members.values()))
        before = await list_statement_times(scope, tx, list(there))
        by_machines = await list_images_by_machines(scope, tx, list(there))
        statements = [statement for one in events for statement in one.event.statements]
        names = {name_key(one.name) for one in statements if one.name}
        known = await list_known_taxa(scope, tx, project, list(names), [])
        rows: list[IdentificationRow] = []
        ids: dict[UUID, PackageImageIds] = {}
        for number, one in enumerate(events):
            images = [there[key] for key in sorted(members[number]) if key in there]
            if self._report(one, images):
                continue
            moments = [before[image.id] for image in images if image.id in before]
            if moments:
                # People also stated what single images show: findings of machines stay as they are.
                images = [image for image in images if image.id not in by_machines]
            if not images:
                self.faults.append(EntryFault(one.place, KEPT_FINDINGS))
            statement_id = build_statement_id(project, one)
            for image in images:
                row = self._build_row(one, image, statement_id, moments, known)
                rows.append(row)
                kept = ids.setdefault(image.id, PackageImageIds())
                first = read_observation(one.event.ids[0])
                kept.observations[str(row.id)] = list(
                    ImportedObservation(
                        event_id=one.event.event_id,
                        classified_by=first.classified_by,
                        classified_at=first.classified_at,
                    )
                )
                for place, given in enumerate(one.event.ids):
                    kept.observations[build_member_key(row.id, place)] = given
        stored = await list_existing_identifications(scope, tx, [row.id for row in rows])
        new = [row for row in rows if row.id not in stored]
        if new:
            await create_identification_rows(scope, tx, new)
            await write_image_ids(scope, tx, project, ids)
        self.images = {row.image_id for row in new}
        return len(new)

    def _report(self, one: NewImportedEvent, images: Sequence[EventImage]) -> bool:
        """Report an event that cannot be stored; return whether that is so."""
        sequences = {image.sequence_id for image in images}
        if not images:
            self.faults.append(EntryFault(one.place, NO_IMAGES, kind=FaultKind.UNKNOWN))
        elif None in sequences:
            self.faults.append(EntryFault(one.place, UNGROUPED))
        elif len(sequences) > 1:
            self.faults.append(EntryFault(one.place, DIVIDED.format(len(sequences))))
        else:
            return False
        return True

    def _build_row(
        self,
        one: NewImportedEvent,
        image: EventImage,
        statement_id: UUID,
        moments: Sequence[datetime],
        known: Mapping[str, KnownTaxon],
    ) -> IdentificationRow:
        statements = one.event.statements
        taxa = [_build_taxon(statement, known) for statement in statements]
        is_named = statements[0].kind == IdentificationKind.CORRECT
        given = [statement.at for statement in statements if statement.at is not None]
        at = max(given, default=datetime.now(UTC))
        if moments:
            # Observations of the images in the same package are more specific: they decide.
            first = min(moments)
            at = min(at, first if first <= EARLIEST else first - STEP)
        comments = [statement.comment for statement in statements if statement.comment]
        return IdentificationRow(
            id=build_member_id(statement_id, image.id),
            project_id=self._row.project_id,
            image_id=image.id,
            kind=statements[0].kind,
            comment="; ".join(dict.fromkeys(comments)) or None,
            taxon_id=UUID(taxa[0]["taxon"]) if is_named and taxa[0]["taxon"] else None,
            label=taxa[0]["label"] if is_named else None,
            **{name: taxa[0][name] if is_named else None for name in DETAILS},
            taxa=taxa if len(taxa) > 1 else None,
            made_by=self._row.requested_by,
            sequence_id=image.sequence_id,
            statement_id=statement_id,
            created_at=at,
        )


def _build_taxon(
    statement: ImportedIdentification, known: Mapping[str, KnownTaxon]
) -> dict[str, Any]:
    taxon = known.get(name_key(statement.name)) if statement.name else None
    return {
        "taxon": None if taxon is None else str(taxon.id),
        "label": statement.name if taxon is None else taxon.values["scientific_name"],
        **{name: getattr(statement, name) for name in DETAILS},
    }
