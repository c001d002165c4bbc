"""IDs of pipeline runs, and short previews of their content."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from trapline.wire.runs import SHOWN

_ID = re.compile(r"(?:job-)?([1-9][0-9]{0,18})")
_EVENT = re.compile(r"(?:job-)?([1-9][0-9]{0,18}):([0-9]{1,18})")
LARGEST = 2**63 - 1


def format_job_id(number: int) -> str:
    """Format the ID of a run."""
    return f"job-{number}"


def parse_job_id(text: str) -> int | None:
    """Parse `123` or `job-123`; return None for any other text."""
    found = _ID.fullmatch(text)
    number = int(found[1]) if found else 0
    return number if 0 < number <= LARGEST else None


def format_event_id(job: int, number: int) -> str:
    """Format the ID of a state transition of a job."""
    return f"{job}:{number}"


def parse_event_id(text: str | None, job: int) -> int:
    """Parse the ID of the last event that a client received; return 0 for any other text."""
    found = _EVENT.fullmatch(text or "")
    return int(found[2]) if found and int(found[1]) == job else 0


def get_image_name(url: str) -> str:
    """Return the last part of the path of an image URL, without its query, which may be secret."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    return "".join(sign if sign.isprintable() else "_" for sign in name)[-100:] or "unnamed"


def format_files_preview(count: int, names: Sequence[str]) -> str:
    """Format a preview of images in at most 50 characters: their number and the first name."""
    head = "1 image" if count == 1 else f"{count:,} images"
    if not names:
        return head
    tail = "" if count == 1 else ", .."
    room = SHOWN - len(head) - len(tail) - 2
    name = names[0] if len(names[0]) <= room else f"{names[0][: room - 2]}.."
    return f"{head}: {name}{tail}"


def format_selection_preview(selection: Mapping[str, Any], deployment: str | None = None) -> str:
    """Format a preview of a selection in at most 50 characters, with the deployment name."""
    listed = (
        len(selection.get("images") or ())
        or selection.get("image_count")
        or selection.get("url_count")
    )
    if listed:
        return format_files_preview(listed, ())
    words = ["images"]
    if selection.get("deployment"):
        words.append(f"of {deployment}" if deployment else "of one deployment")
    if selection.get("sequence"):
        words.append("of one sequence")
    words += [
        f"{word} {datetime.fromisoformat(str(selection[key])).date().isoformat()}"
        for word, key in (("from", "captured_after"), ("to", "captured_before"))
        if selection.get(key)
    ]
    if selection.get("unanalysed_only"):
        words.append("not analysed yet")
    if len(words) == 1:
        return "every image"
    said = " ".join(words)
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 2]}.."
