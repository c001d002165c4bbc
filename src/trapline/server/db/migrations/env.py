"""How alembic runs here: on the connection that `migrate` hands over, against all tables."""

from alembic import context

from trapline.server.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
