"""Preparation before the server starts: schema, link of the first owner, token of the worker.

This is a separate process, `python -m trapline.cli.server_setup migrate|check`, so that the
supervisor does not load the server's libraries. It loads them immediately, and starts to work when
it has read the database URL from standard input to its end.
"""

import asyncio
import json
import os
import sys

from trapline.cli.errors import explain_error
from trapline.cli.local_server import ensure_worker_token
from trapline.server.accounts.actions.one_time_links import create_first_owner_link
from trapline.server.app.app_startup import open_app_context, validate_store
from trapline.server.app.settings import Settings, load_settings
from trapline.server.platform.db.migrations import check_present, migrate
from trapline.server.platform.store.incoming_folder import IncomingFolder


async def _prepare(settings: Settings) -> dict[str, str | None]:
    # No file is being received yet: the API and the background process start after this.
    IncomingFolder(settings.data / "store").sweep()
    await validate_store(settings)
    async with open_app_context(settings) as system:
        return {
            "link": await create_first_owner_link(system),
            "worker_token": await ensure_worker_token(system, settings.data),
        }


def main(arguments: list[str]) -> int:
    """Prepare the database and the data folder of the environment, and print one JSON object.

    After a failure, print a message and return 1.
    """
    try:
        url = sys.stdin.read()
        if not url:
            return 1  # the supervisor has ended
        settings = load_settings({**os.environ, "DATABASE_URL": url})
        assert settings.database_url is not None
        prepare_schema = migrate if arguments == ["migrate"] else check_present
        prepare_schema(settings.database_url.get_secret_value())
        print(json.dumps(asyncio.run(_prepare(settings))))
    except Exception as error:
        explained = explain_error(error)
        if explained is None:
            raise
        print(explained[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
