"""Batch results of MegaDetector, versions 1.0 to 1.6 of the format, as other detectors and tools write them too.

Source of the format: the MegaDetector project's "Batch processing API output format". Boxes are left, top, width and
height in fractions of the upright picture; an image whose processing failed has `failure` and no detections.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_records import (
    Entry,
    Fault,
    Finding,
    NamedDeployment,
    PackageTaxa,
    Reading,
    Result,
    Told,
    Unreadable,
    Wrong,
    check_confidence,
    name_class,
    place_box,
    plain,
    rank,
)
from trapline.server.platform.formats.import_json import BROKEN, JsonFile, explain, name_model, read_names
from trapline.wire.imports import ImportOptions

USUAL = {"1": "animal", "2": "person", "3": "vehicle"}
MOST_DETECTIONS = 100_000


class Detection(msgspec.Struct, gc=False):
    """A box with the number of its category, and what a classifier says of it."""

    category: str | int
    conf: float
    bbox: list[float]
    classifications: list[tuple[str | int, float]] | None = None


class Picture(msgspec.Struct, gc=False):
    """What is said of one picture."""

    file: str
    detections: list[Detection] | None = None
    failure: str | None = None
    classifications: list[tuple[str | int, float]] | None = None


class OnlyFile(msgspec.Struct, gc=False):
    """Which picture it is."""

    file: str


PICTURES = msgspec.json.Decoder(Picture)
FILES = msgspec.json.Decoder(OnlyFile)


class MegadetectorReader:
    """Reads batch results."""

    left_out = 0

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self._file = JsonFile(path)
        try:
            self._open(options)
        except Unreadable:
            self._file.close()
            raise

    def _open(self, options: ImportOptions) -> None:
        if "images" not in self._file.parts:
            raise Unreadable("It has no `images`, so these are no results of MegaDetector.")
        info = self._file.read_part("info", Any)
        info = info if isinstance(info, dict) else {}
        kept = info.get("detector_metadata")
        metadata = kept if isinstance(kept, dict) else {}
        detector = info.get("detector")
        name = detector.rpartition("/")[2].removesuffix(".pt") if isinstance(detector, str) else None
        self._model = name_model(options, name, metadata.get("megadetector_version"), "MegaDetector")
        self._least = options.confidence_min
        told = read_names(self._file.read_part("detection_categories", Any), "detection_categories")
        self._categories = told or USUAL
        self._classes = read_names(self._file.read_part("classification_categories", Any), "classification_categories")
        self._name = lru_cache(10_000)(name_class)

    def deployments(self) -> Sequence[NamedDeployment | Fault]:
        """Tell of none: results name pictures only."""
        return ()

    def taxa(self) -> PackageTaxa:
        """Return none: the format describes no taxa."""
        return PackageTaxa()

    def place_deployments(self, ids: dict[str, UUID]) -> None:
        """Learn nothing."""

    def paths(self) -> Iterator[Told]:
        """Go through the paths of all entries, as far as they can be read."""
        for element in self._file.split("images"):
            try:
                yield Told(FILES.decode(element).file)
            except BROKEN:
                yield Told("")

    def entries(self, after: int) -> Iterator[Entry | Fault]:
        """Go through the pictures behind the first so many."""
        for number, element in enumerate(self._file.split("images"), 1):
            if number > after:
                yield self._enter(number, element)

    def _enter(self, number: int, element: bytes) -> Entry | Fault:
        place = f"images {number}"
        try:
            picture = PICTURES.decode(element)
        except BROKEN as error:
            name = None
            with contextlib.suppress(*BROKEN):
                name = FILES.decode(element).file
            return Fault(place, explain(error), name)
        return Entry(place, picture.file, picture)

    def read(self, entry: Entry, frame: Frame) -> Reading:
        """Read what was found on a picture. Raises Wrong."""
        picture: Picture = entry.content
        if picture.failure is not None or picture.detections is None:
            return Reading([Result(self._model, (), plain(picture.failure or "no detections were told"))])
        if len(picture.detections) > MOST_DETECTIONS:
            raise Wrong(f"it has more than {MOST_DETECTIONS:,} detections")
        findings: list[Finding] = []
        reading = Reading([Result(self._model, findings)])
        for found in picture.detections:
            if check_confidence(found.conf) < self._least:
                reading.left_out += 1
                continue
            name = self._find(self._categories, found.category, "detection_categories")
            findings.append(Finding("bounding_box", name, found.conf, place_box(found.bbox, frame)))
            if found.classifications:
                self._classify(found.classifications, len(findings) - 1, reading)
        if picture.classifications:
            self._classify(picture.classifications, None, reading)
        return reading

    def _classify(self, told: Sequence[tuple[str | int, float]], parent: int | None, reading: Reading) -> None:
        ranked = [
            (self._find(self._classes, number, "classification_categories"), check_confidence(confidence))
            for number, confidence in told
        ]
        data = rank(ranked)
        top = data["topk"][0]
        if top["confidence"] < self._least:
            reading.left_out += 1
            return
        finding = Finding("classification", top["class"], top["confidence"], data, parent)
        reading.results[0].findings.append(finding)  # type: ignore[attr-defined]

    def _find(self, names: dict[str, str], number: str | int, part: str) -> str:
        name = names.get(number if isinstance(number, str) else str(number))
        if name is None:
            raise Wrong(f"the category {plain(str(number), 50)} is not among `{part}`")
        return self._name(name)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
