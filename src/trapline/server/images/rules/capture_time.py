"""The capture time of an image: from EXIF, the file name, the modification or the arrival."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from trapline.wire.images import CaptureTimeSource
from trapline.wire.values import LAST_YEAR

CLOCK_RESET = "clock_reset"
IN_THE_FUTURE = "in_the_future"
AMBIGUOUS = "ambiguous_local_time"
NONEXISTENT = "nonexistent_local_time"
NO_CAMERA_TIME = "no_camera_time"
"""The time is that of the file's modification or arrival, not of the camera or a person."""

OF_FILE = frozenset({CaptureTimeSource.MODIFIED_TIME, CaptureTimeSource.RECEIVED_TIME})

FUTURE_TOLERANCE = timedelta(days=1)
RESET_TOLERANCE = timedelta(days=2)
# Camera clocks restart in these years after a dead battery; the first days of them are suspect.
RESET_YEARS = (1970, 1980, 2000, 2001, 2010)
EARLIEST_YEAR = 1990
OLDEST_CLOCK_YEAR = 1900
MAX_PATTERN = 255
UNSIGNED_SHORTS = 65_536
STAR, ANY_SIGN = "*", "?"

_EXIF_TAGS = (
    ("DateTimeOriginal", "OffsetTimeOriginal"),
    ("DateTimeDigitized", "OffsetTimeDigitized"),
)
_EXIF_TIME = re.compile(r"\s*(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d):(\d\d)")
# Valid in Python and in PostgreSQL: `queries.clock_offsets` uses these patterns in statements.
OFFSET_PATTERN = "^[ \t\r\n]*[+-]((0[0-9]|1[0-3]):?[0-9][0-9]|14:?[0-5][0-9])[ \t\r\n]*$"
"""An offset from UTC of less than 15 hours, as in the EXIF tag OffsetTime."""
HOURS_PATTERN = "^(-?[0-9]|-?1[0-4]|655(2[2-9]|3[0-5]))$"
"""Whole hours as JSON, as in TimeZoneOffset; some cameras write signed numbers as unsigned."""
_OFFSET = re.compile(OFFSET_PATTERN)
_HOURS = re.compile(HOURS_PATTERN)
_PLACES = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short_year>\d{2})",
    "DD": r"(?P<day>\d{2})",
    "HH": r"(?P<hour>\d{2})",
    "SS": r"(?P<second>\d{2})",
}
_TOKENS = re.compile(r"YYYY|YY|MM|DD|HH|SS|\*|\?|.", re.DOTALL)


@dataclass(frozen=True)
class CaptureTime:
    """A capture time with its source, the text it was read from, and flags for doubtful times."""

    at: datetime
    source: CaptureTimeSource
    raw: str | None
    flags: tuple[str, ...] = ()


def get_capture_time(
    exif: Mapping[str, Any],
    filename: str,
    *,
    zone: ZoneInfo,
    clock_offset_s: int = 0,
    filename_pattern: str | None = None,
    modified_at: datetime | None = None,
    received_at: datetime,
) -> CaptureTime:
    """Return the capture time of an image from the first source that has one.

    Local times of EXIF and of file names are in the deployment's `zone`, and `clock_offset_s`
    seconds are added to them, because they come from the camera's clock. If EXIF has an offset for
    the time, it is used instead of the zone.
    """
    shift = timedelta(seconds=clock_offset_s)
    read = _from_exif(exif) or _from_filename(filename, filename_pattern)
    if read is not None:
        local, raw, source = read
        odd: list[str] = []
        if _is_reset(local):
            odd.append(CLOCK_RESET)
        try:
            at = _to_utc(local, zone, odd) + shift
        except OverflowError:
            at = None
        if at is not None and OLDEST_CLOCK_YEAR <= at.year <= LAST_YEAR:
            if at > received_at + FUTURE_TOLERANCE:
                odd.append(IN_THE_FUTURE)
            return CaptureTime(at, source, raw, tuple(odd))
    if (
        modified_at is not None
        and modified_at <= received_at + FUTURE_TOLERANCE
        and modified_at.year >= EARLIEST_YEAR
    ):
        flags = (CLOCK_RESET,) if _is_reset(modified_at) else ()
        return CaptureTime(
            modified_at.astimezone(UTC), CaptureTimeSource.MODIFIED_TIME, None, flags
        )
    return CaptureTime(received_at.astimezone(UTC), CaptureTimeSource.RECEIVED_TIME, None)


@dataclass(frozen=True)
class StoredTime:
    """The capture time of a stored image as it was read, with its inputs, zone and offset."""

    at: datetime
    source: CaptureTimeSource
    exif: Mapping[str, Any]
    filename: str
    filename_pattern: str | None
    zone: ZoneInfo
    clock_offset_s: int
    flags: tuple[str, ...]
    received_at: datetime


def date_again(stored: StoredTime, zone: ZoneInfo, clock_offset_s: int) -> CaptureTime:
    """Date a stored image in another zone, as it would be if it came in now.

    A time of the file or of the arrival stays, and so does a time whose offset from UTC the camera
    wrote. If the local time cannot be read again, because the pattern for file names changed, it is
    what a clock in the old zone showed.
    """
    if stored.source in OF_FILE:
        return CaptureTime(stored.at, stored.source, None, stored.flags)
    by_exif = stored.source == CaptureTimeSource.EXIF
    read = (
        _from_exif(stored.exif)
        if by_exif
        else _from_filename(stored.filename, stored.filename_pattern)
    )
    before = timedelta(seconds=stored.clock_offset_s)
    local = None if read is None else read[0]
    if local is None or _to_utc(local, stored.zone, []) + before != stored.at:
        local = (stored.at - before).astimezone(stored.zone).replace(tzinfo=None)
    odd: list[str] = []
    at = _to_utc(local, zone, odd) + timedelta(seconds=clock_offset_s)
    if at > stored.received_at + FUTURE_TOLERANCE:
        odd.append(IN_THE_FUTURE)
    kept = [flag for flag in stored.flags if flag not in (AMBIGUOUS, NONEXISTENT, IN_THE_FUTURE)]
    return CaptureTime(at, stored.source, None, (*kept, *odd))


def has_camera_time(source: str, read_at: datetime | None) -> bool:
    """Whether a capture time is that of the camera, or of a person who replaced `read_at`."""
    return source not in OF_FILE or read_at is not None


def list_time_flags(flags: Sequence[str], source: str, read_at: datetime | None) -> list[str]:
    """List the flags of an image, including NO_CAMERA_TIME if it applies."""
    return [*flags] if has_camera_time(source, read_at) else [*flags, NO_CAMERA_TIME]


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of file names such as `Aufnahme_YYMMDD_HHMM_*`.

    YYYY, YY, MM, DD, HH, SS are digits; the MM that follows HH is minutes; `*` is the shortest
    text that matches, `?` is one character.

    Raises:
        ValueError: the pattern does not contain at least a date; the message is for users.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN} characters")
    # The text between two stars has a fixed length, so its first match is as good as any later one.
    # An atomic group for each star prevents backtracking, which took hours for a few stars.
    pieces: list[list[str]] = [[]]
    seen: set[str] = set()
    for token in _TOKENS.findall(pattern):
        if token == "MM":  # noqa: S105 - a placeholder, no password
            name = "minute" if "HH" in seen else "month"
            place = rf"(?P<{name}>\d{{2}})"
            token = name
        elif token in _PLACES:
            place = _PLACES[token]
        else:
            if token in STAR:
                pieces.append([])
            else:
                pieces[-1].append("." if token in ANY_SIGN else re.escape(token))
            continue
        if token in seen:
            raise ValueError(f"the pattern names {token} twice")
        seen.add(token)
        pieces[-1].append(place)
    if not (seen & {"YYYY", "YY"} and {"month", "DD"} <= seen):
        raise ValueError(
            "the pattern must name at least year, month and day, as in Aufnahme_YYMMDD_HHMM_*"
        )
    first, *middle = ("".join(piece) for piece in pieces)
    last = middle.pop() if middle else None
    stars = "".join(f"(?>.*?{piece})" for piece in middle)
    end = "" if last is None else f".*{last}"
    return re.compile(first + stars + end, re.DOTALL | re.IGNORECASE)


def _from_exif(exif: Mapping[str, Any]) -> tuple[datetime, str, CaptureTimeSource] | None:
    for tag, offset_tag in _EXIF_TAGS:
        raw = exif.get(tag)
        found = _EXIF_TIME.match(raw) if isinstance(raw, str) else None
        if found is None or not isinstance(raw, str):
            continue
        try:
            # The clock of a camera has no zone.
            parts = (int(part) for part in found.groups())
            local = datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            continue
        return local.replace(tzinfo=_find_offset(exif, offset_tag)), raw, CaptureTimeSource.EXIF
    return None


def _find_offset(exif: Mapping[str, Any], offset_tag: str) -> timezone | None:
    """Return the offset of the camera: that of the tag, else OffsetTime, else TimeZoneOffset."""
    return (
        _offset(exif.get(offset_tag))
        or _offset(exif.get("OffsetTime"))
        or _offset_of_hours(exif.get("TimeZoneOffset"))
    )


def _offset_of_hours(raw: Any) -> timezone | None:
    """Parse EXIF TimeZoneOffset (TIFF/EP, ISO 12234-2).

    It has whole hours: of DateTimeOriginal, optionally followed by those of ModifyDate.
    """
    hours = raw[0] if isinstance(raw, Sequence) and not isinstance(raw, str) and raw else raw
    if not isinstance(hours, int) or not _HOURS.match(str(hours)):
        return None
    return timezone(
        timedelta(hours=hours - UNSIGNED_SHORTS if hours > UNSIGNED_SHORTS // 2 else hours)
    )


def _offset(raw: Any) -> timezone | None:
    if not isinstance(raw, str) or not _OFFSET.match(raw):
        return None
    text = raw.strip().replace(":", "")
    distance = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return timezone(distance if text[0] == "+" else -distance)


def _from_filename(
    filename: str, pattern: str | None
) -> tuple[datetime, str, CaptureTimeSource] | None:
    if not pattern:
        return None
    found = compile_pattern(pattern).fullmatch(filename)
    if found is None:
        return None
    part = {name: int(digits) for name, digits in found.groupdict().items() if digits is not None}
    year = part.get("year", 2000 + part.get("short_year", 0))
    try:
        local = datetime(  # noqa: DTZ001 - a camera's clock has no zone
            year,
            part["month"],
            part["day"],
            part.get("hour", 0),
            part.get("minute", 0),
            part.get("second", 0),
        )
    except ValueError:
        return None
    return local, filename, CaptureTimeSource.FILENAME


def _to_utc(local: datetime, zone: ZoneInfo, odd: list[str]) -> datetime:
    return (local if local.tzinfo else _in_zone(local, zone, odd)).astimezone(UTC)


def _in_zone(local: datetime, zone: ZoneInfo, odd: list[str]) -> datetime:
    """Set the zone of a wall-clock time; flag a time that is ambiguous or does not exist.

    Of the repeated hour in autumn the first is used. An hour that was skipped in spring is from a
    clock without summer time; the first fold moves it forward by the gap.
    """
    first = local.replace(tzinfo=zone, fold=0)
    second = local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        there_and_back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        odd.append(AMBIGUOUS if there_and_back == local else NONEXISTENT)
    return first


def _is_reset(local: datetime) -> bool:
    start = datetime(local.year, 1, 1, tzinfo=local.tzinfo)
    return (
        local.year in RESET_YEARS and local - start < RESET_TOLERANCE
    ) or local.year < EARLIEST_YEAR
