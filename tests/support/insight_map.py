"""Read the map of the screen Insights: its image, and where places are drawn."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, Route

from tests.support.signed_in_browser import box_of


def save_map(page: Page) -> Image.Image:
    """Save the map as a PNG file."""
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download PNG").click()
    return Image.open(Path(saved.value.path()).resolve()).convert("RGB")


def find_place(
    drawn: Locator, places: Mapping[str, tuple[float, float]], place: str
) -> tuple[float, float]:
    """Compute where a place is: all places with a margin of 0.01° and 48 px fill the map."""
    box = box_of(drawn)
    south, north = min(at[0] for at in places.values()), max(at[0] for at in places.values())
    west, east = min(at[1] for at in places.values()), max(at[1] for at in places.values())
    # Mercator: at this latitude, a degree to the north is longer by 1 / cos(latitude).
    stretch = 1 / math.cos(math.radians((south + north) / 2))
    scale = min(
        (box["width"] - 96) / (east - west + 0.02),
        (box["height"] - 96) / ((north - south + 0.02) * stretch),
    )
    latitude, longitude = places[place]
    return (
        box["width"] / 2 + (longitude - (west + east) / 2) * scale,
        box["height"] / 2 - (latitude - (south + north) / 2) * stretch * scale,
    )


def without_tiles(route: Route) -> None:
    """Answer with the document of a server whose operator set no tiles."""
    answer = route.fetch()
    body = re.sub(r'<meta name="map-tiles"[^>]*>', "", answer.text())
    route.fulfill(response=answer, body=body)
