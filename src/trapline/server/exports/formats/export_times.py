"""Format times for exports in the time zone of a deployment, even if the zone is unknown."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class TimeFormatter:
    """Format times as the standards require: with their zone and without fractions of a second."""

    def __init__(self) -> None:
        self._zones: dict[str, ZoneInfo | None] = {}
        self._read: tuple[str, str] = ("", "")

    def local(self, at: datetime, zone: str) -> str:
        """Format a time in a time zone, or in UTC if the zone is unknown."""
        try:
            place = self._zones[zone]
        except KeyError:
            place = self._zones[zone] = find_time_zone(zone)
        if place is not None:
            text = at.astimezone(place).isoformat(timespec="seconds")
            if len(text) == 25:  # local mean times before standard zones have offsets with seconds
                return text
        return (
            at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            if at.year >= 1000
            else "1000-01-01T00:00:00Z"
        )

    def read(self, text: str | None) -> str:
        """Format a time of the spool in UTC; repeated values are cached."""
        if text is None:
            return ""
        if text != self._read[0]:
            written = f"{text[:19]}Z" if text.endswith("Z") else self.local(parse_time(text), "UTC")
            self._read = (text, written)
        return self._read[1]


def find_time_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of this name; None if it is unknown."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def parse_time(text: str) -> datetime:
    """Parse a time of the spool."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
