"""A camera with a web server: it lists its files like nginx, with configurable faults."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote, unquote

MODIFIED = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


@dataclass
class Camera:
    """Files and faults of the camera.

    `faults` maps a path to an HTTP status, `cut`, `hang`, `reset` (in the middle), `drip` (a byte
    at a time), `unframed` (the end of the connection ends the file) or `chunked`. `pages` maps a
    path to another response: a body, or a function that returns one, and headers.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    pages: dict[str, tuple[bytes | Callable[[], bytes], dict[str, str]]] = field(
        default_factory=dict
    )
    modified: dict[str, datetime] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    retry_after: str = "120"
    url: str = ""
    port: int = 0
    at_once: int = 0
    most_at_once: int = 0

    def asked(self) -> list[str]:
        """Return the requested paths in order, and clear the record."""
        paths = [path for path, _ in self.requests]
        self.requests.clear()
        return paths

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            path = unquote(head[0].split(" ")[1]).removeprefix("/")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            self.requests.append((path, headers))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                answer = await self._answer(path, headers)
            finally:
                self.at_once -= 1
            if self.faults.get(path) == "drip":
                while not self.go_on.is_set():
                    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if answer else b" ")
                    answer = b""
                    await writer.drain()
                    await asyncio.sleep(0.02)
            is_reset = self.faults.get(path) == "reset"
            writer.write(answer[: len(answer) // 2] if is_reset else answer)
            await writer.drain()
            if is_reset:
                # Unsent bytes are discarded, and the other side receives a reset instead of an end.
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
                writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, headers: dict[str, str]) -> bytes:
        fault = self.faults.get(path, "")
        if fault == "hang":
            self.reached.set()
            await self.go_on.wait()
        if fault.isdigit():
            return _response(
                int(fault),
                b"no",
                {"Retry-After": self.retry_after} if fault in ("429", "503") else {},
            )
        if path in self.pages:
            body, said = self.pages[path]
            return _response(200, body() if callable(body) else body, said)
        if path == "":
            page = _response(200, self.list_files().encode(), {"Content-Type": "text/html"})
            return page[:-20] if fault == "cut" else page
        data = self.files.get(path)
        if data is None:
            return _response(404, b"not found", {})
        etag = f'"{hash(data)}"'
        if headers.get("if-none-match") == etag:
            return _response(304, b"", {})
        modified = format_datetime(self.modified.get(path, MODIFIED), usegmt=True)
        if fault == "unframed":
            dated = f"Last-Modified: {modified}\r\n" if path in self.modified else ""
            return f"HTTP/1.0 200 OK\r\n{dated}\r\n".encode() + data
        if fault == "chunked":
            head = f"HTTP/1.1 200 OK\r\nLast-Modified: {modified}\r\n"
            head += "Transfer-Encoding: chunked\r\n\r\n"
            return head.encode() + f"{len(data):x}\r\n".encode() + data + b"\r\n0\r\n\r\n"
        answer = _response(200, data, {"Last-Modified": modified, "ETag": etag})
        return answer[: -len(data) // 2] if fault == "cut" else answer

    def list_files(self) -> str:
        """The page that lists its files as they are now."""
        rows = [
            f'<a href="{quote(path)}">{path[:50]}</a>  '
            f"{self.modified.get(path, MODIFIED):%d-%b-%Y %H:%M}  {len(data)}"
            for path, data in sorted(self.files.items())
        ]
        return "<html><body><pre>" + "\n".join(rows) + "\n</pre></body></html>"


def _response(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def running_camera() -> AsyncIterator[Camera]:
    """Serve a camera on a free port of loopback."""
    camera = Camera()
    server = await asyncio.start_server(camera.handle, "127.0.0.1", 0)
    camera.port = server.sockets[0].getsockname()[1]
    camera.url = f"http://127.0.0.1:{camera.port}/"
    async with server:
        yield camera
        camera.go_on.set()
        await asyncio.sleep(0.01)
