"""Write observations as a table with one row per box, per finding without a box, and per image.

A classification is in the row of its box. Times are in the image's time zone. An image has a row
of type `image` if nothing was found on it or if a person identified it as a whole.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

from trapline.server.exports.formats.box_labels import (
    find_box_label,
    find_detector_label,
    find_statement,
)
from trapline.server.exports.formats.export_records import (
    AnnotationRecord,
    DeploymentRecord,
    ExportReport,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
    TaxonRecord,
)
from trapline.server.exports.formats.export_times import find_time_zone
from trapline.server.platform.formats.spreadsheets import escape_formula
from trapline.wire.annotations import AnnotationType

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
)  # fmt: skip
IMAGE, BLANK = "image", "blank"
BOX, CLASSIFICATION = AnnotationType.BOUNDING_BOX.value, AnnotationType.CLASSIFICATION.value
AT_ONCE = 1000
_TEXTS = [
    COLUMNS.index(name)
    for name in (
        "filename", "path", "deployment", "detected_class", "class_name", "model_name",
        "model_version", "scientific_name", "taxon_rank", "common_name_en", "said_label",
        "behaviour", "comment", "said_by", "tags", "flags", "time_zone",
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
        """List the rows of an image: its findings in order, then the image as a whole."""
        image = self._image
        under: dict[UUID | None, list[AnnotationRecord]] = {
            one.id: [] for one in image.found if one.type == BOX
        }
        for one in image.found:
            if one.type == CLASSIFICATION and one.parent_id in under:
                under[one.parent_id].append(one)
        said, is_empty = image.said, True
        for one in image.found:
            if one.type != CLASSIFICATION or one.parent_id not in under:
                statement = find_statement(one, under.get(one.id) or ())
                if statement is not None and statement.kind == BLANK:
                    said = said or statement
                    continue  # a person removed the finding
                is_empty = False
                yield self._build_cells(one, under.get(one.id) or ())
        if image.said is not None or is_empty:
            nothing = [None] * 14
            yield [
                image.id,
                IMAGE,
                *self._place,
                *nothing,
                *self._taxon(None, said),
                *_said(said),
                *self._marks,
            ]

    def _build_cells(self, one: AnnotationRecord, under: Sequence[AnnotationRecord]) -> Cells:
        named = find_box_label(one, under) if under else None
        best = named or one
        said = find_statement(one, under)
        detected: Cells = [None, None]
        if one.type == BOX:
            # The class of the box itself is its detector's label.
            own = find_detector_label(one, under) or (
                one if named is None or named.terminal is None else None
            )
            detected = [own.class_name if own else None, one.confidence]
        return [
            one.id,
            one.type,
            *self._place,
            *self._box(one),
            *detected,
            best.class_name,
            best.confidence,
            best.model_name,
            best.model_version,
            *self._taxon(best, said),
            *_said(said),
            *self._marks,
        ]

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

    def _taxon(self, found: AnnotationRecord | None, said: IdentificationRecord | None) -> Cells:
        """Return the cells of the effective taxon: identified by a person, or of the label."""
        taxon: TaxonRecord | None = None
        if said is not None and said.kind == "correct":
            taxon = self._taxa.get(said.taxon) if said.taxon else None
        elif found is not None and found.taxon and (said is None or said.kind == "confirm"):
            taxon = self._taxa.get(found.taxon)
        if taxon is None:
            return [None] * 4
        return [
            taxon.scientific_name,
            taxon.rank or None,
            taxon.gbif_key,
            "; ".join(taxon.english_names) or None,
        ]


def _said(said: IdentificationRecord | None) -> Sequence[Any]:
    if said is None:
        return [None] * 9
    return [
        said.kind,
        said.label,
        said.count,
        said.sex,
        said.life_stage,
        said.behaviour,
        said.comment,
        said.by,
        said.at.isoformat(timespec="seconds"),
    ]
