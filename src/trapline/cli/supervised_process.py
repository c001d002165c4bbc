"""Run a module's `main` in a process that ends when its supervisor does.

`python -m trapline.cli.supervised_process LIFELINE GATE MODULE ARGUMENTS...`: LIFELINE is the
reading end of a pipe whose other end only the supervisor holds and never writes to. However the
supervisor ends, kill -9 included, the pipe closes, and so does this process, at once: everything it
does is safe to cut. GATE is another such pipe: the module is loaded immediately and runs when the
supervisor closes the pipe. A server module also loads the modules that its arguments name
(`preload_modules`), so that the process starts without delay when the gate opens.
"""

import gc
import importlib
import os
import sys
import threading


def exit_with_supervisor(lifeline: int) -> None:
    """End this process, at once, when the pipe closes that this is the reading end of."""
    os.read(lifeline, 1)
    os._exit(70)


def main() -> int:
    """Watch the lifeline, load the module, wait for the gate, and answer the module's exit code."""
    lifeline, gate, name, *arguments = sys.argv[1:]
    threading.Thread(
        target=exit_with_supervisor, args=(int(lifeline),), name="lifeline", daemon=True
    ).start()
    sys.argv = [name, *arguments]
    # Loaded modules stay: repeated garbage collection of them took a seventh of the time.
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
