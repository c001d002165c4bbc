"""A thousand decisions of the review screen while the network is cut: each is stored once."""

import random
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import open_tab
from tests.support.burst_project import IMAGES_PER_BURST, Burst, make_burst_project
from tests.support.fault_proxy import FaultProxy
from tests.support.signed_in_browser import Seat

DECISIONS, CUTS = 999, 10
OFFLINE_KEYS = 3
"""The number of decisions without a network: that many units are fetched before they are shown."""
KINDS = {"Enter": "confirm", "0": "blank", "u": "unsure"}


def expect_drained(page: Page) -> None:
    """Wait until no decision waits; fail if their number stays the same for long."""
    waiting = page.get_by_test_id("outbox")
    while waiting.count() > 0:
        shown = waiting.first.inner_text() if waiting.count() else ""
        page.wait_for_function(
            "shown => document.querySelector('[data-testid=outbox]')?.innerText !== shown",
            arg=shown,
            timeout=120_000,
        )


@pytest.mark.long
def test_a_thousand_decisions_survive_ten_cuts_of_the_network(seat: Seat, tmp_path: Path) -> None:
    bursts = [Burst("red fox", "red fox")] * (DECISIONS // IMAGES_PER_BURST)
    made = make_burst_project(seat.server, tmp_path, bursts, "Cuts")
    images = [image for burst in made.images for image in burst]
    chance = random.Random(27)
    keys = [chance.choice(list(KINDS)) for _ in images]
    cuts = {(number + 1) * len(images) // (CUTS + 1): number for number in range(CUTS)}
    proxy = FaultProxy(seat.server.port, delay_s=0.005)
    online_at = None
    try:
        with open_tab(seat.browser, f"http://127.0.0.1:{proxy.port}", state=seat.state) as tab:
            page = tab.open(
                f"/projects/{made.project}/review?reviewed=false&order=captured_at&unit=image"
            )
            progress = page.get_by_test_id("progress")
            for number, key in enumerate(keys):
                if number == online_at:
                    page.context.set_offline(False)
                expect(progress).to_have_text(f"{number} of {len(images)} images", timeout=60_000)
                expect(page.locator(".review-accept")).to_contain_text("red fox", timeout=60_000)
                if number in cuts and cuts[number] % 2:
                    # The request arrives and is carried out, and its answer is lost.
                    proxy.swallow_answer_to(b"POST /api/v2/identifications")
                elif number in cuts:
                    page.context.set_offline(True)
                    online_at = number + OFFLINE_KEYS
                page.keyboard.press(key)
            expect(page.get_by_test_id("finished")).to_be_visible(timeout=60_000)
            # The last decision is undone and decided again: the thousandth.
            for key in ("z", keys[-1]):
                page.keyboard.press(key)
            expect_drained(page)
            expect(page.get_by_test_id("conflict")).to_have_count(0)
    finally:
        proxy.end()
    assert proxy.swallowed == CUTS // 2
    stored: dict[str, Counter[str]] = {image: Counter() for image in images}
    with seat.server.open() as owner:
        cursor = None
        while True:
            found = owner.list_identifications(
                project=made.project, withdrawn=False, limit=1000, cursor=cursor
            )
            for one in found.results:
                stored[str(one.image_id)][one.kind.value] += 1
            cursor = found.next
            if cursor is None:
                break
    assert stored == {image: Counter([KINDS[key]]) for image, key in zip(images, keys, strict=True)}
