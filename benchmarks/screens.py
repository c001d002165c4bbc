"""First content of every screen of the page in Chromium, in a project with many images.

    python benchmarks/screens.py [--images 1000000] [--rounds 2]

The rows are those of `page_filters.py`. For each screen, a new tab is opened; the time is from the
navigation until the screen has its heading and no placeholder. The longest request to the API is
listed as well. The goal is one second.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import psycopg
from playwright.sync_api import Browser, Request

sys.path.insert(0, str(Path(__file__).parents[1]))

from _ground import Ground, describe_machine, open_ground
from page_filters import fill
from tests.support.browser_session import WHOLE, open_browser

SCREENS = (
    "",
    "/images",
    "/images?kind=animal",
    "/images?class=Lynx+lynx",
    "/images?order=least_certain",
    "/review",
    "/review?reviewed=false&order=models_disagree",
    "/review-sets",
    "/review-sets/new?reviewed=false",
    "/sequences",
    "/disagreement",
    "/deployments",
    "/insights",
    "/insights/activity",
    "/insights/effort",
    "/insights/map",
    "/insights/health",
    "/jobs",
    "/workers",
    "/pipelines",
    "/sources",
    "/exports",
    "/exports/new",
    "/settings",
    "/settings/members",
    "/settings/taxa",
    "/settings/observations",
)
PATIENCE_MS = 120_000


def open_screen(browser: Browser, ground: Ground, path: str) -> tuple[float, float, str]:
    """Open a screen in a new tab; return its time, and the longest request with its path, in ms."""
    context = browser.new_context(extra_http_headers={"Authorization": f"Token {ground.owner}"})
    longest = (0.0, "")

    def on_finished(request: Request) -> None:
        nonlocal longest
        if "/api/" in request.url:
            path = request.url.partition("/api/v2")[2]
            longest = max(longest, (request.timing["responseEnd"], path))

    try:
        page = context.new_page()
        page.on("requestfinished", on_finished)
        began = time.perf_counter()
        page.goto(f"http://127.0.0.1:{ground.port}/projects/{ground.project}{path}")
        page.wait_for_function(WHOLE, timeout=PATIENCE_MS)
        return (time.perf_counter() - began) * 1000, *longest
    finally:
        context.close()


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--images", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=2)
    options = arguments.parse_args()
    with open_ground(1) as ground, open_browser() as browser:
        ground.register()
        ground.add_images(1)
        fill(ground, ground.run_job(1), options.images)
        ground.settle()
        with psycopg.connect(ground.database, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        print(f"{options.images:,} images; {describe_machine()}", flush=True)
        open_screen(browser, ground, "/jobs")
        for path in SCREENS:
            try:
                rounds = [open_screen(browser, ground, path) for _ in range(options.rounds)]
            except Exception as error:
                print(f"{path:45} {str(error)[:200]}", flush=True)
                continue
            shown = statistics.median(one for one, _, _ in rounds)
            took, request = max((took, name) for _, took, name in rounds)
            print(f"{path:45} {shown:7.0f} ms   {took:7.0f} ms {request[:110]}", flush=True)


if __name__ == "__main__":
    main()
