"""Sequences that a person splits and merges in the strip of the review, in a real browser."""

import pytest
from playwright.sync_api import expect
from tests.support.burst_project import Burst, BurstProject, make_burst_project
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat


@pytest.fixture(scope="module")
def bursts(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> BurstProject:
    found = [Burst("red fox", "red fox"), Burst("roe deer", "roe deer")]
    return make_burst_project(seat.server, tmp_path_factory.mktemp("split"), found, "Split")


def test_a_sequence_is_split_in_the_strip_merged_and_undone(
    seat: Seat, bursts: BurstProject
) -> None:
    with seat.server.open() as owner:

        def list_sizes() -> list[int]:
            found = owner.list_sequences(project=bursts.project, order="started_at").results
            return [one.images for one in found]

        with seat.tab() as tab:
            page = tab.page
            tab.open(f"/projects/{bursts.project}/review")
            page.get_by_test_id("proposal").wait_for()
            frames = page.locator(".review-strip .review-frame[aria-label]")
            expect(frames).to_have_count(3)
            frames.nth(2).click()
            page.get_by_role("button", name="Split here").click()
            expect(page.get_by_text("Sequence split.")).to_be_visible()
            assert list_sizes() == [3, 2, 1]
            page.get_by_role("status").get_by_role("button", name="Undo").click()
            expect(page.get_by_text("Change of the sequence undone.")).to_be_visible()
            wait_for("the split to be undone", lambda: list_sizes() == [3, 3])
            expect(frames).to_have_count(3)
            page.get_by_role("button", name="Merge with previous").click()
            expect(page.get_by_text("Sequences merged.")).to_be_visible()
            assert list_sizes() == [6]
            expect(frames).to_have_count(6)
            tab.expect_nothing_wrong()
