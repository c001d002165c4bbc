"""A Trapline that stores its files on an S3 server: an upload becomes an image with thumbnails."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from tests.support.camera_images import make_picture
from tests.support.running_server import RunningServer, wait_for
from tests.support.s3_server import BUCKET, WRITER, S3Server

from trapline.server.platform.postgres.postgres import find_free_port
from trapline.wire.projects import NewProject


@pytest.fixture
def bucket_server(make_prepared: Callable[[], Path], s3: S3Server) -> Iterator[RunningServer]:
    """A Trapline with its files in the bucket, not started yet."""
    settings = {
        "S3_ENDPOINT": s3.endpoint,
        "S3_BUCKET": BUCKET,
        "S3_ACCESS_KEY_ID": WRITER.access_key_id,
        "S3_SECRET_ACCESS_KEY": WRITER.secret_access_key,
        "TRAPLINE_LOG_FORMAT": "json",
    }
    running = RunningServer(make_prepared(), find_free_port(), settings=settings)
    try:
        yield running
    finally:
        running.end()


def test_pictures_live_in_the_bucket(bucket_server: RunningServer, tmp_path: Path) -> None:
    bucket_server.start()
    file = tmp_path / "IMG_0001.JPG"
    file.write_bytes(make_picture(1, (800, 600)))
    with bucket_server.open() as server:
        project = server.create_project(NewProject(name="In a bucket")).id
        [image_id] = [sent.image_id for sent in server.upload_images([file], project=project).files]
        assert image_id is not None
        wait_for("a thumbnail", lambda: server.get_image(image_id).thumbnail_url is not None)
        image = server.get_image(image_id)
    assert image.thumbnail_url is not None
    thumbnail = httpx2.get(image.thumbnail_url, trust_env=False).raise_for_status()
    assert max(Image.open(io.BytesIO(thumbnail.content)).size) == 320
    assert httpx2.get(image.file_url, trust_env=False).content == file.read_bytes()
    kept = bucket_server.data / "store"
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_a_bucket_that_is_missing_is_said_at_start(bucket_server: RunningServer) -> None:
    bucket_server.settings = {**bucket_server.settings, "S3_BUCKET": "forgotten"}
    bucket_server.start(wait=False)
    assert bucket_server.process is not None
    assert bucket_server.process.wait(60) == 1
    said = bucket_server.log.read_text(encoding="utf-8")
    assert "'forgotten' has no bucket of this name. Create it, or set S3_BUCKET" in said
    assert "Traceback" not in said
    assert WRITER.secret_access_key not in said
