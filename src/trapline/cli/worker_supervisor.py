"""Parent process of `trapline worker`: one child per device, restarted when it ends too early.

A thread that runs native code of a model cannot be stopped, only its process can.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from trapline.cli.errors import ExitCode
from trapline.cli.supervised_process import exit_with_supervisor
from trapline.worker.exit_codes import FAILED, MODEL_HUNG, NOT_STARTED

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
AWAITED = {*STOP_SIGNALS, signal.SIGCHLD, signal.SIGALRM}
FINAL_CODES = {0, int(ExitCode.WRONG_USAGE), int(ExitCode.REFUSED)}
"""Exit codes after which a child is not started again: a restart would end in the same way."""
START_ERROR_CODE = NOT_STARTED if hasattr(os, "fork") else FAILED
"""Exit code of a child that cannot start until a person acts.

Without fork there is no parent that replaces the code.
"""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STEADY_S = 300.0
"""A child that ran this long has no failed starts any more."""


@dataclass
class DeviceProcess:
    """The child of one device; its next start is at `due`, if it does not run.

    `may_start` is true after a child of the device ended for another reason than NOT_STARTED.
    """

    number: int
    device: str | None
    pid: int = 0
    started: float = 0.0
    due: float | None = 0.0
    may_start: bool = False
    pause_s: float = SHORTEST_PAUSE_S

    @property
    def is_alive(self) -> bool:
        """Whether the device has a child, or gets another one."""
        return bool(self.pid) or self.due is not None


def run_in_child(devices: Sequence[str] = ()) -> int:
    """Fork for each device, and return in the children only, with the number of the device.

    Without devices there is one child. The parent restarts a child that hung; with `devices` it
    also restarts one that died or could not start, after pauses from 1 to 60 s. A child whose first
    start fails until a person acts is not restarted: a pipeline or a package is missing, a licence
    is not accepted, or a setting is wrong.

    A child has the same terminal and ends immediately when its parent ends in any way. It is in a
    separate session, so that it receives Ctrl-C once, from the parent. Call this before any thread
    is started and any model is loaded, so that the parent stays small. On a system without fork
    this does nothing, and a worker that hangs is not restarted.
    """
    if not hasattr(os, "fork"):
        return 0
    lifeline, held = os.pipe()
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    # On some systems sigwait does not return ignored signals, so each signal gets a handler. The
    # signals are blocked, so the handlers are never called.
    handlers = {number: signal.signal(number, lambda *_: None) for number in AWAITED}
    sys.stdout.flush()
    sys.stderr.flush()
    processes = [DeviceProcess(number, device) for number, device in enumerate(devices or (None,))]
    number = _supervise(processes)
    os.close(held)
    os.setsid()
    for signal_number, handler in handlers.items():
        signal.signal(signal_number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
    threading.Thread(
        target=exit_with_supervisor, args=(lifeline,), name="lifeline", daemon=True
    ).start()
    return number


def _supervise(processes: Sequence[DeviceProcess]) -> int:
    """Start and restart the children until all have ended; return in the children only."""
    restarts_dead = processes[0].device is not None
    is_stopping = False
    worst = 0
    while True:
        child = _start_due(processes)
        if child is not None:
            return child
        waiting = [process.due for process in processes if process.due is not None]
        if not waiting and not any(process.pid for process in processes):
            _exit_like(worst)
        # Never 0, which would turn the timer off.
        wait_s = max(0.001, min(waiting) - time.monotonic()) if waiting else 0
        signal.setitimer(signal.ITIMER_REAL, wait_s)
        received = signal.sigwait(AWAITED)
        if received in STOP_SIGNALS:
            is_stopping = True
            for process in processes:
                process.due = None
                if process.pid:
                    os.kill(process.pid, received)
        for process in processes:
            code = _reap(process)
            if code is None:
                continue
            hung = code == MODEL_HUNG
            cannot_start = code == NOT_STARTED
            process.may_start = process.may_start or not cannot_start
            is_final = code in FINAL_CODES or (cannot_start and not process.may_start)
            if not is_stopping and (hung or (restarts_dead and not is_final)):
                _plan_restart(process, at_once=hung)
                continue
            worst = worst or (FAILED if cannot_start else code)
            if not is_stopping and code and any(other.is_alive for other in processes):
                _print_message(
                    f"the process of {process.device} ended and is not started again; the other "
                    "devices continue"
                )


def _start_due(processes: Sequence[DeviceProcess]) -> int | None:
    """Fork for each device that is due; return its number in the child, and None in the parent."""
    for process in processes:
        if process.due is None or process.due > time.monotonic():
            continue
        process.pid = os.fork()
        if process.pid == 0:
            if process.device is not None:
                os.environ["TRAPLINE_DEVICE"] = process.device
            return process.number
        process.started, process.due = time.monotonic(), None
    return None


def _reap(process: DeviceProcess) -> int | None:
    """Return the exit code of a child that has ended since the last call."""
    if not process.pid:
        return None
    ended, status = os.waitpid(process.pid, os.WNOHANG)
    if not ended:
        return None
    process.pid = 0
    return os.waitstatus_to_exitcode(status)


def _plan_restart(process: DeviceProcess, *, at_once: bool) -> None:
    if time.monotonic() - process.started >= STEADY_S:
        process.pause_s = SHORTEST_PAUSE_S
    process.due = time.monotonic()
    if not at_once:
        _print_message(
            f"the process of {process.device} ended; it is started again in {process.pause_s:.0f} s"
        )
        process.due += process.pause_s
        process.pause_s = min(LONGEST_PAUSE_S, 2 * process.pause_s)


def _print_message(message: str) -> None:
    print(f"trapline worker: {message}", file=sys.stderr, flush=True)


def _exit_like(code: int) -> NoReturn:
    """Exit with the code of the child, or as shells do with 128 plus the number of its signal."""
    os._exit(code if code >= 0 else 128 - code)
