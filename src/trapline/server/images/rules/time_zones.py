"""The time zone of a deployment: the one given, else that of its coordinates, else UTC."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from trapline.wire.deployments import ZoneSource, load_time_zones

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
    return zone if zone in load_time_zones() else None


def decide_zone(
    given: str | None, latitude: float | None, longitude: float | None
) -> tuple[str, ZoneSource]:
    """Decide the time zone of a deployment and its source; a given zone is always used."""
    if given is not None:
        return given, ZoneSource.GIVEN
    found = find_zone(latitude, longitude)
    return (DEFAULT, ZoneSource.DEFAULT) if found is None else (found, ZoneSource.COORDINATES)


def set_zone(values: Mapping[str, Any], stored: str | None) -> dict[str, Any]:
    """Return values of a deployment in which times without a UTC offset are in its time zone.

    `stored` is the zone of the deployment, if it exists. The values are not validated: texts that
    are not times are returned as they are.
    """
    times = [name for name in ("started_at", "ended_at") if _is_local(values.get(name))]
    periods = values.get("inactive_periods", ())
    if not times and not any(_is_local(one[end]) for one in periods for end in ("start", "end")):
        return dict(values)
    zone = _load_zone(values, stored)
    located: dict[str, Any] = {name: _locate(values[name], zone) for name in times}
    if periods:
        located["inactive_periods"] = [
            one | {end: _locate(one[end], zone) for end in ("start", "end")} for one in periods
        ]
    return {**values, **located}


def _load_zone(values: Mapping[str, Any], stored: str | None) -> tzinfo:
    name = values.get("time_zone") or stored
    if name is None:
        latitude, longitude = values.get("latitude"), values.get("longitude")
        is_valid = abs(latitude or 0) <= 90 and abs(longitude or 0) <= 180
        name = find_zone(latitude, longitude) if is_valid else None
    return ZoneInfo(name if name in load_time_zones() else DEFAULT)


def _is_local(text: str | None) -> bool:
    try:
        return text is not None and datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _locate(text: str, zone: tzinfo) -> str:
    return (
        datetime.fromisoformat(text).replace(tzinfo=zone).isoformat() if _is_local(text) else text
    )
