"""HTTP from bytes, as no client library sends it: half heads, endless bodies, invalid bytes."""

import contextlib
import select
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PIECE = 65536


@dataclass(frozen=True)
class RawAnswer:
    """Response of the server; status 0 if there was no valid response.

    `sent` counts the bytes of the body that were sent.
    """

    status: int
    content: bytes = b""
    sent: int = 0


def connect(port: int, receive_buffer: int = 0) -> socket.socket:
    """Open a connection; a small receive buffer makes its owner a slow reader."""
    opened = socket.socket()
    if receive_buffer:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    opened.settimeout(30)
    opened.connect(("127.0.0.1", port))
    return opened


def write_head(method: str, target: str, headers: Mapping[str, str], *, end: bool = True) -> bytes:
    """The head of a request, with or without the empty line that ends it."""
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + ("\r\n\r\n" if end else "\r\n")).encode("latin-1")


def read_answer(opened: socket.socket) -> tuple[int, bytes]:
    """Read to the end of the connection, or the head of an event stream.

    Return the status and the data.
    """
    came = b""
    with contextlib.suppress(OSError):
        while piece := opened.recv(PIECE):
            came += piece
            if b"\r\ncontent-type: text/event-stream" in came[:4096]:
                break
    status = came.partition(b"\r\n")[0].split()
    return (int(status[1]) if len(status) > 1 and status[1].isdigit() else 0), came


def ask_raw(port: int, request: bytes) -> RawAnswer:
    """Send these bytes on a connection of their own, and read what comes."""
    with connect(port) as opened:
        with contextlib.suppress(OSError):
            opened.sendall(request)
        return RawAnswer(*read_answer(opened))


def post_endlessly(port: int, head: bytes, pieces: Iterator[bytes]) -> RawAnswer:
    """Send a chunked body until it ends or an answer comes."""
    sent = 0
    with connect(port) as opened:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            opened.sendall(head)
            for piece in pieces:
                if select.select([opened], [], [], 0)[0]:
                    break
                opened.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
                sent += len(piece)
            else:
                opened.sendall(b"0\r\n\r\n")
            opened.shutdown(socket.SHUT_WR)
        status, content = read_answer(opened)
        return RawAnswer(status, content, sent)


def forget_peak(pid: int) -> None:
    """Let the highest memory of a process count from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")


def read_memory(pid: int) -> tuple[float, float]:
    """How much memory a process has, and the most it had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    found = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(found["VmRSS"].split()[0]) / 1024, int(found["VmHWM"].split()[0]) / 1024
