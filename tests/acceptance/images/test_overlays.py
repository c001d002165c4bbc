"""Pixels of every kind of finding in a browser, on upright, rotated and flipped images."""

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support.annotation_gallery import (
    GROUND,
    INSIDE,
    OUTSIDE,
    PICTURES,
    Exhibit,
    apart,
    as_png,
    colour_of,
    count_runs,
    look,
    mix,
    off_line,
    pack,
    shape,
    show,
)
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import wait_for_picture

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


@pytest.mark.parametrize("name", PICTURES)
def test_an_area_lies_on_its_pixels(tab: Watched, exhibit: Exhibit, name: str) -> None:
    forms = ("packed", "list", "half", "polygon", "rings", "mask")
    findings = [{**shape(name, form), "name": form} for form in forms]
    page = show(tab, exhibit, name, *findings, search="opacity=50")
    drawn = page.locator('[data-testid="overlay"] [data-type]')
    expect(drawn).to_have_count(len(forms))
    for form in forms:
        page.locator(f'[data-toggle="{form}"]').click()
    expect(drawn).to_have_count(0)
    for form, finding in zip(forms, findings, strict=True):
        page.locator(f'[data-toggle="{form}"]').click()
        expect(drawn).to_have_count(1)
        page.locator(f'[data-testid="overlay"] [data-type="{finding["type"]}"]').wait_for()
        colour, at = colour_of(page, finding["type"]), look(page)
        for point in INSIDE:
            assert apart(at(*point), mix(colour, 0.5)) <= 8, f"{form}: {point} is {at(*point)}"
        for point in OUTSIDE:
            assert apart(at(*point), GROUND) <= 8, f"{form}: {point} is {at(*point)}"
        assert off_line(at, (300, 340), colour) <= 40, f"{form}: no line along the edge"
        page.locator(f'[data-toggle="{form}"]').click()


def test_run_lengths_are_the_same_however_they_are_written(tab: Watched, exhibit: Exhibit) -> None:
    seen = []
    noise = np.random.default_rng(7).random((60, 80)) < 0.4
    noise[::9, ::7] = True
    for counts in (pack(count_runs(noise)), count_runs(noise)):
        data = {"format": "rle", "counts": counts, "size": [60, 80]}
        page = show(
            tab,
            exhibit,
            "plain.jpg",
            {"type": "segmentation", "name": "moss", "data": data},
            search="opacity=100",
        )
        page.locator('[data-testid="overlay"] [data-type="segmentation"]').wait_for()
        seen.append(look(page))
        exhibit.forget()
    colour, wrong = colour_of(page, "segmentation"), 0
    # The page takes no style from elsewhere; each path's own, set by a script of this test, it
    # does.
    page.evaluate(
        "document.querySelectorAll('[data-testid=overlay] path').forEach(path => path.style.stroke "
        "= 'none')"
    )
    at = look(page)
    for y, x in np.argwhere(noise | True):
        point = (x * 10 + 5, y * 10 + 5)
        assert seen[0](*point) == seen[1](*point)
        wrong += (apart(at(*point), colour) <= 8) != bool(noise[y, x])
    assert wrong <= 12, f"{wrong} of {noise.size} cells are wrong; the label hides a few"


def test_a_hole_stays_open(tab: Watched, exhibit: Exhibit) -> None:
    cells = np.zeros((600, 800), bool)
    cells[100:400, 200:600] = True
    cells[200:300, 300:400] = False
    cells[220:280, 320:340] = True
    data = {"format": "rle", "counts": pack(count_runs(cells))}
    page = show(
        tab,
        exhibit,
        "plain.jpg",
        {"type": "segmentation", "name": "lynx", "data": data},
        search="opacity=50",
    )
    page.locator('[data-testid="overlay"] [data-type="segmentation"]').wait_for()
    colour, at = colour_of(page, "segmentation"), look(page)
    assert apart(at(250, 250), mix(colour, 0.5)) <= 8
    assert apart(at(370, 250), GROUND) <= 8
    assert apart(at(330, 250), mix(colour, 0.5)) <= 8


def test_opacity_and_toggles_change_what_is_drawn(tab: Watched, exhibit: Exhibit) -> None:
    page = show(
        tab,
        exhibit,
        "plain.jpg",
        shape("plain.jpg", "packed"),
        {**shape("plain.jpg", "polygon"), "name": "fox"},
    )
    areas = page.locator('[data-testid="overlay"] [data-type="segmentation"]')
    expect(areas).to_have_count(2)
    page.locator('[data-toggle="fox"]').click()
    expect(areas).to_have_count(1)
    colour = colour_of(page, "segmentation")
    for opacity in (0, 30, 90):
        page.get_by_test_id("opacity").fill(str(opacity))
        expect(areas).to_have_attribute("fill-opacity", f"{opacity / 100:g}")
        assert apart(look(page)(140, 300), mix(colour, opacity / 100)) <= 8
    assert "opacity=90" in page.url
    page.get_by_test_id("confidence").fill("95")
    expect(areas).to_have_count(0)
    assert apart(look(page)(140, 300), GROUND) <= 8


def test_kinds_can_be_switched_off(tab: Watched, exhibit: Exhibit) -> None:
    box = {
        "type": "bounding_box",
        "name": "lynx",
        "data": {"x_min": 90, "y_min": 110, "x_max": 390, "y_max": 430},
    }
    page = show(tab, exhibit, "plain.jpg", shape("plain.jpg", "packed"), box)
    overlay = page.get_by_test_id("overlay")
    expect(overlay.locator("[data-type]")).to_have_count(2)
    page.locator('[data-type="segmentation"][aria-pressed]').click()
    expect(overlay.locator('[data-type="segmentation"]')).to_have_count(0)
    expect(overlay.locator('[data-type="bounding_box"]')).to_have_count(1)
    page.reload()
    wait_for_picture(page)
    expect(overlay.locator("[data-type]")).to_have_count(1)
    page.locator('[data-type="segmentation"][aria-pressed]').press("Enter")
    expect(overlay.locator("[data-type]")).to_have_count(2)


@pytest.mark.parametrize("name", PICTURES)
def test_a_heatmap_is_stretched_over_the_picture(tab: Watched, exhibit: Exhibit, name: str) -> None:
    values = np.zeros((3, 4), np.uint8)
    values[0, 1], values[2, 3] = 255, 128
    page = show(
        tab,
        exhibit,
        name,
        {"type": "heatmap", "data": {"width": 4, "height": 3}, "file": as_png(values)},
        search="opacity=100",
    )
    heatmap = page.locator('canvas[data-type="heatmap"]')
    expect(heatmap).to_have_attribute("data-map", "viridis")
    (width, height), _ = PICTURES[name]

    def cell(column: int, row: int) -> tuple[float, float]:
        return (column + 0.5) * width / 4, (row + 0.5) * height / 3

    for colours, middle, high in (
        ("viridis", (33, 145, 140), (253, 231, 37)),
        ("magma", (183, 55, 121), (252, 253, 191)),
        ("turbo", (164, 252, 59), (122, 4, 2)),
        ("jet", (128, 255, 128), (128, 0, 0)),
        ("grey", (128, 128, 128), (255, 255, 255)),
    ):
        page.get_by_test_id("colour-map").select_option(colours)
        expect(heatmap).to_have_attribute("data-map", colours)
        at = look(page)
        assert apart(at(*cell(1, 0)), high) <= 12
        assert apart(at(*cell(3, 2)), middle) <= 14
        for other in ((3, 0), (0, 2), (1, 2), (0, 1)):
            assert apart(at(*cell(*other)), GROUND) <= 8, "a value of 0 has no tint"
    assert "map=grey" in page.url
    page.get_by_test_id("opacity").fill("25")
    expect(heatmap).to_have_css("opacity", "0.25")
    assert apart(look(page)(*cell(1, 0)), mix((255, 255, 255), 0.25)) <= 10


def test_a_coloured_heatmap_is_shown_as_it_is(tab: Watched, exhibit: Exhibit) -> None:
    pixels = np.zeros((300, 400, 4), np.uint8)
    pixels[:150, :200] = (200, 40, 90, 255)
    pixels[150:, 200:] = (20, 120, 250, 128)
    data = {"width": 400, "height": 300, "color_map": "jet"}
    page = show(
        tab,
        exhibit,
        "plain.jpg",
        {"type": "heatmap", "data": data, "file": as_png(pixels)},
        search="opacity=100",
    )
    page.locator('canvas[data-type="heatmap"]').wait_for()
    expect(page.get_by_test_id("colour-map")).to_have_count(0)
    at = look(page)
    assert apart(at(300, 200), (200, 40, 90)) <= 6
    assert apart(at(600, 450), mix((20, 120, 250), 0.5)) <= 8
    assert apart(at(600, 150), GROUND) <= 8
    assert apart(at(200, 450), GROUND) <= 8


def test_a_heatmap_may_ask_for_its_colours(tab: Watched, exhibit: Exhibit) -> None:
    data = {"width": 1, "height": 1, "color_map": "jet"}
    file = as_png(np.full((1, 1), 255, np.uint8))
    page = show(
        tab,
        exhibit,
        "plain.jpg",
        {"type": "heatmap", "data": data, "file": file},
        search="opacity=100",
    )
    expect(page.locator('canvas[data-type="heatmap"]')).to_have_attribute("data-map", "jet")
    assert apart(look(page)(600, 400), (128, 0, 0)) <= 6


@pytest.mark.parametrize("name", PICTURES)
def test_points_lines_and_boxes_lie_on_their_pixels(
    tab: Watched, exhibit: Exhibit, name: str
) -> None:
    points = [
        {"name": "nose", "x": 120, "y": 150, "confidence": 0.9},
        {"name": "withers", "x": 320, "y": 150, "confidence": 0.8},
        {"name": "paw", "x": 320, "y": 450},
        {"name": "unsure", "x": 500, "y": 300, "confidence": 0},
        {"name": "unseen", "x": None, "y": None},
    ]
    data = {"keypoints": points, "skeleton": [[0, 1], [1, 2], [2, 3], [0, 9], "odd"]}
    box = {"x_min": 60, "y_min": 100, "x_max": 560, "y_max": 520}
    page = show(
        tab, exhibit, name,
        {"type": "keypoint", "name": "wolf", "confidence": 0.9, "data": data},
        {"type": "bounding_box", "name": "roe deer", "confidence": 0.8, "data": box},
    )  # fmt: skip
    page.locator('[data-testid="overlay"] [data-type="keypoint"]').wait_for(state="attached")
    colour, line, at = colour_of(page, "keypoint"), colour_of(page, "bounding_box"), look(page)
    for x, y in ((120, 150), (320, 150), (320, 450)):
        assert apart(at(x, y), colour) <= 30, f"no point at {x}, {y}: {at(x, y)}"
    assert off_line(at, (220, 150), colour) <= 40
    assert off_line(at, (320, 300), colour) <= 40
    for x, y in ((500, 300), (410, 375), (220, 300), (120, 450)):
        assert apart(at(x, y), GROUND) <= 8, f"something is drawn at {x}, {y}: {at(x, y)}"
    assert off_line(at, (300, 520), line) <= 40
    assert off_line(at, (560, 300), line) <= 40
    assert apart(at(300, 80), GROUND) <= 8
    names = page.locator(".point-names text")
    expect(names).to_have_count(0)
    page.get_by_test_id("panel").locator("[data-finding-id]", has_text="wolf").hover()
    expect(names).to_have_text(["nose", "withers", "paw"])
