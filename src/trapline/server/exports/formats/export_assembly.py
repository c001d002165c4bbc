"""Build the records of an export from a page of rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from trapline.server.exports.formats.export_records import (
    AnnotationRecord,
    IdentificationRecord,
    ImageRecord,
    ObservationRecord,
    StatedGroupRecord,
    StatedSequenceRecord,
)
from trapline.server.exports.formats.export_remarks import add_remarks
from trapline.server.exports.formats.observation_origins import (
    ObservationOrigins,
    build_drawn_annotation,
)
from trapline.server.exports.formats.observed_images import BOX, CLASSIFICATION
from trapline.server.exports.formats.withheld_texts import REVIEWER
from trapline.server.exports.queries.export_gathering import ExportedAnnotation
from trapline.server.exports.queries.exported_observations import (
    CurrentObservation,
    DrawnBox,
    ExportedIdentification,
    ExportedRemark,
    SequenceStatement,
)
from trapline.server.findings.rules.blank_labels import is_blank_label
from trapline.server.images.rules.capture_time import list_time_flags
from trapline.server.imports.queries.imported_ids import (
    BLANK,
    UNCLASSIFIED,
    PackageImageIds,
    build_member_key,
    read_observation,
    remove_person,
)
from trapline.server.platform.formats.zip_writer import image_path
from trapline.server.review.queries.observation_rows import DETAILS
from trapline.wire.annotations import AnnotationType
from trapline.wire.identifications import IdentificationKind
from trapline.wire.observations import ObservationKind

CUSTOM = AnnotationType.CUSTOM.value
FORMLESS = frozenset({CUSTOM, AnnotationType.HEATMAP.value, AnnotationType.MASK.value})
"""Types of annotations that are no observations."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_IDS = PackageImageIds()
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class ExportNames:
    """Names of people, taxa of labels, and the minimum confidence of an export."""

    people: Mapping[str, str]
    meanings: Mapping[str, UUID]
    confidence_min: float | None = None


@dataclass
class ExportPage:
    """A page of rows: images with their annotations, observations and identifications.

    `observed` is None in an export of raw model output.
    """

    images: Sequence[Any]
    tags: Mapping[UUID, list[str]] = field(default_factory=dict)
    found: Iterable[ExportedAnnotation] = ()
    observed: Iterable[CurrentObservation] | None = None
    drawn: Iterable[DrawnBox] = ()
    said: Iterable[ExportedIdentification] = ()
    stated: Mapping[UUID, SequenceStatement] = field(default_factory=dict)
    remarks: Iterable[ExportedRemark] = ()
    shown: Collection[UUID] = ()
    sequences: Mapping[UUID, int] = field(default_factory=dict)
    ids: Mapping[UUID, PackageImageIds] = field(default_factory=dict)


def build_records(page: ExportPage, names: ExportNames) -> list[ImageRecord]:
    """Build the records of a page, in its order."""
    found: dict[UUID, list[ExportedAnnotation]] = {}
    for one in page.found:
        found.setdefault(one.image_id, []).append(one)
    said: dict[UUID, list[ExportedIdentification]] = {}
    for statement in page.said:
        said.setdefault(statement.image_id, []).append(statement)
    observed: dict[UUID, list[CurrentObservation]] = {}
    for observation in page.observed or ():
        observed.setdefault(observation.image_id, []).append(observation)
    remarks: dict[UUID, list[ExportedRemark]] = {}
    for remark in page.remarks:
        remarks.setdefault(remark.image_id, []).append(remark)
    drawn: dict[UUID, list[ExportedAnnotation]] = {}
    for box in page.drawn:
        drawn.setdefault(box.image_id, []).append(build_drawn_annotation(box))
    records = []
    for row in page.images:
        findings, statements = found.get(row.id, ()), said.get(row.id, ())
        record = _build_image(row, page, findings, statements)
        ids = page.ids.get(row.id, NO_IDS)
        if page.observed is None:
            record.blank = _find_blank(findings)
            record.found = _list_model_annotations(findings, names, ids)
        else:
            rows = observed.get(row.id, ())
            record.reviewed = record.reviewed or any(one.human for one in rows)
            record.blank = all(one.kind == BLANK for one in rows) if rows else None
            if not rows:
                record.external = ids.observations.get(UNCLASSIFIED)
            shapes = [*findings, *drawn.get(row.id, ())]
            _add_observations(record, rows, shapes, statements, names, ids)
            record.stated = _build_statement(page.stated.get(row.id), names, ids)
            add_remarks(record, remarks.get(row.id, ()))
        records.append(record)
    return records


def _build_image(
    row: Any,
    page: ExportPage,
    found: Sequence[ExportedAnnotation],
    said: Sequence[ExportedIdentification],
) -> ImageRecord:
    ids = page.ids.get(row.id, NO_IDS)
    of_image = [one for one in said if one.annotation_id is None]
    last = max(of_image, key=lambda one: (one.at, one.id), default=None)
    return ImageRecord(
        id=row.id,
        deployment_id=row.deployment_id,
        filename=row.filename,
        path=image_path(row.source_path, row.filename),
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        captured_at=row.captured_at,
        captured_at_source=row.captured_at_source,
        time_zone=row.time_zone,
        sha256=bytes(row.sha256).hex(),
        size_bytes=row.size_bytes,
        file=row.storage_key,
        upright_file=row.upright_key,
        sequence_id=row.sequence_id,
        reviewed=bool(said),
        starred=row.starred,
        tags=page.tags.get(row.id, []),
        flags=list_time_flags(row.flags, row.captured_at_source, row.read_at),
        exif=row.exif,
        source_id=row.source_id,
        analysed=bool(found),
        shown=row.id in page.shown,
        sequence_images=page.sequences.get(row.sequence_id, 0),
        comment=_get_comment(last, ids) or "",
        media_id=ids.media_id or "",
        external=ids.observations.get(BLANK),
    )


def _get_comment(said: ExportedIdentification | None, ids: PackageImageIds) -> str | None:
    """Return the comment of an identification, without the name of an imported person."""
    if said is None:
        return None
    imported = [ids.observations.get(str(said.id))]
    if said.sequence_id is not None:
        imported += [
            ids.observations.get(build_member_key(said.id, place))
            for place in range(len(said.taxa))
        ]
    people = [read_observation(one).classified_by for one in imported]
    return remove_person(said.comment, people)


def _add_observations(
    record: ImageRecord,
    rows: Sequence[CurrentObservation],
    found: Sequence[ExportedAnnotation],
    said: Sequence[ExportedIdentification],
    names: ExportNames,
    ids: PackageImageIds,
) -> None:
    """Add the observations of an image, with the annotations that they refer to."""
    statements = {one.id: one for one in said}
    origins = ObservationOrigins(found)
    kept: dict[UUID, ExportedAnnotation] = {}
    record.observed = []
    for row in rows:
        subject, parts, namer = origins.find(row)
        observation = _build_observation(row, subject, namer, names)
        if observation is None:
            continue
        if row.human:
            statement = statements.get(row.identification_id) if row.identification_id else None
            observation.said = _build_identification(row, statement, names, ids)
        elif (unsure := _find_unsure(row, said, ids)) is not None:
            observation.said = _build_identification(row, unsure, names, ids)
        record.observed.append(observation)
        kept |= {one.id: one for one in (subject, *parts, namer) if one is not None and one.id}
    for one in kept.values():
        annotation = _build_annotation(one, names)
        annotation.external = ids.observations.get(str(one.id))
        record.found.append(annotation)
    record.formless = sum(one.is_newest and one.type in FORMLESS for one in found)


def _find_unsure(
    row: CurrentObservation, said: Sequence[ExportedIdentification], ids: PackageImageIds
) -> ExportedIdentification | None:
    """Return the imported statement that an image without findings shows something unknown."""
    if row.kind != ObservationKind.UNKNOWN or row.annotation_id or row.analysis_id:
        return None
    unsure = [
        one
        for one in said
        if one.kind == IdentificationKind.UNSURE
        and one.annotation_id is None
        and str(one.id) in ids.observations
    ]
    return max(unsure, key=lambda one: (one.at, one.id), default=None)


def _build_observation(
    row: CurrentObservation,
    subject: ExportedAnnotation | None,
    namer: ExportedAnnotation | None,
    names: ExportNames,
) -> ObservationRecord | None:
    """Build an observation; None if its confidence is below the minimum of the export.

    A box whose name alone is not confident enough is kept without its name.
    """
    record = ObservationRecord(
        id=row.id,
        kind=row.kind,
        label=row.label or "",
        taxon=row.taxon_id,
        confidence=row.confidence,
        needs_review=row.needs_review,
        found=subject.id if subject is not None else None,
        named_by=namer.id if namer is not None else None,
    )
    least = names.confidence_min
    if row.human or row.kind == BLANK or least is None:
        return record
    if row.confidence is None or row.confidence >= least:
        return record
    if subject is None or subject is namer or (subject.confidence or 0) < least:
        return None
    record.label, record.taxon = "", None
    record.confidence, record.named_by = subject.confidence, subject.id
    return record


def _build_identification(
    row: CurrentObservation,
    statement: ExportedIdentification | None,
    names: ExportNames,
    ids: PackageImageIds,
) -> IdentificationRecord:
    kind = statement.kind if statement is not None else IdentificationKind.CORRECT.value
    identified_by = row.identified_by or (statement.made_by if statement is not None else "")
    key = row.identification_id or (statement.id if statement is not None else None)
    is_named = row.kind != BLANK and kind == IdentificationKind.CORRECT
    external = ids.observations.get(str(key))
    by = read_observation(external).classified_by
    return IdentificationRecord(
        kind=kind,
        by=by or names.people.get(identified_by, REVIEWER),
        at=row.identified_at or (statement.at if statement is not None else EPOCH),
        taxon=row.taxon_id if is_named else None,
        label=row.label if is_named else None,
        comment=_get_comment(statement, ids),
        external=external,
        **{name: getattr(row, name) for name in DETAILS},
    )


def _build_statement(
    stated: SequenceStatement | None, names: ExportNames, ids: PackageImageIds
) -> StatedSequenceRecord | None:
    if stated is None:
        return None
    members = [
        read_observation(ids.observations.get(build_member_key(stated.id, place)))
        for place in range(max(1, len(stated.groups)))
    ]
    imported = read_observation(ids.observations.get(str(stated.id)))
    return StatedSequenceRecord(
        by=imported.classified_by or names.people.get(stated.made_by, REVIEWER),
        at=stated.at,
        comment=remove_person(stated.comment, [one.classified_by for one in members]),
        groups=[
            StatedGroupRecord(**one, external_id=member.observation_id)
            for one, member in zip(stated.groups, members, strict=False)
        ],
        event_id=imported.event_id,
        external_id="" if stated.groups else members[0].observation_id,
        sequence_id=stated.sequence_id,
        is_imported=bool(imported.classified_by),
    )


def _find_blank(found: Sequence[ExportedAnnotation]) -> bool | None:
    """Return whether the current analyses of an image found nothing.

    Returns None if no analysis states anything; custom data of a pipeline does not count.
    """
    current = [one for one in found if one.is_newest]
    names = _name_boxes(current)
    if any(_is_finding(one, names) for one in current):
        return False
    return True if any(one.id is None or one.type != CUSTOM for one in current) else None


def _name_boxes(found: Sequence[ExportedAnnotation]) -> Mapping[UUID | None, str]:
    """Name boxes by their most confident classification if no result states which names a box."""
    names = [
        one
        for one in found
        if one.type == CLASSIFICATION and one.parent_id is not None and one.class_name
    ]
    ordered = sorted(names, key=lambda one: 1.0 if one.confidence is None else -one.confidence)
    named: dict[UUID | None, str] = {}
    for one in ordered:
        if "terminal" not in _decode(one.data):
            named.setdefault(one.parent_id, one.class_name or "")
    return named


def _is_finding(one: ExportedAnnotation, names: Mapping[UUID | None, str]) -> bool:
    if one.id is None or one.type == CUSTOM:
        return False
    name = one.class_name
    if one.type == BOX:
        name = names.get(one.id, name)
        return _decode(one.data).get("empty") is not True and not (name and is_blank_label(name))
    # The classification of a box counts with its box. One that the result of a worker does not
    # mark as terminal does not name anything.
    if one.type == CLASSIFICATION and (
        one.parent_id is not None or _decode(one.data).get("terminal") is False
    ):
        return False
    return not (name and is_blank_label(name))


def _list_model_annotations(
    found: Sequence[ExportedAnnotation], names: ExportNames, ids: PackageImageIds
) -> list[AnnotationRecord]:
    """List the annotations of raw model output that reach the minimum confidence."""
    left_out: set[UUID | None] = set()
    nameless: set[UUID | None] = set()
    records = []
    for one in found:
        # The entry of an analysis without findings has no ID.
        if one.id is None:
            continue
        if _is_unsure(one, names) or one.parent_id in left_out:
            left_out.add(one.id)
            if one.type == CLASSIFICATION and _decode(one.data).get("terminal") is True:
                nameless.add(one.parent_id)
            continue
        record = _build_annotation(one, names)
        record.external = ids.observations.get(str(one.id))
        record.aside = not one.is_latest
        records.append(record)
    for record in records:
        if record.id in nameless:
            # The name of the box was not confident enough; the box keeps the detector's confidence.
            record.class_name = record.taxon = None
    return records


def _build_annotation(one: ExportedAnnotation, names: ExportNames) -> AnnotationRecord:
    assert one.id is not None
    return AnnotationRecord(
        id=one.id,
        analysis_id=one.analysis_id,
        type=one.type,
        data=_decode(one.data),
        class_name=one.class_name,
        confidence=one.confidence,
        parent_id=one.parent_id,
        taxon=names.meanings.get(one.class_name) if one.class_name is not None else None,
        model_name=one.model_name,
        model_version=one.model_version,
        at=one.completed_at,
    )


def _is_unsure(one: ExportedAnnotation, names: ExportNames) -> bool:
    least = names.confidence_min
    return least is not None and one.confidence is not None and one.confidence < least
