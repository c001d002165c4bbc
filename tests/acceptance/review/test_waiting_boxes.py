"""Boxes that wait for the browser's storage or for the network: nothing of them is lost."""

from playwright.sync_api import expect
from tests.support.drawing import (
    corners_of,
    list_drawn,
    viewing,
    wait_for_boxes,
)
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, box_of

from trapline.wire.human_boxes import HumanBoxCorners, HumanBoxUpdate

# Delays the events that confirm stored data by half a second.
SLOW_STORAGE = """() => {
  const add = IDBTransaction.prototype.addEventListener
  IDBTransaction.prototype.addEventListener = function (type, listener, options) {
    const late = type === "complete" ? (event) => setTimeout(() => listener(event), 500) : listener
    return add.call(this, type, late, options)
  }
}"""


def test_what_comes_while_a_box_is_stored_is_about_the_stored_box(drawing: Seat) -> None:
    name = "turned.jpg"
    with viewing(drawing, name) as (page, pencil, _):
        page.evaluate(SLOW_STORAGE)
        place = box_of(page.get_by_test_id("picture"))
        page.keyboard.press("d")
        pencil.drag((60.0, 420.0), (210.0, 620.0))
        pencil.drag((135.0, 520.0), (165.0, 540.0))
        pencil.drag((90.0, 440.0), (80.0, 400.0))
        wait_for_boxes(drawing, name, [(80, 400, 240, 640)], 3 * pencil.off_by)
        assert box_of(page.get_by_test_id("picture")) == place, "the image was moved"
        expect(page.get_by_test_id("draft")).to_have_count(0)
        page.keyboard.press("e")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Enter")
        page.keyboard.press("Delete")
        wait_for_boxes(drawing, name, [])
        expect_sent(page)
        # No key is about the image before the box is stored.
        page.keyboard.press("d")
        page.keyboard.press("Enter")
        page.keyboard.press("j")
        page.keyboard.press("d")
        expect(page.get_by_role("heading", level=1)).to_have_text("wide.jpg")
        expect(page.get_by_test_id("draft")).to_have_count(1)
        page.keyboard.press("Escape")
        wait_for("the box", lambda: len(list_drawn(drawing, name)) == 1)
        [box] = list_drawn(drawing, name)
        expect_sent(page)
    with drawing.server.open() as owner:
        owner.delete_annotation(box.id)


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
        # Offline, so that the page cannot show the other change before the user moves the box.
        page.context.set_offline(True)
        with drawing.server.open() as owner:
            owner.update_annotation(box.id, HumanBoxUpdate(box=theirs))
        pencil.drag(((left + right) / 2, (top + bottom) / 2), (300.0, 600.0))
        outbox = page.get_by_test_id("outbox")
        expect(outbox).to_contain_text("1 waiting")
        page.context.set_offline(False)
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
        page.context.set_offline(True)
        with drawing.server.open() as owner:
            owner.delete_annotation(box.id)
        pencil.drag((300.0, 600.0), (200.0, 500.0))
        expect(outbox).to_contain_text("1 waiting")
        page.context.set_offline(False)
        expect(outbox).to_contain_text("1 refused")
        outbox.click()
        expect(conflict).to_contain_text("deleted this box after you saw it.")
        conflict.get_by_role("button", name="Keep it deleted").click()
        page.keyboard.press("Escape")
        expect_sent(page)
        wait_for_boxes(drawing, name, [])
        expect(page.locator("[data-box-id]")).to_have_count(1)
        tab.wrong.clear()
