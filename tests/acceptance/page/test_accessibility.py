"""Accessibility: axe on every screen, keyboard navigation, and sizes of touch targets."""

import os
from collections.abc import Iterator
from itertools import cycle

import pytest
from playwright.sync_api import Page, expect
from tests.support.accessibility_checker import find_barriers, read_axe
from tests.support.browser_session import WHOLE, WINDOWS, Watched
from tests.support.populated_project import Furnished, furnish
from tests.support.signed_in_browser import Seat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

LOOKS = [
    [("laptop", "light")],
    [("phone", "dark")],
    [("tablet", "light")],
    [("laptop", "dark")],
    [("phone", "light")],
    [("tablet", "dark")],
]
"""Windows and themes take turns over the screens; the soak looks at each screen in all of them."""
if os.environ.get("TRAPLINE_SOAK"):
    LOOKS = [
        [(size, colours) for size in ("laptop", "tablet", "phone") for colours in ("light", "dark")]
    ]
DIALOGS = [
    ("", "?"),
    ("/images", "Upload"),
    ("/images?kind=animal&from=2026-05-01", "Filter"),
    ("/jobs", "Start a job"),
    ("/workers", "Connect a worker"),
    ("/integrations", "Create key"),
    ("/integrations/webhooks", "Add webhook"),
    ("/settings/members", "Your account"),
]
"""Screens and the button, or the key, that opens something over them."""
WITHOUT_RING = """() => {
  const at = document.activeElement
  if (!at || at === document.body) return null
  const near = [at, ...at.querySelectorAll('*'), at.nextElementSibling, at.parentElement]
  const shown = near.filter(Boolean)
  const ringed = shown.some((one) => getComputedStyle(one).outlineStyle !== 'none')
  return ringed ? '' : at.outerHTML.slice(0, 160)
}"""
# Behind the last field the focus goes to the browser, and comes back to the first.
OUTSIDE = """() => {
  const at = document.activeElement
  return at === document.body || at.closest('[role=dialog]') ? null : at.outerHTML.slice(0, 200)
}"""
TOO_SMALL = """() => {
  const named = 'button, .button, .icon-button, input, select, textarea, summary, .rail a, .tab,'
    + '[role=menuitem]'
  const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const target = (one) => (['checkbox', 'radio'].includes(one.type) && one.closest('label')) || one
  return [...document.querySelectorAll(named)].filter(seen).flatMap((one) => {
    const { width, height } = target(one).getBoundingClientRect()
    const hidden = width < 2 || height < 2
    if (hidden || (width > 43.5 && height > 43.5)) return []
    return [`${width} x ${height}: ${one.outerHTML.slice(0, 140)}`]
  })
}"""


@pytest.fixture(scope="module")
def furnished(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Something on every screen."""
    return furnish(seat.server, seat.scene, tmp_path_factory.mktemp("furniture"))


@pytest.fixture
def tablet(seat: Seat) -> Iterator[Watched]:
    """A tab that is touched."""
    with seat.tab("tablet") as tab:
        yield tab


def test_axe_finds_nothing_serious_on_any_screen(tab: Watched, furnished: Furnished) -> None:
    axe = read_axe()
    found: list[str] = []
    turns = cycle(LOOKS)

    def look(page: Page, path: str) -> None:
        for size, colours in next(turns):
            width, height = WINDOWS[size]
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(
                color_scheme="dark" if colours == "dark" else "light", reduced_motion="reduce"
            )
            found.extend(f"{path}, {size}, {colours}: {said}" for said in find_barriers(page, axe))

    for path in [*furnished.screens(), *furnished.empty_screens()]:
        look(tab.open_whole(path), path)
    for path, opener in DIALOGS:
        tab.page.set_viewport_size({"width": 1366, "height": 768})
        page = tab.open_whole(f"/projects/{furnished.scene.project}{path}")
        if opener == "?":
            page.keyboard.press("?")
        else:
            page.get_by_role("button", name=opener).first.click()
        page.locator("[role=dialog]:visible, [role=menu]:visible").first.wait_for()
        look(page, f"{path} with “{opener}”")
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious_in_the_grid_at_any_size(
    tab: Watched, furnished: Furnished
) -> None:
    """A narrow tile clips some of its text, which the accessible name must still contain."""
    axe = read_axe()
    page = tab.open_whole(f"/projects/{furnished.scene.project}/images")
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    for size, (width, height) in WINDOWS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.locator(".tile-class").first.wait_for()
        page.wait_for_function(WHOLE)
        found.extend(f"{size}: {said}" for said in find_barriers(page, axe))
    assert not found, "\n".join(found)


def test_the_doors_hold_nobody_up(seat: Seat, furnished: Furnished) -> None:
    axe = read_axe()
    with seat.tab() as tab:
        tab.page.context.clear_cookies()
        for path in ("/sign-in", "/welcome#nothing"):
            page = tab.open(path)
            page.locator("h1").first.wait_for()
            for colours in ("light", "dark"):
                page.emulate_media(
                    color_scheme="dark" if colours == "dark" else "light", reduced_motion="reduce"
                )
                assert not find_barriers(page, axe)


def test_each_screen_is_left_by_the_keyboard_and_shows_where_it_is(
    tab: Watched, furnished: Furnished
) -> None:
    project = f"/projects/{furnished.scene.project}"
    for path in (
        project,
        f"{project}/images",
        f"{project}/deployments",
        f"{project}/jobs",
        f"{project}/sources/new",
    ):
        page = tab.open_whole(path)
        page.get_by_role("button", name="Your account").wait_for()
        if path.endswith("/new"):
            expect(page.locator("form input:focus")).to_have_count(
                1
            )  # a form begins in its first field
        else:
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        for _ in range(150):
            page.keyboard.press("Tab")
            missing = page.evaluate(WITHOUT_RING)
            if missing is None or "skip" in str(page.evaluate("document.activeElement.className")):
                break
            assert missing == "", f"{path}: nothing shows that the focus is on {missing}"
        else:
            pytest.fail(f"{path}: Tab never comes to the end")
    page = tab.open_whole(f"{project}/jobs")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_a_dialog_keeps_the_focus_and_gives_it_back(tab: Watched, furnished: Furnished) -> None:
    page = tab.open_whole(f"/projects/{furnished.scene.project}/workers")
    opener = page.get_by_role("button", name="Connect a worker").first
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name of the worker's machine")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        outside = page.evaluate(OUTSIDE)
        assert outside is None, f"the focus left the dialog for {outside}"
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_the_grid_is_walked_and_an_image_opened_by_keys(tab: Watched, furnished: Furnished) -> None:
    page = tab.open_whole(f"/projects/{furnished.scene.project}/images")
    tiles = page.locator(".tile[data-image-id]")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_test_id("picture").wait_for()
    page.keyboard.press("Escape")
    page.locator(".tile[data-image-id]").first.wait_for()


@pytest.mark.long
def test_a_finger_hits_everything_on_a_tablet_turned_or_not(
    tablet: Watched, furnished: Furnished
) -> None:
    width, height = WINDOWS["tablet"]
    assert tablet.page.evaluate("matchMedia('(pointer: coarse)').matches")
    small: list[str] = []
    for path in furnished.screens():
        page = tablet.open_whole(path)
        for across, down in ((width, height), (height, width)):
            page.set_viewport_size({"width": across, "height": down})
            wider = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wider <= 0, f"{path} is {wider} px wider than the window of {across} px"
            small += [f"{path}, {across} px: {said}" for said in page.evaluate(TOO_SMALL)]
    assert not small, "\n".join(small)
