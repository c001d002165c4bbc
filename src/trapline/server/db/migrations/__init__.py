"""Migrations of the schema: forward only, under a lock, each tested on data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text

from trapline.server.errors import Unavailable

LOCK = 7_230_001


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """Name the revision that this program works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def find_present(url: str) -> str | None:
    """Tell which revision a database is at; None for an empty one."""
    with _connect(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to the newest revision (or to one); a second process that does the same waits for the first."""
    with _connect(url) as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()


def check_present(url: str) -> None:
    """Raise Unavailable in words where a database is older or newer than this program."""
    present, wanted = find_present(url), newest()
    if present == wanted:
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if present is None or present in known:
        raise Unavailable(
            f"The database is at revision {present or 'none'}, this program needs {wanted}. Run `trapline migrate`."
        )
    raise Unavailable(f"The database (revision {present}) is newer than this program ({wanted}). Upgrade Trapline.")
