"""A backup that is created during uploads, and its restoration."""

import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import httpx2
import pytest
from tests.support.camera_images import fill, make_picture
from tests.support.running_server import EMAIL, PASSWORD, RunningServer, wait_for

from trapline.server.platform.postgres.postgres import find_free_port
from trapline.wire.deployments import NewDeployment
from trapline.wire.projects import NewProject
from trapline.wire.sources import NewSource

SECRET = "the password of a camera"


@pytest.mark.long
def test_a_backup_under_way_is_of_one_moment_and_comes_back(
    server: RunningServer, make_folder: Callable[[], Path]
) -> None:
    with server.open() as client:
        project = client.create_project(NewProject(name="saved"))
        deployment = client.create_deployment(
            NewDeployment(project=project.id, name="saved camera")
        )
        source = client.create_source(
            NewSource(
                project=project.id,
                deployment=deployment.id,
                name="saved source",
                base_url="http://camera.example/",
                auth_type="basic",
                auth_username="u",
                auth_password=SECRET,
                is_active=False,
            )
        )
    ended = threading.Event()
    coming = threading.Thread(target=_bring, args=(server, project.id, deployment.id, ended))
    coming.start()
    saved = make_folder() / "backup"
    try:
        wait_for("the first picture", lambda: _count(server, project.id) >= 1)
        done = server.run("backup", str(saved), "--data", str(server.data), "--json")
    finally:
        ended.set()
        coming.join()
    manifest = json.loads(done.stdout)
    assert manifest["missing"] == [], "a row without its file"
    assert manifest["has_secret_key"]
    assert _count(server, project.id) > 1, "nothing came in meanwhile"
    assert SECRET.encode() not in (saved / "database.dump").read_bytes()
    for private in (saved, saved / "secret-key"):
        assert private.stat().st_mode & 0o077 == 0

    refused = server.run("backup", str(saved), "--data", str(server.data), check=False)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    refused = server.run("restore", str(saved), "--data", str(server.data), check=False)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr

    other = RunningServer(make_folder(), find_free_port())
    try:
        restored = server.run("restore", str(saved), "--data", str(other.data), "--json")
        told = json.loads(restored.stdout)
        assert told["files"] == manifest["files"]
        assert told["secrets"] >= 1, "the source's password was opened"
        other.start()
        with httpx2.Client(base_url=f"{other.base_url}/api/v2", trust_env=False) as session:
            body = {"email": EMAIL, "password": PASSWORD}
            assert session.post("/auth/sign-in", json=body).status_code == 200
            assert session.get(f"/image-pull-sources/{source.id}").json()["name"] == "saved source"
            images = session.get("/images", params={"project": project.id}).json()
            assert images["count"] >= 1
            picture = session.get(images["results"][0]["file_url"])
            assert picture.status_code == 200
            assert picture.content.startswith(b"\xff\xd8")
    finally:
        other.end()


def test_a_damaged_backup_is_not_restored(
    server: RunningServer, make_folder: Callable[[], Path], tmp_path: Path
) -> None:
    with server.open() as client:
        project = client.create_project(NewProject(name="damaged"))
        deployment = client.create_deployment(NewDeployment(project=project.id, name="camera"))
        assert (
            client.upload_images(fill(tmp_path / "card", 1), deployment=deployment.id).imported == 1
        )
    saved = make_folder() / "backup"
    assert (
        "not a backup"
        in server.run("restore", str(saved), "--data", str(make_folder()), check=False).stderr
    )
    server.run("backup", str(saved), "--data", str(server.data))
    file = next(path for path in (saved / "files").rglob("*") if path.is_file())
    file.write_bytes(b"x" + file.read_bytes()[1:])
    target = make_folder()
    refused = server.run("restore", str(saved), "--data", str(target), check=False)
    assert refused.returncode == 1
    assert "it is damaged" in refused.stderr
    assert "Traceback" not in refused.stderr
    again = server.run("restore", str(saved), "--data", str(target), check=False)
    assert again.returncode == 1
    assert "was not finished" in again.stderr
    begun = server.run("up", "--data", str(target), "--port", "0", "--no-worker", check=False)
    assert begun.returncode == 1
    assert "was not finished" in begun.stderr


def _bring(server: RunningServer, project: int, deployment: object, ended: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    form = {"project": str(project), "deployment": str(deployment)}
    with httpx2.Client(
        base_url=f"{server.base_url}/api/v2", headers=headers, trust_env=False
    ) as session:
        for number in count():
            if ended.is_set():
                return
            files = {"files": (f"{number}.jpg", make_picture(number), "image/jpeg")}
            session.post("/images", data=form, files=files).raise_for_status()


def _count(server: RunningServer, project: int) -> int:
    with server.open() as client:
        return int(client.list_images(project=project, limit=1).count)
