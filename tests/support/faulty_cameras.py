"""Cameras for the fault tests: folders of one web server that fail file by file."""

import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support.image_factory import make_jpeg
from tests.support.loopback_server import Answering, Loopback

FAULTS = ("corrupt", "404", "reset", "long")
"""Faults of a file: corrupt content, not found, reset halfway, fewer bytes than announced."""


@dataclass
class Cameras(Loopback):
    """The folders of all cameras, by name. `given` counts requests, `struck` counts faults.

    Each file is a different image. `slow_s` is the time in seconds that each response takes.
    """

    slow_s: float = 0.0
    folders: dict[str, dict[str, bytes]] = field(default_factory=dict)
    faults: dict[str, dict[str, str]] = field(default_factory=dict)
    given: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    struck_beside: int = 0
    made: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._at_once = 0
        cameras = self

        class Handler(Answering):
            def do_GET(self) -> None:  # noqa: N802 - the library looks for that name
                cameras._answer(self)

        self.serve(Handler)

    def url_of(self, name: str) -> str:
        """The address of one camera."""
        return f"http://{self.origin}/{name}/"

    def add(self, name: str, path: str, fault: str | None = None) -> None:
        """Add a new image to a camera; with a fault it cannot be downloaded."""
        with self._lock:
            self.made += 1
            picture = make_jpeg(self.made, size=(320, 240))
            self.folders.setdefault(name, {})[path] = (
                picture[: len(picture) // 2] if fault == "corrupt" else picture
            )
            if fault is not None:
                self.faults.setdefault(name, {})[path] = fault

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        name, _, path = request.path.lstrip("/").partition("/")
        with self._lock:
            files = dict(self.folders.get(name, {}))
            fault = self.faults.get(name, {}).get(path)
            self.given[request.path] += 1
            self._at_once += 1
            if fault is not None:
                self.struck[fault] += 1
                self.struck_beside += self._at_once > 1
        try:
            if path:
                time.sleep(self.slow_s)
            if name not in self.folders:
                request.send_error(404)
            elif not path:
                rows = [
                    f'<a href="{each}">{each}</a>  01-May-2026 06:00  {len(data)}'
                    for each, data in files.items()
                ]
                _send(request, ("<pre>" + "\n".join(rows) + "\n</pre>").encode(), "text/html")
            elif fault == "404" or path not in files:
                request.send_error(404)
            else:
                _send(request, files[path], "image/jpeg", fault)
        finally:
            with self._lock:
                self._at_once -= 1


def _send(
    request: BaseHTTPRequestHandler, data: bytes, kind: str, fault: str | None = None
) -> None:
    request.send_response(200)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(data) + (100 if fault == "long" else 0)))
    request.end_headers()
    request.wfile.write(data[: len(data) // 2] if fault == "reset" else data)
    request.wfile.flush()
    if fault == "reset":
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if fault in ("reset", "long"):
        request.close_connection = True
