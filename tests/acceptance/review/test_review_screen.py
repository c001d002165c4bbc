"""The review screen in a real browser: each key, undo across sequences, and what is stored."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import Watched
from tests.support.burst_project import Burst, BurstProject, make_burst_project
from tests.support.review_outbox import expect_sent
from tests.support.running_server import wait_for
from tests.support.signed_in_browser import Seat

DEER, FOX, BOAR = "roe deer", "red fox", "wild boar"
# The newest burst, which the review shows first, is the last one.
BURSTS = [
    Burst(None, None),
    Burst(BOAR, BOAR),
    Burst(FOX, FOX),
    Burst(FOX, DEER),
    Burst(DEER, DEER, count=2),
]


@pytest.fixture(scope="module")
def bursts(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> BurstProject:
    """Five bursts, two of them of the same species."""
    return make_burst_project(seat.server, tmp_path_factory.mktemp("bursts"), BURSTS, "Bursts")


@contextmanager
def reviewing(seat: Seat, bursts: BurstProject, search: str = "") -> Iterator[Watched]:
    """A tab on the review screen."""
    with seat.tab() as tab:
        tab.open(f"/projects/{bursts.project}/review{search}")
        expect_unit(tab.page)
        yield tab
        tab.expect_nothing_wrong()


def expect_unit(page: Page) -> None:
    """Wait until a unit is shown."""
    page.get_by_test_id("proposal").wait_for()


def list_shown(seat: Seat, bursts: BurstProject) -> list[tuple[Counter[str], set[str]]]:
    """The observed names in the images of each burst, newest first, and their sources."""
    with seat.server.open() as owner:
        found = owner.list_observations(project=bursts.project, limit=1000).results
    shown = []
    for images in reversed(bursts.images):
        of_burst = [one for one in found if str(one.image_id) in images]
        shown.append(
            (Counter(one.name for one in of_burst), {one.source.value for one in of_burst})
        )
    return shown


def expect_stored(page: Page, seat: Seat, bursts: BurstProject, names: list[Counter[str]]) -> None:
    """Wait until people decided exactly this, newest burst first, and models about all others."""
    wait_for(
        f"{names} to be stored",
        lambda: (
            [one for one, sources in list_shown(seat, bursts) if sources == {"human"}] == names
            and all(len(sources) == 1 for _, sources in list_shown(seat, bursts))
        ),
    )
    expect_sent(page)


def palette_of(page: Page) -> list[str]:
    """The species of the palette in their order."""
    names = page.locator("[data-testid=palette] .review-taxon-name")
    expect(names.first).to_be_visible()
    return names.all_inner_texts()


def test_one_key_decides_about_a_sequence_and_undo_leads_back_across_sequences(
    seat: Seat, bursts: BurstProject
) -> None:
    with reviewing(seat, bursts, "?reviewed=false") as tab:
        page = tab.page
        accept = page.get_by_role("button", name="Accept")
        expect(accept).to_contain_text(f"Accept {DEER} × 2")
        expect(page.locator(".review-strip .review-frame[aria-label]")).to_have_count(3)
        expect(page.locator('[data-testid="overlay"] rect[data-box-id]')).to_have_count(2)
        expect(page.get_by_test_id("progress")).to_have_text("0 of 15 images")

        page.keyboard.press("ArrowRight")
        expect(page.get_by_label("Image 2 of 3")).to_have_attribute("aria-current", "true")
        announced = page.get_by_test_id("announcement")
        expect(announced).to_contain_text(f"Sequence of 3 images, 00:40. Accept {DEER} × 2.")
        page.keyboard.press("Enter")
        expect(accept).to_contain_text(f"Accept {DEER} × 1")
        expect(announced).to_contain_text(f"Sequence of 3 images, 00:30. Accept {DEER} × 1.")
        expect(page.get_by_test_id("progress")).to_have_text("3 of 15 images")
        # Equally frequent species of the palette are in the order of their names.
        number = palette_of(page).index(FOX) + 1
        page.keyboard.press(str(number))
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("u")
        expect(accept).to_contain_text(f"Accept {BOAR} × 1")
        expect(page.get_by_test_id("last-decision")).to_contain_text("Unsure")

        page.keyboard.press("z")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("z")
        expect(accept).to_contain_text(f"Accept {DEER} × 1")
        page.keyboard.press("z")
        expect(accept).to_contain_text(f"Accept {DEER} × 2")
        expect(page.get_by_test_id("progress")).to_have_text("0 of 15 images")
        expect_stored(page, seat, bursts, [])

        page.keyboard.press("Shift+Z")
        page.keyboard.press("Shift+Z")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        expect_stored(page, seat, bursts, [Counter({DEER: 6}), Counter({FOX: 3})])

        page.keyboard.press("k")
        expect(page.get_by_test_id("own-decision")).to_have_text(f"Your decision: {FOX} × 1")
        # The decision is kept: the proposal of the model does not replace it.
        page.keyboard.press("Enter")
        expect(accept).to_contain_text(f"Accept {FOX} × 1")
        page.keyboard.press("x")
        # Text is not a decision, although a click on the image moved the focus from the field.
        page.get_by_test_id("picture").click()
        page.keyboard.type("Marten")
        page.keyboard.press("Enter")
        expect(accept).to_contain_text(f"Accept {BOAR} × 1")
        page.keyboard.press("0")
        expect(accept).to_contain_text("Accept Blank")
        page.keyboard.press("y")
        expect(page.get_by_test_id("finished")).to_contain_text("15 images reviewed")
        expect_stored(
            page,
            seat,
            bursts,
            [
                Counter({DEER: 6}),
                Counter({FOX: 3}),
                Counter({"Marten": 3}),
                Counter({"blank": 3}),
                Counter({"blank": 3}),
            ],
        )
        # The grid leads to the review of its filter. Enter keeps what people decided.
        with seat.server.open() as owner:
            stored = owner.list_identifications(project=bursts.project, limit=1000)
        before, kept = stored.count, bursts.images[BURSTS.index(Burst(FOX, DEER))]
        assert [
            (one.kind.value, one.label)
            for one in stored.results
            if str(one.image_id) in kept and one.withdrawn_at is None
        ] == [("correct", FOX)] * 3
        tab.open(f"/projects/{bursts.project}/images?order=captured_at")
        page.get_by_role("link", name="Review 15").click()
        expect_unit(page)
        assert page.url.endswith("/review?order=captured_at")
        for _ in range(2):
            expect(page.get_by_role("button", name="Keep and go to next")).to_be_visible()
            page.keyboard.press("Enter")
        expect(page.get_by_test_id("proposal")).to_contain_text("Marten")
        with seat.server.open() as owner:
            assert owner.list_identifications(project=bursts.project, limit=1).count == before
        page.keyboard.press("Escape")
        page.locator(".tile[data-image-id]").first.wait_for()
        page.get_by_role("link", name="Review", exact=True).click()
        expect(page.get_by_text("No images match this filter")).to_be_visible()


def count_starred(seat: Seat, bursts: BurstProject) -> int:
    """Count the images with a star that the server has stored."""
    with seat.server.open() as owner:
        return len(owner.list_images(project=bursts.project, starred=True).results)


def test_boxes_counts_marks_and_image_tools_have_keys(seat: Seat, tmp_path: Path) -> None:
    two = [Burst(FOX, FOX), Burst(DEER, DEER, count=2)]
    bursts = make_burst_project(seat.server, tmp_path, two, "Boxes")
    fox_images, deer_images = bursts.images
    with reviewing(seat, bursts) as tab:
        page = tab.page
        proposal, picture = page.get_by_test_id("proposal"), page.get_by_test_id("picture")
        page.locator('[data-testid="overlay"] rect[data-box-id]').first.wait_for()
        page.keyboard.press("s")
        star = page.get_by_role("button", name="Star", exact=True)
        expect(star).to_have_attribute("aria-pressed", "true")
        wait_for("the star", lambda: count_starred(seat, bursts) == 1)
        expect_sent(page)
        tab.expect_nothing_wrong()
        # Without a network the star waits like a decision, and is shown at the image.
        page.context.set_offline(True)
        page.keyboard.press("s")
        expect(star).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_test_id("outbox")).to_contain_text("1 waiting")
        page.keyboard.press("s")
        expect(star).to_have_attribute("aria-pressed", "true")
        page.context.set_offline(False)
        expect_sent(page)
        tab.wrong.clear()
        page.keyboard.press("m")
        page.keyboard.type("Two of them")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("last-decision")).to_contain_text("Comment")

        fitted = picture.get_attribute("style")
        page.keyboard.press("f")
        expect(picture).not_to_have_attribute("style", fitted or "")
        page.keyboard.press("f")
        expect(picture).to_have_attribute("style", fitted or "")
        page.keyboard.press("b")
        expect(picture.locator("img").first).to_have_css(
            "filter", 'url("#review-gamma") contrast(1.1)'
        )
        page.reload()
        # The preset is remembered for the deployment.
        expect(picture.locator("img").first).to_have_css(
            "filter", 'url("#review-gamma") contrast(1.1)'
        )
        page.keyboard.press("v")
        page.get_by_role("slider", name="Brightness").fill("150")
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("adjustments")).to_have_count(0)
        page.keyboard.press("b")
        expect(picture.locator("img").first).to_have_css("filter", "none")
        tools = page.get_by_role("group", name="Image tools")
        play = tools.get_by_role("button", name="Play sequence")
        page.keyboard.press("Space")
        expect(page.get_by_label("Image 2 of 3")).to_have_attribute("aria-current", "true")
        expect(play).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Space")
        expect(play).to_have_attribute("aria-pressed", "false")

        # A selected box ends playing, so that the next key is about the box.
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        expect(play).to_have_attribute("aria-pressed", "false")
        expect(proposal).to_contain_text("Box 1 of 6")
        page.keyboard.press(str(palette_of(page).index(FOX) + 1))
        expect(proposal).to_contain_text("Box 2 of 6")
        page.keyboard.press("0")
        expect(proposal).to_contain_text("Box 3 of 6")
        expect(page.get_by_label("Image 2 of 3")).to_have_attribute("aria-current", "true")
        # The undo shows the box on its image.
        page.keyboard.press("z")
        expect(proposal).to_contain_text("Box 2 of 6")
        expect(page.get_by_label("Image 1 of 3")).to_have_attribute("aria-current", "true")
        page.keyboard.press("0")
        expect(proposal).to_contain_text("Box 3 of 6")
        page.keyboard.press("Escape")
        # The other images are confirmed; the decisions about the boxes remain.
        page.keyboard.press("Enter")
        expect(proposal).to_contain_text(f"{FOX} × 1")
        page.keyboard.press("r")
        expect(page.get_by_test_id("finished")).to_be_visible()
        page.keyboard.press("z")
        page.keyboard.press("c")
        page.keyboard.press("4")
        expect(page.get_by_role("button", name="Accept")).to_contain_text(f"Accept {FOX} × 4")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("finished")).to_be_visible()
        expect_stored(page, seat, bursts, [Counter({DEER: 4, FOX: 1}), Counter({FOX: 3})])
    with seat.server.open() as owner:
        starred = owner.list_images(project=bursts.project, starred=True).results
        stated = owner.list_identifications(project=bursts.project, limit=1000).results
    assert [str(one.id) for one in starred] == [deer_images[0]]
    remarks = [str(one.image_id) for one in stated if one.comment == "Two of them"]
    assert remarks == [deer_images[0]]
    confirmed = {str(one.image_id) for one in stated if one.kind.value == "confirm"}
    assert confirmed == {*deer_images[1:]}
    counted = [
        one for one in stated if str(one.image_id) in fox_images and one.withdrawn_at is None
    ]
    assert [(one.kind.value, one.label, one.count) for one in counted] == [("correct", FOX, 4)] * 3


@pytest.mark.long
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "laptop", "large"])
def test_axe_finds_nothing_in_any_state_of_the_review(
    seat: Seat, bursts: BurstProject, size: str, colours: str
) -> None:
    axe, found = read_axe(), []
    with seat.tab(size, colours) as tab:
        page = tab.open(f"/projects/{bursts.project}/review")
        expect_unit(page)
        page.locator('[data-testid="overlay"] rect[data-box-id]').first.wait_for()
        for state, shown in {
            "Tab": "text=Box 1 of 6",
            "v": "[data-testid=adjustments]",
            "x": "[data-testid=species-search]",
            "m": ".review-comment",
            "c": "[data-testid=count] [data-typing]",
            "?": "[role=dialog]:visible",
        }.items():
            page.keyboard.press(state)
            page.locator(shown).wait_for()
            found += [f"{state}: {said}" for said in find_barriers(page, axe)]
            page.keyboard.press("Escape")
            expect(page.locator(shown)).to_have_count(0)
        tab.expect_nothing_wrong()
    assert not found, "\n".join(found)
