"""The grid: several deployments in one filter, orders that are not of time, and what days offer."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.burst_project import Burst, make_burst_project
from tests.support.filter_bar import find_chip, find_option, open_filter
from tests.support.known_image_project import Scene, draw, make_scene
from tests.support.signed_in_browser import Seat, wait_for_picture

from trapline.wire.deployments import NewDeployment

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end
PLACES = ("Alder", "Brook", "Clearing")


@pytest.fixture(scope="module")
def scene(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A project with three analysed images, and one image in each of three other deployments."""
    folder = tmp_path_factory.mktemp("grid")
    made = make_scene(seat.server, folder, "Grid")
    file = folder / "one.jpg"
    file.write_bytes(draw("wide.jpg"))
    with seat.server.open() as owner:
        for name in PLACES:
            place = owner.create_deployment(NewDeployment(project=made.project, name=name))
            owner.upload_images([file], deployment=place.id)
    return made


def test_one_chip_filters_by_several_deployments(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(6)
    editor = open_filter(page, "Deployment")
    find_option(editor, "Alder").click()
    expect(tiles).to_have_count(1)
    # The list stays open for the next one.
    find_option(editor, "Brook").click()
    expect(tiles).to_have_count(2)
    expect(editor.get_by_label("selected")).to_have_count(2)
    editor.get_by_role("button", name="Done").click()
    expect(editor).to_have_count(0)
    chip = find_chip(page, "deployment")
    expect(chip).to_contain_text("Deployment Alder, Brook")
    assert re.search(r"deployment=[0-9a-f-]{36}%2C[0-9a-f-]{36}", page.url)
    page.reload()
    expect(tiles).to_have_count(2)
    chip.get_by_role("button").first.click()
    editor = page.get_by_role("dialog", name="Deployment", exact=True)
    find_option(editor, "Clearing").click()
    expect(chip).to_contain_text("Deployment 3 deployments")
    find_option(editor, "Alder").click()
    expect(chip).to_contain_text("Deployment Brook, Clearing")
    page.keyboard.press("Escape")
    # The viewer steps through the images of both deployments only.
    tiles.first.click()
    expect(page).to_have_url(re.compile(r"/images/[0-9a-f-]{36}\?in="))
    wait_for_picture(page)
    page.keyboard.press("j")
    page.get_by_role("button", name="Back to the images").click()
    expect(tiles).to_have_count(2)
    tab.expect_nothing_wrong()


def test_a_review_set_is_created_from_the_filter(seat: Seat, tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}/images?class=lynx")
    expect(page.locator(".tile[data-image-id]")).to_have_count(2)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="New review set from this filter").click()
    expect(page.get_by_role("heading", name="New review set")).to_be_visible()
    expect(find_chip(page, "class")).to_contain_text("Species lynx")
    expect(page.get_by_text("2 images match the filter now")).to_be_visible()
    # The filter can be changed here.
    find_option(open_filter(page, "Blank"), "Something found").click()
    expect(find_chip(page, "blank")).to_be_visible()
    expect(page.get_by_text("2 images match the filter now")).to_be_visible()
    page.get_by_label("Name").fill("Lynx")
    page.get_by_role("button", name="Create review set").click()
    expect(page.get_by_role("heading", name="Lynx")).to_be_visible()
    with seat.server.open() as owner:
        [made] = owner.list_review_sets(scene.project).results
    assert made.items == 2 or made.unit == "sequence"
    tab.expect_nothing_wrong()


def test_a_day_has_a_number_with_a_unit_and_a_review(
    seat: Seat, tab: Watched, scene: Scene
) -> None:
    page = tab.open(f"/projects/{scene.project}/images?class=lynx")
    head = page.locator(".time-head").first
    expect(head.get_by_role("heading")).to_contain_text(re.compile(r"\d+ images?$"))
    head.get_by_role("link", name=re.compile("^Review (day|month): ")).click()
    expect(page).to_have_url(re.compile(r"/review\?.*from=\d{4}-\d\d-\d\d&to=\d{4}"))
    assert "class=lynx" in page.url
    tab.expect_nothing_wrong()


def test_the_grid_shows_images_in_an_order_that_is_not_of_time(
    seat: Seat, tab: Watched, scene: Scene
) -> None:
    page = tab.open(f"/projects/{scene.project}/images")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(6)
    page.get_by_label("Order").select_option("least_certain")
    expect(page).to_have_url(re.compile("order=least_certain"))
    heading = page.get_by_role("heading", name="Least certain first")
    expect(heading).to_contain_text("6 images")
    expect(tiles).to_have_count(6)
    with seat.server.open() as owner:
        expected = owner.list_images(project=scene.project, order="least_certain", limit=50)
    wanted = [str(one.id) for one in expected.results]
    assert tiles.evaluate_all("tiles => tiles.map((one) => one.dataset.imageId)") == wanted
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar", name="Selected images")).to_contain_text("1 image")
    page.keyboard.press("Escape")
    # The viewer steps in the same order, and leads back to the same place.
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(wanted[1]))
    wait_for_picture(page)
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(wanted[2]))
    # Until the next image is loaded, the previous one is shown.
    expect(page.get_by_role("heading", level=1)).to_have_text(expected.results[2].filename)
    page.get_by_role("button", name="Back to the images").click()
    expect(tiles.nth(2)).to_be_focused()
    page.get_by_label("Order").select_option("-captured_at")
    expect(page.locator(".time-head[data-day]")).not_to_have_count(0)
    tab.expect_nothing_wrong()


def test_orders_load_page_by_page(seat: Seat, tab: Watched, tmp_path: Path) -> None:
    bursts = make_burst_project(
        seat.server, tmp_path, [Burst("red fox", "red fox")] * 40, "Ordered pages"
    )
    page = tab.open(f"/projects/{bursts.project}/images?order=random")
    expect(page.get_by_role("heading", name="Random")).to_contain_text("120 images")
    expect(page.locator(".tile[data-index='0']")).to_be_visible()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".tile[data-index='119']")).to_be_visible()
    tab.expect_nothing_wrong()
