"""Take the pictures of the docs from a running Trapline: `make screenshots`.

It looks at one that runs and has something to show, such as that of `make demo`, signed in by --link or --email.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path(__file__).parent.parent / "docs" / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
Colours = Literal["light", "dark"]


def sign_in(page: Page, server: str, email: str, password: str, link: str | None) -> int:
    """Come in; answers the project's number."""
    if link:
        page.goto(f"{server}/welcome#{link}")
        name = page.get_by_label("Your name")
        enter = page.get_by_role("button", name="Sign in with this link")
        name.or_(enter).wait_for()
        if name.count():
            name.fill("Ana Lind")
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Make the account").click()
        else:
            enter.click()
    else:
        page.goto(f"{server}/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/*")
    return int(page.url.rsplit("/", 1)[1])


def settle(page: Page) -> None:
    """Wait until all that is coming is there."""
    page.locator(".skeleton").first.wait_for(state="detached")
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    page.wait_for_timeout(400)


def take(browser: Browser, server: str, state: str, project: int, colours: Colours) -> list[Path]:
    """Take one set of pictures; answers the files."""
    taken = []
    context = browser.new_context(
        viewport={"width": 1366, "height": 768}, color_scheme=colours, storage_state=state, device_scale_factor=1
    )
    page = context.new_page()

    def shoot(name: str) -> None:
        settle(page)
        file = OUT / f"{name}-{colours}.png"
        page.screenshot(path=file)
        taken.append(file)

    for name in ("overview", "images", "jobs", "sources", "workers"):
        page.goto(f"{server}/projects/{project}{'' if name == 'overview' else f'/{name}'}")
        page.locator("h1").first.wait_for()
        shoot(name)
    page.goto(f"{server}/projects/{project}/images?confidence=50")
    page.locator(".tile rect[data-box-id]").first.wait_for()
    page.locator(".tile", has=page.locator("rect[data-box-id]")).first.click()
    page.get_by_test_id("overlay").locator("rect[data-box-id]").first.wait_for()
    shoot("viewer")
    context.close()
    return taken


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of the docs from a running Trapline.")
    parser.add_argument("--server", default="http://127.0.0.1:8000", help="its address")
    parser.add_argument("--link", help="a one-time link's secret, what stands after # in it")
    parser.add_argument("--email", default="owner@example.org")
    parser.add_argument("--password", default="correct horse battery")
    parser.add_argument("--project", type=int, help="which project; without it, the one that opens first")
    asked = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium on this machine (apt-get install chromium)")
    OUT.mkdir(parents=True, exist_ok=True)
    state = OUT.parent / ".screenshots-session.json"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            page = browser.new_page()
            project = sign_in(page, asked.server, asked.email, asked.password, asked.link)
            page.context.storage_state(path=state)
            for colours in ("light", "dark"):
                for file in take(browser, asked.server, str(state), asked.project or project, colours):
                    print(file)
        finally:
            state.unlink(missing_ok=True)
            browser.close()


if __name__ == "__main__":
    main()
