"""The review screen with slow, failed and late responses: keys are kept, data are current."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from playwright.sync_api import Request, Route, expect
from tests.acceptance.review.test_review_conflicts import decide_as_another
from tests.support.browser_session import Watched
from tests.support.burst_project import Burst, BurstProject, add_image, make_burst_project
from tests.support.review_outbox import expect_sent
from tests.support.signed_in_browser import Seat

from trapline.wire.identifications import Identification
from trapline.wire.taxa import NewTaxon

DEER, FOX, BOAR = "roe deer", "red fox", "wild boar"


@contextmanager
def reviewing(seat: Seat, bursts: BurstProject, search: str = "") -> Iterator[Watched]:
    """A tab on the review screen."""
    with seat.tab() as tab:
        tab.open(f"/projects/{bursts.project}/review{search}")
        tab.page.get_by_test_id("proposal").wait_for()
        yield tab


def list_stored(seat: Seat, bursts: BurstProject, images: list[str]) -> list[Identification]:
    """The identifications of images that are not withdrawn."""
    with seat.server.open() as owner:
        found = owner.list_identifications(project=bursts.project, limit=1000).results
    return [one for one in found if str(one.image_id) in images and one.withdrawn_at is None]


@dataclass
class HeldRequests:
    """Handler of a route that holds requests until they are released."""

    held: list[Route] = field(default_factory=list)
    is_released: bool = False

    def __call__(self, route: Route) -> None:
        """Hold or send a request."""
        if self.is_released:
            route.continue_()
        else:
            self.held.append(route)

    def release(self) -> None:
        """Send all requests, also later ones."""
        self.is_released = True
        for route in self.held:
            route.continue_()


def test_the_search_assigns_results_of_the_typed_text_only_and_keeps_keys(
    seat: Seat, tmp_path: Path
) -> None:
    two = [Burst(FOX, FOX), Burst(BOAR, BOAR)]
    bursts = make_burst_project(seat.server, tmp_path, two, "Slow search")
    fox_images, boar_images = bursts.images
    with seat.server.open() as owner:
        for name, common in (("Bubo desertorum", "eagle owl"), ("Capreolus capreolus", DEER)):
            owner.create_taxon(
                NewTaxon(
                    project=bursts.project,
                    scientific_name=name,
                    common_names={"en": [common]},
                )
            )
        [deer] = owner.list_taxa(project=bursts.project, search=DEER).results
    held = HeldRequests()
    with reviewing(seat, bursts) as tab:
        page = tab.page
        page.route(re.compile(r"/api/v2/taxa\?.*search=deer"), held)
        search = page.get_by_test_id("species-search")
        page.keyboard.press("x")
        page.keyboard.type("de")
        expect(search.get_by_role("option").first).to_contain_text("Bubo desertorum")
        with page.expect_request(re.compile("search=deer")):
            page.keyboard.type("er")
            page.keyboard.press("Enter")
            page.keyboard.press("0")
        expect(search.get_by_text("Bubo desertorum")).to_have_count(0)
        expect(search).to_be_visible()
        held.release()
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        tab.expect_nothing_wrong()
    assigned = list_stored(seat, bursts, boar_images)
    assert [(one.kind.value, one.taxon_id) for one in assigned] == [("correct", deer.id)] * 3
    blank = list_stored(seat, bursts, fox_images)
    assert [one.kind.value for one in blank] == ["blank"] * 3


def test_a_new_look_for_images_shows_the_decisions_and_holds_keys(
    seat: Seat, tmp_path: Path
) -> None:
    two = [Burst(FOX, FOX), Burst(DEER, DEER, count=2)]
    bursts = make_burst_project(seat.server, tmp_path, two, "New look")
    held = HeldRequests()
    with reviewing(seat, bursts) as tab:
        page = tab.page
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        page.route(re.compile(r"/api/v2/images\?"), held)
        with page.expect_request(re.compile(r"/api/v2/images\?")):
            page.get_by_role("button", name="Look for more images").click()
        # The units of before are not shown, and keys do not decide about them.
        expect(page.get_by_test_id("proposal")).to_have_count(0)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("last-decision")).to_have_count(0)
        held.release()
        # The key keeps the first decision.
        keep = page.get_by_role("button", name="Keep and go to next")
        expect(keep).to_be_visible()
        expect(page.get_by_test_id("proposal")).to_contain_text(f"{FOX} × 1")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        tab.expect_nothing_wrong()
    stored = list_stored(seat, bursts, [*bursts.images[0], *bursts.images[1]])
    assert [one.kind.value for one in stored] == ["confirm"] * 6


def test_a_failed_page_of_the_set_loses_no_key_and_skips_no_unit(
    seat: Seat, tmp_path: Path
) -> None:
    two = [Burst(FOX, FOX), Burst(DEER, DEER, count=2)]
    bursts = make_burst_project(seat.server, tmp_path, two, "Failed page")
    fox_images, deer_images = bursts.images
    is_failing = True

    def handle_page(route: Route) -> None:
        """Request pages of one burst; refuse all but the first."""
        if is_failing and "cursor=" in route.request.url:
            route.fulfill(status=429)
        else:
            route.continue_(url=route.request.url.replace("limit=100", "limit=3"))

    with seat.tab() as tab:
        page = tab.page
        page.route(re.compile(r"/api/v2/images\?.*limit=100(&|$)"), handle_page)
        tab.open(f"/projects/{bursts.project}/review?reviewed=false")
        expect(page.get_by_role("button", name="Accept")).to_contain_text(f"Accept {DEER} × 2")
        page.keyboard.press("Enter")
        retry = page.get_by_role("button", name="Try again")
        expect(retry).to_be_visible()
        expect_sent(page)
        page.keyboard.press("0")
        is_failing = False
        retry.click()
        expect(page.get_by_test_id("finished")).to_contain_text("6 images reviewed")
        expect_sent(page)
    accepted = list_stored(seat, bursts, deer_images)
    assert [one.kind.value for one in accepted] == ["confirm"] * 3
    blank = list_stored(seat, bursts, fox_images)
    assert [one.kind.value for one in blank] == ["blank"] * 3


def test_a_repeated_decision_looks_at_all_images_at_the_same_time(
    seat: Seat, tmp_path: Path
) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)], "Repeated")
    refused: list[Route] = []
    looks = HeldRequests()

    def refuse_first(route: Route) -> None:
        """Refuse the first attempt to store the decision, hold requests about its images."""
        if route.request.method == "GET":
            looks(route)
        elif refused:
            route.continue_()
        else:
            refused.append(route)
            route.fulfill(status=503)

    with reviewing(seat, bursts) as tab:
        page = tab.page
        page.route(re.compile("/api/v2/identifications"), refuse_first)
        looked: set[str] = set()

        def is_last_look(request: Request) -> bool:
            if "/identifications?" in request.url:
                looked.add(request.url)
            return len(looked) == len(bursts.images[0])

        # No response is sent until the identifications of each image were requested.
        with page.expect_request(is_last_look):
            page.keyboard.press("Enter")
        looks.release()
        expect_sent(page)
    stored = list_stored(seat, bursts, bursts.images[0])
    assert [one.kind.value for one in stored] == ["confirm"] * 3


def test_a_wrong_clock_of_the_browser_hides_no_newer_decision(seat: Seat, tmp_path: Path) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)], "Wrong clock")
    [images] = bursts.images
    with seat.tab() as tab:
        page = tab.page
        wrong = datetime.now(UTC) + timedelta(hours=1)
        page.clock.set_system_time(wrong)
        tab.open(f"/projects/{bursts.project}/review")
        page.get_by_test_id("proposal").wait_for()
        decide_as_another(seat.server, bursts.project, "clock@review.example", images[0], "blank")
        page.context.set_offline(True)
        page.keyboard.press("Enter")
        state = page.get_by_test_id("outbox")
        expect(state).to_have_text("1 waiting")
        # Only a decision that waited for seconds is compared with others.
        page.clock.set_system_time(wrong + timedelta(minutes=2))
        page.context.set_offline(False)
        expect(state).to_have_text("1 refused", timeout=30_000)
    stored = list_stored(seat, bursts, images)
    assert [(str(one.image_id), one.kind.value) for one in stored] == [(images[0], "blank")]


def test_a_decision_about_old_data_confirms_nothing_unseen(seat: Seat, tmp_path: Path) -> None:
    two = [Burst(FOX, FOX), Burst(DEER, DEER)]
    bursts = make_burst_project(seat.server, tmp_path, two, "Old data")
    fox_images, deer_images = bursts.images
    with reviewing(seat, bursts) as tab:
        page = tab.page
        decide_as_another(
            seat.server, bursts.project, "old@review.example", deer_images[0], "blank"
        )
        add_image(seat.server, bursts.project, tmp_path, two[0], 0)
        page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=2))
        page.keyboard.press("Enter")
        state = page.get_by_test_id("outbox")
        expect(state).to_have_text("1 refused")
        expect(page.get_by_role("button", name="Accept")).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("Enter")
        expect(state).to_have_text("2 refused")
        stored = list_stored(seat, bursts, [*fox_images, *deer_images])
        assert [(str(one.image_id), one.kind.value) for one in stored] == [
            (deer_images[0], "blank")
        ]
        state.click()
        lines = page.locator("[data-decision=refused]")
        expect(lines.first).to_contain_text("Robin decided about this image after you saw it")
        expect(lines.last).to_contain_text("1 image was added to this sequence after you saw it")
        lines.last.get_by_role("button", name="Send again").click()
        expect(state).to_have_text("1 refused")
    with seat.server.open() as owner:
        found = owner.list_identifications(project=bursts.project, limit=1000).results
    # The added image has no result that could be confirmed.
    confirmed = {str(one.image_id) for one in found if one.kind.value == "confirm"}
    assert confirmed == set(fox_images)


def test_a_count_without_one_species_is_not_dropped(seat: Seat, tmp_path: Path) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(None, None)], "Count of blank")
    with reviewing(seat, bursts) as tab:
        page = tab.page
        page.keyboard.press("c")
        page.keyboard.press("4")
        page.keyboard.press("Enter")
        expect(page.get_by_text("the count 4 requires one species")).to_be_visible()
        expect(page.get_by_test_id("finished")).to_have_count(0)
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        tab.expect_nothing_wrong()
    stored = list_stored(seat, bursts, bursts.images[0])
    assert [(one.kind.value, one.count) for one in stored] == [("confirm", None)] * 3


def test_keys_before_the_first_unit_is_loaded_are_typed_into_the_field_they_open(
    seat: Seat, tmp_path: Path
) -> None:
    two = [Burst(FOX, FOX), Burst(DEER, DEER)]
    bursts = make_burst_project(seat.server, tmp_path, two, "Early keys")
    fox_images, deer_images = bursts.images
    units = HeldRequests()
    with seat.tab() as tab:
        page = tab.page
        page.route(re.compile(r"/api/v2/observations\?.*sequence="), units)
        tab.open(f"/projects/{bursts.project}/review")
        expect(page.get_by_test_id("progress")).to_have_text("0 of 6 images")
        page.keyboard.press("m")
        page.keyboard.type("n 0y")
        page.keyboard.press("Enter")
        page.keyboard.press("x")
        page.keyboard.type("Martem")
        page.keyboard.press("Backspace")
        page.keyboard.type("n")
        page.keyboard.press("Enter")
        page.keyboard.press("0")
        units.release()
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_sent(page)
        tab.expect_nothing_wrong()
    of_deer = list_stored(seat, bursts, deer_images)
    assert sorted((one.kind.value, one.label, one.comment) for one in of_deer) == [
        ("comment", None, "n 0y"),
        *[("correct", "Marten", None)] * 3,
    ]
    blank = list_stored(seat, bursts, fox_images)
    assert [one.kind.value for one in blank] == ["blank"] * 3


def test_keys_that_draw_before_the_first_unit_is_loaded_draw_on_it(
    seat: Seat, tmp_path: Path
) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)], "Early box")
    units = HeldRequests()
    with seat.tab() as tab:
        page = tab.page
        page.route(re.compile(r"/api/v2/observations\?.*sequence="), units)
        tab.open(f"/projects/{bursts.project}/review")
        expect(page.get_by_test_id("progress")).to_have_text("0 of 3 images")
        for key in ("d", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        units.release()
        expect(page.get_by_test_id("proposal")).to_contain_text("Box 1 of 4")
        expect_sent(page)
        tab.expect_nothing_wrong()
    assert list_stored(seat, bursts, bursts.images[0]) == [], "Enter saved the box"
    with seat.server.open() as owner:
        [box] = owner.list_image_annotations(UUID(bursts.images[0][0]), source="human").results
    assert box.class_name == FOX


def test_a_new_look_for_images_leaves_out_what_is_not_sent_yet(seat: Seat, tmp_path: Path) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)] * 2, "Not sent yet")
    identifications = HeldRequests()
    with reviewing(seat, bursts, "?reviewed=false") as tab:
        page = tab.page
        page.route(re.compile("/api/v2/identifications"), identifications)
        for _ in bursts.images:
            expect(page.get_by_test_id("proposal")).to_contain_text(FOX)
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        with page.expect_response(re.compile(r"/api/v2/images\?.*limit=100")):
            page.get_by_role("button", name="Look for more images").click()
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect(page.get_by_test_id("proposal")).to_have_count(0)
        identifications.release()
        expect_sent(page)
        tab.expect_nothing_wrong()
    for images in bursts.images:
        assert [one.kind.value for one in list_stored(seat, bursts, images)] == ["confirm"] * 3


def test_a_comment_that_is_not_sent_yet_leaves_out_no_unit(seat: Seat, tmp_path: Path) -> None:
    bursts = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)], "Comment not sent")
    identifications = HeldRequests()
    with reviewing(seat, bursts, "?unit=image") as tab:
        page = tab.page
        page.route(re.compile("/api/v2/identifications"), identifications)
        for waiting in (1, 2, 3):
            page.keyboard.press("m")
            page.keyboard.type("a second one behind the tree")
            page.keyboard.press("Enter")
            expect(page.get_by_test_id("outbox")).to_have_text(f"{waiting} waiting")
            page.keyboard.press("j")
        expect(page.get_by_test_id("finished")).to_be_visible()
        page.get_by_role("button", name="Look for more images").click()
        expect(page.get_by_test_id("proposal")).to_contain_text(FOX)
        identifications.release()
        expect_sent(page)
        tab.expect_nothing_wrong()
