"""The outbox of the page: decisions that the browser holds until the server stored them."""

from playwright.sync_api import Page, expect

IS_CLOSED_WITHOUT_WARNING = """
    () => window.dispatchEvent(new Event("beforeunload", { cancelable: true }))
"""


def expect_sent(page: Page, within_s: float = 60.0) -> None:
    """Wait until the server stored all decisions, those of the last key or click included.

    The outbox is not shown before the browser wrote a decision to its storage. The page asks
    before it is closed from the moment of the key on.
    """
    page.wait_for_function(IS_CLOSED_WITHOUT_WARNING, timeout=within_s * 1000)
    expect(page.get_by_test_id("outbox")).to_have_count(0, timeout=within_s * 1000)
