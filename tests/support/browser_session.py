"""A real browser for tests of the page: Debian's Chromium, with a record of all errors in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    Page,
    Request,
    Response,
    StorageState,
    expect,
    sync_playwright,
)

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-3d-apis",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WEBGL_FLAGS = [
    *(flag for flag in FLAGS if flag not in ("--disable-gpu", "--disable-3d-apis")),
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
"""WebGL in software, for tests of drawn maps; other tests show the list of a map."""
SIZES = {"phone": (390, 844), "laptop": (1366, 768), "large": (1920, 1080)}
"""The windows in which tests of single screens look at them."""
EACH_SIZE = [
    pytest.param(size, marks=[] if size == "phone" else [pytest.mark.long]) for size in SIZES
]
"""The same for a test: the smallest, which clips most, and the others in the soak."""
WINDOWS = {**SIZES, "tablet": (820, 1180)}

PATIENCE_MS = 30_000
"""How long an action or an expectation waits; 5 s were too short with a load of 20."""

WHOLE = """() => document.querySelector('h1, [role=dialog]')?.checkVisibility()
    && !document.querySelector('.skeleton, [data-coming]')"""
"""Expression that is true when a screen is loaded and shows no placeholder of a loading part."""


def find_chromium() -> str:
    """The system's Chromium; without one the test is skipped, or fails where CI is set."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        if found:
            return found
    words = "no Chromium on this machine: the page was not looked at (apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser, closed at the end."""
    path = find_chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_webgl_browser(browser: Browser) -> Iterator[Browser]:
    """A second browser of the same event loop, which draws maps."""
    running = browser.browser_type.launch(executable_path=find_chromium(), args=WEBGL_FLAGS)
    try:
        yield running
    finally:
        running.close()


@dataclass
class Watched:
    """A tab, and what went wrong in it: words on the console, exceptions, requests that failed."""

    page: Page
    base_url: str
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Go to an address of the page."""
        self.page.goto(self.base_url + path)
        return self.page

    def open_whole(self, path: str) -> Page:
        """Go there, and wait until nothing of the screen is on its way any more."""
        self.open(path)
        # Asked at every frame; a locator that waits asks ever less often, and half a second late.
        self.page.wait_for_function(WHOLE)
        return self.page

    def expect_nothing_wrong(self) -> None:
        """Fail with all that went wrong since the last time."""
        wrong, self.wrong = self.wrong, []
        assert not wrong, "\n".join(wrong)


@contextmanager
def open_tab(
    browser: Browser,
    base_url: str,
    *,
    size: str = "laptop",
    colours: Literal["light", "dark"] = "light",
    state: StorageState | None = None,
    locale: str = "en-GB",
) -> Iterator[Watched]:
    """Open a tab with separate cookies; `state` is the cookies of another tab that is signed in."""
    width, height = WINDOWS[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=colours,
        has_touch=size in ("phone", "tablet"),
        storage_state=state,
        timezone_id="Europe/Berlin",
        locale=locale,
    )
    context.set_default_timeout(PATIENCE_MS)
    tab = Watched(context.new_page(), base_url)
    tab.page.on("pageerror", lambda error: tab.wrong.append(f"exception: {error}"))
    tab.page.on(
        "console",
        lambda said: (
            tab.wrong.append(f"{said.type}: {said.text}")
            if said.type in ("error", "warning")
            else None
        ),
    )

    def on_failed(request: Request) -> None:
        # A request that the page canceled because it navigated elsewhere did not fail.
        if request.failure != "net::ERR_ABORTED":
            tab.wrong.append(f"{request.failure}: {request.method} {request.url}")

    def on_response(response: Response) -> None:
        if urlsplit(response.url).netloc != urlsplit(
            base_url
        ).netloc and not response.url.startswith(("data:", "blob:")):
            tab.wrong.append(f"another host: {response.url}")
        if response.status >= 400:
            tab.wrong.append(f"{response.status}: {response.request.method} {response.url}")

    tab.page.on("requestfailed", on_failed)
    tab.page.on("response", on_response)
    try:
        yield tab
    finally:
        context.close()
