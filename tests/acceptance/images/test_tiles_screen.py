"""An image with more than 30 megapixels in a real browser: sharp pixels, and a bounded number."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Page, Route, expect
from tests.support.browser_session import Watched
from tests.support.image_factory import make_large_image
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, box_of

from trapline.wire.deployments import NewDeployment
from trapline.wire.images import Image as StoredImage
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

MOST_TILES = 48 + 24
"""The tiles that are kept, and those that the canvas of a laptop shows at the same time."""
LOADED = """() => {
    const tiles = [...document.querySelectorAll('[data-testid=tile]')]
    return tiles.length > 0 && tiles.every(i => i.complete && i.naturalWidth > 0)
        && !document.querySelector('.tile-state')
}"""
PLACE = """() => {
    const { a, e, f } = new DOMMatrix(getComputedStyle(
        document.querySelector('[data-testid=picture]')).transform)
    return [a, e, f]
}"""


@pytest.fixture(scope="module")
def original() -> Image.Image:
    return make_large_image()


@pytest.fixture(scope="module")
def large(
    seat: Seat, original: Image.Image, tmp_path_factory: pytest.TempPathFactory
) -> StoredImage:
    """A large image in the project with known images, with its thumbnails."""
    file = Path(tmp_path_factory.mktemp("large")) / "large.jpg"
    original.save(file, "JPEG", quality=92)
    with seat.server.open() as owner:
        project = owner.create_project(NewProject(name="Large images"))
        deployment = owner.create_deployment(NewDeployment(project=project.id, name="Large camera"))
        owner.upload_images([file], deployment=deployment.id)
        wait_for(
            "a thumbnail",
            lambda: all(
                image.thumbnail_url for image in owner.list_images(project=project.id).results
            ),
        )
        [image] = owner.list_images(project=project.id).results
    return image


@pytest.fixture
def opened(tab: Watched, large: StoredImage) -> Iterator[Page]:
    page = tab.open(f"/projects/{large.project_id}/images/{large.id}")
    page.get_by_test_id("picture").wait_for()
    yield page
    assert page.get_by_test_id("full").count() == 0  # the whole file is never decoded


def measure_difference(page: Page, original: Image.Image) -> float:
    """Return the mean difference of the centre of the canvas from the original at its place."""
    canvas = box_of(page.get_by_test_id("canvas"))
    scale, x, y = page.evaluate(PLACE)
    width, height = 480, 320
    left = round(canvas["width"] / 2 - width / 2)
    top = round(canvas["height"] / 2 - height / 2)
    clip = {"x": canvas["x"] + left, "y": canvas["y"] + top, "width": width, "height": height}
    pixels = page.screenshot(clip=clip)  # type: ignore[arg-type]
    shot = Image.open(io.BytesIO(pixels)).convert("RGB")
    expected = original.transform(
        (width, height),
        Image.Transform.AFFINE,
        (1 / scale, 0, (left - x) / scale, 0, 1 / scale, (top - y) / scale),
        Image.Resampling.BILINEAR,
    )
    return max(ImageStat.Stat(ImageChops.difference(shot, expected)).mean)


def test_at_full_zoom_the_pixels_are_those_of_the_original(
    tab: Watched, opened: Page, large: StoredImage, original: Image.Image
) -> None:
    assert opened.get_by_test_id("tile").count() == 0  # the preview is enough for the whole image
    opened.keyboard.press("1")
    opened.wait_for_function(LOADED)
    assert opened.evaluate(PLACE)[0] == pytest.approx(1)
    assert measure_difference(opened, original) < 4
    # Without the tiles only the preview is there, in which the stripes are grey.
    layer = opened.locator(".tile-layer")
    layer.evaluate("e => { e.style.visibility = 'hidden' }")
    assert measure_difference(opened, original) > 10
    layer.evaluate("e => { e.style.visibility = '' }")
    for _ in range(3):
        opened.keyboard.press("Shift+ArrowLeft")
        opened.keyboard.press("Shift+ArrowDown")
    opened.wait_for_function(LOADED)
    assert measure_difference(opened, original) < 4
    tab.expect_nothing_wrong()


def test_the_number_of_tiles_stays_bounded(tab: Watched, opened: Page) -> None:
    requested: set[str] = set()
    opened.on(
        "request", lambda request: requested.update(re.findall(r"tile=([\d-]+)", request.url))
    )
    opened.keyboard.press("1")
    opened.wait_for_function(LOADED)
    canvas = box_of(opened.get_by_test_id("canvas"))
    middle = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
    most = 0
    opened.mouse.move(*middle)
    for dx, dy in ((1, 1), (-1, 0), (-1, 0), (-1, 0), (0, -1), (0, -1), (1, 0), (1, 0), (1, 0)):
        for _ in range(4):
            opened.mouse.down()
            opened.mouse.move(
                middle[0] + dx * canvas["width"] * 0.45, middle[1] + dy * canvas["height"] * 0.45
            )
            opened.mouse.up()
            opened.mouse.move(*middle)
            opened.wait_for_function(LOADED)
            most = max(most, opened.get_by_test_id("tile").count())
    for _ in range(8):
        opened.keyboard.press("-")
        opened.wait_for_timeout(50)
        most = max(most, opened.get_by_test_id("tile").count())
    assert len(requested) > MOST_TILES
    assert 10 < most <= MOST_TILES
    tab.expect_nothing_wrong()


def test_tiles_that_fail_are_reported_and_requested_again(
    tab: Watched, opened: Page, original: Image.Image
) -> None:
    def fail(route: Route) -> None:
        route.fulfill(status=503, body="{}")

    opened.route("**/files/tiles/**", fail)
    opened.keyboard.press("1")
    note = opened.locator(".tile-state")
    expect(note).to_contain_text("could not be loaded in full size")
    expect(opened.get_by_test_id("tile")).to_have_count(0)  # the preview is shown instead
    opened.unroute("**/files/tiles/**", fail)
    note.get_by_role("button", name="Try again").click()
    opened.wait_for_function(LOADED)
    assert measure_difference(opened, original) < 4
    tab.wrong = [line for line in tab.wrong if "503" not in line]
    tab.expect_nothing_wrong()


def test_the_magnifier_shows_tiles(tab: Watched, opened: Page) -> None:
    opened.keyboard.press("g")
    lens = opened.get_by_test_id("magnifier")
    expect(lens.get_by_test_id("tile").first).to_have_js_property("complete", True)
    expect(lens.locator('[data-tile^="0-"], [data-tile^="1-"]').first).to_be_visible()
    tab.expect_nothing_wrong()
