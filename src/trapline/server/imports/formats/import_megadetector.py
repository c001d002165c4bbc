"""Read batch results of MegaDetector, versions 1.0 to 1.6 of the format, also of other tools.

Source of the format: the MegaDetector project's "Batch processing API output format". Boxes are
left, top, width and height in fractions of the upright image. If processing of an image failed, it
has a `failure` and no detections.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_json import (
    BROKEN,
    JsonFile,
    build_model_name,
    format_json_error,
    parse_category_names,
)
from trapline.server.imports.formats.import_records import (
    EntryContent,
    EntryFault,
    FormatReader,
    ImageReference,
    ImportedFinding,
    ImportedResult,
    ImportEntry,
    InvalidEntry,
    LostValues,
    UnreadableFile,
    build_classification,
    parse_class_name,
    sanitise_text,
    scale_box,
    validate_confidence,
)
from trapline.wire.imports import ImportOptions

USUAL = {"1": "animal", "2": "person", "3": "vehicle"}
MOST_DETECTIONS = 100_000
NOTHING = msgspec.Raw(b"null")


class MegadetectorDetection(msgspec.Struct, gc=False):
    """A box with the number of its category and its classifications."""

    category: str | int
    conf: float
    bbox: list[float]
    classifications: list[tuple[str | int, float]] | None = None


class MegadetectorImage(msgspec.Struct, gc=False):
    """The detections on one image."""

    file: str
    detections: list[MegadetectorDetection] | None = None
    failure: str | None = None
    classifications: list[tuple[str | int, float]] | None = None


class MegadetectorFileName(msgspec.Struct, gc=False):
    """The reference of a result to its image, and what has no place here."""

    file: str
    failure: Any = None
    detections: msgspec.Raw = NOTHING

    def list_lost_values(self) -> Iterator[str]:
        """Describe the values that have no place."""
        if self.failure is not None and bytes(self.detections) not in (b"null", b"[]"):
            yield "the detections of an image with a failure are left out"


IMAGES = msgspec.json.Decoder(MegadetectorImage)
FILES = msgspec.json.Decoder(MegadetectorFileName)


class MegadetectorReader(FormatReader):
    """Read batch results."""

    left_out = 0

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self.lost = LostValues()
        self._file = JsonFile(path)
        try:
            self._open(options)
        except UnreadableFile:
            self._file.close()
            raise

    def _open(self, options: ImportOptions) -> None:
        if "images" not in self._file.parts:
            raise UnreadableFile("The file has no `images`, so it is not a file of MegaDetector.")
        info = self._file.read_part("info", Any)
        info = info if isinstance(info, dict) else {}
        kept = info.get("detector_metadata")
        metadata = kept if isinstance(kept, dict) else {}
        detector = info.get("detector")
        name = (
            detector.rpartition("/")[2].removesuffix(".pt") if isinstance(detector, str) else None
        )
        self._model = build_model_name(
            options, name, metadata.get("megadetector_version"), "MegaDetector"
        )
        self._least = options.confidence_min
        names = parse_category_names(
            self._file.read_part("detection_categories", Any), "detection_categories"
        )
        self._categories = names or USUAL
        self._classes = parse_category_names(
            self._file.read_part("classification_categories", Any), "classification_categories"
        )
        self._name = lru_cache(10_000)(parse_class_name)

    def paths(self) -> Iterator[ImageReference]:
        """List the paths of all entries; the path of an unreadable entry is empty."""
        for element in self._file.split("images"):
            try:
                reference = FILES.decode(element)
            except BROKEN:
                yield ImageReference("")
            else:
                self.lost.add("images", reference.list_lost_values())
                yield ImageReference(reference.file)

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """List the images after the first `after` ones."""
        for number, element in enumerate(self._file.split("images"), 1):
            if number > after:
                yield self._enter(number, element)

    def _enter(self, number: int, element: bytes) -> ImportEntry | EntryFault:
        place = f"images {number}"
        try:
            image = IMAGES.decode(element)
        except BROKEN as error:
            name = None
            with contextlib.suppress(*BROKEN):
                name = FILES.decode(element).file
            return EntryFault(place, format_json_error(error), name)
        return ImportEntry(place, image.file, image)

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:
        """Read the detections on an image. Raises InvalidEntry."""
        image: MegadetectorImage = entry.content
        if image.failure is not None or image.detections is None:
            return EntryContent(
                [
                    ImportedResult(
                        self._model, (), sanitise_text(image.failure or "it has no detections")
                    )
                ]
            )
        if len(image.detections) > MOST_DETECTIONS:
            raise InvalidEntry(f"it has more than {MOST_DETECTIONS:,} detections")
        findings: list[ImportedFinding] = []
        reading = EntryContent([ImportedResult(self._model, findings)])
        for found in image.detections:
            if validate_confidence(found.conf) < self._least:
                reading.left_out += 1
                continue
            name = self._find(self._categories, found.category, "detection_categories")
            findings.append(
                ImportedFinding("bounding_box", name, found.conf, scale_box(found.bbox, frame))
            )
            if found.classifications:
                self._classify(found.classifications, len(findings) - 1, reading)
        if image.classifications:
            self._classify(image.classifications, None, reading)
        return reading

    def _classify(
        self,
        classifications: Sequence[tuple[str | int, float]],
        parent: int | None,
        reading: EntryContent,
    ) -> None:
        ranked = [
            (
                self._find(self._classes, number, "classification_categories"),
                validate_confidence(confidence),
            )
            for number, confidence in classifications
        ]
        data = build_classification(ranked)
        top = data["topk"][0]
        if top["confidence"] < self._least:
            reading.left_out += 1
            return
        finding = ImportedFinding("classification", top["class"], top["confidence"], data, parent)
        reading.results[0].findings.append(finding)  # type: ignore[attr-defined]

    def _find(self, names: dict[str, str], number: str | int, part: str) -> str:
        name = names.get(number if isinstance(number, str) else str(number))
        if name is None:
            raise InvalidEntry(
                f"the category {sanitise_text(str(number), 50)} is not among `{part}`"
            )
        return self._name(name)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
