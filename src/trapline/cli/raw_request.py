"""Parse a raw HTTP request, so that its signature can be checked byte by byte."""

import base64
import re

from pydantic import ValidationError

from trapline.cli.errors import CommandError, ExitCode
from trapline.wire.callback_keys import SignatureCheckRequest

_REQUEST_LINE = re.compile(
    r"([A-Za-z]{1,10}) +(?:[a-z][a-z0-9+.\-]*://[^/?#\s]*)?(/\S*)(?: +HTTP/[\d.]+)?\s*",
    re.IGNORECASE,
)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~\w\-]+):[ \t]*(.*?)[ \t]*")
_SIGNED = re.compile(r"x-ml-(signature|timestamp|nonce|key-id)")


def parse_request(
    content: bytes, project: int, signed_message: str | None
) -> SignatureCheckRequest:
    """Parse the request line, the X-ML headers and the unchanged body. Raises CommandError."""
    head, body = _split_request(content)
    lines = head.decode("utf-8", "replace").lstrip("\r\n").splitlines()
    line = _REQUEST_LINE.fullmatch(lines[0]) if lines else None
    if line is None:
        raise CommandError(
            "This is not a raw HTTP request: the first line is like "
            "POST /api/analyses/ID/finalize HTTP/1.1. "
            "`trapline key check --help` shows a complete one.",
            ExitCode.WRONG_USAGE,
        )
    headers: dict[str, str] = {}
    for name, value in (found.groups() for found in map(_HEADER.fullmatch, lines[1:]) if found):
        # Other headers do not affect the signature, and some contain secrets.
        if not _SIGNED.fullmatch(name.lower()):
            continue
        if name.lower() in headers:
            raise CommandError(f"{name} is given more than once, which the server refuses.")
        headers[name.lower()] = value
    try:
        return SignatureCheckRequest(
            project=project,
            method=line.group(1).upper(),
            target=line.group(2),
            headers=headers,
            body_base64=base64.b64encode(body).decode(),
            signed_message=signed_message,
        )
    except ValidationError as error:
        wrong = "; ".join(f"{found['loc'][0]}: {found['msg']}" for found in error.errors())
        raise CommandError(
            f"This request cannot be checked: {wrong}.", ExitCode.WRONG_USAGE
        ) from None


def _split_request(content: bytes) -> tuple[bytes, bytes]:
    """Split a request into head and body at the first empty line; accept LF and CRLF."""
    clean = content.lstrip(b"\r\n")
    found = re.search(rb"\r?\n\r?\n", clean)
    return (clean, b"") if found is None else (clean[: found.start()], clean[found.end() :])
