"""Processes that a test starts, kills, pauses and restarts. They end with the test."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx2

from tests.support.running_server import list_children, quiet_environment

AGAIN_AFTER_S = 0.2
"""Delay before the restart of a process that ended, as the first one of `trapline up`."""


@dataclass(eq=False)
class Part:
    """One process that is restarted while it is `wanted`.

    `starts` and `ends` are the recorded times.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    descriptors: tuple[int, ...] = ()
    wanted: bool = True
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None


class Keeper:
    """Starts parts, and those again that ended. All of them end when this process does."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.lifeline, self._held = os.pipe()
        self._gate, latch = os.pipe()
        os.close(latch)
        self._ending = threading.Event()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._thread.start()

    def add_module(
        self,
        name: str,
        module: str,
        arguments: list[str],
        environment: Mapping[str, str],
        log: Path,
        *fds: int,
    ) -> Part:
        """Start a module of ours, with a lifeline to this process."""
        lifeline = [
            "-m",
            "trapline.cli.supervised_process",
            str(self.lifeline),
            str(self._gate),
            module,
        ]
        return self.add(
            Part(
                name,
                [sys.executable, *lifeline, *arguments],
                environment,
                log,
                (self.lifeline, self._gate, *fds),
            )
        )

    def add(self, part: Part) -> Part:
        """Start a part."""
        with self._lock:
            self.parts.append(part)
            self._start(part)
        return part

    def _start(self, part: Part) -> None:
        with part.log.open("ab") as log:
            part.process = subprocess.Popen(
                part.command,
                env=quiet_environment(**part.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=part.descriptors,
                start_new_session=True,
            )
        part.starts.append(time.monotonic())

    def _keep(self) -> None:
        while not self._ending.wait(0.02):
            with self._lock:
                for part in self.parts:
                    if part.is_running or part.process is None:
                        continue
                    if len(part.ends) < len(part.starts):
                        part.ends.append(time.monotonic())
                    if part.wanted and time.monotonic() - part.ends[-1] >= AGAIN_AFTER_S:
                        self._start(part)

    def find(self, name: str) -> Part:
        """The part with this name."""
        return next(part for part in self.parts if part.name == name)

    def stop(
        self, part: Part, wish: signal.Signals = signal.SIGTERM, patience_s: float = 15.0
    ) -> int:
        """Stop a part without a restart; return its exit code."""
        with self._lock:
            part.wanted = False
        assert part.process is not None
        if part.is_running:
            part.process.send_signal(wish)
        return part.process.wait(patience_s)

    def end(self) -> None:
        """End everything."""
        self._ending.set()
        self._thread.join()
        for part in self.parts:
            if part.is_running:
                assert part.process is not None
                part.process.kill()
                part.process.wait()
        for descriptor in (self.lifeline, self._held, self._gate):
            os.close(descriptor)


def signal_family(pid: int, wish: signal.Signals) -> int:
    """Send a signal to a process and its children, also in other sessions. Return their number."""
    sent = 0
    for each in (pid, *list_children(pid)):
        try:
            os.kill(each, wish)
            sent += 1
        except ProcessLookupError:
            continue
    return sent


def last_words(log: Path, characters: int = 3000) -> str:
    """The end of a log."""
    try:
        with log.open("rb") as file:
            read_end(file, characters)
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def read_end(file: IO[bytes], characters: int) -> None:
    """Move to a position `characters` bytes before the end."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - characters))


def is_ready(port: int) -> bool:
    """Whether an API says that it is ready."""
    try:
        with httpx2.Client(trust_env=False, timeout=2) as client:
            return client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx2.HTTPError:
        return False


def find_faketime() -> Path | None:
    """The library that gives a process a wrong clock; None where it is not installed."""
    return next(iter(sorted(Path("/usr").glob("lib*/**/faketime/libfaketime.so.1"))), None)
