"""`make dev` on a copy of the program whose source files are changed while it runs."""

import importlib.util
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from tests.house.tree import ROOT, list_files
from tests.support.running_server import quiet_environment, wait_for

from trapline.server.platform.postgres.postgres import find_free_port

NODE_MODULES = ROOT / "web" / "node_modules"
ROUTES = "src/trapline/server/app/routes/health.py"
COMMAND = "src/trapline/cli/up.py"
OLD = '"alive"'
STEADY_S = 6.0
"""Processes older than this restart without `trapline up`."""
WITHIN_S = 120.0
MOMENT_S = 2.0
"""A process killed by SIGKILL can need this long to end on a busy machine."""


class RunningDev:
    """tools/dev.py in a copy of the repository, on free ports."""

    def __init__(self, copy: Path, data: Path) -> None:
        self.copy, self.data, self.log = copy, data, copy / "dev.log"
        self.port, self.page_port = find_free_port(), find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until the server responds."""
        ports = ("--port", str(self.port), "--page-port", str(self.page_port))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "tools/dev.py", "--data", str(self.data), *ports, "--no-worker"],
                cwd=self.copy,
                env=quiet_environment(PYTHONPATH=str(self.copy / "src")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_for_message("Trapline is ready")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that occurs in a file of the copy."""
        text = (self.copy / path).read_text("utf-8")
        assert old in text
        (self.copy / path).write_text(text.replace(old, new), "utf-8")

    def read_log(self) -> str:
        return self.log.read_text("utf-8")

    def wait_for_message(self, message: str, times: int = 1) -> None:
        """Wait until the log contains a message this many times; fail with the log."""
        self.wait_for(message, lambda: self.read_log().count(message) >= times)

    def wait_for_answer(self, text: str, path: str = "/healthz", port: int | None = None) -> None:
        """Wait until the response of a path contains a text; fail with the log."""
        self.wait_for(f"the answer {text}", lambda: text in self.get(path, port))

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        """Wait until something happened; fail with the log."""
        try:
            wait_for(what, happened, WITHIN_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.read_log()[-4000:]}") from None

    def get(self, path: str, port: int | None = None) -> str:
        """Return the text of a response; an empty text without a connection."""
        try:
            url = f"http://127.0.0.1:{port or self.port}{path}"
            return httpx2.get(url, trust_env=False, timeout=30).text
        except httpx2.TransportError:
            return ""

    def find_up(self) -> psutil.Process:
        """Find the process `trapline up`."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        (up,) = [child for child in children if "trapline.cli.main" in child.cmdline()]
        return up

    def list_processes(self) -> list[psutil.Process]:
        """List all processes below this one, and those that name its folders."""
        assert self.process is not None
        found = []
        if self.process.poll() is None:
            found = psutil.Process(self.process.pid).children(recursive=True)
        for process in psutil.process_iter():
            try:
                texts = [*process.cmdline(), *process.environ().values()]
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if any(str(folder) in text for text in texts for folder in (self.copy, self.data)):
                found.append(process)
        return [each for each in found if each.pid != self.process.pid]

    def interrupt(self) -> int:
        """Send SIGINT as Ctrl-C does; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(WITHIN_S)

    def check_end(self, processes: list[psutil.Process]) -> None:
        """Interrupt it; all of its processes end, and what it kills last a moment later."""
        up = self.find_up()
        assert self.interrupt() == 0
        assert has_ended(up)
        psutil.wait_procs([each for each in processes if not has_ended(each)], MOMENT_S)
        assert [each for each in processes if not has_ended(each)] == []
        assert self.list_processes() == []


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def dev(make_folder: Callable[[], Path], make_prepared: Callable[[], Path]) -> Iterator[RunningDev]:
    """A copy of the program that has not started yet."""
    copy = make_folder()
    for path in list_files():
        if path.parts[0] in ("src", "tools", "web") or path.name == "hatch_build.py":
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, copy / path)
    running = RunningDev(copy, make_prepared())
    try:
        yield running
    finally:
        if running.process is not None:
            try:
                running.interrupt()
            except subprocess.TimeoutExpired:
                running.process.kill()
            for process in running.list_processes():
                process.kill()


@pytest.mark.long
def test_a_change_restarts_the_processes_that_run_it(dev: RunningDev) -> None:
    dev.start()
    assert f"server: http://localhost:{dev.port} " in dev.read_log()
    assert f"http://localhost:{dev.port}/welcome#" in dev.read_log()
    assert "The page has no reload: web/node_modules is missing" in dev.read_log()
    dev.wait_for_answer(OLD)
    up = dev.find_up()
    wait_for(
        "a steady state",
        lambda: min(time.time() - child.create_time() for child in up.children()) > STEADY_S,
    )
    (database,) = [child for child in up.children() if str(dev.data) in str(child.cmdline())]
    dev.edit(ROUTES, OLD, '"changed"')
    dev.wait_for_answer('"changed"')
    dev.wait_for_message(f"{ROUTES} changed: api, background restart.")
    assert dev.find_up() == up
    assert database.is_running()
    dev.edit(COMMAND, '"Trapline is ready', '"Changed Trapline is ready')
    dev.wait_for_message(f"{COMMAND} changed: `trapline up` restarts.")
    dev.wait_for_message("Changed Trapline is ready")
    assert dev.find_up() != up
    dev.wait_for_answer('"changed"')
    processes = dev.list_processes()
    assert len(processes) >= 4, "up, PostgreSQL, API and background"
    dev.check_end(processes)


@pytest.mark.long
def test_faults_in_changes_are_reported_and_can_be_repaired(dev: RunningDev) -> None:
    dev.start()
    # A file that Python cannot compile: the old code continues to run.
    up = dev.find_up()
    dev.edit(ROUTES, f"status={OLD}", f"status=={OLD} = ")
    dev.wait_for_message("SyntaxError: ")
    dev.wait_for_message("Nothing restarted.")
    dev.wait_for_answer(OLD)
    assert dev.find_up() == up
    dev.edit(ROUTES, f"status=={OLD} = ", 'status="repaired once"')
    dev.wait_for_answer("repaired once")
    # A file that fails when it is imported.
    dev.edit(ROUTES, "router = ", "router = undefined or ")
    dev.wait_for_message("NameError: name 'undefined' is not defined")
    dev.edit(ROUTES, "router = undefined or ", "router = ")
    dev.edit(ROUTES, "repaired once", "repaired twice")
    dev.wait_for_answer("repaired twice")
    # A fault that ends `trapline up`.
    dev.edit(COMMAND, "import errno\n", "import errno\n\nundefined_here()\n")
    dev.wait_for_message("`trapline up` ended with code 1; see its messages above.")
    assert "NameError: name 'undefined_here' is not defined" in dev.read_log()
    dev.edit(COMMAND, "\nundefined_here()\n", "")
    dev.wait_for_answer("repaired twice")
    # Something ends it from outside.
    wait_for("a steady state", lambda: time.time() - dev.find_up().create_time() > STEADY_S)
    dev.find_up().kill()
    dev.wait_for_message("`trapline up` was killed by SIGKILL. It restarts.")
    dev.wait_for_answer("repaired twice")


@pytest.mark.long
@pytest.mark.skipif(not NODE_MODULES.is_dir(), reason="web/node_modules is missing (make web)")
def test_the_page_is_served_with_reload(dev: RunningDev) -> None:
    (dev.copy / "web" / "node_modules").symlink_to(NODE_MODULES)
    dev.start()
    assert f"page with reload: http://localhost:{dev.page_port} " in dev.read_log()
    dev.wait_for_answer("/@vite/client", "/", dev.page_port)
    assert OLD in dev.get("/healthz", dev.page_port)
    assert '"paths"' in dev.get("/api/v2/openapi.json", dev.page_port)
    texts = "web/src/errors/en.ts"
    module = "/" + texts.removeprefix("web/")
    assert "Page not found" in dev.get(module, dev.page_port)
    dev.edit(texts, "Page not found", "The changed text")
    dev.wait_for_answer("The changed text", module, dev.page_port)
    assert "Page not found" not in dev.get(module, dev.page_port)
    vite, *_ = [each for each in dev.list_processes() if "vite" in " ".join(each.cmdline())]
    vite.kill()
    dev.wait_for_message("It starts again in")
    dev.wait_for_answer("The changed text", module, dev.page_port)
    processes = dev.list_processes()
    dev.check_end(processes)


def test_up_restarts_after_changes_of_each_module_that_it_loads(
    make_prepared: Callable[[], Path], tmp_path: Path
) -> None:
    said = tmp_path / "modules.log"
    ports = ("--port", str(find_free_port()), "--no-worker")
    with said.open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "trapline.cli.main", "up", *ports],
            env=quiet_environment(TRAPLINE_DATA=str(make_prepared())),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for("the server", lambda: "Trapline is ready" in said.read_text("utf-8"), WITHIN_S)
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(WITHIN_S) == 0
    loaded = runpy.run_path(str(ROOT / "tools" / "dev.py"))["LOADED_BY_UP"]
    modules = re.findall(r"(?m)^import time:.*\| +(trapline[.\w]*)$", said.read_text("utf-8"))
    assert "trapline.server.platform.postgres.postgres" in modules
    missing = []
    for module in modules:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert spec.origin is not None
        path = Path(spec.origin).relative_to(ROOT / "src" / "trapline").as_posix()
        missing += [] if path.startswith(loaded) else [path]
    assert missing == []


def test_help_explains_the_options() -> None:
    shown = subprocess.run(
        [sys.executable, "tools/dev.py", "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for word in ("--data DIR", "--port N", "--page-port N", "[8000]", "make dev ARGS="):
        assert word in shown
