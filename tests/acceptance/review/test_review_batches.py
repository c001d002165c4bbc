"""Decisions that waited are sent together, and keys that follow each other without a pause."""

import json
from uuid import UUID

import pytest
from playwright.sync_api import Request, expect
from tests.acceptance.review.test_review_conflicts import decide_as_another
from tests.support.burst_project import Burst, BurstProject, make_burst_project
from tests.support.drawing import Pencil
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, wait_for_picture

FOX = "red fox"
WAITING = 16
BURSTS = [Burst(FOX, FOX)] * WAITING + [Burst(None, None)]
IDENTIFICATIONS = "**/api/v2/identifications"


@pytest.fixture(scope="module")
def bursts(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> BurstProject:
    return make_burst_project(seat.server, tmp_path_factory.mktemp("batches"), BURSTS, "Batches")


def test_waiting_decisions_are_sent_together_and_a_conflict_refuses_one_of_them(
    seat: Seat, bursts: BurstProject
) -> None:
    contested = 5
    with seat.tab() as tab:
        page = tab.page
        sent: list[int] = []
        is_cut = True

        def count(request: Request) -> None:
            if request.method == "POST" and request.url.endswith("/identifications"):
                sent.append(len(json.loads(request.post_data or "")["identifications"]))

        page.on("request", count)
        page.route(
            IDENTIFICATIONS,
            lambda route: (
                route.abort() if is_cut and route.request.method == "POST" else route.continue_()
            ),
        )
        tab.open(f"/projects/{bursts.project}/review?reviewed=false&order=captured_at")
        accept = page.locator(".review-accept")
        progress = page.get_by_test_id("progress")
        for number in range(WAITING):
            expect(progress).to_have_text(f"{3 * number} of {3 * len(BURSTS)} images")
            expect(accept).to_contain_text(f"Accept {FOX} × 1")
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("outbox")).to_have_text(f"{WAITING} waiting")
        decide_as_another(
            seat.server,
            bursts.project,
            "batches@review.example",
            bursts.images[contested][0],
            "blank",
        )
        sent.clear()
        is_cut = False
        page.context.set_offline(True)
        page.context.set_offline(False)
        expect(page.get_by_test_id("outbox")).to_have_text("1 refused", timeout=90_000)
        expect(page.get_by_test_id("conflict")).to_contain_text("Robin: Blank. You: red fox × 1.")
        # One was sent alone before the others waited; a refused batch is halved each time.
        assert len(sent) < WAITING
        assert max(sent) >= 4
        page.get_by_test_id("conflict").get_by_role("button", name="Keep mine").click()
        expect_sent(page)
        # One decision of a batch is undone alone, the last one first.
        page.keyboard.press("z")
        expect_sent(page)
    with seat.server.open() as owner:
        found = owner.list_identifications(project=bursts.project, limit=1000).results
    own = [one for one in found if one.by == "Owner"]
    decided = bursts.images[:WAITING]
    assert sorted(str(one.image_id) for one in own) == sorted(
        image for burst in decided for image in burst
    ), "each image was decided about once"
    last = {one.image_id for one in own if one.withdrawn_at}
    assert {str(image) for image in last} == set(decided[-1])
    kinds = {str(one.image_id): one.kind.value for one in own}
    assert {kinds[image] for image in bursts.images[contested]} == {"correct"}


def test_two_quick_stars_and_enter_after_a_drawn_box_do_what_the_screen_shows(
    seat: Seat, bursts: BurstProject
) -> None:
    blank = bursts.images[-1]
    with seat.tab() as tab:
        page = tab.open(f"/projects/{bursts.project}/review?blank=true&order=captured_at")
        wait_for_picture(page)
        expect(page.get_by_role("button", name="Accept Blank")).to_be_visible()
        # Before the browser stored the first star, the screen does not show it.
        page.evaluate(
            """keys => { for (const key of keys)
                document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })) }
            """,
            ["s", "s"],
        )
        expect(page.get_by_text("Star removed")).to_be_visible()
        expect_sent(page)
        star = page.get_by_role("button", name="Star", exact=True)
        expect(star).to_have_attribute("aria-pressed", "false")

        def list_starred() -> list[str]:
            with seat.server.open() as owner:
                found = owner.list_images(project=bursts.project, starred=True).results
            return [str(one.id) for one in found]

        assert list_starred() == []
        page.keyboard.press("s")
        wait_for("the star", lambda: list_starred() == [blank[0]])

        page.keyboard.press("d")
        Pencil(page, 640).drag((100.0, 300.0), (220.0, 420.0))
        expect(page.get_by_test_id("proposal")).to_contain_text("Box 1 of 1")
        page.keyboard.press("Enter")
        # The box is confirmed, and not the blank image.
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        with seat.server.open() as owner:
            [box] = owner.list_image_annotations(UUID(blank[0]), source="human").results
            said = owner.list_identifications(image=blank[0]).results
            observed = owner.list_observations(image=blank[0]).results
        assert [(one.kind.value, one.annotation_id) for one in said] == [("confirm", box.id)]
        assert [(one.annotation_id, one.model_name) for one in observed] == [(box.id, None)]
        tab.expect_nothing_wrong()
