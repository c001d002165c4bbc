"""The overview: the best finds, and what a finished survey does not report."""

import pytest
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.known_image_project import Scene, make_scene
from tests.support.signed_in_browser import Seat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.fixture(scope="module")
def scene(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A survey of last May: two images with animals, and a blank one."""
    return make_scene(seat.server, tmp_path_factory.mktemp("overview"), "Last May")


def test_the_overview_shows_animals_instead_of_blanks(tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}")
    finds = page.get_by_role("region", name="Best finds")
    expect(finds.locator(".tile-image")).to_have_count(2)
    expect(finds.locator(".strip-name").first).to_have_text("lynx")
    shown = finds.locator("a.tile-image").evaluate_all("all => all.map((one) => one.href)")
    assert all(str(scene.images["empty.jpg"].id) not in one for one in shown)
    finds.get_by_role("link", name="See all").click()
    expect(page.locator(".tile[data-image-id]")).to_have_count(2)
    tab.expect_nothing_wrong()


def test_a_finished_survey_has_no_silent_camera(tab: Watched, scene: Scene) -> None:
    page = tab.open(f"/projects/{scene.project}")
    expect(page.get_by_role("link", name="last image")).to_be_visible()
    expect(page.get_by_text("silent")).to_have_count(0)
    tab.expect_nothing_wrong()
