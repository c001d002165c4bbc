"""A correction on the page: visible on the image, its tile and the filters, and withdrawn again."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser_session import Watched
from tests.support.filter_bar import find_option, open_filter
from tests.support.known_image_project import Scene, make_scene
from tests.support.signed_in_browser import Seat, open_image, wait_for_picture

from trapline.wire.human_boxes import HumanBoxCorners, NewHumanBox
from trapline.wire.taxa import NewTaxon

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.fixture(scope="module")
def scene(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A project whose models found a sure lynx, and a faint badger that is not an observation."""
    made = make_scene(seat.server, tmp_path_factory.mktemp("corrections"), "Corrections")
    with seat.server.open() as owner:
        owner.create_taxon(NewTaxon(project=made.project, scientific_name="Lynx canadensis"))
    return made


def find_boxes(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid="overlay"] rect[data-class="{name}"]')


def test_a_correction_is_visible_on_viewer_tile_and_filter(tab: Watched, scene: Scene) -> None:
    page = open_image(tab, scene, "wide.jpg")
    observed = page.get_by_test_id("observations").locator("li")
    expect(observed).to_have_count(1)
    expect(observed).to_contain_text("known 1")
    expect(observed).to_contain_text("93 %")
    expect(find_boxes(page, "lynx")).to_have_count(1)
    expect(find_boxes(page, "badger")).to_have_count(0)
    expect(page.get_by_text("1 finding of a model is not an observation.")).to_be_visible()

    observed.get_by_role("button").press("Enter")
    expect(page.get_by_test_id("review")).to_contain_text("Target lynx")
    page.keyboard.press("x")
    page.get_by_role("combobox", name="What is it?").fill("canadensis")
    page.get_by_role("option", name="Lynx canadensis").click()
    page.keyboard.press("Enter")
    expect(find_boxes(page, "Lynx canadensis")).to_have_count(1)
    expect(observed).to_have_attribute("data-source", "human")
    expect(observed).to_contain_text("by Owner")
    expect(page.locator("[data-label-for] text")).to_have_text("Lynx canadensis")

    page.keyboard.press("o")
    expect(find_boxes(page, "lynx")).to_have_count(1)
    expect(find_boxes(page, "badger")).to_have_count(0)
    assert "show=models" in page.url
    page.get_by_test_id("confidence").fill("5")
    expect(find_boxes(page, "badger")).to_have_count(1)
    page.get_by_label("Show model output").uncheck()
    expect(find_boxes(page, "Lynx canadensis")).to_have_count(1)

    page.get_by_role("button", name="Back to the images").click()
    tile = page.locator(f'.tile[data-image-id="{scene.images["wide.jpg"].id}"]')
    expect(tile.locator("rect[data-class]")).to_have_attribute("data-class", "Lynx canadensis")
    expect(tile).to_contain_text("Lynx canadensis")
    species = open_filter(page, "Species")
    expect(find_option(species, "Lynx canadensis")).to_have_text("Lynx canadensis1")
    expect(find_option(species, "lynx")).to_have_text("lynx1")
    page.keyboard.press("Escape")
    expect(species).to_have_count(0)

    tile.click()
    wait_for_picture(page)
    page.get_by_role("button", name="Withdraw").click()
    expect(find_boxes(page, "lynx")).to_have_count(1)
    expect(observed).to_have_attribute("data-source", "model")


def test_a_blank_and_an_unsure_image_are_shown_as_such(tab: Watched, scene: Scene) -> None:
    page = open_image(tab, scene, "turned.jpg")
    observed = page.get_by_test_id("observations").locator("li")
    page.keyboard.press("u")
    expect(observed).to_contain_text("Needs review")
    expect(find_boxes(page, "lynx")).to_have_count(1)
    page.keyboard.press("n")
    expect(observed).to_contain_text("Blank")
    expect(find_boxes(page, "lynx")).to_have_count(0)
    page.get_by_role("button", name="Back to the images").click()
    tile = page.locator(f'.tile[data-image-id="{scene.images["turned.jpg"].id}"]')
    expect(tile).to_contain_text("Blank")
    expect(tile.locator("rect[data-class]")).to_have_count(0)
    tile.click()
    wait_for_picture(page)
    page.keyboard.press("z")
    expect(observed).to_contain_text("Needs review")
    page.get_by_role("button", name="Back to the images").click()
    expect(tile).to_contain_text("Unsure")
    expect(tile).to_have_attribute("aria-label", re.compile("Needs review"))


def test_an_identification_of_the_image_is_shown_on_it(
    seat: Seat, tab: Watched, scene: Scene
) -> None:
    page = open_image(tab, scene, "empty.jpg")
    expect(page.get_by_test_id("observations").locator("li")).to_contain_text("Blank")
    page.keyboard.press("x")
    page.get_by_role("combobox", name="What is it?").fill("canadensis")
    page.get_by_role("option", name="Lynx canadensis").click()
    page.get_by_text("Count, sex, life stage, behaviour").click()
    page.get_by_label("Count").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator('[data-whole="Lynx canadensis"]')).to_contain_text("× 2")
    expect(page.get_by_test_id("observations").locator("li")).to_contain_text(
        "Lynx canadensis × 2 whole image"
    )
    with seat.tab() as other:
        expect(open_image(other, scene, "empty.jpg").locator("[data-whole]")).to_have_count(1)
        other.expect_nothing_wrong()


def test_a_box_that_a_user_drew_is_shown(seat: Seat, tab: Watched, scene: Scene) -> None:
    image = scene.images["wide.jpg"]
    corners = HumanBoxCorners(x_min=500, y_min=300, x_max=700, y_max=500)
    with seat.server.open() as owner:
        [drawn] = owner.create_annotations(
            NewHumanBox(image=image.id, box=corners, label="wild boar")
        )
    page = open_image(tab, scene, "wide.jpg")
    expect(find_boxes(page, "wild boar")).to_have_attribute("data-box-id", str(drawn.id))
    observed = page.locator(f'[data-observation="{drawn.id}"]')
    expect(observed).to_have_attribute("data-source", "human")
    page.keyboard.press("o")
    expect(find_boxes(page, "lynx")).to_have_count(1)
    expect(find_boxes(page, "wild boar")).to_have_count(0)
