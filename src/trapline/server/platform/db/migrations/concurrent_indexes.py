"""Create indexes of large tables while other processes write to them.

A migration does this before its other statements: it ends the transaction, so that a killed one
starts again at the indexes that it has.
"""

from collections.abc import Mapping, Sequence

from alembic import op
from sqlalchemy import text

from trapline.server.platform.db.migrations import LOCK_TIMEOUT

INDEX_TIMEOUT = "set lock_timeout = '60s'"
"""An index waits for all older transactions, but no other statement waits behind it."""


def create_indexes(definitions: Mapping[str, str]) -> None:
    """Create indexes by their names; a definition begins with `on`.

    An index that a killed migration left behind is invalid: it is dropped and built again.
    """
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        connection.execute(text(INDEX_TIMEOUT))
        for name, definition in definitions.items():
            invalid = connection.scalar(
                text("select not indisvalid from pg_index where indexrelid = to_regclass(:name)"),
                {"name": name},
            )
            if invalid:
                connection.execute(text(f"drop index concurrently {name}"))
            connection.exec_driver_sql(
                f"create index concurrently if not exists {name} {definition}"
            )
        connection.execute(text(LOCK_TIMEOUT))


def drop_indexes(names: Sequence[str]) -> None:
    """Drop indexes in the transaction of a downgrade."""
    for name in names:
        op.execute(f"drop index {name}")
