"""Two volunteers at the same time on one review set, and what its owner sees of it."""

from pathlib import Path

from playwright.sync_api import Page, StorageState, expect
from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import open_tab
from tests.support.burst_project import Burst, make_burst_project
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

from trapline.wire.auth import Role
from trapline.wire.users import NewMembership, NewUser

FOX = "red fox"
BURSTS = 8
ITEMS_AHEAD = 4
"""The number of items that a page claims before they are shown."""


def invite(seat: Seat, project: int, name: str) -> StorageState:
    """Invite a reviewer; return the cookies of a session."""
    with seat.server.open() as owner:
        membership = NewMembership(project=project, role=Role.REVIEWER)
        new = NewUser(email=f"{name.lower()}@sets.example", memberships=[membership])
        invited = owner.invite_user(new)
    context = seat.browser.new_context(base_url=seat.server.base_url)
    body = {
        "link": invited.link.url.partition("#")[2],
        "name": name,
        "password": "a long enough password",
    }
    answer = context.request.post("/api/v2/auth/link", data=body)
    assert answer.ok, answer.text()
    state = context.storage_state()
    context.close()
    return state


def expect_accessible(page: Page) -> None:
    assert find_barriers(page, read_axe()) == []


def test_two_volunteers_share_a_set_that_the_owner_created(seat: Seat, tmp_path: Path) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)] * BURSTS, "Sets")
    ada, ben = invite(seat, bursts.project, "Ada"), invite(seat, bursts.project, "Ben")
    home = f"/projects/{bursts.project}"
    with seat.tab() as tab:
        page = tab.open(f"{home}/review-sets/new?reviewed=false")
        expect(page.get_by_text(f"{3 * BURSTS} images match the filter now")).to_be_visible()
        page.get_by_label("Name").fill("Autumn")
        page.get_by_label("Order").select_option("captured_at")
        page.get_by_label("Ada").check()
        page.get_by_label("Ben").check()
        expect_accessible(page)
        page.get_by_role("button", name="Create review set").click()
        expect(page.get_by_role("heading", name="Autumn")).to_be_visible()
        expect(page.get_by_text(f"0 of {BURSTS} sequences done")).to_be_visible()
        expect(page.locator("[data-person=Ada]")).to_contain_text("never")
        content = page.get_by_role("main")
        expect(content.get_by_role("link", name="Review", exact=True)).to_have_count(0)
        tab.expect_nothing_wrong()
    url = seat.server.base_url
    with (
        open_tab(seat.browser, url, size="laptop", state=ada) as first,
        open_tab(seat.browser, url, size="phone", state=ben) as second,
    ):
        page = first.open(f"{home}/images")
        rail = page.get_by_role("navigation", name="Main")
        expect(rail.get_by_role("link").first).to_have_text("Review")
        entries = [one.strip() for one in rail.get_by_role("link").all_inner_texts()]
        assert entries[:2] == ["Review", "Images"]
        assert not {"Sources", "Workers", "Integrations"} & set(entries)
        # The keys open no screen that is hidden, and the search opens what the navigation opens.
        # The list of shortcuts opens after the page handled the keys before it.
        for key in ("g", "s", "?"):
            page.keyboard.press(key)
        shortcuts = page.get_by_role("dialog")
        expect(shortcuts).to_contain_text("Deployments")
        expect(shortcuts).not_to_contain_text("Sources")
        assert page.evaluate("location.pathname") == f"{home}/images"
        page.keyboard.press("Escape")
        expect(shortcuts).to_have_count(0)
        page.get_by_role("combobox", name="Go to").fill("Review")
        page.get_by_role("option", name="Review Screen").click()
        page.wait_for_url(f"**{home}/review-sets")
        rail.get_by_role("link", name="Review").click()
        expect(page.get_by_text(f"{BURSTS} left for you")).to_be_visible()
        expect_accessible(page)
        page.get_by_role("link", name="Review Autumn").click()
        expect(page.get_by_test_id("progress")).to_have_text(f"0 of {BURSTS} items")
        announced = page.get_by_test_id("announcement")
        expect(announced).to_contain_text("Sequence of 3 images, 00:00. Accept red fox × 1.")

        other = second.open(f"{home}/review-sets")
        expect(other.get_by_role("link", name="Review Autumn")).to_be_visible()
        other.get_by_role("link", name="Review Autumn").click()
        seen = other.get_by_test_id("announcement")
        expect(seen).to_contain_text(f"00:{ITEMS_AHEAD}0. Accept red fox × 1.")

        for minute in range(ITEMS_AHEAD):
            expect(announced).to_contain_text(f"00:{minute}0.")
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        other.keyboard.press("n")
        expect(seen).to_contain_text(f"00:{ITEMS_AHEAD + 1}0.")
        other.keyboard.press("k")
        expect(seen).to_contain_text(f"00:{ITEMS_AHEAD}0.")
        expect_sent(other)
        # The page releases the items that its user did not decide about.
        other.get_by_role("link", name="Back to Images").click()
        expect(other.get_by_text("1 by you")).to_be_visible()

        page.get_by_role("button", name="Look for more images").click()
        for minute in range(ITEMS_AHEAD + 1, BURSTS):
            expect(announced).to_contain_text(f"{minute // 6:02}:{minute % 6}0.")
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        first.expect_nothing_wrong()
        second.expect_nothing_wrong()
    with seat.server.open() as owner:
        [made] = owner.list_review_sets(bursts.project).results
        wait_for(
            "all items to be done",
            lambda: owner.get_review_set(bursts.project, made.id).done == BURSTS,
        )
        found = owner.list_identifications(project=bursts.project, limit=1000).results
    by_person = {(one.by, one.kind.value, one.sequence_id) for one in found}
    assert len(by_person) == BURSTS, "no sequence was decided about twice"
    assert sum(by == "Ben" for by, *_ in by_person) == 1
    with seat.tab() as tab:
        page = tab.open(f"{home}/review-sets/{made.id}")
        expect(page.get_by_text(f"{BURSTS} of {BURSTS} sequences done (100 %)")).to_be_visible()
        expect(page.locator("[data-person=Ada]")).to_contain_text(str(BURSTS - 1))
        expect(page.locator("[data-person=Ben]")).to_contain_text("1")
        page.get_by_label("Image").fill(f"{url}{home}/images/{bursts.images[0][0]}?order=x")
        page.get_by_label("Known answer").fill(FOX)
        page.get_by_role("button", name="Add control item").click()
        expect(page.locator("[data-control]")).to_contain_text("1 of 1 answer right")
        expect(page.locator("[data-person=Ada]")).to_contain_text("1 of 1 right")
        expect_accessible(page)
        tab.expect_nothing_wrong()
