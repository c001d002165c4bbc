"""Write MegaDetector batch results, format 1.6, for Timelapse and AddaxAI.

Format: lila.science/megadetector-output-format. Boxes are [x_min, y_min, width, height] as
fractions of the upright image. An image without a completed analysis has a `failure` and no
detections; an image without findings has an empty list. A detection is an animal, a person or a
vehicle, each with a number that readers know. Its classification is the name of the observation,
with the confidence 1 if a person gave it. In an export of raw model output, it has the
classifications of the models.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from trapline.server.exports.formats.box_labels import (
    find_box_label,
    find_detector_label,
    is_more_confident,
)
from trapline.server.exports.formats.export_records import (
    AnnotationRecord,
    ExportIssue,
    ExportReport,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
    ObservationRecord,
)
from trapline.server.exports.formats.megadetector_versions import Detector, describe_detectors
from trapline.server.exports.formats.observed_images import ObservationType
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.platform.formats.zip_writer import FileNames, build_folder_names, name_plain
from trapline.wire.annotations import AnnotationType

VERSION = "1.6"
FIRST = {"animal": "1", "person": "2", "vehicle": "3"}
"""Category numbers that readers of the format assume; 0 is reserved for empty images."""
UNNAMED = "object"
GROUPS = {
    ObservationType.ANIMAL: "animal",
    ObservationType.HUMAN: "person",
    ObservationType.VEHICLE: "vehicle",
}
NO_NAMES = frozenset({"", "human", UNNAMED, *FIRST})
"""Labels that state no more than the category of a detection."""
NOT_ANALYSED = "No analysis of this image is completed"
BOX, CLASSIFICATION = AnnotationType.BOUNDING_BOX.value, AnnotationType.CLASSIFICATION.value
CORNERS = ("x_min", "y_min", "x_max", "y_max")
_encode = msgspec.json.encode


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write an item per image; the categories are known last and follow the images."""
    writer = _Writer(spool)
    out.write(b'{\n "images": [')
    lead = b"\n  "
    for image in spool.images():
        out.write(lead + _encode(writer.build_item(image)))
        lead = b",\n  "
    about: dict[str, dict[str, str]] = {
        "detection_categories": {number: name for name, number in writer.detected.items()},
        "classification_categories": {number: name for name, number in writer.classified.items()},
    }
    if writer.described:
        about["classification_category_descriptions"] = {
            number: writer.described.get(name, "") for name, number in writer.classified.items()
        }
    out.write(b"\n ]")
    out.writelines(
        b",\n " + _encode(key) + b": " + _encode(content) for key, content in about.items()
    )
    out.write(b',\n "info": ' + _encode(writer.info()) + b"\n}\n")
    return writer.report


class _Writer:
    """Build the items, and number the categories as they occur."""

    def __init__(self, spool: ExportSpool) -> None:
        self.detected = dict(FIRST)
        self.classified: dict[str, str] = {}
        self.described: dict[str, str] = {}
        self.report = ExportReport()
        self._spool = spool
        self._naming = TaxonResolver(spool.taxa)
        self._completed_at: datetime | None = None
        self._folders = build_folder_names(spool.about.deployments, name_plain, reserved=())
        self._names = FileNames()
        self._detectors: dict[str, Detector] = {}
        self._classifiers: dict[str, None] = {}

    def info(self) -> dict[str, Any]:
        """Build the `info` object of the file."""
        info: dict[str, Any] = {
            "format_version": VERSION,
            "detector": ", ".join(self._detectors) or "none",
        }
        if self._detectors:
            info["detector_metadata"] = describe_detectors(self._detectors.values())
        at = (
            None
            if self._completed_at is None
            else self._completed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        )
        if at is not None:
            info["detection_completion_time"] = at
        if self._classifiers:
            info["classifier"] = ", ".join(self._classifiers)
            if at is not None:
                info["classification_completion_time"] = at
        return info

    def build_item(self, image: ImageRecord) -> dict[str, Any]:
        """Build the entry of an image in `images`."""
        self.report.written += 1
        file = self._name(image)
        if not image.analysed and not image.observed:
            return {"file": file, "failure": NOT_ANALYSED, "detections": None}
        detections = (
            self._list_raw_detections(image)
            if image.observed is None
            else self._list_detections(image, image.observed)
        )
        return {"file": file, "detections": sorted(detections, key=lambda one: -one["conf"])}

    def _list_detections(
        self, image: ImageRecord, observed: Sequence[ObservationRecord]
    ) -> list[dict[str, Any]]:
        """List the observations that have a box."""
        found = {one.id: one for one in image.found}
        detections = []
        for one in observed:
            if one.kind == ObservationType.BLANK:
                continue
            box = found.get(one.found) if one.found is not None else None
            if box is None or not _has_extent(box):
                kind = "an identification" if one.said is not None else "an observation"
                self._leave_out(f"{kind} of the whole image: this format has no place for it")
                continue
            if one.said is not None and _has_more(one.said):
                self._leave_out(
                    "confirmations, counts and comments of people: this format has no place for "
                    "them"
                )
            detection = self._detection(image, box, ObservationType(one.kind))
            if one.said is not None:
                detection["classifications"] = [
                    self._classify(one.label or UNNAMED, one.taxon, 1.0)
                ]
            elif one.label.casefold() not in NO_NAMES:
                named_by = found.get(one.named_by) if one.named_by is not None else None
                self._classifiers[(named_by or box).model] = None
                sure = 1.0 if one.confidence is None else one.confidence
                detection["classifications"] = [self._classify(one.label, one.taxon, sure)]
            detections.append(detection)
        for _ in range(image.formless):
            self._leave_out("findings without a box: this format has no place for them")
        return detections

    def _list_raw_detections(self, image: ImageRecord) -> list[dict[str, Any]]:
        """List the boxes that models found, with all their classifications."""
        boxes = [one for one in image.found if one.type == BOX]
        named: dict[UUID, list[AnnotationRecord]] = {one.id: [] for one in boxes}
        for one in image.found:
            if one.type == CLASSIFICATION and one.parent_id in named:
                named[one.parent_id].append(one)
            elif one.type != BOX:
                self._leave_out(
                    f"{_format_type(one.type)} without a box: this format has no place for it"
                )
        return [self._raw_detection(image, one, named[one.id]) for one in boxes]

    def _name(self, image: ImageRecord) -> str:
        """Return the path of a file, below its deployment's name if the export has several.

        Names of files repeat across deployments.
        """
        path = self._names.name(
            str(image.deployment_id), image.path or str(image.id), str(image.id)
        )
        return (
            path
            if len(self._folders) < 2
            else f"{self._folders.get(str(image.deployment_id), 'deployment')}/{path}"
        )

    def _raw_detection(
        self, image: ImageRecord, one: AnnotationRecord, named: Sequence[AnnotationRecord]
    ) -> dict[str, Any]:
        own, name = find_detector_label(one, named), find_box_label(one, named)
        group = own or (one if name is None or name.terminal is None else name)
        kind = self._naming.find(group.class_name or "", _text(group.taxon)).kind
        detection = self._detection(image, one, kind)
        if names := _choose(one, own, name, named):
            detection["classifications"] = [self._classification(it) for it in names]
        return detection

    def _detection(
        self, image: ImageRecord, one: AnnotationRecord, kind: ObservationType
    ) -> dict[str, Any]:
        category = GROUPS.get(kind, UNNAMED)
        number = self.detected.setdefault(category, str(len(self.detected) + 1))
        if one.model_name:  # not a box that a person drew
            self._detectors[one.model] = Detector(one.model_name, one.model_version)
        if (
            one.model_name
            and one.at is not None
            and (self._completed_at is None or one.at > self._completed_at)
        ):
            self._completed_at = one.at
        x_min, y_min, x_max, y_max = (float(one.data.get(corner) or 0) for corner in CORNERS)
        left, top = _fraction(x_min, image.width), _fraction(y_min, image.height)
        right, bottom = _fraction(x_max, image.width), _fraction(y_max, image.height)
        return {
            "category": number,
            "conf": _confidence(one),
            "bbox": [left, top, round(right - left, 6), round(bottom - top, 6)],
        }

    def _classification(self, one: AnnotationRecord) -> list[Any]:
        self._classifiers[one.model] = None
        return self._classify(one.class_name or UNNAMED, one.taxon, _confidence(one))

    def _classify(self, name: str, taxon_id: UUID | None, confidence: float) -> list[Any]:
        if taxon_id is not None and taxon_id in self._spool.taxa:
            taxon = self._spool.taxa[taxon_id]
            ranks = [*taxon.higher_ranks.values(), taxon.scientific_name]
            self.described[name] = ";".join(str(rank) for rank in ranks if rank).lower()
        return [self.classified.setdefault(name, str(len(self.classified))), confidence]

    def _leave_out(self, what: str) -> None:
        for known in self.report.left_out:
            if known.what == what:
                known.count += 1
                return
        self.report.left_out.append(ExportIssue(what))


def _choose(
    box: AnnotationRecord,
    own: AnnotationRecord | None,
    name: AnnotationRecord | None,
    named: Sequence[AnnotationRecord],
) -> list[AnnotationRecord]:
    """Return the classifications of a box to write: each class once, by falling confidence.

    Classes that only repeat the category of the box are left out.
    """
    if name is None:
        chosen = [box]
    elif name.terminal is None:
        chosen = [one for one in named if one.terminal is None]
    else:
        # If a later model only calls it an animal, the detector's own label may be more specific.
        chosen = [one for one in (name, own) if one is not None and not _is_no_name(one)][:1]
    surest: dict[str, AnnotationRecord] = {}
    for one in chosen:
        if not _is_no_name(one) and is_more_confident(one, surest.get(one.class_name or "")):
            surest[one.class_name or ""] = one
    return sorted(surest.values(), key=lambda one: -_confidence(one))


def _is_no_name(one: AnnotationRecord) -> bool:
    return (one.class_name or "").casefold() in NO_NAMES


def _has_extent(found: AnnotationRecord) -> bool:
    """Return whether it is a box, or a polygon that a person drew, which has its extent."""
    return found.type == BOX or (
        found.type == AnnotationType.SEGMENTATION.value and not found.model_name
    )


def _has_more(said: IdentificationRecord) -> bool:
    """Return whether a person stated more than a name."""
    return said.kind == "confirm" or (said.count or 1) > 1 or bool(said.comment)


def _text(taxon: UUID | None) -> str | None:
    return None if taxon is None else str(taxon)


def _fraction(at: float, of: int) -> float:
    return round(min(max(at / of, 0.0), 1.0), 6)


def _confidence(one: AnnotationRecord) -> float:
    # A missing confidence does not mean low confidence.
    return 1.0 if one.confidence is None else one.confidence


def _format_type(kind: str) -> str:
    return f"a {kind.replace('_', ' ')}"
