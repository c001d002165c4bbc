"""The grid with a scrollbar of time: mouse, keyboard, few elements, any window size."""

import io
import re
from datetime import datetime, timedelta

import pytest
from PIL import Image
from playwright.sync_api import Locator, Route, expect
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import Seat, box_of, wait_for_picture

from trapline.wire.projects import NewProject

DAYS, A_DAY = 20, 6
LATEST = datetime(2026, 5, 30, 18)  # noqa: DTZ001 - a camera's clock has no zone
FIND_COVERED = """async () => {
    const box = (element) => {
        const words = document.createRange()
        words.selectNodeContents(element)
        return words.getBoundingClientRect()
    }
    const covered = [], told = new Set()
    for (let top = 0; top < 560; top += 14) {
        window.scrollTo(0, top)
        for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame)
        const floating = document.querySelector(".time-now span")
        if (!floating) continue
        told.add(floating.textContent)
        const own = floating.getBoundingClientRect()
        for (const head of document.querySelectorAll(".time-head")) {
            const other = box(head)
            if (other.top < own.bottom && own.top < other.bottom) {
                covered.push([top, head.textContent])
            }
        }
    }
    window.scrollTo(0, 0)
    return { covered, told: [...told] }
}"""
"""Scrolls over two days; returns the headings that the floating day name covers, and all names."""


def draw(number: int) -> bytes:
    picture = Image.new("RGB", (64, 48), (number % 256, 90, 60))
    exif = Image.Exif()
    moment = LATEST - timedelta(days=number // A_DAY, hours=number % A_DAY)
    exif.get_ifd(0x8769)[0x9003] = moment.strftime("%Y:%m:%d %H:%M:%S")
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture(scope="module")
def project(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A project with images of some weeks."""
    folder = tmp_path_factory.mktemp("weeks")
    for number in range(DAYS * A_DAY):
        (folder / f"{number:03}.jpg").write_bytes(draw(number))
    with seat.server.open() as client:
        made = client.create_project(NewProject(name="Weeks"))
        assert client.upload_images(folder, project=made.id).imported == DAYS * A_DAY
    return made.id


def heading(tab: Watched, day: str) -> Locator:
    return tab.page.locator(f".time-head[data-day='{day}']")


def test_one_goes_anywhere_in_time_by_the_rail_and_by_keys(tab: Watched, project: int) -> None:
    page = tab.open(f"/projects/{project}/images")
    tiles = page.locator(".tile[data-image-id]")
    expect(heading(tab, "2026-05-30")).to_contain_text("Saturday, 30 May 2026")
    tiles.first.wait_for()
    assert tiles.count() < DAYS * A_DAY / 2, "what is not on the screen is not in the document"
    assert page.evaluate(FIND_COVERED) == {
        "covered": [],
        "told": ["Saturday, 30 May 2026", "Friday, 29 May 2026"],
    }

    rail = page.get_by_role("slider", name="Move through time")
    rail.press("End")
    expect(page.locator(f".tile[data-index='{DAYS * A_DAY - 1}']")).to_be_in_viewport()
    expect(heading(tab, "2026-05-11")).to_be_in_viewport()
    expect(heading(tab, "2026-05-30")).to_have_count(0)
    expect(rail).to_have_attribute("aria-valuetext", "Monday, 11 May 2026")

    box = rail.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] - 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    page.mouse.up()
    expect(page.get_by_test_id("time-now")).to_contain_text(re.compile("2[01] May 2026"))
    shown = page.locator(".tile[data-index='60']")
    expect(shown).to_be_in_viewport()
    # Each image lies where its day has it.
    expect(shown).to_have_attribute("aria-label", re.compile("^060.jpg"))

    shown.focus()
    page.keyboard.press("Home")
    expect(page.locator(".tile[data-index='0']")).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(f".tile[data-index='{DAYS * A_DAY - 1}']")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator(f".tile[data-index='{DAYS * A_DAY - 1}']")).not_to_be_focused()
    expect(page.locator(".tile:focus")).to_have_count(1)
    tab.expect_nothing_wrong()


def test_days_filter_the_grid_in_the_address_on_a_phone_too(seat: Seat, project: int) -> None:
    with seat.tab("phone") as tab:
        page = tab.open(
            f"/projects/{project}/images?from=2026-05-20&to=2026-05-21&order=captured_at"
        )
        tiles = page.locator(".tile[data-image-id]")
        tiles.first.wait_for()
        first = heading(tab, "2026-05-20").bounding_box()
        second = heading(tab, "2026-05-21").bounding_box()
        assert first is not None
        assert second is not None
        assert first["y"] < second["y"]
        expect(tiles.first).to_have_attribute("aria-label", re.compile("^065.jpg"))
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.goto(f"{seat.server.base_url}/projects/{project}/images?blank=true")
        expect(page.get_by_text("No image matches these filters")).to_be_visible()
        tab.expect_nothing_wrong()


def test_the_overview_leads_from_a_day_to_its_images(tab: Watched, project: int) -> None:
    page = tab.open(f"/projects/{project}")
    bar = page.get_by_role("link", name=re.compile("^Wednesday, 20 May 2026: 6 images"))
    # Counted by the background process, some seconds after they came.
    expect(bar).to_be_visible(timeout=15_000)
    # The chart of hours counts events of animals, and no image was analysed.
    expect(page.get_by_text(re.compile("^18:00 to 18:59"))).to_have_count(0)
    bar.click()
    expect(page.locator(".tile[data-image-id]")).to_have_count(A_DAY)
    assert "from=2026-05-20&to=2026-05-20" in page.url

    # Of very many images the counts are those of some seconds ago, and may be too high: what is
    # missing has no skeleton.
    behind = [True]

    def tell_too_many(route: Route) -> None:
        days = route.fetch().json()
        if behind:
            days["results"][0]["images"] += 2 * A_DAY
            days |= {"images": 3 * A_DAY, "is_estimate": True, "is_behind": True}
        route.fulfill(json=days)

    page.route("**/api/v2/images/days?*", tell_too_many)
    page.reload()
    expect(heading(tab, "2026-05-20")).to_contain_text(str(3 * A_DAY))
    expect(page.locator(".tile[data-image-id]")).to_have_count(A_DAY)
    expect(page.locator(".tile.skeleton")).to_have_count(0)
    behind.clear()
    expect(heading(tab, "2026-05-20")).to_contain_text(re.compile(f"2026 {A_DAY} images"))
    tab.expect_nothing_wrong()


FIND_OVER_TILES = """async () => {
    const over = []
    for (let top = 0; top < 900; top += 30) {
        window.scrollTo(0, top)
        for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame)
        const tiles = [...document.querySelectorAll(".tile")]
            .map((tile) => tile.getBoundingClientRect())
        for (const mark of document.querySelectorAll(".time-mark, .time-now span")) {
            const words = document.createRange()
            words.selectNodeContents(mark)
            const own = words.getBoundingClientRect()
            const hides = (tile) =>
                tile.left < own.right && own.left < tile.right &&
                tile.top < own.bottom && own.top < tile.bottom
            const isOpaque = !/transparent|, 0\\)/.test(getComputedStyle(mark).backgroundColor)
            const grid = document.querySelector(".grid")
            const isLine = mark.getBoundingClientRect().width >= grid.clientWidth
            if (tiles.some(hides) && !(isOpaque && isLine)) over.push([top, mark.textContent])
        }
    }
    return over
}"""
"""Scrolls; returns the names of days and months that lie on images without a line of their own."""


@pytest.mark.parametrize("size", ["phone", "laptop", "large"])
def test_names_of_days_and_months_leave_images_free(seat: Seat, project: int, size: str) -> None:
    with seat.tab(size) as tab:
        page = tab.open(f"/projects/{project}/images")
        tile = page.locator(".tile[data-image-id]").first
        tile.wait_for()
        assert page.evaluate(FIND_OVER_TILES) == []
        # The time of an image is in the line below it.
        picture, time = box_of(tile.locator(".tile-image")), box_of(tile.locator("time"))
        assert picture["y"] + picture["height"] <= time["y"]
        expect(tile.locator("time")).to_have_css("background-color", "rgba(0, 0, 0, 0)")


def test_leaving_the_viewer_returns_to_the_image_in_the_grid(tab: Watched, project: int) -> None:
    page = tab.open(f"/projects/{project}/images")
    page.locator(".tile[data-image-id]").first.wait_for()
    page.get_by_role("slider", name="Move through time").press("End")
    tile = page.locator(f".tile[data-index='{DAYS * A_DAY - 10}']")
    # Not in the middle: the tile returns to its place on the screen, not only into the window.
    tile.hover()
    place = box_of(tile)
    tile.click()
    wait_for_picture(page)
    page.keyboard.press("Escape")
    expect(tile).to_be_in_viewport()
    expect(tile).to_be_focused()
    assert abs(box_of(tile)["y"] - place["y"]) < 2
    # Also after a reload of the viewer, when the grid knows nothing of its layout.
    tile.click()
    wait_for_picture(page)
    page.reload()
    wait_for_picture(page)
    viewer = page.url
    page.keyboard.press("Escape")
    expect(tile).to_be_focused()
    assert abs(box_of(tile)["y"] - place["y"]) < 2
    # Opened by its address, the viewer knows only the filter: one day has more images than a chunk.
    page.goto(viewer)
    wait_for_picture(page)
    page.evaluate("history.replaceState(null, '')")
    page.keyboard.press("Escape")
    expect(tile).to_be_focused()
    expect(tile).to_be_in_viewport()
    # The browser's own way back, too.
    tile.click()
    wait_for_picture(page)
    page.go_back()
    expect(tile).to_be_in_viewport()
    # After some steps the grid shows the image that was seen last.
    tile.click()
    wait_for_picture(page)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    # The files are numbered in the order of the grid.
    expect(page.locator("h1")).to_have_text(f"{DAYS * A_DAY - 7}.jpg")
    page.keyboard.press("Escape")
    last = page.locator(f".tile[aria-label^='{DAYS * A_DAY - 7}.jpg']")
    expect(last).to_be_in_viewport()
    expect(last).to_be_focused()
    tab.expect_nothing_wrong()


def test_shift_and_x_select_all_up_to_an_image(tab: Watched, project: int) -> None:
    page = tab.open(f"/projects/{project}/images")
    first = page.locator(".tile[data-index='0']")
    first.wait_for()
    first.focus()
    page.keyboard.press("x")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+X")
    expect(page.get_by_text("4 images selected")).to_be_visible()
    tab.expect_nothing_wrong()


def test_next_and_previous_stay_in_the_filter_and_order_of_the_grid(
    tab: Watched, seat: Seat, project: int
) -> None:
    with seat.server.open() as owner:
        days = [
            one
            for one in owner.list_images(project=project, limit=1000).results
            if one.captured_at.day == 20
        ]
        starred = [days[0], days[2], days[5]]
        owner.update_images([one.id for one in starred], starred=True)
        middle = owner.get_image(days[2].id)
        assert (middle.previous_id, middle.next_id) == (days[3].id, days[1].id)
    page = tab.open(f"/projects/{project}/images?starred=true")
    page.locator(".tile[data-index='0']").click()
    for one in starred:
        expect(page.locator("h1")).to_have_text(one.filename)
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Next image")).to_be_disabled()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_have_text(starred[1].filename)
    page.reload()
    expect(page.locator("h1")).to_have_text(starred[1].filename)
    page.keyboard.press("Escape")
    expect(page.locator(".tile[data-image-id]")).to_have_count(3)
    expect(page.locator(".tile[data-index='1']")).to_be_focused()
    tab.expect_nothing_wrong()
