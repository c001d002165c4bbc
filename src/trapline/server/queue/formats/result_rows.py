"""Convert a worker's result to rows: boxes and classifications, complete and in the order sent.

A detection becomes a bounding_box annotation, and each of its classifications a classification
annotation below it. The last terminal classification labels the box. A mask and key points become
annotations below the box, too, with its label.

The `confidence` of a box is the score of its detector if it was sent, else that of the
classification that labels it. Lists are filtered by the same number. The confidence of a
classification is the score of its class. A value outside 0 to 1 is not stored as confidence, only
among the scores.

`ordering` numbers the boxes and classifications of a result, so that two equal detections are two
rows. It also identifies a row, because an analysis has one result. Short lists of scores are stored
in the row, long ones as score vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.findings.queries.annotations import ImageClass, NewAnnotation, NewScores
from trapline.server.findings.rules.blank_labels import is_blank_label
from trapline.server.findings.rules.geometry import Frame, PixelBox, clip_box
from trapline.server.queue.formats.result_decoding import (
    ClassificationStruct,
    DetectionStruct,
    SuccessStruct,
)
from trapline.server.queue.formats.result_shapes import (
    DetectionShape,
    add_given,
    get_given,
    has_extras,
    list_extras,
    read_extras,
)
from trapline.server.queue.rules.pipeline_hash import hash_category_map
from trapline.wire.annotations import AnnotationType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOP = 5
SHORT_LIST = 16
LONGEST_CLASS = 500
_COUNTED_BITS = (1 << 20) - 1


@dataclass(frozen=True)
class ResultSubject:
    """The analysis of a result, its image, and the size of the image in upright pixels."""

    analysis_id: UUID
    image_id: UUID
    project_id: int
    frame: Frame


@dataclass(frozen=True)
class StoredAlgorithm:
    """A stored algorithm, with its class list if it has one."""

    id: int
    map_sha256: bytes | None = None
    labels: Sequence[str] = ()


@dataclass
class ResultRows:
    """The rows of one result."""

    subject: ResultSubject
    report: dict[str, Any]
    annotations: list[NewAnnotation] = field(default_factory=list)
    vectors: list[NewScores] = field(default_factory=list)
    maps: dict[bytes, tuple[list[str], list[dict[str, Any]]]] = field(default_factory=dict)
    _about: tuple[bytes, bytes] = field(init=False)
    _classes: dict[str, float] = field(default_factory=dict)
    _boxes: int = 0
    _first_id: int = field(default_factory=lambda: uuid7().int & ~_COUNTED_BITS)

    def __post_init__(self) -> None:
        self._about = self.subject.analysis_id.bytes, self.subject.image_id.bytes

    @property
    def is_blank(self) -> bool:
        """Return whether nothing was found."""
        return self._boxes == 0 and not self._classes

    @property
    def classes(self) -> list[ImageClass]:
        """List each class on the image with its highest confidence (0 if unknown)."""
        return [
            ImageClass(self.subject.image_id, name, confidence)
            for name, confidence in self._classes.items()
        ]

    def add_class(self, name: str | None, confidence: float | None) -> None:
        """Add a class to the image, unless its label means blank."""
        if name is not None and not is_blank_label(name):
            self._classes[name] = max(self._classes.get(name, 0.0), confidence or 0.0)

    def add(
        self,
        kind: AnnotationType,
        algorithm_id: int,
        named: tuple[str | None, float | None],
        data: dict[str, Any],
        parent_id: bytes | None = None,
    ) -> bytes:
        """Add the next annotation of the result; return its ID."""
        ordering = len(self.annotations)
        # One UUIDv7 per result, incremented for each row: fast to generate, and adjacent in the
        # index.
        key = (self._first_id + ordering).to_bytes(16, "big")
        self.annotations.append(
            NewAnnotation(
                key,
                self.subject.project_id,
                self._about[0],
                self._about[1],
                kind,
                named[0],
                named[1],
                data,
                parent_id,
                ordering,
                algorithm_id,
                ordering.to_bytes(16, "big"),
            )
        )
        return key

    def add_detection(
        self, detection: DetectionStruct, algorithms: Mapping[str, StoredAlgorithm]
    ) -> None:
        """Add a detection and its classifications."""
        named_as = [
            (
                named,
                labels := _fitting_labels(named, algorithms[named.algorithm.key].labels),
                _confidence(named, labels),
            )
            for named in detection.classifications
        ]
        name, confidence = None, detection.score
        for named, _, named_with in named_as:
            if named.terminal:
                name = named.classification[:LONGEST_CLASS]
                confidence = detection.score if detection.score is not None else named_with
        box_id = None
        is_empty = False
        shapes: Sequence[DetectionShape] = ()
        algorithm = algorithms[detection.algorithm.key]
        if detection.bbox is not None:
            data, is_empty = _describe_box(detection, self.subject.frame)
            if has_extras(detection):
                shapes, kept = read_extras(detection, self.subject.frame, may_draw=not is_empty)
                data |= kept
            box_id = self.add(AnnotationType.BOUNDING_BOX, algorithm.id, (name, confidence), data)
            self._boxes += not is_empty and (name is None or not is_blank_label(name))
        if not is_empty:
            self.add_class(name, confidence)
        for named, labels, named_with in named_as:
            self.add_classification(
                named, algorithms[named.algorithm.key], (labels, named_with), box_id
            )
        for shape in shapes:
            self.add(shape.kind, algorithm.id, (name, confidence), shape.data, box_id)

    def add_classification(
        self,
        named: ClassificationStruct,
        algorithm: StoredAlgorithm,
        read: tuple[Sequence[str], float | None],
        box_id: bytes | None,
    ) -> None:
        """Add a classification of a box, or of the whole image if there is no box.

        `read` is the class list of its scores, and its confidence.
        """
        labels, confidence = read
        scores, logits = named.scores or [], named.logits
        length = max(len(scores), len(logits or ()))
        vector = _as_vector(scores) if len(scores) > SHORT_LIST else None
        data: dict[str, Any] = {
            "topk": list_top_scores(named, labels, vector),
            "terminal": named.terminal,
        }
        if named.labels and list(named.labels) != list(algorithm.labels):
            data["class_list"] = self._keep_map(list(named.labels), [])
        if named.inference_time is not None:
            data["inference_time"] = named.inference_time
        if named.timestamp is not None:
            data["timestamp"] = named.timestamp
        about = (named.classification[:LONGEST_CLASS], confidence)
        if len(named.classification) > LONGEST_CLASS:
            data["given_class"] = named.classification
        if 0 < length <= SHORT_LIST:
            if scores:
                data["scores"] = scores
            if logits is not None:
                data["logits"] = logits
        annotation_id = self.add(AnnotationType.CLASSIFICATION, algorithm.id, about, data, box_id)
        if length > SHORT_LIST:
            from trapline.server.findings.rules.score_codec import ENCODING, encode_scores

            self.vectors.append(
                NewScores(
                    annotation_id,
                    self.subject.analysis_id,
                    self.subject.project_id,
                    ENCODING,
                    len(scores) or length,
                    encode_scores(scores if vector is None else vector, logits),
                )
            )

    def _keep_map(self, labels: list[str], data: list[dict[str, Any]]) -> str:
        sha256 = hash_category_map(labels, data)
        self.maps[sha256] = (labels, data)
        return sha256.hex()

    def keep_algorithms(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the algorithms of a result; long class lists are stored once per content."""
        kept: dict[str, Any] = {}
        for key, algorithm in given.items():
            kept[key] = algorithm
            category_map = algorithm.get("category_map") if isinstance(algorithm, dict) else None
            if isinstance(category_map, dict):
                labels = category_map.get("labels")
                data = category_map.get("data")
                labels = [str(label) for label in labels] if isinstance(labels, list) else []
                entries = (
                    [entry for entry in data if isinstance(entry, dict)]
                    if isinstance(data, list)
                    else []
                )
                if labels or entries:
                    rest = {
                        name: value
                        for name, value in category_map.items()
                        if name not in ("labels", "data")
                    }
                    sha256 = self._keep_map(labels, entries)
                    kept[key] = {**algorithm, "category_map": {**rest, "class_list": sha256}}
        return kept


def build_result_rows(
    subject: ResultSubject, result: SuccessStruct, algorithms: Mapping[str, StoredAlgorithm]
) -> ResultRows:
    """Build the rows of a result.

    `algorithms` must have every key that the findings of the result name.
    """
    findings = ResultRows(subject, {})
    for detection in result.detections:
        findings.add_detection(detection, algorithms)
    report: dict[str, Any] = {
        "pipeline": result.pipeline,
        "source_images": [image.id for image in result.source_images],
    }
    add_given(report, total_time=result.total_time, config=get_given(result.config))
    if result.algorithms:
        report["algorithms"] = findings.keep_algorithms(result.algorithms)
    empty = [
        {
            "algorithm": detection.algorithm.key,
            "timestamp": detection.timestamp,
            **(list_extras(detection) if has_extras(detection) else {}),
        }
        for detection in result.detections
        if detection.bbox is None
    ]
    if empty:
        report["nothing_found"] = empty
    findings.report = report
    return findings


def _as_vector(scores: Sequence[float]) -> "NDArray[np.float64]":
    # Imported with the first long list, because it would take a tenth of the start of a process.
    import numpy as np

    return np.asarray(scores, np.float64)


def _confidence(named: ClassificationStruct, labels: Sequence[str]) -> float | None:
    """Return the score of a classification's class:

    by its index in the class list, else the highest.
    """
    scores = named.scores
    if not scores:
        return None
    try:
        score = scores[labels.index(named.classification)]
    except ValueError:
        score = max(scores)
    return score if 0 <= score <= 1 else None


def list_top_scores(
    named: ClassificationStruct, labels: Sequence[str], vector: "NDArray[np.float64] | None"
) -> list[dict[str, Any]]:
    """List the highest scores with their classes; a class without a name is given by its index.

    `vector` holds the scores as an array, if there are many.
    """
    scores = named.scores or ()
    if not scores:
        return [{"class": named.classification, "confidence": None}]
    best: Sequence[int] = range(len(scores))
    if vector is not None:
        best = sorted(vector.argpartition(len(vector) - TOP)[-TOP:].tolist())
    # Sorting is stable, also in reverse: of equal scores the first stays first.
    ranked = sorted(best, key=scores.__getitem__, reverse=True)[:TOP]
    return [
        {"class": _name_class(index, place, named, labels), "confidence": scores[index]}
        for place, index in enumerate(ranked)
    ]


def _name_class(index: int, place: int, named: ClassificationStruct, labels: Sequence[str]) -> str:
    if labels:
        return labels[index]
    return named.classification if place == 0 else str(index)


def _fitting_labels(named: ClassificationStruct, labels: Sequence[str]) -> Sequence[str]:
    """Return the class list of the scores:

    the one sent, else the registered one if its length fits.
    """
    length = len(named.scores or ())
    if named.labels and len(named.labels) == length:
        return named.labels
    return labels if len(labels) == length else ()


def _describe_box(detection: DetectionStruct, frame: Frame) -> tuple[dict[str, Any], bool]:
    box = detection.bbox
    assert box is not None
    given = PixelBox(box.x1, box.y1, box.x2, box.y2)
    clipped = clip_box(given, frame)
    data: dict[str, Any] = {
        "x_min": clipped.x_min,
        "y_min": clipped.y_min,
        "x_max": clipped.x_max,
        "y_max": clipped.y_max,
        "image_width": frame.width,
        "image_height": frame.height,
    }
    if clipped is not given:
        data["given"] = {"x1": box.x1, "y1": box.y1, "x2": box.x2, "y2": box.y2}
    if clipped.is_empty:
        data["empty"] = True
    # Field by field, because this runs ten times per image: a loop took as long as all other code
    # here.
    if detection.inference_time is not None:
        data["inference_time"] = detection.inference_time
    if detection.timestamp is not None:
        data["timestamp"] = detection.timestamp
    if detection.crop_image_url is not None:
        data["crop_image_url"] = detection.crop_image_url
    return data, clipped.is_empty
