"""Parent process of `trapline worker`: it restarts the worker when a model hangs.

A thread that runs native code of a model cannot be stopped, only its process can.
"""

import os
import signal
import sys
import threading
from typing import NoReturn

from trapline.cli.supervised_process import exit_with_supervisor
from trapline.worker.exit_codes import MODEL_HUNG

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def run_in_child() -> None:
    """Fork, and return in the child only; the parent restarts a child that hung.

    The child has the same terminal and ends immediately when its parent ends in any way. It is in a
    separate session, so that it receives Ctrl-C once, from the parent. Call this before any thread
    is started and any model is loaded, so that the parent stays small. On a system without fork
    this does nothing, and a worker that hangs is not restarted.
    """
    if not hasattr(os, "fork"):
        return
    awaited = {*STOP_SIGNALS, signal.SIGCHLD}
    lifeline, held = os.pipe()
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    # On some systems sigwait does not return ignored signals, so each signal gets a handler. The
    # signals are blocked, so the handlers are never called.
    handlers = {number: signal.signal(number, lambda *_: None) for number in awaited}
    sys.stdout.flush()
    sys.stderr.flush()
    while (child := os.fork()) != 0:
        code = _wait_for_child(child)
        if code is not None:
            _exit_like(code)
    os.close(held)
    os.setsid()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
    threading.Thread(
        target=exit_with_supervisor, args=(lifeline,), name="lifeline", daemon=True
    ).start()


def _wait_for_child(child: int) -> int | None:
    """Forward signals until the child ends; return its exit code, or None to restart it."""
    is_stopping = False
    while True:
        number = signal.sigwait({*STOP_SIGNALS, signal.SIGCHLD})
        if number in STOP_SIGNALS:
            is_stopping = True
            os.kill(child, number)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return None if code == MODEL_HUNG and not is_stopping else code


def _exit_like(code: int) -> NoReturn:
    """Exit with the code of the child, or as shells do with 128 plus the number of its signal."""
    os._exit(code if code >= 0 else 128 - code)
