"""Results as MegaDetector's batch output, format 1.6 (lila.science/megadetector-output-format), for
Timelapse, AddaxAI.

Boxes are [x_min, y_min, width, height] as fractions of the upright picture. An image of which no
analysis is completed has a `failure` and no detections; one on which nothing was found has an empty
list of them. Detections are an animal, a person or a vehicle, which readers know by number, and
classifications say what it is: the name that a person gave, with the confidence 1, or the models'
own. Boxes that a person overruled or removed are not written.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from trapline.server.exports.formats.box_labels import (
    find_box_label,
    find_detector_label,
    find_statement,
    is_more_confident,
)
from trapline.server.exports.formats.export_records import (
    AnnotationRecord,
    ExportIssue,
    ExportReport,
    ExportSpool,
    IdentificationRecord,
    ImageRecord,
)
from trapline.server.exports.formats.megadetector_versions import Detector, describe_detectors
from trapline.server.exports.formats.observed_images import ObservationType
from trapline.server.exports.formats.taxon_resolver import TaxonResolver
from trapline.server.platform.formats.zip_writer import FileNames, build_folder_names, name_plain
from trapline.wire.annotations import AnnotationType

VERSION = "1.6"
FIRST = {"animal": "1", "person": "2", "vehicle": "3"}
"""The numbers that readers of the format know by heart; 0 is reserved for what is empty."""
UNNAMED = "object"
GROUPS = {
    ObservationType.ANIMAL: "animal",
    ObservationType.HUMAN: "person",
    ObservationType.VEHICLE: "vehicle",
}
NO_NAMES = frozenset({"", "human", UNNAMED, *FIRST})
"""What says no more than the category of a detection."""
NOT_ANALYSED = "No analysis of this image is completed"
BOX, CLASSIFICATION = AnnotationType.BOUNDING_BOX.value, AnnotationType.CLASSIFICATION.value
CORNERS = ("x_min", "y_min", "x_max", "y_max")
_encode = msgspec.json.encode


def write(spool: ExportSpool, out: BinaryIO) -> ExportReport:
    """Write an item for each image; the categories are known at the end, and stand there."""
    writer = _Writer(spool)
    out.write(b'{\n "images": [')
    lead = b"\n  "
    for image in spool.images():
        out.write(lead + _encode(writer.tell(image)))
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
    """Numbers the categories as they come up."""

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
        """What the file says of itself."""
        told: dict[str, Any] = {
            "format_version": VERSION,
            "detector": ", ".join(self._detectors) or "none",
        }
        if self._detectors:
            told["detector_metadata"] = describe_detectors(self._detectors.values())
        at = (
            None
            if self._completed_at is None
            else self._completed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        )
        if at is not None:
            told["detection_completion_time"] = at
        if self._classifiers:
            told["classifier"] = ", ".join(self._classifiers)
            if at is not None:
                told["classification_completion_time"] = at
        return told

    def tell(self, image: ImageRecord) -> dict[str, Any]:
        """What was found on an image."""
        self.report.written += 1
        file = self._name(image)
        if not image.analysed:
            return {"file": file, "failure": NOT_ANALYSED, "detections": None}
        boxes = [one for one in image.found if one.type == BOX]
        named: dict[UUID, list[AnnotationRecord]] = {one.id: [] for one in boxes}
        said = image.said
        for one in image.found:
            if one.type == CLASSIFICATION and one.parent_id in named:
                named[one.parent_id].append(one)
            elif one.type != BOX:
                self._leave_out(
                    f"{_words(one.type)} without a box: this format has no place for it"
                )
        if said is not None and (
            said.kind == "unsure" or (said.kind == "correct" and not _is_boxed(image))
        ):
            self._leave_out(
                "identifications of whole images without a box: this format has no place for them"
            )
        if any(map(_has_more, (said, *(one.said for one in image.found)))):
            self._leave_out(
                "confirmations, counts and comments of people: this format has no place for them"
            )
        detections = [
            self._detection(image, one, named[one.id], statement)
            for one in boxes
            if (statement := find_statement(one, named[one.id])) is None
            or statement.kind != "blank"
        ]
        return {"file": file, "detections": sorted(detections, key=lambda one: -one["conf"])}

    def _name(self, image: ImageRecord) -> str:
        """The path of a file: below the name of its deployment where there are several, for names come again."""
        path = self._names.name(
            str(image.deployment_id), image.path or str(image.id), str(image.id)
        )
        return (
            path
            if len(self._folders) < 2
            else f"{self._folders.get(str(image.deployment_id), 'deployment')}/{path}"
        )

    def _detection(
        self,
        image: ImageRecord,
        one: AnnotationRecord,
        named: Sequence[AnnotationRecord],
        statement: IdentificationRecord | None,
    ) -> dict[str, Any]:
        own, name = find_detector_label(one, named), find_box_label(one, named)
        group = own or (one if name is None or name.terminal is None else name)
        kind = self._naming.find(group.class_name or "", _text(group.taxon)).kind
        is_corrected = statement is not None and statement.kind == "correct"
        if statement is not None and is_corrected:
            kind = self._naming.find(statement.label or "", _text(statement.taxon)).kind
        category = GROUPS.get(kind, UNNAMED)
        number = self.detected.setdefault(category, str(len(self.detected) + 1))
        self._detectors[one.model] = Detector(one.model_name, one.model_version)
        if one.at is not None and (self._completed_at is None or one.at > self._completed_at):
            self._completed_at = one.at
        x_min, y_min, x_max, y_max = (float(one.data.get(corner) or 0) for corner in CORNERS)
        left, top = _fraction(x_min, image.width), _fraction(y_min, image.height)
        right, bottom = _fraction(x_max, image.width), _fraction(y_max, image.height)
        told: dict[str, Any] = {
            "category": number,
            "conf": _confidence(one),
            "bbox": [left, top, round(right - left, 6), round(bottom - top, 6)],
        }
        if statement is not None and is_corrected:
            told["classifications"] = [
                self._classify(statement.label or UNNAMED, statement.taxon, 1.0)
            ]
        elif names := _choose(one, own, name, named):
            told["classifications"] = [self._classification(it) for it in names]
        return told

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
    """Choose what is told of what a box holds: each class once, the surest first, none that is its category alone."""
    if name is None:
        told = [box]
    elif name.terminal is None:
        told = [one for one in named if one.terminal is None]
    else:
        # What a later part of a pipeline calls an animal a detector of many classes may have called
        # by its name.
        told = [one for one in (name, own) if one is not None and not _is_no_name(one)][:1]
    surest: dict[str, AnnotationRecord] = {}
    for one in told:
        if not _is_no_name(one) and is_more_confident(one, surest.get(one.class_name or "")):
            surest[one.class_name or ""] = one
    return sorted(surest.values(), key=lambda one: -_confidence(one))


def _is_no_name(one: AnnotationRecord) -> bool:
    return (one.class_name or "").casefold() in NO_NAMES


def _has_more(said: IdentificationRecord | None) -> bool:
    """Return whether a person stated more than a name or that nothing is there."""
    return said is not None and (said.kind == "confirm" or bool(said.count or said.comment))


def _is_boxed(image: ImageRecord) -> bool:
    """Return whether a statement about the whole image names a box."""
    return any(
        one.type == BOX and one.said is not None and one.said.of_image for one in image.found
    )


def _text(taxon: UUID | None) -> str | None:
    return None if taxon is None else str(taxon)


def _fraction(at: float, of: int) -> float:
    return round(min(max(at / of, 0.0), 1.0), 6)


def _confidence(one: AnnotationRecord) -> float:
    # One that no confidence was told of is no doubtful one.
    return 1.0 if one.confidence is None else one.confidence


def _words(kind: str) -> str:
    return f"a {kind.replace('_', ' ')}"
