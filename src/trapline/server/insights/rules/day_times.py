"""Times of day of events at deployments, by the local clock or by the sun."""

from collections.abc import Sequence

import numpy as np

from trapline.server.insights.rules.activity import Floats, convert_to_radians
from trapline.server.insights.rules.local_times import DAY, EPOCH, SECOND, Moments, to_local
from trapline.server.insights.rules.solar_time import Anchor, compute_solar_times

EPOCH_S = EPOCH.timestamp()


def compute_clock_times(moments: Moments, zone: str) -> Floats:
    """Return the local time of day of each moment, in radians."""
    return convert_to_radians(to_local(moments, zone) % DAY / SECOND)


def compute_sun_times(
    moments: Moments, zone: str, coordinates: Sequence[float | None]
) -> Floats | None:
    """Return the solar time of moments in radians; None without a latitude and a longitude.

    Sunrise is pi / 2 and sunset 3 pi / 2, so that times of different species, places and seasons
    can be compared. Moments on days without a sunrise or a sunset are left out.
    """
    latitude, longitude = coordinates
    if latitude is None or longitude is None:
        return None
    offsets = (to_local(moments, zone) - moments) / SECOND
    found = compute_solar_times(
        moments / SECOND + EPOCH_S,
        offsets,
        np.full(len(moments), latitude),
        np.full(len(moments), longitude),
        anchor=Anchor.EQUINOCTIAL,
    )
    return found.radians
