"""Times as exports tell them: by the clock of a deployment, whatever name its zone has."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class TimeFormatter:
    """Times as the standard wants them, with their zone and without fractions."""

    def __init__(self) -> None:
        self._zones: dict[str, ZoneInfo | None] = {}
        self._read: tuple[str, str] = ("", "")

    def local(self, at: datetime, zone: str) -> str:
        """Write a time by the clock of its deployment."""
        try:
            place = self._zones[zone]
        except KeyError:
            place = self._zones[zone] = find_time_zone(zone)
        if place is not None:
            text = at.astimezone(place).isoformat(timespec="seconds")
            if len(text) == 25:  # before time zones were agreed on they had seconds too
                return text
        return (
            at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            if at.year >= 1000
            else "1000-01-01T00:00:00Z"
        )

    def read(self, text: str | None) -> str:
        """Write a time of the spool in UTC; the same one mostly comes many times in a row."""
        if text is None:
            return ""
        if text != self._read[0]:
            written = f"{text[:19]}Z" if text.endswith("Z") else self.local(parse_time(text), "UTC")
            self._read = (text, written)
        return self._read[1]


def find_time_zone(name: str) -> ZoneInfo | None:
    """Open a time zone by its name; None for one that is not known."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def parse_time(text: str) -> datetime:
    """Read a time of the spool."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
