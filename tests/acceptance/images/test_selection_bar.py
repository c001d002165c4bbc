"""The bar of selected images: decisions by mouse, keys and touch, undone as one."""

import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import Seat

from trapline.wire.projects import NewProject

DAYS, A_DAY = 5, 6
LATEST = datetime(2026, 5, 30, 18)  # noqa: DTZ001 - a camera's clock has no zone
TILES = ".tile[data-image-id]"


def draw(number: int) -> bytes:
    picture = Image.new("RGB", (64, 48), (number % 256, 60, 90))
    exif = Image.Exif()
    moment = LATEST - timedelta(days=number // A_DAY, hours=number % A_DAY)
    exif.get_ifd(0x8769)[0x9003] = moment.strftime("%Y:%m:%d %H:%M:%S")
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    return out.getvalue()


@pytest.fixture(scope="module")
def project(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> int:
    folder = tmp_path_factory.mktemp("days")
    for number in range(DAYS * A_DAY):
        (folder / f"{number:03}.jpg").write_bytes(draw(number))
    with seat.server.open() as client:
        made = client.create_project(NewProject(name="Days"))
        assert client.upload_images(folder, project=made.id).imported == DAYS * A_DAY
    return made.id


def count(seat: Seat, project: int, **filters: Any) -> int:
    with seat.server.open() as client:
        return client.list_images(project=project, limit=1, **filters).count


def test_selected_images_are_decided_by_mouse_and_keys_and_undone_as_one(
    tab: Watched, seat: Seat, project: int
) -> None:
    page = tab.open(f"/projects/{project}/images")
    tiles = page.locator(TILES)
    bar = page.get_by_role("toolbar")
    tiles.nth(0).hover()
    tiles.nth(0).get_by_role("checkbox").click()
    tiles.nth(2).hover()
    tiles.nth(2).get_by_role("checkbox").click(modifiers=["Shift"])
    expect(bar.get_by_role("status")).to_contain_text("3 images")
    page.keyboard.press("0")
    expect(page.get_by_text("3 images: Blank.")).to_be_visible()
    expect(bar).to_have_count(0)
    assert count(seat, project, blank="true") == 3
    page.keyboard.press("z")
    expect(page.get_by_text("Identification of 3 images withdrawn.")).to_be_visible()
    assert count(seat, project, reviewed="true") == 0
    page.keyboard.press("Shift+Z")
    expect(page.locator(".toast-words").last).to_have_text("3 images: Blank.")
    assert count(seat, project, blank="true") == 3

    tiles.nth(1).focus()
    page.keyboard.press("x")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+X")
    expect(bar.get_by_role("status")).to_contain_text("2 images")
    bar.get_by_role("button", name="Select the whole day").click()
    expect(bar.get_by_role("status")).to_contain_text("6 images")
    bar.get_by_role("button", name="Change species").click()
    page.get_by_test_id("species-search").get_by_role("combobox").fill("roe deer")
    page.keyboard.press("Enter")
    expect(page.get_by_text("6 images: roe deer.")).to_be_visible()
    assert count(seat, project, class_="roe deer") == 6

    tiles.nth(0).hover()
    tiles.nth(0).get_by_role("checkbox").click()
    bar.get_by_role("button", name="Select all 30").click()
    expect(bar.get_by_role("status")).to_have_text("All 30 images of the filter")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(
        """() => {
            const bar = document.querySelector(".selection-bar").getBoundingClientRect()
            const tiles = [...document.querySelectorAll(".tile[data-image-id]")]
            const last = tiles.find((one) => one.dataset.index === "29")
            return last && bar.height === 64 && last.getBoundingClientRect().bottom <= bar.top
        }"""
    )
    page.keyboard.press("u")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("30 images: Unsure.")
    expect(dialog).to_contain_text("6 images of them are reviewed.")
    dialog.get_by_role("button", name="Identify 30 images").click()
    expect(page.get_by_text("30 images: Unsure.")).to_be_visible()
    assert count(seat, project, reviewed="true") == 30
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Identification of 30 images withdrawn.")).to_be_visible()
    assert count(seat, project, class_="roe deer") == 6, "what applied before applies again"
    tab.expect_nothing_wrong()


def test_a_long_touch_selects_an_image(seat: Seat, project: int) -> None:
    with seat.tab("phone") as tab:
        page = tab.open(f"/projects/{project}/images")
        tile = page.locator(TILES).nth(1)
        box = tile.bounding_box()
        assert box is not None
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        touch = page.context.new_cdp_session(page)
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
        bar = page.get_by_role("toolbar")
        expect(bar.get_by_role("status")).to_contain_text("1 image")
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        bar.get_by_role("button", name="Blank").click()
        expect(page.get_by_text("1 image: Blank.")).to_be_visible()
        assert "/images/" not in page.url, "the image was not opened"
        tab.expect_nothing_wrong()
