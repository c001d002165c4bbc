"""The background process: every loop and chore, until it is told to stop."""

import asyncio
import signal

from trapline.server.system import System


async def run_background(system: System) -> None:
    """Do the background work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
