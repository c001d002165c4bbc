"""A complete Trapline: real processes, called over HTTP, that tests can kill."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.support.command_line import call_command
from trapline.cli.up import is_ready
from trapline.client import Trapline

SHARED_SECRET = "what outside pipelines and the shared server both know"
METRICS_TOKEN = "what the monitoring of the tests knows"
EMAIL, PASSWORD = "owner@example.org", "correct horse battery"
QUICK = {"TRAPLINE_LEASE_S": "2", "TRAPLINE_REAPER_S": "0.5", "TRAPLINE_LOG_FORMAT": "json"}
"""Leases short enough for a test to see them end."""


def wait_for(what: str, happened: Callable[[], bool], within_s: float = 30.0) -> None:
    """Ask again and again; an AssertionError names what did not happen."""
    deadline, pause = time.monotonic() + within_s, 0.05
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen within {within_s} s"
        time.sleep(pause)
        # Most questions open a connection: asked often, they keep from happening what they wait
        # for.
        pause = min(0.25, 1.2 * pause)


def quiet_environment(**changes: str) -> dict[str, str]:
    """The environment without what would make a test depend on the machine that it runs on."""
    ours = ("TRAPLINE_", "ML_", "S3_", "DATABASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **kept,
        **{name: os.environ[name] for name in ("TRAPLINE_CACHE",) if name in os.environ},
        **changes,
    }


@dataclass
class RunningServer:
    """A `trapline up` on a data folder. `kill` takes api, background, worker, database or up."""

    data: Path
    port: int
    arguments: tuple[str, ...] = ("--no-worker",)
    settings: Mapping[str, str] = field(default_factory=lambda: dict(QUICK))
    process: subprocess.Popen[bytes] | None = None
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _token: str | None = None

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The log of all starts, in order."""
        return self.data.with_name(f"{self.data.name}.log")

    def start(self, *, wait: bool = True) -> float:
        """Start it; answers how many seconds it took to be ready."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "trapline.cli.main",
                    "up",
                    f"--data={self.data}",
                    f"--port={self.port}",
                    *self.arguments,
                ],
                env=quiet_environment(**self.settings),
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_until_ready()
        return time.monotonic() - began

    def wait_until_ready(self, within_s: float = 60.0) -> None:
        """Wait until it answers; fails with its log where it ended instead."""
        deadline = time.monotonic() + within_s
        while not is_ready(self.port):
            assert self.process is not None
            assert self.process.poll() is None, (
                f"trapline up ended:\n{self.log.read_text(encoding='utf-8')[-3000:]}"
            )
            assert time.monotonic() < deadline, (
                f"not ready:\n{self.log.read_text(encoding='utf-8')[-3000:]}"
            )
            time.sleep(0.05)

    def stop(self, wish: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as a user or an init system would; answers the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(wish)
        return self.process.wait(20)

    def restart(self) -> float:
        """Stop and start; answers how many seconds the start took."""
        self.stop()
        return self.start()

    def kill(self, part: str) -> int:
        """Kill -9 one part; answers its process id."""
        pid = self.find(part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def find(self, part: str) -> int:
        """The process id of a part; waits for one that was killed to be started again."""
        found: list[int] = []

        def look() -> bool:
            # One look: a process that was killed a moment ago can be gone at the next.
            pid = self._find_now(part)
            found.extend([] if pid is None else [pid])
            return bool(found)

        wait_for(f"a {part} process", look, 30)
        return found[0]

    def is_running(self, part: str) -> bool:
        """Whether there is a process of a part now."""
        return self._find_now(part) is not None

    def _find_now(self, part: str) -> int | None:
        assert self.process is not None
        if part == "up":
            return self.process.pid
        ending = {
            "api": "trapline.server.app.main\0api\0",
            "background": "trapline.server.app.main\0background\0",
            "worker": "trapline.cli.local_worker\0",
            "database": f"{self.data / 'database'}\0",
        }[part]
        for pid in list_children(self.process.pid):
            with contextlib.suppress(OSError):
                if ending in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"):
                    return pid
        return None

    def end(self) -> None:
        """End everything, also after a test that failed half-way."""
        for process in self.others:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        postmaster = self.data / "database" / "postmaster.pid"
        if postmaster.exists():
            os.kill(int(postmaster.read_text(encoding="utf-8").splitlines()[0]), signal.SIGQUIT)

    def read_link(self) -> str:
        """The first owner's one-time link, as `trapline up` printed it."""

        def find() -> list[str]:
            return re.findall(r"/welcome#(\S+)", self.log.read_text(encoding="utf-8"))

        wait_for("the first owner's link", lambda: bool(find()), 5)
        return find()[-1]

    @property
    def token(self) -> str:
        """An API token of the owner, whose account is made by the link at the first use."""
        if self._token is None:
            with httpx2.Client(base_url=f"{self.base_url}/api/v2", trust_env=False) as session:
                made = session.post(
                    "/auth/link",
                    json={
                        "link": self.read_link(),
                        "email": EMAIL,
                        "name": "Owner",
                        "password": PASSWORD,
                    },
                )
                assert made.status_code == 200, made.text
                session.headers["X-CSRF-Token"] = made.json()["csrf_token"]
                token = session.post("/auth/tokens", json={"name": "tests"})
                assert token.status_code in (200, 201), token.text
                self._token = token.json()["token"]
        return self._token

    def get_text(self, url: str) -> str:
        """The text that a GET of this URL returns."""
        answer = httpx2.get(url, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.text

    def open(self) -> Trapline:
        """A client that speaks as the owner."""
        return Trapline(self.base_url, self.token)

    def run(
        self, *arguments: str, check: bool = True, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of the command line against it, by default as its owner."""
        done = subprocess.run(
            [sys.executable, "-m", "trapline.cli.main", *arguments],
            env=quiet_environment(
                **{"TRAPLINE_SERVER": self.base_url, "TRAPLINE_TOKEN": self.token, **settings}
            ),
            cwd=self.data,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def call(
        self, *arguments: str, check: bool = True, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Do the same in this process, without the time in which a process starts."""
        access = {"TRAPLINE_SERVER": self.base_url, "TRAPLINE_TOKEN": self.token}
        done = call_command(access | settings, *arguments)
        assert not check or done.returncode == 0, f"{done}"
        return done


def list_children(parent: int) -> list[int]:
    """The process ids whose parent this is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(after_name[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def read_environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def is_alive(pid: int) -> bool:
    """Return whether a process runs and is not a zombie."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            != "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return False
