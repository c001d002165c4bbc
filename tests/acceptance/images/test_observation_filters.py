"""Images found by their observations: filters with counts, chips, and the same export."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.known_image_project import Scene, make_scene
from tests.support.signed_in_browser import Seat

from trapline.wire.identifications import IdentificationKind, NewIdentification
from trapline.wire.taxa import NewTaxon

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.fixture(scope="module")
def scene(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A project with a wolf that a user identified, a lynx that needs review, and a blank image."""
    made = make_scene(seat.server, tmp_path_factory.mktemp("filters"), "Filters")
    with seat.server.open() as owner:
        wolf = owner.create_taxon(NewTaxon(project=made.project, scientific_name="Canis lupus"))
        owner.create_taxon(NewTaxon(project=made.project, scientific_name="Canis"))
        owner.create_identifications(
            NewIdentification(
                kind=IdentificationKind.CORRECT,
                images=[made.images["wide.jpg"].id],
                taxon=wolf.id,
                count=3,
                individual_id="One-Ear",
            ),
            NewIdentification(
                kind=IdentificationKind.UNSURE, images=[made.images["turned.jpg"].id]
            ),
        )
    return made


def test_images_are_found_by_their_observations(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(3)
    opener = page.get_by_role("button", name="Observations", exact=True)
    opener.focus()
    page.keyboard.press("Enter")
    filters = page.get_by_role("group", name="Filters by observation")
    expect(filters.get_by_label("Kind").locator("option", has_text="Animals (2)")).to_have_count(1)

    def choose(label: str) -> Callable[[str], object]:
        return filters.get_by_label(label, exact=True).select_option

    for label, value, key, name in (
        ("Kind", "blank", "kind", "empty.jpg"),
        ("Needs review", "true", "needs_review", "turned.jpg"),
        ("Source", "human", "source", "wide.jpg"),
    ):
        choose(label)(value)
        expect(tiles).to_have_count(1)
        expect(tiles).to_have_attribute("data-image-id", str(scene.images[name].id))
        assert f"{key}={value}" in page.url
        chip = page.locator(f'[data-chip="{key}"]')
        expect(chip).to_contain_text(label)
        chip.get_by_role("button").press("Enter")
        expect(tiles).to_have_count(3)
        assert f"{key}=" not in page.url

    filters.get_by_label("Identified by").select_option(index=1)
    expect(page.locator('[data-chip="identified_by"]')).to_contain_text("Owner")
    expect(tiles).to_have_count(1)
    filters.get_by_label("Count at least").fill("4")
    expect(page.get_by_text("No image matches these filters")).to_be_visible()
    filters.get_by_label("Count at least").fill("3")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page.locator(".chip")).to_have_count(0)
    known = filters.locator('datalist option[value="One-Ear"]')
    expect(known).to_have_text("Canis lupus (1)")
    filters.get_by_label("Individual").fill("One-Ear")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name=re.compile("Remove filter Individual")).click()
    # The model found a lynx there, which the user has corrected.
    filters.get_by_label("Model class").fill("lynx")
    expect(tiles).to_have_count(2)
    page.get_by_label("Class", exact=True).select_option("lynx")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Clear filters").first.click()

    filters.get_by_label("Taxon").fill("canis")
    page.get_by_role("option", name="Canis", exact=True).click()
    expect(page.locator('[data-chip="taxon"]')).to_contain_text("Canis")
    expect(tiles).to_have_count(1)
    page.reload()
    expect(page.locator('[data-chip="taxon"]')).to_contain_text("Canis")
    expect(tiles).to_have_count(1)
    tiles.click()
    page.get_by_test_id("picture").wait_for()
    expect(page.get_by_role("button", name="Next image")).to_be_disabled()


def test_an_export_has_the_filters_of_the_grid(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images?kind=animal&needs_review=false&count_min=2")
    expect(page.locator(".tile[data-image-id]")).to_have_count(1)
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.locator(".chip")).to_have_count(3)
    page.get_by_role("button", name=re.compile("^(Create|Start|Export)")).last.click()
    page.wait_for_url(re.compile("/exports/[0-9a-f-]{36}"))
    with seat.server.open() as owner:
        made = owner.get_export(UUID(page.url.rsplit("/", 1)[1]))
    chosen = made.selection
    assert (chosen.kind, chosen.needs_review, chosen.count_min) == ("animal", False, 2)
    expect(page.get_by_text("kind: animals, needs no review, count at least 2")).to_be_visible()
