"""Each part reads its settings in one place, and the server knows all their names."""

import re
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT, list_text, read
from trapline.server.app.settings import Settings, list_known_variables
from trapline.server.notifications.nats_publisher import STREAM
from trapline.worker.settings import WorkerSettings

TOLD_IN = (
    "src/trapline/cli/",
    "src/trapline/worker/",
    "src/trapline/client/",
    "docs/",
    "README.md",
)
NAME = re.compile(r"\bTRAPLINE_[A-Z0-9_]*[A-Z0-9]\b")
NO_SETTINGS = {STREAM}
"""Names of NATS that look like settings."""


def test_the_server_knows_every_name_that_is_read_or_told() -> None:
    """Otherwise `trapline up` would refuse to start with a variable of the worker."""
    names = {f"TRAPLINE_{name.upper()}" for name in WorkerSettings.model_fields}
    for path in list_text(".py", ".md"):
        if str(path).startswith(TOLD_IN):
            names |= set(NAME.findall(read(path)))
    assert "TRAPLINE_SOURCE_PASSWORD" in names
    assert not names - list_known_variables() - NO_SETTINGS


def test_every_setting_is_described() -> None:
    """The reference of settings is made of these sentences."""
    assert not [name for name, field in Settings.model_fields.items() if not field.description]


def test_the_reference_of_settings_is_fresh() -> None:
    """A setting that is not written down does not exist for those who run it."""
    program = "import runpy; print(runpy.run_path('tools/write_settings.py')['describe'](), end='')"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert read(Path("docs/reference/settings.md")) == told.stdout, "run `make settings`"
