"""Run a module that ends when its supervisor does: `python -m trapline.cli.lifeline FD MODULE ARGUMENTS...`.

FD is the reading end of a pipe whose other end only the supervisor holds and never writes to. However the supervisor
ends, kill -9 included, the pipe closes, and so does this process, at once: everything it does is safe to cut.
"""

import os
import runpy
import sys
import threading


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(70)


def main() -> None:
    """Watch the lifeline and become the module."""
    lifeline, module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with, args=(int(lifeline),), name="lifeline", daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
