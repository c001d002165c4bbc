"""Write observations as a table with one row per observation, or with one per finding of a model.

A classification is in the row of its box. Times are in the image's time zone. A row of type `image`
is an observation of the whole image, or an image without any.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

from trapline.server.exports.formats.box_labels import (
    find_box_label,
    find_detector_label,
)
from trapline.server.exports.formats.export_records import (
    AnnotationRecord,
    DeploymentRecord,
    ExportReport,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
    ObservationRecord,
    TaxonRecord,
    join_texts,
)
from trapline.server.exports.formats.export_times import find_time_zone
from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.wire.annotations import AnnotationType
from trapline.wire.observations import ObservationKind

COLUMNS = (
    "observation_id", "type", "image_id", "filename", "path", "deployment_id", "deployment",
    "latitude", "longitude", "captured_at", "captured_at_source", "time_zone", "sequence_id",
    "image_width", "image_height",
    "x_min", "y_min", "width", "height", "x_min_px", "y_min_px", "width_px", "height_px",
    "detected_class", "detected_confidence", "class_name", "confidence", "model_name",
    "model_version",
    "scientific_name", "taxon_rank", "gbif_key", "common_name_en",
    "said", "said_label", "count", "sex", "life_stage", "behaviour", "comment", "said_by",
    "said_at",
    "blank", "reviewed", "starred", "tags", "flags", "image_sha256",
    "kind", "source", "individual_id", "needs_review",
)  # fmt: skip
IMAGE = "image"
BOX, CLASSIFICATION = AnnotationType.BOUNDING_BOX.value, AnnotationType.CLASSIFICATION.value
AT_ONCE = 1000
_TEXTS = [
    COLUMNS.index(name)
    for name in (
        "filename", "path", "deployment", "detected_class", "class_name", "model_name",
        "model_version", "scientific_name", "taxon_rank", "common_name_en", "said_label",
        "behaviour", "comment", "said_by", "tags", "flags", "time_zone", "individual_id",
    )
]  # fmt: skip

Cells = list[Any]


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write a row per observation, with cells that a spreadsheet would run as formulas escaped."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    written = 0
    for cells in list_observations(spool):
        for index in _TEXTS:
            cells[index] = escape_formula(cells[index])
        lines.writerow(cells)
        written += 1
        if written % AT_ONCE == 0:
            _hand_over(text, out)
    _hand_over(text, out)
    return ExportReport(written=written)


def _hand_over(text: io.StringIO, out: BinaryIO) -> None:
    # NUL cannot be stored, so none of the texts has one.
    out.write(text.getvalue().encode("utf-8", "replace"))
    text.seek(0)
    text.truncate()


def list_observations(spool: ExportSpool) -> Iterator[Cells]:
    """List the cells of each observation in the order of COLUMNS; unknown values are None."""
    deployments = {one.id: one for one in spool.about.deployments}
    zones: dict[str, ZoneInfo | None] = {}
    for image in spool.images():
        if image.time_zone not in zones:
            zones[image.time_zone] = find_time_zone(image.time_zone)
        row = _Row(spool, image, deployments.get(image.deployment_id), zones[image.time_zone])
        yield from row.observations()


class _Row:
    """The cells that all observations on one image have in common."""

    def __init__(
        self,
        spool: ExportSpool,
        image: ImageRecord,
        deployment: DeploymentRecord | None,
        zone: ZoneInfo | None,
    ) -> None:
        self._taxa, self._image = spool.taxa, image
        captured_at = image.captured_at.astimezone(zone) if zone else image.captured_at
        self._place = [
            image.id,
            image.filename,
            image.path,
            image.deployment_id,
            deployment.name if deployment else None,
            deployment.latitude if deployment else None,
            deployment.longitude if deployment else None,
            captured_at.isoformat(timespec="seconds"),
            image.captured_at_source,
            image.time_zone,
            image.sequence_id,
            image.width,
            image.height,
        ]
        self._marks = [
            image.blank,
            image.reviewed,
            image.starred,
            "; ".join(image.tags) or None,
            "; ".join(image.flags) or None,
            image.sha256,
        ]

    def observations(self) -> Iterator[Cells]:
        """List the rows of an image: its observations, or a row for the image without any."""
        if self._image.observed is None:
            yield from self._list_findings()
            return
        found = {one.id: one for one in self._image.found}
        under = self._list_names()
        for one in self._image.observed:
            subject = found.get(one.found) if one.found is not None else None
            named_by = found.get(one.named_by) if one.named_by is not None else None
            yield self._build_cells(one, subject, named_by, under)
        if not self._image.observed:
            yield self._build_image_cells()

    def _list_names(self) -> dict[UUID | None, list[AnnotationRecord]]:
        under: dict[UUID | None, list[AnnotationRecord]] = {
            one.id: [] for one in self._image.found if one.type == BOX
        }
        for one in self._image.found:
            if one.type == CLASSIFICATION and one.parent_id in under:
                under[one.parent_id].append(one)
        return under

    def _build_cells(
        self,
        one: ObservationRecord,
        subject: AnnotationRecord | None,
        named_by: AnnotationRecord | None,
        under: Mapping[UUID | None, Sequence[AnnotationRecord]],
    ) -> Cells:
        is_blank = one.kind == ObservationKind.BLANK
        found = None if is_blank else subject
        named = None if is_blank else named_by
        names = under.get(found.id, ()) if found is not None else ()
        sure = one.confidence if one.said is None else named.confidence if named else None
        if one.said is None and not one.label and found is not None and names:
            # No name is confident enough; the columns show the one that the models gave.
            named = find_box_label(found, names) or found
            sure = named.confidence
        return [
            one.id,
            found.type if found is not None else IMAGE,
            *self._place,
            *(self._box(found) if found is not None else [None] * 8),
            *(self._detected(found, names) if found is not None else [None] * 2),
            named.class_name if named is not None else None,
            sure,
            named.model_name if named is not None else None,
            named.model_version if named is not None else None,
            *self._taxon(one.taxon),
            *self._describe_statement(one),
            *self._marks,
            one.kind,
            "model" if one.said is None else "human",
            one.said.individual_id if one.said is not None else None,
            one.needs_review,
        ]

    def _build_image_cells(self) -> Cells:
        nothing = [None] * 14
        known = [None] * 4
        taxon = self._taxon(None)
        said = _said(None, self._image.remarks)
        return [self._image.id, IMAGE, *self._place, *nothing, *taxon, *said, *self._marks,
                *known]  # fmt: skip

    def _describe_statement(self, one: ObservationRecord) -> Sequence[Any]:
        """Return what people stated; a row has the comments on its box and on its image."""
        comment = one.said.comment if one.said is not None else None
        return _said(one.said, join_texts((comment, one.remarks, self._image.remarks)))

    def _list_findings(self) -> Iterator[Cells]:
        """List the rows of raw model output: one for each finding, a box with its names."""
        under, is_empty = self._list_names(), True
        for one in self._image.found:
            if one.type == CLASSIFICATION and one.parent_id in under:
                continue
            is_empty = False
            names = under.get(one.id) or ()
            named = (find_box_label(one, names) if names else None) or one
            yield [
                one.id,
                one.type,
                *self._place,
                *self._box(one),
                *self._detected(one, names),
                named.class_name,
                named.confidence,
                named.model_name,
                named.model_version,
                *self._taxon(named.taxon),
                *_said(None, ""),
                *self._marks,
                None,
                "model",
                None,
                None,
            ]
        if is_empty:
            yield self._build_image_cells()

    def _detected(self, one: AnnotationRecord, names: Sequence[AnnotationRecord]) -> Cells:
        """Return the class and the confidence that its detector gave a box."""
        if one.type != BOX:
            return [None, None]
        name = find_box_label(one, names) if names else None
        # The class of the box itself is its detector's label.
        own = find_detector_label(one, names) or (
            one if name is None or name.terminal is None else None
        )
        return [own.class_name if own else None, one.confidence]

    def _box(self, one: AnnotationRecord) -> Cells:
        try:
            x_min, y_min, x_max, y_max = (
                float(one.data[name]) for name in ("x_min", "y_min", "x_max", "y_max")
            )
        except (KeyError, TypeError, ValueError):
            return [None] * 8
        wide, high = self._image.width, self._image.height
        pixels = (x_min, y_min, x_max - x_min, y_max - y_min)
        return [
            *(round(part / of, 6) for part, of in zip(pixels, (wide, high) * 2, strict=True)),
            *pixels,
        ]

    def _taxon(self, taxon_id: UUID | None) -> Cells:
        taxon: TaxonRecord | None = self._taxa.get(taxon_id) if taxon_id is not None else None
        if taxon is None:
            return [None] * 4
        return [
            taxon.scientific_name,
            taxon.rank or None,
            taxon.gbif_key,
            "; ".join(taxon.english_names) or None,
        ]


def _said(said: IdentificationRecord | None, comment: str) -> Sequence[Any]:
    if said is None:
        return [None] * 6 + [comment or None] + [None] * 2
    return [
        said.kind,
        said.label,
        said.count,
        said.sex,
        said.life_stage,
        said.behaviour,
        comment or None,
        said.by,
        said.at.isoformat(timespec="seconds"),
    ]
