"""Review in Chromium by key presses: the decisions of the truth with the channel `browser`."""

from typing import Any

from tests.support.browser_session import WHOLE, Watched, open_browser, open_tab
from tests.support.running_server import EMAIL, PASSWORD, wait_for
from tests.survey.driver import Survey

KEYS = {"confirm": "y", "blank": "n", "unsure": "u"}


def review_in_browser(survey: Survey) -> None:
    """Sign in as the owner, open each image and press the key of the decision."""
    decisions = [one for one in survey.truth["decisions"] if one["channel"] == "browser"]
    with open_browser() as browser, open_tab(browser, survey.server.base_url) as tab:
        page = tab.open("/sign-in")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/projects/**")
        for one in decisions:
            if one["file"] in survey.images:
                _press(survey, tab, one)
        tab.expect_nothing_wrong()


def _press(survey: Survey, tab: Watched, decision: dict[str, Any]) -> None:
    image = survey.images[decision["file"]]

    def is_stored() -> bool:
        latest = survey.owner.list_identifications(image=str(image), limit=1).results
        return (
            bool(latest) and latest[0].kind == decision["kind"] and latest[0].by == decision["by"]
        )

    page = tab.open(f"/projects/{survey.project}/images/{image}")
    page.wait_for_function(WHOLE)
    page.get_by_test_id("picture").wait_for()
    page.get_by_test_id("panel").wait_for()
    page.keyboard.press(KEYS[decision["kind"]])
    wait_for(f"{decision['kind']} by a key", is_stored)
