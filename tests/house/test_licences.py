"""Nothing that is installed for the server and the worker, or is in the page, contains GPL code."""

import re
import tomllib

import pytest

from tests.house.licences import check, list_installed, open_installed, read_allowed
from tests.house.tree import ROOT


def test_each_distribution_of_the_server_and_the_worker_has_an_allowed_licence() -> None:
    """Metadata alone does not show it: a wheel may contain libraries under another licence."""
    allowed = read_allowed()
    names = list_installed()
    assert {"fastapi", "numpy", "onnxruntime", "pi-heif", "starlette"} <= set(names)
    assert not [
        problem for name in names for problem in check(open_installed(name), allowed).problems
    ]


def test_the_notice_names_the_source_of_data_within_wheels() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    data = read_allowed()["data"]
    assert data == {"tzfpy": "ODbL-1.0"}
    assert check(open_installed("tzfpy"), read_allowed()).data == "ODbL-1.0"
    for named in (*data, "OpenStreetMap contributors", "Open Database License (ODbL) 1.0"):
        assert named in notice
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "NOTICE" in project["license-files"], "the notice comes with the program"


def test_the_page_contains_the_allowed_licence_of_each_library() -> None:
    built = ROOT / "src" / "trapline" / "server" / "page" / "licenses.md"
    if not built.exists():
        pytest.skip("the page was not built")
    found = dict(re.findall(r"^## (\S+) - \S+ \((.+)\)$", built.read_text("utf-8"), re.MULTILINE))
    assert {"react", "maplibre-gl", "@observablehq/plot"} <= set(found)
    assert set(found.values()) <= {*read_allowed()["licences"], "Unlicense"}


def test_each_exception_is_needed_and_has_a_reason() -> None:
    """An exception that is left behind would let the next version of a distribution pass unseen."""
    allowed = read_allowed()
    bare = {**allowed, "distributions": {}, "mentions": {}}
    for name in (*allowed["distributions"], *allowed["mentions"]):
        assert check(open_installed(name), bare).problems, name
    assert all(one["reason"] and one["licence"] for one in allowed["distributions"].values())
    assert all(allowed["mentions"].values())
