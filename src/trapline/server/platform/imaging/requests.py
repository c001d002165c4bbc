"""Requests to decoders: a line of JSON over a Unix socket, with the open files to read and write.

A decoder opens no files, so it needs no rights to any file and can run as another user.
"""

import asyncio
import errno
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
MAX_FILES = 250
"""The kernel passes at most 253 descriptors with a message."""
ENVIRONMENT = {"LANG": "C.UTF-8"}
"""The whole environment of a decoder: no secrets, and nothing that changes what it loads."""

Piece = tuple[int, int, int, int]
"""Left, top, right and bottom in upright pixels."""


def build_command(memory_bytes: int, cpu_s: int, output_bytes: int) -> list[str]:
    """Build the command of a decoder; -I lets nothing in its surroundings change what it loads."""
    limits = [str(limit) for limit in (memory_bytes, cpu_s, output_bytes)]
    return [sys.executable, "-I", "-m", "trapline.server.platform.imaging.decoder_process", *limits]


class OpenFiles:
    """The files of one request, in the order in which they are passed; the first is the input."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        self._created: list[Path] = []

    def read(self, path: Path) -> int:
        """Open a file for reading and return its index. Raises OSError."""
        return self._add(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def write(self, path: Path) -> int:
        """Open a file for writing, create it if needed, and return its index. Raises OSError."""
        is_new = not path.exists()
        index = self._add(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        )
        if is_new:
            self._created.append(path)
        return index

    def _add(self, descriptor: int) -> int:
        self.descriptors.append(descriptor)
        return len(self.descriptors) - 1

    def remove_empty(self) -> None:
        """Remove the files that were created for this request and are still empty."""
        for path in self._created:
            with suppress(FileNotFoundError):
                if path.stat().st_size == 0:
                    path.unlink()


@contextmanager
def open_files() -> Iterator[OpenFiles]:
    """Yield the files of one request; close them afterwards and remove new files that are empty."""
    files = OpenFiles()
    try:
        yield files
    finally:
        for descriptor in files.descriptors:
            os.close(descriptor)
        files.remove_empty()


def send(connection: socket.socket, request: Mapping[str, Any], files: Sequence[int]) -> None:
    """Send a request with its files.

    Raises OSError, and TimeoutError if the socket has a timeout.
    """
    line = json.dumps(request).encode() + b"\n"
    sent = socket.send_fds(connection, [line], list(files)) if files else connection.send(line)
    connection.sendall(line[sent:])


async def send_without_blocking(
    connection: socket.socket, request: Mapping[str, Any], files: Sequence[int]
) -> None:
    """Send a request over a non-blocking socket, waiting in the event loop. Raises OSError."""
    line = json.dumps(request).encode() + b"\n"
    while True:
        try:
            sent = (
                socket.send_fds(connection, [line], list(files)) if files else connection.send(line)
            )
            break
        except BlockingIOError:
            await _wait_until_writable(connection)
    await asyncio.get_running_loop().sock_sendall(connection, line[sent:])


async def _wait_until_writable(connection: socket.socket) -> None:
    loop, writable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(connection, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(connection)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Receive a request with its files; None at the end."""
    line, files = b"", list[int]()
    while not line.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(connection, 1 << 16, MAX_FILES)
        if not part:
            return None
        line += part
        files += more
    return dict(json.loads(line)), files


def refuse(error: OSError) -> dict[str, Any]:
    """Build the answer for a file of a request that cannot be opened."""
    if error.errno in DISK_FULL:
        return {"no_room": True}
    return {"broken": f"it cannot be opened ({error.strerror})"}
