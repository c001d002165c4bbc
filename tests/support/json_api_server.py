"""A small JSON API over a folder: pages of files, as vendors of camera clouds provide them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from trapline.wire.gateway_options import RestMapping

PER_PAGE = 4000
MAPPING = RestMapping(
    items="data.files",
    url="links.0.href",
    name="path",
    time="taken",
    size="bytes",
    next="data.next",
    next_parameter="after",
)


@contextmanager
def json_feed(root: Path, work: Path) -> Iterator[str]:
    """Serve a folder as a JSON API, at a path that does not end with a slash."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            if split.path == "/api/files":
                self._answer(200, json.dumps(_page(root, parse_qs(split.query))).encode(), {})
                return
            file = root / unquote(split.path.removeprefix("/raw/"))
            if not split.path.startswith("/raw/") or not file.is_file() or ".." in file.parts:
                self._answer(404, b"{}", {})
                return
            status = file.stat()
            etag = f'"{status.st_mtime_ns}-{status.st_size}"'
            if self.headers.get("If-None-Match") == etag:
                self._answer(304, b"", {})
                return
            modified = format_datetime(
                datetime.fromtimestamp(int(status.st_mtime), UTC), usegmt=True
            )
            self._answer(200, file.read_bytes(), {"ETag": etag, "Last-Modified": modified})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if status != 304:
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/files?camera=7"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _page(root: Path, query: dict[str, list[str]]) -> dict[str, Any]:
    assert query["camera"] == ["7"], "the address's own query is kept from page to page"
    first = int(query.get("after", ["0"])[0])
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    shown = files[first : first + PER_PAGE]
    items = [
        {
            "path": str(file.relative_to(root)),
            "links": [{"href": f"/raw/{quote(str(file.relative_to(root)))}"}],
            "taken": datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(),
            "bytes": file.stat().st_size,
        }
        for file in shown
    ]
    more = first + PER_PAGE < len(files)
    return {"data": {"files": items, "next": first + PER_PAGE if more else None}}
