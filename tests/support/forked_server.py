"""Run a server in a child with loaded modules: `python -m tests.support.forked_server api`.

Loading the server takes a second of processor time, which a test that kills it a hundred times does
not have. The parent loads it once. Each child is forked from it and does what a server process does
from its first line on. When it ends, another child follows. A child ends with its parent.
"""

import ctypes
import os
import signal
import time
from types import ModuleType

AGAIN_AFTER_S = 0.05
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Keep one child at work for ever."""
    import trapline.server.app.background.background_process
    import trapline.server.app.http_server  # noqa: F401 - loaded once, for every child
    from trapline.server.app import main as server

    while True:
        child = os.fork()
        if child == 0:
            _serve(server, arguments)
        os.waitpid(child, 0)
        time.sleep(AGAIN_AFTER_S)


def _serve(server: ModuleType, arguments: list[str]) -> None:
    # It ends with its parent, however that happens.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    code = 1
    try:
        code = server.main(arguments)
    finally:
        os._exit(code)
