"""Migrations of the schema: forward only, under a lock, each tested on data."""

import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from trapline.server.platform.access import Scope
from trapline.server.platform.db.backup_lock import BACKUP_LOCK
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.migrations.chain import list_chain
from trapline.server.platform.db.migrations.squash import (
    LAST_BEFORE,
    adopt,
    describe_refusal,
    is_before_squash,
)
from trapline.server.platform.errors import DatabaseUnavailable, ServiceUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

LOCK = 7_230_001
LOCK_TIMEOUT = "set lock_timeout = '800ms'"
"""Everybody's statements queue behind a change of a table that waits for its turn: it gives way, and tries again."""
TRIES, PAUSE_S, BEAT_S = 12, 5.0, 0.1


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 5}
    )
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _config() -> "Config":
    # Every process of the server asks for the revision and hardly one moves it: alembic is loaded
    # where it is needed.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def can_migrate(revision: str) -> bool:
    """Whether this program can migrate a database at this revision."""
    return revision in list_revisions() or revision == LAST_BEFORE


def list_revisions() -> list[str]:
    """List the revisions that this program knows, the oldest first."""
    return list_chain()


def newest() -> str:
    """Name the revision that this program works with."""
    return list_revisions()[-1]


def find_present(url: str) -> str | None:
    """Tell which revision a database is at; None for an empty one."""
    with _connect(url) as connection:
        return _find_present(connection)


def _find_present(connection: Connection) -> str | None:
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("select version_num from alembic_version"))
    return found


def is_empty(url: str) -> bool:
    """Whether there is no table at all in a database, neither of ours nor of anybody else."""
    tables = "select 1 from pg_tables where schemaname not in ('pg_catalog', 'information_schema') limit 1"
    with _connect(url) as connection:
        return connection.scalar(text(tables)) is None


def migrate(url: str, revision: str = "head", tell: Callable[[str], None] | None = None) -> None:
    """Bring a database to the newest revision (or to one); a second process that does the same
    waits for the first.

    It waits in line for no table longer than a second; `tell` hears what for, else standard error.
    Raises Unavailable where a backup is being made, or others do not let it at the tables for a
    minute.
    """
    with _connect(url) as connection:
        # A statement that waited for the lock would hold a snapshot, which an index that is built
        # concurrently awaits.
        while not _try_lock(connection, LOCK):
            time.sleep(BEAT_S)
        try:
            _upgrade(connection, revision, tell or _tell)
        finally:
            connection.rollback()
            _unlock(connection, LOCK)


def _upgrade(connection: Connection, revision: str, tell: Callable[[str], None]) -> None:
    """Go on from revision to revision; one that did not come by a lock is undone, and begun again after a pause."""
    if revision in ("head", newest()) and _find_present(connection) == newest():
        return
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    for left in reversed(range(TRIES)):
        present = _find_present(connection)
        if present != newest():
            _refuse_while_copied(connection)
        if (refusal := describe_refusal(present)) is not None:
            raise ServiceUnavailable(refusal)
        connection.execute(text(LOCK_TIMEOUT))
        connection.commit()
        try:
            if present == LAST_BEFORE:
                adopt(connection)
            command.upgrade(config, revision)
            connection.commit()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
            connection.rollback()
            held = f"{_name_oldest(connection)} holds tables that must be changed"
            if not left:
                raise ServiceUnavailable(
                    f"The database is at revision {_find_present(connection) or 'none'}, and not migrated further: "
                    f"{held}. What was migrated stays, and nothing is lost. Let that end and migrate again."
                ) from None
            tell(f"{held}. Nobody waits for the migration; it tries again in {PAUSE_S:.0f} s.")
            time.sleep(PAUSE_S)
        else:
            return


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _refuse_while_copied(connection: Connection) -> None:
    """A backup holds every table, for as long as it takes."""
    holders = "select 1 from pg_locks where locktype = 'advisory' and classid = 0 and objid = :lock and database ="
    ours = " (select oid from pg_database where datname = current_database()) and mode = 'ShareLock' limit 1"
    if connection.scalar(text(holders + ours), {"lock": BACKUP_LOCK}) is not None:
        raise ServiceUnavailable(
            "A backup of this database is being made, and it holds the tables that must be changed. Nothing was "
            "changed. Migrate when the backup has ended."
        )


def _try_lock(connection: Connection, lock: int) -> bool:
    got = connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": lock})
    connection.commit()
    return bool(got)


def _unlock(connection: Connection, lock: int) -> None:
    connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": lock})
    connection.commit()


def _name_oldest(connection: Connection) -> str:
    """Name the program whose transaction is the oldest, as far as the database shows others to us."""
    oldest = connection.execute(
        text(
            "select pid, application_name from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid() and xact_start is not null order by xact_start limit 1"
        )
    ).one_or_none()
    connection.commit()
    return (
        "Another program"
        if oldest is None
        else f"Another program ({oldest[1] or 'unnamed'}, process {oldest[0]})"
    )


async def read_present(scope: Scope, tx: Transaction) -> str | None:
    """Tell which revision the database is at; None for an empty one."""
    there = await (await tx.execute("select to_regclass('alembic_version') is not null")).fetchone()
    if there != (True,):
        return None
    row = await (await tx.execute("select version_num from alembic_version")).fetchone()
    return None if row is None else str(row[0])


def is_newer(present: str | None) -> bool:
    """Whether a database at this revision is newer than this program."""
    return present is not None and present not in _list_known() and not is_before_squash(present)


def describe_mismatch(present: str | None) -> str | None:
    """Say that a database at this revision is older or newer than this program; None where the two fit."""
    wanted = _list_known()[-1]
    if present == wanted:
        return None
    if (refusal := describe_refusal(present)) is not None:
        return refusal
    if is_newer(present):
        return f"The database (revision {present}) is newer than this program ({wanted}). Upgrade Trapline."
    return f"The database is at revision {present or 'none'}, this program needs {wanted}. Run `trapline migrate`."


@functools.cache
def _list_known() -> list[str]:
    # Once: what lies there later, while an upgrade goes on, is not what this process runs.
    return list_revisions()


def check_present(url: str) -> None:
    """Raise Unavailable where a database is older or newer than this program, DatabaseAway where it does not answer."""
    try:
        mismatch = describe_mismatch(find_present(url))
    except OperationalError as error:
        raise DatabaseUnavailable(f"The database does not answer: {error.orig}") from None
    if mismatch is not None:
        raise ServiceUnavailable(mismatch)
