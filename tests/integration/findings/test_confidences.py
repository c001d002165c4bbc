"""A confidence is stored, filtered and exported with all its digits, whichever way it came."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from dwca.read import DwCAReader
from pycocotools.coco import COCO
from tests.support.api_project import Field, make_field, success
from tests.support.exchange_project import (
    ExchangeProject,
    make_exchange_project,
    open_package,
    read_resource,
    unpack,
    validate_package,
)
from tests.support.external_pipeline import Outside as ExternalPipeline
from tests.support.external_pipeline import begin, box

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.exports import ExportFormat

EXACT = 0.9123456789012345
JUST_BELOW, JUST_ABOVE = 0.9123456789012344, 0.9123456789012346
TINY = 1e-50


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def find(field: Field, **query: Any) -> list[float]:
    answer = await field.client.get(
        "/api/v2/annotations",
        params={"project": field.project, **query},
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.status_code == 200, answer.text
    return [one["confidence"] for one in answer.json()["results"]]


async def test_an_external_pipeline_reads_the_digits_that_it_sent(field: Field) -> None:
    outside = await begin(field)
    sent = [EXACT, JUST_BELOW, TINY, 0.9, 1.0, 0.0]
    posted = [box(confidence=number, ordering=place) for place, number in enumerate(sent)]
    stored = await outside.post(posted)
    assert [one["confidence"] for one in stored["annotations"]] == sent
    again = await outside.post(posted)
    assert (again["created"], again["unchanged"]) == (0, len(sent)), (
        "the same again creates nothing"
    )
    shown = await outside.show()
    assert [one["confidence"] for one in shown["annotations"]] == sent
    ended = await outside.call("POST", "/finalize", {"status": "completed"})
    assert ended.status_code == 200, ended.text
    assert sorted(await find(field)) == sorted(sent)
    assert sorted(await find(field, confidence_min=EXACT)) == [EXACT, 1.0]
    assert sorted(await find(field, confidence_min=JUST_ABOVE)) == [1.0]
    assert sorted(await find(field, confidence_max=JUST_BELOW)) == [0.0, TINY, 0.9, JUST_BELOW]
    of_analysis = await field.call(
        "GET", f"/analyses/{shown['id']}/annotations?confidence_min={EXACT!r}"
    )
    assert [one["confidence"] for one in of_analysis.json()["results"]] == [EXACT, 1.0]
    images = await field.call("GET", f"/images?project={field.project}&class=deer&confidence_min=1")
    assert len(images.json()["results"]) == 1
    boxes = images.json()["results"][0]["boxes"]
    assert EXACT in [one["confidence"] for one in boxes]


# As a program sends them, and the decimal that versions with single precision stored instead. The
# second and third are numbers of a model in single precision, the others have more digits.
SENT_AND_STORED = [
    (0.5, 0.5),
    (0.8999999761581421, 0.9),
    (0.12345679104328156, 0.12345679),
    (0.9876543210123, 0.9876543),
    (EXACT, 0.9123457),
]


async def start_before_upgrade(field: Field) -> tuple[ExternalPipeline, list[dict[str, Any]]]:
    """Create an analysis as the version with single precision left it; return what was posted."""
    pipeline = await begin(field)
    sent, stored = (
        [box(n, confidence=pair[form]) for n, pair in enumerate(SENT_AND_STORED)]
        + [classify(n, confidence=pair[form]) for n, pair in enumerate(SENT_AND_STORED)]
        for form in (0, 1)
    )
    await pipeline.post(stored)
    async with field.system.database.transaction(Scope.system()) as tx:
        await tx.execute("update annotations set confidence_exact = null")
    return pipeline, sent


def classify(parent: int | str, **changes: Any) -> dict[str, Any]:
    """Build a classification of a box, by its ordering or its ID."""
    return {
        "annotation_type": "classification",
        "class_name": "deer",
        "data": {"score": 0.5},
        "parent": parent,
    } | changes


@pytest.mark.parametrize("mode", ["append", "replace"])
async def test_the_same_again_after_the_upgrade_creates_nothing(field: Field, mode: str) -> None:
    pipeline, sent = await start_before_upgrade(field)
    before = (await pipeline.show())["annotations"]
    for _ in range(2):
        again = await pipeline.post(sent, mode)
        assert (again["created"], again["unchanged"], again["total"]) == (0, 10, 10)
        assert (await pipeline.show())["annotations"] == before
        assert [one["id"] for one in again["annotations"]] == [one["id"] for one in before]


async def test_a_box_from_before_the_upgrade_is_named_by_ordering_or_id(field: Field) -> None:
    pipeline, sent = await start_before_upgrade(field)
    [boxed] = [
        one
        for one in (await pipeline.post(sent[:5]))["annotations"]
        if one["confidence"] == 0.9876543210123
    ]
    new = {"class_name": "fox", "confidence": EXACT}
    first = await pipeline.post([sent[3], classify(3, **new)])
    assert (first["created"], first["unchanged"]) == (1, 1)
    assert first["annotations"][1]["parent_id"] == boxed["id"]
    again = await pipeline.post([classify(boxed["id"], **new)])
    assert (again["created"], again["unchanged"]) == (0, 1)
    assert again["annotations"][0]["id"] == first["annotations"][1]["id"]


async def test_other_digits_are_another_annotation_after_the_upgrade(field: Field) -> None:
    pipeline = await begin(field)
    for number in (EXACT, JUST_BELOW, 0.9123457):
        assert (await pipeline.post([box(confidence=number)]))["created"] == 1
    assert sorted(one["confidence"] for one in (await pipeline.show())["annotations"]) == sorted(
        [EXACT, JUST_BELOW, 0.9123457]
    )


async def test_single_precision_is_the_same_as_its_shortest_decimal(field: Field) -> None:
    """A process of the previous version, which may still run, posts 0.9 for the longer number."""
    pipeline = await begin(field)
    assert (await pipeline.post([box(confidence=0.8999999761581421)]))["created"] == 1
    assert (await pipeline.post([box(confidence=0.9)]))["created"] == 0


async def test_the_result_of_a_worker_keeps_its_digits(field: Field) -> None:
    await field.register()
    job = await field.run_job()
    [task, *_] = await field.lease_all(job)
    result = success(task)
    result["result"]["detections"][0]["score"] = EXACT
    result["result"]["detections"][0]["classifications"][0]["scores"] = [JUST_BELOW, 1 - JUST_BELOW]
    assert len(await field.post(job, [result])) == 1
    assert await find(field, type="bounding_box") == [EXACT]
    assert await find(field, type="classification") == [JUST_BELOW]


@pytest.fixture
async def project(system: AppContext) -> ExchangeProject:
    return await make_exchange_project(system)


async def test_an_import_and_its_export_keep_the_digits(project: ExchangeProject) -> None:
    await project.upload(await project.create_deployment("Creek"), "a.jpg")
    detection = {"category": "1", "conf": EXACT, "bbox": [0.1, 0.1, 0.2, 0.2]}
    content = {
        "images": [{"file": "a.jpg", "detections": [detection]}],
        "detection_categories": {"1": "animal"},
    }
    made = await project.import_file(
        "megadetector", json.dumps(content).encode(), model_name="detector", model_version="1"
    )
    assert made["state"] == "completed", made
    assert await find(project.field) == [EXACT]
    _, exported = await project.export("megadetector")
    [image] = json.loads(exported)["images"]
    assert [one["conf"] for one in image["detections"]] == [EXACT]
    _, table = await project.export("csv")
    [row] = [
        row
        for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""))
        if row["confidence"]
    ]
    assert float(row["confidence"]) == EXACT
    _, kept = await project.export("csv", confidence_min=EXACT)
    assert str(EXACT) in kept.decode()
    _, left = await project.export("csv", confidence_min=JUST_ABOVE)
    assert str(EXACT) not in left.decode()


SMALL = [1e-50, 1e-7, 2.5e-5, 0.0001, 0.9]


async def create_small_confidences(project: ExchangeProject) -> None:
    """Import one box for each confidence of SMALL, each on an image in a separate deployment."""
    await project.create_taxon("Vulpes vulpes", "fox", rank="species")
    for place, number in enumerate(SMALL):
        await project.upload(await project.create_deployment(f"Creek {place}"), f"{place}.jpg")
        detection = {"category": "1", "conf": number, "bbox": [0.1, 0.1, 0.2, 0.2]}
        content = {
            "images": [{"file": f"{place}.jpg", "detections": [detection]}],
            "detection_categories": {"1": "fox"},
        }
        made = await project.import_file(
            "megadetector", json.dumps(content).encode(), model_name="detector", model_version="1"
        )
        assert (made["state"], made["faults"]) == ("completed", 0), made


async def test_every_format_exports_confidences_that_are_almost_zero(
    project: ExchangeProject, tmp_path: Path
) -> None:
    """Standard readers of each format read the imported numbers with all their digits."""
    await create_small_confidences(project)
    read: dict[str, list[float | None]] = {}
    for form in ExportFormat:
        # Observations of numbers that small are below the thresholds.
        made, content = await project.export(form.value, content="model", **OPTIONS.get(form, {}))
        assert made["problems"] == [], form
        folder = tmp_path / form.value
        folder.mkdir()
        found = read_exported_confidences(form, content, folder)
        read[form.value] = sorted(found, key=lambda number: number or 0)
    assert read == {form.value: SMALL for form in ExportFormat} | {"yolo": [None] * len(SMALL)}


OPTIONS: dict[ExportFormat, dict[str, Any]] = {
    ExportFormat.CAMTRAP_DP: {"title": "Creek"},
    ExportFormat.DARWIN_CORE: {"title": "Creek", "data_licence": "CC0-1.0"},
}


def read_exported_confidences(form: ExportFormat, content: bytes, folder: Path) -> list[Any]:
    """Read the confidences of all boxes of an export; None for each box of a format without any."""
    file = folder / "export"
    file.write_bytes(content)
    match form:
        case ExportFormat.CAMTRAP_DP:
            package = open_package(content, folder)
            assert validate_package(package) == []
            rows = read_resource(package, "observations")
            return [float(row["classificationProbability"]) for row in rows]
        case ExportFormat.COCO | ExportFormat.COCO_CAMERA_TRAPS:
            return [one["score"] for one in COCO(str(file)).anns.values()]
        case ExportFormat.MEGADETECTOR:
            return [one["conf"] for image in json.loads(content)["images"]
                    for one in image["detections"]]  # fmt: skip
        case ExportFormat.SPECIESNET:
            return [one["conf"] for image in json.loads(content)["predictions"]
                    for one in image["detections"]]  # fmt: skip
        case ExportFormat.DARWIN_CORE:
            with DwCAReader(str(file)) as archive:
                remarks = [
                    row.data["http://rs.tdwg.org/dwc/terms/identificationRemarks"]
                    for row in archive
                ]
            return [float(one.removeprefix("confidence of the model: ")) for one in remarks]
        case ExportFormat.CSV:
            return list(pd.read_csv(file)["confidence"])
        case ExportFormat.PARQUET:
            return list(pd.read_parquet(file)["confidence"])
        case ExportFormat.GEOPARQUET:
            return list(gpd.read_parquet(file)["confidence"])
        case ExportFormat.CROPS:
            [table] = [data for name, data in unpack(content).items() if name.endswith(".csv")]
            read = pd.read_csv(io.BytesIO(table))
            return list(read["confidence"])
        case ExportFormat.YOLO:
            labels = [data for name, data in unpack(content).items() if "labels/" in name]
            return [None for data in labels for row in data.splitlines() if len(row.split()) == 5]
