"""Images are pulled automatically, with a real camera server, processes and the command line."""

import json
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.camera_images import fill
from tests.support.image_factory import make_jpeg
from tests.support.running_server import RunningServer, wait_for

from trapline.client import Trapline
from trapline.wire.sources import Source


class Quiet(SimpleHTTPRequestHandler):
    """A camera server without log output."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of library
        pass


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    folder = tmp_path / "camera"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def feed(own_server: RunningServer, camera: ThreadingHTTPServer, tmp_path: Path) -> RunningServer:
    """A server with a project that may connect to the camera, which has 60 images."""
    settings = {
        **own_server.settings,
        "TRAPLINE_ALLOWED_NETWORKS": f"127.0.0.1:{camera.server_port}",
    }
    own_server.settings = settings
    own_server.start()
    for number in range(60):
        (tmp_path / "camera" / f"IMG_{number:04}.JPG").write_bytes(make_jpeg(number))
    own_server.run("project", "create", "Forest")
    return own_server


def add(feed: RunningServer, camera: ThreadingHTTPServer, *more: str) -> None:
    url = f"http://127.0.0.1:{camera.server_port}/"
    feed.run("source", "add", url, "--name", "oak", "--create-deployment", "Old oak", "--lat",
             "52.5", "--lon", "13.4",
             "--test", *more)  # fmt: skip


def show(server: Trapline) -> Source:
    [source] = server.list_sources().results
    return source


@pytest.mark.long
def test_a_feed_is_added_proven_and_pulled_by_commands(
    feed: RunningServer, camera: ThreadingHTTPServer, tmp_path: Path
) -> None:
    failed = feed.run("source", "add", "http://127.0.0.1:8009/", "--test", check=False)
    assert failed.returncode == 1
    assert "TRAPLINE_ALLOWED_NETWORKS" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert json.loads(feed.run("source", "list", "--json").stdout) == [], (
        "a source that does not answer is not added"
    )
    url = f"http://127.0.0.1:{camera.server_port}/"
    told = feed.run(
        "source",
        "add",
        url,
        "--name",
        "oak",
        "--create-deployment",
        "Old oak",
        "--order",
        "newest",
        "--test",
    )
    assert "60 files" in told.stdout
    assert "64 × 48" in told.stdout
    first = feed.run("source", "run", "oak", "--wait")
    assert "10 imported" in first.stdout
    assert "50 more wait" in first.stdout
    for command in (("list",), ("show", "oak")):
        shown = " ".join(feed.run("source", *command).stdout.split())
        assert "behind: 50 waiting, about" in shown
    assert json.loads(feed.run("source", "show", "oak", "--json").stdout)["order"] == "newest"
    feed.run("source", "update", "oak", "--set", "order=oldest")
    assert json.loads(feed.run("source", "show", "oak", "--json").stdout)["order"] == "oldest"
    rest = feed.run("source", "run", "--all", "--wait", "--max-files", "0")
    assert "50 imported" in rest.stdout
    (tmp_path / "camera" / "AAA.JPG").write_bytes(b"<html>sign in</html>")
    feed.run("source", "run", "oak", "--wait")
    feed.run("source", "run", "oak", "--wait")
    listed = json.loads(feed.run("source", "files", "oak", "--state", "failed", "--json").stdout)
    if listed["count"] == 0:
        listed = json.loads(feed.run("source", "files", "oak", "--state", "seen", "--json").stdout)
    assert "sign-in" in listed["results"][0]["error"]
    assert "paused" in feed.run("source", "pause", "oak").stdout
    assert json.loads(feed.run("source", "list", "--json").stdout)[0]["health"] == "paused"
    feed.run("source", "resume", "oak")
    with feed.open() as server:
        wait_for(
            "the thumbnails",
            lambda: all(it.thumbnail_url for it in server.list_images(limit=100).results),
        )
        assert server.list_images().count == 60
        assert server.list_images().results[0].deployment_name == "Old oak"
    feed.run("source", "delete", "oak", "--yes")
    with feed.open() as server:
        assert server.list_images().count == 60


@pytest.mark.long
def test_a_json_interface_is_added_by_its_mapping_and_one_file_is_retried(
    feed: RunningServer, camera: ThreadingHTTPServer, tmp_path: Path
) -> None:
    folder = tmp_path / "camera"
    (folder / "half.JPG").write_bytes(make_jpeg(99)[:500])
    os.utime(
        folder / "half.JPG", (1_700_000_000, 1_700_000_000)
    )  # a recent file may still be being written
    listed = {"photos": [{"at": "IMG_0001.JPG"}, {"at": "IMG_0002.JPG"}, {"at": "half.JPG"}]}
    (folder / "list.json").write_text(json.dumps(listed), encoding="utf-8")
    (tmp_path / "mapping.json").write_text('{"items": "photos", "url": "at"}', encoding="utf-8")
    (tmp_path / "token.txt").write_text("canary-4711\n", encoding="utf-8")
    url = f"http://127.0.0.1:{camera.server_port}/list.json"
    added = feed.run(
        "source", "add", url, "--name", "portal", "--gateway", "rest", "--option",
        f"mapping=@{tmp_path}/mapping.json",
        "--auth", "bearer", "--password-file", str(tmp_path / "token.txt"), "--concurrency", "2",
        "--test",
    )  # fmt: skip
    assert "3 files" in added.stdout
    told = feed.run("source", "list", "--json")
    assert "canary" not in added.stdout + told.stdout
    [source] = json.loads(told.stdout)
    assert (source["gateway"], source["options"]["mapping"]["url"], source["concurrency"]) == (
        "rest",
        "at",
        2,
    )
    assert "2 imported, 1 failed" in feed.run("source", "run", "--all", "--wait").stdout
    assert "truncated" in feed.run("source", "files", "portal", "--state", "failed").stdout
    assert (
        "next run: 1"
        in feed.run("source", "files", "portal", "--retry", "--path", "half.JPG").stdout
    )
    missing = feed.run(
        "source", "files", "portal", "--retry", "--path", "IMG_0001.JPG", check=False
    )
    assert (missing.returncode, "No failed or quarantined file" in missing.stderr) == (1, True)
    slow = f"http://127.0.0.1:{camera.server_port}/"
    feed.run("source", "add", slow, "--name", "slow", "--rate-limit", "0.1")
    feed.run("source", "run", "slow")
    every = feed.run("source", "run", "--all", "--wait", check=False)
    assert every.returncode == 4, "a run of one source is in progress"
    assert "portal: completed" in every.stdout, "it does not block the other source"
    assert "slow: " in every.stderr


def test_a_folder_is_uploaded_twice_and_stored_once(server: RunningServer, tmp_path: Path) -> None:
    name = f"a folder of {tmp_path.name}"
    server.run("project", "create", name)
    upload = ("images", "upload", str(tmp_path / "card"), "--project", name)
    fill(tmp_path / "card", 60)
    (tmp_path / "card" / "broken.jpg").write_bytes(make_jpeg(99)[:500])
    first = server.run(*upload, check=False)
    assert first.returncode == 1
    assert "60 imported, 0 already stored, 1 refused" in first.stdout
    assert "broken.jpg: the file is truncated" in first.stderr
    (tmp_path / "card" / "broken.jpg").unlink()
    assert "0 imported, 60 already stored" in server.run(*upload).stdout
