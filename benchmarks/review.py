"""The review screen in a browser: from a key to the next image, and long tasks of the page.

    python benchmarks/review.py [--bursts 40] [--round-trip-ms 300]

A reviewer accepts bursts of three images one after another, each as soon as it is shown, over a
connection with the given round trip. The time is measured in the page: from the key to the first
frame that shows the next image and its proposal. Tasks over 50 ms on the main thread are reported
by the browser while the items are stepped.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

sys.path.insert(0, str(Path(__file__).parents[1]))

from _ground import describe_machine
from tests.support.browser_session import open_browser, open_tab
from tests.support.burst_project import Burst, BurstProject, make_burst_project
from tests.support.fault_proxy import FaultProxy
from tests.support.running_server import RunningServer
from tests.support.signed_in_browser import sign_in_by_call

from trapline.server.platform.postgres.postgres import find_free_port

SPECIES = ("roe deer", "red fox", "wild boar", "European badger", "pine marten")
GOAL_MS, LONG_TASK_MS = 100, 50
MEASURE = """() => {
    const find = () => {
        const image = document.querySelector('.review-stage .image-layer img')
        const accept = document.querySelector('.review-accept')
        const strip = document.querySelector('.review-strip img')
        if (!image || !accept || !strip) return null
        return image.complete && image.naturalWidth > 0 ? strip.src : null
    }
    const seen = { times: [], long: [] }
    window.reviewTimes = seen
    new PerformanceObserver((list) => {
        for (const one of list.getEntries()) seen.long.push(one.duration)
    }).observe({ type: 'longtask' })
    window.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter') return
        const began = performance.now()
        const before = find()
        const look = () => {
            const now = find()
            const isDone = document.querySelector('[data-testid=finished]')
            if (isDone) return
            if (now && now !== before) seen.times.push(performance.now() - began)
            else requestAnimationFrame(look)
        }
        requestAnimationFrame(look)
    }, { capture: true })
}"""


def step(page: Page, path: str, made: BurstProject) -> tuple[list[float], list[float], list[str]]:
    """Accept all bursts; return times to the next image and long tasks, in ms, and requests."""
    page.goto(path)
    accept = page.locator(".review-accept")
    expect(accept).to_contain_text("Accept", timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.evaluate(MEASURE)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(urlsplit(request.url).path))
    for number in range(len(made.images) - 1):
        page.keyboard.press("Enter")
        page.wait_for_function(
            "wanted => window.reviewTimes.times.length >= wanted", arg=number + 1, timeout=60_000
        )
        # A reviewer looks at the image before the next key.
        page.wait_for_timeout(400)
    found = page.evaluate("window.reviewTimes")
    return found["times"], found["long"], requests


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bursts", type=int, default=34)
    parser.add_argument("--round-trip-ms", type=float, default=300)
    wanted = parser.parse_args()
    bursts = [
        Burst(SPECIES[number % len(SPECIES)], SPECIES[number % len(SPECIES)])
        for number in range(wanted.bursts)
    ]
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        # PostgreSQL runs as another user where the benchmark runs as root.
        Path(folder).chmod(0o711)
        files = Path(folder) / "images"
        files.mkdir()
        data = Path(folder) / "data"
        data.mkdir(mode=0o711)
        server = RunningServer(data, find_free_port(), settings={})
        server.start()
        try:
            made = make_burst_project(server, files, bursts, "Review")
            proxy = FaultProxy(server.port, delay_s=wanted.round_trip_ms / 2000)
            try:
                base_url = f"http://127.0.0.1:{proxy.port}"
                state = sign_in_by_call(browser, server)
                with open_tab(browser, base_url, state=state) as tab:
                    path = f"{base_url}/projects/{made.project}/review?reviewed=false"
                    times, long, requests = step(tab.page, path, made)
            finally:
                proxy.end()
        finally:
            server.end()
    print(
        json.dumps(
            {
                "machine": describe_machine(),
                "round_trip_ms": wanted.round_trip_ms,
                "items": len(times),
                "requests_per_item": round(len(requests) / len(times), 1),
                "median_ms": round(statistics.median(times), 1),
                "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
                "longest_ms": round(max(times), 1),
                "goal_ms": GOAL_MS,
                "long_tasks": len([one for one in long if one > LONG_TASK_MS]),
                "longest_task_ms": round(max(long, default=0)),
            }
        )
    )


if __name__ == "__main__":
    main()
