"""Batches of decisions that the server stored, but whose answers the page did not receive."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Request, Route, expect
from tests.acceptance.review.test_review_sets_screen import invite
from tests.support.browser_session import open_tab
from tests.support.burst_project import Burst, BurstProject, make_burst_project
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.auth import Role
from trapline.wire.users import NewMember

FOX = "red fox"
WAITING = 4
IDENTIFICATIONS = "**/api/v2/identifications"
COUNT_STATES = """() => new Promise((resolve, reject) => {
    const opening = indexedDB.open("trapline-outbox")
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
        const reading = opening.result.transaction("decisions").objectStore("decisions").getAll()
        reading.onerror = () => reject(reading.error)
        reading.onsuccess = () => {
            opening.result.close()
            const count = (state) => reading.result.filter((one) => one.state === state).length
            resolve([count("waiting"), count("refused"), count("sent")].join())
        }
    }
})"""
"""Expression for the numbers of decisions in the browser: waiting, refused, sent."""


def is_post(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/identifications")


def is_batch(request: Request) -> bool:
    """Whether the request stores several decisions."""
    return is_post(request) and len(json.loads(request.post_data or "")["identifications"]) > 1


def reconnect(page: Page) -> None:
    """Make the page send at once: it waits longer after each failure."""
    page.context.set_offline(True)
    page.context.set_offline(False)


def wait_for_states(page: Page, states: str) -> None:
    """Wait for the numbers of decisions: waiting, refused, sent."""
    wait_for(f"the states {states}", lambda: page.evaluate(COUNT_STATES) == states)


class Line:
    """Handler of a route: the way to the server, which is cut, open, or holds batches."""

    def __init__(self) -> None:
        self.mode = "cut"
        self.held: list[Route] = []

    def __call__(self, route: Route) -> None:
        """Cut, hold or send a request."""
        if not is_post(route.request):
            route.continue_()
        elif self.mode == "cut":
            route.abort()
        elif self.mode == "holds" and is_batch(route.request):
            self.held.append(route)
        else:
            route.continue_()

    def lose_answers(self) -> None:
        """Send what was held, and drop the responses."""
        for route in self.held:
            assert route.fetch().status == 201
            route.abort()
        self.held.clear()


def decide_while_cut(page: Page) -> None:
    """Accept some units; only the first one is sent before the others wait."""
    accept = page.locator(".review-accept")
    waiting = page.get_by_test_id("outbox")
    with page.expect_request(is_post):
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("Enter")
    expect(waiting).to_have_text("1 waiting")
    for number in range(1, WAITING):
        expect(page.get_by_test_id("progress")).to_contain_text(f"{3 * number} of")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("Enter")
        expect(waiting).to_have_text(f"{number + 1} waiting")


def list_by_image(seat: Seat, made: BurstProject) -> tuple[Counter[str], set[str]]:
    """Return how often each image was decided about, and the images of withdrawn decisions."""
    with seat.server.open() as owner:
        found = owner.list_identifications(project=made.project, limit=1000).results
    return (
        Counter(str(one.image_id) for one in found),
        {str(one.image_id) for one in found if one.withdrawn_at},
    )


def flatten(bursts: list[list[str]]) -> Counter[str]:
    return Counter(image for burst in bursts for image in burst)


def test_a_batch_that_was_undone_in_flight_and_lost_its_answer_is_stored_once(
    seat: Seat, tmp_path: Path
) -> None:
    made = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)] * (WAITING + 1), "Lost")
    line = Line()
    sent: list[Request] = []
    with seat.tab() as tab:
        page = tab.page
        page.route(IDENTIFICATIONS, line)
        page.on("request", lambda request: sent.append(request) if is_batch(request) else None)
        tab.open(f"/projects/{made.project}/review?reviewed=false&order=captured_at")
        decide_while_cut(page)
        waiting = page.get_by_test_id("outbox")
        # Another order is another set: what was decided before it stays in the queue.
        page.get_by_label("Order").select_option("-captured_at")
        expect(page.get_by_test_id("last-decision")).to_have_count(0)
        expect(page.locator(".review-accept")).to_contain_text("Accept")
        expect(waiting).to_have_text(f"{WAITING} waiting")
        page.locator(".review-stage").click(position={"x": 5, "y": 5})
        line.mode = "holds"
        with page.expect_request(is_batch):
            reconnect(page)
        expect(waiting).to_have_text(f"{WAITING - 1} waiting")
        page.keyboard.press("z")
        # The withdrawal waits for the batch.
        expect(waiting).to_have_text(f"{WAITING} waiting")
        line.lose_answers()
        line.mode = "open"
        expect(waiting).to_have_count(0)
        wait_for_states(page, f"0,0,{WAITING + 1}")
    first, *again = sent
    assert len(again) > 0
    assert {one.headers["idempotency-key"] for one in again} == {first.headers["idempotency-key"]}
    assert {one.post_data for one in again} == {first.post_data}
    stored, withdrawn = list_by_image(seat, made)
    assert stored == flatten(made.images[:WAITING])
    assert withdrawn == {*made.images[WAITING - 1]}


def test_two_tabs_that_send_the_same_batch_at_once_store_it_once(
    seat: Seat, tmp_path: Path
) -> None:
    made = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)] * WAITING, "Two tabs")
    line = Line()
    with seat.tab() as tab:
        page, other = tab.page, tab.page.context.new_page()
        context = page.context
        # On plain HTTP there is no lock that lets one tab send at a time.
        context.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"
        )
        context.route(IDENTIFICATIONS, line)
        tab.open(f"/projects/{made.project}/review?reviewed=false&order=captured_at")
        other.goto(f"{tab.base_url}/projects/{made.project}/images")
        decide_while_cut(page)
        waiting = [one.get_by_test_id("outbox") for one in (page, other)]
        for one in waiting:
            expect(one).to_have_text(f"{WAITING} waiting")
        line.mode = "holds"
        with page.expect_request(is_batch) as ours, other.expect_request(is_batch) as theirs:
            reconnect(page)
        assert ours.value.headers["idempotency-key"] == theirs.value.headers["idempotency-key"]
        assert ours.value.post_data == theirs.value.post_data
        line.mode = "open"
        for route in line.held:
            route.continue_()
        for one in waiting:
            expect(one).to_have_count(0)
        wait_for_states(page, f"0,0,{WAITING}")
    stored, withdrawn = list_by_image(seat, made)
    assert stored == flatten(made.images)
    assert withdrawn == set()


@contextmanager
def refused_batch(seat: Seat, folder: Path, name: str) -> Iterator[tuple[BurstProject, Page]]:
    """A page whose batch was stored before its user lost the right and regained it.

    All decisions but the first are refused: those of the batch, and two that were sent alone.
    """
    made = make_burst_project(seat.server, folder, [Burst(FOX, FOX)] * (WAITING + 2), "Lost role")
    state = invite(seat, made.project, name)
    with seat.server.open() as owner:
        [member] = [one for one in owner.list_members(made.project) if one.name == name]
    line = Line()
    with open_tab(seat.browser, seat.server.base_url, state=state) as tab:
        page = tab.page
        page.route(IDENTIFICATIONS, line)
        tab.open(f"/projects/{made.project}/review?reviewed=false&order=captured_at")
        decide_while_cut(page)
        line.mode = "holds"
        with page.expect_request(is_batch):
            reconnect(page)
        waiting = page.get_by_test_id("outbox")
        expect(waiting).to_have_text(f"{WAITING - 1} waiting")
        line.lose_answers()
        line.mode = "cut"
        # Two more, which wait until it has to be checked whether their sequences changed.
        for number in range(2):
            expect(page.locator(".review-accept")).to_contain_text(f"Accept {FOX} × 1")
            page.keyboard.press("Enter")
            expect(waiting).to_have_text(f"{WAITING + number} waiting")
        page.clock.set_system_time(page.evaluate("Date.now() + 60000") / 1000)
        with seat.server.open() as owner:
            owner.remove_member(made.project, member.user_id)
        line.mode = "open"
        reconnect(page)
        wait_for_states(page, f"0,{WAITING + 1},1")
        with seat.server.open() as owner:
            email = f"{name.lower()}@sets.example"
            owner.add_member(made.project, NewMember(email=email, role=Role.REVIEWER))
        tab.open(f"/projects/{made.project}/images")
        expect(waiting).to_have_text(f"{WAITING + 1} refused")
        waiting.click()
        unclear = f"The server may have stored {WAITING - 1} decisions"
        expect(page.get_by_text(unclear)).to_have_count(WAITING - 1)
        yield made, page


def test_a_batch_that_was_stored_before_its_user_lost_the_right_is_stored_once(
    seat: Seat, tmp_path: Path
) -> None:
    with refused_batch(seat, tmp_path, "Casey") as (made, page):
        # The decisions of the batch are sent again together, the others one by one.
        for left in (2, 1, 0):
            page.get_by_role("button", name="Send again").first.click()
            wait_for_states(page, f"0,{left},{WAITING + 2 - left}")
            expect(page.locator("[data-decision=refused]")).to_have_count(left)
    stored, withdrawn = list_by_image(seat, made)
    assert stored == flatten(made.images)
    assert withdrawn == set()


def test_a_batch_that_may_be_stored_is_discarded_as_a_whole(seat: Seat, tmp_path: Path) -> None:
    with refused_batch(seat, tmp_path, "Devon") as (made, page):
        page.get_by_role("button", name=f"Discard all {WAITING - 1}").first.click()
        wait_for_states(page, "0,2,1")
        expect(page.locator("[data-decision=refused]")).to_have_count(2)
        # No key of the batch is left with other content: the others are stored.
        for left in (1, 0):
            page.get_by_role("button", name="Send again").first.click()
            wait_for_states(page, f"0,{left},{3 - left}")
            expect(page.locator("[data-decision=refused]")).to_have_count(left)
    stored, withdrawn = list_by_image(seat, made)
    assert stored == flatten(made.images)
    assert withdrawn == set()
