"""Run a module's `main` in a process that ends when its supervisor does.

`python -m trapline.cli.supervised_process LIFELINE GATE MODULE ARGUMENTS...`: LIFELINE is the
reading end of a pipe. Only the supervisor holds the other end, and never writes to it. When the
supervisor ends, even by kill -9, the pipe closes and this process ends immediately; all its work
can be interrupted safely. GATE is another such pipe: the module is loaded immediately and runs when
the supervisor closes the pipe. A server module also loads the modules that its arguments name
(`preload_modules`), so that the process starts without delay when the gate opens.
"""

import gc
import importlib
import os
import sys
import threading


def exit_with_supervisor(lifeline: int) -> None:
    """End this process immediately when the pipe closes; `lifeline` is its reading end."""
    os.read(lifeline, 1)
    os._exit(70)


def main() -> int:
    """Watch the lifeline, load the module, wait for the gate, and return the module's exit code."""
    lifeline, gate, name, *arguments = sys.argv[1:]
    threading.Thread(
        target=exit_with_supervisor, args=(int(lifeline),), name="lifeline", daemon=True
    ).start()
    sys.argv = [name, *arguments]
    # Loaded modules are never freed; collecting garbage during the imports took 1/7 of the time.
    gc.disable()
    module = importlib.import_module(name)
    # Only server modules import libraries inside their functions. A server module without
    # `preload_modules` is an error.
    if name.startswith("trapline.server."):
        module.preload_modules(arguments)
    gc.enable()
    os.read(int(gate), 1)
    os.close(int(gate))
    return int(module.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
