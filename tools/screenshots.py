"""Create the screenshots of the docs from a running demo: `make screenshots`.

It requires Chromium, and passes ARGS to `trapline demo`. It writes docs/images/grid.png and
docs/images/viewer.png; with --sizes also the grid in the sizes of a phone and a tablet.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--hide-scrollbars",
]
SIZES = {"phone": (390, 844), "tablet": (820, 1180)}


def read_link(output: IO[str]) -> str:
    """Print the output of the demo up to its sign-in link, and return the link."""
    for line in output:
        print(line, end="")
        if found := re.search(r"Sign in, once: (\S+)", line):
            return found.group(1)
    sys.exit("the demo ended before it was ready")


def take(page: Page, link: str, sizes: dict[str, tuple[int, int]]) -> None:
    """Sign in with the link and take the screenshots."""
    page.goto(link)
    page.get_by_role("button").first.click()
    page.wait_for_url(lambda url: "welcome" not in url, timeout=20_000)
    address = link.partition("/welcome")[0]
    page.goto(f"{address}/projects/1/images")
    page.wait_for_selector("a[href*='/images/'] img")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / "grid.png")
    for name, (width, height) in sizes.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / f"grid-{name}.png")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("a[href*='/images/'] img").last.click()
    page.wait_for_timeout(2500)
    page.screenshot(path=FOLDER / "viewer.png")


def main(arguments: list[str]) -> None:
    """Run the demo and take the screenshots."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    FOLDER.mkdir(parents=True, exist_ok=True)
    sizes = SIZES if "--sizes" in arguments else {}
    data = Path(tempfile.mkdtemp(prefix="trapline-screenshots-"))
    data.chmod(0o711)
    command = [
        str(Path(sys.executable).with_name("trapline")),
        "demo",
        f"--data={data}",
        "--port=0",
    ]
    command += [argument for argument in arguments if argument != "--sizes"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert demo.stdout is not None
        link = read_link(demo.stdout)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            take(browser.new_page(viewport={"width": 1280, "height": 800}), link, sizes)
            browser.close()
    finally:
        demo.terminate()
        demo.wait(30)
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
