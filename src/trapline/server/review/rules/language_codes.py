"""Codes of languages: ISO 639-1 in lists of taxa, ISO 639-3 in Camtrap DP."""

import re

LANGUAGES = {
    "cs": "ces", "da": "dan", "de": "deu", "en": "eng", "es": "spa", "et": "est", "fi": "fin",
    "fr": "fra", "hu": "hun", "it": "ita", "ja": "jpn", "ko": "kor", "lt": "lit", "lv": "lav",
    "nb": "nob", "nl": "nld", "no": "nor", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus",
    "sk": "slk", "sl": "slv", "sv": "swe", "sw": "swa", "tr": "tur", "uk": "ukr", "zh": "zho",
}  # fmt: skip
"""ISO 639-3 by ISO 639-1, of the languages that are common in lists of taxa."""
_THREE = re.compile(r"[a-z]{3}")


def find_language(language: str) -> str | None:
    """Find the ISO 639-3 code of a language tag: `por` for `pt-br`; None if it is not known."""
    first = language.lower().partition("-")[0]
    code = LANGUAGES.get(first, first)
    return code if _THREE.fullmatch(code) else None
