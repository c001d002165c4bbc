"""The pages for notices in a real browser: subscribe, test e-mail, unsubscribe, operator's view."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from playwright.sync_api import Page, Route, expect
from tests.support.browser_session import Watched
from tests.support.running_server import EMAIL
from tests.support.signed_in_browser import Seat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(autouse=True)
def _without_notices(seat: Seat) -> Iterator[None]:
    """Delete all notices afterwards, so that other tests send no e-mail."""
    yield
    with seat.server.open() as owner:
        for notice in owner.list_notices().results:
            owner.delete_notice(notice.id)


def ask(page: Page, kind: str, **fields: str) -> None:
    """Ask for a notice on the page."""
    page.get_by_role("button", name="Add alert").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alert me when").select_option(kind)
    for label, value in fields.items():
        dialog.get_by_label(label).fill(value)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_be_hidden()


def test_notices_are_asked_for_tried_and_ended(tab: Watched, seat: Seat, tmp_path: Path) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/settings")
    page.get_by_role("link", name="E-mail").click()
    expect(page.get_by_role("heading", name="No alerts")).to_be_visible()
    ask(page, "deployment_silent", **{"Days without an image": "5"})
    ask(page, "class_seen", **{"Class": "lynx", "Minimum confidence, percent": "80"})
    ask(page, "job_failed")
    expect(page.locator('[data-notice="deployment_silent"]')).to_contain_text("no image for 5 days")
    seen = page.locator('[data-notice="class_seen"]')
    expect(seen).to_contain_text("lynx, confidence at least 80 %")
    expect(page.get_by_text(f"Trapline sends e-mail to {EMAIL}")).to_be_visible()
    page.get_by_role("button", name="Send test e-mail").click()
    expect(
        page.get_by_text("The test was not sent: the mail server could not be reached.")
    ).to_be_visible()
    port = urlsplit(seat.server.settings["TRAPLINE_SMTP_URL"]).port
    assert port is not None
    handed = Mailbox(tmp_path / "mail")
    controller = Controller(handed, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        page.get_by_role("button", name="Send test e-mail").click()
        expect(
            page.get_by_text(f"Test e-mail to {EMAIL} accepted by the mail server.")
        ).to_be_visible()
        told = seat.server.call("notification", "test").stdout
        assert told.startswith("The mail server accepted the e-mail to")
        assert [one["To"] for one in handed.mailbox] == [EMAIL, EMAIL]
    finally:
        controller.stop()
    page.get_by_role("button", name="Delete “A job has failed”").click()
    expect(page.locator('[data-notice="job_failed"]')).to_be_hidden()
    within = ("--project", str(seat.scene.project))
    assert (
        seat.server.call("notification", "add", "job_failed", *within).stdout
        == "Subscribed: job_failed\n"
    )
    listed = json.loads(seat.server.call("notification", "list", *within, "--json").stdout)
    assert [one["kind"] for one in listed] == ["job_failed", "class_seen", "deployment_silent"]
    seat.server.call("notification", "delete", listed[0]["id"])
    assert "job_failed" not in seat.server.call("notification", "list", *within).stdout


@pytest.mark.parametrize("size", ["phone", "laptop"])
def test_the_screen_fits(seat: Seat, size: str) -> None:
    with seat.tab(size=size, colours="dark" if size == "phone" else "light") as tab:
        page = tab.open(f"/projects/{seat.scene.project}/settings/notices")
        ask(page, "source_silent")
        expect(page.locator("[data-notice]")).to_contain_text("no image for 1 day")
        assert page.evaluate(FITS)
        tab.expect_nothing_wrong()


def test_where_no_e_mail_is_sent_the_page_says_what_an_operator_does(
    tab: Watched, seat: Seat
) -> None:
    def without_mail_server(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "can_be_sent": False})

    tab.page.route("**/api/v2/notification-subscriptions?*", without_mail_server)
    page = tab.open(f"/projects/{seat.scene.project}/settings/notices")
    expect(page.get_by_text("This server cannot send e-mail yet.")).to_be_visible()
    expect(page.get_by_text("TRAPLINE_SMTP_URL=")).to_be_visible()
    expect(page.get_by_role("button", name="Add alert")).to_be_hidden()
