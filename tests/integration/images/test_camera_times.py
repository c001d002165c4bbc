"""Images with the time of their file are flagged, listed and counted on every surface."""

import csv
import io
import zipfile
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from tests.support.api_project import Field, make_field
from tests.support.export_client import Desk

from trapline.server.platform.app_context import AppContext

FLAG = "no_camera_time"


def picture(seed: int, taken: str | None) -> bytes:
    """Return a photograph with or without a camera time.

    A Reconyx HC500 has it in its MakerNote only.
    """
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "RECONYX", "HC500 HYPERFIRE"
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (seed, 90, 90)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.fixture
async def field(system: AppContext) -> Field:
    """Create a project with three uploaded images: by camera, by modification and by arrival."""
    field = await make_field(system, 0)
    [deployment] = (await field.call("GET", f"/deployments?project={field.project}")).json()[
        "results"
    ]
    place = {"latitude": 46.5, "longitude": 7.5}
    assert (await field.call("PATCH", f"/deployments/{deployment['id']}", place)).status_code == 200
    # In the order of the form: a time is that of the file that follows.
    parts: list[tuple[str, Any]] = [
        ("project", (None, str(field.project))),
        ("deployment", (None, deployment["id"])),
    ]
    for number, taken in enumerate(("2026:05:01 06:00:00", None, None)):
        if number == 1:
            parts.append(("modified_at", (None, "2026-05-02T06:00:00Z")))
        parts.append(("files", (f"RCNX000{number}.JPG", picture(number, taken), "image/jpeg")))
    headers = {"Authorization": f"Token {field.owner}"}
    sent = await field.client.post("/api/v2/images", files=parts, headers=headers)
    assert sent.status_code == 200, sent.text
    told = sent.json()
    assert (told["imported"], told["without_camera_time"]) == (3, 2), (
        "the report of the upload counts them"
    )
    sources = [file["captured_at_source"] for file in told["files"]]
    assert sources == ["exif", "modified_time", "received_time"]
    field.images = [UUID(file["image_id"]) for file in told["files"]]
    return field


async def list_ids(field: Field, **query: str) -> set[UUID]:
    answer = await field.client.get(
        "/api/v2/images",
        params={"project": field.project, **query},
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.status_code == 200, answer.text
    return {UUID(one["id"]) for one in answer.json()["results"]}


async def count(field: Field, **query: Any) -> int:
    params = {"project": field.project, **query}
    answer = await field.client.get(
        "/api/v2/summary", params=params, headers={"Authorization": f"Token {field.owner}"}
    )
    return int(answer.json()["without_camera_time"])


async def test_images_dated_by_their_file_are_flagged_listed_and_counted(field: Field) -> None:
    by_camera, by_file, by_arrival = field.images
    flags = [
        (await field.call("GET", f"/images/{image}")).json()["flags"] for image in field.images
    ]
    assert flags == [[], [FLAG], [FLAG]]
    assert await list_ids(field, camera_time="true") == {by_camera}
    assert await list_ids(field, camera_time="false") == {by_file, by_arrival}
    assert await count(field) == 2
    assert await count(field, day_after="2026-05-02", day_before="2026-05-03") == 1
    assert await count(field, **{"class": "deer"}) == 0
    desk = Desk(field)
    rows = await desk.read((await desk.make(selection={}))["id"])
    assert {UUID(row["image_id"]): row["flags"] for row in rows} == {
        by_camera: "",
        by_file: FLAG,
        by_arrival: FLAG,
    }
    chosen = await desk.read((await desk.make(selection={"camera_time": False}))["id"])
    assert {UUID(row["image_id"]) for row in chosen} == {by_file, by_arrival}
    package = await desk.download((await desk.make("camtrap-dp", selection={}))["id"])
    with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
        deployments, media = [
            list(csv.DictReader(io.StringIO(archive.read(f"{name}.csv").decode())))
            for name in ("deployments", "media")
        ]
    assert [one["timestampIssues"] for one in deployments] == ["true"]
    comments = {one["fileName"]: FLAG in one["mediaComments"] for one in media}
    assert comments == {"RCNX0000.JPG": False, "RCNX0001.JPG": True, "RCNX0002.JPG": True}


async def test_a_time_that_a_person_gives_is_not_flagged(field: Field) -> None:
    change = {"images": [str(field.images[1])], "captured_at": "2026-05-03T06:00:00Z"}
    assert (await field.call("PATCH", "/images", change)).status_code == 200
    assert (await field.call("GET", f"/images/{field.images[1]}")).json()["flags"] == []
    assert await list_ids(field, camera_time="false") == {field.images[2]}
    assert await count(field) == 1
    back = {"images": [str(field.images[1])], "as_read": True}
    assert (await field.call("PATCH", "/images", back)).status_code == 200
    assert await count(field) == 2
    await field.call("POST", "/images/delete", {"images": [str(field.images[2])], "reason": "x"})
    assert await count(field) == 1
