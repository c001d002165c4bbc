"""Detector metadata in MegaDetector exports, checked with the package's validator."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.exchange_project import make_exchange_project
from tests.survey.megadetector_validator import ValidatorUnavailable, validate_results

from trapline.server.platform.app_context import AppContext

V5 = {"typical_detection_threshold": 0.2, "conservative_detection_threshold": 0.05}
V4 = {"typical_detection_threshold": 0.8, "conservative_detection_threshold": 0.3}
OTHER = {
    "megadetector_version": "unknown",
    "typical_detection_threshold": 0.2,
    "conservative_detection_threshold": 0.1,
}


@pytest.mark.parametrize(
    ("detectors", "expected"),
    [
        ([("md_v5a.0.0.pt", "v5a.0.0")], V5 | {"megadetector_version": "v5a.0.0"}),
        ([("md_v5b.0.1.pt", None)], V5 | {"megadetector_version": "v5b.0.1"}),
        ([("megadetector", "v4.1.0")], V4 | {"megadetector_version": "v4.1.0"}),
        (
            [("MegaDetector v1000.0.0-redwood", "v1000.0.0-redwood")],
            {"megadetector_version": "v1000.0.0-redwood", "typical_detection_threshold": 0.3},
        ),
        ([("md_v9.9.9.pt", "v9.9.9")], OTHER),
        ([("deer-net", "v5a.0.0")], OTHER),
        ([("md_v5a.0.0.pt", "v5a.0.0"), ("deer-net", "1.0")], OTHER),
    ],
)
async def test_detector_of_an_export_has_metadata(
    system: AppContext,
    tmp_path: Path,
    detectors: list[tuple[str, str | None]],
    expected: dict[str, Any],
) -> None:
    project = await make_exchange_project(system)
    await project.upload(await project.create_deployment("Old oak"), "1.jpg")
    for place, (detector, version) in enumerate(detectors):
        info: dict[str, Any] = {"format_version": "1.6", "detector": detector}
        if version is not None:
            info["detector_metadata"] = {"megadetector_version": version}
        found = [{"category": "1", "conf": 0.9, "bbox": [0.1 + place / 2, 0.1, 0.3, 0.5]}]
        content = {
            "images": [{"file": "1.jpg", "detections": found}],
            "detection_categories": {"1": "animal"},
            "info": info,
        }
        made = await project.import_file("megadetector", json.dumps(content).encode())
        assert (made["state"], made["faults"]) == ("completed", 0), made
    _, content_of_export = await project.export("megadetector")
    exported = json.loads(content_of_export)
    assert len(exported["images"][0]["detections"]) >= 1
    assert exported["info"]["detector_metadata"] == expected
    results = tmp_path / "results.json"
    results.write_bytes(content_of_export)
    try:
        read = validate_results(results)
    except ValidatorUnavailable as missing:
        pytest.skip(f"the MegaDetector package is not available: {missing}")
    assert read == {"errors": [], "warnings": []}
