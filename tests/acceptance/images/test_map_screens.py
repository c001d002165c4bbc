"""The deployment map, the first steps of a project, buttons of all screens, server failures."""

import gzip
import json
import re
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from playwright.sync_api import TimeoutError as TooLate
from tests.support.browser_session import EACH_SIZE, SIZES, Watched
from tests.support.populated_project import Furnished, furnish
from tests.support.signed_in_browser import Seat, box_of

import trapline.server
from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.projects import ProjectUpdate

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end

FIRST_LOAD_KB = 135
"""Most bytes that a browser may fetch before the part of a screen, compressed."""

NEWER_JOBS = """
    insert into jobs overriding system value
    select made.* from jobs j, generate_series(1, 50) n, lateral jsonb_populate_record(
        j, jsonb_build_object('id', nextval(pg_get_serial_sequence('jobs', 'id')), 'name',
        'Newer ' || n)
    ) made where j.id = %s
"""


@pytest.fixture(scope="module")
def furnished(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Deployments with and without a position."""
    return furnish(seat.server, seat.scene, tmp_path_factory.mktemp("furniture"))


def test_the_map_and_the_list_stay_in_step(tab: Watched, furnished: Furnished) -> None:
    page = tab.open(f"/projects/{furnished.scene.project}/deployments")
    shown = page.get_by_test_id("map")
    # The ford and the bridge are some metres from each other: one point until one zooms in.
    together = shown.get_by_role("button", name=re.compile("deployments close to each other"))
    expect(together.first).to_be_visible()
    expect(page.get_by_text("2 deployments have no position yet")).to_be_visible()
    ford = page.get_by_role("button", name="Show Kaltenbach ford on the map")
    ford.click()
    card = page.get_by_test_id("place-card")
    expect(card).to_contain_text("Kaltenbach ford")
    expect(card.locator("img")).to_be_visible()
    assert f"at={furnished.places['Kaltenbach ford']}" in page.url
    page.reload()
    expect(card).to_contain_text("Kaltenbach ford")
    # By keys: to the next pin in the list, and the map goes along.
    ford.focus()
    page.keyboard.press("ArrowUp")
    expect(card).to_contain_text("Kaltenbach bridge")
    silent = page.get_by_role("button", name="Show Upper clearing on the map")
    silent.click()
    expect(card).to_contain_text("Silent. Its last image was taken")
    expect(shown.get_by_role("button", name="Upper clearing, silent")).to_be_visible()
    before = shown.locator(".map-scale").inner_text()
    page.get_by_role("group", name=re.compile("Map of the deployments")).focus()
    for _ in range(4):
        page.keyboard.press("+")
    expect(shown.locator(".map-scale")).not_to_have_text(before)
    page.keyboard.press("0")
    expect(shown.locator(".map-scale")).to_have_text(before)
    place = shown.get_by_role("button", name="Upper clearing, silent")
    at = box_of(place)
    frame = box_of(shown)
    page.mouse.move(frame["x"] + 30, frame["y"] + 120)
    page.mouse.down()
    page.mouse.move(frame["x"] + 70, frame["y"] + 90, steps=4)
    page.mouse.up()
    moved = box_of(place)
    assert (round(moved["x"] - at["x"]), round(moved["y"] - at["y"])) == (40, -30)
    tab.expect_nothing_wrong()


def test_a_position_is_set_by_a_press_on_the_map(tab: Watched, furnished: Furnished) -> None:
    place = furnished.places["Not measured yet"]
    page = tab.open(f"/projects/{furnished.scene.project}/deployments/{place}")
    dialog = page.get_by_role("dialog")
    frame = dialog.get_by_role("group", name=re.compile("Map to set the position"))
    frame.click(position={"x": 60, "y": 120})
    expect(dialog.get_by_label("Latitude")).to_have_value(re.compile(r"^48\.\d{5}$"))
    expect(dialog.get_by_label("Longitude")).to_have_value(re.compile(r"^8\.\d{5}$"))
    cross = box_of(dialog.get_by_test_id("map-cross"))
    at = box_of(frame)
    assert abs(cross["x"] + cross["width"] / 2 - at["x"] - 60) < 2
    assert abs(cross["y"] + cross["height"] / 2 - at["y"] - 120) < 2
    west = float(dialog.get_by_label("Longitude").input_value())
    frame.click(position={"x": 200, "y": 60})
    assert float(dialog.get_by_label("Longitude").input_value()) > west
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Show Not measured yet on the map")).to_be_visible()
    tab.expect_nothing_wrong()


def test_the_overview_and_the_first_steps_say_what_is_so(
    seat: Seat, tab: Watched, furnished: Furnished
) -> None:
    page = tab.open(f"/projects/{furnished.empty}")
    steps = page.get_by_test_id("first-steps")
    expect(steps).to_contain_text("2 of 6 done")
    expect(steps.locator("[aria-current=step]")).to_contain_text("Where are your cameras?")
    steps.get_by_role("button", name="Add deployment").click()
    page.get_by_label("Name").fill("First place")
    page.get_by_role("dialog").get_by_role("button", name="Add deployment").click()
    expect(steps).to_contain_text("3 of 6 done")
    expect(steps.locator("[aria-current=step]")).to_contain_text("Add images")
    said = page.get_by_text("This project is archived and read-only")
    expect(said).to_have_count(0)
    with seat.server.open() as owner:
        owner.update_project(furnished.empty, ProjectUpdate(archived=True))
        page.reload()
        expect(said).to_be_visible()
        owner.update_project(furnished.empty, ProjectUpdate(archived=False))
    # A project with results needs no more steps; its running jobs are shown, although many jobs are
    # newer.
    with psycopg.connect(find_running_url(seat.server.data) or "") as connection:
        connection.execute(NEWER_JOBS, (furnished.scene.job,))
    page = tab.open(f"/projects/{furnished.scene.project}")
    expect(page.locator(".figures")).to_contain_text(re.compile(r"[1-9] jobs? running"))
    with seat.server.open() as owner:
        silent = [
            one for one in owner.list_deployments(furnished.scene.project) if one.silent_since
        ]
    expect(page.get_by_role("link", name=f"{len(silent)} cameras are silent")).to_be_visible()
    expect(page.get_by_role("link", name="In the line")).to_be_visible()
    expect(steps).to_have_count(0)
    tab.expect_nothing_wrong()


@pytest.mark.long
def test_every_screen_says_that_the_server_fails(tab: Watched, furnished: Furnished) -> None:
    page = tab.page
    known = re.compile(r"/auth/me$|/projects/\d+$|/events\b|/projects\?")

    def refuse(route: Route) -> None:
        if known.search(route.request.url):
            route.continue_()
            return
        said = {"type": "about:blank", "title": "No", "status": 403, "detail": "No access."}
        route.fulfill(status=403, content_type="application/problem+json", body=json.dumps(said))

    page.route(re.compile(r"/api/v2/|/image-pull-sources"), refuse)
    silent = []
    for path in furnished.screens():
        if path.endswith(("/nowhere", "/new", "/settings", "/check")):
            continue  # Each works without an answer, or reports that nothing exists.
        page = tab.open(path)
        alert = page.get_by_role("alert").first
        try:
            alert.wait_for(timeout=4_000)
        except TooLate:  # all of them are reported together
            silent.append(path)
            continue
        expect(alert).to_contain_text("No access. Nothing")
        expect(alert).to_contain_text("Ask an owner of the project")
    tab.wrong.clear()  # the browser's words on the answers
    assert not silent, f"said nothing: {silent}"


def test_an_error_of_what_stands_between_is_said_and_tried_again(
    tab: Watched, furnished: Furnished
) -> None:
    page = tab.page
    fails = True

    def fail(route: Route) -> None:
        if fails:
            route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")
        else:
            route.continue_()

    page.route("**/api/v2/jobs?*", fail)
    tab.open(f"/projects/{furnished.scene.project}/jobs")
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text(
        "The server returned an error (502)", timeout=15_000
    )  # behind two more tries
    expect(alert).to_contain_text("Stored data is not affected")
    fails = False
    alert.get_by_role("button", name="Try again").click()
    expect(
        page.locator(f'a[href^="/projects/{furnished.scene.project}/jobs/"]').first
    ).to_be_visible()
    tab.wrong.clear()  # the browser's words on the answers


@pytest.mark.parametrize("size", EACH_SIZE)
def test_every_screen_opens_without_a_word_of_complaint(
    seat: Seat, furnished: Furnished, size: str
) -> None:
    """Open a third of the screens in this window size, and resize them to the others."""
    place = list(SIZES).index(size)
    windows = [*SIZES.values()][place:] + [*SIZES.values()][:place]
    with seat.tab(size) as tab:
        for path in furnished.screens()[place :: len(SIZES)]:
            page = tab.open_whole(path)
            for number, (width, height) in enumerate(windows):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme="dark" if number % 2 else "light")
                wider = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wider <= 0, f"{path} is {wider} px wider than the window of {width} px"
            tab.expect_nothing_wrong()


def press(page: Page, button: Locator) -> None:
    """Press a button; close a dialog first that opened after the release of the one before."""
    try:
        button.click(timeout=3_000)
    except TooLate:
        page.keyboard.press("Escape")
        button.click()


def close_what_opened(page: Page, buttons: Locator, count: int) -> bool:
    """Press Escape until the screen's buttons are there again; whether they are.

    A dialog whose code is still on its way opens after the first Escape, and while it is open the
    screen's own buttons are not to be found.
    """
    for _ in range(3):
        page.keyboard.press("Escape")
        try:
            expect(buttons).to_have_count(count, timeout=400)
        except AssertionError:
            continue
        return True
    return False


@pytest.mark.long
@pytest.mark.parametrize("size", ["phone", "laptop"])
def test_every_button_can_be_pressed(seat: Seat, furnished: Furnished, size: str) -> None:
    harmful = re.compile(
        "Sign out|Delete|Revoke|Cancel|Make |Add the|Save|Start$|Pause|Resume|Run "
        "now|Download|Retry|Evict|Run$|Take it"
    )
    with seat.tab(size) as tab:
        for number, path in enumerate(furnished.screens()):
            page = tab.open_whole(path)
            dialog = page.get_by_role("dialog")
            # The buttons that every screen has are pressed on the first one.
            around = (
                page.locator("#content") if number and page.locator("#content").count() else page
            )
            buttons = (dialog if dialog.count() else around).get_by_role("button")
            at = -1
            while (at := at + 1) < (count := buttons.count()):
                button = buttons.nth(at)
                said = (button.get_attribute("aria-label") or button.text_content() or "").strip()
                if harmful.search(said) or not button.is_visible() or not button.is_enabled():
                    continue
                press(page, button)
                stayed = page.url == seat.server.base_url + path
                if (
                    not (stayed and close_what_opened(page, buttons, count))
                    or page.url != seat.server.base_url + path
                ):
                    tab.open_whole(path)
            tab.expect_nothing_wrong()


@pytest.mark.parametrize("document", ["index.html", "index.de.html"])
def test_the_first_load_is_small(document: str) -> None:
    page = Path(trapline.server.__file__).parent / "page"
    if not (page / "index.html").exists():
        pytest.skip("the page is not built (make web)")
    files = re.findall(
        r'(?:src|href)="/(assets/[^"]+)"', (page / document).read_text(encoding="utf-8")
    )
    assert files
    size = sum(len(gzip.compress((page / file).read_bytes())) for file in files)
    assert size / 1000 < FIRST_LOAD_KB
