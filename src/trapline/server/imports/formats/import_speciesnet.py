"""Predictions of SpeciesNet, in both forms: one for the picture, or (format 20261015) one for each
detection.

Source of the format: the SpeciesNet project's "Output schemas". Boxes are left, top, width and
height in fractions of the upright picture. What is said of the whole picture, also as a detection
of category "0", belongs to no box here.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from trapline.server.findings.rules.geometry import Frame
from trapline.server.imports.formats.import_json import (
    BROKEN,
    JsonFile,
    build_model_name,
    format_json_error,
)
from trapline.server.imports.formats.import_records import (
    DeploymentReference,
    EntryContent,
    EntryFault,
    ImageReference,
    ImportedFinding,
    ImportedResult,
    ImportEntry,
    InvalidEntry,
    ModelInfo,
    PackageTaxa,
    UnreadableFile,
    build_classification,
    parse_class_name,
    sanitise_text,
    scale_box,
    validate_confidence,
)
from trapline.wire.imports import ImportOptions

GROUPS = {"1": "animal", "2": "human", "3": "vehicle"}
WHOLE = "0"
BLANK, UNKNOWN = "blank", "no cv result"
CLASS_PARTS = 7
MOST_DETECTIONS = 100_000


class SpeciesnetClasses(msgspec.Struct, gc=False):
    """The surest classes of a classifier, with their scores."""

    classes: list[str] = []
    scores: list[float] = []


class SpeciesnetEnsembleResult(msgspec.Struct, rename={"name": "class"}, gc=False):
    """What the ensemble makes of it."""

    name: str
    score: float | None = None


class SpeciesnetDetection(msgspec.Struct, gc=False):
    """A box, or the whole picture."""

    category: str | int = ""
    label: str | None = None
    conf: float = 0.0
    bbox: list[float] | None = None
    raw_classifications: SpeciesnetClasses | None = None
    processed_classification: SpeciesnetEnsembleResult | None = None


class SpeciesnetPrediction(msgspec.Struct, gc=False):
    """What is said of one picture."""

    filepath: str
    detections: list[SpeciesnetDetection] | None = None
    classifications: SpeciesnetClasses | None = None
    prediction: str | None = None
    prediction_score: float | None = None
    failures: list[str] = []
    failure: str | None = None
    model_version: str | None = None


class SpeciesnetFileName(msgspec.Struct, gc=False):
    """Which picture it is."""

    filepath: str


PREDICTIONS = msgspec.json.Decoder(SpeciesnetPrediction)
FILES = msgspec.json.Decoder(SpeciesnetFileName)


@lru_cache(10_000)
def parse_class(text: str) -> str:
    """The name in a class string, `uuid;class;order;family;genus;species;common name`: the common or the finest one."""
    parts = [part.strip() for part in text.split(";")]
    if len(parts) != CLASS_PARTS:
        return text
    *ranks, genus, species, common = parts[1:]
    if common:
        return common
    if genus and species:
        return f"{genus} {species}".capitalize()
    return next(
        (name.capitalize() for name in (species, genus, *reversed(ranks)) if name), "animal"
    )


class SpeciesnetReader:
    """Reads predictions."""

    left_out = 0

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self._file = JsonFile(path)
        try:
            if "predictions" not in self._file.parts:
                raise UnreadableFile("It has no `predictions`, so these are none of SpeciesNet.")
            info = self._file.read_part("info", Any)
        except UnreadableFile:
            self._file.close()
            raise
        told = info if isinstance(info, dict) else {}
        self._version = told.get("model_version") or told.get("classifier")
        self._options = options
        self._least = options.confidence_min
        self._name = lru_cache(10_000)(parse_class_name)
        self._model = lru_cache(1000)(self._name_model)

    def _name_model(self, version: str | None) -> ModelInfo:
        return build_model_name(self._options, "SpeciesNet", version or self._version, "SpeciesNet")

    def deployments(self) -> Sequence[DeploymentReference | EntryFault]:
        """Tell of none: predictions name pictures only."""
        return ()

    def taxa(self) -> PackageTaxa:
        """Return none: the format describes no taxa."""
        return PackageTaxa()

    def place_deployments(self, ids: dict[str, UUID]) -> None:
        """Learn nothing."""

    def paths(self) -> Iterator[ImageReference]:
        """Go through the paths of all entries, as far as they can be read."""
        for element in self._file.split("predictions"):
            try:
                yield ImageReference(FILES.decode(element).filepath)
            except BROKEN:
                yield ImageReference("")

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """Go through the predictions behind the first so many."""
        for number, element in enumerate(self._file.split("predictions"), 1):
            if number <= after:
                continue
            place = f"predictions {number}"
            try:
                prediction = PREDICTIONS.decode(element)
            except BROKEN as error:
                yield EntryFault(place, format_json_error(error))
            else:
                yield ImportEntry(place, prediction.filepath, prediction)

    def read(self, entry: ImportEntry, frame: Frame) -> EntryContent:
        """Read what is said of a picture. Raises Wrong."""
        told: SpeciesnetPrediction = entry.content
        model = self._model(told.model_version)
        failures = [*told.failures, *([told.failure] if told.failure else [])]
        if told.detections is None and told.prediction is None:
            why = sanitise_text(", ".join(failures) or "nothing was predicted")
            return EntryContent([ImportedResult(model, (), f"SpeciesNet failed: {why}")])
        boxes = [one for one in told.detections or () if str(one.category) != WHOLE]
        whole = [one for one in told.detections or () if str(one.category) == WHOLE]
        if len(boxes) > MOST_DETECTIONS:
            raise InvalidEntry(f"it has more than {MOST_DETECTIONS:,} detections")
        if told.prediction is not None and parse_class(told.prediction) == BLANK:
            # The ensemble has seen the boxes, and says that nothing is in them.
            return EntryContent([ImportedResult(model, ())], left_out=len(boxes))
        findings: list[ImportedFinding] = []
        reading = EntryContent([ImportedResult(model, findings)])
        for one in boxes:
            self._add_box(one, frame, findings, reading)
        for said in (
            *((one.raw_classifications, one.processed_classification) for one in whole),
            _of_picture(told),
        ):
            self._classify(said, None, findings, reading)
        return reading

    def _add_box(
        self,
        one: SpeciesnetDetection,
        frame: Frame,
        findings: list[ImportedFinding],
        reading: EntryContent,
    ) -> None:
        verdict = one.processed_classification
        is_blank = verdict is not None and parse_class(verdict.name) == BLANK
        if validate_confidence(one.conf) < self._least or is_blank:
            reading.left_out += 1
            return
        group = one.label or GROUPS.get(str(one.category))
        if group is None:
            raise InvalidEntry(
                f"the category {sanitise_text(str(one.category), 50)} is none of the detector's"
            )
        findings.append(
            ImportedFinding(
                "bounding_box", self._name(group), one.conf, scale_box(one.bbox or (), frame)
            )
        )
        self._classify((one.raw_classifications, verdict), len(findings) - 1, findings, reading)

    def _classify(
        self,
        said: tuple[SpeciesnetClasses | None, SpeciesnetEnsembleResult | None],
        parent: int | None,
        findings: list[ImportedFinding],
        reading: EntryContent,
    ) -> None:
        raw, verdict = said
        ranked: list[tuple[str, float]] = []
        if raw is not None:
            if len(raw.classes) != len(raw.scores):
                raise InvalidEntry("classes and scores are not equally many")
            ranked = [
                (self._name(parse_class(name)), validate_confidence(min(score, 1.0)))
                for name, score in zip(raw.classes, raw.scores, strict=True)
            ]
        if verdict is not None:
            name, score = parse_class(verdict.name), verdict.score
            if UNKNOWN in name:
                return
        elif ranked:
            name, score = ranked[0]
        else:
            return
        sure = None if score is None else validate_confidence(min(score, 1.0))
        if (sure is not None and sure < self._least) or name == BLANK:
            reading.left_out += 1
            return
        data = build_classification(ranked or [(self._name(name), 1.0 if sure is None else sure)])
        findings.append(ImportedFinding("classification", self._name(name), sure, data, parent))

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def _of_picture(
    told: SpeciesnetPrediction,
) -> tuple[SpeciesnetClasses | None, SpeciesnetEnsembleResult | None]:
    """What the old form says of the whole picture."""
    verdict = (
        None
        if told.prediction is None
        else SpeciesnetEnsembleResult(told.prediction, told.prediction_score)
    )
    return told.classifications, verdict
