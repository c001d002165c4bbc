"""The screens of sources in a real browser: test, add and run sources, and handle failures."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.support.browser_session import Watched, open_tab
from tests.support.camera_images import fill, make_picture, serve_slowly
from tests.support.file_servers import PASSWORD, USER, in_a_thread, ssh_server
from tests.support.running_server import RunningServer
from tests.support.signed_in_browser import Seat, sign_in

from trapline.server.platform.postgres.postgres import find_running_url
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # from sockets of playwright at its end

SECRET_BUTTONS = re.compile("(Create|Rotate) secret|End pushed")
TEST_MS = 60_000
"""More than the time limit of a source test, which can be slow on a busy machine."""


@dataclass
class Feed:
    """A camera folder on a web server, and a signed-in tab of a server that may connect to it."""

    server: RunningServer
    tab: Watched
    folder: Path
    url: str
    sftp: str
    project: int

    def run_now(self) -> None:
        """Press the button and wait until a run has ended and none is active.

        A scheduled run can end meanwhile, too.
        """
        page = self.tab.page
        runs = page.get_by_test_id("runs")
        over = runs.locator('[data-state="completed"], [data-state="failed"]')
        expect(over.first.or_(page.get_by_text("No runs yet"))).to_be_visible()
        before = over.count()
        page.get_by_role("button", name="Run now", exact=True).click()
        expect(over).not_to_have_count(before, timeout=60_000)
        expect(runs.locator('[data-state="running"]')).to_have_count(0, timeout=60_000)

    def state(self, name: str) -> Locator:
        """Return the button that filters files by a state."""
        return self.tab.page.get_by_role("button", name=re.compile(f"^{name}"))


@pytest.fixture
def feed(browser: Browser, own_server: RunningServer, tmp_path: Path) -> Iterator[Feed]:
    folder = tmp_path / "camera"
    fill(folder, 4)
    (folder / "zebra.JPG").write_bytes(make_picture(7)[:500])
    os.utime(
        folder / "zebra.JPG", (1_700_000_000, 1_700_000_000)
    )  # a recent file may still be being written

    @asynccontextmanager
    async def over_ssh() -> AsyncIterator[int]:
        async with ssh_server(folder) as place:
            yield place.port

    with (
        serve_slowly(folder) as port,
        in_a_thread(over_ssh) as ssh_port,
        open_tab(browser, own_server.base_url) as tab,
    ):
        origins = f"127.0.0.1:{port},127.0.0.1:{ssh_port}"
        own_server.settings = {**own_server.settings, "TRAPLINE_ALLOWED_NETWORKS": origins}
        own_server.start()
        with own_server.open() as owner:
            project = owner.create_project(NewProject(name="Ford")).id
        sign_in(tab)
        # The session request before the login returns 401.
        tab.wrong = [said for said in tab.wrong if "401" not in said]
        yield Feed(
            own_server,
            tab,
            folder,
            f"http://127.0.0.1:{port}/",
            f"sftp://127.0.0.1:{ssh_port}/",
            project,
        )
        tab.expect_nothing_wrong()


def test_a_source_is_tested_added_run_and_seen_to(feed: Feed) -> None:
    page = feed.tab.open(f"/projects/{feed.project}/sources")
    page.get_by_role("link", name="Add source").first.click()
    result = page.get_by_test_id("test-result")
    page.get_by_label("URL").fill(feed.sftp)
    page.get_by_label("User").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Test").click()
    expect(result).to_contain_text("is not known yet", timeout=TEST_MS)
    result.get_by_role("button", name="Accept this host key").click()
    expect(result).to_contain_text("The source works", timeout=TEST_MS)
    expect(page.get_by_label("Host key")).to_have_value(re.compile("^ssh-ed25519 AAAA"))

    page.get_by_label("URL").fill(f"{feed.url}nothing/")
    page.get_by_label("Name", exact=True).fill("Ford camera")
    page.get_by_role("button", name="Test").click()
    expect(result).to_contain_text("does not work yet", timeout=TEST_MS)
    page.get_by_label("URL").fill(feed.url)
    expect(result).to_have_count(0)
    page.get_by_role("button", name="Test").click()
    expect(result).to_contain_text("5 files", timeout=TEST_MS)
    expect(result).to_contain_text(re.compile(r"IMG_0000\.JPG.*160 × 120.*\(its modified time\)"))
    page.get_by_role("button", name="Add the source").click()
    page.wait_for_url(re.compile("/sources/[0-9a-f-]{36}"))
    address = page.url
    feed.run_now()
    expect(feed.state("imported 4")).to_be_visible()

    _give_up_on_what_failed(feed.server)
    page.goto(f"{address}?state=quarantined")
    row = page.get_by_test_id("files").get_by_role("row", name=re.compile("zebra"))
    expect(row).to_contain_text("truncated")
    expect(row).to_contain_text("5 attempts")
    (feed.folder / "zebra.JPG").write_bytes(make_picture(7))
    row.get_by_role("button", name="Try zebra.JPG again").click()
    expect(page.get_by_text("No file is quarantined.")).to_be_visible()
    feed.run_now()
    expect(feed.state("imported 5")).to_be_visible()

    _keep_a_password(page)
    _fall_sick(feed, address)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Delete source").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete source").click()
    page.wait_for_url(re.compile("/sources$"))


def _give_up_on_what_failed(server: RunningServer) -> None:
    """Quarantine failed files, as five attempts in 15 minutes would."""
    running = find_running_url(server.data)
    assert running is not None
    with psycopg.connect(running) as connection:
        given_up = (
            "update pulled_files set state = 'quarantined', attempts = 5, next_attempt_at = null"
        )
        assert connection.execute(f"{given_up} where state = 'failed'").rowcount == 1


def _keep_a_password(page: Page) -> None:
    """A stored password is never shown; it can be replaced and deleted."""
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Sign-in").select_option("basic")
    dialog.get_by_label("User").fill("ranger")
    dialog.get_by_label("Password").fill("canary-4711")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("User and password as ranger")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    expect(dialog.get_by_text("Stored, and never shown again.")).to_be_visible()
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.get_by_test_id("test-result")).to_contain_text(
        "The source works", timeout=TEST_MS
    )
    dialog.get_by_role("button", name="Delete secret").click()
    expect(dialog.get_by_text("The stored secret is deleted when you save.")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()


def _fall_sick(feed: Feed, address: str) -> None:
    """A failing source is first on the overview, with the reason and a link."""
    page = feed.tab.page
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("dialog").get_by_label("URL").fill(f"{feed.url}nothing/")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    feed.run_now()
    page.get_by_role("link", name="Overview", exact=True).click()
    expect(page.get_by_role("link", name="1 source has a problem")).to_be_visible()
    expect(page.get_by_text("404")).to_be_visible()
    page.get_by_role("link", name="1 source has a problem").click()
    page.wait_for_url(address)
    expect(page.get_by_text("404").first).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "address", "fields"),
    [
        ("FTP", "ftp://camera.example/", ["User", "Password"]),
        ("SFTP", "sftp://nas.example/", ["User", "Password", "Private key", "Host key"]),
        ("S3", "s3://feeds/", ["Endpoint", "Region", "Access key", "Secret key"]),
        ("JSON", "https://portal.example/", ["Sign-in", "List of files", "Next page"]),
        ("WebSocket", "wss://hub.example/", ["Sign-in", "Base URL of files"]),
        ("Folder or card", "file:///media/card", []),
    ],
)
def test_each_kind_of_source_asks_for_what_it_needs(
    tab: Watched, seat: Seat, kind: str, address: str, fields: list[str]
) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/sources/new")
    if kind == "JSON":
        page.get_by_role("radio", name=kind, exact=True).check()
    page.get_by_label("URL").fill(address)
    expect(page.get_by_role("radio", name=kind, exact=True)).to_be_checked()
    every = {
        "User",
        "Password",
        "Private key",
        "Host key",
        "Endpoint",
        "Secret key",
        "Sign-in",
        "List of files",
    }
    for field in fields:
        expect(page.get_by_label(field, exact=True)).to_be_visible()
    for field in every - set(fields):
        expect(page.get_by_label(field, exact=True)).to_have_count(0)


def test_the_secret_of_pushed_events_is_shown_once(tab: Watched, seat: Seat) -> None:
    page = tab.open(f"/projects/{seat.scene.project}/sources/new")
    page.get_by_label("URL").fill("https://camera.example/DCIM/")
    page.get_by_role("button", name="Add the source").click()
    page.get_by_role("button", name="Create secret").click()
    expect(page.get_by_role("dialog").locator("code")).to_contain_text("whsec_")
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    expect(page.get_by_text(re.compile("/image-pull-sources/[0-9a-f-]{36}/events"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name=SECRET_BUTTONS)).to_have_text(
        ["Rotate secret", "End pushed events"]
    )
    assert "whsec_" not in page.content()
    with seat.as_role("manager"):
        page.reload()
        expect(
            page.get_by_text("Only owners of the project create, rotate and delete the secret.")
        ).to_be_visible()
        expect(page.get_by_role("button", name=SECRET_BUTTONS)).to_have_count(0)
