"""How alembic runs here: on the connection that `migrate` hands over, against all tables."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from trapline.server.app.tables import metadata
from trapline.server.platform.db.migrations import LOCK_TIMEOUT


def _be_impatient_again(ctx: MigrationContext, *_: Any, **_told: Any) -> None:
    """A revision may wait where it blocks nobody; the one after it must say so anew."""
    assert ctx.connection is not None
    ctx.connection.execute(text(LOCK_TIMEOUT))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    transaction_per_migration=True,
    on_version_apply=_be_impatient_again,
)
with context.begin_transaction():
    context.run_migrations()
