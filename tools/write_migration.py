"""Write a migration from the difference between the tables and a new database.

make migration NAME="..."
"""

import sys
import tempfile
from pathlib import Path

from alembic import command

from trapline.server.app.tables import metadata
from trapline.server.platform.db import migrations
from trapline.server.platform.db.migrations.chain import get_next_number
from trapline.server.platform.postgres.postgres import start_postgres, stop_postgres


def main(message: str) -> None:
    """Migrate a new database to the newest revision, and let alembic compare the tables with it.

    The file is written even if there is no difference, because a migration of data changes no
    table and its statements are added manually.
    """
    number = get_next_number()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        postgres = start_postgres(Path(folder))
        try:
            migrations.migrate(postgres.url)
            with migrations._connect(postgres.url) as connection:
                config = migrations._config()
                config.attributes["connection"] = connection
                config.attributes["metadata"] = metadata
                command.revision(config, message=message, autogenerate=True, rev_id=number)
        finally:
            stop_postgres(postgres)


if __name__ == "__main__":
    main(sys.argv[1])
