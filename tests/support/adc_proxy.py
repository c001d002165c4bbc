"""A proxy between a worker and a server that loses responses, or responds with an error instead."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOSE_ANSWER = b""
"""The request arrives and its response does not: the connection is reset after the response."""


def make_away(retry_after_s: int) -> bytes:
    """A 503 as servers say it whose database is away."""
    head = f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {retry_after_s}\r\n"
    return f"{head}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode()


@dataclass
class Wire:
    """`faults` are used up in turn by requests whose first line has their word; others pass.

    `seen` are first lines.
    """

    port: int
    server_port: int
    faults: list[tuple[str, bytes]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Where the worker finds the server."""
        return f"http://127.0.0.1:{self.port}"

    def carry(self, caller: socket.socket) -> None:
        """Carry one request and its answer; such workers open a connection for each."""
        with caller, caller.makefile("rb") as said:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = said.readline()
                if not line:
                    return
                head += line
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            body = said.read(int(fields.get(b"content-length", b"0")))
            first_line = head.partition(b"\r\n")[0].decode()
            fault = self._find_fault(first_line)
            if fault:
                caller.sendall(fault)
                return
            with socket.create_connection(("127.0.0.1", self.server_port), timeout=60) as server:
                server.sendall(head + body)
                while answer := server.recv(65_536):
                    if fault is not None:
                        # Closed with what was not delivered thrown away: the other end sees a
                        # reset.
                        caller.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                        return
                    caller.sendall(answer)

    def _find_fault(self, first_line: str) -> bytes | None:
        with self._lock:
            self.seen.append(first_line)
            for number, (word, fault) in enumerate(self.faults):
                if word in first_line:
                    del self.faults[number]
                    return fault
        return None

    def count(self, word: str) -> int:
        """How many requests had this word in their first line."""
        return sum(word in line for line in self.seen)


@contextmanager
def open_wire(server_port: int) -> Iterator[Wire]:
    """A wire to a server on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(listener.getsockname()[1], server_port)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listener.accept()
                    threading.Thread(
                        target=_quietly, args=(wire.carry, caller), daemon=True
                    ).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield wire
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _quietly(carry: Callable[[socket.socket], None], caller: socket.socket) -> None:
    with contextlib.suppress(OSError):
        carry(caller)
