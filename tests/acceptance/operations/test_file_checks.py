"""Missing or damaged originals: detected, reported, repaired from their source."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.image_factory import make_jpeg
from tests.support.running_server import METRICS_TOKEN, RunningServer, quiet_environment, wait_for

from trapline.server.platform.postgres.postgres import find_free_port

COUNT = 4


class Halting(ThreadingHTTPServer):
    """A camera's server that sends half of `halt_at`, then waits until `released`."""

    folder: Path
    halt_at: str | None = None
    is_halted = threading.Event()
    released = threading.Event()


class Sender(SimpleHTTPRequestHandler):
    """Sends files, one of them in two halves."""

    server: Halting

    def do_GET(self) -> None:
        """Send a listing or a file."""
        if self.server.halt_at is None or not self.path.endswith(self.server.halt_at):
            super().do_GET()
            return
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.server.is_halted.set()
        self.server.released.wait(60)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the library
        """Write no log."""


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Halting]:
    folder = tmp_path_factory.mktemp("camera")
    for number in range(COUNT):
        (folder / f"IMG_{number}.JPG").write_bytes(make_jpeg(number))
    server = Halting(("127.0.0.1", 0), partial(Sender, directory=str(folder)))
    server.folder = folder
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def stored(make_prepared: Callable[[], Path], camera: Halting) -> Iterator[RunningServer]:
    """A running Trapline with four images of a source; the background checks nothing.

    Each test leaves the stored files intact. The last test starts it with other settings.
    """
    running = RunningServer(make_prepared(), find_free_port())
    running.settings = {
        **running.settings,
        "TRAPLINE_ALLOWED_NETWORKS": f"127.0.0.1:{camera.server_port}",
        "TRAPLINE_METRICS_TOKEN": METRICS_TOKEN,
        "TRAPLINE_FILE_CHECK_MIB_PER_S": "0",
    }
    try:
        running.start()
        running.call("project", "create", "Forest")
        running.call(
            "source",
            "add",
            f"http://127.0.0.1:{camera.server_port}/",
            "--name",
            "oak",
            "--create-deployment",
            "Old oak",
            "--lat",
            "52.5",
            "--lon",
            "13.4",
        )
        running.call("source", "run", "oak")
        wait_for(
            "the images and their thumbnails",
            lambda: len(find_originals(running)) == COUNT and has_thumbs(running),
        )
        yield running
    finally:
        running.end()


def has_thumbs(server: RunningServer) -> bool:
    """Whether each image has both thumbnails."""
    return len(list((server.data / "store/thumbs").glob("*/*.jpg"))) == 2 * COUNT


def find_originals(server: RunningServer) -> dict[str, Path]:
    """The stored originals, by their SHA-256."""
    folder = server.data / "store/originals"
    return {path.name: path for path in folder.glob("*/*/*")}


def read_store(server: RunningServer) -> dict[str, str]:
    """The SHA-256 of every stored file, but of those that are being received."""
    store = server.data / "store"
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in store.rglob("*")
        if path.is_file() and "incoming" not in path.relative_to(store).parts
    }


def flip(path: Path) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def reach(server: RunningServer) -> dict[str, str]:
    """The setting with which a command reaches the source that the server reaches."""
    return {"TRAPLINE_ALLOWED_NETWORKS": server.settings["TRAPLINE_ALLOWED_NETWORKS"]}


def check(server: RunningServer, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `trapline check files`; answers its exit code and report."""
    done = server.run(
        "check",
        "files",
        "--data",
        str(server.data),
        "--json",
        *arguments,
        check=False,
        **reach(server),
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def harmed_figures(server: RunningServer) -> dict[str, str]:
    """The lines of the metrics about harmed files."""
    metrics = httpx2.get(
        f"{server.base_url}/metrics",
        headers={"Authorization": f"Bearer {METRICS_TOKEN}"},
        trust_env=False,
    )
    lines = [
        line.split()
        for line in metrics.text.splitlines()
        if line.startswith("trapline_harmed_files{")
    ]
    return {name: value for name, value in lines}


def parts(server: RunningServer) -> dict[str, str]:
    """Return the state of each part in `/readyz`."""
    answer = httpx2.get(f"{server.base_url}/readyz", trust_env=False)
    assert answer.status_code == 200
    return dict(answer.json()["parts"])


def sha256_of(number: int) -> str:
    """Return the SHA-256 of an image of the camera."""
    return hashlib.sha256(make_jpeg(number)).hexdigest()


def test_lost_originals_are_reported_and_repaired_from_their_source_only(
    stored: RunningServer, camera: Halting
) -> None:
    intact = read_store(stored)
    assert check(stored) == (
        0,
        {
            "images": COUNT,
            "bytes": sum(len(make_jpeg(n)) for n in range(COUNT)),
            "harmed": [],
            "repaired": [],
            "remade": [],
            "unchecked": [],
        },
    )
    assert parts(stored)["files"] == "ok"
    originals = find_originals(stored)
    flip(originals[sha256_of(0)])
    originals[sha256_of(1)].unlink()
    flip(originals[sha256_of(2)])
    # The camera has other bytes there now.
    (camera.folder / "IMG_2.JPG").write_bytes(make_jpeg(77))
    harmed = read_store(stored)

    code, report = check(stored)
    assert code == 1
    expected = {(sha256_of(0), "damaged"), (sha256_of(1), "missing"), (sha256_of(2), "damaged")}
    assert {(one["file"].rpartition("/")[2], one["state"]) for one in report["harmed"]} == expected
    assert {one["filename"] for one in report["harmed"]} == {"IMG_0.JPG", "IMG_1.JPG", "IMG_2.JPG"}
    assert read_store(stored) == harmed, "a check without --repair wrote something"
    assert "1 missing, 2 damaged" in parts(stored)["files"]
    wait_for("the metric", lambda: harmed_figures(stored) == {
        'trapline_harmed_files{state="missing"}': "1.0",
        'trapline_harmed_files{state="damaged"}': "2.0"})  # fmt: skip

    kill_amid_repair(stored, camera)
    cut = read_store(stored)
    assert {cut[name] for name in cut if cut[name] != harmed.get(name)} <= {sha256_of(1)}, (
        "half a file was kept"
    )

    camera.halt_at = None
    code, report = check(stored, "--repair")
    assert code == 1, "what a check that was cut off had found is not forgotten"
    repaired = {one["file"].rpartition("/")[2] for one in report["repaired"]}
    assert sha256_of(0) in repaired, json.dumps(report)
    assert repaired <= {sha256_of(0), sha256_of(1)}
    [left] = report["harmed"]
    assert left["file"].rpartition("/")[2] == sha256_of(2)
    assert "now has other bytes" in left["detail"]
    now = read_store(stored)
    assert {name for name in intact if now[name] != intact[name]} == {left["file"]}
    assert now[left["file"]] == harmed[left["file"]], "another file was written"
    with httpx2.Client(
        base_url=stored.base_url, headers={"Authorization": f"Bearer {stored.token}"}
    ) as session:
        audit = session.get("/api/v2/audit", params={"action": "repair"}).json()["results"]
        assert len([one for one in audit if one["action"] == "repair"]) == 2
        project = session.get("/api/v2/projects").json()["results"][0]["id"]
        deployments = session.get("/api/v2/deployments").json()["results"]
        [deployment] = [one["id"] for one in deployments if one["name"] == "Old oak"]
        again = session.post(
            "/api/v2/images",
            data={"project": str(project), "deployment": deployment},
            files=[("files", ("IMG_2.JPG", make_jpeg(2), "image/jpeg"))],
        ).json()["files"][0]
    assert (again["outcome"], again["detail"]) == (
        "duplicate",
        "the stored file was damaged and was written again",
    )
    assert read_store(stored) == intact
    assert parts(stored)["files"] == "ok"
    assert check(stored, "--repair")[0] == 0
    (camera.folder / "IMG_2.JPG").write_bytes(make_jpeg(2))


def kill_amid_repair(server: RunningServer, camera: Halting) -> None:
    """Kill a repair with kill -9 while it receives a file."""
    camera.halt_at = "IMG_0.JPG"
    command = [
        sys.executable,
        "-m",
        "trapline.cli.main",
        "check",
        "files",
        "--repair",
        "--data",
        str(server.data),
    ]
    environment = quiet_environment(**reach(server))
    repairing = subprocess.Popen(command, env=environment, cwd=server.data)
    try:
        assert camera.is_halted.wait(60), "the repair did not come to the file"
        repairing.send_signal(signal.SIGKILL)
        assert repairing.wait(20) == -signal.SIGKILL
    finally:
        camera.released.set()
        if repairing.poll() is None:
            repairing.kill()
            repairing.wait()


def test_an_image_whose_files_cannot_be_checked_is_reported_and_the_others_are_checked(
    stored: RunningServer, camera: Halting
) -> None:
    (camera.folder / "IMG_9.JPG").write_bytes(make_jpeg(9, orientation=6))
    stored.call("source", "run", "oak")
    wait_for("the turned image", lambda: len(find_originals(stored)) == COUNT + 1)
    [copy] = (stored.data / "store/upright").glob("*/*/*")
    copy.unlink()
    copy.parent.rmdir()
    copy.parent.write_bytes(b"a file where a folder must be")
    code, report = check(stored)
    assert (code, report["images"]) == (1, COUNT + 1)
    [unchecked] = report["unchecked"]
    assert unchecked["filename"] == "IMG_9.JPG"
    assert "cannot be written to" in unchecked["detail"]
    assert report["harmed"] == []
    copy.parent.unlink()
    code, report = check(stored)
    assert (code, report["unchecked"], len(report["remade"])) == (0, [], 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_root_is_refused_if_another_user_owns_the_data_folder(stored: RunningServer) -> None:
    before = read_store(stored)
    lost = find_originals(stored)[sha256_of(0)]
    lost.unlink()
    owner = stored.data.stat().st_uid
    os.chown(stored.data, 12_345, -1)
    try:
        done = stored.run(
            "check", "files", "--repair", "--data", str(stored.data), check=False, **reach(stored)
        )
    finally:
        os.chown(stored.data, owner, -1)
    assert done.returncode != 0
    assert "belongs to the user #12345" in done.stderr
    assert "Nothing was checked" in done.stderr
    assert len(read_store(stored)) == len(before) - 1, "nothing was repaired by root"
    lost.write_bytes(make_jpeg(0))


def test_the_background_notices_damage_and_makes_copies_again(stored: RunningServer) -> None:
    with stored.open() as client:
        ids = {image.filename: image.id for image in client.list_images().results}
    stored.stop()
    flip(find_originals(stored)[sha256_of(0)])
    thumbnail = stored.data / "store/thumbs" / str(ids["IMG_1.JPG"]) / "1280.jpg"
    whole = thumbnail.read_bytes()
    thumbnail.write_bytes(whole[:-20])
    stored.settings = {
        **stored.settings,
        "TRAPLINE_FILE_CHECK_MIB_PER_S": "100",
        "TRAPLINE_FILE_CHECK_EVERY_DAYS": "0",
    }
    stored.start()
    wait_for("the damage in /readyz", lambda: "0 missing, 1 damaged" in parts(stored)["files"], 60)
    wait_for("the thumbnail", lambda: thumbnail.read_bytes() == whole, 60)
