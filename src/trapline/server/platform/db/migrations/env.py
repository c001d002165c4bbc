"""The environment of Alembic: migrations run on the connection that `migrate` passes."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from trapline.server.platform.db.migrations import LOCK_TIMEOUT


def _set_lock_timeout(ctx: MigrationContext, *_: Any, **_options: Any) -> None:
    """Set the lock timeout again, because the last revision may have changed it."""
    assert ctx.connection is not None
    ctx.connection.execute(text(LOCK_TIMEOUT))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    compare_type=True,
    transaction_per_migration=True,
    on_version_apply=_set_lock_timeout,
)
with context.begin_transaction():
    context.run_migrations()
