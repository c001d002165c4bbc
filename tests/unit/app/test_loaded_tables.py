"""Each process loads all tables that its foreign keys refer to."""

import subprocess
import sys

import pytest

SORT_TABLES = """
import {module}
from trapline.server.platform.db.row import Row
print(any(table.name == "projects" for table in Row.metadata.sorted_tables))
"""


@pytest.mark.parametrize("module", ["trapline.cli.server_setup", "trapline.server.app.app_startup"])
def test_a_process_loads_the_tables_of_all_foreign_keys(module: str) -> None:
    program = SORT_TABLES.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr
