"""Display in notebooks: images with boxes, everything else as tables, and all text escaped."""

import base64
import importlib.util
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.worker_test_server import TOKEN, FakeServer, make_jpeg

from trapline.client import ApiStatusError, Gallery, RetryPolicy, Table, Trapline
from trapline.client.notebook_tables import NotebookRun
from trapline.wire.annotations import Annotation, AnnotationType

NOW = datetime(2026, 5, 1, 21, 30, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def api(server: FakeServer) -> Iterator[Trapline]:
    with Trapline(server.url, TOKEN, retry=RetryPolicy(0)) as made:
        yield made


def tell_image(server: FakeServer, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Add an image with one box to the server."""
    box = {"id": str(uuid4()), "x_min": 16, "y_min": 12, "x_max": 32, "y_max": 36}
    told = {
        "id": str(UUID(int=number)), "project_id": 1, "deployment_id": str(uuid4()),
        "deployment_name": "Old oak",
        "filename": f"IMG_{number}.JPG", "media_type": "image/jpeg", "size_bytes": 10,
        "sha256": "0", "width": 64,
        "height": 48, "captured_at": NOW.isoformat(), "captured_at_source": "exif",
        "time_zone": "UTC", "flags": [],
        "thumbnail_url": None, "preview_url": None, "file_url": f"{server.image_url}/{number}.jpg",
        "analysis_state": "completed", "classes": ["lynx"], "created_at": NOW.isoformat(),
        "boxes": [box | {"class_name": "lynx", "confidence": 0.93}],
    }  # fmt: skip
    server.images[f"{number}.jpg"] = make_jpeg()
    return told | changes


def tell(
    server: FakeServer,
    *images: dict[str, Any],
    following: str | None = None,
    count: int | None = None,
) -> None:
    page = {
        "results": list(images),
        "next": following,
        "count": len(images) if count is None else count,
    }
    body = json.dumps(page).encode()
    server.meddle = lambda asked: (200, {}, body) if asked.path.startswith("/api/") else None


def test_an_image_is_shown_with_its_boxes(server: FakeServer, api: Trapline) -> None:
    tell(server, tell_image(server))
    [image] = api.list_images(project=1).results
    shown = image._repr_html_()
    assert base64.b64encode(make_jpeg()).decode() in shown
    assert 'viewBox="0 0 64 48"' in shown
    assert '<rect x="16" y="12" width="16" height="24"' in shown
    assert ">lynx 93%</text>" in shown
    assert "IMG_1.JPG · Old oak · 2026-05-01 21:30:00" in shown
    assert image.file_url not in shown, "who has the address has the picture"
    [fetched] = server.paths("/1.jpg")
    assert "Authorization" not in fetched.headers
    assert image.read() == make_jpeg()


def test_a_smaller_copy_is_fetched_where_there_is_one(server: FakeServer, api: Trapline) -> None:
    smaller = {name: f"{server.image_url}/{name}" for name in ("thumbnail_url", "preview_url")}
    server.images |= {"thumbnail_url": b"small", "preview_url": b"middle"}
    tell(server, tell_image(server, 1, **smaller))
    [image] = api.list_images().results
    assert (image.read("thumbnail"), image.read("preview"), image.read()) == (
        b"small",
        b"middle",
        make_jpeg(),
    )
    assert base64.b64encode(b"middle").decode() in image._repr_html_()
    assert base64.b64encode(b"small").decode() in Gallery([image])._repr_html_()


def test_a_picture_that_cannot_be_had_is_said(server: FakeServer, api: Trapline) -> None:
    tell(server, tell_image(server, filename=EVIL))
    [image] = api.list_images().results
    server.images.clear()
    shown = image._repr_html_()
    assert "cannot be shown: the server answered 404" in shown
    assert "<img" not in shown
    with pytest.raises(ApiStatusError):
        image.read()


def test_names_are_never_markup(server: FakeServer, api: Trapline) -> None:
    image = tell_image(server, deployment_name=EVIL, filename=EVIL, media_type=f'"/>{EVIL}')
    image["boxes"][0]["class_name"] = EVIL
    tell(server, image)
    page = api.list_images()
    shown = page.results[0]._repr_html_() + page._repr_html_() + Table(page.results)._repr_html_()
    assert "<img" not in shown
    assert shown.count("&lt;img") >= 6


def test_a_page_of_images_is_a_gallery_that_ends(server: FakeServer, api: Trapline) -> None:
    tell(
        server,
        *(tell_image(server, number) for number in range(1, 27)),
        following="more",
        count=1234,
    )
    shown = api.list_images()._repr_html_()
    assert shown.count("<figure") == 24
    assert "and 2 more" in shown
    assert "one page of 1,234" in shown


def find(number: int, **data: float) -> Annotation:
    return Annotation(
        id=UUID(int=number), analysis_id=UUID(int=9), annotation_type=AnnotationType.BOUNDING_BOX,
        class_name="lynx", confidence=0.93, data=data, parent_id=None, ordering=number,
        algorithm=None, created_at=NOW,
    )  # fmt: skip


def test_messages_are_a_table() -> None:
    table = Table([find(1, x_min=1.5), find(2, x_min=2.0, x_max=4.0)])
    first, second = table.to_dicts()
    assert list(first) == list(second) == table.columns
    assert (first["data.x_min"], first["data.x_max"], second["data.x_max"]) == (1.5, None, 4.0)
    assert (first["id"], first["annotation_type"], first["created_at"]) == (
        str(UUID(int=1)),
        "bounding_box",
        NOW,
    )
    assert len(table) == 2
    shown = table._repr_html_()
    assert "<th>data.x_min</th>" in shown
    assert "<td>1.5</td>" in shown
    assert "download_url" in table.columns
    assert "download_url" not in shown


def test_a_long_table_shows_its_beginning() -> None:
    shown = Table(find(number) for number in range(1, 103))._repr_html_()
    assert shown.count("<tr>") == 101
    assert "and 2 more" in shown


def test_a_table_is_a_frame_of_pandas_where_that_is_installed() -> None:
    table = Table([find(1, x_min=1.5), find(2, x_min=2.0)])
    if importlib.util.find_spec("pandas") is None:
        with pytest.raises(ModuleNotFoundError, match="pandas"):
            table.to_pandas()
        return
    frame = table.to_pandas()
    assert list(frame.columns) == table.columns
    assert frame["data.x_min"].sum() == 3.5


def test_a_run_is_shown_with_what_it_found() -> None:
    progress = {
        "total": 1234,
        "queued": 0,
        "processing": 0,
        "completed": 1200,
        "failed": 34,
        "canceled": 0,
    }
    result = {
        "images": 1234, "completed": 1200, "failed": 34, "annotations": 8,
        "by_class": {"badger": 3, EVIL: 5},
        "analyses": "", "failures": "",
    }  # fmt: skip
    run = NotebookRun.model_validate(
        {
            "job_id": "job-7", "status": "COMPLETED", "preset": EVIL, "pipeline": "known",
            "project": 1,
            "priority": "normal", "parameters": {}, "metadata": {}, "content_preview": "",
            "status_reason": EVIL,
            "created_at": NOW, "updated_at": NOW, "state_history": [], "progress": progress,
            "result": result,
            "error": None,
        }
    )  # fmt: skip
    shown = run._repr_html_()
    assert "1,200 of 1,234 images, 34 failed" in shown
    assert shown.index("<td>5</td>") < shown.index("<td>badger</td><td>3</td>")
    assert "<img" not in shown
