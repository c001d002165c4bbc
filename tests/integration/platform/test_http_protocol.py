"""HTTP over a socket: requests that the parser rejects, and clients that delay no others."""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from trapline.server.platform.http.protocol import (
    AHEAD,
    HEAD_BYTES,
    HEADERS,
    TARGET_BYTES,
    UNWANTED_BYTES,
    HttpProtocol,
)
from trapline.server.platform.http.security_headers import SAFE_HEADERS

Ask = Callable[..., list[tuple[int, Any]]]
HOST = b"Host: here\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Return what was received; /early responds before the body, /late after a while."""
    body = b""
    while not scope["path"].startswith("/early"):
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"].startswith("/late"):
        await asyncio.sleep(0.1)
    told = {
        "target": f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}",
        "headers": [name.decode() for name, _ in scope["headers"]],
        "body": body.decode("latin-1"),
    }
    content = json.dumps(told).encode()
    headers = [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Start a real server that returns what it receives; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        _echo, http=HttpProtocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=75
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def ask(port: int) -> Ask:
    """Send these bytes, then read until the end of the connection or a number of responses."""

    def send(request: bytes, answers: int = 99) -> list[tuple[int, Any]]:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as opened:
            # A request that is rejected before its end still receives its response.
            with contextlib.suppress(ConnectionError):
                opened.sendall(request)
            came = b""
            while len(found := _split(came)) < answers:
                piece = opened.recv(65536)
                if not piece:
                    break
                came += piece
            return found

    return send


def _split(came: bytes) -> list[tuple[int, Any]]:
    found = []
    while head := re.match(
        rb"HTTP/1.1 (\d+).*?content-length: (\d+).*?\r\n\r\n", came, re.DOTALL | re.IGNORECASE
    ):
        content = came[head.end() : head.end() + int(head[2])]
        if len(content) < int(head[2]):
            break
        found.append((int(head[1]), json.loads(content)))
        came = came[head.end() + len(content) :]
    return found


def test_trailers_are_no_headers(ask: Ask) -> None:
    body = b"3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\nX-Late: 1\r\n\r\n"
    following = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
    [(_, first), (_, second)] = ask(
        b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n" + body + following, answers=2
    )
    assert (first["headers"], first["body"]) == (["host", "transfer-encoding"], "abc")
    assert second["headers"] == ["host"]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\n" + CHUNKED,
        CHUNKED + b"Content-Length: 3\r\n",
        b"Content-Length: 3\r\nContent-Length: 3\r\n",
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: 3, 3\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length : 3\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        CHUNKED + CHUNKED,
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"X-Folded: a\r\n b\r\n",
        b"X-Null: a\x00b\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n",
    ],
)
def test_a_length_that_can_be_read_in_two_ways_is_refused(ask: Ask, headers: bytes) -> None:
    smuggled = b"3\r\nabc\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    [(status, problem)] = ask(b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\n" + smuggled)
    assert (status, problem["status"]) == (400, 400)
    assert problem["detail"]


@pytest.mark.parametrize(
    ("version", "hosts", "is_refused"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Host: here\r\nHost: here\r\n", True),
        (b"1.1", b"Host: here\r\nhost: there\r\n", True),
        (b"1.1", b"Host: here, there\r\n", True),
        (b"1.1", b"Host: here/path\r\n", True),
        (b"1.1", b"Host: user@here\r\n", True),
        (b"1.1", b"Host: here:99999999\r\n", True),
        (b"1.1", b"Host: here:8000\r\n", False),
        (b"1.1", b"Host: [::1]:8000\r\n", False),
        (b"1.1", b"Host:\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Host: here\r\nHost: here\r\n", True),
    ],
)
def test_a_request_has_one_host(ask: Ask, version: bytes, hosts: bytes, is_refused: bool) -> None:
    request = b"GET /target HTTP/" + version + b"\r\n" + hosts + b"Connection: close\r\n\r\n"
    [(status, answer)] = ask(request, answers=1)
    if is_refused:
        assert (status, answer["title"]) == (400, "Invalid Host header")
    else:
        assert (status, answer["target"]) == (200, "/target?")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * TARGET_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20 * HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (HEADERS + 1) + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n3;" + b"a" * 20 * HEAD_BYTES, 431),
        (b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n0\r\nX: " + b"a" * 20 * HEAD_BYTES, 431),
    ],
)
def test_too_large_bodies_are_refused_before_they_are_read(
    ask: Ask, request_: bytes, status: int
) -> None:
    [(told, problem)] = ask(request_)
    assert (told, problem["status"]) == (status, status)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\n"
            + HOST
            + b"Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\na",
            400,
        ),
        (b"GET /" + b"a" * 2 * TARGET_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (HEADERS + 1) + b"\r\n", 431),
    ],
)
def test_a_refusal_has_the_headers_of_every_answer(port: int, request_: bytes, status: int) -> None:
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as opened:
        opened.sendall(request_)
        while piece := opened.recv(65536):
            said += piece
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nX-Request-Id: " in said
    for name, value in SAFE_HEADERS.items():
        assert f"\r\n{name}: {value}\r\n".encode() in said


def test_the_largest_head_is_taken(ask: Ask) -> None:
    headers = HOST + b"X: " + b"a" * (HEAD_BYTES - 1000) + b"\r\n" + b"Y: b\r\n" * (HEADERS - 2)
    [(status, told)] = ask(
        b"GET /" + b"a" * (TARGET_BYTES - 1) + b" HTTP/1.1\r\n" + headers + b"\r\n", answers=1
    )
    assert status == 200
    assert len(told["headers"]) == HEADERS


def test_the_target_stays_as_it_was_sent(ask: Ask) -> None:
    target = b"/a%2Fb%7e/%C3%A9/%zz/../;x=1?q=%41+b&&c=%00?x"
    [(_, told)] = ask(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n", answers=1)
    assert told["target"] == target.decode()


def test_pipelined_requests_are_answered_in_order(ask: Ask) -> None:
    first = b"POST /late/1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\none\r\n"
    second = b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
    third = b"POST /late/3 HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n5\r\nthree\r\n0\r\n\r\n"
    answers = ask(first + second + third, answers=3)
    assert [told["target"] for _, told in answers] == ["/late/1?", "/2?", "/late/3?"]
    assert [told["body"] for _, told in answers] == ["one", "", "three"]


@pytest.mark.parametrize(
    "wrong", [b"NONSENSE\r\n\r\n", b"POST /2 HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\nzz\r\n"]
)
def test_a_wrong_request_does_not_take_the_answer_of_the_one_before_it(
    ask: Ask, wrong: bytes
) -> None:
    answers = ask(b"GET /late/1 HTTP/1.1\r\n" + HOST + b"\r\n" + wrong)
    assert [status for status, _ in answers] == [200, 400]
    assert answers[0][1]["target"] == "/late/1?"


def test_nobody_runs_far_ahead_of_the_answers(ask: Ask) -> None:
    answers = ask(
        b"GET /late HTTP/1.1\r\n"
        + HOST
        + b"\r\n"
        + (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * (2 * AHEAD)
    )
    assert [status for status, _ in answers] == [200] * (1 + AHEAD) + [429]


def test_a_body_that_was_answered_already_is_read_on_for_a_while(ask: Ask, port: int) -> None:
    head = b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n"
    following = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
    size = UNWANTED_BYTES // 2
    answers = ask(head % size + bytes(size) + following, answers=2)
    assert [told["target"] for _, told in answers] == ["/early?", "/next?"]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as opened:
        opened.sendall(head % (100 * size))
        endless = bytes(100 * size)
        with pytest.raises(ConnectionError):
            opened.sendall(endless)


def test_nobody_waits_for_a_caller_without_end(port: int) -> None:
    """Half a head, half a body, and half a head after a response.

    Each is closed, those that began to send with a 408.
    """
    starts = {
        "silence": b"",
        "half a head": b"GET / HTTP/1.1\r\nHos",
        "half a body": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nabc",
        "half a head after an answer": b"GET / HTTP/1.1\r\n" + HOST + b"\r\nGET /",
        "an empty line after an answer": b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    }
    opened = {name: socket.create_connection(("127.0.0.1", port), timeout=20) for name in starts}
    for name, start in starts.items():
        opened[name].sendall(start)
    came = dict.fromkeys(starts, b"")
    came["an empty line after an answer"] = opened["an empty line after an answer"].recv(65536)
    opened["an empty line after an answer"].sendall(b"\r\n")
    began = time.monotonic()
    for name, connection in opened.items():
        while piece := connection.recv(65536):
            came[name] += piece
        connection.close()
    assert time.monotonic() - began > 5, "it was not waited for at all"
    assert {name: [status for status, _ in _split(told)] for name, told in came.items()} == {
        "silence": [],
        "half a head": [408],
        "half a body": [408],
        "half a head after an answer": [200, 408],
        "an empty line after an answer": [200],
    }
