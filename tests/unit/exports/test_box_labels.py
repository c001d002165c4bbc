"""The classification that names a box, with its confidence and its model, in every format."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from PIL import Image
from tests.support.format_spools import (
    HEIGHT,
    LYNX,
    NOON,
    WIDTH,
    found,
    image,
    make_spool,
    write_twice,
)

from trapline.server.exports.formats import (
    camtrap_dp,
    coco_project,
    crops,
    darwin_core_export,
    megadetector_export,
    observation_table,
    speciesnet_export,
    yolo,
)
from trapline.server.exports.formats.export_records import (
    AnnotationRecord,
    ExportReport,
    ExportSpool,
    ImageRecord,
)
from trapline.server.exports.formats.observations import build_observations
from trapline.server.exports.formats.observed_images import (
    ExportedObservation,
    ObservationType,
    ObservedImage,
)
from trapline.server.exports.formats.taxon_resolver import TaxonResolver

DETECTOR, CLASSIFIER, ENSEMBLE = (
    f"speciesnet-{part}" for part in ("detector", "classifier", "ensemble")
)


def _name(
    number: int, label: str, confidence: float | None, model: str, *, terminal: bool | None
) -> AnnotationRecord:
    """Build a classification of box 1 by a separate model."""
    data: dict[str, Any] = {"topk": [{"class": label, "confidence": confidence}]}
    if terminal is not None:
        data["terminal"] = terminal
    return found(
        number,
        label,
        None,
        data=data,
        parent_id=UUID(int=10_001),
        confidence=confidence,
        model_name=model,
        model_version="4",
        at=NOON if model == ENSEMBLE else None,
        taxon=LYNX.id if "lynx" in label else None,
    )


def _box(label: str | None, confidence: float = 0.95) -> AnnotationRecord:
    return found(
        1,
        label or "",
        class_name=label,
        confidence=confidence,
        model_name=DETECTOR,
        model_version="4",
    )


def _speciesnet(
    name: str = "lynx", sure: float = 0.75, raw: str = "lynx", guess: float = 0.75
) -> list[AnnotationRecord]:
    """Build a worker's result of SpeciesNet: the final name, and the detector's confidence."""
    box = msgspec.structs.replace(_box(name), taxon=LYNX.id if name == "lynx" else None)
    return [
        box,
        _name(2, "animal", 0.95, DETECTOR, terminal=False),
        _name(3, raw, guess, CLASSIFIER, terminal=False),
        _name(4, name, sure, ENSEMBLE, terminal=True),
    ]


def _picture(_: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(file, "JPEG")
    return file.getvalue()


def _write(
    write: Callable[[ExportSpool, BinaryIO], ExportReport], folder: Path, *images: ImageRecord
) -> bytes:
    out = io.BytesIO()
    write(make_spool(folder, images, read_image=_picture), out)
    return out.getvalue()


def _rows(content: bytes, name: str = "") -> list[dict[str, str]]:
    if name:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = archive.read(name)
    delimiter = "\t" if name == "occurrence.txt" else ","
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


def _see(*of: AnnotationRecord, **more: Any) -> list[ExportedObservation]:
    seen = msgspec.json.decode(msgspec.json.encode(image(1, *of, **more)), type=ObservedImage)
    return build_observations(seen, TaxonResolver({LYNX.id: LYNX}))


def test_every_format_attributes_a_name_to_its_model(tmp_path: Path) -> None:
    seen = image(1, *_speciesnet(), sequence_id=None)
    [row] = _rows(_write(observation_table.write, tmp_path, seen))
    asked = [
        "detected_class",
        "detected_confidence",
        "class_name",
        "confidence",
        "model_name",
        "scientific_name",
    ]
    assert [row[name] for name in asked] == [
        "animal",
        "0.95",
        "lynx",
        "0.75",
        ENSEMBLE,
        "Lynx lynx",
    ]
    [row] = _rows(
        _write(lambda *given: camtrap_dp.write_package(*given)[0], tmp_path, seen),
        "observations.csv",
    )
    asked = [
        "scientificName",
        "classifiedBy",
        "classificationProbability",
        "classificationTimestamp",
    ]
    assert [row[name] for name in asked] == [
        "Lynx lynx",
        f"{ENSEMBLE} 4",
        "0.75",
        "2026-06-01T12:00:00Z",
    ]
    [row] = _rows(_write(darwin_core_export.write, tmp_path, seen), "occurrence.txt")
    assert (row["identifiedBy"], row["dateIdentified"]) == (f"{ENSEMBLE} 4", "2026-06-01T12:00:00Z")
    assert row["identificationRemarks"] == "confidence of the model: 0.75"
    [prediction] = json.loads(_write(speciesnet_export.write, tmp_path, seen))["predictions"]
    [detection] = prediction["detections"]
    assert (detection["conf"], detection["processed_classification"]["score"]) == (0.95, 0.75)
    assert detection["processed_classification"]["source"] == f"{ENSEMBLE} 4"
    assert prediction["model_version"] == f"{DETECTOR} 4, {ENSEMBLE} 4"
    [row] = _rows(_write(crops.write, tmp_path, seen), "crops.csv")
    assert (row["class"], row["confidence"], row["model"]) == ("Lynx lynx", "0.75", f"{ENSEMBLE} 4")
    [one] = json.loads(_write(coco_project.write, tmp_path, seen))["annotations"]
    assert one["score"] == 0.75


def test_megadetector_separates_detections_and_classifications(tmp_path: Path) -> None:
    own = _name(9, "zebra", 0.9, DETECTOR, terminal=False)
    unsaid = [_name(number, name, sure, CLASSIFIER, terminal=None) for number, name, sure in (
        (5, "fox", 0.1), (6, "animal", 0.5), (7, "lynx", 0.8), (8, "fox", 0.3),
    )]  # fmt: skip
    cases: tuple[tuple[list[AnnotationRecord], str, list[tuple[str, float]]], ...] = (
        (_speciesnet(), "animal", [("lynx", 0.75)]),
        (_speciesnet("animal", 0.9, "lynx", 0.2), "animal", []),
        ([_box("animal"), *unsaid], "animal", [("lynx", 0.8), ("fox", 0.3)]),
        (
            [_box("animal"), own, _name(4, "animal", 0.9, ENSEMBLE, terminal=True)],
            "animal",
            [("zebra", 0.9)],
        ),
        (
            [_box("red fox"), _name(2, "red fox", 0.6, CLASSIFIER, terminal=True)],
            "animal",
            [("red fox", 0.6)],
        ),
        ([_box("moth")], "animal", [("moth", 0.95)]),
        ([_box("human")], "person", []),
        ([_box("truck")], "vehicle", [("truck", 0.95)]),
        ([_box("bench")], "object", [("bench", 0.95)]),
        ([_box(None)], "object", []),
    )
    images = [image(number, *of) for number, (of, _, _) in enumerate(cases)]
    told = json.loads(write_twice(megadetector_export.write, make_spool(tmp_path, images))[1])
    detected, classified = told["detection_categories"], told["classification_categories"]
    assert detected == {"1": "animal", "2": "person", "3": "vehicle", "4": "object"}
    assert sorted(classified.values()) == [
        "bench",
        "fox",
        "lynx",
        "moth",
        "red fox",
        "truck",
        "zebra",
    ]
    assert told["info"]["detector"] == f"{DETECTOR} 4"
    assert told["info"]["classifier"] == f"{ENSEMBLE} 4, {CLASSIFIER} 4, {DETECTOR} 4"
    for one, (_, group, names) in zip(told["images"], cases, strict=True):
        [detection] = one["detections"]
        assert (detected[detection["category"]], detection["conf"]) == (group, 0.95)
        assert [
            (classified[number], sure) for number, sure in detection.get("classifications", [])
        ] == names


def test_overruled_name_is_in_no_format() -> None:
    [one] = _see(*_speciesnet("carnivorous mammal", 0.9, "lynx", 0.21))
    assert (one.label, one.taxon, one.confidence) == ("carnivorous mammal", None, 0.9)
    assert one.named_by is not None
    assert one.named_by.model == f"{ENSEMBLE} 4"
    # The name is below the minimum confidence, so that the detector's label remains.
    _, own, raw, _ = _speciesnet()
    [one] = _see(_box(None), own, raw)
    assert (one.label, one.taxon, one.confidence) == ("animal", None, 0.95)
    [one] = _see(_box(None), raw)
    assert (one.kind, one.label, one.taxon) == (ObservationType.UNKNOWN, "", None)


def test_name_without_a_taxon_is_exported(tmp_path: Path) -> None:
    fox = [_box("animal"), _name(2, "red fox", 0.8, DETECTOR, terminal=None)]
    [one] = _see(*fox)
    assert (one.label, one.confidence, one.kind) == ("red fox", 0.8, ObservationType.ANIMAL)
    told = json.loads(_write(coco_project.write, tmp_path, image(1, *fox)))
    assert [one["name"] for one in told["categories"]] == ["red fox"]
    [row] = _rows(_write(observation_table.write, tmp_path, image(1, *fox)))
    assert (row["detected_class"], row["class_name"]) == ("animal", "red fox")
    of_taxon = msgspec.structs.replace(_box("cat"), taxon=LYNX.id)
    [one] = _see(of_taxon, _name(2, "kitty", 0.8, CLASSIFIER, terminal=None))
    assert (one.label, one.taxon, one.confidence) == ("cat", LYNX.id and str(LYNX.id), 0.95)
    [one] = _see(_box("animal"), _name(2, "unidentified", 0.8, CLASSIFIER, terminal=None))
    assert (one.label, one.kind) == ("animal", ObservationType.ANIMAL)


def test_box_labelled_blank_is_blank(tmp_path: Path) -> None:
    name = "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank"
    blank = image(1, found(1, name, None, confidence=0.8), blank=False)
    [row] = _rows(
        _write(lambda *given: camtrap_dp.write_package(*given)[0], tmp_path, blank),
        "observations.csv",
    )
    told = (
        "observationType",
        "classificationMethod",
        "classifiedBy",
        "classificationProbability",
        "observationTags",
    )
    assert [row[name] for name in told] == ["blank", "machine", "detector 1.2", "0.8", ""]
    [one] = json.loads(_write(coco_project.write_camera_traps, tmp_path, blank))["annotations"]
    assert (one["category_id"], one["score"]) == (0, 0.8)
    with zipfile.ZipFile(io.BytesIO(_write(yolo.write, tmp_path, blank))) as archive:
        assert archive.read(f"labels/train/Ridge-north/{blank.id}.txt") == b""
    box = found(2, "deer", (0, 0, 20, 20))
    assert [one.label for one in _see(*blank.found, box, blank=False)] == ["deer"], (
        "beside which something is seen"
    )
