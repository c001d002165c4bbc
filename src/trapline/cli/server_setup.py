"""What must be so before the server starts: the schema, the first owner's link, the token of the
worker here.

A process of its own, `python -m trapline.cli.server_setup migrate|check`, because it needs the
server's libraries, which the supervisor then does without for the rest of its life. It loads them
at once, and begins when its standard input has told it the database's address and ended.
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
    # Nobody receives a file yet: the API and the background begin after this.
    IncomingFolder(settings.data / "store").sweep()
    await validate_store(settings)
    async with open_app_context(settings) as system:
        return {
            "link": await create_first_owner_link(system),
            "worker_token": await ensure_worker_token(system, settings.data),
        }


def main(arguments: list[str]) -> int:
    """Prepare what the environment names, and print one JSON object; a failure is one sentence and exit code 1."""
    try:
        url = sys.stdin.read()
        if not url:
            return 1  # nobody is there any more who would want it
        settings = load_settings({**os.environ, "DATABASE_URL": url})
        assert settings.database_url is not None
        bring = migrate if arguments == ["migrate"] else check_present
        bring(settings.database_url.get_secret_value())
        print(json.dumps(asyncio.run(_prepare(settings))))
    except Exception as error:
        told = explain_error(error)
        if told is None:
            raise
        print(told[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
