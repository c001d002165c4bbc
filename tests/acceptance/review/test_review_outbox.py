"""Decisions of a review in a real browser.

With slow, cut and refused requests, reloads, ended sessions and other users.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import Watched, open_tab
from tests.support.fault_proxy import FaultProxy
from tests.support.known_image_project import make_scene
from tests.support.review_outbox import expect_sent
from tests.support.running_server import EMAIL, PASSWORD, wait_for
from tests.support.signed_in_browser import Seat, box_of, wait_for_picture

from trapline.wire.auth import Role
from trapline.wire.users import NewMembership, NewUser

MEANING = {"y": "confirm", "n": "blank", "u": "unsure"}
DECISIONS = "**/api/v2/identifications**"
OTHER = ("second@review.example", "another long password")


@pytest.fixture
def review(seat: Seat, tmp_path: Path) -> Seat:
    """The same browser and server, with a project of this test's own: three analysed images."""
    return Seat(seat.browser, seat.server, make_scene(seat.server, tmp_path, "Review"), seat.state)


@contextmanager
def reviewing(review: Seat, base_url: str | None = None, size: str = "laptop") -> Iterator[Watched]:
    """A tab on the first image of the project, at the server or at a proxy before it."""
    with open_tab(
        review.browser, base_url or review.server.base_url, size=size, state=review.state
    ) as tab:
        tab.open(f"/projects/{review.scene.project}/images/{order_of(review)[0]}")
        wait_for_picture(tab.page)
        yield tab


def list_stored(review: Seat) -> list[tuple[UUID, str, bool]]:
    """List the identifications of the project, the oldest first.

    Each with its image, its kind, and whether it was withdrawn.
    """
    with review.server.open() as owner:
        found = owner.list_identifications(
            project=review.scene.project, order="created_at", limit=1000
        ).results
    return [(one.image_id, one.kind.value, one.withdrawn_at is not None) for one in found]


def press(page: Page, keys: str, images: list[UUID]) -> list[tuple[UUID, str, bool]]:
    """Press keys without a pause; ">" is the next image.

    Return the identifications that they stand for.
    """
    at, meant = 0, []
    for key in keys:
        if key == ">":
            page.keyboard.press("ArrowRight")
            at += 1
        else:
            page.keyboard.press(key)
            meant.append((images[at], MEANING[key], False))
    return meant


def order_of(review: Seat) -> list[UUID]:
    """The images as "next" goes through them: in the order of time."""
    return [
        image.id for image in sorted(review.scene.images.values(), key=lambda one: one.captured_at)
    ]


def test_each_of_many_quick_keys_is_stored_once_on_a_slow_server(review: Seat) -> None:
    proxy = FaultProxy(review.server.port, delay_s=0.15)
    try:
        with reviewing(review, f"http://127.0.0.1:{proxy.port}") as tab:
            meant = press(tab.page, "ynu>yu>nny", order_of(review))
            wait_for("all decisions to be stored", lambda: len(list_stored(review)) >= len(meant))
            expect_sent(tab.page)
            assert list_stored(review) == meant
            tab.expect_nothing_wrong()
    finally:
        proxy.end()


def test_keys_pressed_between_cuts_of_the_network_are_stored_once_and_in_order(
    review: Seat,
) -> None:
    proxy = FaultProxy(review.server.port, delay_s=0.02)
    try:
        with reviewing(review, f"http://127.0.0.1:{proxy.port}") as tab:
            page, images, meant = tab.page, order_of(review), []
            for cut, keys in enumerate(("y", "nu", "yn", "u", "ny", "yu", "n", "uy", "un", "y")):
                if cut % 2:
                    page.context.set_offline(True)
                else:
                    # The request arrives and is carried out, and its answer is lost.
                    proxy.swallow_answer_to(b"POST /api/v2/identifications")
                meant += press(page, keys, images)
                waiting = page.get_by_test_id("outbox")
                if cut % 2:
                    expect(waiting).to_contain_text("waiting")
                    assert len(list_stored(review)) < len(meant)
                else:
                    wait_for(
                        "an answer to be lost",
                        lambda: proxy.swallowed > cut // 2,  # noqa: B023
                    )
                page.context.set_offline(False)
            expect_sent(page)
            assert list_stored(review) == meant
            assert proxy.swallowed == 5
    finally:
        proxy.end()


def test_waiting_decisions_survive_a_reload_and_undo_takes_the_last_one_out_of_the_queue(
    review: Seat,
) -> None:
    images = order_of(review)
    with reviewing(review) as tab:
        page = tab.page
        page.route(
            DECISIONS,
            lambda route: route.abort() if route.request.method == "POST" else route.continue_(),
        )
        press(page, "y>nu", images)
        waiting = page.get_by_test_id("outbox")
        expect(waiting).to_have_text("3 waiting")
        expect(page.get_by_test_id("history").locator("li")).to_have_count(2)
        expect(page.get_by_test_id("history").locator("li").first).to_contain_text(
            "waiting to be sent"
        )
        page.keyboard.press("z")
        expect(waiting).to_have_text("2 waiting")
        page.reload()
        expect(waiting).to_have_text("2 waiting")
        expect(page.get_by_test_id("history").locator("li")).to_have_count(1)
        assert list_stored(review) == []
        # A queue that could not be read at the start is read before the next decision.
        page.add_init_script(
            """const begin = IDBDatabase.prototype.transaction
            IDBDatabase.prototype.transaction = function () {
                IDBDatabase.prototype.transaction = begin
                throw new DOMException("cannot be read")
            }"""
        )
        page.reload()
        wait_for_picture(page)
        press(page, "u", images)
        expect(waiting).to_have_text("3 waiting")
        # The page also sends by a timer, so the way is closed until the button was pressed.
        waiting.click()
        with page.expect_request(
            lambda request: request.method == "POST" and "/identifications" in request.url
        ):
            page.get_by_role("button", name="Send now").click()
        page.unroute(DECISIONS)
        expect_sent(page)
        assert list_stored(review) == [
            (images[0], "confirm", False),
            (images[1], "blank", False),
            (images[1], "unsure", False),
        ]


def test_waiting_decisions_leave_the_file_name_free_on_a_phone(review: Seat) -> None:
    with reviewing(review, size="phone") as tab:
        page, name = tab.page, tab.page.locator("h1")
        before = box_of(name)
        page.context.set_offline(True)
        press(page, "y", order_of(review))
        waiting = page.get_by_test_id("outbox")
        expect(waiting).to_have_text("1 waiting")
        assert box_of(name) == before
        hides = box_of(waiting)
        for other in [name, *page.locator(".viewer-top .icon-button:visible").all()]:
            box = box_of(other)
            is_below = box["y"] + box["height"] <= hides["y"]
            is_left = box["x"] + box["width"] <= hides["x"]
            assert is_below or is_left, f"{box} lies under {hides}"
        assert hides["x"] >= 0
        assert hides["x"] + hides["width"] <= 390
        page.context.set_offline(False)
        expect_sent(page)


def test_undo_of_a_decision_whose_answer_was_lost_withdraws_it(review: Seat) -> None:
    proxy = FaultProxy(review.server.port)
    try:
        with reviewing(review, f"http://127.0.0.1:{proxy.port}") as tab:
            page, image = tab.page, order_of(review)[0]
            proxy.swallow_answer_to(b"POST /api/v2/identifications")
            press(page, "yn", [image])
            wait_for("the answer to be lost", lambda: proxy.swallowed == 1)
            page.context.set_offline(True)
            for _ in range(2):
                page.keyboard.press("z")
            page.keyboard.press("u")
            holds = page.locator(".finding .holds")
            expect(holds).to_have_count(0)
            page.context.set_offline(False)
            expect_sent(page)

            def is_settled() -> bool:
                # The second decision may have been sent before the network went: then it is
                # withdrawn as well.
                stored = list_stored(review)
                return [one for one in stored if not one[2]] == [(image, "unsure", False)] and (
                    (image, "confirm", True) in stored
                )

            wait_for(
                "what was undone to be withdrawn, and the last decision to be stored", is_settled
            )
    finally:
        proxy.end()


def test_a_refused_decision_is_shown_with_its_reason_and_does_not_stop_the_others(
    review: Seat,
) -> None:
    images = order_of(review)
    with reviewing(review) as tab:
        page = tab.page
        page.context.set_offline(True)
        press(page, "y>n", images)
        with review.server.open() as owner:
            owner.delete_images([images[0]], "Test or set-up")
        page.context.set_offline(False)
        state = page.get_by_test_id("outbox")
        expect(state).to_have_text("1 refused")
        wait_for(
            "the other decision to be stored",
            lambda: list_stored(review) == [(images[1], "blank", False)],
        )
        state.click()
        line = page.locator("[data-decision=refused]")
        expect(line).to_contain_text("Confirm: the whole image")
        expect(line).to_contain_text(
            next(name for name, one in review.scene.images.items() if one.id == images[0])
        )
        expect(line).to_contain_text("Nothing was stored")
        line.get_by_role("button", name="Discard").click()
        expect(state).to_have_count(0)


def test_decisions_wait_for_their_user_through_the_end_of_a_session_and_another_users_sign_in(
    review: Seat,
) -> None:
    images = order_of(review)
    with review.server.open() as owner:
        invited = owner.invite_user(
            NewUser(
                email=OTHER[0],
                memberships=[NewMembership(project=review.scene.project, role=Role.REVIEWER)],
            )
        )
    with httpx2.Client(base_url=f"{review.server.base_url}/api/v2", trust_env=False) as other:
        link = invited.link.url.partition("#")[2]
        assert other.post(
            "/auth/link", json={"link": link, "name": "Second", "password": OTHER[1]}
        ).is_success
    with open_tab(review.browser, review.server.base_url) as tab:
        page = tab.page
        sign_in_as(page, review, EMAIL, PASSWORD)
        page.goto(f"{review.server.base_url}/projects/{review.scene.project}/images/{images[0]}")
        wait_for_picture(page)
        # Without a network only images that were shown can be decided about.
        for key, image in (("ArrowRight", images[1]), ("ArrowLeft", images[0])):
            page.keyboard.press(key)
            page.wait_for_url(f"**/images/{image}**")
            wait_for_picture(page)
        page.context.set_offline(True)
        press(page, "y>u", images)
        expect(page.get_by_test_id("outbox")).to_have_text("2 waiting")
        page.context.clear_cookies()
        page.context.set_offline(False)
        expect(page.get_by_text("2 decisions wait in this browser.")).to_be_visible()

        sign_in_as(page, review, *OTHER)
        page.goto(f"{review.server.base_url}/projects/{review.scene.project}/images/{images[2]}")
        wait_for_picture(page)
        press(page, "n", [images[2]])
        wait_for("the other user's decision to be stored", lambda: len(list_stored(review)) == 1)
        expect_sent(page)
        page.context.clear_cookies()
        sign_in_as(page, review, EMAIL, PASSWORD)
        wait_for("the waiting decisions to be stored", lambda: len(list_stored(review)) == 3)
        expect_sent(page)
    with review.server.open() as owner:
        found = owner.list_identifications(project=review.scene.project, order="created_at").results
    assert [(one.image_id, one.kind.value, one.by) for one in found] == [
        (images[2], "blank", "Second"),
        (images[0], "confirm", "Owner"),
        (images[1], "unsure", "Owner"),
    ]


def sign_in_as(page: Page, review: Seat, email: str, password: str) -> None:
    """Sign in by password."""
    page.goto(f"{review.server.base_url}/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/**")


def test_review_stops_and_reports_it_where_the_browser_stores_nothing(review: Seat) -> None:
    with open_tab(review.browser, review.server.base_url, state=review.state) as tab:
        tab.page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
        image = order_of(review)[0]
        tab.open(f"/projects/{review.scene.project}/images/{image}")
        wait_for_picture(tab.page)
        press(tab.page, "y", [image])
        expect(tab.page.get_by_text("This decision was not stored")).to_be_visible()
        expect(tab.page.locator(".holds")).to_have_count(0)
        assert list_stored(review) == []


def test_a_key_pressed_while_the_image_is_not_loaded_is_reported(review: Seat) -> None:
    images = order_of(review)
    with open_tab(review.browser, review.server.base_url, state=review.state) as tab:
        page = tab.page
        page.route(f"**/api/v2/images/{images[1]}", lambda route: route.abort())
        tab.open(f"/projects/{review.scene.project}/images/{images[0]}")
        wait_for_picture(page)
        press(page, ">y", images)
        expect(page.get_by_text("No decision was recorded")).to_be_visible(timeout=15_000)
        expect_sent(page)
        assert list_stored(review) == []
