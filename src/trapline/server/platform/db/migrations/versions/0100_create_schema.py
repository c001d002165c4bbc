"""Create the schema: the state after all migrations before it, which were squashed"""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0100"
down_revision = None
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parents[1] / "sql" / "0100_create_schema"
FILES = ("functions", "tables", "constraints", "indexes", "triggers")


def upgrade() -> None:
    """Create every object in an empty database."""
    # Functions come first, because columns and constraints use them; their bodies name tables.
    op.execute("set local check_function_bodies = off")
    for name in FILES:
        _run((FOLDER / f"{name}.sql").read_text("utf-8"))
    _create_background_tasks()


def downgrade() -> None:
    """Refuse: dropping every table would delete all data."""
    raise NotImplementedError("The first migration cannot be undone. Drop the database instead.")


def _run(statements: str) -> None:
    # The driver reads % as a parameter.
    op.get_bind().exec_driver_sql(statements.replace("%", "%%"))


def _create_background_tasks() -> None:
    """Create the tables of procrastinate in a separate schema.

    Its functions carry their search path, so that they can be called with any other.
    """
    op.execute("create schema procrastinate")
    op.execute("set local search_path to procrastinate")
    _run(SchemaManager.get_schema())
    op.execute(
        """
        do $$ declare f regprocedure; begin
            for f in
                select oid::regprocedure from pg_proc
                where pronamespace = 'procrastinate'::regnamespace
            loop
                execute format('alter function %s set search_path to procrastinate', f);
            end loop;
        end $$
        """
    )
    op.execute("set local search_path to public")
