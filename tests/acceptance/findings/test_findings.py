"""Findings in the viewer: lists, trees, odd data, keys, and two analyses at once."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.support.annotation_gallery import (
    GROUND,
    INSIDE,
    OUTSIDE,
    Exhibit,
    apart,
    colour_of,
    look,
    mix,
    off_line,
    shape,
    show,
)
from tests.support.browser_session import EACH_SIZE, Watched
from tests.support.signed_in_browser import Seat, box_of, wait_for_picture

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


def box(
    left: int, top: int, right: int, bottom: int, name: str | None, confidence: float | None
) -> dict[str, Any]:
    """A box."""
    data = {"x_min": left, "y_min": top, "x_max": right, "y_max": bottom}
    return {"type": "bounding_box", "name": name, "confidence": confidence, "data": data}


def entry(page: Page, text: str) -> Any:
    """A finding in the panel's list."""
    return page.get_by_test_id("panel").locator("[data-finding-id]", has_text=text)


def test_a_classification_of_the_whole_picture_is_told_by_bars(
    tab: Watched, exhibit: Exhibit
) -> None:
    topk = [
        {"class": "fox", "confidence": 0.25},
        {"class": "lynx", "confidence": 0.75},
        {"class": 7},
        None,
    ]
    page = show(tab, exhibit, "plain.jpg", {"type": "classification", "data": {"topk": topk}})
    corner, picture = page.get_by_test_id("corner"), box_of(page.get_by_test_id("picture"))
    tag = box_of(corner.locator(".tag"))
    assert picture["x"] <= tag["x"] <= picture["x"] + 20
    assert picture["y"] <= tag["y"] <= picture["y"] + 20
    for place in (corner, entry(page, "lynx")):
        expect(place.locator("[data-guess] > :first-child")).to_have_text(["lynx", "fox"])
        whole = box_of(place.locator('[data-guess="lynx"] .class-score-bar'))
        for name, part in (("lynx", 0.75), ("fox", 0.25)):
            bar = box_of(place.locator(f'[data-guess="{name}"] .class-score-bar i'))
            assert bar["width"] == pytest.approx(whole["width"] * part, abs=1)
    expect(entry(page, "lynx")).to_contain_text("75 %")
    page.get_by_test_id("confidence").fill("80")
    expect(corner).to_have_count(0)


def test_a_classification_of_a_box_stands_under_it(tab: Watched, exhibit: Exhibit) -> None:
    topk = [{"class": "lynx", "confidence": 0.8}, {"class": "wildcat", "confidence": 0.1}]
    page = show(
        tab,
        exhibit,
        "plain.jpg",
        box(100, 100, 300, 300, "animal", 0.9),
        {
            "type": "classification",
            "name": "lynx",
            "confidence": 0.8,
            "data": {"topk": topk},
            "parent": 0,
        },
        {
            "type": "keypoint",
            "name": "animal",
            "data": {"keypoints": [{"x": 150, "y": 150}]},
            "parent": 0,
        },
    )
    expect(page.get_by_test_id("corner")).to_have_count(0)
    expect(page.locator("[data-finding-id]")).to_have_count(2)
    expect(entry(page, "animal").first).to_contain_text("wildcat")
    expect(page.locator("[data-label-for]")).to_have_count(1)


def test_custom_data_is_a_tree_to_read(tab: Watched, exhibit: Exhibit) -> None:
    data = {
        "camera": {"battery": 71, "ok": True, "note": None},
        "bursts": list(range(40)),
        "text": "<b>plain</b>",
    }
    page = show(tab, exhibit, "plain.jpg", {"type": "custom", "data": data})
    tree = page.locator(".tree")
    expect(tree.get_by_text("battery")).to_be_visible()
    expect(tree.get_by_text("<b>plain</b>")).to_be_visible()
    long = tree.locator("summary", has_text="bursts")
    expect(tree.get_by_text("39", exact=True).last).to_be_hidden()
    long.press("Enter")
    expect(tree.get_by_text("39", exact=True).last).to_be_visible()
    tree.locator("summary", has_text="camera").click()
    expect(tree.get_by_text("battery")).to_be_hidden()


ODD: list[tuple[str, Any]] = [
    ("segmentation", {}),
    ("segmentation", {"format": "rle"}),
    ("segmentation", {"format": "rle", "counts": "\u0001~~~~~~~~~~~~~~~~~~~~~~~~~~~~"}),
    ("segmentation", {"format": "rle", "counts": [1, -5, 9]}),
    ("segmentation", {"format": "rle", "counts": [0, 10**9]}),
    ("segmentation", {"format": "rle", "counts": [10, 10], "size": ["a", 0]}),
    ("segmentation", {"format": "rle", "counts": [0, 10**12], "size": [10**6, 10**6]}),
    ("segmentation", {"format": "polygon"}),
    ("segmentation", {"format": "polygon", "points": [[1, 2], [3, 4]]}),
    ("segmentation", {"format": "polygon", "points": [[1, 2], [3, "x"], [5, 6], None]}),
    ("keypoint", {}),
    ("keypoint", {"keypoints": "nose", "skeleton": 4}),
    ("keypoint", {"keypoints": [None, 3, {"x": None}], "skeleton": [None, [0], [0, 99]]}),
    ("heatmap", {}),
    ("mask", {"width": 5}),
]


def test_odd_data_is_told_and_breaks_nothing(tab: Watched, exhibit: Exhibit) -> None:
    findings = [{"type": kind, "data": data} for kind, data in ODD]
    others = [
        {"type": "classification", "data": {"topk": "lynx", "score": "high"}},
        {"type": "classification", "data": {"topk": [None, {"class": None}]}},
        {"type": "custom", "data": {}},
        {"type": "custom", "data": {"": [[[[]]]]}},
    ]
    good = box(100, 100, 300, 300, "lynx", 0.9)
    page = show(tab, exhibit, "plain.jpg", *findings, *others, good)
    expect(page.locator("[data-finding-id]")).to_have_count(len(findings) + len(others) + 1)
    expect(page.locator(".not-drawn")).to_have_count(len(ODD))
    expect(page.locator('[data-testid="overlay"] [data-type]')).to_have_count(1)
    expect(page.locator("[data-label-for] text")).to_have_text("lynx 90 %")
    for said in page.locator("[data-finding-id]").all():
        said.hover()
    page.keyboard.press("c")
    page.get_by_test_id("beside").wait_for()


def test_files_that_do_not_come_are_told(seat: Seat, exhibit: Exhibit) -> None:
    with seat.tab() as tab:
        page = show(
            tab, exhibit, "plain.jpg",
            {"type": "heatmap", "name": "lost", "data": {}, "path": "ml_outputs/nothing/x.png"},
            {"type": "mask", "name": "broken", "data": {}, "file": b"\x89PNG but no picture"},
            box(100, 100, 300, 300, "lynx", 0.9),
        )  # fmt: skip
        expect(entry(page, "lost")).to_contain_text("its file is not in the store")
        expect(entry(page, "broken")).to_contain_text("not an image that a browser can read")
        expect(page.get_by_text("2 files could not be loaded.")).to_be_visible()
        expect(page.get_by_test_id("corner")).to_contain_text("not loaded")
        assert page.locator('[data-testid="overlay"] [data-type]').count() == 1
        page.get_by_test_id("panel").get_by_role("button", name="Try again").click()
        expect(entry(page, "lost")).to_contain_text("its file is not in the store")
        tab.wrong = [said for said in tab.wrong if "404" not in said]
        tab.expect_nothing_wrong()


def test_the_keyboard_lights_and_chooses_what_the_mouse_does(
    tab: Watched, exhibit: Exhibit
) -> None:
    page = show(
        tab, exhibit, "plain.jpg", shape("plain.jpg", "packed"), box(450, 100, 700, 300, "fox", 0.7)
    )
    area = page.locator('[data-testid="overlay"] [data-type="segmentation"]')
    other = page.locator('[data-testid="overlay"] [data-type="bounding_box"]')
    expect(area).to_have_attribute("stroke-width", "2")
    page.locator("[data-toggle]").last.focus()
    page.keyboard.press("Tab")
    expect(entry(page, "lynx")).to_be_focused()
    expect(area).to_have_attribute("stroke-width", "4")
    expect(other.locator("..")).to_have_class("dimmed")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(entry(page, "lynx")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("canvas").focus()
    expect(area).to_have_attribute("stroke-width", "4")
    page.keyboard.press("Escape")
    expect(area).to_have_attribute("stroke-width", "2")
    expect(page.get_by_test_id("viewer")).to_be_visible()

    colour, at = colour_of(page, "segmentation"), look(page)
    assert apart(at(*INSIDE[0]), mix(colour, 0.45)) <= 8
    place = box_of(area)
    page.mouse.move(place["x"] + 20, place["y"] + 40)
    expect(entry(page, "lynx")).to_have_class(re.compile("lit"))
    page.mouse.click(place["x"] + 20, place["y"] + 40)
    page.mouse.move(2, 2)
    expect(entry(page, "lynx")).to_have_attribute("aria-pressed", "true")
    # The corner of the L's rectangle is not the L.
    page.mouse.move(place["x"] + place["width"] - 20, place["y"] + 40)
    page.mouse.click(place["x"] + place["width"] - 20, place["y"] + 40)
    expect(entry(page, "lynx")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("size", EACH_SIZE)
def test_two_analyses_stand_beside_each_other(seat: Seat, exhibit: Exhibit, size: str) -> None:
    old = exhibit.add(
        "plain.jpg",
        box(100, 100, 300, 300, "lynx", 0.9),
        box(400, 100, 600, 300, "fox", 0.8),
        box(100, 400, 200, 500, "boar", 0.7),
        model="older",
    )
    new = exhibit.add(
        "plain.jpg",
        box(105, 100, 300, 300, "wildcat", 0.6),
        box(400, 100, 600, 300, "fox", 0.5),
        box(600, 450, 700, 550, "fox", 0.4),
        model="newer",
    )
    with seat.tab(size, "dark") as tab:
        page = tab.open(exhibit.address("plain.jpg", new))
        wait_for_picture(page)
        page.keyboard.press("c")
        page.get_by_test_id("beside").wait_for()
        assert f"left={old}" in page.url
        assert f"right={new}" in page.url
        left, right = page.get_by_test_id("canvas").all()
        expect(left.locator("[data-box-id]")).to_have_count(3)
        expect(right.locator('[data-box-id][data-class="wildcat"]')).to_have_count(1)
        first, second = box_of(left), box_of(right)
        if size == "phone":
            assert second["y"] >= first["y"] + first["height"] - 1
        else:
            assert second["x"] >= first["x"] + first["width"] - 1
        page.mouse.move(first["x"] + first["width"] / 3, first["y"] + first["height"] / 3)
        before = box_of(right.get_by_test_id("picture"))
        page.mouse.wheel(0, -300)
        page.wait_for_function(
            "width => document.querySelectorAll('.image-layer')[1].getBoundingClientRect().width > "
            "1.5 * width",
            arg=before["width"],
        )
        one, two = box_of(left.get_by_test_id("picture")), box_of(right.get_by_test_id("picture"))
        assert two["width"] == pytest.approx(one["width"], abs=1)
        assert two["x"] - second["x"] == pytest.approx(one["x"] - first["x"], abs=2)
        assert two["y"] - second["y"] == pytest.approx(one["y"] - first["y"], abs=2)

        changes = page.get_by_test_id("changes")
        said = {
            "only-left": ["lynx: only on the left", "boar: only on the left"],
            "only-right": ["wildcat: only on the right"],
            "renamed": ["lynx → wildcat, in the same place"],
            "surer": ["fox: 80 % → 50 %"],
            "gained": ["fox 40 %: this one is only on the right"],
        }
        for kind, texts in said.items():
            expect(changes.locator(f'[data-change="{kind}"]')).to_have_text(texts)
        expect(changes.locator("[data-change]")).to_have_count(
            sum(len(texts) for texts in said.values())
        )
        changes.locator('[data-change="renamed"]').focus()
        expect(page.locator('[data-class="lynx"]')).to_have_attribute("stroke-width", "4")
        expect(page.locator('[data-class="wildcat"]')).to_have_attribute("stroke-width", "4")
        page.locator('[data-side="left"]').select_option("none")
        expect(page.get_by_test_id("canvas").first.locator("[data-box-id]")).to_have_count(0)
        expect(changes).to_have_count(0)
        page.get_by_test_id("canvas").first.focus()
        page.keyboard.press("c")
        expect(page.get_by_test_id("canvas")).to_have_count(1)
        tab.expect_nothing_wrong()


@pytest.mark.parametrize("size", ["phone", "large"])
def test_areas_lie_on_their_pixels_at_other_sizes(seat: Seat, exhibit: Exhibit, size: str) -> None:
    with seat.tab(size) as tab:
        page = show(tab, exhibit, "lying.jpg", shape("lying.jpg", "mask"))
        page.locator('[data-testid="overlay"] [data-type="mask"]').wait_for()
        colour, at = colour_of(page, "mask"), look(page)
        assert all(apart(at(*point), mix(colour, 0.45)) <= 8 for point in INSIDE)
        assert all(apart(at(*point), GROUND) <= 8 for point in OUTSIDE[:-1])
        tab.expect_nothing_wrong()


def test_an_analysis_that_fell_silent_says_so(tab: Watched, exhibit: Exhibit) -> None:
    silent = exhibit.add("plain.jpg", state="processing", silent_for="3 hours")
    page = tab.open(exhibit.address("plain.jpg", silent))
    expect(page.get_by_test_id("stale")).to_contain_text("3 h ago")
    exhibit.forget()
    page = tab.open(
        exhibit.address(
            "plain.jpg", exhibit.add("plain.jpg", state="processing", silent_for="5 min")
        )
    )
    page.locator("[data-analysis-id]").wait_for()
    expect(page.get_by_test_id("stale")).to_have_count(0)


def test_an_analysis_of_thousands_is_shown_whole(tab: Watched, exhibit: Exhibit) -> None:
    many = [
        box(10 + n % 70 * 11, 10 + n // 70 * 13, 16 + n % 70 * 11, 18 + n // 70 * 13, "ant", 0.9)
        for n in range(2500)
    ]
    last = box(700, 560, 780, 590, "beetle", 0.3)
    page = show(tab, exhibit, "plain.jpg", *many, last)
    expect(page.locator("[data-box-id]")).to_have_count(len(many) + 1)
    expect(page.locator('[data-toggle="ant"]')).to_contain_text("2500")
    page.locator('[data-toggle="ant"]').click()
    expect(page.locator("[data-box-id]")).to_have_count(1)
    colour, at = colour_of(page, "bounding_box"), look(page)
    assert off_line(at, (740, 590), colour) <= 40
