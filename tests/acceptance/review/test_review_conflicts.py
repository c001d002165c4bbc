"""Waiting decisions and newer ones: a conflict is shown, and a decision is never sent silently."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
from playwright.sync_api import expect
from tests.acceptance.review.test_review_outbox import (
    OTHER,
    list_stored,
    order_of,
    press,
    review,
    reviewing,
)
from tests.support.review_outbox import expect_sent
from tests.support.running_server import RunningServer, wait_for
from tests.support.signed_in_browser import Seat, wait_for_picture

from trapline.wire.auth import Role
from trapline.wire.users import NewMembership, NewUser

__all__ = ["review"]


def decide_as_another(
    server: RunningServer, project: int, email: str, image: UUID | str, kind: str
) -> None:
    """Invite a reviewer, who decides about a whole image through the API."""
    with server.open() as owner:
        membership = NewMembership(project=project, role=Role.REVIEWER)
        invited = owner.invite_user(NewUser(email=email, memberships=[membership]))
    with httpx2.Client(base_url=f"{server.base_url}/api/v2", trust_env=False) as other:
        link = invited.link.url.partition("#")[2]
        assert other.post(
            "/auth/link", json={"link": link, "name": "Robin", "password": OTHER[1]}
        ).is_success
        token = other.get("/auth/me").json()["csrf_token"]
        body = {"identifications": [{"kind": kind, "images": [str(image)]}]}
        answer = other.post("/identifications", json=body, headers={"X-CSRF-Token": token})
        assert answer.status_code == 201, answer.text


def test_a_decision_that_waited_does_not_replace_a_newer_one_of_another_user(review: Seat) -> None:
    images = order_of(review)
    with reviewing(review) as tab:
        page = tab.page
        page.context.set_offline(True)
        press(page, "y>u", images)
        expect(page.get_by_test_id("outbox")).to_have_text("2 waiting")
        decide_as_another(
            review.server, review.scene.project, "robin@review.example", images[0], "blank"
        )
        page.context.set_offline(False)
        state = page.get_by_test_id("outbox")
        expect(state).to_have_text("1 refused", timeout=30_000)
        assert list_stored(review) == [(images[0], "blank", False), (images[1], "unsure", False)]
        state.click()
        line = page.locator("[data-decision=refused]")
        expect(line).to_contain_text("Confirm: the whole image")
        expect(line).to_contain_text("Robin decided about this image after you saw it: Blank")
        expect(line).to_contain_text("That decision is kept")
        line.get_by_role("button", name="Send again").click()
        expect_sent(page)
        assert list_stored(review)[2:] == [(images[0], "confirm", False)]


def test_a_decision_that_another_user_made_before_is_replaced(review: Seat) -> None:
    """The user saw it and decided otherwise: this is a correction and not a conflict."""
    [image, *_] = order_of(review)
    decide_as_another(review.server, review.scene.project, "kim@review.example", image, "blank")
    with reviewing(review) as tab:
        page = tab.page
        expect(page.get_by_test_id("history").locator("li")).to_have_count(1)
        page.context.set_offline(True)
        press(page, "y", [image])
        expect(page.get_by_test_id("outbox")).to_have_text("1 waiting")
        page.context.set_offline(False)
        expect_sent(page)
        assert list_stored(review) == [(image, "blank", False), (image, "confirm", False)]


def test_a_decision_older_than_its_key_is_shown_and_not_sent_silently(review: Seat) -> None:
    [image, *_] = order_of(review)
    with reviewing(review) as tab:
        page = tab.page
        page.context.set_offline(True)
        page.clock.set_system_time(datetime.now(UTC) - timedelta(days=31))
        press(page, "y", [image])
        expect(page.get_by_test_id("outbox")).to_have_text("1 waiting")
        page.clock.set_system_time(datetime.now(UTC))
        page.context.set_offline(False)
        state = page.get_by_test_id("outbox")
        expect(state).to_have_text("1 refused", timeout=30_000)
        assert list_stored(review) == []
        state.click()
        line = page.locator("[data-decision=refused]")
        expect(line).to_contain_text("more than 30 days ago")
        line.get_by_role("button", name="Send again").click()
        expect_sent(page)
        assert list_stored(review) == [(image, "confirm", False)]


def test_a_decision_that_waited_for_two_days_can_be_undone_after_it_is_sent(review: Seat) -> None:
    images = order_of(review)
    with reviewing(review) as tab:
        page = tab.page
        page.context.set_offline(True)
        page.clock.set_system_time(datetime.now(UTC) - timedelta(days=2))
        press(page, "y", images)
        expect(page.get_by_test_id("outbox")).to_have_text("1 waiting")
        page.clock.set_system_time(datetime.now(UTC))
        page.context.set_offline(False)
        expect_sent(page)
        assert list_stored(review) == [(images[0], "confirm", False)]
        # Another tab reads the queue, deletes what is old in it, and this tab follows it.
        other = page.context.new_page()
        other.goto(f"{review.server.base_url}/projects/{review.scene.project}/images/{images[1]}")
        wait_for_picture(other)
        press(other, "u", [images[1]])
        wait_for("the decision of the other tab", lambda: len(list_stored(review)) == 2)
        other.close()
        page.keyboard.press("z")
        wait_for(
            "the decision to be withdrawn",
            lambda: (images[0], "confirm", True) in list_stored(review),
        )
