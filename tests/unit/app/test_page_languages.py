"""The language of the page: the user's choice, else the first that the browser accepts."""

import pytest

from trapline.server.app.http.page_languages import choose_language

BOTH = ("en", "de")


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, None, "en"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "en-GB,en;q=0.9,de;q=0.8", "en"),
        (None, "fr-FR, fr;q=0.9, de;q=0.5, en;q=0.4", "de"),
        (None, "en;q=0.3, DE;q=0.7", "de"),
        (None, "de;q=0, *", "en"),
        (None, "fr", "en"),
        ("de", "en", "de"),
        ("en", "de", "en"),
        ("fr", "de", "de"),
        ("../de", "en", "en"),
        ("", "de;q=x, , ;;;=", "en"),
        (None, "a," * 5000 + "de", "en"),
        (None, "de;q=nan", "en"),
    ],
)
def test_the_choice_comes_first_then_the_browser(
    cookie: str | None, accepted: str | None, language: str
) -> None:
    assert choose_language(cookie, accepted, BOTH) == language


def test_a_build_with_one_language_returns_it() -> None:
    assert choose_language("de", "de", ("en",)) == "en"
