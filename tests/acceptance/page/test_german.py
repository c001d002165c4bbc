"""The page in German: every screen, the language of a first visit, and the choice of another."""

import re

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.support.browser_session import open_tab
from tests.support.populated_project import Furnished, furnish
from tests.support.running_server import EMAIL, PASSWORD
from tests.support.signed_in_browser import Seat, open_image

ENGLISH = re.compile(
    r"\b(?:the|of|and|or|is|are|not|no|to|for|with|without|yet|this|that|by|from|has|have|it|its"
    r"|ago|today|days?|images?|sequences?|jobs?|sources?|reviewed?|settings|deployments?"
    r"|observations?|findings?|boxes|files|members|add|delete|save|cancel|show|search|none"
    r"|never|more|newest|new|oldest|first|all|any|only|blank|failed|waiting|completed|running"
    r"|queued)\b",
    re.IGNORECASE,
)
"""Words that no German text contains."""
TEXTS = """() => {
  const found = new Set([document.title])
  const attributes = ['aria-label', 'title', 'placeholder', 'alt', 'label']
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ALL)
  for (let node = walker.currentNode; node; node = walker.nextNode()) {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node
    if (element.closest('code, kbd, pre, [lang="en"]')) continue
    if (node.nodeType === Node.TEXT_NODE) found.add(node.textContent.trim())
    else for (const name of attributes) found.add((node.getAttribute?.(name) ?? '').trim())
  }
  return [...found].filter(Boolean)
}"""


@pytest.fixture(scope="module")
def furnished(seat: Seat, tmp_path_factory: pytest.TempPathFactory) -> Furnished:
    """Something on every screen."""
    return furnish(seat.server, seat.scene, tmp_path_factory.mktemp("furniture"))


@pytest.fixture(scope="module")
def written(seat: Seat, furnished: Furnished) -> re.Pattern[str]:
    """Find everything on the screens that people or models wrote, and examples of it."""
    # Other tests have created projects on the same server.
    with seat.server.open() as owner:
        projects = [project.name for project in owner.list_projects()]
    names = (
        *sorted(projects, key=len, reverse=True),
        *furnished.places,
        "Not yet placed",
        "Nothing yet",
        "In the line",
        "The known job",
        "every image",
        "Only what is sure",
        "look at the ears",
        "a detector of the field",
        "vide, leer, none",
    )
    return re.compile("|".join(map(re.escape, names)) + r"|[\w./-]+\.(?:csv|md)|image/jpeg|„\w+“")


def test_every_screen_is_in_german(
    seat: Seat, furnished: Furnished, written: re.Pattern[str]
) -> None:
    found: dict[str, str] = {}
    with open_tab(seat.browser, seat.server.base_url, state=seat.state, locale="de-DE") as tab:
        for path in [*furnished.screens(), *furnished.empty_screens()]:
            for text in tab.open_whole(path).evaluate(TEXTS):
                if ENGLISH.search(written.sub("", text)):
                    found.setdefault(text, path)
        tab.expect_nothing_wrong()
    assert not found, "\n".join(f"{path}: {text[:300]}" for text, path in found.items())


def expect_language(page: Page, language: str, overview: str) -> None:
    """Wait until the page is in a language, with the name of its first screen."""
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.get_by_role("link", name=overview, exact=True)).to_be_visible()


def test_the_language_follows_the_browser_until_the_user_chooses_one(seat: Seat) -> None:
    project = f"/projects/{seat.scene.project}"
    with open_tab(seat.browser, seat.server.base_url, locale="de-AT") as tab:
        page = tab.open("/sign-in")
        page.get_by_label("E-Mail").fill(EMAIL)
        page.get_by_label("Passwort").fill("something else")
        page.get_by_role("button", name="Anmelden").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "Die E-Mail-Adresse oder das Passwort ist falsch. Es wurde nichts geändert."
        )
        page.get_by_label("Passwort").fill(PASSWORD)
        page.get_by_role("button", name="Anmelden").click()
        page.wait_for_url(re.compile("/projects/"))
        expect_language(page, "de", "Übersicht")

        tab.open_whole(f"{project}/jobs")
        expect(page.get_by_text(", davon ohne Fund: 1.")).to_be_visible()
        open_image(tab, seat.scene, "wide.jpg")
        expect(page.get_by_text(re.compile(r"\(0,5 MP\)"))).to_be_visible()
        expect(page.get_by_text(re.compile("3\\. Mai.*, vor "))).to_be_visible()

        tab.open(project)
        page.get_by_role("button", name="Ihr Konto").click()
        page.get_by_role("menuitem", name="English").click()
        expect_language(page, "en", "Overview")
        tab.open("/sign-in")
        page.get_by_label("Language").select_option("Deutsch")
        expect(page.get_by_label("Sprache")).to_be_visible()
        tab.open(project)
        expect_language(page, "de", "Übersicht")


def test_a_cache_keeps_the_documents_of_the_languages_apart(seat: Seat) -> None:
    with httpx2.Client(base_url=seat.server.base_url, headers={"Accept": "text/html"}) as client:
        english, german, chosen = (
            client.get("/projects/1", headers=headers)
            for headers in (
                {"Accept-Language": "en"},
                {"Accept-Language": "de"},
                {"Accept-Language": "en", "Cookie": "trapline_language=de"},
            )
        )
    assert german.text == chosen.text != english.text
    for answer, language in ((english, "en"), (german, "de"), (chosen, "de")):
        assert answer.headers["content-language"] == language
        assert f'<html lang="{language}">' in answer.text
        assert {part.strip() for part in answer.headers["vary"].split(",")} >= {
            "Accept-Language",
            "Cookie",
        }
