"""The connections of a process: each is closed in the end, however its user is stopped."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import text
from tests.support.api_project import SYSTEM

from trapline.server.platform.db.base import Database
from trapline.server.platform.db.connection_pool import ConnectionPool
from trapline.server.platform.db.connection_watchdog import (
    UNASKED_S,
    Connection,
    ConnectionWatchdog,
)
from trapline.server.platform.errors import DatabaseUnavailable

LOCK = "select pg_advisory_xact_lock(4711)"


async def _count_open(url: str) -> int:
    """Count the other connections to this database.

    Connections that were just closed get time to end.
    """
    open_now = 0
    for _ in range(100):
        open_now = await _count_now(url)
        if open_now == 0:
            break
        await asyncio.sleep(0.05)
    return open_now


async def _count_now(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(_plain(url), autocommit=True) as own:
        found = await own.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and backend_type = 'client backend' and pid <> "
            "pg_backend_pid()"
        )
        row = await found.fetchone()
        assert row is not None
        return int(row[0])


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


async def test_a_database_that_is_closed_leaves_no_connection_also_those_in_use(
    database_url: str,
) -> None:
    database = Database(database_url)
    outer = database.transaction(SYSTEM)
    other = await outer.__aenter__()
    await other.session.execute(text("select 1"))
    inner = database.sql_transaction(SYSTEM)
    held = await (await inner.__aenter__()).connection()
    await held.execute("select 1")
    await database.close()
    assert held.closed
    assert await _count_open(database_url) == 0
    with pytest.raises(DatabaseUnavailable):
        await inner.__aexit__(None, None, None)
    with pytest.raises(DatabaseUnavailable):
        await outer.__aexit__(None, None, None)


async def test_waiting_for_a_connection_ends_when_the_database_is_closed(
    database_url: str,
) -> None:
    database = Database(database_url)

    async def wait() -> None:
        async with database.sql_transaction(SYSTEM) as tx:
            await (await tx.connection()).execute(LOCK)

    async with await psycopg.AsyncConnection.connect(_plain(database_url)) as holder:
        await holder.execute(LOCK)
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.2)
        await database.close()
        with pytest.raises(DatabaseUnavailable):
            await waiting
        await holder.rollback()
    assert await _count_open(database_url) == 0


async def test_a_connection_whose_user_is_stopped_while_it_is_given_back_is_closed(
    database_url: str,
) -> None:
    pulse = ConnectionWatchdog(_plain(database_url))
    connections = ConnectionPool(pulse, _plain(database_url), size=1, options="")
    connection: Connection = await connections.take()
    await connection.execute("select 1")
    giving = asyncio.create_task(connections.give_back(connection))
    await asyncio.sleep(0)
    giving.cancel()
    await asyncio.gather(giving, return_exceptions=True)
    assert giving.cancelled()
    assert connection.closed
    await pulse.close()
    assert await _count_open(database_url) == 0
    again = await connections.take()  # its place is free
    await connections.close()
    await connections.give_back(again)
    assert again.closed
    await pulse.close()


async def test_a_connection_that_nobody_waits_for_any_more_is_closed(database_url: str) -> None:
    opened: list[Connection] = []

    class Late(ConnectionWatchdog):
        @asynccontextmanager
        async def opening(self) -> AsyncIterator[Callable[[Connection], None]]:
            async with super().opening():
                yield opened.append
                raise TimeoutError

    pulse = Late(_plain(database_url))
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        await pulse.connection_class.connect(_plain(database_url))
    assert [connection.closed for connection in opened] == [True]
    await pulse.close()


async def test_a_transaction_that_its_process_leaves_idle_ends_after_a_minute(
    database_url: str,
) -> None:
    """Otherwise a machine that disappears during a transaction would keep its locks for hours."""
    database = Database(database_url)
    try:
        found = []
        for opened in (
            database.transaction(SYSTEM),
            database.sql_transaction(SYSTEM),
            database.sql_transaction(SYSTEM, each_alone=True),
        ):
            async with opened as tx:
                cursor = await tx.execute("show idle_in_transaction_session_timeout")
                found.append(await cursor.fetchone())
        assert found == [("1min",)] * 3
    finally:
        await database.close()


async def test_only_a_transaction_that_lasts_asks_whether_the_database_answers(
    database_url: str,
) -> None:
    # On a busy machine, also a short transaction can last.
    for _ in range(40):
        database = Database(database_url)
        began = time.monotonic()
        async with database.sql_transaction(SYSTEM) as tx:
            await tx.execute("select 1")
        if time.monotonic() - began < UNASKED_S:
            break
        await database.close()
    else:
        pytest.fail("no transaction was short")
    await asyncio.sleep(4 * UNASKED_S)
    assert await _count_now(database_url) == 1, "the one that was used"
    async with database.sql_transaction(SYSTEM) as tx, asyncio.timeout(20):
        await tx.execute("select 1")
        while await _count_now(database_url) < 2:
            await asyncio.sleep(0.02)
    await database.close()
    assert await _count_open(database_url) == 0
