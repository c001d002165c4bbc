"""The migrations make exactly the tables that the program speaks of."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from trapline.server.db import migrations
from trapline.server.db.base import Database
from trapline.server.db.tables import metadata
from trapline.server.rules.access import Scope
from trapline.server.rules.moves import ALLOWED_JOB_MOVES


def test_migrations_equal_the_tables(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url)
    with migrations._connect(empty_database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrations.find_present(empty_database_url) == migrations.newest()
    migrations.migrate(empty_database_url)
    migrations.check_present(empty_database_url)


async def test_moves_in_the_database_equal_the_rules(database: Database) -> None:
    async with database.transaction(Scope.system()) as tx:
        rows = await (await tx.execute("select from_state, to_state from allowed_moves")).fetchall()
    assert set(rows) == ALLOWED_JOB_MOVES
