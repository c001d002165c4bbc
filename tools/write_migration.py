"""Write a migration from the difference between the tables and a scratch database: `make migration NAME="..."`."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from trapline.server.db import migrations
from trapline.server.engines import EmbeddedPostgres


def main(message: str) -> None:
    """Migrate a scratch database to the newest revision and let alembic compare the tables with it."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg") as postgres:
        migrations.migrate(postgres.url)
        with migrations._connect(postgres.url) as connection:
            config = migrations._config()
            config.attributes["connection"] = connection
            command.revision(config, message=message, autogenerate=True)


if __name__ == "__main__":
    main(sys.argv[1])
