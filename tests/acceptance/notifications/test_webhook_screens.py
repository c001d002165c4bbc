"""The webhooks page in a real browser: add, copy the secret, test, read errors, replay, delete."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import EACH_SIZE, Watched
from tests.support.signed_in_browser import Seat, box_of

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

ADDRESS = (
    "http://localhost:8999/a/rather/long/address/of/a/receiver/that/is/nowhere?with=a-parameter"
)

FITS = "document.documentElement.scrollWidth <= innerWidth"


@pytest.fixture(autouse=True)
def _without_webhooks(seat: Seat) -> Iterator[None]:
    """Delete all webhooks afterwards, so that they receive no event of other tests."""
    yield
    with seat.server.open() as owner:
        for webhook in owner.list_webhooks().results:
            owner.delete_webhook(webhook.id)


def add(page: Page, seat: Seat) -> str:
    """Add a webhook on the page; answers its secret."""
    page.get_by_role("button", name="Add webhook").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("URL").fill(ADDRESS)
    dialog.get_by_label("Name (optional)").fill("station")
    dialog.get_by_label("Events").select_option("some")
    dialog.get_by_role("button", name="Add webhook").click()
    expect(dialog).to_contain_text("Select at least one.")
    dialog.get_by_label("A job is completed").check()
    dialog.get_by_role("button", name="Add webhook").click()
    expect(dialog).to_contain_text("The secret is shown only once.")
    secret = dialog.locator("code").inner_text()
    dialog.get_by_text("Close", exact=True).click()
    return secret


def test_a_webhook_is_added_tested_read_and_deleted(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/integrations")
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()
    secret = add(page, seat)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    row = page.locator("[data-webhook]")
    expect(row).to_contain_text("1 kind of events")
    row.get_by_role("link", name="station").click()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("Test event not delivered: localhost is")).to_be_visible()
    entry = page.locator("[data-delivery]")
    expect(entry).to_contain_text("which Trapline may not connect to")
    expect(entry.locator('[data-state="failed"]')).to_be_visible()
    expect(page.locator('[data-state="failing"]')).to_be_visible()
    entry.get_by_text("Details").click()
    expect(entry.locator("pre")).to_contain_text("project_id")
    entry.get_by_role("button", name="Send webhook.ping again").click()
    expect(entry.locator('[data-state="waiting"]')).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("New events are not sent")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("dialog").get_by_label("Name (optional)").fill("mast")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="mast")).to_be_visible()
    with seat.as_role("manager"):
        page.reload()
        expect(page.get_by_role("button", name="Test")).to_be_visible()
        expect(page.get_by_role("button", name="New secret")).to_have_count(0)
    page.reload()
    page.get_by_role("button", name="New secret").click()
    page.get_by_role("button", name="Create secret").click()
    expect(page.get_by_role("dialog")).to_contain_text("the old one until")
    assert page.get_by_role("dialog").locator("code").inner_text() != secret
    page.get_by_role("dialog").get_by_text("Close", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()


@pytest.mark.parametrize("size", EACH_SIZE)
def test_the_screens_fit(seat: Seat, size: str) -> None:
    with seat.tab(size=size) as tab:
        page = tab.open(f"/projects/{seat.scene.project}/integrations/webhooks")
        add(page, seat)
        page.get_by_role("link", name="station").click()
        page.get_by_role("button", name="Test").click()
        expect(page.locator("[data-delivery]")).to_contain_text("may not connect to")
        assert box_of(page.locator("[data-delivery] .state"))["height"] < 30, (
            "the state stands on one line"
        )
        assert page.evaluate(FITS)
        page.get_by_role("link", name="Webhooks").click()
        expect(page.locator("[data-webhook]")).to_be_visible()
        assert page.evaluate(FITS)
        tab.expect_nothing_wrong()
