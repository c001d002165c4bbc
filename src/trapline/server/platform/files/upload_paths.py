"""Names of uploaded files: the path that a client sent becomes a relative path that can be stored and shown."""

import re
import unicodedata

LONGEST_PART = 255
LONGEST_PATH = 1024
UNNAMED = "unnamed"
ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\ufeff")
"""Signs without a width that names may have: without them two names could become one, and words change."""
_DRIVE = re.compile(r"[A-Za-z]:")


def clean_path(sent: str) -> str:
    """Clean the path of an uploaded file; every text has a result, so that no name refuses an
    image.

    Separators become "/". The root, drives, "." and ".." are removed, and control and direction
    signs. Each part has at most 255 characters. Where the path has more than 1,024, its first
    folders are removed.

    Example: clean_path("C:\\\\cards\\\\100RECNX\\\\RCNX0001.JPG") is "cards/100RECNX/RCNX0001.JPG".
    """
    parts = [_clean_part(part) for part in sent.replace("\\", "/").split("/")]
    if parts and _DRIVE.fullmatch(parts[0]):
        parts = parts[1:]
    # The name is the last part, also where nothing is left of it: its folder is not its name.
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


def is_kept(sign: str) -> bool:
    """Whether a sign of a file name is kept as it is: what is visible, spaces of any kind, and zero-width signs."""
    return sign.isprintable() or unicodedata.category(sign) == "Zs" or sign in ZERO_WIDTH


def _clean_part(part: str) -> str:
    return "".join(filter(is_kept, part)).strip(" ")
