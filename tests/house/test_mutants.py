"""The mutants can be applied: each text occurs once in the source, and each test exists."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.mutants.table import Mutant, load_mutants

MUTANTS = load_mutants()


def test_every_name_is_unique() -> None:
    """The runner selects and reports mutants by name."""
    assert [
        name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1
    ] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_applies_to_the_present_source(mutant: Mutant) -> None:
    """A mutant of a line that changed would break nothing, and its tests would prove nothing."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    broken = mutant.apply(source)
    assert broken != source
    compile(broken, mutant.file, "exec")


def test_mutants_use_no_undefined_name(tmp_path: Path) -> None:
    """A mutant that raises NameError fails every test, and so proves nothing about them."""
    for number, mutant in enumerate(MUTANTS):
        broken = mutant.apply((ROOT / mutant.file).read_text(encoding="utf-8"))
        folder = tmp_path / f"{number} {mutant.name.replace('/', ' ')}"
        folder.mkdir()
        (folder / mutant.file.name).write_text(broken, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821"]
    checked = subprocess.run([*ruff, str(tmp_path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_tests_of_mutant_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, function = test.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        name = re.escape(function.partition("[")[0])
        assert not function or re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), test
