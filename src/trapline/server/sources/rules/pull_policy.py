"""Rules of pulling: which files are imported, the delays of retries, and the limits of runs."""

import random
import re
from datetime import timedelta
from fnmatch import translate
from functools import lru_cache

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
# After this time a run ends as completed, and the next run imports the rest. A source that sends
# very slowly reaches another limit first.
RUN_WITHIN = timedelta(hours=6)
LIST_WITHIN = timedelta(hours=1)
FILE_WITHIN = timedelta(hours=1)
# A download must reach the minimum rate over this time, or over the download timeout of the source
# if that is longer.
SLOWEST_OVER = MINUTE
TEST_WITHIN = timedelta(minutes=2)

UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload", "~")


HIDDEN = "hidden name"
UNFINISHED_NAME = "name of an unfinished file"
EXCLUDED = "excluded by the patterns of the source"


def find_exclusion(path: str, include: list[str], exclude: list[str]) -> str | None:
    """Return why a listed file is left out because of its name, or None if it is imported.

    Patterns are shell patterns. They are compared with the whole path, the name and each parent
    folder; case is ignored. The type of a file is determined by its content, not by its name.
    """
    # For listings of a million files, creating path objects would take longer than everything else.
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
    """Return why a folder is not listed, or None if it is.

    A folder is left out if `exclude` matches it, or if no pattern of `include` can match below it.
    """
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
    """Return whether the literal prefix of a pattern allows a match below a folder.

    `folder` ends with a slash.
    """
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
    """Return the delay after this many failed attempts with jitter; None to quarantine a file."""
    return None if attempts >= QUARANTINE_AFTER else _backoff(attempts, chance)


def get_refused_delay(attempts: int, chance: random.Random) -> timedelta | None:
    """Return the delay for a file whose server answers Retry-After but still serves its listing.

    The server may have a problem with all of its files. The delays are therefore longer, so that
    many hours pass before a file is quarantined.
    """
    if attempts >= QUARANTINE_AFTER:
        return None
    doublings: int = 2 ** min(max(attempts, 1) - 1, 20)
    return min(timedelta(hours=1) * doublings, LONGEST_RETRY) * chance.uniform(0.8, 1.2)


def get_source_delay(failures: int, chance: random.Random) -> timedelta:
    """Return how long to back off from a source after this many consecutive failures."""
    return _backoff(failures, chance)


def _backoff(count: int, chance: random.Random) -> timedelta:
    doublings: int = 2 ** min(max(count, 1) - 1, 20)
    wait = min(FIRST_RETRY * doublings, LONGEST_RETRY)
    return wait * chance.uniform(0.8, 1.2)
