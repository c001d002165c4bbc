"""MegaDetector results: boxes in fractions, numbered categories, failures and unique names."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.export_spools import (
    AT,
    DEPLOYMENT,
    LYNX,
    make_box,
    make_image,
    make_name,
    make_said,
    make_spool,
    observe,
)

from trapline.server.exports.formats.export_records import (
    DeploymentRecord,
    ExportReport,
    ImageRecord,
)
from trapline.server.exports.formats.megadetector_export import write


def read(folder: Path, *images: ImageRecord, **more: object) -> tuple[dict[str, Any], ExportReport]:
    out = io.BytesIO()
    report = write(make_spool(folder, *images, **more), out)
    return json.loads(out.getvalue()), report


def test_boxes_have_their_classifications(tmp_path: Path) -> None:
    names = make_name(3, 1, "fox", confidence=0.1), make_name(4, 1, taxon=LYNX)
    found, report = read(
        tmp_path, make_image(1, make_box(2, "moth", confidence=None), make_box(1), *names)
    )
    assert (report.written, report.left_out, report.problems) == (1, [], [])
    assert found["images"] == [
        {
            "file": "DCIM/1.jpg",
            "detections": [
                {
                    "category": "1",
                    "conf": 1.0,
                    "bbox": [0.1, 0.1, 0.5, 0.5],
                    "classifications": [["0", 1.0]],
                },
                {
                    "category": "1",
                    "conf": 0.9,
                    "bbox": [0.1, 0.1, 0.5, 0.5],
                    "classifications": [["1", 0.8], ["2", 0.1]],
                },
            ],
        }
    ]
    assert found["detection_categories"] == {"1": "animal", "2": "person", "3": "vehicle"}
    assert found["classification_categories"] == {"0": "moth", "1": "lynx", "2": "fox"}
    assert found["classification_category_descriptions"] == {
        "0": "",
        "1": "mammalia;lynx lynx",
        "2": "",
    }
    assert (found["info"]["format_version"], found["info"]["detector"]) == ("1.6", "detector 5")
    assert "detection_completion_time" not in found["info"], "which nothing tells"
    at = [AT - timedelta(days=1), AT, None]
    found, _ = read(
        tmp_path, *(make_image(n, make_box(1, "moth", at=one)) for n, one in enumerate(at))
    )
    assert found["info"]["detection_completion_time"] == "2026-03-01 12:00:00"
    assert found["info"]["classification_completion_time"] == "2026-03-01 12:00:00"


def test_blank_and_unanalysed_images_differ(tmp_path: Path) -> None:
    found, _ = read(tmp_path, make_image(1, analysed=True), make_image(2))
    assert found["images"] == [
        {"file": "DCIM/1.jpg", "detections": []},
        {
            "file": "DCIM/2.jpg",
            "failure": "No analysis of this image is completed",
            "detections": None,
        },
    ]
    assert read(tmp_path)[0]["images"] == []


def test_omissions_are_reported(tmp_path: Path) -> None:
    box = make_box(2, None, data={"x_min": -5, "y_min": 0, "x_max": 999, "y_max": 50})
    name = make_name(1, None)
    seen = [observe(name, "animal"), observe(box, "unknown", make_said("confirm"))]
    found, report = read(tmp_path, *(make_image(n, name, box, observed=seen) for n in range(3)))
    assert [
        detection["bbox"] for image in found["images"] for detection in image["detections"]
    ] == [[0, 0, 1, 0.5]] * 3
    assert found["detection_categories"]["4"] == "object"
    assert [one.count for one in report.left_out] == [3, 3]


def test_files_of_several_deployments_are_in_folders(tmp_path: Path) -> None:
    other = UUID(int=2)
    places = [
        DeploymentRecord(id=DEPLOYMENT, name="../up", time_zone="UTC"),
        DeploymentRecord(id=other, name="B/C", time_zone="UTC"),
    ]
    images = (
        make_image(1, path="/etc/../../a.jpg"),
        make_image(2, path="D:\\b.jpg", deployment_id=other),
    )
    found, _ = read(tmp_path, *images, deployments=places)
    assert [image["file"] for image in found["images"]] == ["_up/etc/a.jpg", "B_C/D/b.jpg"]


def test_deployments_with_similar_names_have_separate_folders(tmp_path: Path) -> None:
    names = {DEPLOYMENT: "A/B", UUID(int=2): "A:B", UUID(int=3): "images"}
    places = [DeploymentRecord(id=key, name=name, time_zone="UTC") for key, name in names.items()]
    images = [make_image(1, make_box(1), deployment_id=key) for key in names]
    found, _ = read(tmp_path, *images, deployments=places)
    assert [one["file"] for one in found["images"]] == [
        "A_B/DCIM/1.jpg", f"A_B-{UUID(int=2)}/DCIM/1.jpg", "images/DCIM/1.jpg",
    ]  # fmt: skip
