"""Child processes that are started again when they die, and that end when this process ends, however it ends."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

IMMEDIATE_S = 5.0
"""A program that ends sooner after its start failed immediately."""
STARTS_WITHOUT_PAUSE = 2
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class ProcessSpec:
    """Program of a child: a module's `main`, arguments, environment and open descriptors."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    descriptors: tuple[int, ...] = ()
    log: int | None = None


@dataclass
class ChildProcess:
    """A program that runs now, and how often in a row it failed immediately."""

    program: ProcessSpec
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    asked: bool = False


@dataclass(frozen=True)
class ProcessExited:
    """A process ended: one of the children, or another one that was watched."""

    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class RestartDue:
    """A program that ended is due to be started again."""

    program: ProcessSpec
    failures: int


@dataclass(frozen=True)
class ShutdownRequested:
    """Request to stop all processes: the number of the signal."""

    signal: int


@dataclass(frozen=True)
class Restarted:
    """A process that the supervisor does not start was started again elsewhere."""

    process: subprocess.Popen[bytes]


Event = ProcessExited | RestartDue | ShutdownRequested | Restarted


def count_failures(lived_s: float, failures: int) -> int:
    """Count immediate failures in a row, after a process that lived this long; the first end of a steady one is 0."""
    return failures + 1 if lived_s < IMMEDIATE_S else 0


def pause_after(failures: int, longest_s: float = LONGEST_PAUSE_S) -> float:
    """How many seconds to wait before the next start: none at first, then twice as long each time."""
    more = failures - STARTS_WITHOUT_PAUSE
    return 0.0 if more <= 0 else min(longest_s, FIRST_PAUSE_S * 2.0 ** min(more - 1, 20))


def describe_end(code: int) -> str:
    """Say how a process ended, from its return code."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def describe_pause(pause_s: float) -> str:
    """Say when something that ended starts again."""
    return f"It starts again in {pause_s:.1f} s." if pause_s else "It starts again now."


class Supervisor:
    """Starts, watches and stops programs. Not thread-safe.

    `tell` is called with a sentence about each child that ended unexpectedly.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.children: list[ChildProcess] = []
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._tell = tell
        self._lifeline, self._held = os.pipe()
        self._gate, self._latch = os.pipe()
        self._ending = False
        self._due: list[RestartDue] = []

    def start(self, program: ProcessSpec, failures: int = 0) -> ChildProcess:
        """Start a program in a separate session; it ends when this process does."""
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "trapline.cli.supervised_process",
                str(self._lifeline),
                str(self._gate),
                program.module,
                *program.arguments,
            ],
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=program.log,
            stderr=program.log,
            pass_fds=(self._lifeline, self._gate, *program.descriptors),
            # Ctrl-C on the terminal is for the supervisor, which ends the children in order.
            start_new_session=True,
        )
        child = ChildProcess(program, process, time.monotonic(), failures)
        self.children.append(child)
        self.watch(process)
        return child

    def replace(self, names: Sequence[str], programs: Sequence[ProcessSpec]) -> None:
        """Kill the children with these names, drop what is due of them, and start these programs instead."""
        gone = self._find(names)
        self.children = [child for child in self.children if child not in gone]
        for child in gone:
            child.process.kill()
            child.process.wait()
        self._due = [due for due in self._due if due.program.name not in names]
        for program in programs:
            self.start(program)

    def post(self, event: Event) -> None:
        """Add an event; any thread may call this."""
        self._events.put(event)

    def release_children(self) -> None:
        """Let the children run: until then they only load their modules."""
        os.close(self._latch)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Make an event of the end of a process that was started elsewhere."""

        def wait() -> None:
            process.wait()
            self._events.put(ProcessExited(process))

        threading.Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()

    def install_signal_handlers(self) -> None:
        """Make events of SIGTERM, SIGINT and SIGHUP; the second one of them ends this process at once."""

        def wish(number: int, _frame: object) -> None:
            if self._ending:
                os._exit(128 + number)
            self._ending = True
            self._events.put(ShutdownRequested(number))

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, wish)

    def next_event(self) -> Event:
        """Wait for what happens next; children that fell are started again meanwhile."""
        while True:
            event = self.poll_event(None)
            if event is not None:
                return event

    def poll_event(self, patience_s: float | None) -> Event | None:
        """Wait for so long, for ever with None; None where nothing happened that the caller must know."""
        try:
            event = self._events.get(timeout=patience_s)
        except queue.Empty:
            return None
        if isinstance(event, RestartDue):
            self._start_due(event)
            return None
        if isinstance(event, ProcessExited):
            fallen = next(
                (child for child in self.children if child.process is event.process), None
            )
            if fallen is not None:
                self._start_again(fallen)
                return None
        return event

    def _start_due(self, due: RestartDue) -> None:
        left = [each for each in self._due if each is not due]
        is_wanted, self._due = len(left) < len(self._due), left
        if is_wanted and not self._ending:
            self.start(due.program, due.failures)

    def _start_again(self, fallen: ChildProcess) -> None:
        self.children.remove(fallen)
        if self._ending:
            return
        failures = count_failures(time.monotonic() - fallen.started, fallen.failures)
        pause = pause_after(failures)
        self._tell(
            f"The {fallen.program.name} process {describe_end(fallen.process.returncode)}. "
            f"{describe_pause(pause)}"
        )
        due = RestartDue(fallen.program, failures)
        self._due.append(due)
        if not pause:
            self._start_due(due)
            return
        timer = threading.Timer(pause, self._events.put, [due])
        timer.daemon = True
        timer.start()

    def request_stop(self, names: Iterable[str]) -> None:
        """Let the children with these names end: SIGTERM, once."""
        self._ending = True
        for child in self._find(names):
            if not child.asked and child.process.poll() is None:
                child.process.terminate()
            child.asked = True

    def wait(self, names: Iterable[str], patience_s: float) -> bool:
        """Wait so long for the ends of the children with these names; whether all have ended."""
        deadline = time.monotonic() + patience_s
        for child in self._find(names):
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
        return all(child.process.poll() is not None for child in self._find(names))

    def stop(self, names: Iterable[str], patience_s: float) -> None:
        """End the children with these names: SIGTERM, and SIGKILL for those that take longer."""
        wanted = set(names)
        self.request_stop(wanted)
        self.wait(wanted, patience_s)
        for child in self._find(wanted):
            if child.process.poll() is None:
                self._tell(f"The {child.program.name} process did not end in time and was killed.")
                child.process.kill()
                child.process.wait()
            self.children.remove(child)

    def _find(self, names: Iterable[str]) -> list[ChildProcess]:
        wanted = set(names)
        return [child for child in self.children if child.program.name in wanted]
