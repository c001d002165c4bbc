"""Names of files as bytes of a server: which of them are told, and how they are spelled when asked for again."""

from contextlib import suppress

from trapline.server.errors import FileGone
from trapline.server.gateways.port import MAX_PATH_CHARACTERS


def read_name(raw: bytes, folder: str = "") -> str | None:
    """Find the path of a listed file; None for one that is hidden, climbs out, or is no text of bearable length.

    Old servers send names in Latin-1, which no other text can be mistaken for.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = raw.decode("latin-1")
    path = folder + name
    if not name or name.startswith(".") or "/" in name or len(path) > MAX_PATH_CHARACTERS or not path.isprintable():
        return None
    return path


def spellings(path: str) -> list[bytes]:
    """Spell a path as the server may have: in UTF-8, else in Latin-1. Raises FileGone for one that leads elsewhere."""
    if any(part in ("", ".", "..") for part in path.split("/")) or not path.isprintable():
        raise FileGone("it is not there: no file of a source has such a name")
    found = [path.encode()]
    if not path.isascii():
        with suppress(UnicodeEncodeError):
            found.append(path.encode("latin-1"))
    return found
