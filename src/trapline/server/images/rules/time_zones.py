"""The time zone of a deployment: the one given, else that of its coordinates, else UTC."""

from zoneinfo import available_timezones

from trapline.wire.deployments import ZoneSource

DEFAULT = "UTC"


def find_zone(latitude: float | None, longitude: float | None) -> str | None:
    """Find the IANA time zone of coordinates in degrees, offline; at sea it is one of Etc/GMT.

    None without coordinates, and where this machine does not know the zone.
    """
    if latitude is None or longitude is None:
        return None
    # The borders of all zones take 35 MB of memory, which the first lookup loads.
    from tzfpy import get_tz

    zone = get_tz(longitude, latitude)
    return zone if zone in available_timezones() else None


def decide_zone(
    given: str | None, latitude: float | None, longitude: float | None
) -> tuple[str, ZoneSource]:
    """Decide the time zone of a deployment and its source; a given zone is always used."""
    if given is not None:
        return given, ZoneSource.GIVEN
    found = find_zone(latitude, longitude)
    return (DEFAULT, ZoneSource.DEFAULT) if found is None else (found, ZoneSource.COORDINATES)
