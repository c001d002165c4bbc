"""Determine the health of pull sources: whether images arrive, and if not, why."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from trapline.server.sources.gateways.gateway import (
    NOT_A_FILE,
    OUTSIDE,
    SYMBOLIC_LINK,
    TOO_LONG,
    UNREADABLE,
    UNREPRESENTABLE,
)
from trapline.server.sources.queries.source_connections import SourceConnectionRow
from trapline.server.sources.queries.source_health import COUNTED_AT_MOST, SourceFacts
from trapline.server.sources.queries.sources import SourceRow

FAILED_IN_A_ROW = 5
"""Failed files since the last import after which a source is reported as `all_failing`."""
NOT_IMPORTED = {NOT_A_FILE, OUTSIDE, SYMBOLIC_LINK, TOO_LONG, UNREADABLE, UNREPRESENTABLE}
"""Reasons to leave out entries that come neither from settings nor from the names of files."""
REASONS_SHOWN = 5


class SourceHealth(NamedTuple):
    """The health of a source, one of the values that `Source` names, with the reason."""

    value: str
    detail: str | None = None


def find_health(
    row: SourceRow, facts: SourceFacts, connection: SourceConnectionRow | None
) -> SourceHealth:
    """Return the health of a source."""
    error = row.last_error or find_connection_error(connection)
    if not row.is_active:
        return SourceHealth("paused", error)
    if row.consecutive_failures or find_connection_error(connection):
        return SourceHealth("failing", error)
    if not facts.has_ended:
        return SourceHealth("new", error)
    if facts.failed >= (FAILED_IN_A_ROW if facts.has_imported else 1):
        return SourceHealth(
            "all_failing", describe_failures(facts.failed, facts.failure, facts.has_imported)
        )
    if _has_no_images(row, facts):
        return SourceHealth("no_images", _describe_listing(facts))
    if facts.waiting:
        pause_s = 0.0
        if not facts.is_running and row.next_run_at is not None:
            pause_s = max(0.0, (row.next_run_at - datetime.now(UTC)).total_seconds())
        return SourceHealth(
            "behind", describe_backlog(facts.waiting, facts.seconds_per_file, pause_s)
        )
    return SourceHealth("ok", error)


def find_connection_error(held: SourceConnectionRow | None) -> str | None:
    """Return why the connection of a WebSocket source is broken, or None."""
    return held.last_error if held is not None and held.failures else None


def describe_failures(failed: int, failure: tuple[str, str] | None, has_imported: bool) -> str:
    """Describe files that all failed, with the error of the newest one."""
    many = f"more than {COUNTED_AT_MOST:,}" if failed >= COUNTED_AT_MOST else f"{failed:,}"
    files = "The only file" if failed == 1 else f"All {many} files"
    since = " listed since the last import" if has_imported else ""
    example = f" {failure[0]}: {failure[1]}" if failure else ""
    return f"{files}{since} failed.{example}"


def describe_left_out(left_out: Mapping[str, int], unlisted_folders: int) -> str:
    """Describe a listing without images."""
    reasons = sorted(left_out.items(), key=lambda one: -one[1])[:REASONS_SHOWN]
    parts = [f"{count:,} {reason}" for reason, count in reasons]
    if unlisted_folders:
        noun = "folder" if unlisted_folders == 1 else "folders"
        parts.append(f"{unlisted_folders:,} {noun} cannot be listed")
    return f"left out: {', '.join(parts)}" if parts else "it contains no files"


def describe_backlog(waiting: int, seconds_per_file: float | None, pause_s: float = 0) -> str:
    """Describe how many files wait and how long they take, including a pause in seconds."""
    about = (
        ""
        if seconds_per_file is None
        else f", about {_format_duration(pause_s + waiting * seconds_per_file)}"
    )
    return f"behind: {waiting:,} waiting{about}{' at this rate' if about else ''}"


def _has_no_images(row: SourceRow, facts: SourceFacts) -> bool:
    if row.gateway == "websocket" and not row.options.get("listing_url"):
        return False
    if facts.listed is None:
        return False
    if facts.has_imported:
        # Empty folders are normal after an import, in contrast to links and unreadable folders.
        return facts.listed == 0 and (
            facts.unlisted_folders > 0 or not NOT_IMPORTED.isdisjoint(facts.left_out)
        )
    return not facts.is_open


def _describe_listing(facts: SourceFacts) -> str:
    if facts.listed == 0 or not facts.not_image:
        left_out = describe_left_out(facts.left_out, facts.unlisted_folders)
        return f"The listing has no images: {left_out}."
    path, reason = facts.not_image
    many = (
        f"More than {COUNTED_AT_MOST:,}"
        if facts.not_images >= COUNTED_AT_MOST
        else f"{facts.not_images:,}"
    )
    files = "1 file is not an image" if facts.not_images == 1 else f"{many} files are not images"
    return f"The listing has no images: {files}, such as {path}: {reason}."


def _format_duration(seconds: float) -> str:
    for limit, size, name in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{max(1, round(seconds / size))} {name}"
    return f"{round(seconds / 86_400):,} days"
