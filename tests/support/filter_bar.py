"""The filters of the image grid, as a user sets them: by the menu or a chip, with keys."""

from playwright.sync_api import Locator, Page, expect


def open_filter(page: Page, name: str) -> Locator:
    """Choose a filter in the menu; return the dialog with its values."""
    page.get_by_role("button", name="Filter", exact=True).press("Enter")
    page.get_by_role("combobox", name="Search filters").fill(name)
    menu = page.get_by_role("dialog", name="Add a filter")
    expect(menu.get_by_role("option", name=name, exact=True)).to_have_attribute(
        "data-active-item", "true"
    )
    page.keyboard.press("Enter")
    return page.get_by_role("dialog", name=name, exact=True)


def find_option(editor: Locator, text: str) -> Locator:
    """Return the option of a filter with exactly this text, and any number after it."""
    return editor.get_by_role("option").filter(has=editor.page.get_by_text(text, exact=True))


def set_filter(page: Page, name: str, text: str) -> None:
    """Set a filter to the option with a text."""
    editor = open_filter(page, name)
    editor.get_by_role("combobox").fill(text)
    option = find_option(editor, text)
    expect(option).to_have_count(1)
    option.click()
    expect(editor).to_have_count(0)


def find_chip(page: Page, key: str) -> Locator:
    """Return the chip of a filter by the key of its parameter."""
    return page.locator(f'[data-chip="{key}"]')


def remove_filter(page: Page, key: str) -> None:
    """Remove a filter by its chip, with the keyboard."""
    find_chip(page, key).get_by_role("button", name="Remove filter").press("Enter")
    expect(find_chip(page, key)).to_have_count(0)
