"""The migrations make exactly the tables that the program speaks of."""

from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from trapline.server.app.tables import metadata
from trapline.server.findings.queries.analyses import AnalysisMoveRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db import migrations
from trapline.server.platform.db.base import Database
from trapline.server.queue.rules.job_transitions import (
    ALLOWED_CALLBACK_MOVES,
    ALLOWED_FINALIZATIONS,
    ALLOWED_JOB_MOVES,
)


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


async def test_moves_of_outside_pipelines_are_among_those_of_the_database(
    database: Database,
) -> None:
    allowed = ALLOWED_CALLBACK_MOVES | ALLOWED_FINALIZATIONS
    assert allowed <= ALLOWED_JOB_MOVES
    assert not any(target == "queued" for _, target in allowed)
    with pytest.raises(IntegrityError, match="once_queued"):
        await _write_move(database, "failed", "queued")


async def _write_move(database: Database, from_state: str, to_state: str) -> None:
    async with database.transaction(Scope.system()) as tx:
        await tx.session.execute(text("set session_replication_role = replica"))
        move = AnalysisMoveRow(
            analysis_id=UUID(int=1),
            number=1,
            project_id=1,
            from_state=from_state,
            to_state=to_state,
            actor="x",
        )
        tx.session.add(move)
        await tx.session.flush()
