"""Decisions of a pull: which files are taken, when a file or a source is tried again, when a source is polled."""

import random
import re
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MINUTE = timedelta(minutes=1)
QUARANTINE_AFTER = 5
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=6)
# Files that failed together are due again within a few seconds of each other: one run retries them.
RETRIED_TOGETHER = timedelta(seconds=30)
# A new source is polled after this time: long enough to start its first run by hand with other
# limits.
FIRST_RUN_AFTER = timedelta(seconds=30)
# While runs work off a backlog, the source is listed again after this time.
LISTED_AGAIN_AFTER = timedelta(minutes=10)
SETTLING = timedelta(minutes=2)
LEFT_FOR = timedelta(seconds=15)
MAX_JITTER = timedelta(seconds=30)
# A run that is not over by then ends well, and the next one goes on; a source that only drips ends
# sooner.
RUN_WITHIN = timedelta(hours=6)
LIST_WITHIN = timedelta(hours=1)
FILE_WITHIN = timedelta(hours=1)
# The time over which a download must reach the minimum rate, unless a source may be silent longer.
SLOWEST_OVER = MINUTE
TEST_WITHIN = timedelta(minutes=2)

UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload", "~")


HIDDEN = "hidden name"
UNFINISHED_NAME = "name of an unfinished file"
EXCLUDED = "excluded by the patterns of the source"


def find_exclusion(path: str, include: list[str], exclude: list[str]) -> str | None:
    """Return why a listed file is left out because of its name, or None if it is taken.

    Patterns are those of a shell, tried on the whole path, on the name and on each folder above, in
    any case of letters. What a file is show its first bytes, not its name.
    """
    # By hand: of a million files, a path object for each takes longer than all the rest.
    folder, _, name = path.rpartition("/")
    if name.startswith(".") or name == "Thumbs.db":
        return HIDDEN
    if name.lower().endswith(UNFINISHED):
        return UNFINISHED_NAME
    if include and not _matches(path, name, include) and not _matches_folder(folder, include):
        return EXCLUDED
    if exclude and (_matches(path, name, exclude) or _matches_folder(folder, exclude)):
        return EXCLUDED
    return None


def find_folder_exclusion(path: str, include: list[str], exclude: list[str]) -> str | None:
    """Return why a folder is not listed, or None if it is: `exclude` prunes it, or no `include` can match below it."""
    if path.rpartition("/")[2].startswith("."):
        return HIDDEN
    if exclude and _matches_folder(path, exclude):
        return EXCLUDED
    below = f"{path}/".lower()
    if (
        include
        and not _matches_folder(path, include)
        and not any(_can_match_below(below, one) for one in include)
    ):
        return EXCLUDED
    return None


def _can_match_below(folder: str, pattern: str) -> bool:
    """Return whether a pattern could match a file below a folder (with a closing slash), by its literal beginning."""
    if "/" not in pattern:
        return True
    literal = re.split(r"[*?[]", pattern.lower(), maxsplit=1)[0]
    return literal.startswith(folder) or folder.startswith(literal)


def _matches_folder(folder: str, patterns: list[str]) -> bool:
    return bool(folder) and any(
        _matches(part, part.rpartition("/")[2], patterns)
        or _matches(f"{part}/", f"{part}/", patterns)
        for part in _list_ancestors(folder)
    )


@lru_cache(maxsize=1024)
def _list_ancestors(folder: str) -> tuple[str, ...]:
    parts = folder.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _matches(path: str, name: str, patterns: list[str]) -> bool:
    any_of = _compile(tuple(patterns))
    return bool(any_of.match(path.lower()) or (name != path and any_of.match(name.lower())))


@lru_cache(maxsize=256)
def _compile(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern.lower()) for pattern in patterns))


def get_file_delay(attempts: int, chance: random.Random) -> timedelta | None:
    """Tell how long to wait after this many failed attempts, with jitter; None when it is quarantined."""
    return None if attempts >= QUARANTINE_AFTER else _backoff(attempts, chance)


def get_refused_delay(attempts: int, chance: random.Random) -> timedelta | None:
    """The same for a file whose server asked for patience while it gave its listing.

    The server may be in trouble with all its files, so that many hours go by before one of them is
    blamed.
    """
    if attempts >= QUARANTINE_AFTER:
        return None
    doublings: int = 2 ** min(max(attempts, 1) - 1, 20)
    return min(timedelta(hours=1) * doublings, LONGEST_RETRY) * chance.uniform(0.8, 1.2)


def get_source_delay(failures: int, chance: random.Random) -> timedelta:
    """Tell how long to leave a source alone that failed this many times in a row."""
    return _backoff(failures, chance)


def _backoff(count: int, chance: random.Random) -> timedelta:
    doublings: int = 2 ** min(max(count, 1) - 1, 20)
    wait = min(FIRST_RETRY * doublings, LONGEST_RETRY)
    return wait * chance.uniform(0.8, 1.2)


def find_schedule_error(schedule: str) -> str | None:
    """Say what is wrong with a cron expression, or None if it has a next time."""
    try:
        next(CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        return "is no cron expression that ever comes true; `0 * * * *` is hourly, `*/15 * * * *` each quarter"
    return None


def get_next_run(schedule: str, zone: ZoneInfo, after: datetime, chance: random.Random) -> datetime:
    """Tell when a source is polled next: by cron in the deployment's time zone, and a little later
    at random.

    It is always the first time after `after`, so runs that were missed are caught up once.
    """
    times = CronSim(schedule, after.astimezone(zone))
    # In UTC: where a clock is set back, times of its zone are less apart than they seem, or before
    # each other.
    first = next(times).astimezone(UTC)
    try:
        interval = next(times).astimezone(UTC) - first
    except StopIteration:
        interval = timedelta(days=1)
    return first + min(MAX_JITTER, interval / 10) * chance.random()


def format_schedule(schedule: str) -> str:
    """Say a cron expression in words."""
    try:
        return str(CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC)).explain())
    except (CronSimError, StopIteration):
        return schedule
