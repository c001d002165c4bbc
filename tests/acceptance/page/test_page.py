"""The page in a real browser: user actions, and the positions of boxes on pixels."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.support.browser_session import EACH_SIZE, Watched, open_tab
from tests.support.camera_images import fill
from tests.support.filter_bar import find_chip, open_filter, set_filter
from tests.support.known_image_project import work
from tests.support.running_server import EMAIL, PASSWORD, RunningServer, wait_for
from tests.support.signed_in_browser import Seat, expect_around, find_white, picture_of

from trapline.wire.jobs import NewJob

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # of playwright's own sockets at its end


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
        page.get_by_role("button", name="Create account").click()
        # A new installation may already have a first project; with none, the page asks for one.
        page.wait_for_url(re.compile("/projects/"))
        if page.url.endswith("/new"):
            page.get_by_label("Name").fill("Black Forest")
            page.get_by_role("button", name="Create project").click()
        page.get_by_test_id("first-steps").wait_for()

        page.get_by_role("button", name="Add deployment").click()
        page.get_by_label("Name").fill("Kaltenbach ford")
        page.get_by_label("Latitude").fill("48.1")
        page.get_by_label("Longitude").fill("8.2")
        page.get_by_role("dialog").get_by_role("button", name="Add deployment").click()
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
        bring_folders(page, tmp_path)
        # The request for the current user, before the link was used, and the aborted requests.
        tab.wrong = [said for said in tab.wrong if "401" not in said and "ERR_FAILED" not in said]
        tab.expect_nothing_wrong()


def bring_folders(page: Page, folder: Path) -> None:
    """Upload a card with its folders: interrupted and resumed over a failing network."""
    fill(folder / "card" / "DCIM" / "100", 6)
    (folder / "card" / "DCIM" / "100" / "broken.jpg").write_bytes(b"<html>sign in</html>")
    held: list[Route] = []
    page.route("**/api/v2/images", lambda route: held.append(route))
    page.get_by_role("button", name="Upload").first.click()
    page.get_by_test_id("folder").set_input_files(folder / "card")
    page.get_by_role(
        "button", name="Upload 10 files"
    ).click()  # without README.txt, which lies next to it
    expect(page.get_by_test_id("upload-list").get_by_text("sending", exact=True)).to_have_count(3)
    leaves = "() => window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.evaluate(leaves) is False, "the tab warns before it is closed"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Continue uploading").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Upload 10 files")).to_be_visible()
    assert page.evaluate(leaves) is True
    page.unroute("**/api/v2/images")
    page.route("**/api/v2/images", lambda route: route.abort(), times=2)
    page.get_by_role("button", name="Upload 10 files").click()
    expect(
        page.get_by_text("3 images imported. 6 already here. 1 file could not be imported")
    ).to_be_visible()
    reasons = page.get_by_test_id("upload-reasons")
    expect(reasons).to_contain_text("this is an HTML page, not an image")
    expect(reasons).to_contain_text("broken.jpg")
    there = page.get_by_test_id("upload-list").get_by_role("link", name="already here")
    assert "/images/" in str(there.first.get_attribute("href"))
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    drop = """() => {
        const carried = new DataTransfer()
        carried.items.add(new File(["GIF89a no picture"], "dropped.gif"))
        const at = document.querySelector("[data-testid=drop-target]")
        const told = { dataTransfer: carried, bubbles: true, cancelable: true }
        at.dispatchEvent(new DragEvent("drop", told))
    }"""
    page.evaluate(drop)
    page.get_by_role("button", name="Upload 1 file").click()
    expect(page.get_by_test_id("upload-reasons")).to_contain_text("GIF images are not supported")
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()


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
        sign_out_for_sure(page, seat)


def sign_out_for_sure(page: Page, seat: Seat) -> None:
    """Sign out: a failure is shown, and it works after another tab signed in again."""

    def sign_out() -> None:
        page.get_by_role("button", name="Your account").click()
        page.get_by_role("menuitem", name="Sign out").click()

    page.route("**/auth/sign-out", lambda route: route.abort(), times=1)
    sign_out()
    expect(page.locator(".toast-bad")).to_contain_text("The server does not respond")
    assert page.url.endswith("/jobs")
    told = {"email": EMAIL, "password": PASSWORD}
    assert page.context.request.post(f"{seat.server.base_url}/api/v2/auth/sign-in", data=told).ok
    sign_out()
    page.wait_for_url("**/sign-in")
    assert not page.context.cookies(), "the browser's session lives on"


@pytest.mark.parametrize("size", EACH_SIZE)
@pytest.mark.parametrize("name", ["wide.jpg", "turned.jpg"])
def test_boxes_lie_on_the_right_pixels_of_the_grid(seat: Seat, size: str, name: str) -> None:
    with seat.tab(size) as tab:
        page = tab.open(f"/projects/{seat.scene.project}/images")
        tile = page.locator(f'.tile[data-image-id="{seat.scene.images[name].id}"]')
        tile.locator("rect[data-class=lynx]").wait_for()
        page.evaluate(
            "() => Promise.all([...document.querySelectorAll('.tile img')].map(i => i.decode()))"
        )
        box = json.loads(
            tile.locator("rect[data-class=lynx]").evaluate(
                "e => JSON.stringify(e.getBoundingClientRect())"
            )
        )
        page.evaluate(
            "document.querySelectorAll('.tile svg, .tile-check').forEach(e => e.style.visibility = "
            "'hidden')"
        )
        # Its corners are round and show the background instead of the image.
        white = find_white(page, picture_of(tile.locator("img")), inset=6)
        expect_around(box, white)
        tab.expect_nothing_wrong()


def test_filters_live_in_the_address(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/images")
    tiles = page.locator(".tile[data-image-id]")
    expect(tiles).to_have_count(3)
    set_filter(page, "Species", "lynx")
    expect(tiles).to_have_count(2)
    assert "class=lynx" in page.url
    page.reload()
    expect(tiles).to_have_count(2)
    editor = open_filter(page, "Date")
    editor.get_by_label("From", exact=True).fill("2026-05-03")
    editor.get_by_label("To", exact=True).fill("2026-05-03")
    editor.get_by_label("To", exact=True).press("Enter")
    expect(tiles).to_have_count(1)
    expect(find_chip(page, "date")).to_contain_text("Date 3 May 2026")
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
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    # A lease passes over rows that another statement holds just then; workers ask again.
    wait_for("the other two", lambda: work(seat.server, scene.worker_token, job, names) == 2)
    expect(page.get_by_test_id("progress")).to_contain_text("3 of 3", timeout=10_000)
    expect(page.locator('[data-state="completed"]').first).to_be_visible()
    assert page.evaluate("window.notReloaded") is True


def test_a_job_can_be_canceled(tab: Watched, seat: Seat) -> None:
    with seat.server.open() as owner:
        job = owner.create_job(
            NewJob(project=seat.scene.project, pipeline="known", name="To be canceled")
        )
    page = tab.open(f"/projects/{seat.scene.project}/jobs/{job.id}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator('h1 ~ [data-state="canceled"]')).to_be_visible()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_have_count(0)


def test_a_worker_token_is_shown_once(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/workers")
    expect(page.get_by_text("known service")).to_be_visible()
    page.get_by_role("button", name="Connect a worker").click()
    page.get_by_label("Name of the worker's machine").fill("gpu-1")
    page.get_by_role("button", name="Create token").click()
    commands = page.get_by_role("dialog").locator("code")
    expect(commands).to_have_count(4)
    # No package index has a package trapline of ours: the owner of that name would be run here.
    expect(commands.nth(1)).to_have_text('pip install ".[worker-cpu]"')
    expect(commands.last).to_contain_text("trapline worker")
    expect(commands.last).to_contain_text(seat.server.base_url)
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    page.goto(f"{seat.server.base_url}/projects/{seat.scene.project}/settings/account")
    row = page.get_by_role("row", name=re.compile("gpu-1"))
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("revoked")).to_be_visible()
