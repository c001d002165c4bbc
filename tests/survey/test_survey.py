"""A survey with known truth: every surface of a running Trapline must show it."""

import ast
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.survey.truth import build_truth
from tests.survey.walk import list_failures, run_survey
from trapline.server.platform.postgres.postgres import find_free_port


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the unprivileged account of PostgreSQL can read."""
    made = Path(tempfile.mkdtemp(prefix="trapline-survey-"))
    made.chmod(0o711)
    (made / "data").mkdir(mode=0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_every_surface_shows_the_truth(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, took = run_survey("small", 1, folder, folder / "data", find_free_port())
    with capsys.disabled():
        print("\n" + table.render())  # noqa: T201 - the purpose of this test
        print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))  # noqa: T201
    assert not list_failures(table)


@pytest.mark.parametrize(
    ("size", "deployments", "files"), [("small", 5, 150), ("medium", 12, 2000)]
)
def test_a_seed_gives_one_truth(size: str, deployments: int, files: int) -> None:
    truth = build_truth(size, 7)
    assert (len(truth["deployments"]), len(truth["files"])) == (deployments, files)
    assert truth == build_truth(size, 7)
    assert truth != build_truth(size, 8)


def test_a_year_of_a_hundred_deployments_has_a_truth() -> None:
    truth = build_truth("large", 1)
    days = {one["captured_at"][:10] for one in truth["files"]}
    assert len(truth["deployments"]) == 100
    assert len(days) > 360


@pytest.mark.parametrize(
    "name", sorted(path.name for path in Path(__file__).parent.glob("oracle*.py"))
)
def test_the_oracle_imports_nothing_of_trapline(name: str) -> None:
    """An oracle that uses the product would compare the product with itself."""
    allowed = {
        "collections",
        "functools",
        "dataclasses",
        "datetime",
        "typing",
        "zoneinfo",
        "itertools",
        "math",
        "re",
        "statistics",
        "tests",
    }
    for node in ast.walk(ast.parse(Path(__file__).with_name(name).read_text(encoding="utf-8"))):
        modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            assert module.split(".")[0] in allowed, module
            assert not module.startswith("tests.") or module.startswith("tests.survey.oracle"), (
                module
            )
