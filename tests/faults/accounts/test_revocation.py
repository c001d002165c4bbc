"""All processes refuse a revoked token within a second, and its streams end."""

import threading
import time
from typing import Any

import httpx2
from tests.faults.conftest import MakeScene
from tests.support.concurrent_callers import Speaker
from tests.support.fault_run import Figures
from tests.support.fault_scene import SLUG, Scene

WITHIN_S = 1.0


def test_a_revoked_token_is_refused_everywhere_within_a_second(
    make_scene: MakeScene, figures: Figures
) -> None:
    scene = make_scene(apis=2, background=False).start(images=1)
    root = _make(scene, scene.owner, name="root")
    worker = _make(scene, root["token"], name="its worker", kind="worker")
    # The other process has cached both tokens: it has just answered them, and is asked
    # continuously.
    asking = [_Asking(scene.ports[1], made["token"]) for made in (root, worker)]
    listening = [_Listening(scene.ports[1], root["token"], path) for path in _streams_of(scene)]
    waiting = Speaker(scene.ports[1], worker["token"])
    waiting.greet("waits")
    heard: list[tuple[int, Any]] = []
    wanted = {"pipelines": [SLUG], "limit": 1, "wait_s": 20}
    lease = threading.Thread(
        target=lambda: heard.append(waiting.call("POST", "/tasks/lease", wanted))
    )
    lease.start()
    while not (all(one.answered for one in asking) and all(one.answered for one in listening)):
        time.sleep(0.01)

    assert scene.call("DELETE", f"/auth/tokens/{root['id']}").status_code == 204
    revoked = time.monotonic()
    for one in asking:
        one.thread.join(timeout=10)
    for stream in listening:
        stream.thread.join(timeout=10)
        assert not stream.thread.is_alive(), "a stream on which nothing comes is still open"
    ended = max(stream.ended for stream in listening) - revoked
    assert ended < WITHIN_S
    # A task for the waiting worker, whose token is revoked by now.
    run = scene.call(
        "POST", "/pipeline/run", {"pipeline": SLUG, "content": {"image": scene.images[0]}}
    )
    assert run.status_code == 202, run.text
    lease.join(timeout=30)
    waiting.close()
    worst = max(one.last_good for one in asking) - revoked
    assert worst < WITHIN_S
    assert [status for status, _ in heard] == [401], heard
    assert scene.ask("select state, attempt from analyses") == [("queued", 0)] * 2
    figures.add(
        "Accounts",
        "its open streams in another process end after",
        f"{WITHIN_S} s",
        f"{max(ended, 0):.2f} s",
    )
    figures.add(
        "Accounts",
        "a revoked token is refused everywhere after",
        f"{WITHIN_S} s",
        f"{max(worst, 0):.2f} s",
    )


def _make(scene: Scene, maker: str, **asked: Any) -> dict[str, Any]:
    answer = scene.call("POST", "/auth/tokens", asked, token=maker)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


class _Asking:
    """Client that asks who a token is until it is unknown; `last_good` is the last success."""

    def __init__(self, port: int, token: str) -> None:
        self._speaker = Speaker(port, token)
        self.answered, self.last_good = False, 0.0
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self) -> None:
        while True:
            asked = time.monotonic()
            status, _ = self._speaker.call("GET", "/auth/me")
            if status != 200:
                break
            self.answered, self.last_good = True, asked
        self._speaker.close()


def _streams_of(scene: Scene) -> list[str]:
    """List the event streams: changes of a project, and a run that has not been started."""
    content = {"image": scene.images[0]}
    made = scene.call(
        "POST", "/pipeline/run", {"pipeline": SLUG, "content": content, "start": "later"}
    )
    assert made.status_code == 202, made.text
    return [
        f"/api/v2/events?project={scene.project}",
        f"/pipeline/job/{made.json()['job_id']}/events",
    ]


class _Listening:
    """Reads a stream of events until its server ends it; `ended` is when that was."""

    def __init__(self, port: int, token: str, path: str) -> None:
        self._url, self._headers = (
            f"http://127.0.0.1:{port}{path}",
            {"Authorization": f"Bearer {token}"},
        )
        self.answered, self.ended = False, 0.0
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        with httpx2.stream("GET", self._url, headers=self._headers, timeout=30) as answer:
            assert answer.status_code == 200
            for _ in answer.iter_lines():
                self.answered = True
        self.ended = time.monotonic()
