"""Why is nothing happening, or what is: a job in one sentence."""

from dataclasses import dataclass
from datetime import datetime

from trapline.wire.jobs import JobState

ONLINE_S = 60


@dataclass(frozen=True)
class Circumstances:
    """What the rows say about a job."""

    status: JobState
    pipeline_slug: str
    standing: bool
    paused: bool
    expanded: bool
    open: int
    completed: int
    failed: int
    nothing_found: int = 0
    held: int = 0
    held_by: str | None = None
    held_since: datetime | None = None
    waiting_until: datetime | None = None
    offered: bool = True
    heard_of_at: datetime | None = None


def explain(seen: Circumstances, now: datetime) -> str:
    """Say in one sentence what a job does, or why it does nothing, or how it ended."""
    match seen.status:
        case JobState.CANCELED:
            return f"Canceled; {_images(seen.completed)} {_were(seen.completed)} done before."
        case JobState.COMPLETED | JobState.FAILED:
            return _explain_end(seen)
    if seen.paused:
        return f"Paused; {_images(seen.open)} {_wait(seen.open)} in the line."
    if seen.held:
        by = f" by {seen.held_by}" if seen.held_by else ""
        since = f" for {_duration((now - seen.held_since).total_seconds())}" if seen.held_since else ""
        return f"{_images(seen.held)} leased{by}{since}."
    if not seen.expanded:
        return f"The images are being put into the line; {seen.open:,} so far."
    if seen.open == 0:
        return "Waiting for new images." if seen.standing else "Finishing."
    return _explain_waiting(seen, now)


def _explain_end(seen: Circumstances) -> str:
    if seen.completed + seen.failed == 0:
        return "There was no image to work on."
    parts = []
    if seen.completed and seen.nothing_found == seen.completed:
        parts.append(f"nothing found in {_images(seen.completed)}")
    elif seen.completed:
        parts.append(f"{_images(seen.completed)} done")
        if seen.nothing_found:
            parts.append(f"nothing found in {seen.nothing_found:,} of them")
    if seen.failed:
        parts.append(f"{_images(seen.failed)} failed")
    sentence = ", ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _explain_waiting(seen: Circumstances, now: datetime) -> str:
    heard = seen.heard_of_at
    if not seen.offered:
        return f"No processing service has registered the pipeline {seen.pipeline_slug}."
    if heard is None or (now - heard).total_seconds() > ONLINE_S:
        since = "" if heard is None else f" since {heard:%Y-%m-%d %H:%M} UTC"
        return f"No worker offers {seen.pipeline_slug}{since}; {_images(seen.open)} {_wait(seen.open)}."
    if seen.waiting_until is not None and seen.waiting_until > now:
        wait = _duration((seen.waiting_until - now).total_seconds())
        return f"{_images(seen.open)} {_wait(seen.open)} for another attempt after an error, in {wait}."
    ago = _duration((now - heard).total_seconds())
    return f"{_images(seen.open)} {_wait(seen.open)} for a worker; one was heard from {ago} ago."


def _images(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
