"""Images found by their observations: filters with counts, chips, and the same export."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import expect
from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import Watched
from tests.support.filter_bar import (
    find_chip,
    find_option,
    open_filter,
    remove_filter,
    set_filter,
)
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
    expect(page.locator(".page-head .count")).to_have_text("3 images")
    adder = page.get_by_role("button", name="Filter", exact=True)
    kinds = open_filter(page, "Kind")
    expect(find_option(kinds, "Animals")).to_have_text("Animals2")
    kinds.get_by_role("button", name="All filters").press("Enter")
    expect(page.get_by_role("combobox", name="Search filters")).to_be_focused()
    page.keyboard.press("Escape")
    expect(adder).to_be_focused()

    for name, text, key, value, found in (
        ("Kind", "Blank", "kind", "blank", "empty.jpg"),
        ("Needs review", "Yes", "needs_review", "true", "turned.jpg"),
        ("Source", "People", "source", "human", "wide.jpg"),
    ):
        set_filter(page, name, text)
        expect(tiles).to_have_count(1)
        expect(tiles).to_have_attribute("data-image-id", str(scene.images[found].id))
        expect(page.get_by_text("1 of 3 images")).to_be_visible()
        assert f"{key}={value}" in page.url
        expect(find_chip(page, key)).to_contain_text(f"{name} {text}")
        remove_filter(page, key)
        expect(adder).to_be_focused()
        expect(tiles).to_have_count(3)
        assert f"{key}=" not in page.url

    set_filter(page, "Identified by", "Owner")
    expect(tiles).to_have_count(1)
    count = open_filter(page, "Count").get_by_label("Minimum count")
    count.fill("4")
    count.press("Enter")
    expect(page.get_by_text("No image matches these filters")).to_be_visible()
    # The chip of a filter edits it.
    find_chip(page, "count_min").get_by_role("button", name="Count at least 4").first.click()
    count = page.get_by_role("dialog", name="Count").get_by_label("Minimum count")
    expect(count).to_have_value("4")
    count.fill("3")
    count.press("Enter")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page.locator("[data-chip]")).to_have_count(0)

    known = find_option(open_filter(page, "Individual"), "One-Ear")
    expect(known).to_have_text("One-EarCanis lupus (1)")
    known.click()
    expect(tiles).to_have_count(1)
    remove_filter(page, "individual")
    # The model found a lynx there, which the user has corrected.
    set_filter(page, "Model class", "lynx")
    expect(tiles).to_have_count(2)
    set_filter(page, "Species", "lynx")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Clear filters").first.click()

    # The images were taken at 10:00; a model was sure of the lynx, and there is no comment.
    hours = open_filter(page, "Hour of day")
    hours.get_by_label("From").select_option("22")
    hours.get_by_label("To").select_option("10")
    hours.get_by_role("button", name="Apply").click()
    expect(find_chip(page, "hours")).to_contain_text("Hour of day 22:00–10:00")
    expect(page.get_by_text("No image matches these filters")).to_be_visible()
    find_chip(page, "hours").get_by_role("button").first.click()
    page.get_by_role("dialog").get_by_label("To").select_option("11")
    page.get_by_role("button", name="Apply").click()
    expect(tiles).to_have_count(3)
    sure = open_filter(page, "Confidence")
    sure.get_by_label("Maximum confidence, %").fill("50")
    page.keyboard.press("Enter")
    expect(find_chip(page, "confidence")).to_contain_text("Confidence at most 50 %")
    expect(page.get_by_text("No image matches these filters")).to_be_visible()
    remove_filter(page, "confidence")
    set_filter(page, "Commented", "Without a comment")
    expect(tiles).to_have_count(3)
    page.get_by_role("button", name="Clear filters").first.click()

    # A taxon contains its lower taxa; the list of observed names has only the wolf.
    set_filter(page, "Species", "Canis")
    expect(find_chip(page, "taxon")).to_contain_text("Taxon Canis")
    expect(tiles).to_have_count(1)
    page.reload()
    expect(find_chip(page, "taxon")).to_contain_text("Taxon Canis")
    expect(tiles).to_have_count(1)
    tiles.click()
    page.get_by_test_id("picture").wait_for()
    expect(page.get_by_role("button", name="Next image")).to_be_disabled()
    tab.expect_nothing_wrong()


def test_filters_are_saved_as_a_view_for_the_project(tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images?kind=animal&source=human")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Save view").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Animals by people")
    page.keyboard.press("Enter")
    views = page.get_by_role("navigation", name="Saved views")
    view = views.get_by_role("link", name="Animals by people")
    expect(view).to_have_attribute("aria-current", "page")
    views.get_by_role("link", name="All", exact=True).click()
    expect(tiles).to_have_count(3)
    view.click()
    expect(tiles).to_have_count(1)
    expect(find_chip(page, "source")).to_contain_text("Source People")
    page.get_by_role("button", name="Edit view").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete view").click()
    expect(view).to_have_count(0)
    expect(tiles).to_have_count(3)
    tab.expect_nothing_wrong()


def test_a_cell_of_the_matrix_opens_exactly_its_images(tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Disagreement").click()
    # The model found a lynx, which the user has corrected to a wolf.
    cell = page.get_by_role("table").get_by_role("link", name=re.compile("lynx.*Canis lupus"))
    expect(cell).to_have_text("1")
    expect(page.get_by_role("rowheader", name="lynx")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Canis lupus")).to_be_visible()
    assert find_barriers(page, read_axe()) == []
    cell.click()
    page.wait_for_url(re.compile(r"/review\?.*answer_a=lynx&answer_b=Canis\+lupus"))
    search = page.url.split("?", 1)[1]
    page.goto(f"{tab.base_url}/projects/{scene.project}/images?{search}")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(1)
    expect(tiles).to_have_attribute("data-image-id", str(scene.images["wide.jpg"].id))
    expect(find_chip(page, "comparison")).to_contain_text("lynx, people: Canis lupus")
    remove_filter(page, "comparison")
    expect(tiles).to_have_count(3)
    tab.expect_nothing_wrong()


def test_an_export_has_the_filters_of_the_grid(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images?kind=animal&needs_review=false&count_min=2")
    expect(page.locator(".tile[data-image-id]")).to_have_count(1)
    page.get_by_role("link", name="Export", exact=True).click()
    expect(page.locator("[data-chip]")).to_have_count(3)
    page.get_by_role("button", name=re.compile("^(Create|Start|Export)")).last.click()
    page.wait_for_url(re.compile("/exports/[0-9a-f-]{36}"))
    with seat.server.open() as owner:
        made = owner.get_export(UUID(page.url.rsplit("/", 1)[1]))
    chosen = made.selection
    assert (chosen.kind, chosen.needs_review, chosen.count_min) == ("animal", False, 2)
    expect(page.get_by_text("kind: animals, needs no review, count at least 2")).to_be_visible()
