"""The guide for webhooks: its receiver runs unchanged; a killed process loses no event."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.support.camera_images import make_picture
from tests.support.running_server import RunningServer, quiet_environment, wait_for

from trapline.client import Trapline
from trapline.server.platform.postgres.postgres import find_free_port, find_running_url
from trapline.wire.projects import NewProject
from trapline.wire.webhooks import EventType, NewWebhook

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "receive-webhooks.md"
BLOCK = re.compile(r"^```python file=receive.py\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Hesitant(ThreadingHTTPServer):
    """A receiver that answers its first call only when the test lets it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hesitate)
        self.let_go = Event()
        self.heard: list[tuple[str, str]] = []


class _Hesitate(BaseHTTPRequestHandler):
    server: Hesitant

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.headers["webhook-id"], json.loads(body)["type"]))
        if len(self.server.heard) == 1:
            self.server.let_go.wait(60)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the library
        pass


@contextmanager
def hesitating() -> Iterator[Hesitant]:
    with Hesitant() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.let_go.set()
            server.shutdown()
            thread.join()


@contextmanager
def receiver_of_the_guide(folder: Path, port: int, secret: str) -> Iterator[Path]:
    """Run the receiver of the guide unchanged; yield the file of its output."""
    program, heard = folder / "receive.py", folder / "heard.txt"
    code = BLOCK.search(GUIDE.read_text(encoding="utf-8"))
    assert code is not None
    program.write_text(code.group(1), encoding="utf-8")
    with heard.open("wb") as out:
        running = subprocess.Popen(
            [sys.executable, str(program)],
            env=quiet_environment(WEBHOOK_SECRET=secret, PORT=str(port)),
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield heard
        finally:
            running.kill()
            running.wait()


@pytest.mark.long
def test_events_are_heard_as_the_guide_says_also_after_a_kill(
    own_server: RunningServer, tmp_path: Path
) -> None:
    port = find_free_port()
    with hesitating() as hesitant:
        origins = f"127.0.0.1:{port},127.0.0.1:{hesitant.server_port}"
        own_server.settings = {**own_server.settings, "TRAPLINE_ALLOWED_NETWORKS": origins}
        own_server.start()
        with own_server.open() as server:
            project = server.create_project(NewProject(name="Forest")).id
            told = own_server.run(
                "webhook", "add", f"http://127.0.0.1:{port}/hook", "--name", "station"
            ).stdout
            made = dict(line.split("=", 1) for line in told.split())
            station = UUID(made["WEBHOOK_ID"])
            away = own_server.run("webhook", "test", "station", check=False)
            assert (away.returncode, "no connection to 127.0.0.1" in away.stdout) == (1, True)
            with receiver_of_the_guide(tmp_path, port, made["WEBHOOK_SECRET"]) as heard:
                wait_for("the receiver", lambda: server.ping_webhook(station).state == "delivered")
                assert own_server.run("webhook", "test", "station").stdout.startswith(
                    "Delivered in"
                )
                assert heard.read_text().startswith("webhook.ping {")
                upload(server, project, tmp_path, 1)
                wait_for("an event", lambda: "image.created" in heard.read_text())
                wait_for("its end", lambda: list_states(server, station)[0] == "delivered")
                listed = json.loads(
                    own_server.run("webhook", "deliveries", "station", "--json").stdout
                )
                assert [one["event_type"] for one in listed[:2]] == [
                    "image.created",
                    "webhook.ping",
                ]
                mistyped = f"{listed[0]['id'][:-12]}{'0' * 12}"
                replayed = own_server.run(
                    "webhook", "replay", "station", listed[0]["id"], mistyped, check=False
                )
                assert (replayed.returncode, replayed.stdout) == (1, "1 deliveries are repeated.\n")
                assert mistyped in replayed.stderr
                assert listed[0]["id"] not in replayed.stderr
                wait_for("the replay", lambda: list_states(server, station)[0] == "delivered")
                assert heard.read_text().count("image.created") == 1, (
                    "the receiver knows it by its id"
                )
            kill_in_mid_delivery(own_server, server, project, hesitant, tmp_path)
        own_server.run("webhook", "update", "station", "--off")
        assert "station" in own_server.run("webhook", "list").stdout
        assert "whsec_" in own_server.run("webhook", "rotate", "station").stdout
        own_server.run("webhook", "delete", "station")
        assert (
            "There is no webhook"
            in own_server.run("webhook", "test", "station", check=False).stderr
        )
        own_server.stop()


def upload(server: Trapline, project: int, folder: Path, number: int) -> None:
    picture = folder / f"IMG_{number}.JPG"
    picture.write_bytes(make_picture(number, (64, 48)))
    server.upload_images([picture], project=project)


def list_states(server: Trapline, webhook: UUID) -> list[str]:
    return [one.state.value for one in server.list_deliveries(webhook).results]


def kill_in_mid_delivery(
    own_server: RunningServer, server: Trapline, project: int, hesitant: Hesitant, folder: Path
) -> None:
    """Kill the background while a receiver thinks: the event is sent again, under the same id."""
    address = f"http://127.0.0.1:{hesitant.server_port}/"
    slow = server.create_webhook(
        NewWebhook(project=project, url=address, event_types=[EventType.IMAGE_CREATED])
    ).id
    upload(server, project, folder, 2)
    wait_for("a call", lambda: len(hesitant.heard) == 1)
    own_server.kill("background")
    hesitant.let_go.set()
    url = find_running_url(own_server.data)
    assert url is not None
    with psycopg.connect(url) as connection:
        left = connection.execute(
            "update webhook_deliveries set next_attempt_at = now() where webhook_id = %s returning "
            "state, attempts",
            (slow,),
        ).fetchall()
    assert left == [("waiting", 1)], (
        "what a dead process had taken is not lost, and its lease is over now"
    )
    wait_for("the call again", lambda: len(hesitant.heard) == 2)
    assert hesitant.heard[0] == hesitant.heard[1]
    wait_for("its end", lambda: list_states(server, slow) == ["delivered"])
