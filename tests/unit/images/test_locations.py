"""Locations of deployments, as exactly as a caller may see them."""

import math
import random
from uuid import UUID

import pytest

from trapline.server.images.rules.locations import (
    Location,
    Precision,
    filter_exif,
    generalise,
    get_shown_fields,
    get_shown_filename,
)

EARTH_M = 6_378_137.0
KEY = UUID("01890000-0000-7000-8000-0123456789ab")


def measure_m(one: Location, other: Location) -> float:
    """Measure the great-circle distance of two locations (haversine)."""
    assert one.latitude is not None
    assert one.longitude is not None
    assert other.latitude is not None
    assert other.longitude is not None
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = math.sin((second - first) / 2) ** 2
    half += math.cos(first) * math.cos(second) * math.sin(east / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(half))


@pytest.mark.parametrize(
    ("precision", "step"), [(Precision.HUNDREDTH, 0.01), (Precision.TENTH, 0.1)]
)
def test_the_uncertainty_covers_the_exact_place(precision: Precision, step: float) -> None:
    chance = random.Random(7)
    for _ in range(2000):
        exact = Location(chance.uniform(-90, 90), chance.uniform(-180, 180), 5)
        shown = generalise(exact, precision)
        assert shown.uncertainty_m is not None
        assert measure_m(exact, shown) <= shown.uncertainty_m - 5
        for degrees in (shown.latitude, shown.longitude):
            assert degrees is not None
            assert math.isclose(degrees / step, round(degrees / step), abs_tol=1e-6)
        assert generalise(Location(shown.latitude, shown.longitude), precision) == Location(
            shown.latitude, shown.longitude, shown.uncertainty_m - 5
        )


def test_all_places_of_a_cell_look_the_same() -> None:
    shown = {
        str(generalise(Location(latitude, longitude, None), Precision.TENTH))
        for latitude in (-0.04, -0.0, 0.0, 0.03)
        for longitude in (-0.049, 0.0, 0.049)
    }
    assert len(shown) == 1


def test_a_withheld_or_missing_location_is_empty() -> None:
    assert generalise(Location(1, 2, 3), Precision.WITHHELD) == Location()
    assert generalise(Location(None, None, 3), Precision.TENTH) == Location()
    assert generalise(Location(1.23456, 2, 3), Precision.EXACT) == Location(1.23456, 2, 3)


def test_texts_are_replaced_as_soon_as_the_location_is_not_exact() -> None:
    assert get_shown_fields(KEY, Location(1, 2, 3), Precision.EXACT) == {}
    for precision in (Precision.HUNDREDTH, Precision.TENTH, Precision.WITHHELD):
        shown = get_shown_fields(KEY, Location(1, 2, 3), precision)
        assert shown["name"] == "Deployment 0123456789ab"
        assert (shown["camera"], shown["habitat"], shown["notes"]) == ("", "", "")


def test_a_file_name_keeps_only_its_type() -> None:
    assert get_shown_filename(KEY, "Fig waterhole.JPG") == f"{KEY}.jpg"
    assert get_shown_filename(KEY, "a.fig-waterhole") == f"{KEY}"


def test_unknown_tags_are_withheld() -> None:
    tags = {"Model": "TrailCam", "GPSLatitude": [1, 2, 3], "UserComment": "fig", "New": 1}
    assert filter_exif(tags) == {"Model": "TrailCam"}
