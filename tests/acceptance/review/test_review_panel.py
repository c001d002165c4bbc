"""The panel of the review screen in a browser: common names, individuals, palette, conflicts."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect
from tests.support.browser_session import Watched
from tests.support.burst_project import Burst, BurstProject, make_burst_project
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat, wait_for_picture

from trapline.wire.auth import Role
from trapline.wire.palettes import PaletteUpdate
from trapline.wire.taxa import NewTaxon
from trapline.wire.users import NewMembership, NewUser

DEER, FOX = "roe deer", "red fox"
BURSTS = [Burst(FOX, FOX), Burst(FOX, FOX), Burst(DEER, DEER, count=2), Burst(DEER, DEER)]


@pytest.fixture(scope="module")
def bursts(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> BurstProject:
    """Four bursts; the deer is a taxon with common names in two languages."""
    made = make_burst_project(seat.server, tmp_path_factory.mktemp("panel"), BURSTS, "Panel")
    with seat.server.open() as owner:
        taxon = owner.create_taxon(
            NewTaxon(
                project=made.project,
                scientific_name="Capreolus capreolus",
                common_names={"en": ["European roe deer"], "de": ["Reh"]},
            )
        )
        owner.map_labels(made.project, {DEER: taxon.id})
        wait_for(
            "the observations to have the name of the taxon",
            lambda: (
                {one.name for one in owner.list_observations(project=made.project).results}
                == {"Capreolus capreolus", FOX}
            ),
        )
    return made


@pytest.fixture
def tab(seat: Seat, bursts: BurstProject) -> Iterator[Watched]:
    with seat.tab() as tab:
        tab.open(f"/projects/{bursts.project}/review")
        tab.page.get_by_test_id("proposal").wait_for()
        yield tab
        tab.expect_nothing_wrong()


def list_keys(page: Page) -> list[str]:
    return page.locator("[data-testid=palette] .review-taxon-name").all_inner_texts()


def test_a_palette_is_pinned_and_individuals_are_named_and_chosen_again(
    seat: Seat, bursts: BurstProject, tab: Watched
) -> None:
    page = tab.page
    accept = page.locator(".review-accept")
    # The common name in the language of the browser, with the scientific name.
    expect(accept).to_contain_text("Accept European roe deer × 1")
    expect(page.get_by_test_id("proposal")).to_contain_text("Capreolus capreolus · 90 %")

    page.keyboard.press("i")
    field = page.get_by_test_id("individual-field")
    expect(field).to_contain_text("Individual: European roe deer")
    page.keyboard.type("Nala")
    expect(field.get_by_role("option")).to_have_text(
        ["Create “Nala”New individual of this project"]
    )
    page.keyboard.press("Enter")
    expect(accept).to_contain_text("Accept European roe deer × 2")
    expect(page.get_by_test_id("last-decision")).to_contain_text("European roe deer, Nala")
    # Of several animals the individual is named by its box.
    page.keyboard.press("i")
    expect(page.get_by_text("Select the box of one animal")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("i")
    expect(field.get_by_role("option").first).to_contain_text("Nala")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_test_id("last-decision")).to_contain_text("European roe deer, Nala")
    expect_sent(page)

    def list_named() -> list[tuple[str, str | None]]:
        with seat.server.open() as owner:
            found = owner.list_observations(project=bursts.project, individual="Nala").results
        return sorted(
            {
                (str(one.image_id), str(one.annotation_id) if one.annotation_id else None)
                for one in found
            },
            key=str,
        )

    wait_for("the individual to be stored", lambda: len(list_named()) == 4)
    newest, before = bursts.images[3], bursts.images[2]
    assert {image for image, _ in list_named()} == {*newest, before[0]}

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit palette").click()
    editor = page.get_by_test_id("palette-editor")
    rows = editor.locator("li")
    expect(rows).to_have_count(9)
    # A digit selects the key whose species is searched.
    page.keyboard.press("4")
    page.keyboard.type("Lynx")
    page.keyboard.press("Enter")
    expect(rows.nth(3)).to_contain_text("Lynx")
    editor.get_by_role("button", name=f"Pin {FOX}").click()
    editor.get_by_role("button", name="Save").click()
    expect(page.get_by_test_id("palette")).to_be_visible()
    with seat.server.open() as owner:
        pinned = {one.key: one.name for one in owner.get_palette(bursts.project).keys if one.pinned}
    assert set(pinned.values()) == {"Lynx", FOX}
    assert pinned[4] == "Lynx"
    expect(page.locator("[data-testid=palette] kbd")).to_have_text(["1", "2", "4"])
    page.keyboard.press("4")
    expect(page.get_by_test_id("last-decision")).to_contain_text("Lynx × 2")
    expect(accept).to_contain_text(f"Accept {FOX} × 1")
    page.keyboard.press("z")
    with seat.server.open() as owner:
        owner.update_palette(bursts.project, PaletteUpdate(keys=[]))


def test_a_taxon_of_an_earlier_search_cannot_be_chosen(
    seat: Seat, bursts: BurstProject, tab: Watched
) -> None:
    page = tab.page
    with seat.server.open() as owner:
        owner.create_taxon(NewTaxon(project=bursts.project, scientific_name="Vulpes vulpes"))
    held: list[Route] = []
    page.route("**/api/v2/taxa?*search=Vulpes*", lambda route: held.append(route))
    tab.open(f"/projects/{bursts.project}/images/{bursts.images[0][0]}")
    wait_for_picture(page)
    page.keyboard.press("x")
    field = page.get_by_role("combobox", name="What is it?")
    field.fill("Capreolus")
    option = page.get_by_role("option").filter(has_text="Capreolus capreolus")
    expect(option).to_be_visible()
    field.fill("Vulpes")
    expect(option).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("correction")).to_be_visible()
    wait_for("the search to be requested", lambda: len(held) > 0)
    for route in held:
        route.continue_()
    expect(page.get_by_role("option", name="Vulpes vulpes")).to_be_visible()
    page.keyboard.press("Enter")
    expect(field).to_have_value("Vulpes vulpes")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_test_id("history")).to_contain_text("Vulpes vulpes")


@contextmanager
def another_reviewer(seat: Seat, project: int, email: str) -> Iterator[Callable[..., None]]:
    """A reviewer named Robin; the function stores a decision of theirs about images."""
    with seat.server.open() as owner:
        membership = NewMembership(project=project, role=Role.REVIEWER)
        invited = owner.invite_user(NewUser(email=email, memberships=[membership]))
    with httpx2.Client(base_url=f"{seat.server.base_url}/api/v2", trust_env=False) as other:
        link = invited.link.url.partition("#")[2]
        body = {"link": link, "name": "Robin", "password": "another long password"}
        assert other.post("/auth/link", json=body).is_success
        token = other.get("/auth/me").json()["csrf_token"]

        def decide(images: list[str], **said: object) -> None:
            stated = {"identifications": [{"images": images, **said}]}
            answer = other.post("/identifications", json=stated, headers={"X-CSRF-Token": token})
            assert answer.status_code == 201, answer.text

        yield decide


def list_deciders(seat: Seat, bursts: BurstProject) -> list[set[tuple[str, str | None]]]:
    """The observed names in the images of each burst, oldest first, and who decided them."""
    with seat.server.open() as owner:
        found = owner.list_observations(project=bursts.project, limit=1000).results
    return [
        {(one.name, one.identified_by) for one in found if str(one.image_id) in images}
        for images in bursts.images
    ]


def test_both_versions_of_a_conflict_are_shown_and_the_user_chooses(
    seat: Seat, tmp_path: Path
) -> None:
    made = make_burst_project(seat.server, tmp_path, [Burst(FOX, FOX)] * 6, "Conflicts")
    fourth, third, second, first = (list(images) for images in made.images[2:])
    with (
        another_reviewer(seat, made.project, "robin@panel.example") as decide,
        seat.tab() as tab,
    ):
        page = tab.open(f"/projects/{made.project}/review?reviewed=false")
        accept, conflict = page.locator(".review-accept"), page.get_by_test_id("conflict")
        progress = page.get_by_test_id("progress")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        expect(page.get_by_test_id("rate")).to_have_text("0 today")
        # The page read all units before Robin decided.
        page.wait_for_load_state("networkidle")
        decide(first, kind="correct", label="jackal", count=1)
        decide(second, kind="blank")
        decide(third, kind="blank")

        page.keyboard.press("Enter")
        expect(conflict).to_contain_text("Robin reviewed Ford, 00:50 before you")
        expect(conflict).to_contain_text(f"Robin: jackal × 1. You: {FOX} × 1.")
        # The review continues meanwhile.
        expect(progress).to_have_text("3 of 18 images")
        conflict.get_by_role("button", name="Keep Robin's").click()
        expect(conflict).to_have_count(0)

        page.keyboard.press("Enter")
        expect(conflict).to_contain_text(f"Robin: Blank. You: {FOX} × 1.")
        conflict.get_by_role("button", name="Show").click()
        expect(page.get_by_test_id("own-decision")).to_have_text(f"Your decision: {FOX} × 1")
        conflict.get_by_role("button", name="Keep mine").click()
        expect(conflict).to_have_count(0)
        wait_for(
            "the own decision to be stored",
            lambda: list_deciders(seat, made)[4] == {(FOX, "Owner")},
        )
        page.keyboard.press("j")
        # Two users who say the same do not contradict each other.
        page.keyboard.press("0")
        wait_for(
            "both to have said that it is blank",
            lambda: list_deciders(seat, made)[3] == {("blank", "Owner")},
        )
        expect(conflict).to_have_count(0)

        with seat.server.open() as owner:
            owner.delete_images([UUID(one) for one in fourth], "Test or set-up")
        page.keyboard.press("Enter")
        expect(conflict).to_contain_text("Ford, 00:20 was deleted")
        conflict.get_by_role("button", name="Discard").click()
        expect(conflict).to_have_count(0)
        assert list_deciders(seat, made)[5] == {("jackal", "Robin")}

        seat.change(
            "update members set role = 'viewer' where role = 'owner' and project_id = %s",
            made.project,
        )
        page.keyboard.press("Enter")
        expect(conflict).to_contain_text("You can no longer review this project")
        expect(conflict).to_contain_text("1 decision was not saved.")
        with page.expect_download() as download:
            conflict.get_by_role("button", name="Download them").click()
        [saved] = json.loads(Path(download.value.path()).read_text())["decisions"]
        assert saved["images"] == made.images[1]
        assert saved["identification"]["kind"] == "confirm"
        conflict.get_by_role("button", name="Discard them").click()
        expect(conflict).to_have_count(0)


def test_a_finished_review_shows_its_species_and_another_tab_what_was_decided(
    seat: Seat, tmp_path: Path
) -> None:
    two = [Burst(DEER, DEER), Burst(FOX, FOX)]
    made = make_burst_project(seat.server, tmp_path, two, "Finished")
    path = f"/projects/{made.project}/review"
    with seat.tab() as tab:
        page = tab.open(path)
        proposal = page.get_by_test_id("proposal")
        expect(proposal).to_contain_text(FOX)
        other = page.context.new_page()
        other.goto(f"{seat.server.base_url}{path}")
        expect(other.get_by_test_id("proposal")).to_contain_text(FOX)

        page.keyboard.press("Enter")
        expect(proposal).to_contain_text(DEER)
        page.keyboard.press("u")
        finished = page.get_by_test_id("finished")
        expect(finished).to_contain_text("6 images reviewed")
        expect(finished.locator(".review-species li")).to_have_text([f"{FOX}1"])
        summary = page.locator(".review-summary")
        expect(summary).to_contain_text("2 decisions in 1 min")
        expect_sent(page)
        assert page.get_by_role("link", name="Review unsure images").get_attribute("href") == (
            f"{path}?needs_review=true"
        )
        # A tab that becomes visible fetches its unit again.
        other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(other.get_by_test_id("proposal")).to_contain_text(
            "decided by a person", timeout=30_000
        )
        other.close()
        # Each order is accepted by the server; a random one keeps its number in the URL.
        with page.context.new_page() as ordered:
            ordered.goto(f"{seat.server.base_url}{path}")
            for value in ("captured_at", "least_certain", "models_disagree", "random"):
                ordered.get_by_label("Order").select_option(value)
                ordered.get_by_test_id("proposal").wait_for()
                assert f"order={value}" in ordered.url
            assert "seed=" in ordered.url

        page.keyboard.press("z")
        expect(proposal).to_contain_text(DEER)
        page.keyboard.press(str(list_keys(page).index(DEER) + 1))
        expect(finished.locator(".review-species li")).to_have_count(2)
        expect(page.get_by_test_id("rate")).to_contain_text("6 today")
        tab.expect_nothing_wrong()
