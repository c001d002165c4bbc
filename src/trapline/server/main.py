"""The composition root: settings in; engines, application and chores out.

`python -m trapline.server.main api` serves HTTP, `... background` does the chores. `trapline up` starts both.
"""

import asyncio
import os
import socket
import sys

import structlog

from trapline.server.db.migrations import check_present
from trapline.server.errors import TraplineError
from trapline.server.failpoints import FailpointsRefused, arm
from trapline.server.settings import Settings, SettingsError, load_settings
from trapline.server.telemetry import set_up_logs

log = structlog.get_logger(__name__)

LISTEN_SOCKET = "TRAPLINE_LISTEN_SOCKET"
FAILPOINTS = "TRAPLINE_FAILPOINTS"


async def do_chores(settings: Settings) -> None:
    """Do the background work until SIGTERM or SIGINT."""
    from trapline.server.background.run import run_background
    from trapline.server.opening import open_system

    async with open_system(settings) as system:
        await run_background(system)


def main(arguments: list[str]) -> int:
    """Run one process of the server; answers its exit code."""
    try:
        settings = load_settings()
        set_up_logs(settings.log_format, settings.log_level)
        assert settings.database_url is not None, "DATABASE_URL"
        arm(os.environ.get(FAILPOINTS), settings.data)
        check_present(settings.database_url.get_secret_value())
        match arguments:
            # Each loads what it stands on and no more: the API must be there soon, and chores know no HTTP.
            case ["api"]:
                from trapline.server.serving import serve_api

                serve_api(settings, socket.socket(fileno=int(os.environ[LISTEN_SOCKET])))
            case ["background"]:
                asyncio.run(do_chores(settings))
            case _:
                sys.stderr.write("usage: python -m trapline.server.main api|background\n")
                return 2
    except (SettingsError, TraplineError, FailpointsRefused) as error:
        log.error("this process cannot start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
