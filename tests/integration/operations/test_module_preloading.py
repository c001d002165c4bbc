"""Processes of `trapline up` load their modules before their gate opens."""

import os
from pathlib import Path

import pytest
from tests.support.running_server import wait_for

from trapline.cli import up
from trapline.cli.supervisor import ProcessSpec, Supervisor

# A module that only this process imports. Python does not log the modules that `importlib` loads.
HTTP_SERVER = "trapline.server.platform.http.connection_acceptor"
BACKGROUND_PROCESS = "trapline.server.app.background.work_watch"


@pytest.mark.parametrize(
    ("name", "loaded", "not_loaded"),
    [("api", HTTP_SERVER, BACKGROUND_PROCESS), ("background", BACKGROUND_PROCESS, HTTP_SERVER)],
)
def test_a_server_process_loads_its_modules_before_the_gate_opens(
    tmp_path: Path, name: str, loaded: str, not_loaded: str
) -> None:
    """Each process loads the modules that it needs, and not those of the other process."""
    log = tmp_path / "log"
    # Python writes one line to standard error for each module when it has loaded it.
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    supervisor = Supervisor(print)

    def list_loaded() -> set[str]:
        return {line.rpartition("|")[2].strip() for line in log.read_text().splitlines()}

    with log.open("wb") as output:
        child = supervisor.start(
            ProcessSpec(name, up.SERVER, (name,), environment, log=output.fileno())
        )
        try:
            wait_for(f"the modules of {name}", lambda: loaded in list_loaded(), 60)
            assert not_loaded not in list_loaded()
            assert child.process.poll() is None
        finally:
            child.process.kill()
            child.process.wait()
