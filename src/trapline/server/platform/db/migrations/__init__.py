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
"""All other statements wait behind a change that waits for a lock on a table.

The migration therefore gives up after this time and tries again.
"""
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
    # Every process of the server reads the revision, and few of them migrate: alembic is imported
    # only here.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def can_migrate(revision: str) -> bool:
    """Return whether this version of Trapline can migrate a database at this revision."""
    return revision in list_revisions() or revision == LAST_BEFORE


def list_revisions() -> list[str]:
    """List the revisions of this version of Trapline, the oldest first."""
    return list_chain()


def newest() -> str:
    """Return the revision that this version of Trapline requires."""
    return list_revisions()[-1]


def find_present(url: str) -> str | None:
    """Return the revision of a database; None for an empty one."""
    with _connect(url) as connection:
        return _find_present(connection)


def _find_present(connection: Connection) -> str | None:
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("select version_num from alembic_version"))
    return found


def is_empty(url: str) -> bool:
    """Return whether a database has no tables at all, of Trapline or of other programs."""
    tables = (
        "select 1 from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') limit 1"
    )
    with _connect(url) as connection:
        return connection.scalar(text(tables)) is None


def migrate(url: str, revision: str = "head", notify: Callable[[str], None] | None = None) -> None:
    """Migrate a database to the newest revision, or to the given one.

    A second process that migrates waits for the first. The migration waits for a lock on a table
    for less than a second, then tries again later; `notify` is called with the reason, which is
    printed on standard error by default.

    Raises:
        ServiceUnavailable: a backup is running, or other programs hold tables for a minute.
    """
    with _connect(url) as connection:
        # A statement that waits for the lock holds a snapshot, and an index that is built
        # concurrently waits for that snapshot.
        while not _try_lock(connection, LOCK):
            time.sleep(BEAT_S)
        try:
            _upgrade(connection, revision, notify or _print)
        finally:
            connection.rollback()
            _unlock(connection, LOCK)


def _upgrade(connection: Connection, revision: str, notify: Callable[[str], None]) -> None:
    """Run each revision; one that does not get a lock is rolled back and repeated after a pause."""
    if revision in ("head", newest()) and _find_present(connection) == newest():
        return
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    for left in reversed(range(TRIES)):
        present = _find_present(connection)
        if present != newest():
            _refuse_during_backup(connection)
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
                    f"The database is at revision {_find_present(connection) or 'none'} and could "
                    f"not be migrated further: {held}. The finished migrations are kept, and no "
                    "data is lost. End that program and migrate again."
                ) from None
            notify(
                f"{held}. The migration blocks no other program; it tries again in {PAUSE_S:.0f} s."
            )
            time.sleep(PAUSE_S)
        else:
            return


def _print(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _refuse_during_backup(connection: Connection) -> None:
    """Refuse to migrate during a backup, because it locks every table until it ends."""
    holders = (
        "select 1 from pg_locks where locktype = 'advisory' and classid = 0 and objid = :lock"
        " and database = (select oid from pg_database where datname = current_database())"
        " and mode = 'ShareLock' limit 1"
    )
    if connection.scalar(text(holders), {"lock": BACKUP_LOCK}) is not None:
        raise ServiceUnavailable(
            "A backup of this database is running, and it locks the tables that must be changed. "
            "Nothing was changed. Migrate when the backup has ended."
        )


def _try_lock(connection: Connection, lock: int) -> bool:
    got = connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": lock})
    connection.commit()
    return bool(got)


def _unlock(connection: Connection, lock: int) -> None:
    connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": lock})
    connection.commit()


def _name_oldest(connection: Connection) -> str:
    """Describe the program with the oldest transaction, if the database shows its name to us."""
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
    """Return the revision of the database; None for an empty one."""
    there = await (await tx.execute("select to_regclass('alembic_version') is not null")).fetchone()
    if there != (True,):
        return None
    row = await (await tx.execute("select version_num from alembic_version")).fetchone()
    return None if row is None else str(row[0])


def is_newer(present: str | None) -> bool:
    """Return whether a database at this revision is newer than this version of Trapline."""
    return present is not None and present not in _list_known() and not is_before_squash(present)


def describe_mismatch(present: str | None) -> str | None:
    """Describe how a database at this revision is older or newer; None if it is as required."""
    required = _list_known()[-1]
    if present == required:
        return None
    if (refusal := describe_refusal(present)) is not None:
        return refusal
    if is_newer(present):
        return (
            f"The database (revision {present}) is newer than this program ({required}). "
            "Upgrade Trapline."
        )
    return (
        f"The database is at revision {present or 'none'}, this program needs {required}. "
        "Run `trapline migrate`."
    )


@functools.cache
def _list_known() -> list[str]:
    # The files are read once, because an upgrade of Trapline may replace them while this process
    # runs.
    return list_revisions()


def check_present(url: str) -> None:
    """Require that a database is at the revision of this version of Trapline.

    Raises:
        ServiceUnavailable: the database is older or newer.
        DatabaseUnavailable: the database does not answer.
    """
    try:
        mismatch = describe_mismatch(find_present(url))
    except OperationalError as error:
        raise DatabaseUnavailable(f"The database does not answer: {error.orig}") from None
    if mismatch is not None:
        raise ServiceUnavailable(mismatch)
