"""A hundred images in bursts of three reviewed by keys, mouse or touch: presses, and the result."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser_session import open_tab
from tests.support.burst_project import (
    IMAGES_PER_BURST,
    Burst,
    BurstProject,
    make_burst_project,
)
from tests.support.fault_proxy import FaultProxy
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.taxa import NewTaxon

SPECIES = [
    "roe deer",
    "red fox",
    "wild boar",
    "European badger",
    "pine marten",
    "brown hare",
    "red deer",
    "European wildcat",
    "raccoon",
]
BURSTS = 34
MOST_PRESSES = 40
MOST_PRESSES_WITH_RARE_SPECIES = 60
MOST_CLICKS = 40
ROUND_TRIP_S = 0.3


OUTSIDE = {"Lynx lynx": "lyn", "Canis aureus": "jack", "Lutra lutra": "ott"}
"""Taxa of the list that no model named, and the letters by which a reviewer finds them."""
Decide = Callable[[Page, Burst, list[str]], int]
COMMON_NAMES = {"Canis aureus": "Golden jackal", "Lutra lutra": "Eurasian otter"}


def build_set() -> list[Burst]:
    """Build 34 bursts: three with a wrong name, two blank with a false box, two groups."""
    chance = random.Random(18)
    wrong, false, groups = 3, 2, 2
    bursts = []
    for number in range(BURSTS):
        species = SPECIES[number % len(SPECIES)]
        if number < wrong:
            bursts.append(Burst(species, SPECIES[(number + 4) % len(SPECIES)]))
        elif number < wrong + false:
            bursts.append(Burst(None, species))
        elif number < wrong + false + groups:
            bursts.append(Burst(species, species, count=3 + number % 2))
        else:
            bursts.append(Burst(species, species))
    chance.shuffle(bursts)
    return bursts


def build_set_with_rare_species() -> list[Burst]:
    """Build 34 bursts: three of species that the palette does not have."""
    bursts = [
        Burst(list(OUTSIDE)[number], species) if number < len(OUTSIDE) else Burst(species, species)
        for number, species in enumerate((SPECIES * 4)[:BURSTS])
    ]
    random.Random(19).shuffle(bursts)
    return bursts


def decide_by_keys(page: Page, burst: Burst, palette: list[str]) -> int:
    """Decide about the burst that is shown; return the number of key presses."""
    if burst.species is None:
        keys = ["0"]
    elif burst.species == burst.found:
        keys = ["Enter"]
    elif burst.species in palette:
        keys = [str(palette.index(burst.species) + 1)]
    else:
        keys = ["x", *OUTSIDE[burst.species], "Enter"]
    for key in keys:
        if key == "Enter" and len(keys) > 1:
            found = page.get_by_test_id("species-search").get_by_role("option").first
            expect(found).to_contain_text(str(burst.species), timeout=30_000)
        page.keyboard.press(key)
    return len(keys)


def decide_by_pointer(press: Callable[[Locator], None]) -> Decide:
    """Decide by clicks or taps on what a reviewer sees without scrolling."""

    def decide(page: Page, burst: Burst, palette: list[str]) -> int:
        if burst.species is None:
            button = page.get_by_test_id("proposal").get_by_role("button", name="Blank")
        elif burst.species == burst.found:
            button = page.locator(".review-accept")
        else:
            name = page.get_by_text(burst.species, exact=True)
            button = page.get_by_test_id("palette").get_by_role("button").filter(has=name)
        expect(button).to_be_in_viewport(ratio=1)
        press(button)
        return 1

    return decide


def review(
    seat: Seat,
    made: BurstProject,
    bursts: list[Burst],
    delay_s: float,
    decide: Decide = decide_by_keys,
    size: str = "laptop",
) -> tuple[int, float]:
    """Review all bursts; return the number of presses, and the seconds they took."""
    proxy = FaultProxy(seat.server.port, delay_s=delay_s / 2)
    presses, began, seconds = 0, 0.0, 0.0
    try:
        with open_tab(
            seat.browser, f"http://127.0.0.1:{proxy.port}", state=seat.state, size=size
        ) as tab:
            tab.page.set_default_timeout(30_000)
            page = tab.open(f"/projects/{made.project}/review?reviewed=false&order=captured_at")
            names = page.locator("[data-testid=palette] .review-taxon-name")
            expect(names).to_have_count(len(SPECIES), timeout=30_000)
            palette = names.all_inner_texts()
            accept = page.locator(".review-accept")
            for number, burst in enumerate(bursts):
                # A reviewer looks at each sequence before the next key.
                expect(page.get_by_test_id("progress")).to_have_text(
                    f"{IMAGES_PER_BURST * number} of {IMAGES_PER_BURST * BURSTS} images"
                )
                expect(accept).to_contain_text(f"{burst.found} × {burst.count}", timeout=30_000)
                began = began or time.monotonic()
                presses += decide(page, burst, palette)
            expect(page.get_by_test_id("finished")).to_be_visible(timeout=30_000)
            seconds = time.monotonic() - began
            expect_sent(page)
            tab.expect_nothing_wrong()
    finally:
        proxy.end()
    print(f"{presses} presses, {seconds:.1f} s")  # noqa: T201 - shown by pytest -s
    return presses, seconds


def expect_truth(seat: Seat, made: BurstProject, bursts: list[Burst]) -> None:
    """Wait until people's observations are those of the bursts."""
    truth = {
        image_id: Counter({burst.species: burst.count} if burst.species else {"blank": 1})
        for burst, images in zip(bursts, made.images, strict=True)
        for image_id in images
    }

    def list_observed() -> dict[str, Counter[str]]:
        with seat.server.open() as owner:
            found = owner.list_observations(project=made.project, limit=1000).results
        assert len(found) < 1000
        observed: dict[str, Counter[str]] = {image_id: Counter() for image_id in truth}
        for one in found:
            if one.source.value == "human":
                observed[str(one.image_id)][one.name] += one.count or 1
        return observed

    wait_for("the observations to equal the truth", lambda: list_observed() == truth)


@pytest.mark.long
@pytest.mark.parametrize("delay_s", [0.0, ROUND_TRIP_S])
def test_a_hundred_images_take_at_most_forty_presses(
    seat: Seat, tmp_path: Path, delay_s: float
) -> None:
    bursts = build_set()
    made = make_burst_project(seat.server, tmp_path, bursts, f"Hundred images {delay_s}")
    assert review(seat, made, bursts, delay_s)[0] <= MOST_PRESSES
    expect_truth(seat, made, bursts)


@pytest.mark.long
@pytest.mark.parametrize(("size", "press"), [("laptop", Locator.click), ("phone", Locator.tap)])
def test_a_hundred_images_take_at_most_forty_clicks_or_taps(
    seat: Seat, tmp_path: Path, size: str, press: Callable[[Locator], None]
) -> None:
    bursts = build_set()
    made = make_burst_project(seat.server, tmp_path, bursts, f"Hundred images, {size}")
    decide = decide_by_pointer(press)
    assert review(seat, made, bursts, ROUND_TRIP_S, decide, size)[0] <= MOST_CLICKS
    expect_truth(seat, made, bursts)


@pytest.mark.long
def test_a_hundred_images_with_rare_species_take_at_most_sixty_presses(
    seat: Seat, tmp_path: Path
) -> None:
    bursts = build_set_with_rare_species()
    made = make_burst_project(seat.server, tmp_path, bursts, "Rare species")
    with seat.server.open() as owner:
        for name in OUTSIDE:
            common = {"en": [COMMON_NAMES[name]]} if name in COMMON_NAMES else {}
            owner.create_taxon(
                NewTaxon(project=made.project, scientific_name=name, common_names=common)
            )
    presses, _ = review(seat, made, bursts, ROUND_TRIP_S)
    assert presses <= MOST_PRESSES_WITH_RARE_SPECIES
    expect_truth(seat, made, bursts)
