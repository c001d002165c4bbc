"""Undo on the review screen: back through everything since the page was opened."""

from pathlib import Path

from playwright.sync_api import expect
from tests.acceptance.review.test_review_races import DEER, FOX, list_stored
from tests.support.burst_project import Burst, make_burst_project
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat


def test_an_undo_returns_to_a_unit_that_was_reviewed_long_ago(seat: Seat, tmp_path: Path) -> None:
    two = [Burst(FOX, FOX), Burst(DEER, DEER, count=2)]
    bursts = make_burst_project(seat.server, tmp_path, two, "Long ago")
    with seat.tab() as tab:
        page = tab.page
        page.clock.install()
        tab.open(f"/projects/{bursts.project}/review")
        accept = page.get_by_role("button", name="Accept")
        expect(accept).to_contain_text(f"Accept {DEER} × 2")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        page.clock.fast_forward("20:00")
        page.keyboard.press("z")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("z")
        expect(accept).to_contain_text(f"Accept {DEER} × 2")
        images = [*bursts.images[0], *bursts.images[1]]
        wait_for("both decisions to be withdrawn", lambda: list_stored(seat, bursts, images) == [])
        # Another order starts from its first unit; what was decided before it can be undone.
        page.keyboard.press("Enter")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        expect_sent(page)
        page.get_by_label("Order").select_option("captured_at")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.locator(".review-stage").click(position={"x": 5, "y": 5})
        page.keyboard.press("z")
        wait_for("the decision to be withdrawn", lambda: list_stored(seat, bursts, images) == [])
        page.keyboard.press("Z")
        wait_for("the decision again", lambda: len(list_stored(seat, bursts, images)) > 0)
        # A decision that was undone before the order changed can be redone.
        page.keyboard.press("z")
        wait_for("the decision to be withdrawn", lambda: list_stored(seat, bursts, images) == [])
        page.get_by_label("Order").select_option("-captured_at")
        expect(accept).to_contain_text(f"Accept {DEER} × 2")
        page.locator(".review-stage").click(position={"x": 5, "y": 5})
        page.keyboard.press("Z")
        wait_for("the decision again", lambda: len(list_stored(seat, bursts, images)) > 0)

        # Two decisions about one unit, in two orders, are undone and decided again one by one.
        def wait_for_kinds(*kinds: str) -> None:
            wait_for(
                f"the decisions {kinds}",
                lambda: {one.kind.value for one in list_stored(seat, bursts, images)} == {*kinds},
            )

        page.keyboard.press("0")
        wait_for_kinds("confirm", "blank")
        page.get_by_label("Order").select_option("captured_at")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.locator(".review-stage").click(position={"x": 5, "y": 5})
        page.keyboard.press("j")
        # The second unit is ten minutes later.
        announced = page.get_by_test_id("announcement")
        expect(announced).to_contain_text("00:10.")
        page.keyboard.press("u")
        wait_for_kinds("confirm", "blank", "unsure")
        page.keyboard.press("z")
        wait_for_kinds("confirm", "blank")
        page.keyboard.press("z")
        wait_for_kinds("confirm")
        # A decision of the other order that the browser does not store leaves the unit in view.
        page.evaluate(
            "() => { window.add = IDBObjectStore.prototype.add;"
            " IDBObjectStore.prototype.add = () => { throw new DOMException('full') } }"
        )
        page.keyboard.press("Z")
        expect(page.get_by_text("Review has stopped")).to_be_visible()
        page.evaluate("() => { IDBObjectStore.prototype.add = window.add }")
        page.get_by_role("button", name="Continue").click()
        expect(announced).to_contain_text("00:10.")
        page.keyboard.press("Z")
        wait_for_kinds("confirm", "blank")
        page.keyboard.press("Z")
        wait_for_kinds("confirm", "blank", "unsure")
        tab.expect_nothing_wrong()
