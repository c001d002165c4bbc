"""Read predictions of SpeciesNet in both versions of the format.

In the older one, an image has one classification; in format 20261015, each detection has one.
Source of the format: the SpeciesNet project's "Output schemas". Boxes are left, top, width and
height in fractions of the upright image. The classification of the whole image, which may be a
detection of category "0", becomes a finding without a box.
"""

from collections.abc import Iterator
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
    ModelInfo,
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
    """The most confident classes of a classifier, with their scores."""

    classes: list[str] = []
    scores: list[float] = []


class SpeciesnetEnsembleResult(msgspec.Struct, rename={"name": "class"}, gc=False):
    """The final classification by the ensemble."""

    name: str
    score: float | None = None


class SpeciesnetDetection(msgspec.Struct, gc=False):
    """A detection with a box, or of the whole image."""

    category: str | int = ""
    label: str | None = None
    conf: float = 0.0
    bbox: list[float] | None = None
    raw_classifications: SpeciesnetClasses | None = None
    processed_classification: SpeciesnetEnsembleResult | None = None


class SpeciesnetPrediction(msgspec.Struct, gc=False):
    """The predictions for one image."""

    filepath: str
    detections: list[SpeciesnetDetection] | None = None
    classifications: SpeciesnetClasses | None = None
    prediction: str | None = None
    prediction_score: float | None = None
    failures: list[str] = []
    failure: str | None = None
    model_version: str | None = None


class SpeciesnetSource(msgspec.Struct, gc=False):
    """The source of a final classification: a person, or a part of the ensemble."""

    source: Any = None


class SpeciesnetVerdict(msgspec.Struct, gc=False):
    """The final classification of a detection, without its class."""

    processed_classification: SpeciesnetSource | None = None


class SpeciesnetReference(msgspec.Struct, gc=False):
    """The reference of a prediction to its image, and what has no place here."""

    filepath: str
    detections: list[SpeciesnetVerdict] | None = None
    failures: list[str] = []
    failure: str | None = None

    def list_lost_values(self) -> Iterator[str]:
        """Describe the values that have no place."""
        for one in self.detections or ():
            verdict = one.processed_classification
            if verdict is not None and verdict.source == "human":
                yield "a classification by a person is imported as a result of a model"
        if self.detections and (self.failures or self.failure):
            yield "a failure is left out, because its image has detections"


PREDICTIONS = msgspec.json.Decoder(SpeciesnetPrediction)
REFERENCES = msgspec.json.Decoder(SpeciesnetReference)


@lru_cache(10_000)
def parse_class(text: str) -> str:
    """Return the name in a class string: the common name, else the most specific rank.

    A class string is `uuid;class;order;family;genus;species;common name`.
    """
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


class SpeciesnetReader(FormatReader):
    """Read predictions."""

    left_out = 0

    def __init__(self, path: Path, options: ImportOptions) -> None:
        self.lost = LostValues()
        self._file = JsonFile(path)
        try:
            if "predictions" not in self._file.parts:
                raise UnreadableFile(
                    "The file has no `predictions`, so it is not a file of SpeciesNet."
                )
            info = self._file.read_part("info", Any)
        except UnreadableFile:
            self._file.close()
            raise
        about = info if isinstance(info, dict) else {}
        self._version = about.get("model_version") or about.get("classifier")
        self._options = options
        self._least = options.confidence_min
        self._name = lru_cache(10_000)(parse_class_name)
        self._model = lru_cache(1000)(self._name_model)

    def _name_model(self, version: str | None) -> ModelInfo:
        return build_model_name(self._options, "SpeciesNet", version or self._version, "SpeciesNet")

    def paths(self) -> Iterator[ImageReference]:
        """List the paths of all entries; the path of an unreadable entry is empty."""
        for element in self._file.split("predictions"):
            try:
                reference = REFERENCES.decode(element)
            except BROKEN:
                yield ImageReference("")
            else:
                self.lost.add("predictions", reference.list_lost_values())
                yield ImageReference(reference.filepath)

    def entries(self, after: int) -> Iterator[ImportEntry | EntryFault]:
        """List the predictions after the first `after` ones."""
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
        """Read the predictions for an image. Raises InvalidEntry."""
        image: SpeciesnetPrediction = entry.content
        model = self._model(image.model_version)
        failures = [*image.failures, *([image.failure] if image.failure else [])]
        if image.prediction is None and (
            image.detections is None or (failures and not image.detections)
        ):
            why = sanitise_text(", ".join(failures) or "nothing was predicted")
            return EntryContent([ImportedResult(model, (), f"SpeciesNet failed: {why}")])
        boxes = [one for one in image.detections or () if str(one.category) != WHOLE]
        whole = [one for one in image.detections or () if str(one.category) == WHOLE]
        if len(boxes) > MOST_DETECTIONS:
            raise InvalidEntry(f"it has more than {MOST_DETECTIONS:,} detections")
        if image.prediction is not None and parse_class(image.prediction) == BLANK:
            # The ensemble takes the boxes into account, and its result is blank.
            return EntryContent([ImportedResult(model, ())], left_out=len(boxes))
        findings: list[ImportedFinding] = []
        reading = EntryContent([ImportedResult(model, findings)])
        for one in boxes:
            self._add_box(one, frame, findings, reading)
        for said in (
            *((one.raw_classifications, one.processed_classification) for one in whole),
            _of_image(image),
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
                f"the category {sanitise_text(str(one.category), 50)} is not one of the detector"
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
                raise InvalidEntry("the numbers of classes and scores differ")
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
        """Close the file."""
        self._file.close()


def _of_image(
    image: SpeciesnetPrediction,
) -> tuple[SpeciesnetClasses | None, SpeciesnetEnsembleResult | None]:
    """Return the classification of the whole image in the older format."""
    verdict = (
        None
        if image.prediction is None
        else SpeciesnetEnsembleResult(image.prediction, image.prediction_score)
    )
    return image.classifications, verdict
