"""Exports of images are read back by the reader of the same format."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest

from trapline.server.exports.formats.export_formats import FORMATS
from trapline.server.exports.formats.export_records import (
    IMAGES,
    AnnotationRecord,
    DeploymentRecord,
    ExportMetadata,
    ExportSpool,
    ImageRecord,
    write_records,
)
from trapline.server.imports.formats.image_index import ImageIndex, ImageMatch, IndexedImage
from trapline.server.imports.formats.import_formats import open_reader
from trapline.server.imports.formats.import_records import EntryFault, ImportedFinding, ImportEntry
from trapline.wire.exports import ExportFormat
from trapline.wire.imports import ImportFormat, ImportOptions

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPACE, OAK, BEECH = UUID(int=7), UUID(int=8), UUID(int=9)
FRAME = {"image_width": 200, "image_height": 100}
BOX = {"x_min": 20.0, "y_min": 10.0, "x_max": 80.0, "y_max": 60.0} | FRAME
RING = {"format": "polygon", "points": [[5.0, 5.0], [55.0, 5.0], [30.0, 45.0]]} | FRAME


def found(
    kind: str, name: str, data: dict[str, Any], number: int, parent: int | None = None
) -> AnnotationRecord:
    return AnnotationRecord(
        id=uuid5(SPACE, str(number)),
        analysis_id=UUID(int=3),
        type=kind,
        data=data,
        class_name=name,
        confidence=0.75,
        parent_id=None if parent is None else uuid5(SPACE, str(parent)),
        model_name="Ranger",
        model_version="3",
    )


def image(path: str, deployment: UUID, *seen: AnnotationRecord) -> ImageRecord:
    return ImageRecord(
        id=uuid5(deployment, path),
        deployment_id=deployment,
        filename=path.rpartition("/")[2],
        path=path,
        media_type="image/jpeg",
        width=200,
        height=100,
        captured_at=NOON,
        captured_at_source="exif",
        time_zone="UTC",
        sha256="00",
        size_bytes=7,
        file="originals/00",
        analysed=True,
        blank=not seen,
        found=list(seen),
    )


def export(folder: Path, kind: ExportFormat, images: Sequence[ImageRecord]) -> Path:
    load = FORMATS[kind].load
    if load is None:
        pytest.skip(f"nothing writes {kind} yet")
    (folder / IMAGES).write_bytes(write_records(images))
    deployments = [DeploymentRecord(id=OAK, name="Old oak", time_zone="UTC")]
    deployments.append(DeploymentRecord(id=BEECH, name="Beech", time_zone="UTC"))
    about = ExportMetadata(
        project_id=1,
        project_name="P",
        project_description="",
        started_at=NOON,
        deployments=deployments,
    )
    with (folder / "file").open("wb") as out:
        load()(ExportSpool(folder, about, lambda key: key.encode()), out)
    return folder / "file"


def read_back(
    path: Path, kind: ImportFormat, images: Sequence[ImageRecord]
) -> dict[UUID, list[ImportedFinding]]:
    """Return the findings of each image that an import reads from a file."""
    reader, catalogue = open_reader(kind, path, ImportOptions()), ImageIndex()
    for key, name in ((OAK, "Old oak"), (BEECH, "Beech")):
        catalogue.add_deployment(key, name)
        own = [one for one in images if one.deployment_id == key]
        catalogue.add(
            IndexedImage(one.id, key, name, one.path, one.width, one.height) for one in own
        )
    catalogue.complete()
    assert not [one for one in reader.deployments() if isinstance(one, EntryFault)]
    reader.place_deployments({str(key): key for key in (OAK, BEECH)})
    told: dict[UUID, list[ImportedFinding]] = {}
    for entry in reader.entries(0):
        assert isinstance(entry, ImportEntry), entry
        by_id = None if entry.image_id is None else catalogue.find_by_id(entry.image_id)
        match = by_id or catalogue.find(entry.path, entry.deployment_id)
        assert isinstance(match, ImageMatch), (entry.path, match)
        reading = reader.read(entry, match.frame)
        told[match.id] = [finding for result in reading.results for finding in result.findings]
    reader.close()
    catalogue.close()
    return told


SEEN = [
    image("DCIM/100/IMG_1.JPG", OAK, found("bounding_box", "animal", BOX, 1)),
    image("DCIM/100/IMG_1.JPG", BEECH, found("bounding_box", "person", BOX, 2)),
    image("DCIM/101/IMG_1.JPG", BEECH),
]


def test_megadetector_results_are_read_back(tmp_path: Path) -> None:
    named = found(
        "classification", "red fox", {"topk": [{"class": "red fox", "confidence": 0.75}]}, 3, 1
    )
    images = [
        *SEEN[1:],
        image("DCIM/100/IMG_1.JPG", OAK, found("bounding_box", "animal", BOX, 1), named),
    ]
    back = read_back(
        export(tmp_path, ExportFormat.MEGADETECTOR, images), ImportFormat.MEGADETECTOR, images
    )
    oak = back[SEEN[0].id]
    assert [(one.kind, one.class_name, one.confidence, one.parent) for one in oak] == [
        ("bounding_box", "animal", 0.75, None),
        ("classification", "red fox", 0.75, 0),
    ]
    assert oak[0].data == pytest.approx(BOX, abs=1e-3)
    assert [one.class_name for one in back[SEEN[1].id]] == ["person"]
    assert back[SEEN[2].id] == []


def test_coco_is_read_back(tmp_path: Path) -> None:
    images = [
        image(
            "IMG_1.JPG",
            OAK,
            found("bounding_box", "okapi", BOX, 1),
            found("segmentation", "okapi", RING, 2),
        )
    ]
    back = read_back(export(tmp_path, ExportFormat.COCO, images), ImportFormat.COCO, images)
    box, ring = back[images[0].id]
    assert (box.kind, box.class_name, ring.kind, ring.class_name) == (
        "bounding_box",
        "okapi",
        "segmentation",
        "okapi",
    )
    assert box.data == pytest.approx(BOX, abs=1e-3)
    assert ring.data["points"] == RING["points"]


def test_key_points_of_a_mask_are_read_back(tmp_path: Path) -> None:
    points = [
        {"name": "nose", "x": 30.0, "y": 20.0},
        {"name": "tail", "x": 12.0, "y": 8.0},
        {"name": "ear"},
    ]
    pose = {"keypoints": points, "skeleton": [[0, 1]]} | FRAME
    seen = found("segmentation", "person", RING, 1), found("keypoint", "person", pose, 2, 1)
    images = [image("IMG_1.JPG", OAK, *seen, found("keypoint", "person", pose, 3))]
    path = export(tmp_path, ExportFormat.COCO, images)
    assert len(json.loads(path.read_bytes())["annotations"]) == 2
    back = read_back(path, ImportFormat.COCO, images)[images[0].id]
    assert [(one.kind, one.parent) for one in back] == [
        ("segmentation", None),
        ("keypoint", 0),
        ("keypoint", None),
    ]
    for one in back[1:]:
        assert [
            (point["name"], point.get("x"), point.get("y")) for point in one.data["keypoints"]
        ] == [
            ("nose", 30.0, 20.0),
            ("tail", 12.0, 8.0),
            ("ear", None, None),
        ]
        assert one.data["skeleton"] == [[0, 1]]
    assert back[0].data["points"] == RING["points"]


def test_camtrap_dp_is_read_back(tmp_path: Path) -> None:
    lynx = (
        found("bounding_box", "animal", BOX, 1),
        found("classification", "lynx", {"topk": []}, 2, 1),
    )
    images = [
        image("DCIM/IMG_1.JPG", OAK, *lynx),
        image("IMG_2.JPG", BEECH),
        image("IMG_1.JPG", BEECH),
    ]
    back = read_back(
        export(tmp_path, ExportFormat.CAMTRAP_DP, images), ImportFormat.CAMTRAP_DP, images
    )
    [box] = back[images[0].id]
    assert (box.kind, box.class_name, box.confidence) == ("bounding_box", "lynx", 0.75)
    assert box.data == pytest.approx(BOX, abs=1e-3)
    assert (back[images[1].id], back[images[2].id]) == ([], [])


def test_speciesnet_predictions_are_read_back(tmp_path: Path) -> None:
    images = [
        image("IMG_1.JPG", OAK, found("bounding_box", "animal", BOX, 1)),
        image("IMG_2.JPG", OAK),
    ]
    back = read_back(
        export(tmp_path, ExportFormat.SPECIESNET, images), ImportFormat.SPECIESNET, images
    )
    assert back[images[0].id][0].class_name == "animal"
    assert back[images[0].id][0].data == pytest.approx(BOX, abs=1e-1)
    assert back[images[1].id] == []
