"""Rules of pulling: which files are imported, when files are retried, when sources are polled."""

import random
import re
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from trapline.server.sources.rules.next_run import (
    find_schedule_error,
    format_schedule,
    get_next_run,
)
from trapline.server.sources.rules.pull_policy import (
    LONGEST_RETRY,
    find_exclusion,
    find_folder_exclusion,
    get_file_delay,
    get_source_delay,
)

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "path", ["IMG_1.JPG", "100MEDIA/a.jpeg", "noending", "2026.01.02T10", "a.gif", "log.txt"]
)
def test_names_say_nothing_of_what_a_file_is(path: str) -> None:
    assert find_exclusion(path, [], []) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [(".hidden.jpg", "hidden name"), ("a/._IMG_1.JPG", "hidden name"), ("Thumbs.db", "hidden name"),
     ("IMG_1.JPG.part", "name of an unfinished file"),
     ("IMG_1.jpg~", "name of an unfinished file")],
)  # fmt: skip
def test_files_of_other_kinds_are_counted_by_reason(path: str, reason: str) -> None:
    assert find_exclusion(path, [], []) == reason


def test_patterns_choose() -> None:
    out = "excluded by the patterns of the source"
    assert find_exclusion("100MEDIA/IMG_1.JPG", ["img_*.jpg"], []) is None
    assert find_exclusion("100MEDIA/IMG_1.JPG", ["100media/*"], []) is None
    assert find_exclusion("100MEDIA/IMG_1.JPG", ["200*"], []) == out
    assert find_exclusion("100MEDIA/IMG_1.JPG", [], ["100*"]) == out
    assert find_exclusion("IMG_1.dat", ["*.dat"], []) is None
    assert find_exclusion("cams/oak/IMG_1.JPG", ["oak"], []) is None
    assert find_exclusion("cams/oak/deep/IMG_1.JPG", ["cams/oak/"], []) is None
    assert find_exclusion("cams/oak/IMG_1.JPG", [], ["lost+found", "oak"]) == out
    assert find_exclusion("cams/elm/IMG_1.JPG", [], ["oak"]) is None


@pytest.mark.parametrize(
    ("folder", "include", "exclude", "entered"),
    [("cams", [], [], True), ("lost+found", [], ["lost+found"], False),
    ("cams/lost+found", [], ["lost+found"], False),
     ("cams/trash", [], ["cams/trash/"], False), (".thumbs", [], [], False),
     ("cams", ["*.jpg"], [], True),
     ("cams", ["cams/oak/*"], [], True), ("cams/oak", ["cams/oak/*"], [], True),
     ("other", ["cams/oak/*"], [], False),
     ("cams/elm", ["cams/oak/*"], [], False), ("cams/elm", ["cams/*/DCIM/*"], [], True),
     ("other", ["oak"], [], True)],
)  # fmt: skip
def test_patterns_prune_folders(
    folder: str, include: list[str], exclude: list[str], entered: bool
) -> None:
    assert (find_folder_exclusion(folder, include, exclude) is None) is entered


@pytest.mark.parametrize(
    "pattern", ["*.jpg", "IMG?1.jpg", "img_[!2].jpg", "[i", "a|b*", "100media/*", "", "*\n*", "(*)"]
)
def test_a_pattern_among_others_means_what_it_means_alone(pattern: str) -> None:
    others = [f"none{at}*none" for at in range(98)]
    for path in (
        "IMG_1.JPG",
        "100MEDIA/img_2.jpg",
        "a|b.jpg",
        "b.jpg",
        "[I",
        "x\ny.jpg",
        "(1)",
        "IMG_1.JPG\n",
        "c",
    ):
        texts = (path.lower(), path.rpartition("/")[2].lower())
        meant = any(fnmatchcase(text, pattern.lower()) for text in texts)
        assert (find_exclusion(path, [others[0], pattern, *others], []) is None) == meant
        assert (find_exclusion(path, [], [others[0], pattern, *others]) is not None) == meant


def test_patterns_are_read_once_for_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of patterns is compiled to one expression."""
    read: list[str] = []
    compile_pattern = re.compile

    def note(text: str) -> re.Pattern[str]:
        read.append(text)
        return compile_pattern(text)

    monkeypatch.setattr(re, "compile", note)
    patterns = [f"once{at}*once" for at in range(100)]
    assert all(find_exclusion(f"IMG_{at}.JPG", [], patterns) is None for at in range(1000))
    assert len(read) == 1


def test_a_file_is_quarantined_after_five_attempts_and_waits_longer_each_time() -> None:
    chance = random.Random(1)
    waits = [get_file_delay(attempts, chance) for attempts in range(1, 6)]
    assert waits[4] is None
    assert [
        wait is not None and wait > timedelta(seconds=45 * 2**at)
        for at, wait in enumerate(waits[:4])
    ] == [True] * 4
    assert get_source_delay(1000, chance) <= LONGEST_RETRY * 1.2


def test_a_schedule_is_in_the_zone_of_the_deployment_with_a_little_jitter() -> None:
    after = datetime(2026, 7, 1, 9, 0, 1, tzinfo=UTC)
    found = get_next_run("30 12 * * *", BERLIN, after, random.Random(1))
    exact = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)
    assert exact <= found <= exact + timedelta(seconds=30)


def test_missed_runs_are_caught_up_once() -> None:
    """After any pause, the next run is at the first scheduled time from now."""
    after = datetime(2026, 7, 1, 9, 0, 1, tzinfo=UTC)
    assert get_next_run("* * * * *", BERLIN, after, random.Random(1)) < after + timedelta(minutes=2)


def test_summer_time_neither_loses_nor_doubles_a_day() -> None:
    times = []
    at = datetime(2026, 10, 24, 0, 0, tzinfo=UTC)
    for _ in range(3):
        at = get_next_run("30 2 * * *", BERLIN, at, random.Random(1))
        times.append(at.astimezone(BERLIN).date().isoformat())
    assert times == ["2026-10-24", "2026-10-25", "2026-10-26"]


@pytest.mark.parametrize(
    "schedule", ["", "hourly", "* * * *", "61 * * * *", "0 0 31 2 *", "* * * * * * * *"]
)
def test_a_schedule_that_never_comes_is_refused(schedule: str) -> None:
    assert find_schedule_error(schedule) is not None


def test_schedules_are_said_in_words() -> None:
    assert find_schedule_error("0 * * * *") is None
    assert "hour" in format_schedule("0 * * * *")


def list_times(
    schedule: str, zone: ZoneInfo, after: datetime, count: int, chance: random.Random
) -> list[datetime]:
    """Return the next times of a schedule, each computed from the one before."""
    times = [get_next_run(schedule, zone, after, chance)]
    while len(times) < count:
        times.append(get_next_run(schedule, zone, times[-1], chance))
    return times


@pytest.mark.parametrize(
    ("schedule", "day", "expected"),
    [
        ("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), ["03-29 03:00", "03-30 02:30"]),
        ("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), ["10-25 02:30", "10-26 02:30"]),
        (
            "0 * * * *",
            datetime(2026, 3, 28, 23, 30, tzinfo=UTC),
            ["03-29 01:00", "03-29 03:00", "03-29 04:00"],
        ),
        (
            "0 * * * *",
            datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
            ["10-25 02:00", "10-25 02:00", "10-25 03:00"],
        ),
    ],
)
def test_a_clock_that_is_changed_neither_skips_nor_doubles(
    schedule: str, day: datetime, expected: list[str]
) -> None:
    """Times in the skipped hour run after it, and times in the repeated hour run once."""
    times = list_times(schedule, BERLIN, day, len(expected), random.Random(4))
    assert [f"{time.astimezone(BERLIN):%m-%d %H:%M}" for time in times] == expected


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]
)
@pytest.mark.parametrize("schedule", ["*/30 * * * *", "7,37 * * * *", "0 */2 * * *", "* * * * *"])
def test_a_run_never_comes_before_its_time_nor_twice_at_it(schedule: str, zone: str) -> None:
    place = ZoneInfo(zone)
    for day in (datetime(2026, 3, 28, 22, 0, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 13, 0, 1, tzinfo=UTC),
                datetime(2026, 10, 24, 22, 0, 1, tzinfo=UTC),
                datetime(2026, 11, 1, 3, 0, 1, tzinfo=UTC)):  # fmt: skip
        exact = list_times(schedule, place, day, 20, Earliest())
        late = list_times(schedule, place, day, 20, Latest())
        assert all(wait < timedelta(hours=4) for wait in gaps(exact))
        assert all(wait > timedelta(seconds=30) for wait in gaps(late))
        assert all(
            timedelta(0) < seen - told <= timedelta(seconds=30)
            for told, seen in zip(exact, late, strict=True)
        )


class Earliest(random.Random):
    """No jitter."""

    def random(self) -> float:
        return 0.0


class Latest(random.Random):
    """The maximum jitter."""

    def random(self) -> float:
        return 1.0


def gaps(times: list[datetime]) -> list[timedelta]:
    return [later - earlier for earlier, later in pairwise(times)]
