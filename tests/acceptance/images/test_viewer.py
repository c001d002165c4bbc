"""The viewer in a real browser: where boxes lie on the pixels, and what keys and the mouse do."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.support.browser_session import EACH_SIZE, Watched
from tests.support.known_image_project import WHITE
from tests.support.signed_in_browser import (
    Seat,
    box_of,
    expect_around,
    find_white,
    line_of,
    open_image,
    wait_for_picture,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.mark.parametrize("size", EACH_SIZE)
@pytest.mark.parametrize("name", ["wide.jpg", "turned.jpg"])
def test_boxes_lie_on_the_right_pixels_of_the_viewer(seat: Seat, size: str, name: str) -> None:
    with seat.tab(size, "dark") as tab:
        page = open_image(tab, seat.scene, name)
        box = line_of(page)
        picture = box_of(page.get_by_test_id("picture"))
        stored = seat.scene.images[name]
        scale = picture["width"] / stored.width
        assert picture["height"] / stored.height == pytest.approx(scale, rel=1e-3)
        expect_around(
            box,
            (
                picture["x"] + WHITE[0] * scale,
                picture["y"] + WHITE[1] * scale,
                picture["x"] + WHITE[2] * scale,
                picture["y"] + WHITE[3] * scale,
            ),
            1.0,
        )
        page.keyboard.press("a")
        expect(page.locator('[data-testid="overlay"] rect')).to_have_count(0)
        near = {
            "x": box["x"] - 20,
            "y": box["y"] - 20,
            "width": box["width"] + 40,
            "height": box["height"] + 40,
        }
        expect_around(box, find_white(page, near))
        tab.expect_nothing_wrong()


def test_a_box_has_its_colour_and_a_label_inside_the_picture(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg")
    box = line_of(page)
    colour = page.locator('[data-testid="overlay"] rect[data-class="lynx"]').evaluate(
        "e => getComputedStyle(e).stroke"
    )
    wanted = tuple(int(part) for part in re.findall(r"\d+", colour)[:3])
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    middle = (round(box["x"] + box["width"] / 2), round(box["y"] + box["height"]))
    near = [shot.getpixel((middle[0], middle[1] + dy)) for dy in (-1, 0, 1)]
    assert any(
        max(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) < 40
        for pixel in near
        if isinstance(pixel, tuple)
    ), f"the line is {near}, not {wanted}"
    picture = box_of(page.get_by_test_id("picture"))
    for _ in range(6):
        label = box_of(page.locator("[data-label-for] rect"))
        canvas = box_of(page.get_by_test_id("canvas"))
        picture = box_of(page.get_by_test_id("picture"))
        assert label["x"] >= max(picture["x"], canvas["x"]) - 1
        assert label["y"] >= max(picture["y"], canvas["y"]) - 1
        assert (
            label["x"] + label["width"]
            <= min(picture["x"] + picture["width"], canvas["x"] + canvas["width"]) + 1
        )
        page.keyboard.press("+")


def test_zoom_and_pan_keep_the_box_on_its_pixels(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg")
    before = box_of(page.get_by_test_id("picture"))
    box = line_of(page)
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    for _ in range(3):
        page.mouse.wheel(0, -200)
    page.wait_for_function(
        "width => document.querySelector('[data-testid=picture]').getBoundingClientRect().width > "
        "1.8 * width",
        arg=before["width"],
    )
    wait_for_picture(page)
    zoomed = line_of(page)
    assert zoomed["x"] + zoomed["width"] / 2 == pytest.approx(middle[0], abs=2), (
        "what is under the pointer stays there"
    )
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] - 40, steps=4)
    page.mouse.up()
    moved = line_of(page)
    assert moved["x"] - zoomed["x"] == pytest.approx(60, abs=2)
    assert moved["y"] - zoomed["y"] == pytest.approx(-40, abs=2)
    page.keyboard.press("a")
    expect(page.locator('[data-testid="overlay"] rect')).to_have_count(0)
    expect_around(moved, find_white(page, box_of(page.get_by_test_id("canvas"))), 3.0)

    page.keyboard.press("1")
    expect(page.get_by_test_id("zoom")).to_have_text("100 %")
    assert box_of(page.get_by_test_id("picture"))["width"] == pytest.approx(800, abs=1)
    page.keyboard.press("0")
    assert box_of(page.get_by_test_id("picture")) == pytest.approx(before, abs=1)
    page.get_by_role("button", name="Zoom in").click()
    assert box_of(page.get_by_test_id("picture"))["width"] > before["width"] * 1.3


def test_the_slider_and_the_toggles_hide_boxes(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg", "?show=models")
    faint = page.locator('[data-testid="overlay"] rect[data-class="badger"]')
    sure = page.locator('[data-testid="overlay"] rect[data-class="lynx"]')
    expect(sure).to_have_count(1)
    expect(faint).to_have_count(0)
    expect(page.get_by_text("1 more is below the slider")).to_be_visible()
    page.get_by_test_id("confidence").fill("5")
    expect(faint).to_have_count(1)
    assert "confidence=5" in page.url
    page.get_by_test_id("confidence").fill("95")
    expect(sure).to_have_count(0)
    page.get_by_test_id("confidence").fill("5")
    page.locator('[data-toggle="lynx"]').click()
    expect(sure).to_have_count(0)
    expect(faint).to_have_count(1)
    page.reload()
    wait_for_picture(page)
    expect(sure).to_have_count(0)
    expect(faint).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    expect(sure).to_have_count(1)
    page.locator("[data-analysis-id]").first.uncheck()
    expect(sure).to_have_count(0)
    page.locator("[data-analysis-id]").first.check()
    expect(sure).to_have_count(1)


def test_the_list_lights_the_box_and_the_box_the_list(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg", "?confidence=0&show=models")
    sure = page.locator('[data-testid="overlay"] rect[data-class="lynx"]')
    faint = page.locator('[data-testid="overlay"] rect[data-class="badger"]')
    name = sure.get_attribute("data-box-id")
    assert sure.get_attribute("stroke-width") == "2"
    entry = page.locator(f'[data-finding-id="{name}"]')
    entry.hover()
    expect(sure).to_have_attribute("stroke-width", "4")
    expect(faint.locator("..")).to_have_class("dimmed")
    box = line_of(page)
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    expect(entry).to_have_class(re.compile("lit"))


def test_keys_do_what_the_mouse_does(tab: Watched, seat: Seat) -> None:
    project = seat.scene.project
    page = tab.open(f"/projects/{project}/images")
    page.locator(".tile[data-index='0']").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile[data-index='1']")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 image selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 image selected")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/images/[0-9a-f-]{36}"))
    first = page.url
    wait_for_picture(page)
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    wait_for_picture(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(first)
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/projects/{project}/images")
    page.locator(".tile").first.wait_for()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("Known place")
    expect(page.locator(".menu").get_by_role("option", name="Known place")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("deployment="))
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url(f"**/projects/{project}/jobs")


def test_keys_brighten_the_image_and_zoom_to_the_box(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg")
    image = page.locator(".image-layer img").first
    expect(image).to_have_css("filter", "none")
    page.keyboard.press("b")
    expect(image).not_to_have_css("filter", "none")
    page.keyboard.press("v")
    expect(page.get_by_test_id("adjustments")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("adjustments")).to_have_count(0)
    page.keyboard.press("b")
    expect(image).to_have_css("filter", "none")
    whole = page.get_by_test_id("zoom").inner_text()
    page.keyboard.press("f")
    expect(page.get_by_test_id("zoom")).not_to_have_text(whole)
    page.keyboard.press("f")
    expect(page.get_by_test_id("zoom")).to_have_text(whole)
    tab.expect_nothing_wrong()
