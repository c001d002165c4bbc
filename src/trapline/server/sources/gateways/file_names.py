"""Convert the byte names of remote files to the paths that are stored and shown, and back.

Invisible characters, such as a no-break space, and bytes that are not UTF-8 are escaped as
`\\u00a0` and `\\xff`. All other names are their own path. Each name therefore has exactly one path,
and each path represents exactly the received bytes.
"""

import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

from trapline.server.platform.errors import FileGone
from trapline.server.platform.files.upload_paths import is_kept
from trapline.server.sources.gateways.gateway import (
    MAX_PATH_CHARACTERS,
    TOO_LONG,
    UNREPRESENTABLE,
    Walk,
)

_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def escape_name(raw: bytes) -> str:
    """Escape a name as text without invisible characters; `spell` restores the bytes."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and not _ESCAPE.search(raw):
        return text
    return "".join(_escape_sign(sign) for sign in raw.decode("utf-8", "surrogateescape"))


def _escape_sign(sign: str) -> str:
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if sign == "\\" or (code < 0x80 and not sign.isprintable()):
        return f"\\x{code:02x}"
    if sign.isprintable():
        return sign
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def find_path(raw: bytes, folder: str, walk: Walk) -> str | None:
    """Return the path of a listed name in a folder.

    A name that cannot be requested is counted as left out, and None is returned.
    """
    if not raw or raw in (b".", b"..") or b"/" in raw or b"\x00" in raw:
        walk.leave_out(UNREPRESENTABLE)
        return None
    path = folder + escape_name(raw)
    if len(path) > MAX_PATH_CHARACTERS:
        walk.leave_out(TOO_LONG)
        return None
    return path


def spell(path: str) -> bytes:
    """Return the received bytes of a path. Raises FileGone for a path that leaves the source."""
    raw = unescape_name(path)
    if b"\x00" in raw or any(part in (b"", b".", b"..") for part in raw.split(b"/")):
        raise FileGone("it does not exist: no file of a source can have such a name")
    return raw


def unescape_name(text: str) -> bytes:
    """Return the bytes of a name that was escaped by `escape_name`."""
    return _ESCAPE.sub(_unescape, text.encode("utf-8", "surrogatepass"))


def _unescape(found: re.Match[bytes]) -> bytes:
    byte, short, long = found.groups()
    return (
        bytes([int(byte, 16)])
        if byte
        else chr(int(short or long, 16)).encode("utf-8", "surrogatepass")
    )


def list_encodings(path: str) -> list[bytes]:
    """List the possible bytes of a path: as received, then in Latin-1 as in older records.

    Raises FileGone as `spell`.
    """
    found = [spell(path)]
    if not path.isascii():
        with suppress(UnicodeEncodeError):
            found.append(path.encode("latin-1"))
    return found


def readable_name(path: str, *, is_encoded: bool = False) -> str:
    """Decode the last part of a path for display; `is_encoded` marks a percent-encoded URL path.

    Bytes that are not UTF-8 are decoded as Latin-1. Characters that are not allowed in the names of
    uploads remain escaped.
    """
    last = path.rpartition("/")[2]
    raw = unquote_to_bytes(last) if is_encoded and "%" in last else unescape_name(last)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return "".join(sign if is_kept(sign) else _escape_sign(sign) for sign in text)
