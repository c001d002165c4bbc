"""Folders of imported files: assigned to deployments with the file, or after a first import."""

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.api_project import SYSTEM, make_field
from tests.support.exchange_project import ExchangeProject
from tests.support.import_client import box, list_files, megadetector, show

from trapline.server.imports.actions import import_folders
from trapline.server.imports.actions.result_import import run_import
from trapline.server.platform.app_context import AppContext

NAMES = ("Old oak", "North ridge", "North bridge")


@dataclass
class CameraProject(ExchangeProject):
    """A project with the IDs of its deployments by their names."""

    deployments: dict[str, str] = field(default_factory=dict)


@pytest.fixture
async def project(system: AppContext) -> CameraProject:
    """A project whose cameras use the same file names; its images are by deployment and number."""
    made = CameraProject(await make_field(system, 0))
    for name in NAMES:
        for number in (1, 2):
            path = f"DCIM/100RECNX/RCNX000{number}.JPG"
            if number == 1:
                made.deployments[name] = await made.create_deployment(name)
            await made.upload(made.deployments[name], path)
            made.images[f"{name}/{number}"] = made.images.pop(path)
    return made


def entries(*folders: str) -> bytes:
    files = [
        f"{folder}/DCIM/100RECNX/RCNX000{number}.JPG" for folder in folders for number in (1, 2)
    ]
    return megadetector(*({"file": file, "detections": [box()]} for file in files))


async def send_file(
    project: CameraProject, content: bytes, status: int = 202, **query: Any
) -> dict[str, Any]:
    params: dict[str, Any] = {
        "project": project.field.project,
        "format": "megadetector",
        "filename": "results.json",
    }
    answer = await project.field.client.post(
        "/api/v2/imports",
        params=params | query,
        content=content,
        headers={"Authorization": f"Token {project.field.owner}"},
    )
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def read_in(project: CameraProject, sent: dict[str, Any]) -> dict[str, Any]:
    await run_import(project.field.system, SYSTEM, sent["id"])
    return await show(project.field, sent)


async def list_analysed(project: CameraProject) -> set[str]:
    found = set()
    for name, image in project.images.items():
        shown = (await project.field.call("GET", f"/images/{image}")).json()
        if shown["analyses"]:
            found.add(name)
    return found


async def test_folders_are_assigned_with_the_file(project: CameraProject) -> None:
    ids = project.deployments
    # The longer folder takes precedence over the shorter one that contains it.
    given = [
        f"2026\\CAM 1={ids['Old oak']}",
        f"cam 2={ids['North ridge']}",
        f"2026={ids['North bridge']}",
    ]
    sent = await send_file(project, entries("2026/Cam 1", "Cam 2"), folder=given)
    assert sent["options"]["folders"]["cam 2"] == ids["North ridge"]
    taken = await read_in(project, sent)
    assert (taken["state"], taken["stored"], taken["faults"]) == ("completed", 4, 0), taken
    assert await list_analysed(project) == {
        "Old oak/1",
        "Old oak/2",
        "North ridge/1",
        "North ridge/2",
    }
    assert list_files(project.field) == []


async def test_folders_without_a_match_are_listed_and_assigned_once(project: CameraProject) -> None:
    sent = await send_file(project, entries("Old oak", "card/N-ridge", "Cam 7"))
    taken = await read_in(project, sent)
    assert (taken["stored"], taken["unknown"] + taken["ambiguous"]) == (2, 4)
    told = (await project.field.call("GET", f"/imports/{sent['id']}/folders")).json()
    assert told["can_assign"] is told["is_complete"] is True
    assert [(one["folder"], one["entries"]) for one in told["folders"]] == [
        ("Cam 7", 2),
        ("card/N-ridge", 2),
    ]
    assert [near["name"] for near in told["folders"][1]["nearest"]] == [
        "North ridge",
        "North bridge",
    ]

    ids = project.deployments
    folders = {"card/N-ridge": ids["North ridge"], "Cam 7": ids["North bridge"]}
    again = await project.field.call("POST", f"/imports/{sent['id']}/folders", {"folders": folders})
    assert (again.status_code, again.json()["state"]) == (202, "queued"), again.text
    taken = await read_in(project, sent)
    assert (taken["state"], taken["total"], taken["stored"], taken["unchanged"]) == (
        "completed",
        6,
        4,
        2,
    ), taken
    assert (taken["faults"], taken["unknown"], taken["ambiguous"]) == (0, 0, 0)
    assert await list_analysed(project) == set(project.images)
    told = (await project.field.call("GET", f"/imports/{sent['id']}/folders")).json()
    assert told == {"folders": [], "is_complete": True, "all_compared": True, "can_assign": False}
    assert list_files(project.field) == []


async def test_folder_that_the_file_does_not_have_is_a_fault(project: CameraProject) -> None:
    ids = project.deployments
    given = [f"Cam 1={ids['Old oak']}", f"Cam 11={ids['North ridge']}"]
    taken = await read_in(project, await send_file(project, entries("Cam 1"), folder=given))
    assert (taken["stored"], taken["faults"]) == (2, 1)
    [fault] = (await project.field.call("GET", f"/imports/{taken['id']}/faults")).json()["results"]
    assert (fault["kind"], fault["place"]) == ("wrong", "folders")
    assert "Cam 11" in fault["message"]


@pytest.mark.parametrize(
    "folder", ["Cam 1", "Cam 1=Old oak", "=0192", "/=01a20233-40ad-73bd-ab44-0ecd7e8963fa"]
)
async def test_folder_without_a_deployment_is_rejected(project: CameraProject, folder: str) -> None:
    refused = await send_file(project, entries("Cam 1"), 400, folder=folder)
    assert "FOLDER=ID" in refused["detail"]
    assert list_files(project.field) == []


async def test_invalid_assignment_is_rejected(project: CameraProject) -> None:
    ids = project.deployments
    strange = "Cam 1=01a20233-40ad-73bd-ab44-0ecd7e8963fa"
    refused = await send_file(project, entries("Cam 1"), 422, folder=strange)
    assert "folder Cam 1" in json.dumps(refused)
    await send_file(
        project, entries("a"), 400, folder=[f"a={ids['Old oak']}", f"a={ids['North ridge']}"]
    )
    await send_file(
        project, entries("a"), 400, folder=f"a={ids['Old oak']}", deployment=ids["Old oak"]
    )
    done = await read_in(project, await send_file(project, entries("Old oak")))
    folders = {"folders": {"Cam 1": ids["Old oak"]}}
    assert (
        await project.field.call("POST", f"/imports/{done['id']}/folders", folders)
    ).status_code == 409
    open_one = await read_in(project, await send_file(project, entries("Cam 1")))
    folders = {"folders": {"Cam 1": "01a20233-40ad-73bd-ab44-0ecd7e8963fa"}}
    assert (
        await project.field.call("POST", f"/imports/{open_one['id']}/folders", folders)
    ).status_code == 422
    assert (await show(project.field, open_one))["state"] == "completed"


def pack(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return buffer.getvalue()


LABEL_STUDIO = [
    {
        "id": 1,
        "annotations": [
            {"id": 7, "result": [{"type": "rectanglelabels", "value": {"x": 1, "y": 2}}]}
        ],
        "data": {"image": "/data/upload/1/1a2b3c4d-IMG_0001.JPG"},
    }
]
SHORT = [
    {"image": "/data/upload/1/a.jpg", "id": 1, "label": [], "annotator": 1, "annotation_id": 1}
]
CVAT = b"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta></meta>
</annotations>
"""
TIMELAPSE = b"RootFolder,File,RelativePath,DateTime,DeleteFlag\r\nx,IMG.JPG,Cam 1,,false\r\n"
WILDLIFE_INSIGHTS = ("x/projects.csv", "x/cameras.csv", "x/deployments.csv", "x/images.csv")
FILES = [
    (json.dumps(LABEL_STUDIO).encode(), "Label Studio", "coco"),
    (json.dumps(SHORT).encode(), "Label Studio", "coco"),
    (CVAT, "CVAT", "COCO 1.0"),
    (pack("annotations.xml", "images/a.jpg"), "CVAT", "COCO 1.0"),
    (TIMELAPSE, "Timelapse", "megadetector"),
    (
        b"SQLite format 3\0" + bytes(100) + b"CREATE TABLE TemplateTable (Id INTEGER)",
        "Timelapse",
        "camtrap-dp",
    ),
    (
        b"project_id,deployment_id,image_id,filename,wi_taxon_id\n1,2,3,a,b\n",
        "Wildlife Insights",
        "camtrap-dp",
    ),
    (pack(*WILDLIFE_INSIGHTS), "Wildlife Insights", "camtrap-dp"),
]


@pytest.mark.parametrize("kind", ["megadetector", "speciesnet", "coco", "camtrap-dp"])
async def test_files_of_known_programs_are_rejected_with_instructions(
    system: AppContext, kind: str
) -> None:
    project = CameraProject(await make_field(system, 0))
    for content, program, advice in FILES:
        taken = await read_in(project, await send_file(project, content, format=kind))
        assert taken["state"] == "failed"
        assert program in taken["error"]
        assert advice in taken["error"]
        assert taken["error"].endswith("Nothing was imported.")


async def test_comparison_of_many_names_is_limited_and_reported(
    project: CameraProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All folders are still listed, some of them without the nearest names."""
    monkeypatch.setattr(import_folders, "MOST_COMPARISONS", 8)
    sent = await send_file(project, entries("A1", "B2", "C3", "N-ridge"))
    await read_in(project, sent)
    told = (await project.field.call("GET", f"/imports/{sent['id']}/folders")).json()
    assert told["all_compared"] is False
    assert {one["folder"] for one in told["folders"]} == {"A1", "B2", "C3", "N-ridge"}
    monkeypatch.undo()
    told = (await project.field.call("GET", f"/imports/{sent['id']}/folders")).json()
    assert told["all_compared"] is True


async def test_folders_of_several_assignments_are_limited_together(project: CameraProject) -> None:
    place = project.deployments["Old oak"]
    sent = await send_file(project, entries("Cam 7"))
    await read_in(project, sent)
    folders = {f"part {number}": place for number in range(1000)}
    first = await project.field.call("POST", f"/imports/{sent['id']}/folders", {"folders": folders})
    assert first.status_code == 202, first.text
    await read_in(project, sent)
    refused = await project.field.call(
        "POST", f"/imports/{sent['id']}/folders", {"folders": {"Cam 7": place}}
    )
    assert refused.status_code == 422, refused.text
    assert "at most 1,000" in refused.text
    assert len((await show(project.field, sent))["options"]["folders"]) == 1000
