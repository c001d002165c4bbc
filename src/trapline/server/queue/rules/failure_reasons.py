"""Group errors into reasons, without the parts that differ between images."""

import re

LONGEST = 200
"""The longest reason that is stored, in characters."""
GAP = "…"

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s'\"<>)\]},;]*[^\s'\"<>)\]},;:.]", re.IGNORECASE)
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_HEX = re.compile(r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE)
_PATH = re.compile(
    r"(?:\b[A-Za-z]:)?(?:\\\\?[\w.%+~@-]+){2,}|(?<![\w/])[~.]*(?:/[\w.%+~@-]+)+/?"
    r"|(?<![\w/])(?:[\w.%+~@-]+/){2,}[\w.%+~@-]*"
)
_FILE = re.compile(
    r"[\w%+~@-][\w.%+~@-]*\.(?:jpe?g|png|tiff?|heic|webp|bmp|gif|mp4|avi|mov|npy|onnx|pt|json)\b",
    re.IGNORECASE,
)
# Numbers that distinguish errors: the status of a response, the code of an error.
_STATUS = re.compile(
    r"\b(?:HTTP(?:/[\d.]+)?|status(?: code)?|code|errno|exit(?: code)?|signal)\b[ :=]*\[?-?\d+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![A-Za-z_\d])[-+]?\d+(?:[.,:x×]\d+)*(?:e[-+]?\d+)?", re.IGNORECASE)
_AGAIN = re.compile(rf"{GAP}(?:[\s,x×:/()\[\]-]*{GAP})+")


def normalise_error(error: str) -> str:
    """Normalise an error to a reason, without the numbers, file names and URLs in it.

    Of a traceback the last line is used, of any other text the first. Normalising a reason returns
    it unchanged.
    """
    # The placeholder below must not occur in the error.
    lines = [line.strip() for line in error.replace("\x01", " ").splitlines() if line.strip()]
    if not lines:
        return ""
    line = lines[-1] if lines[0].startswith("Traceback (most recent call last)") else lines[0]
    line = " ".join(line[: 4 * LONGEST].split())
    for pattern in (_URL, _UUID, _HEX):
        line = pattern.sub(GAP, line)
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\x01{chr(0xE000 + len(kept) - 1)}\x01"

    line = _STATUS.sub(keep, line)
    for pattern in (_PATH, _FILE, _NUMBER):
        line = pattern.sub(GAP, line)
    line = _AGAIN.sub(GAP, line)
    line = re.sub("\x01(.)\x01", lambda found: kept[ord(found[1]) - 0xE000], line)
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + GAP
