"""The commands of README.md, run in the order in which they are printed."""

import os
import re
import shlex
import signal
import subprocess
import sys
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

from tests.acceptance.sources.test_push_guide import Quiet, in_thread
from tests.support.camera_images import fill
from tests.support.registries import skip_without_registries
from tests.support.running_server import RunningServer, quiet_environment, wait_for

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```sh[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
MODEL_WITHIN_S = 300


def read_blocks() -> list[str]:
    return BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_first_commands_are_those_of_the_demo() -> None:
    """`make demo` itself is run by the tests of the demo."""
    clone, demo = read_blocks()[0].splitlines()
    assert clone == "git clone <this repository> trapline && cd trapline"
    assert demo == "make demo"
    made = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout.splitlines()[-1].split() == [".venv/bin/trapline", "demo"]


def fetch_model() -> None:
    """Download the model of the default pipeline, or skip if the registries are unavailable."""
    fetch = (
        "from trapline.worker.main import load_pipelines;"
        "from trapline.worker.settings import load_settings;"
        "from trapline.worker.progress_display import configure_logging;"
        "load_pipelines(load_settings(token='none yet'), ['animal-detector'], configure_logging())"
    )
    command = [sys.executable, "-c", fetch]
    done = subprocess.run(
        command, env=quiet_environment(), capture_output=True, text=True, timeout=300, check=False
    )
    skip_without_registries(done)
    assert done.returncode == 0, done.stderr


class Shell:
    """A shell that runs one block after the other.

    Exported variables are kept for the next block.
    """

    def __init__(self, folder: Path, replaced: dict[str, str], **settings: str) -> None:
        self.folder, self.replaced = folder, replaced
        self.kept = folder / "kept.sh"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = quiet_environment(**settings, PATH=path)

    def script(self, block: str) -> str:
        for printed, here in self.replaced.items():
            block = block.replace(printed, here)
        kept = shlex.quote(str(self.kept))
        return f"set -eu\n[ ! -e {kept} ] || . {kept}\n{block}\nexport -p > {kept}\n"

    def run(self, block: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.script(block)],
            cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=MODEL_WITHIN_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def test_the_commands_of_the_first_ten_minutes_run_in_order(
    own_server: RunningServer, tmp_path: Path
) -> None:
    _, up, sign_in, pictures, job, worker, ask = read_blocks()
    assert up == "trapline up --data /srv/trapline\n"
    fetch_model()
    fill(tmp_path / "DCIM", 2)
    fill(tmp_path / "site" / "DCIM", 3)
    camera = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    with camera, in_thread(camera):
        origin = f"127.0.0.1:{camera.server_port}"
        own_server.arguments = ()
        own_server.settings = {**own_server.settings, "TRAPLINE_ALLOWED_NETWORKS": origin}
        own_server.start()
        assert own_server.token, "the link was followed and a password chosen"
        replaced = {"/srv/trapline": str(own_server.data), "camera.local": origin}
        shell = Shell(tmp_path, replaced, TRAPLINE_SERVER=own_server.base_url)
        shell.run(sign_in)
        assert "Forest edge" in shell.run(pictures)
        with own_server.open() as server:
            project = next(one for one in server.list_projects() if one.name == "Forest edge")
            [oak] = [one for one in server.list_deployments(project.id) if one.name == "Old oak"]
            assert oak.time_zone == "Europe/Berlin"
        shell.run(job)
        run_worker(own_server, shell, worker)
        assert "Usage" in shell.run(ask)
    assert own_server.stop() == 0


def run_worker(own_server: RunningServer, shell: Shell, block: str) -> None:
    create, export, start = block.splitlines()
    token = next(word for word in shell.run(create).split() if word.startswith("tl_"))
    assert token.startswith("tl_worker_"), token
    shell.replaced |= {"https://trapline.example.org": own_server.base_url, "tl_worker_...": token}
    shell.run(export)
    # Its worker runs until it is stopped, so that the shell does not come to what follows.
    log = shell.folder / "worker.log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            ["bash", "-c", shell.script(start)],
            cwd=shell.folder, env=shell.environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:

        def is_at_work() -> bool:
            assert running.poll() is None, log.read_text(encoding="utf-8")
            with own_server.open() as server:
                return len([one for one in server.list_workers() if one.online]) == 2

        wait_for("a second worker online", is_at_work, MODEL_WITHIN_S)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(60)
