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

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 10.0


@dataclass(frozen=True)
class Program:
    """What a child runs: the `main` of a module of ours, its arguments, whole environment, and open descriptors."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    descriptors: tuple[int, ...] = ()
    log: int | None = None


@dataclass
class Child:
    """A program that runs now, and how often it was started in a row without becoming steady."""

    program: Program
    process: subprocess.Popen[bytes]
    started: float
    falls: int = 0
    asked: bool = False


@dataclass(frozen=True)
class Ended:
    """A process ended: one of the children, or another one that was watched."""

    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Due:
    """A program that fell is due to be started again."""

    program: Program
    falls: int


@dataclass(frozen=True)
class Wanted:
    """Somebody wants everything to end: the number of the signal."""

    signal: int


Event = Ended | Due | Wanted


class Supervisor:
    """Starts programs, hears of their ends, and ends them. Not thread-safe: one thread calls it.

    `tell` is called with a sentence about every child that fell.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.children: list[Child] = []
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._tell = tell
        self._lifeline, self._held = os.pipe()
        self._gate, self._latch = os.pipe()
        self._ending = False

    def start(self, program: Program, falls: int = 0) -> Child:
        """Start a program with a lifeline to this process, in a session of its own."""
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "trapline.cli.lifeline",
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
        child = Child(program, process, time.monotonic(), falls)
        self.children.append(child)
        self.watch(process)
        return child

    def replace(self, programs: Sequence[Program]) -> None:
        """Kill every child, and start these instead."""
        gone, self.children = self.children, []
        for child in gone:
            child.process.kill()
            child.process.wait()
        for program in programs:
            self.start(program)

    def open_gate(self) -> None:
        """Let the children run: until then they only load their modules."""
        os.close(self._latch)

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        """Make an event of the end of a process that was started elsewhere."""

        def wait() -> None:
            process.wait()
            self._events.put(Ended(process))

        threading.Thread(target=wait, name=f"wait for {process.pid}", daemon=True).start()

    def catch_signals(self) -> None:
        """Make events of SIGTERM, SIGINT and SIGHUP; the second one of them ends this process at once."""

        def wish(number: int, _frame: object) -> None:
            if self._ending:
                os._exit(128 + number)
            self._ending = True
            self._events.put(Wanted(number))

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
        if isinstance(event, Due):
            if not self._ending:
                self.start(event.program, event.falls)
            return None
        if isinstance(event, Ended):
            fallen = next((child for child in self.children if child.process is event.process), None)
            if fallen is not None:
                self._start_again(fallen)
                return None
        return event

    def _start_again(self, fallen: Child) -> None:
        self.children.remove(fallen)
        if self._ending:
            return
        falls = 1 if time.monotonic() - fallen.started > STEADY_AFTER_S else fallen.falls + 1
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (falls - 1))
        code = fallen.process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        self._tell(f"The {fallen.program.name} process {how}; it starts again in {pause:.1f} s.")
        timer = threading.Timer(pause, self._events.put, [Due(fallen.program, falls)])
        timer.daemon = True
        timer.start()

    def ask(self, names: Iterable[str]) -> None:
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
        self.ask(wanted)
        self.wait(wanted, patience_s)
        for child in self._find(wanted):
            if child.process.poll() is None:
                self._tell(f"The {child.program.name} process did not end in time and was killed.")
                child.process.kill()
                child.process.wait()
            self.children.remove(child)

    def _find(self, names: Iterable[str]) -> list[Child]:
        wanted = set(names)
        return [child for child in self.children if child.program.name in wanted]
