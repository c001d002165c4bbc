"""Migrations of the schema: forward only, under a lock, each tested on data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, make_url, text

from trapline.server.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

LOCK = 7_230_001
_VERSIONS = Path(__file__).parent / "versions"


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _config() -> "Config":
    # Every process of the server asks for the revision and hardly one moves it: alembic is loaded where it is needed.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def list_revisions() -> list[str]:
    """List the revisions that this program knows, the oldest first: each file's name begins with its own."""
    return sorted(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*_*.py"))


def newest() -> str:
    """Name the revision that this program works with."""
    return list_revisions()[-1]


def find_present(url: str) -> str | None:
    """Tell which revision a database is at; None for an empty one."""
    with _connect(url) as connection:
        if connection.scalar(text("select to_regclass('alembic_version')")) is None:
            return None
        found: str | None = connection.scalar(text("select version_num from alembic_version"))
        return found


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to the newest revision (or to one); a second process that does the same waits for the first."""
    from alembic import command

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
    if present is None or present in list_revisions():
        raise Unavailable(
            f"The database is at revision {present or 'none'}, this program needs {wanted}. Run `trapline migrate`."
        )
    raise Unavailable(f"The database (revision {present}) is newer than this program ({wanted}). Upgrade Trapline.")
