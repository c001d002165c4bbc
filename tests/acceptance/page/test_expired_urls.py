"""A tab that stays open longer than its signed URLs are valid shows its images again."""

import re

from playwright.sync_api import Response, Route, expect
from tests.support.browser_session import Watched
from tests.support.signed_in_browser import Seat


def test_a_page_asks_again_for_urls_that_are_refused(tab: Watched, seat: Seat) -> None:
    image = seat.scene.images["wide.jpg"].id
    refused: list[str] = []

    def expire(route: Route) -> None:
        """Return the first list as it is when its URLs have expired."""
        answer = route.fetch()
        text = answer.text()
        if not refused and "/files/thumbs/" in text:
            text = re.sub(r"expires=\d+", "expires=1", text)
        route.fulfill(response=answer, body=text)

    def see(response: Response) -> None:
        if "/files/thumbs/" in response.url and response.status == 403:
            refused.append(response.url)

    tab.page.on("response", see)
    tab.page.route("**/api/v2/images?**", expire)
    page = tab.open(f"/projects/{seat.scene.project}/images")
    shown = page.locator(f'.tile[data-image-id="{image}"] img')
    expect(shown).to_have_js_property("naturalWidth", 320)
    assert refused
    # The refused requests are the point of this test, not a fault of the page.
    tab.wrong = [line for line in tab.wrong if "403" not in line]
    tab.expect_nothing_wrong()
