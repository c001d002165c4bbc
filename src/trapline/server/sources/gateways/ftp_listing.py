"""Parse listings of FTP servers: MLSD (RFC 3659), and LIST in the formats of Unix and Windows."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trapline.server.sources.gateways.gateway import NOT_A_FILE, SYMBOLIC_LINK, UNREADABLE

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TOKEN = re.compile(rb"\S+")
_YEAR_OR_TIME = re.compile(rb"\d{4}|\d{1,2}:\d{2}")
_DOS_DATES = ("%m-%d-%y", "%m-%d-%Y", "%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y")
_DOS_TIMES = ("%I:%M%p", "%H:%M")
_DATE_AT_MOST = 9
"""The most words before the date: mode, links, owner, group and size.

Owner and group can have two words each.
"""


@dataclass(frozen=True)
class FtpEntry:
    """One file or folder of a listing.

    `size` is in bytes. `modified_at` is read as UTC; only MLSD (`is_exact`) defines it as UTC.
    `version_text` has the size and date as listed.
    """

    name: bytes
    is_folder: bool
    size: int | None
    modified_at: datetime | None
    is_exact: bool
    version_text: str


def parse_mlsd(line: bytes) -> FtpEntry | str | None:
    """Parse a line of MLSD.

    Returns None for the folder itself and its parent, or the reason why the entry is left out.
    """
    if not line.strip():
        return None
    facts_text, space, name = line.partition(b" ")
    if not space or b"=" not in facts_text:
        return UNREADABLE
    facts = parse_facts(facts_text.decode("latin-1"))
    kind = facts.get("type", "").lower()
    if kind in ("cdir", "pdir"):
        return None
    if kind not in ("file", "dir"):
        return SYMBOLIC_LINK if "link" in kind else NOT_A_FILE
    size, modified = facts.get("size", ""), facts.get("modify", "")
    return FtpEntry(
        name, kind == "dir", parse_size(size), parse_timestamp(modified), True, f"{size}|{modified}"
    )


def parse_facts(text: str) -> dict[str, str]:
    """Parse the facts that precede the name in replies to MLSD and MLST."""
    pairs = [fact.partition("=") for fact in text.partition(" ")[0].split(";")]
    return {key.lower(): value for key, _, value in pairs}


def parse_list(line: bytes, now: datetime) -> FtpEntry | str | None:
    """Parse a line of LIST in either format.

    Returns None for a line without an entry, or the reason why the entry is left out.
    """
    if not is_entry_line(line):
        return None
    if line[:1] in (b"l", b"b", b"c", b"p", b"s", b"D") and line[1:2] in b"r-":
        return SYMBOLIC_LINK if line[:1] == b"l" else NOT_A_FILE
    found = _read_unix(line, now) if line[:1] in b"-d" and line[1:2] in b"r-" else _read_dos(line)
    if found is not None and found.is_folder and found.name in (b".", b".."):
        return None
    return found or UNREADABLE


def is_entry_line(line: bytes) -> bool:
    """Return whether a line of LIST describes an entry."""
    return bool(line.strip()) and not line.lower().startswith(b"total ")


def parse_size(text: str) -> int | None:
    """Parse a size in bytes."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def parse_timestamp(text: str) -> datetime | None:
    """Parse a UTC timestamp of MLSD or MDTM."""
    try:
        year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
        return datetime(
            year, month, day, int(text[8:10]), int(text[10:12]), int(text[12:14]), tzinfo=UTC
        )
    except ValueError:
        return None


def _read_unix(line: bytes, now: datetime) -> FtpEntry | None:
    tokens = []
    for token in _TOKEN.finditer(line):
        tokens.append(token)
        if len(tokens) == _DATE_AT_MOST + 3:
            break
    words = [token.group() for token in tokens]
    # Names of owners can contain spaces. The size is therefore the first number followed by a date.
    for at in range(3, len(words) - 2):
        if not words[at - 1].isdigit():
            continue
        date = b" ".join(words[at : at + 3])
        if (
            words[at].isalpha()
            and words[at + 1].isdigit()
            and _YEAR_OR_TIME.fullmatch(words[at + 2])
        ):
            end = tokens[at + 2].end()
        elif re.fullmatch(rb"\d{4}-\d\d-\d\d", words[at]) and re.match(
            rb"\d\d:\d\d", words[at + 1]
        ):
            date = b" ".join(words[at : at + 2])
            end = tokens[at + 1].end()
        else:
            continue
        size = words[at - 1].decode("latin-1")
        when = date.decode("latin-1")
        name = line[end + 1 :]
        return FtpEntry(
            name, line[:1] == b"d", parse_size(size), _unix_time(when, now), False, f"{size}|{when}"
        )
    return None


def _unix_time(text: str, now: datetime) -> datetime | None:
    first, *rest = text.split()
    try:
        if len(rest) == 1:
            return datetime.strptime(f"{first} {rest[0][:5]}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        month, day = MONTHS.index(first.lower()[:3]) + 1, int(rest[0])
        if ":" not in rest[1]:
            return datetime(int(rest[1]), month, day, tzinfo=UTC)
        hour, minute = map(int, rest[1].split(":"))
        # Dates within the last half year have no year; the clock of the server may be a day ahead.
        year = next(
            year
            for year in range(now.year + 1, now.year - 5, -1)
            if _exists(year, month, day)
            and datetime(year, month, day, tzinfo=UTC) <= now + timedelta(days=1)
        )
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except (ValueError, OverflowError, StopIteration):
        return None


def _exists(year: int, month: int, day: int) -> bool:
    try:
        datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return False
    return True


def _read_dos(line: bytes) -> FtpEntry | None:
    matched = re.match(
        rb"\s*([\d./-]{8,10})\s{1,10}(\d{1,2}:\d\d)\s?([AaPp][Mm])?"
        rb"\s{1,30}(<DIR>|[\d,.]{1,25})\s(.+)",
        line,
    )
    if matched is None:
        return None
    date, time, half, size = (
        part.decode("latin-1") if part else "" for part in matched.groups()[:4]
    )
    is_folder = size == "<DIR>"
    # The name of a folder is padded to a fixed column; the name of a file follows its size.
    name = matched.group(5).lstrip(b" ") if is_folder else matched.group(5)
    exact = "" if is_folder else size.replace(",", "").replace(".", "")
    moment = _dos_time(date, time + half.upper())
    return FtpEntry(
        name, is_folder, parse_size(exact), moment, False, f"{size}|{date} {time}{half}"
    )


def _dos_time(date: str, time: str) -> datetime | None:
    for date_form in _DOS_DATES:
        for time_form in _DOS_TIMES:
            try:
                return datetime.strptime(f"{date} {time}", f"{date_form} {time_form}").replace(
                    tzinfo=UTC
                )
            except ValueError:
                continue
    return None
