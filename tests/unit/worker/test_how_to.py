"""The guide for authors of pipelines is true."""

import ast
import builtins
import re
import symtable
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.conformance.worker.test_pipelines import load_example

from trapline.worker.settings import MOST_PIXELS, WorkerSettings

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "how-to" / "write-a-pipeline.md").read_text()


def test_the_quoted_class_is_that_of_the_example() -> None:
    quoted = next(
        block
        for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
        if "BrightestSpot(P" in block
    )
    assert quoted in (DOCS / "examples" / "brightest_spot.py").read_text()


def test_the_test_of_the_guide_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(
        block
        for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
        if "def test_" in block
    )
    known = run_block(block, monkeypatch)
    known["test_the_spot_is_found"]()


def test_each_snippet_runs_with_its_own_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the parts of a snippet that run later: each name in it is imported or defined in it."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        run_block(block, monkeypatch)
        bound = {
            node.id for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name)
        } - set(dir(builtins))
        tree = symtable.symtable(block, "guide", "exec")
        defined = {
            symbol.get_name()
            for symbol in tree.get_symbols()
            if symbol.is_assigned() or symbol.is_imported()
        }
        defined |= {
            symbol.get_name()
            for inner in walk(tree)
            for symbol in inner.get_symbols()
            if symbol.is_local()
        }
        assert not bound - defined, block


def walk(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for inner in table.get_children():
        yield inner
        yield from walk(inner)


def run_block(block: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a snippet as a separate module, with the package of the guide installed."""
    module = ModuleType("my_package.brightest_spot")
    module.__dict__["BrightestSpot"] = type(load_example())
    monkeypatch.setitem(sys.modules, "my_package", ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, "my_package.brightest_spot", module)
    known: dict[str, Any] = {"__name__": "snippet"}
    exec(block, known)
    return known


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {
        name.removeprefix("TRAPLINE_").lower()
        for name in re.findall(r"`(TRAPLINE_[A-Z_]+)`", GUIDE)
    }
    assert set(WorkerSettings.model_fields) == listed
    for name in ("batch_size", "loaders", "max_image_pixels", "max_image_bytes"):
        default = WorkerSettings.model_fields[name].default
        assert f"| `TRAPLINE_{name.upper()}` | {default} |" in GUIDE
    assert f"| `TRAPLINE_PIXELS_IN_FLIGHT` | {MOST_PIXELS}, or a quarter of the free" in GUIDE
