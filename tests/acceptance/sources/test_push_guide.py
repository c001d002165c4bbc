"""The guide for pushed events works: its programs run unchanged against real processes."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.camera_images import make_picture
from tests.support.running_server import RunningServer, quiet_environment, wait_for
from websockets.sync.server import ServerConnection, serve

from trapline.client import Trapline

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "notify-of-new-images.md"
BLOCK = re.compile(r"^```python file=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RELAY = "import json, sys, relay; print(json.dumps(relay.handler(json.load(sys.stdin))))"


class Quiet(SimpleHTTPRequestHandler):
    """A camera server without log output."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of library
        pass


@contextmanager
def in_thread(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    (tmp_path / "camera" / "DCIM").mkdir(parents=True)
    handler = partial(Quiet, directory=str(tmp_path / "camera"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, in_thread(server):
        yield server


def run_program(
    folder: Path, environment: dict[str, str], *command: str, said: str = ""
) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=quiet_environment(**environment), input=said,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def imported(server: Trapline, name: str) -> list[str]:
    [source] = [one for one in server.list_sources().results if one.name == name]
    return [
        file.path
        for file in server.list_source_files(source.id).results
        if file.image_id is not None
    ]


@pytest.mark.long
def test_a_server_tells_of_new_images_as_the_guide_says(
    own_server: RunningServer, camera: ThreadingHTTPServer, tmp_path: Path
) -> None:
    tower: list[ServerConnection] = []

    def follow(connection: ServerConnection) -> None:
        tower.append(connection)
        for _ in connection:
            pass

    for name, code in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(code, encoding="utf-8")
    with serve(follow, "127.0.0.1", 0) as pushing, in_thread(pushing):
        ports = camera.server_port, pushing.socket.getsockname()[1]
        origins = ",".join(f"127.0.0.1:{port}" for port in ports)
        own_server.settings = {**own_server.settings, "TRAPLINE_ALLOWED_NETWORKS": origins}
        own_server.start()
        own_server.call("project", "create", "Forest")
        at = f"http://127.0.0.1:{ports[0]}/DCIM/"
        own_server.call("source", "add", at, "--name", "oak", "--create-deployment", "Old oak")
        told = own_server.call("source", "events", "oak").stdout
        environment = dict(line.split("=", 1) for line in told.split())
        assert set(environment) == {"EVENTS_URL", "EVENTS_SECRET"}
        again = own_server.call("source", "events", "oak", check=False)
        assert (again.returncode, "--rotate" in again.stderr) == (1, True)
        for number in range(1, 5):
            (tmp_path / "camera" / "DCIM" / f"IMG_{number}.JPG").write_bytes(
                make_picture(number, (64, 48))
            )
        answer = run_program(tmp_path, environment, "push.py", f"{at}IMG_1.JPG")
        assert (answer["recorded"], answer["refused"], answer["detail"]) == (
            1,
            [],
            "A run imports the files now.",
        )
        with own_server.open() as server:
            wait_for("the pushed picture", lambda: imported(server, "oak") == ["IMG_1.JPG"])
            bucket = {"bucket": {"name": "DCIM"}, "object": {"key": "IMG_2.JPG"}}
            notification = json.dumps(
                {"Records": [{"eventName": "ObjectCreated:Put", "s3": bucket}]}
            )
            for _ in range(2):
                relayed = run_program(tmp_path, environment, "-c", RELAY, said=notification)
                assert relayed["recorded"] == 1
            wait_for(
                "the relayed picture", lambda: imported(server, "oak") == ["IMG_1.JPG", "IMG_2.JPG"]
            )

            own_server.call(
                "source", "add", f"ws://127.0.0.1:{ports[1]}/events", "--name", "mast",
                "--create-deployment", "Mast",
                "--option", f"files_url={at}",
            )  # fmt: skip
            wait_for("a connection", lambda: len(tower) == 1)
            tower[0].send(json.dumps({"urls": [f"{at}IMG_3.JPG"]}))
            wait_for("the picture of a message", lambda: imported(server, "mast") == ["IMG_3.JPG"])
            own_server.kill("background")
            wait_for("another process's connection", lambda: len(tower) == 2)
            tower[1].send(json.dumps({"urls": [f"{at}IMG_4.JPG"]}))
            wait_for(
                "the picture after a death",
                lambda: imported(server, "mast") == ["IMG_3.JPG", "IMG_4.JPG"],
            )
        own_server.stop()
