"""Callers that hold idle connections: they are disconnected, and no other caller waits for them."""

import http.client
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image
from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, percentile, sized
from tests.support.fault_scene import Scene
from tests.support.raw_http import connect, write_head
from tests.support.running_server import wait_for

HEADS, BODIES, READERS = sized(500), sized(200), sized(100)
CLOSED_WITHIN_S = 15.0
P99_AT_MOST_S = 1.0
OTHERS = 40
"""The honest callers' sockets, and those to the database that were opened meanwhile."""
TRICKLES_EVERY_S = 1.0
UPLOADS = "/api/v2/images"
ROUTES = (
    UPLOADS,
    "/api/v2/deployments",
    "/api/v2/jobs",
    "/api/v2/tasks/lease",
    "/api/v2/jobs/1/result",
)


@dataclass
class Slow:
    """One slow connection.

    `trickle` is sent byte by byte; a reader that `sips` reads byte by byte.
    """

    kind: str
    socket: socket.socket
    since: float
    trickle: bytes = b""
    sips: bool = False
    is_reader: bool = False
    closed_after: float | None = None
    held_after_5_s: bool = field(default=False)


def test_slow_callers_are_closed_and_hold_up_nobody(
    make_scene: MakeScene, figures: Figures
) -> None:
    scene = make_scene().start(images=8)
    big = upload_picture(scene, side=2200)
    pid = scene.find_pid("api 1")
    patient = [Steady(scene, "uplink"), Steady(scene, "downlink", big), Steady(scene, "events")]
    before = count_sockets(pid)
    with asking(scene) as took:
        for one in patient:
            one.start()
        slow = list(open_slow(scene, big))
        watch(slow)
        wait_for("the end of the connections", lambda: count_sockets(pid) <= before + OTHERS, 10)
    for one in patient:
        one.join(60)
    report(figures, slow, took, patient)
    open_then = sum(one.held_after_5_s for one in slow)
    assert open_then == len(slow), (
        f"only {open_then} of {len(slow)} were held open: the test proves nothing"
    )
    late = [
        (one.kind, one.closed_after) for one in slow if (one.closed_after or 99) > CLOSED_WITHIN_S
    ]
    assert not late
    assert len(took) >= 100, "hardly anything was asked meanwhile"
    assert percentile(took, 0.99) < P99_AT_MOST_S
    assert [one.seen for one in patient] == ["1 stored", "all read", "still open"]
    assert len(scene.keeper.find("api 1").starts) == 1


def open_slow(scene: Scene, big: str) -> Iterator[Slow]:
    """Open all connections in a random order. Some of each kind are silent and some trickle."""
    chance = make_chance("slow clients")
    kinds = ["head"] * HEADS + ["body"] * BODIES + ["reader"] * READERS
    chance.shuffle(kinds)
    token = {"Authorization": f"Bearer {scene.owner}"}
    for kind in kinds:
        silent = chance.random() < 0.4
        opened = connect(scene.ports[0], receive_buffer=4096 if kind == "reader" else 0)
        since = time.monotonic()
        if kind == "head":
            start = (
                write_head("GET", "/api/v2/projects", token, end=False) + b"X-More: " + b"x" * 100
            )
            # Some say nothing at all, some end within a word.
            cut = chance.choice((0, 3, 40, len(start) - 100))
            opened.sendall(start[:cut])
            yield Slow(kind, opened, since, b"" if silent else start[cut:])
        elif kind == "body":
            route = chance.choice(ROUTES)
            named = {
                "Content-Type": "multipart/form-data; boundary=b"
                if route == UPLOADS
                else "application/json"
            }
            chunked = chance.random() < 0.5
            named |= token | (
                {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "60000"}
            )
            opened.sendall(write_head("POST", route, named) + (b"ea60\r\n" if chunked else b""))
            body = b'--b\r\nContent-Disposition: form-data; name="project"\r\n\r\n'
            yield Slow(kind, opened, since, b"" if silent else body)
        else:
            opened.sendall(write_head("GET", big, {}))
            yield Slow(kind, opened, since, sips=not silent, is_reader=True)


def watch(slow: list[Slow]) -> None:
    """Trickle, and note when each was closed."""
    poller = select.poll()
    by_file = {one.socket.fileno(): one for one in slow}
    for one in slow:
        one.socket.setblocking(False)
        # The bytes sent to a reader stay unread; only a broken connection is reported.
        poller.register(one.socket, 0 if one.is_reader else select.POLLIN)
    last = max(one.since for one in slow)
    due = time.monotonic()
    while by_file and time.monotonic() < last + CLOSED_WITHIN_S + 5:
        for file, _ in poller.poll(100):
            one = by_file[file]
            if one.is_reader or is_over(one.socket):
                one.closed_after = time.monotonic() - one.since
                poller.unregister(file)
                del by_file[file]
                one.socket.close()
        now = time.monotonic()
        for one in by_file.values():
            one.held_after_5_s |= now - one.since > 5
        if now >= due:
            due = now + TRICKLES_EVERY_S
            for one in by_file.values():
                trickle(one)
    for one in by_file.values():
        one.socket.close()


def trickle(one: Slow) -> None:
    """Send a byte, or take one."""
    try:
        if one.sips:
            one.socket.recv(1)
        if one.trickle:
            one.socket.send(one.trickle[:1])
            one.trickle = one.trickle[1:]
    except OSError:
        return  # the poll reports it


def is_over(opened: socket.socket) -> bool:
    """Whether the other end closed; what it said before is read."""
    try:
        while opened.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def asking(scene: Scene) -> Iterator[list[float]]:
    """Send normal requests during the block, on new connections, and record their durations."""
    took: list[float] = []
    ending = threading.Event()

    def ask() -> None:
        while not ending.wait(0.05):
            began = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", scene.ports[0], timeout=30)
            connection.request(
                "GET", "/api/v2/projects", headers={"Authorization": f"Bearer {scene.owner}"}
            )
            status = connection.getresponse().status
            connection.close()
            took.append(time.monotonic() - began if status == 200 else 99.0)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield took
    finally:
        ending.set()
        thread.join(40)


class Steady(threading.Thread):
    """A slow caller that stays active longer than the idle limit; `seen` is its outcome."""

    def __init__(self, scene: Scene, kind: str, target: str = "") -> None:
        super().__init__(daemon=True)
        self.scene, self.kind, self.target = scene, kind, target
        self.seen = "nothing"

    def run(self) -> None:
        """Do what its kind does, for about twenty seconds."""
        self.seen = {"uplink": self.upload, "downlink": self.download, "events": self.listen}[
            self.kind
        ]()

    def upload(self) -> str:
        """Send an image of 60 kB at 3 kB/s."""
        start = '--b\r\nContent-Disposition: form-data; name="project"\r\n\r\n'
        start += f"{self.scene.project}\r\n--b\r\n"
        start += 'Content-Disposition: form-data; name="files"; filename="slow.png"\r\n\r\n'
        body = start.encode() + draw_noise(142) + b"\r\n--b--\r\n"
        named = {
            "Authorization": f"Bearer {self.scene.owner}",
            "Content-Type": "multipart/form-data; boundary=b",
        }
        with connect(self.scene.ports[0]) as opened:
            opened.sendall(
                write_head("POST", "/api/v2/images", {**named, "Content-Length": str(len(body))})
            )
            for first in range(0, len(body), 3000):
                opened.sendall(body[first : first + 3000])
                time.sleep(1)
            said = opened.recv(65536)
        return "1 stored" if b'"imported":1' in said else said[-300:].decode()

    def download(self) -> str:
        """Read a large image within about 20 s, through a small TCP window."""
        with connect(self.scene.ports[0], receive_buffer=65536) as opened:
            opened.sendall(write_head("GET", self.target, {"Connection": "close"}))
            came, wanted = 0, 0
            while piece := opened.recv(65536):
                if not wanted:
                    head = piece.partition(b"\r\n\r\n")[0]
                    wanted = (
                        len(head)
                        + 4
                        + int(head.lower().partition(b"content-length: ")[2].split()[0])
                    )
                came += len(piece)
                time.sleep(20 * len(piece) / wanted)
        return "all read" if came == wanted else f"{came} of {wanted}"

    def listen(self) -> str:
        """Keep a stream of events open, in which nothing happens."""
        with connect(self.scene.ports[0]) as opened:
            opened.sendall(
                write_head(
                    "GET",
                    f"/api/v2/events?project={self.scene.project}",
                    {"Authorization": f"Bearer {self.scene.owner}"},
                )
            )
            heard, ends = b"", time.monotonic() + 20
            while time.monotonic() < ends:
                piece = opened.recv(65536)
                if not piece:
                    return "closed"
                heard += piece
        return "still open" if b": still here" in heard else heard.decode()


def draw_noise(side: int) -> bytes:
    """Draw an image that compression cannot reduce: three bytes per pixel."""
    file = BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(file, "PNG")
    return file.getvalue()


def upload_picture(scene: Scene, side: int) -> str:
    """Store an image; return the path of its file."""
    sent = scene.call(
        "POST",
        "/images",
        files={"files": ("large.png", draw_noise(side), "image/png")},
        data={"project": str(scene.project)},
    )
    assert sent.json()["imported"] == 1, sent.text
    image = scene.call("GET", f"/images/{sent.json()['files'][0]['image_id']}").json()
    return str(image["file_url"]).removeprefix(scene.base_url)


def count_sockets(pid: int) -> int:
    """How many sockets a process holds."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += entry.readlink().name.startswith("socket:")
        except FileNotFoundError:
            continue
    return found


def report(figures: Figures, slow: list[Slow], took: list[float], patient: list[Steady]) -> None:
    """Leave what was seen."""
    for kind in ("head", "body", "reader"):
        closed = [one.closed_after or 99.0 for one in slow if one.kind == kind]
        asked = f"closed within {CLOSED_WITHIN_S:.0f} s"
        figures.add(
            "P15", f"{len(closed)} slow callers: {kind}", asked, f"at most {max(closed):.1f} s"
        )
    p99 = percentile(took, 0.99)
    figures.add(
        "P15", f"{len(took)} questions of a healthy client", "p99 < 1 s", f"p99 {1000 * p99:.0f} ms"
    )
    figures.add(
        "P15", "slow and honest: upload, download, events", "served", [one.seen for one in patient]
    )
