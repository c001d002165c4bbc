"""Supervision of child processes: restart them when they end, and end them with this process."""

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
"""An end within this time after the start counts as an immediate failure."""
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
    """A running program, and the number of immediate failures in a row before this start."""

    program: ProcessSpec
    process: subprocess.Popen[bytes]
    started: float
    failures: int = 0
    stop_requested: bool = False


@dataclass(frozen=True)
class ProcessExited:
    """A child or another watched process has ended."""

    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class RestartDue:
    """The restart of a program that ended is due."""

    program: ProcessSpec
    failures: int


@dataclass(frozen=True)
class ShutdownRequested:
    """Request to stop all processes; `signal` is the number of the signal received."""

    signal: int


@dataclass(frozen=True)
class Restarted:
    """Another component has restarted a watched process."""

    process: subprocess.Popen[bytes]


Event = ProcessExited | RestartDue | ShutdownRequested | Restarted


def count_failures(lived_s: float, failures: int) -> int:
    """Return the number of immediate failures in a row after a process has ended.

    `lived_s` is how long the process ran; a process that ran for IMMEDIATE_S resets the count to 0.
    """
    return failures + 1 if lived_s < IMMEDIATE_S else 0


def pause_after(failures: int, longest_s: float = LONGEST_PAUSE_S) -> float:
    """Return the seconds to wait before the next start.

    The first restarts have no pause; the pause then doubles with each failure up to `longest_s`.
    """
    pauses = failures - STARTS_WITHOUT_PAUSE
    return 0.0 if pauses <= 0 else min(longest_s, FIRST_PAUSE_S * 2.0 ** min(pauses - 1, 20))


def describe_end(code: int) -> str:
    """Describe how a process ended, from its return code."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def describe_pause(pause_s: float) -> str:
    """Describe when a process that ended is restarted."""
    return f"It starts again in {pause_s:.1f} s." if pause_s else "It starts again now."


class Supervisor:
    """Starts, watches and stops programs. Not thread-safe.

    `report` is called with a message when a child ends unexpectedly or must be killed.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.children: list[ChildProcess] = []
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._report = report
        self._lifeline, self._held = os.pipe()
        self._gate, self._latch = os.pipe()
        self._ending = False
        self._due: list[RestartDue] = []

    def start(self, program: ProcessSpec, failures: int = 0) -> ChildProcess:
        """Start a program in a separate session; the program ends when this process ends."""
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
            # Ctrl-C on the terminal reaches only the supervisor, which stops the
            # children in order.
            start_new_session=True,
        )
        child = ChildProcess(program, process, time.monotonic(), failures)
        self.children.append(child)
        self.watch(process)
        return child

    def replace(self, names: Sequence[str], programs: Sequence[ProcessSpec]) -> None:
        """Kill the children with these names, cancel their restarts, and start these programs."""
        replaced = self._find(names)
        self.children = [child for child in self.children if child not in replaced]
        for child in replaced:
            child.process.kill()
            child.process.wait()
        self._due = [due for due in self._due if due.program.name not in names]
        for program in programs:
            self.start(program)

    def post(self, event: Event) -> None:
        """Add an event; any thread may call this."""
        self._events.put(event)

    def release_children(self) -> None:
        """Start the work of the children; before this call they only load their modules."""
        os.close(self._latch)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Post an event when a process that another component started ends."""

        def wait() -> None:
            process.wait()
            self._events.put(ProcessExited(process))

        threading.Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()

    def install_signal_handlers(self) -> None:
        """Post an event on SIGTERM, SIGINT or SIGHUP; end this process on a second signal."""

        def handle_signal(number: int, _frame: object) -> None:
            if self._ending:
                os._exit(128 + number)
            self._ending = True
            self._events.put(ShutdownRequested(number))

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, handle_signal)

    def next_event(self) -> Event:
        """Wait for the next event that concerns the caller; meanwhile restart children that end."""
        while True:
            event = self.poll_event(None)
            if event is not None:
                return event

    def poll_event(self, patience_s: float | None) -> Event | None:
        """Wait for an event, without a limit if `patience_s` is None.

        Return None after this time, or if the event concerned only a child of the supervisor.
        """
        try:
            event = self._events.get(timeout=patience_s)
        except queue.Empty:
            return None
        if isinstance(event, RestartDue):
            self._start_due(event)
            return None
        if isinstance(event, ProcessExited):
            ended = next((child for child in self.children if child.process is event.process), None)
            if ended is not None:
                self._restart(ended)
                return None
        return event

    def _start_due(self, due: RestartDue) -> None:
        remaining = [other for other in self._due if other is not due]
        is_due, self._due = len(remaining) < len(self._due), remaining
        if is_due and not self._ending:
            self.start(due.program, due.failures)

    def _restart(self, ended: ChildProcess) -> None:
        self.children.remove(ended)
        if self._ending:
            return
        failures = count_failures(time.monotonic() - ended.started, ended.failures)
        pause = pause_after(failures)
        self._report(
            f"The {ended.program.name} process {describe_end(ended.process.returncode)}. "
            f"{describe_pause(pause)}"
        )
        due = RestartDue(ended.program, failures)
        self._due.append(due)
        if not pause:
            self._start_due(due)
            return
        timer = threading.Timer(pause, self._events.put, [due])
        timer.daemon = True
        timer.start()

    def request_stop(self, names: Iterable[str]) -> None:
        """Send SIGTERM to the children with these names, at most once to each."""
        self._ending = True
        for child in self._find(names):
            if not child.stop_requested and child.process.poll() is None:
                child.process.terminate()
            child.stop_requested = True

    def wait(self, names: Iterable[str], patience_s: float) -> bool:
        """Wait until the children with these names have ended; return whether all have."""
        deadline = time.monotonic() + patience_s
        for child in self._find(names):
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
        return all(child.process.poll() is not None for child in self._find(names))

    def stop(self, names: Iterable[str], patience_s: float) -> None:
        """Stop the children with these names: SIGTERM, then SIGKILL after `patience_s`."""
        wanted = set(names)
        self.request_stop(wanted)
        self.wait(wanted, patience_s)
        for child in self._find(wanted):
            if child.process.poll() is None:
                self._report(
                    f"The {child.program.name} process did not end in time and was killed."
                )
                child.process.kill()
                child.process.wait()
            self.children.remove(child)

    def _find(self, names: Iterable[str]) -> list[ChildProcess]:
        wanted = set(names)
        return [child for child in self.children if child.program.name in wanted]
