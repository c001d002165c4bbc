"""Capture times of images, from each source of a time."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from trapline.server.images.rules.capture_time import CaptureTime, compile_pattern, get_capture_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MODIFIED = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


def find(
    exif: dict[str, Any] | None = None, filename: str = "IMG_0001.JPG", **others: Any
) -> CaptureTime:
    settings: dict[str, Any] = {"zone": BERLIN, "received_at": NOW} | others
    return get_capture_time(exif or {}, filename, **settings)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_exif_is_in_the_zone_of_the_deployment_and_the_clock_is_corrected() -> None:
    exif = {"DateTimeOriginal": "2026:07:01 14:00:00"}
    assert find(exif).at == utc("2026-07-01T12:00:00")
    assert find(exif, clock_offset_s=-3600).at == utc("2026-07-01T11:00:00")
    found = find(exif, modified_at=MODIFIED)
    assert (found.source, found.raw, found.flags) == ("exif", "2026:07:01 14:00:00", ())


def test_an_offset_in_exif_goes_before_the_zone() -> None:
    exif = {"DateTimeOriginal": "2026:07:01 14:00:00", "OffsetTimeOriginal": "-03:30"}
    assert find(exif).at == utc("2026-07-01T17:30:00")
    assert find(exif | {"OffsetTimeOriginal": "+99:00"}).at == utc("2026-07-01T12:00:00")


@pytest.mark.parametrize(
    ("offsets", "hour"),
    [
        ({"OffsetTime": "-05:00"}, 19),
        ({"OffsetTimeOriginal": "+01:00", "OffsetTime": "-05:00", "TimeZoneOffset": 3}, 13),
        ({"OffsetTimeOriginal": "", "OffsetTime": "-05:00"}, 19),
        ({"TimeZoneOffset": -5}, 19),
        ({"TimeZoneOffset": [-5, 2]}, 19),
        ({"TimeZoneOffset": 65_531}, 19),
        ({"TimeZoneOffset": 0}, 14),
        ({"TimeZoneOffset": 99}, 12),
        ({"TimeZoneOffset": "x"}, 12),
        ({"TimeZoneOffset": []}, 12),
    ],
)
def test_every_offset_of_exif_goes_before_the_zone(offsets: dict[str, Any], hour: int) -> None:
    found = find({"DateTimeOriginal": "2026:07:01 14:00:00"} | offsets)
    assert found.at == datetime(2026, 7, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2026:13:01 00:00:00", "gestern", 5, None]
)
def test_a_useless_exif_time_falls_back(raw: Any) -> None:
    found = find({"DateTimeOriginal": raw}, modified_at=MODIFIED)
    assert (found.at, found.source) == (MODIFIED, "modified_time")


def test_the_name_of_the_file_comes_before_its_modified_time() -> None:
    found = find(
        filename="Aufnahme_260701_1405_0042.jpg",
        filename_pattern="Aufnahme_YYMMDD_HHMM_*",
        modified_at=MODIFIED,
    )
    assert (found.at, found.source) == (utc("2026-07-01T12:05:00"), "filename")
    assert (
        find(filename="other.jpg", filename_pattern="Aufnahme_YYMMDD_HHMM_*").source
        == "received_time"
    )
    assert (
        find(
            filename="Aufnahme_269901_1405_1.jpg", filename_pattern="Aufnahme_YYMMDD_HHMM_*"
        ).source
        == "received_time"
    )
    assert find(
        filename="2026-07-01 14.05.09.png", filename_pattern="YYYY-MM-DD HH.MM.SS.*"
    ).at == utc("2026-07-01T12:05:09")


@pytest.mark.parametrize(
    ("pattern", "filename"),
    [
        ("*YYYYMMDD*", "cam7-20260701120000.jpg"), ("**_YYYYMMDD.*", "a_b_20260701.x.jpg"),
        ("*_*YYYYMMDD", "a_20260701"), ("??*DD.MM.YYYY*g", "xx01.07.2026.jpg"),
        ("*x*YYYYMMDD", "xyx20260701"),
    ],
)  # fmt: skip
def test_a_star_is_anything(pattern: str, filename: str) -> None:
    found = compile_pattern(pattern).fullmatch(filename)
    assert found is not None
    assert [int(found[name]) for name in ("year", "month", "day")] == [2026, 7, 1]


def test_many_stars_take_no_longer_than_one() -> None:
    """Going back over each star would take longer than the age of the world here."""
    assert (
        find(filename="1" * 250 + "y.jpg", filename_pattern="*1" * 100 + "YYYYMMDDx*").source
        == "received_time"
    )


@pytest.mark.parametrize(
    "pattern", ["IMG_*", "YYYYMM", "YYYY_YYYY_MM_DD", "", "YYYYMMDD" + "*" * 250]
)
def test_a_pattern_that_gives_no_day_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        compile_pattern(pattern)


def test_without_anything_it_is_the_arrival() -> None:
    assert find() == CaptureTime(NOW, find().source, None)
    assert find().source == "received_time"
    assert find(modified_at=datetime(2031, 1, 1, tzinfo=UTC)).source == "received_time"


@pytest.mark.parametrize(
    "raw",
    ["2000:01:01 00:00:00", "2000:01:02 13:00:00", "1970:01:01 00:10:00", "1980:01:01 00:00:00"],
)
def test_a_clock_that_fell_back_is_flagged(raw: str) -> None:
    assert "clock_reset" in find({"DateTimeOriginal": raw}).flags


def test_a_real_new_year_is_not_flagged() -> None:
    assert find({"DateTimeOriginal": "2024:01:01 00:00:10"}).flags == ()


def test_the_doubled_and_the_skipped_hour() -> None:
    doubled = find({"DateTimeOriginal": "2026:10:25 02:30:00"})
    assert (doubled.at, doubled.flags) == (utc("2026-10-25T00:30:00"), ("ambiguous_local_time",))
    skipped = find({"DateTimeOriginal": "2026:03:29 02:30:00"})
    assert (skipped.at, skipped.flags) == (utc("2026-03-29T01:30:00"), ("nonexistent_local_time",))


def test_the_future_is_flagged() -> None:
    assert "in_the_future" in find({"DateTimeOriginal": "2027:12:01 00:00:00"}).flags


def test_offsets_beyond_the_calendar_do_not_break_it() -> None:
    found = find({"DateTimeOriginal": "9999:12:31 23:59:59"}, clock_offset_s=3_153_600_000)
    assert found.source == "received_time"
    assert find({"DateTimeOriginal": "9999:06:01 00:00:00"}).source == "received_time"
    assert (
        find({"DateTimeOriginal": "0001:01:01 00:00:00"}, zone=ZoneInfo("Asia/Tokyo")).source
        == "received_time"
    )
