"""An external service within the test: it serves images by URL and receives webhook events."""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.support.fault_scene import Scene
from tests.support.image_factory import make_jpeg
from tests.support.loopback_server import Answering, Loopback

TOLD_OF = ("queued", "processing", "completed", "failed", "canceled")
WAITING = "select count(*) from webhook_deliveries where state <> 'delivered'"


@dataclass
class Outsider(Loopback):
    """One web server on loopback.

    `heard` counts how often each event was taken; while `away`, none is.
    """

    away: bool = False
    heard: Counter[str] = field(default_factory=Counter)
    turned_away: int = 0

    def __post_init__(self) -> None:
        outsider, lock = self, threading.Lock()

        class Handler(Answering):
            def do_GET(self) -> None:  # noqa: N802 - the library looks for that name
                number = int(self.path.strip("/").removesuffix(".jpg"))
                self._answer(200, make_jpeg(number, size=(200, 100)))

            def do_POST(self) -> None:  # noqa: N802 - the library looks for that name
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert body["data"]
                with lock:
                    if outsider.away:
                        outsider.turned_away += 1
                    else:
                        outsider.heard[self.headers["webhook-id"]] += 1
                self._answer(500 if outsider.away else 200, b"")

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.serve(Handler)

    def address_of(self, number: int) -> str:
        """Return the URL of an image, a different one for each number."""
        return f"http://{self.origin}/{number}.jpg"

    def subscribe(self, scene: Scene) -> None:
        """Ask for every event of the jobs of a scene's project; before the first job is made."""
        asked = {
            "project": scene.project,
            "url": f"http://{self.origin}/",
            "event_types": [f"job.{one}" for one in TOLD_OF],
        }
        answer = scene.call("POST", "/webhooks", asked)
        assert answer.status_code == 201, answer.text

    def expect_told(self, scene: Scene, within_s: float) -> str:
        """Wait until no delivery is pending; each change is an event, and each event arrived."""
        began = time.monotonic()
        while left := scene.ask(WAITING)[0][0]:
            assert time.monotonic() - began < within_s, f"{left} events are not told"
            # As if the pauses were over: those of a receiver that was away, and those of a process
            # that was killed.
            scene.ask(
                "update webhook_deliveries set next_attempt_at = now() where state = 'waiting'"
            )
            time.sleep(1)
        events = scene.ask("select id::text, event_type, data ->> 'id' from webhook_deliveries")
        moves = scene.ask("select job_id::text, to_state from job_moves")
        told = Counter((job, kind) for _, kind, job in events)
        happened = Counter((job, f"job.{state}") for job, state in moves)
        assert told == happened, f"events {told - happened} too many, {happened - told} too few"
        assert self.heard.keys() == {event for event, _, _ in events}
        return f"{len(events)} events, {self.heard.total()} heard, 0 lost"
