"""Sunrise, sunset and solar time of events.

Sun: NOAA solar calculator (after Meeus, Astronomical Algorithms, 1991), within about a minute up to
72 degrees of latitude. Anchoring: Vazquez et al. (2019), Methods Ecol. Evol. 10: 1917-1924, as
`transtime` of the R package activity.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400.0
ZENITH = 90.833
"""Degrees: the upper edge of the sun at the horizon, with refraction."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Anchor(StrEnum):
    """The clock times to which sunrise and sunset are moved."""

    AVERAGE = "average"
    EQUINOCTIAL = "equinoctial"


@dataclass(frozen=True, slots=True)
class SolarTimes:
    """Solar times of events.

    Attributes:
        radians: Solar time of the events for which it is defined, in their order.
        is_defined: For each event, False on days of polar day or night and without coordinates.
        sunrise, sunset: The anchors, in radians; None if no event has a solar time.
    """

    radians: Floats
    is_defined: Bools
    sunrise: float | None
    sunset: float | None


def find_sun_times(
    latitude: float, longitude: float, day: date
) -> tuple[datetime, datetime] | None:
    """Find sunrise and sunset in UTC; None on days of polar day or night.

    The day is the one whose solar noon is nearest to noon of this date at the longitude.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=longitude / 15)
    rise, set_, is_defined = compute_sun_seconds(
        np.array([latitude]), np.array([longitude]), np.array([noon.timestamp()])
    )
    if not is_defined[0]:
        return None
    return (datetime.fromtimestamp(rise[0], UTC), datetime.fromtimestamp(set_[0], UTC))


def compute_sun_seconds(
    latitudes: Floats, longitudes: Floats, noons_s: Floats
) -> tuple[Floats, Floats, Bools]:
    """Compute sunrise and sunset around approximate noons, in epoch seconds, and where defined.

    Where not defined, both are the time of solar noon.
    """
    declination, equation_s = _compute_sun(noons_s)
    days = np.floor(noons_s / DAY_S + longitudes / 360)
    noon = (days + 0.5 - longitudes / 360) * DAY_S - equation_s
    latitude = np.radians(latitudes)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.cos(np.radians(ZENITH)) / (np.cos(latitude) * np.cos(declination)) - np.tan(
            latitude
        ) * np.tan(declination)
    is_defined = np.isfinite(cosine) & (np.abs(cosine) <= 1)
    half = np.arccos(np.where(is_defined, cosine, 1.0)) * (DAY_S / (2 * np.pi))
    return noon - half, noon + half, is_defined


def compute_solar_times(
    times_s: Floats,
    utc_offsets_s: Floats,
    latitudes: Floats,
    longitudes: Floats,
    *,
    anchor: Anchor = Anchor.AVERAGE,
) -> SolarTimes:
    """Compute the solar time of events at epoch seconds.

    `utc_offsets_s` are those of the local clock. Coordinates can be NaN. Sunrise and sunset of the
    local day are moved to their circular means over all events (`average`) or to 6:00 and 18:00
    (`equinoctial`); times between them are moved in proportion.
    """
    times, offsets = np.asarray(times_s, np.float64), np.asarray(utc_offsets_s, np.float64)
    has_place = np.isfinite(latitudes) & np.isfinite(longitudes)
    latitudes, longitudes = (np.where(has_place, one, 0.0) for one in (latitudes, longitudes))
    noons = (np.floor((times + offsets) / DAY_S) + 0.5) * DAY_S - offsets
    rise, set_, is_defined = compute_sun_seconds(latitudes, longitudes, noons)
    is_defined &= has_place
    if not is_defined.any():
        return SolarTimes(np.zeros(0), is_defined, None, None)
    clock, rise, set_ = (
        ((one + offsets)[is_defined] % DAY_S) * (2 * np.pi / DAY_S) for one in (times, rise, set_)
    )
    anchors = (np.pi / 2, 3 * np.pi / 2)
    if anchor is Anchor.AVERAGE:
        anchors = (_compute_mean(rise), _compute_mean(set_))
    return SolarTimes(anchor_times(clock, rise, set_, anchors), is_defined, *anchors)


def anchor_times(
    clock: Floats, sunrise: Floats, sunset: Floats, anchors: tuple[float, float]
) -> Floats:
    """Move times so that sunrise and sunset become the anchors; all in radians."""
    turn = 2 * np.pi
    daylight, target = (sunset - sunrise) % turn, (anchors[1] - anchors[0]) % turn
    since_rise, since_set = (clock - sunrise) % turn, (clock - sunset) % turn
    by_day = anchors[0] + since_rise * target / daylight
    by_night = anchors[1] + since_set * (turn - target) / (turn - daylight)
    moved: Floats = np.where(since_rise < daylight, by_day, by_night) % turn
    return moved


def _compute_mean(radians: Floats) -> float:
    """Compute the circular mean."""
    return float(np.angle(np.exp(1j * radians).mean()) % (2 * np.pi))


def _compute_sun(times_s: Floats) -> tuple[Floats, Floats]:
    """Compute the declination in radians and the equation of time in seconds."""
    century = (np.asarray(times_s, np.float64) / DAY_S + 2440587.5 - 2451545.0) / 36525
    longitude = np.radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = np.radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    center = np.radians(
        np.sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * century)
    apparent = longitude + center - np.radians(0.00569 + 0.00478 * np.sin(node))
    arcseconds = 21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))
    obliquity = np.radians(23 + (26 + arcseconds / 60) / 60 + 0.00256 * np.cos(node))
    y = np.tan(obliquity / 2) ** 2
    equation = (
        y * np.sin(2 * longitude)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * longitude)
        - 0.5 * y * y * np.sin(4 * longitude)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    return np.arcsin(np.sin(obliquity) * np.sin(apparent)), equation * (DAY_S / (2 * np.pi))
