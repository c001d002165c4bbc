"""Files that are not of the requested format are rejected as a whole."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.import_files import (
    PACKAGE,
    build_coco,
    open_content,
)

from trapline.server.imports.formats.import_records import (
    UnreadableFile,
)


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        (
            "coco",
            build_coco() | {"categories": [{"id": 1, "name": "fox", "skeleton": [[1, 2, 3]]}]},
            "`categories` cannot",
        ),
        ("speciesnet", {"images": []}, "no `predictions`"),
        ("speciesnet", [], "not a JSON object"),
        ("coco", {"images": []}, "not COCO"),
        ("coco", {"images": {}, "annotations": []}, "a list was expected"),
        ("coco", build_coco() | {"categories": [{"id": []}]}, "`categories` cannot be read"),
        (
            "megadetector",
            {"images": [], "detection_categories": ["animal"]},
            "not an object of names",
        ),
        ("camtrap-dp", {"media.csv": ""}, "not a data package"),
        ("camtrap-dp", {"datapackage.json": "[", "media.csv": ""}, "cannot be read"),
        (
            "camtrap-dp",
            {"datapackage.json": PACKAGE, "media.csv": ""},
            "which datapackage.json names",
        ),
    ],
)
def test_file_of_another_format_is_rejected(
    tmp_path: Path, kind: str, content: Any, words: str
) -> None:
    with pytest.raises(UnreadableFile, match=words):
        list(open_content(tmp_path, kind, content).paths())
