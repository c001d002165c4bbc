"""Every export format over HTTP: the file of a worker's results, or the reported problem."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from dwca.read import DwCAReader
from PIL import Image
from tests.support.api_project import SYSTEM, Field, make_field, success
from tests.support.exchange_project import make_exchange_project
from tests.support.image_factory import make_jpeg

from trapline.server.exports.actions.export_build import build_export
from trapline.server.platform.app_context import AppContext

FORMATS = (
    "coco",
    "coco-camera-traps",
    "yolo",
    "megadetector",
    "speciesnet",
    "darwin-core",
    "csv",
    "parquet",
    "geoparquet",
    "crops",
)


@pytest.fixture
async def field(system: AppContext) -> Field:
    field = await make_field(system)
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease_all(job)])
    return field


async def _make(field: Field, form: str, **options: Any) -> tuple[dict[str, Any], bytes]:
    asked = await field.call(
        "POST", "/exports", {"project": field.project, "format": form, "options": options}
    )
    assert asked.status_code == 202, asked.text
    key = asked.json()["id"]
    await build_export(field.system, SYSTEM, UUID(key))
    made = (await field.call("GET", f"/exports/{key}")).json()
    answer = await field.client.get(
        f"/api/v2/exports/{key}/download", headers={"Authorization": f"Token {field.owner}"}
    )
    assert answer.status_code == (200 if made["state"] == "ready" else 409)
    return made, answer.content


async def test_file_of_every_format_can_be_opened(field: Field) -> None:
    [(key,)] = await field.ask("select storage_key from images where id = %s", field.images[0])
    picture = make_jpeg(7, size=(200, 100))
    async with field.system.store.receive() as incoming:
        incoming.write(picture)
        await field.system.store.keep(incoming, key)
    for form in FORMATS:
        made, content = await _make(field, form)
        assert (made["state"], made["error"], made["problems"]) == ("ready", None, []), form
        if made["media_type"] == "application/zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                assert archive.testzip() is None
                pictures = [
                    archive.read(name) for name in archive.namelist() if name.endswith(".jpg")
                ]
            if form == "yolo":
                assert pictures == [picture]
            elif form == "crops":
                [crop] = pictures
                assert Image.open(io.BytesIO(crop)).size < (200, 100)
        elif made["media_type"] == "application/json":
            json.loads(content)
        elif "parquet" in made["media_type"]:
            assert content[:4] == content[-4:] == b"PAR1"
    made, content = await _make(field, "coco", with_images=True)
    assert (made["filename"][-9:], made["media_type"]) == ("-coco.zip", "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name, path = archive.namelist()
        assert (name, archive.read(path)) == ("annotations.json", picture)
    # The other images of the test project have no files, which is reported.
    assert [one["count"] for one in made["left_out"]] == [made["images"] - 1]


async def test_camtrap_dp_requires_coordinates_of_every_deployment(field: Field) -> None:
    made, _ = await _make(field, "camtrap-dp")
    assert made["state"] == "invalid"
    [problem] = made["problems"]
    assert "has no coordinates" in problem["what"]
    placed = await field.call(
        "PATCH", f"/deployments/{problem['deployment_id']}", {"latitude": 47.5, "longitude": 11.0}
    )
    assert placed.status_code == 200, placed.text
    made, content = await _make(field, "camtrap-dp")
    assert (made["state"], made["problems"]) == ("ready", [])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = ["datapackage.json", "deployments.csv", "media.csv", "observations.csv"]
        assert sorted(archive.namelist()) == names
        assert archive.read("media.csv").count(b"\n") == 1 + made["images"]


async def test_darwin_core_writes_all_digits_of_an_uncertainty(
    system: AppContext, tmp_path: Path
) -> None:
    """A coordinate uncertainty of seven digits has no exponent and is not rounded."""
    project = await make_exchange_project(system)
    taxon = await project.create_taxon("Vulpes vulpes", rank="species")
    await project.upload(
        await project.create_deployment("Creek", coordinate_uncertainty_m=1_234_567.0), "a.jpg"
    )
    await project.identify("correct", "a.jpg", taxon=taxon)
    _, content = await project.export("darwin-core", title="Creek", data_licence="CC0-1.0")
    (tmp_path / "archive.zip").write_bytes(content)
    with DwCAReader(str(tmp_path / "archive.zip")) as archive:
        read = [
            row.data["http://rs.tdwg.org/dwc/terms/coordinateUncertaintyInMeters"]
            for row in archive
        ]
    assert read == ["1234567"]
