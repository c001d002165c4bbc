"""Paths of uploaded files: every text becomes a relative path that can be stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline.server.platform.files.upload_paths import clean_path


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("RCNX0001.JPG", "RCNX0001.JPG"),
        ("100RECNX/RCNX0001.JPG", "100RECNX/RCNX0001.JPG"),
        ("100RECNX\\RCNX0001.JPG", "100RECNX/RCNX0001.JPG"),
        ("C:\\cards\\a.jpg", "cards/a.jpg"),
        ("C:a.jpg", "C:a.jpg"),
        ("/etc/../../a.jpg", "etc/a.jpg"),
        ("./a//b/./c.jpg", "a/b/c.jpg"),
        ("\\\\nas\\cards\\a.jpg", "nas/cards/a.jpg"),
        ("../..", "unnamed"),
        ("a/", "a/unnamed"),
        ("", "unnamed"),
        ("Lichtung\u00a01/\u202eb\x00.jpg", "Lichtung\u00a01/b.jpg"),
        (
            "zero\u200bwidth\u200c/\u200dis\u2060kept\ufeff.jpg",
            "zero\u200bwidth\u200c/\u200dis\u2060kept\ufeff.jpg",
        ),
        ("f" * 300 + "/" + "n" * 300 + ".jpg", "f" * 255 + "/" + "n" * 251 + ".jpg"),
    ],
)
def test_a_path_is_stored_as(sent: str, stored: str) -> None:
    assert clean_path(sent) == stored


def test_a_long_path_loses_its_first_folders() -> None:
    sent = "/".join(f"folder{number:03}" for number in range(600)) + "/a.jpg"
    stored = clean_path(sent)
    assert 1000 < len(stored) <= 1024
    assert sent.endswith("/" + stored)


@given(st.text())
def test_any_text_becomes_a_relative_path_that_stays_as_it_is(sent: str) -> None:
    stored = clean_path(sent)
    parts = stored.split("/")
    assert 0 < len(stored) <= 1024
    assert all(
        part not in ("", ".", "..") and len(part) <= 255 and "\\" not in part for part in parts
    )
    assert "\x00" not in stored
    assert clean_path(stored) == stored
