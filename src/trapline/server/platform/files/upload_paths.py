"""Turn the path of an uploaded file into a relative path that can be stored and shown."""

import re
import unicodedata

LONGEST_PART = 255
LONGEST_PATH = 1024
UNNAMED = "unnamed"
ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\ufeff")
"""Characters without a width that are kept: without them names could collide or change meaning."""
_DRIVE = re.compile(r"[A-Za-z]:")


def clean_path(sent: str) -> str:
    """Clean the path of an uploaded file; every text has a result, so no image is refused.

    Separators become "/". The root, drives, "." and ".." are removed, and so are control and
    direction characters. Each part has at most 255 characters. If the path has more than 1,024, its
    first folders are removed.

    Example: clean_path("C:\\\\cards\\\\100RECNX\\\\RCNX0001.JPG") is "cards/100RECNX/RCNX0001.JPG".
    """
    parts = [_clean_part(part) for part in sent.replace("\\", "/").split("/")]
    if parts and _DRIVE.fullmatch(parts[0]):
        parts = parts[1:]
    # The name is the last part, even if it is empty: a folder must not become the name.
    name = parts.pop()[-LONGEST_PART:] if parts else ""
    folders = [part[:LONGEST_PART] for part in parts if part not in ("", ".", "..")]
    kept = [UNNAMED if name in ("", ".", "..") else name]
    room = LONGEST_PATH - len(kept[0])
    for folder in reversed(folders):
        room -= len(folder) + 1
        if room < 0:
            break
        kept.insert(0, folder)
    return "/".join(kept)


def name_of(path: str) -> str:
    """Return the file name of a cleaned path."""
    return path.rpartition("/")[2]


def is_kept(character: str) -> bool:
    """Return whether a character is kept: visible ones, all kinds of spaces, and ZERO_WIDTH."""
    return (
        character.isprintable()
        or unicodedata.category(character) == "Zs"
        or character in ZERO_WIDTH
    )


def _clean_part(part: str) -> str:
    return "".join(filter(is_kept, part)).strip(" ")
