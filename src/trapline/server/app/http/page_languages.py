"""The language in which the page is returned: by the user's choice, else as the browser prefers."""

from collections.abc import Collection

DEFAULT_LANGUAGE = "en"
"""The language of index.html; other languages are in index.LANGUAGE.html."""
COOKIE = "trapline_language"
"""The user's choice, stored by the page (web/src/ui/language.ts)."""
MAX_PREFERENCES = 20
"""Further languages of Accept-Language are ignored."""


def choose_language(cookie: str | None, accepted: str | None, available: Collection[str]) -> str:
    """Choose one of the available languages.

    `accepted` is the header Accept-Language of RFC 9110: a language such as `de-AT` matches its
    primary language `de`. If no language matches, the page is in English.
    """
    if cookie in available:
        return cookie or DEFAULT_LANGUAGE
    for tag in _list_preferences(accepted or ""):
        language = DEFAULT_LANGUAGE if tag == "*" else tag.partition("-")[0]
        if language in available:
            return language
    return DEFAULT_LANGUAGE


def _list_preferences(header: str) -> list[str]:
    """List the language tags of Accept-Language, the most preferred first."""
    weighted = []
    for part in header.split(",", MAX_PREFERENCES)[:MAX_PREFERENCES]:
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weight = float(value) if name.strip().lower() == "q" else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((weight, tag.strip().lower()))
    return [tag for _, tag in sorted(weighted, key=lambda one: -one[0])]
