"""Paths of pulled images are the same in every export: the names decoded, the folders kept."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from tests.support.camera_server import running_camera
from tests.support.pull_source import fill
from tests.support.source_client import SYSTEM, Desk, open_desk

from trapline.server.exports.actions.export_build import build_export
from trapline.server.platform.app_context import AppContext

NAMES = ["100MEDIA/with space.jpg", "a%2Fb.jpg", "100MEDIA/Füchse & Dachse.jpg"]


@pytest.fixture
async def desk(system: AppContext) -> AsyncIterator[Desk]:
    async with open_desk(system) as made:
        yield made


async def test_an_analysis_names_its_image_as_the_exports_of_the_project_do(desk: Desk) -> None:
    project = desk.house.ids["project_id"]
    async with running_camera() as camera:
        fill(camera, *NAMES)
        desk.reach(camera.port)
        made = await desk.make(camera.url)
        assert made.status_code == 201, made.text
        run = await desk.run(made.json()["id"])
        assert run["imported"] == len(NAMES), run
    listed = (await desk.client.get("/api/v2/images", params={"project": project})).json()[
        "results"
    ]
    images = {one["filename"]: one["id"] for one in listed if one["filename"] != "a.jpg"}
    exported = set()
    for image in images.values():
        body = {"image_id": image, "model_name": "deer-net", "model_version": "1.0"}
        analysis = await desk.client.post(f"/api/v2/images/{image}/analyses", json=body)
        assert analysis.status_code == 201, analysis.text
        coco = await desk.client.get(
            f"/api/v2/analyses/{analysis.json()['id']}/export", params={"format": "coco"}
        )
        exported.add(coco.json()["images"][0]["file_name"])
    assert exported == set(NAMES)
    asked = await desk.client.post(
        "/api/v2/exports", json={"project": project, "format": "megadetector"}
    )
    await build_export(desk.system, SYSTEM, UUID(asked.json()["id"]))
    answer = await desk.client.get(f"/api/v2/exports/{asked.json()['id']}/download")
    assert set(NAMES) <= {
        one["file"].removeprefix("house/") for one in json.loads(answer.content)["images"]
    }
