"""Each part reads its settings in one place, and the server knows all their names."""

import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT, read
from trapline.server.settings import Settings, known_names
from trapline.worker.settings import WorkerSettings


def test_the_server_knows_every_name_that_the_worker_reads() -> None:
    """Otherwise `trapline up` would refuse to start in an environment where the worker's settings are set."""
    names = {f"TRAPLINE_{name.upper()}" for name in WorkerSettings.model_fields}
    assert not names - known_names()


def test_every_setting_is_described() -> None:
    """The reference of settings is made of these sentences."""
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_the_reference_of_settings_is_fresh() -> None:
    """A setting that is not written down does not exist for those who run it."""
    program = "import runpy; print(runpy.run_path('tools/write_settings.py')['describe'](), end='')"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert read(Path("docs/reference/settings.md")) == told.stdout, "run `make settings`"
