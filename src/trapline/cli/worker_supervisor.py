"""Small parent of `trapline worker`: it restarts the worker when a model hangs, else ends with it.

A thread that is deep in a model's native code cannot be ended, only its process can.
"""

import os
import signal
import sys
import threading
from typing import NoReturn

from trapline.cli.supervised_process import exit_with_supervisor
from trapline.worker.exit_codes import MODEL_HUNG

ASKED = {signal.SIGTERM, signal.SIGINT}


def run_in_child() -> None:
    """Return in a child of this process, which stays behind, starts another one for each that hung,
    and never returns.

    The child has the same terminal, and ends at once when its parent does, however that happens. It
    is in a separate session: Ctrl-C on the terminal reaches it through the parent, once. Call this
    before any thread is started and any model is loaded, so that the parent stays small. On a
    system that cannot fork this does nothing, and a worker that hangs is not restarted.
    """
    if not hasattr(os, "fork"):
        return
    waited_for = {*ASKED, signal.SIGCHLD}
    lifeline, held = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited_for)
    # A signal that a process ignores is not waited for everywhere; blocked, none of these is ever
    # called.
    handlers = {number: signal.signal(number, lambda *_: None) for number in waited_for}
    sys.stdout.flush()
    sys.stderr.flush()
    while (child := os.fork()) != 0:
        code = _stand_by(child)
        if code is not None:
            _end_like(code)
    os.close(held)
    os.setsid()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    threading.Thread(
        target=exit_with_supervisor, args=(lifeline,), name="lifeline", daemon=True
    ).start()


def _stand_by(child: int) -> int | None:
    """Pass signals on until the child ends; its exit code, or None where it is to be started again."""
    was_asked = False
    while True:
        number = signal.sigwait({*ASKED, signal.SIGCHLD})
        if number in ASKED:
            was_asked = True
            os.kill(child, number)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return None if code == MODEL_HUNG and not was_asked else code


def _end_like(code: int) -> NoReturn:
    """End as the child did; of a signal it died of, shells make the same number."""
    os._exit(code if code >= 0 else 128 - code)
