"""The page in a real browser, against the real server: what people do, and where boxes lie on the pixels."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.acceptance.browsing import SIZES, Watched, open_browser, open_tab
from tests.acceptance.pictures import fill, serve_slowly
from tests.acceptance.running import EMAIL, PASSWORD, RunningServer
from tests.acceptance.scene import WHITE, Scene, make_scene, work
from trapline.wire.jobs import NewJob
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of playwright's own sockets at its end


@dataclass
class Seat:
    """A browser that is signed in, the server, and the project with known pictures."""

    browser: Browser
    server: RunningServer
    scene: Scene
    state: StorageState

    def tab(self, size: str = "laptop", colours: str = "light") -> AbstractContextManager[Watched]:
        """A signed-in tab."""
        return open_tab(
            self.browser,
            self.server.base_url,
            size=size,
            colours="dark" if colours == "dark" else "light",
            state=self.state,
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope="module")
def seat(browser: Browser, server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Seat:
    scene = make_scene(server, tmp_path_factory.mktemp("pictures"))
    with open_tab(browser, server.base_url) as tab:
        sign_in(tab)
        return Seat(browser, server, scene, tab.page.context.storage_state())


def sign_in(tab: Watched) -> None:
    page = tab.open("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/projects/"))


@pytest.fixture
def tab(seat: Seat) -> Iterator[Watched]:
    """A signed-in tab in which nothing may go wrong."""
    with seat.tab() as opened:
        yield opened
        opened.expect_nothing_wrong()


def box_of(place: Locator) -> dict[str, float]:
    """Where an element is, in CSS pixels of the window: x, y, width, height."""
    found = place.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def find_white(page: Page, within: dict[str, float], inset: int = 0) -> tuple[float, float, float, float]:
    """The edges of what is white on the screen within a rectangle: x1, y1, x2, y2 in CSS pixels of the window."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("L")
    left, top = max(0, round(within["x"])) + inset, max(0, round(within["y"])) + inset
    right, bottom = round(within["x"] + within["width"]) - inset, round(within["y"] + within["height"]) - inset
    area = shot.crop((left, top, right, bottom))
    found = area.point(lambda value: 255 if value > 200 else 0).getbbox()
    assert found is not None, "nothing white is on the screen"
    return (found[0] + left, found[1] + top, found[2] + left, found[3] + top)


def expect_around(box: dict[str, float], white: tuple[float, float, float, float], off_by: float = 2.0) -> None:
    """The box's line runs along the edges of the white thing."""
    edges = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    apart = [abs(edge - other) for edge, other in zip(edges, white, strict=True)]
    assert max(apart) <= off_by, f"the box is at {edges}, the white thing at {white}"


def line_of(page: Page, name: str = "lynx") -> dict[str, float]:
    """Where a class's box is. The rectangle of an SVG element is that of its geometry, without its line."""
    at = page.locator(f'[data-testid="overlay"] rect[data-class="{name}"]')
    expect(at).to_have_count(1)
    found: dict[str, float] = json.loads(
        at.evaluate("e => JSON.stringify(e.getBoundingClientRect())"),
    )
    return found


def open_image(tab: Watched, scene: Scene, name: str, search: str = "") -> Page:
    """Open the viewer, and wait until the picture is there."""
    page = tab.open(f"/projects/{scene.project}/images/{scene.images[name].id}{search}")
    wait_for_picture(page)
    return page


def wait_for_picture(page: Page) -> None:
    page.get_by_test_id("picture").wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-testid=picture] img')].every(i => i.complete && i.naturalWidth > 0)"
    )


def test_the_first_owner_comes_in_by_the_link_and_brings_pictures(
    browser: Browser, own_server: RunningServer, tmp_path: Path
) -> None:
    own_server.start()
    link = own_server.read_link()
    with open_tab(browser, own_server.base_url) as tab:
        page = tab.open(f"/welcome#{link}")
        page.get_by_label("Your name").fill("Ana Lind")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        # A new installation may already have a first project; with none, the page asks for one.
        page.wait_for_url(re.compile("/projects/"))
        if page.url.endswith("/new"):
            page.get_by_label("Name").fill("Black Forest")
            page.get_by_role("button", name="Make the project").click()
        page.get_by_test_id("first-steps").wait_for()

        page.get_by_role("button", name="Add a deployment").click()
        page.get_by_label("Name").fill("Kaltenbach ford")
        page.get_by_label("Latitude").fill("48.1")
        page.get_by_label("Longitude").fill("8.2")
        page.get_by_role("dialog").get_by_role("button", name="Add the deployment").click()
        expect(page.get_by_role("dialog")).to_have_count(0)

        page.get_by_role("link", name="Images", exact=True).click()
        page.get_by_role("button", name="Upload").first.click()
        readme = tmp_path / "README.txt"
        readme.write_text("no picture", encoding="utf-8")
        page.get_by_test_id("files").set_input_files([*fill(tmp_path / "card", 3), readme])
        page.get_by_role("button", name="Upload 4 files").click()
        expect(page.get_by_text("3 images imported.")).to_be_visible()
        expect(page.get_by_test_id("upload-list").get_by_text("refused")).to_have_count(1)
        page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
        expect(page.locator(".tile[data-image-id]")).to_have_count(3)
        expect(page.locator(".tile img")).to_have_count(3, timeout=20_000)
        tab.wrong = [said for said in tab.wrong if "401" not in said]  # who am I, before the link was used
        tab.expect_nothing_wrong()


def test_a_wrong_password_is_said_and_the_way_is_kept(seat: Seat) -> None:
    with open_tab(seat.browser, seat.server.base_url) as tab:
        page = tab.open(f"/projects/{seat.scene.project}/jobs")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill("something else")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/projects/{seat.scene.project}/jobs")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["wide.jpg", "turned.jpg"])
def test_boxes_lie_on_the_right_pixels_of_the_grid(seat: Seat, size: str, name: str) -> None:
    with seat.tab(size) as tab:
        page = tab.open(f"/projects/{seat.scene.project}/images")
        tile = page.locator(f'.tile[data-image-id="{seat.scene.images[name].id}"]')
        tile.locator("rect[data-class=lynx]").wait_for()
        page.evaluate("() => Promise.all([...document.querySelectorAll('.tile img')].map(i => i.decode()))")
        box = json.loads(
            tile.locator("rect[data-class=lynx]").evaluate("e => JSON.stringify(e.getBoundingClientRect())")
        )
        page.evaluate("document.querySelectorAll('.tile svg, .tile-check').forEach(e => e.style.visibility = 'hidden')")
        # Its corners are round: what shows through there is no picture.
        white = find_white(page, box_of(tile.locator("img")), inset=6)
        expect_around(box, white)
        tab.expect_nothing_wrong()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["wide.jpg", "turned.jpg"])
def test_boxes_lie_on_the_right_pixels_of_the_viewer(seat: Seat, size: str, name: str) -> None:
    with seat.tab(size, "dark") as tab:
        page = open_image(tab, seat.scene, name)
        box = line_of(page)
        picture = box_of(page.get_by_test_id("picture"))
        stored = seat.scene.images[name]
        scale = picture["width"] / stored.width
        assert picture["height"] / stored.height == pytest.approx(scale, rel=1e-3)
        expect_around(
            box,
            (
                picture["x"] + WHITE[0] * scale,
                picture["y"] + WHITE[1] * scale,
                picture["x"] + WHITE[2] * scale,
                picture["y"] + WHITE[3] * scale,
            ),
            1.0,
        )
        page.keyboard.press("b")
        expect(page.locator('[data-testid="overlay"] rect')).to_have_count(0)
        expect_around(box, find_white(page, picture))
        tab.expect_nothing_wrong()


def test_a_box_has_its_colour_and_a_label_inside_the_picture(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg")
    box = line_of(page)
    colour = page.locator('[data-testid="overlay"] rect[data-class="lynx"]').evaluate("e => getComputedStyle(e).stroke")
    wanted = tuple(int(part) for part in re.findall(r"\d+", colour)[:3])
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    middle = (round(box["x"] + box["width"] / 2), round(box["y"] + box["height"]))
    near = [shot.getpixel((middle[0], middle[1] + dy)) for dy in (-1, 0, 1)]
    assert any(
        max(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) < 40 for pixel in near if isinstance(pixel, tuple)
    ), f"the line is {near}, not {wanted}"
    picture = box_of(page.get_by_test_id("picture"))
    for _ in range(6):
        label = box_of(page.locator("[data-label-for] rect"))
        canvas = box_of(page.get_by_test_id("canvas"))
        picture = box_of(page.get_by_test_id("picture"))
        assert label["x"] >= max(picture["x"], canvas["x"]) - 1
        assert label["y"] >= max(picture["y"], canvas["y"]) - 1
        assert label["x"] + label["width"] <= min(picture["x"] + picture["width"], canvas["x"] + canvas["width"]) + 1
        page.keyboard.press("+")


def test_zoom_and_pan_keep_the_box_on_its_pixels(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg")
    before = box_of(page.get_by_test_id("picture"))
    box = line_of(page)
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    for _ in range(3):
        page.mouse.wheel(0, -200)
    page.wait_for_function(
        "width => document.querySelector('[data-testid=picture]').getBoundingClientRect().width > 1.8 * width",
        arg=before["width"],
    )
    wait_for_picture(page)
    zoomed = line_of(page)
    assert zoomed["x"] + zoomed["width"] / 2 == pytest.approx(middle[0], abs=2), "what is under the pointer stays there"
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] - 40, steps=4)
    page.mouse.up()
    moved = line_of(page)
    assert moved["x"] - zoomed["x"] == pytest.approx(60, abs=2)
    assert moved["y"] - zoomed["y"] == pytest.approx(-40, abs=2)
    page.keyboard.press("b")
    expect(page.locator('[data-testid="overlay"] rect')).to_have_count(0)
    expect_around(moved, find_white(page, box_of(page.get_by_test_id("canvas"))), 3.0)

    page.keyboard.press("1")
    expect(page.get_by_test_id("zoom")).to_have_text("100 %")
    assert box_of(page.get_by_test_id("picture"))["width"] == pytest.approx(800, abs=1)
    page.keyboard.press("0")
    assert box_of(page.get_by_test_id("picture")) == pytest.approx(before, abs=1)
    page.get_by_role("button", name="Zoom in").click()
    assert box_of(page.get_by_test_id("picture"))["width"] > before["width"] * 1.3


def test_the_slider_and_the_toggles_hide_boxes(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg")
    faint = page.locator('[data-testid="overlay"] rect[data-class="badger"]')
    sure = page.locator('[data-testid="overlay"] rect[data-class="lynx"]')
    expect(sure).to_have_count(1)
    expect(faint).to_have_count(0)
    expect(page.get_by_text("1 more is below the slider")).to_be_visible()
    page.get_by_test_id("confidence").fill("5")
    expect(faint).to_have_count(1)
    assert "confidence=5" in page.url
    page.get_by_test_id("confidence").fill("95")
    expect(sure).to_have_count(0)
    page.get_by_test_id("confidence").fill("5")
    page.locator('[data-toggle="lynx"]').click()
    expect(sure).to_have_count(0)
    expect(faint).to_have_count(1)
    page.reload()
    wait_for_picture(page)
    expect(sure).to_have_count(0)
    expect(faint).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    expect(sure).to_have_count(1)
    page.locator("[data-analysis-id]").first.uncheck()
    expect(sure).to_have_count(0)
    page.locator("[data-analysis-id]").first.check()
    expect(sure).to_have_count(1)


def test_the_list_lights_the_box_and_the_box_the_list(tab: Watched, seat: Seat) -> None:
    page = open_image(tab, seat.scene, "wide.jpg", "?confidence=0")
    sure = page.locator('[data-testid="overlay"] rect[data-class="lynx"]')
    faint = page.locator('[data-testid="overlay"] rect[data-class="badger"]')
    name = sure.get_attribute("data-box-id")
    assert sure.get_attribute("stroke-width") == "2"
    entry = page.locator(f'[data-finding-id="{name}"]')
    entry.hover()
    expect(sure).to_have_attribute("stroke-width", "4")
    expect(faint.locator("..")).to_have_class("dimmed")
    box = line_of(page)
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    expect(entry).to_have_class(re.compile("lit"))


def test_keys_do_what_the_mouse_does(tab: Watched, seat: Seat) -> None:
    project = seat.scene.project
    page = tab.open(f"/projects/{project}/images")
    page.locator(".tile[data-index='0']").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tile[data-index='1']")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 image selected")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("1 image selected")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/images/[0-9a-f-]{36}"))
    first = page.url
    wait_for_picture(page)
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    wait_for_picture(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(first)
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/projects/{project}/images")
    page.locator(".tile").first.wait_for()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("Known place")
    expect(page.locator(".menu").get_by_role("option", name="Known place")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("deployment="))
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url(f"**/projects/{project}/jobs")


def test_filters_live_in_the_address(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/images")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(3)
    page.get_by_label("Class", exact=True).select_option("lynx")
    expect(tiles).to_have_count(2)
    assert "class=lynx" in page.url
    page.reload()
    expect(tiles).to_have_count(2)
    page.get_by_label("From", exact=True).fill("2026-05-03")
    page.get_by_label("To", exact=True).fill("2026-05-03")
    expect(tiles).to_have_count(1)
    page.get_by_role("button", name="Clear filters").click()
    expect(tiles).to_have_count(3)


def test_a_job_moves_without_a_reload(tab: Watched, seat: Seat) -> None:
    scene = seat.scene
    page = tab.open(f"/projects/{scene.project}/jobs")
    page.get_by_role("button", name="Start a job").click()
    page.get_by_label("Name (optional)").fill("Watched job")
    page.get_by_role("dialog").get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    job_id = int(page.url.rsplit("/", 1)[1])
    expect(page.get_by_test_id("progress")).to_contain_text("0 of 3")
    page.evaluate("window.notReloaded = true")
    names = {str(image.id): name for name, image in scene.images.items()}
    with seat.server.open() as owner:
        job = owner.get_job(job_id)
    assert work(seat.server, scene.worker_token, job, names, at_most=1) == 1
    expect(page.get_by_test_id("progress")).to_contain_text("1 of 3", timeout=10_000)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    work(seat.server, scene.worker_token, job, names)
    expect(page.get_by_test_id("progress")).to_contain_text("3 of 3", timeout=10_000)
    expect(page.locator('[data-state="completed"]').first).to_be_visible()
    assert page.evaluate("window.notReloaded") is True


def test_a_job_can_be_canceled(tab: Watched, seat: Seat) -> None:
    with seat.server.open() as owner:
        job = owner.make_job(NewJob(project=seat.scene.project, pipeline="known", name="To be canceled"))
    page = tab.open(f"/projects/{seat.scene.project}/jobs/{job.id}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator('h1 ~ [data-state="canceled"]')).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_a_source_is_tested_added_and_run(browser: Browser, own_server: RunningServer, tmp_path: Path) -> None:
    fill(tmp_path / "camera", 4)
    with serve_slowly(tmp_path / "camera") as port, open_tab(browser, own_server.base_url) as tab:
        own_server.settings = {**own_server.settings, "TRAPLINE_OWN_ORIGINS": f"127.0.0.1:{port}"}
        own_server.start()
        with own_server.open() as owner:
            project = owner.make_project(NewProject(name="Ford"))
        sign_in(tab)
        page = tab.open(f"/projects/{project.id}/sources")
        page.get_by_role("link", name="Add a source").first.click()
        page.get_by_label("Address").fill(f"http://127.0.0.1:{port}/nothing/")
        page.get_by_label("Name", exact=True).fill("Ford camera")
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_test_id("test-result")).not_to_contain_text("IMG_0000.JPG")
        page.get_by_label("Address").fill(f"http://127.0.0.1:{port}/")
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_test_id("test-result")).to_contain_text("IMG_0000.JPG")
        page.get_by_role("button", name="Add the source").click()
        page.wait_for_url(re.compile("/sources/[0-9a-f-]{36}"))
        page.get_by_role("button", name="Run now").click()
        expect(page.locator("table").first.locator('[data-state="completed"]')).to_have_count(1, timeout=30_000)
        expect(page.get_by_role("button", name=re.compile("^imported 4"))).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        page.get_by_role("button", name="Delete the source").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete the source").click()
        page.wait_for_url(re.compile("/sources$"))
        tab.wrong = [said for said in tab.wrong if "401" not in said]  # who am I, before signing in
        tab.expect_nothing_wrong()


def test_a_worker_token_is_shown_once(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/workers")
    expect(page.get_by_text("known service")).to_be_visible()
    page.get_by_role("button", name="Connect a worker").click()
    page.get_by_label("Name of the worker's machine").fill("gpu-1")
    page.get_by_role("button", name="Make a token").click()
    commands = page.get_by_role("dialog").locator("code")
    expect(commands).to_have_count(4)
    expect(commands.last).to_contain_text("trapline worker")
    expect(commands.last).to_contain_text(seat.server.base_url)
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    page.goto(f"{seat.server.base_url}/projects/{seat.scene.project}/settings")
    row = page.get_by_role("row", name=re.compile("gpu-1"))
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("revoked")).to_be_visible()


def screens(scene: Scene) -> list[str]:
    """Every screen of a project."""
    project = f"/projects/{scene.project}"
    image = scene.images["wide.jpg"].id
    return [
        project,
        *(f"{project}/{name}" for name in ("images", "jobs", "sources", "sources/new", "deployments", "workers")),
        f"{project}/settings",
        f"{project}/deployments/new",
        f"{project}/deployments/{scene.deployment}",
        f"{project}/jobs/{scene.job}",
        f"{project}/images/{image}",
        "/projects/new",
    ]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_screen_opens_without_a_word_of_complaint(seat: Seat, size: str, colours: str) -> None:
    with seat.tab(size, colours) as tab:
        for path in screens(seat.scene):
            page = tab.open(path)
            page.locator("h1, [role=dialog]").first.wait_for()
            expect(page.locator(".skeleton")).to_have_count(0)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is {wider} px wider than the window"
            tab.expect_nothing_wrong()


@pytest.mark.parametrize("size", ["phone", "laptop"])
def test_every_button_can_be_pressed(seat: Seat, size: str) -> None:
    harmful = re.compile("Sign out|Delete|Revoke|Cancel|Make |Add the|Save|Start$|Pause|Resume|Run now|Download|Retry")
    with seat.tab(size) as tab:
        for path in screens(seat.scene):
            page = tab.open(path)
            page.locator("h1, [role=dialog]").first.wait_for()
            expect(page.locator(".skeleton")).to_have_count(0)
            dialog = page.get_by_role("dialog")
            buttons = (dialog if dialog.count() else page).get_by_role("button")
            for at in range(buttons.count()):
                button = buttons.nth(at)
                said = (button.get_attribute("aria-label") or button.text_content() or "").strip()
                if harmful.search(said) or not button.is_visible() or not button.is_enabled():
                    continue
                button.click()
                page.keyboard.press("Escape")
                if page.url != seat.server.base_url + path:
                    page.goto(seat.server.base_url + path)
                    page.locator("h1, [role=dialog]").first.wait_for()
                    expect(page.locator(".skeleton")).to_have_count(0)
            tab.expect_nothing_wrong()
