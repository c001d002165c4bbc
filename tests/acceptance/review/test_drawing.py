"""Boxes drawn in a real browser, by mouse, touch and keyboard: what is stored, in image pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import Watched
from tests.support.burst_project import Burst, make_burst_project
from tests.support.known_image_project import WHITE, make_scene
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, box_of, open_image, wait_for_picture

from trapline.wire.annotations import AnnotationWithImage
from trapline.wire.human_boxes import HumanBoxCorners, HumanBoxUpdate

Corners = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def drawing(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Seat:
    """The same browser and server, with a project of these tests: two images with a lynx."""
    scene = make_scene(seat.server, tmp_path_factory.mktemp("drawn"), "Drawing")
    return Seat(seat.browser, seat.server, scene, seat.state)


def list_drawn(seat: Seat, name: str) -> list[AnnotationWithImage]:
    """The boxes of people on an image, oldest first."""
    with seat.server.open() as owner:
        found = owner.list_image_annotations(seat.scene.images[name].id, source="human").results
    return sorted(found, key=lambda one: one.created_at)


def corners_of(box: AnnotationWithImage) -> Corners:
    """The corners in pixels of the upright image."""
    return tuple(box.data[name] for name in ("x_min", "y_min", "x_max", "y_max"))


def is_near(found: Corners, wanted: Corners, off_by: float) -> bool:
    """Whether each corner is where it was drawn, up to the pixels of the screen."""
    return all(abs(a - b) <= off_by for a, b in zip(found, wanted, strict=True))


def wait_for_boxes(seat: Seat, name: str, wanted: list[Corners], off_by: float = 0.0) -> None:
    """Wait until exactly these boxes are stored, in any order."""

    def are_stored() -> bool:
        found = sorted(corners_of(one) for one in list_drawn(seat, name))
        return len(found) == len(wanted) and all(
            is_near(one, other, off_by) for one, other in zip(found, sorted(wanted), strict=True)
        )

    wait_for(f"{wanted} to be stored on {name}", are_stored)


class Pencil:
    """Points of the screen by pixels of the upright image."""

    def __init__(self, page: Page, width: int) -> None:
        picture = box_of(page.get_by_test_id("picture"))
        self.page, self.left, self.top = page, picture["x"], picture["y"]
        self.scale = picture["width"] / width
        # A point of the screen is within half of a CSS pixel, and a box is in whole pixels.
        self.off_by = 1 + 1 / self.scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * self.scale, self.top + y * self.scale

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse between two points of the image."""
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=4)
        self.page.mouse.up()

    def touch(self, *paths: tuple[tuple[float, float], tuple[float, float]]) -> None:
        """Drag a finger for each path, all at the same time."""
        session = self.page.context.new_cdp_session(self.page)

        def send(kind: str, part: float) -> None:
            points: list[dict[str, Any]] = []
            for number, ((x1, y1), (x2, y2)) in enumerate(paths if kind != "touchEnd" else ()):
                x, y = self.at(x1 + (x2 - x1) * part, y1 + (y2 - y1) * part)
                points.append({"x": x, "y": y, "id": number})
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", 0)
        for step in (0.3, 0.6, 1):
            send("touchMove", step)
        send("touchEnd", 1)
        session.detach()


@contextmanager
def viewing(seat: Seat, name: str, size: str = "laptop") -> Iterator[tuple[Page, Pencil, Watched]]:
    """A tab on an image in the viewer."""
    with seat.tab(size) as tab:
        page = open_image(tab, seat.scene, name)
        page.locator('[data-testid="overlay"] rect[data-class="lynx"]').first.wait_for()
        yield page, Pencil(page, seat.scene.images[name].width), tab
        tab.expect_nothing_wrong()


def expect_sent(page: Page) -> None:
    """Wait until no decision waits any more."""
    expect(page.get_by_test_id("outbox")).to_have_count(0, timeout=30_000)


def draft_of(page: Page) -> Corners:
    """The corners of the box that is drawn."""
    text = page.get_by_test_id("draft").get_attribute("data-corners") or ""
    left, top, right, bottom = map(float, text.split())
    return left, top, right, bottom


def test_the_mouse_draws_moves_and_resizes_boxes_of_a_turned_image(drawing: Seat) -> None:
    name = "turned.jpg"
    with viewing(drawing, name) as (page, pencil, _):
        page.keyboard.press("d")
        pencil.drag((60.0, 420.0), (210.0, 620.0))
        wait_for_boxes(drawing, name, [(60, 420, 210, 620)], pencil.off_by)
        [box] = list_drawn(drawing, name)
        # The only species of the image is repeated, and the box is selected.
        assert (box.class_name, box.version, box.supersedes) == ("lynx", 1, None)
        page.locator("[data-handle]").first.wait_for()

        left, top, right, bottom = corners_of(box)
        pencil.drag(((left + right) / 2, (top + bottom) / 2), (235.0, 560.0))
        moved = (left + 100, top + 40, right + 100, bottom + 40)
        wait_for_boxes(drawing, name, [moved], pencil.off_by)
        [box] = list_drawn(drawing, name)
        # A corner, beyond the edge of the image.
        pencil.drag((moved[2], moved[3]), (700.0, 760.0))
        wait_for_boxes(drawing, name, [(*corners_of(box)[:2], 600, 760)], pencil.off_by)
        [box] = list_drawn(drawing, name)
        assert (box.version, corners_of(box)[2]) == (3, 600)

        # The box of the model: a box of a person supersedes it, with the same name.
        centre = ((WHITE[0] + WHITE[2]) / 2, (WHITE[1] + WHITE[3]) / 2)
        page.mouse.click(*pencil.at(*centre))
        pencil.drag((WHITE[0], WHITE[1]), (WHITE[0] - 20, WHITE[1] - 30))
        corrected = (WHITE[0] - 20, WHITE[1] - 30, WHITE[2], WHITE[3])
        wait_for_boxes(drawing, name, [corners_of(box), corrected], pencil.off_by)
        second = list_drawn(drawing, name)[1]
        assert second.class_name == "lynx"
        with drawing.server.open() as owner:
            models = owner.list_image_annotations(
                drawing.scene.images[name].id, source="model", type="bounding_box"
            ).results
            observed = owner.list_observations(image=str(drawing.scene.images[name].id)).results
        [of_model] = [one for one in models if one.id == second.supersedes]
        assert corners_of(of_model) == WHITE, "the model's result is kept"
        assert {one.annotation_id for one in observed} == {box.id, second.id}

        # Another tab shows both, after a reload as well.
        expect_sent(page)
        with drawing.tab() as other:
            seen = open_image(other, drawing.scene, name)
            for _ in range(2):
                ids = seen.locator('[data-testid="overlay"] rect[data-box-id]')
                expect(ids).to_have_count(2)
                assert set(ids.evaluate_all("all => all.map(e => e.dataset.boxId)")) == {
                    str(box.id),
                    str(second.id),
                }
                seen.reload()
                wait_for_picture(seen)

        # Delete, and undo through everything: the box of the model is shown again.
        page.keyboard.press("Delete")
        wait_for_boxes(drawing, name, [corners_of(box)])
        page.keyboard.press("z")
        wait_for_boxes(drawing, name, [corners_of(box), corners_of(second)])
        assert list_drawn(drawing, name)[1].id == second.id
        page.keyboard.press("z")
        wait_for_boxes(drawing, name, [corners_of(box)])
        for _ in range(3):
            page.keyboard.press("z")
        wait_for_boxes(drawing, name, [])
        expect_sent(page)
        expect(page.locator(f'rect[data-box-id="{second.supersedes}"]')).to_have_count(1)
        page.keyboard.press("Shift+Z")
        page.keyboard.press("Shift+Z")
        wait_for_boxes(drawing, name, [moved], pencil.off_by)
        page.keyboard.press("z")
        page.keyboard.press("z")
        wait_for_boxes(drawing, name, [])
        expect_sent(page)


def test_keys_and_fingers_draw_change_and_delete_boxes(drawing: Seat) -> None:
    name = "wide.jpg"
    with viewing(drawing, name) as (page, pencil, _):
        said = page.get_by_test_id("box-announcement")
        page.keyboard.press("d")
        expect(said).to_contain_text("Arrow keys move it")
        # A quarter of the visible image, in its middle.
        assert draft_of(page) == (300, 225, 500, 375)
        step = round(8 / pencil.scale)
        for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowDown", "Shift+ArrowLeft"):
            page.keyboard.press(key)
        drawn = (300 + 2 * step, 225 - step, 500 + step, 375)
        assert draft_of(page) == drawn
        width, height = drawn[2] - drawn[0], drawn[3] - drawn[1]
        position = f"{width} by {height} pixels at {drawn[0]}, {drawn[1]}"
        expect(said).to_have_text(position)
        # Keys of decisions do nothing while a box is drawn.
        page.keyboard.press("n")
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("draft")).to_have_count(0)
        assert list_drawn(drawing, name) == []

        page.keyboard.press("d")
        for _ in range(60):
            page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        wait_for_boxes(drawing, name, [(0, 225, 200, 375)])
        expect(said).to_have_text("Box of lynx saved, 200 by 150 pixels at 0, 225.")
        # At a higher zoom, the steps are single pixels.
        for _ in range(6):
            page.keyboard.press("+")
        page.keyboard.press("e")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Enter")
        wait_for_boxes(drawing, name, [(0, 225, 201, 375)])
        [box] = list_drawn(drawing, name)
        assert (box.version, box.identification) == (2, None)

        page.keyboard.press("0")
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        expect(said).to_have_text("Box 1 of 2: lynx.")
        page.keyboard.press("Tab")
        expect(said).to_have_text("Box 2 of 2: lynx.")
        page.keyboard.press("x")
        page.keyboard.type("wolf")
        page.get_by_role("option", name="wolf").click()
        page.keyboard.press("Enter")
        expect(page.locator(f'rect[data-box-id="{box.id}"]')).to_have_attribute(
            "data-class", "wolf"
        )
        # The last name is repeated.
        page.keyboard.press("d")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        wait_for("two boxes", lambda: len(list_drawn(drawing, name)) == 2)
        assert list_drawn(drawing, name)[1].class_name == "wolf"
        page.keyboard.press("Delete")
        wait_for_boxes(drawing, name, [(0, 225, 201, 375)])
        page.keyboard.down("h")
        expect(page.locator("[data-box-id]")).to_have_count(0)
        page.keyboard.up("h")
        expect(page.locator("[data-box-id]")).to_have_count(2)
        page.keyboard.press("g")
        expect(page.get_by_test_id("magnifier")).to_be_visible()
        expect_sent(page)

    with viewing(drawing, name, "phone") as (page, pencil, _):
        page.get_by_role("button", name="Draw a box").tap()
        page.get_by_test_id("draft").wait_for()
        # Two fingers zoom.
        before = box_of(page.get_by_test_id("picture"))["width"]
        pencil.touch(((380, 300), (200, 300)), ((420, 300), (600, 300)))
        assert box_of(page.get_by_test_id("picture"))["width"] > 1.5 * before
        page.get_by_role("button", name="Fit").tap()
        pencil = Pencil(page, drawing.scene.images[name].width)
        pencil.touch(((520.0, 320.0), (760.0, 520.0)))
        wait_for_boxes(drawing, name, [(0, 225, 201, 375), (520, 320, 760, 520)], pencil.off_by + 1)
        box = list_drawn(drawing, name)[-1]
        left, top, right, bottom = corners_of(box)
        pencil.touch((((left + right) / 2, (top + bottom) / 2), (500.0, 500.0)))
        moved = (500 - (right - left) / 2, 500 - (bottom - top) / 2)
        pencil.touch((moved, (moved[0] - 60, moved[1] - 40)))
        middle = (500 + (right - left) / 2, 500 + (bottom - top) / 2)
        wait_for_boxes(
            drawing,
            name,
            [(0, 225, 201, 375), (moved[0] - 60, moved[1] - 40, *middle)],
            2 * pencil.off_by + 1,
        )
        page.get_by_role("button", name="Delete the selected box").tap()
        wait_for_boxes(drawing, name, [(0, 225, 201, 375)])
        page.keyboard.press("z")
        wait_for("the box to be restored", lambda: len(list_drawn(drawing, name)) == 2)
        restored = list_drawn(drawing, name)[-1]
        assert (restored.id, restored.version) == (box.id, 5)
        expect_sent(page)


def test_boxes_wait_without_a_network_and_conflicts_show_both_versions(drawing: Seat) -> None:
    name = "turned.jpg"
    with viewing(drawing, name) as (page, pencil, tab):
        page.context.set_offline(True)
        page.keyboard.press("d")
        pencil.drag((60.0, 420.0), (210.0, 620.0))
        expect(page.locator("[data-box-id]")).to_have_count(2)
        pencil.drag((135.0, 520.0), (165.0, 540.0))
        expect(page.get_by_test_id("outbox")).to_contain_text("2 waiting")
        assert list_drawn(drawing, name) == []
        page.context.set_offline(False)
        wait_for_boxes(drawing, name, [(90, 440, 240, 640)], 2 * pencil.off_by)
        expect_sent(page)
        tab.wrong.clear()

        [box] = list_drawn(drawing, name)
        assert box.version == 2
        theirs = HumanBoxCorners(x_min=10, y_min=500, x_max=110, y_max=600)
        left, top, right, bottom = corners_of(box)
        with drawing.server.open() as owner:
            owner.update_annotation(box.id, HumanBoxUpdate(box=theirs))
        pencil.drag(((left + right) / 2, (top + bottom) / 2), (300.0, 600.0))
        outbox = page.get_by_test_id("outbox")
        expect(outbox).to_contain_text("1 refused")
        wait_for_boxes(drawing, name, [(10, 500, 110, 600)])
        outbox.click()
        conflict = page.get_by_test_id("box-conflict")
        expect(conflict).to_contain_text("changed this box after you saw it.")
        expect(conflict).to_contain_text("100 × 100 pixels at 10, 500")
        expect(conflict.locator("svg rect")).to_have_count(2)
        conflict.get_by_role("button", name="Keep mine").click()
        mine = (300 - (right - left) / 2, 600 - (bottom - top) / 2)
        wait_for_boxes(
            drawing,
            name,
            [(*mine, mine[0] + right - left, mine[1] + bottom - top)],
            2 * pencil.off_by,
        )
        page.keyboard.press("Escape")
        expect_sent(page)
        with drawing.server.open() as owner:
            owner.delete_annotation(box.id)
        pencil.drag((300.0, 600.0), (200.0, 500.0))
        outbox.click()
        expect(conflict).to_contain_text("deleted this box after you saw it.")
        conflict.get_by_role("button", name="Keep it deleted").click()
        page.keyboard.press("Escape")
        expect_sent(page)
        wait_for_boxes(drawing, name, [])
        expect(page.locator("[data-box-id]")).to_have_count(1)
        tab.wrong.clear()


def test_the_review_screen_draws_and_undoes_boxes_among_decisions(
    seat: Seat, tmp_path: Path
) -> None:
    bursts = make_burst_project(
        seat.server, tmp_path, [Burst("red fox", "red fox"), Burst(None, None)], "Drawn bursts"
    )
    blank, fox = bursts.images[1], bursts.images[0]

    def list_boxes(image: str) -> list[AnnotationWithImage]:
        with seat.server.open() as owner:
            return list(owner.list_image_annotations(UUID(image), source="human").results)

    with seat.tab() as tab:
        page = tab.open(f"/projects/{bursts.project}/review")
        page.get_by_test_id("proposal").wait_for()
        wait_for_picture(page)
        expect(page.get_by_role("button", name="Accept Blank")).to_be_visible()
        page.keyboard.press("ArrowRight")
        pencil = Pencil(page, 640)
        page.keyboard.press("d")
        pencil.drag((100.0, 300.0), (220.0, 420.0))
        wait_for("the box", lambda: len(list_boxes(blank[1])) == 1)
        [box] = list_boxes(blank[1])
        assert is_near(corners_of(box), (100, 300, 220, 420), pencil.off_by)
        assert box.class_name == "animal", "nothing was named yet"
        expect(page.get_by_test_id("proposal")).to_contain_text("Box 1 of 1")
        expect(page.get_by_test_id("progress")).to_have_text("0 of 6 images")
        # With the box selected, a species is about it; then the next unit is shown.
        page.keyboard.press("x")
        page.keyboard.type("badger")
        page.keyboard.press("Enter")
        accept = page.get_by_role("button", name="Accept")
        expect(accept).to_contain_text("Accept red fox × 1")
        page.keyboard.press("d")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        wait_for("the second box", lambda: len(list_boxes(fox[0])) == 1)
        assert list_boxes(fox[0])[0].class_name == "badger", "the last name is repeated"
        expect(page.get_by_test_id("proposal")).to_contain_text("Box 1 of 4")
        page.keyboard.press("Delete")
        wait_for("the box to be deleted", lambda: not list_boxes(fox[0]))
        # Undo leads back through boxes and decisions, to the first unit.
        page.keyboard.press("z")
        wait_for("the box to be restored", lambda: len(list_boxes(fox[0])) == 1)
        for _ in range(3):
            page.keyboard.press("z")
        wait_for("no boxes", lambda: not list_boxes(fox[0]) and not list_boxes(blank[1]))
        expect(page.get_by_role("button", name="Accept Blank")).to_be_visible()
        page.keyboard.press("Shift+Z")
        wait_for("the first box", lambda: [one.id for one in list_boxes(blank[1])] == [box.id])
        page.keyboard.press("Escape")
        expect(accept).to_contain_text("animal × 1")
        expect_sent(page)
        tab.expect_nothing_wrong()
