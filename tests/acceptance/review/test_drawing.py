"""Boxes drawn in a real browser, by mouse, touch and keyboard: what is stored, in image pixels."""

from pathlib import Path
from uuid import UUID

from playwright.sync_api import expect
from tests.support.burst_project import Burst, make_burst_project
from tests.support.drawing import (
    Pencil,
    corners_of,
    draft_of,
    is_near,
    list_drawn,
    viewing,
    wait_for_boxes,
)
from tests.support.known_image_project import WHITE
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, box_of, open_image, wait_for_picture

from trapline.wire.annotations import AnnotationWithImage


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
