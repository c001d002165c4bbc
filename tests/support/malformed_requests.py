"""Malformed requests that no library sends: invalid values in the place of valid ones."""

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

DEEP = 50_000
VALUES: tuple[bytes, ...] = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"1" + b"0" * 400,
    b"-1" + b"0" * 400,
    b"1" + b"0" * 5000,
    b"-0",
    b"0.1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"2147483648",
    b"18446744073709551616",
    b"01",
    b"+1",
    b"0x10",
    b"1_000",
    b".5",
    b"1.",
    b"true",
    b"null",
    b"None",
    b"undefined",
    b"'a'",
    b'""',
    b'" "',
    b'"\\ud800"',
    b'"\\udfff\\ud800"',
    b'"\\u0000"',
    b'"a\\u0000b"',
    b'"\\uffff"',
    b'"\\x"',
    b'"\x00"',
    b'"\x1f"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\xc0\x80"',
    b'"\xf4\x90\x80\x80"',
    b'"' + b"x" * 100_000 + b'"',
    '"\U0001f4a5\u202e\u200b"'.encode(),
    b'"../../etc/passwd"',
    b'"\'; drop table x; --"',
    b'"${jndi:ldap://x}"',
    b'"%s%n%00"',
    b'"0001-01-01T00:00:00Z"',
    b'"9999-12-31T23:59:59.999999+14:00"',
    b'"2026-02-30T25:61:61Z"',
    b'"-1"',
    b'"1e5"',
    b'"NaN"',
    b'"infinity"',
    b'"[::1"',
    b'"http://["',
    b'"http://\xc3\xa9\xe2\x80\xae:99999/"',
    b'"{00000000-0000-0000-0000-000000000000}"',
    b'"00000000-0000-0000-0000-000000000000"',
    b"[]",
    b"{}",
    b"[[]]",
    b"[null]",
    b"[1,[2,[3]]]",
    b'{"a":1,"a":2}',
    b'{"":{"":{}}}',
    b'{"__proto__":{},"constructor":{}}',
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"[" * DEEP,
    b"[" + b"0," * 50_000 + b"0]",
    b"/* a comment */ 1",
)
BODIES: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\x00",
    b"null",
    b"0",
    b'"',
    b"{",
    b"[",
    b"{}",
    b"[]",
    b"{}{}",
    b"{},",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    '{"name": "a"}'.encode("utf-16"),
    '{"name": "a"}'.encode("utf-32"),
    b'{"a" "b"}',
    b"{'a': 1}",
    b'{"a": 1,}',
    b"--b--\r\n",
    (
        b'--b\r\nContent-Disposition: form-data; name="files"; '
        b'filename="\x00\xff/../.."\r\n\r\nx\r\n--b--\r\n'
    ),
    b'--b\r\nContent-Disposition: form-data; name="project"\r\n\r\n'
    + b"9" * 400
    + b"\r\n--b--\r\n",
    b'--b\r\nContent-Disposition: form-data; name="deployment"\r\n\r\n\xff\xff\r\n--b--\r\n',
    b"--b\r\n\r\n\r\n--b",
    b"--b\r\n" + b"X: y\r\n" * 2000,
    gzip.compress(b"{}"),
    gzip.compress(b"{}")[:-4],
    gzip.compress(b"[" * 1_000_000),
    b"(\xb5/\xfd",
    b"name=a&project=1",
    b"a" * 100_000,
)
PATHS: tuple[str, ...] = (
    "%00",
    "%ff",
    "%zz",
    "%",
    "%2",
    "%2e%2e%2f%2e%2e",
    "..",
    ".",
    "%ED%A0%80",
    "%C0%80",
    "NaN",
    "-1",
    "0",
    "1.0",
    "+1",
    "1e3",
    "9223372036854775807",
    "9223372036854775808",
    "1" + "0" * 400,
    "9" * 5000,
    "%F0%9F%92%A5",
    "%E2%80%AE",
    "a" * 5000,
    ";",
    "*",
    "$(id)",
    "%0d%0aX-Evil:%201",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}",
    "null",
    "%D9%A1",
    "1%00",
    "%EF%BC%91",
    "'",
    "%22",
    "\\",
    "|",
    "1%20",
    "%20",
    "",
)
LINES: tuple[bytes, ...] = (
    b"Authorization: Bearer \xff\xfe",
    b"Authorization: ",
    b"Authorization: Bearer",
    b"Authorization: Token \x80",
    b"Authorization: Bearer tl_user_" + b"a" * 5000,
    b"Authorization: Basic \xc3\x28",
    b'Authorization: Digest x="',
    b"Cookie: trapline_session=\xff",
    b"Cookie: trapline_session=" + b"a" * 5000,
    b'Cookie: =;=;;="',
    b"Cookie: __Host-trapline_session=",
    b"Idempotency-Key: \xff\xfe\xed\xa0\x80",
    b"Idempotency-Key: ",
    b"Idempotency-Key: " + b"k" * 300,
    b"Idempotency-Key: same",
    b"If-Match: \xff",
    b"If-Match: *",
    b'If-Match: W/""',
    b'If-Match: "9999-99-99"',
    b"If-Match: " + b'"1",' * 500,
    b"If-None-Match: \xff",
    b"If-Modified-Since: never",
    b"Range: bytes=9-1",
    b"Range: bytes=-" + b"9" * 400,
    b"Range: bytes=\xb2-",
    b"Content-Type: application/json; charset=utf-16",
    b"Content-Type: application/json; charset=\xff",
    b"Content-Type: ",
    b"Content-Type: application/\xff+json",
    b"Content-Type: multipart/form-data",
    b"Content-Type: multipart/form-data; boundary=",
    b"Content-Type: multipart/form-data; boundary=b",
    b'Content-Type: multipart/form-data; boundary="\xff"',
    b"Content-Type: text/plain",
    b"Content-Type: application/x-www-form-urlencoded",
    b"Content-Encoding: gzip",
    b"Content-Encoding: zstd",
    b"Content-Encoding: \xff",
    b"Content-Encoding: gzip, gzip",
    b"Accept: \xff",
    b"Accept-Language: *;q=99",
    b"Accept-Encoding: gzip;q=nan",
    b"Origin: null",
    b"Origin: \xff://",
    b"Host: \xff",
    b"Host: [::1",
    b"Host: a:99999999",
    b"Host: ",
    b"X-Forwarded-For: \xff, 999.1.1.1, [",
    b"X-Forwarded-Proto: javascript",
    b"X-Forwarded-Host: [",
    b"Forwarded: for=\xff",
    b"X-Request-Id: \xff",
    b"X-Request-Id: " + b"a" * 5000,
    b"X-Trapline-Worker: \xff",
    b"X-Trapline-Worker: {00000000-0000-0000-0000-000000000000}",
    b"X-Trapline-Worker: " + b"1" * 400,
    b"X-CSRF-Token: \xff\xfe",
    b"X-HTTP-Method-Override: DELETE",
    b"Upgrade: websocket\r\nConnection: Upgrade",
    b"TE: trailers",
    b"Connection: \xff",
    b"X-ML-Signature: v2=\xff",
    b"X-ML-Signature: v1=" + b"0" * 64,
    b"X-ML-Timestamp: NaN",
    b"X-ML-Timestamp: " + b"9" * 400,
    b"X-ML-Timestamp: \xb2",
    b"X-ML-Nonce: \xff",
    b"X-ML-Key-Id: \x80",
    b"traceparent: \xff",
    b"Last-Event-ID: \xff",
    b"X-Odd: " + b"o" * 60_000,
    b"X_Under: score",
    b"Content-Length: 3\r\nContent-Length: 4",
)
METHODS = ("GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "POST", "TRACE", "PROPFIND", "get")
MARK = "a mark that no value has"


@dataclass
class Target:
    """One operation of the OpenAPI document, and bodies that it was sent and that fit it."""

    method: str
    path: str
    queries: list[str]
    takes_body: bool
    bodies: list[Any] = field(default_factory=list)


def draw_request(
    chance: random.Random, target: Target, known: Mapping[str, str], tokens: Sequence[str]
) -> bytes:
    """One request with one or more invalid places. The connection ends with its response."""
    method = target.method if chance.random() < 0.95 else chance.choice(METHODS)
    head = [
        f"{method} {_draw_path(chance, target, known)} HTTP/1.1".encode(),
        b"Host: 127.0.0.1",
        b"Connection: close",
    ]
    body = _draw_body(chance, target) if target.takes_body or chance.random() < 0.1 else None
    odd = [chance.choice(LINES) for _ in range(chance.choice((0, 0, 0, 1, 1, 2)))]
    if not any(line.startswith(b"Authorization") for line in odd) and (
        token := chance.choice(tokens)
    ):
        head.append(f"Authorization: Bearer {token}".encode())
    if body is not None and not any(line.startswith(b"Content-Type") for line in odd):
        head.append(b"Content-Type: application/json")
    head += odd
    if body is None:
        return b"\r\n".join((*head, b"", b""))
    if chance.random() < 0.7:
        return b"\r\n".join((*head, b"Content-Length: %d" % len(body), b"", body))
    cut = chance.randrange(len(body) + 1)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:cut], body[cut:]) if part
    )
    trailer = chance.choice((b"", b"Authorization: Bearer x\r\n", b"X-T: \xff\r\n"))
    return (
        b"\r\n".join((*head, b"Transfer-Encoding: chunked", b"", chunks))
        + b"0\r\n"
        + trailer
        + b"\r\n"
    )


def _draw_path(chance: random.Random, target: Target, known: Mapping[str, str]) -> str:
    path = target.path
    while "{" in path:
        start, _, rest = path.partition("{")
        name, _, rest = rest.partition("}")
        path = (
            start + (chance.choice(PATHS) if chance.random() < 0.3 else known.get(name, "1")) + rest
        )
    if chance.random() < 0.03:
        path = chance.choice(
            (
                path + "/",
                path + "//",
                "/" + path,
                path.upper(),
                path + "/..",
                "/." + path,
                path + ";a=b",
            )
        )
    asked = [name for name in target.queries if chance.random() < 0.4]
    if chance.random() < 0.05:
        asked.append(chance.choice(("unknown", "%00", "a[]", "%ff", "")))
    values = (
        f"{name}={chance.choice(PATHS) if chance.random() < 0.7 else known.get(name, '1')}"
        for name in asked
    )
    query = chance.choice("&&&;").join(values).replace(" ", "+")
    return quote(path, safe="%/;*$()'|{}\\:+") + (
        f"?{query}" if query or chance.random() < 0.05 else ""
    )


def _draw_body(chance: random.Random, target: Target) -> bytes:
    if not target.bodies or chance.random() < 0.15:
        return chance.choice(BODIES + VALUES)
    marked = json.loads(json.dumps(chance.choice(target.bodies)))
    for _ in range(chance.choice((1, 1, 1, 2))):
        marked = _mark(chance, marked)
    body = json.dumps(marked).encode()
    mark = json.dumps(MARK).encode()
    while mark in body:
        body = body.replace(mark, chance.choice(VALUES), 1)
    kind = chance.random()
    if kind < 0.03:
        return body[: chance.randrange(len(body) + 1)]
    if kind < 0.06 and body.startswith(b"{"):
        return b'{"name": 1, "project": null, "name": "twice", ' + body[1:]
    return body


def _mark(chance: random.Random, value: Any) -> Any:
    """Put the mark in the place of one nested value, or next to it."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        return value | {key: _mark(chance, value[key])}
    if isinstance(value, dict) and chance.random() < 0.5:
        return value | {chance.choice(("unknown", "", "\x00", "\ud800", "id")): MARK}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], _mark(chance, value[place]), *value[place + 1 :]]
    return MARK
