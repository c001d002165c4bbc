"""Build the records of an export from a page of rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from trapline.server.exports.formats.export_overlaps import BOX, CLASSIFICATION, remove_overlaps
from trapline.server.exports.formats.export_records import (
    IMAGES,
    AnnotationRecord,
    DeploymentRecord,
    IdentificationRecord,
    ImageRecord,
    TaxonRecord,
)
from trapline.server.exports.formats.image_statements import Agreement, resolve_correction
from trapline.server.exports.queries.export_gathering import (
    ExportedAnnotation,
    ExportedIdentification,
)
from trapline.server.findings.rules.blank_labels import is_blank_label
from trapline.server.images.rules.capture_time import list_time_flags
from trapline.server.imports.queries.imported_ids import BLANK, PackageImageIds
from trapline.server.platform.formats.zip_writer import image_path
from trapline.server.review.rules.identifications import (
    DETAILS,
    ActiveIdentification,
    EffectiveIdentifications,
)
from trapline.wire.annotations import AnnotationType
from trapline.wire.identifications import IdentificationKind

CUSTOM = AnnotationType.CUSTOM.value
NO_IDS = PackageImageIds()
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class ExportNames:
    """Names of people, taxa of labels, and the minimum confidence of annotations of an export."""

    people: Mapping[str, str]
    meanings: Mapping[str, UUID]
    confidence_min: float | None = None
    taxa: Mapping[UUID, TaxonRecord] = field(default_factory=dict)
    agreement: Agreement = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the comparison of labels with identifications."""
        object.__setattr__(self, "agreement", Agreement(self.taxa))


@dataclass
class ExportPage:
    """A page of rows: images with their annotations and identifications."""

    images: Sequence[Any]
    tags: Mapping[UUID, list[str]] = field(default_factory=dict)
    found: Iterable[ExportedAnnotation] = ()
    said: Iterable[ExportedIdentification] = ()
    shown: Collection[UUID] = ()
    sequences: Mapping[UUID, int] = field(default_factory=dict)
    ids: Mapping[UUID, PackageImageIds] = field(default_factory=dict)


def build_records(page: ExportPage, names: ExportNames) -> list[ImageRecord]:
    """Build the records of a page, in its order."""
    found: dict[UUID, list[ExportedAnnotation]] = {}
    for one in page.found:
        found.setdefault(one.image_id, []).append(one)
    said: dict[UUID, dict[UUID, ExportedIdentification]] = {}
    for other in page.said:
        said.setdefault(other.image_id, {})[other.id] = other
    return [
        _build_record(row, page, found.get(row.id, ()), said.get(row.id, {}), names)
        for row in page.images
    ]


def _build_record(
    row: Any,
    page: ExportPage,
    found: Sequence[ExportedAnnotation],
    said: Mapping[UUID, ExportedIdentification],
    names: ExportNames,
) -> ImageRecord:
    held = None
    if said:
        held = EffectiveIdentifications(
            ActiveIdentification(
                one.id, IdentificationKind(one.kind), one.at, one.annotation_id, one.analysis_id
            )
            for one in said.values()
        )
    whole = held.of_image() if held else None
    ids = page.ids.get(row.id, NO_IDS)
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
        # The value in the image's row is current, but an export is as of its start.
        blank=_find_blank(found),
        reviewed=bool(said),
        starred=row.starred,
        tags=page.tags.get(row.id, []),
        flags=list_time_flags(row.flags, row.captured_at_source, row.read_at),
        exif=row.exif,
        source_id=row.source_id,
        analysed=bool(found),
        shown=row.id in page.shown,
        sequence_images=page.sequences.get(row.sequence_id, 0),
        said=None if whole is None else _build_identification(said[whole.id], names, ids),
        found=_build_annotations(found, held, said, names, ids),
        media_id=ids.media_id or "",
        external=ids.observations.get(BLANK),
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


def _build_identification(
    one: ExportedIdentification, names: ExportNames, ids: PackageImageIds, *, of_image: bool = False
) -> IdentificationRecord:
    details = {} if of_image else {name: getattr(one, name) for name in DETAILS}
    return IdentificationRecord(
        kind=one.kind,
        by=names.people.get(one.made_by, "reviewer"),
        at=one.at,
        taxon=one.taxon,
        label=one.label,
        comment=one.comment,
        of_image=of_image,
        external=ids.observations.get(str(one.id)),
        **details,
    )


def _build_annotations(
    found: Sequence[ExportedAnnotation],
    held: EffectiveIdentifications | None,
    said: Mapping[UUID, ExportedIdentification],
    names: ExportNames,
    ids: PackageImageIds,
) -> list[AnnotationRecord]:
    records = []
    # The entry of an analysis without findings has no ID.
    holds = {
        one.id: held.of_annotation(one.id, one.parent_id, one.analysis_id) if held else None
        for one in found
        if one.id is not None
    }
    left_out, aside = remove_overlaps(found, holds)
    whole = held.of_image() if held else None
    if whole is not None and whole.kind is IdentificationKind.CORRECT:
        kept = [
            _build_annotation(one, names)
            for one in found
            if one.id is not None and one.id not in left_out
        ]
        resolution = resolve_correction(kept, holds, said[whole.id], names.agreement)
        left_out |= resolution.overruled
        holds |= dict.fromkeys(resolution.named, whole)
    named = {one.parent_id for one in found if one.id is not None and holds[one.id] is not None}
    nameless: set[UUID | None] = set()
    for one in found:
        if one.id is None or one.id in left_out:
            continue
        of_it = holds[one.id]
        if (
            of_it is None
            and one.id not in named
            and (_is_unsure(one, names) or one.parent_id in left_out)
        ):
            left_out.add(one.id)
            if one.type == CLASSIFICATION and _decode(one.data).get("terminal") is True:
                nameless.add(one.parent_id)
            continue
        record = _build_annotation(one, names)
        if of_it is not None:
            record.said = _build_identification(
                said[of_it.id], names, ids, of_image=of_it.annotation_id is None
            )
        record.external = ids.observations.get(str(one.id))
        record.aside = one.id in aside
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


class _Timed(msgspec.Struct):
    """The fields of an image record that are needed to count deployments."""

    deployment_id: UUID
    captured_at: datetime


def count_deployments(
    folder: Path, deployments: Mapping[UUID, DeploymentRecord]
) -> list[DeploymentRecord]:
    """Count the images and the period of each deployment in a spool; omit those without images."""
    decoder = msgspec.json.Decoder(_Timed)
    counted: dict[UUID, DeploymentRecord] = {}
    with (folder / IMAGES).open("rb") as lines:
        for line in lines:
            image = decoder.decode(line)
            record = counted.get(image.deployment_id)
            if record is None:
                record = counted[image.deployment_id] = deployments[image.deployment_id]
                record.first_image_at = image.captured_at
            record.images += 1
            record.last_image_at = image.captured_at
    return list(counted.values())
