"""Lines of FTP listings in the formats of different servers."""

from datetime import UTC, datetime

import pytest

from trapline.server.sources.gateways.ftp_listing import (
    FtpEntry,
    is_entry_line,
    parse_list,
    parse_mlsd,
    parse_timestamp,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "name", "size", "moment"),
    [
        (b"-rw-r--r--   1 ftp      ftp       12345 Apr 30 06:07 IMG_1.JPG", b"IMG_1.JPG", 12345,
         at(2026, 4, 30, 6, 7)),
        (b"-rw-r--r-- 1 ftp ftp 12345 Nov 30 06:07 a b  c.jpg", b"a b  c.jpg", 12345,
         at(2025, 11, 30, 6, 7)),
        (b"-rw-r--r--+ 1 ftp ftp 12345 Nov  3  2024  lead.jpg", b" lead.jpg", 12345,
         at(2024, 11, 3)),
        (b"-rw-rw-rw-   1 Domain Users 4711 Jan  1  2025 x.jpg", b"x.jpg", 4711, at(2025, 1, 1)),
        (b"-rw-------   1 1000     99 Feb 29 10:00 leap.jpg", b"leap.jpg", 99,
         at(2024, 2, 29, 10, 0)),
        (b"-rwxrwxrwx   1 owner    group  99 May  2 11:00 clock.jpg", b"clock.jpg", 99,
         at(2026, 5, 2, 11, 0)),
        (b"-rw-r--r--   1 ftp ftp 5 2026-04-30 06:07 iso.jpg", b"iso.jpg", 5,
         at(2026, 4, 30, 6, 7)),
        (b"-rw-r--r--   1 ftp ftp 5 Mrz 30 06:07 deutsch.jpg", b"deutsch.jpg", 5, None),
        (b"-rw-r--r--   1 ftp ftp 5 Apr 31 06:07 never.jpg", b"never.jpg", 5, None),
        (b"04-30-26  06:07AM                12345 IMG 1.JPG", b"IMG 1.JPG", 12345,
         at(2026, 4, 30, 6, 7)),
        (b"04-30-2026  06:07PM            12,345 IMG.JPG", b"IMG.JPG", 12345,
         at(2026, 4, 30, 18, 7)),
        (b"2026-04-30  18:07            7 12 May 2026.jpg", b"12 May 2026.jpg", 7,
         at(2026, 4, 30, 18, 7)),
    ],
)  # fmt: skip
def test_files_of_unix_and_of_windows(
    line: bytes, name: bytes, size: int, moment: datetime | None
) -> None:
    read = parse_list(line, NOW)
    assert isinstance(read, FtpEntry)
    assert (read.name, read.size, read.modified_at, read.is_folder, read.is_exact) == (
        name,
        size,
        moment,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"drwxr-xr-x   2 ftp ftp 4096 Apr 30 06:07 100 MEDIA", b"100 MEDIA"),
        (b"04-30-26  06:07AM       <DIR>          100 MEDIA", b"100 MEDIA"),
    ],
)
def test_folders(line: bytes, name: bytes) -> None:
    read = parse_list(line, NOW)
    assert isinstance(read, FtpEntry)
    assert (read.name, read.is_folder) == (name, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"lrwxrwxrwx   1 ftp ftp 4 Apr 30 06:07 etc -> /etc", "symbolic link"),
        (b"crw-rw----   1 root root 4, 64 Apr 30 06:07 ttyS0", "neither a file nor a folder"),
        (b"srwxrwxrwx   1 ftp ftp 0 Apr 30 06:07 socket", "neither a file nor a folder"),
        (b"total 12", None),
        (b"", None),
        (b"drwxr-xr-x   2 ftp ftp 4096 Apr 30 06:07 .", None),
        (b"-rw-r--r--", "unreadable row"),
        (b"<a href=x>x</a>", "unreadable row"),
        (b"-" * 16_000, "unreadable row"),
        (b"-rw-r--r-- " + b"1 " * 8000, "unreadable row"),
        (b"04-30-26 " + b" " * 15_000, "unreadable row"),
    ],
)
def test_entries_of_other_kinds_have_a_reason(line: bytes, reason: str | None) -> None:
    assert parse_list(line, NOW) == reason


def test_a_total_is_no_entry() -> None:
    assert not is_entry_line(b"total 12")
    assert not is_entry_line(b" ")
    assert is_entry_line(b"welcome")


def test_mlsd_tells_all_exactly() -> None:
    read = parse_mlsd(b"Type=file;Size=12;Modify=20260430060708.123;UNIX.mode=0644; a; b.jpg")
    assert isinstance(read, FtpEntry)
    assert (read.name, read.size, read.is_exact, read.version_text) == (
        b"a; b.jpg",
        12,
        True,
        "12|20260430060708.123",
    )
    assert read.modified_at == datetime(2026, 4, 30, 6, 7, 8, tzinfo=UTC)
    folder = parse_mlsd(b"type=dir;sizd=4096;modify=20260430060708; 100 MEDIA")
    assert isinstance(folder, FtpEntry)
    assert folder.is_folder
    reasons = {
        b"": None,
        b"type=file": "unreadable row",
        b"size=1; x": "neither a file nor a folder",
        b"type=cdir; .": None,
        b"type=OS.unix=slink:/etc; etc": "symbolic link",
        b" x": "unreadable row",
        b"-rw-r--r-- 1": "unreadable row",
    }
    assert {line: parse_mlsd(line) for line in reasons} == reasons
    strange = parse_mlsd(b"type=file;size=-1;modify=yesterday; x")
    assert isinstance(strange, FtpEntry)
    assert (strange.size, strange.modified_at) == (None, None)


def test_stamps_that_are_none() -> None:
    assert parse_timestamp("20261330000000") is None
    assert parse_timestamp("") is None
    assert parse_timestamp("20260430") is None


def test_times_that_no_calendar_has_are_no_time() -> None:
    line = b"-rw-r--r-- 1 u g 5 Jan 99999999999999999999 12:00 a.jpg"
    told = parse_list(line, NOW)
    assert not isinstance(told, FtpEntry) or told.modified_at is None
