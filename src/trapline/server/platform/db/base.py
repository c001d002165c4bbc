"""The only module that opens transactions, commits them, and writes the audit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import psycopg
import structlog
from psycopg.rows import TupleRow, tuple_row
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from trapline.server.platform.access import Scope
from trapline.server.platform.db.audit import AuditRow, write_audit
from trapline.server.platform.db.connection_pool import ConnectionPool
from trapline.server.platform.db.connection_watchdog import Connection, ConnectionWatchdog
from trapline.server.platform.errors import DatabaseUnavailable, StatementTimeout
from trapline.server.platform.failpoints import hit

log = structlog.get_logger(__name__)

SLOW = (
    "The database cancelled this request, because it took too long. Nothing was changed. "
    "Request less data, or send the same request again when the server is less busy."
)
STATEMENT_CANCELLED = "57014"
AWAY = "The database does not answer. Send the same request again in a few seconds."

Listener = Callable[[str, int], None]
"""Receives the kind and key of each change that was announced, after its commit."""


class Transaction:
    """A transaction: a session, its connection for plain SQL, and the audit entries to write."""

    def __init__(self, scope: Scope, session: AsyncSession) -> None:
        self.scope = scope
        self.session = session
        self._audit: list[AuditRow] = []
        self._after_commit: list[Callable[[], Awaitable[None] | None]] = []
        self._is_committed = False
        self._announced: list[tuple[str, int]] = []
        self.listener: Listener | None = None

    async def connection(self) -> Connection:
        """Return the psycopg connection of this transaction, for COPY and plain SQL.

        Never commit on it.
        """
        await self.session.flush()
        raw = await (await self.session.connection()).get_raw_connection()
        return cast("Connection", raw.driver_connection)

    async def execute(self, query: str, parameters: Any = None) -> psycopg.AsyncCursor[TupleRow]:
        """Run one plain SQL statement on this transaction's connection and return its cursor."""
        connection = await self.connection()
        cursor = connection.cursor(row_factory=tuple_row)
        return await cursor.execute(query.encode(), parameters)

    @asynccontextmanager
    async def pipelined(self) -> AsyncIterator[None]:
        """Send the statements of this block without waiting for each result; not for COPY."""
        async with (await self.connection()).pipeline():
            yield

    @asynccontextmanager
    async def pipelined_commit(self) -> AsyncIterator[None]:
        """Send the last statements of a transaction as `pipelined` does.

        A transaction in plain SQL sends its commit with them.
        """
        async with self.pipelined():
            yield

    def audit(
        self,
        action: str,
        subject_type: str,
        subject_id: object,
        project_id: int | None = None,
        **details: Any,
    ) -> None:
        """Write an audit entry if this transaction commits."""
        origin = self.scope.origin
        self._audit.append(
            AuditRow(
                project_id=project_id,
                actor=self.scope.actor,
                action=action,
                subject_type=subject_type,
                subject_id=str(subject_id),
                address=origin.address,
                request_id=origin.request_id,
                details=details,
            )
        )

    def audit_each(
        self,
        project_ids: Collection[int],
        action: str,
        subject_type: str,
        subject_id: object,
        **details: Any,
    ) -> None:
        """Write an audit entry for each of these projects; without any, one for operators."""
        for project_id in project_ids or (None,):
            self.audit(action, subject_type, subject_id, project_id, **details)

    def list_audited(self) -> list[int]:
        """List the projects of the audit entries added so far."""
        return sorted({row.project_id for row in self._audit if row.project_id is not None})

    def after_commit(self, call: Callable[[], Awaitable[None] | None]) -> None:
        """Call this function after the transaction commits, and not if it rolls back."""
        self._after_commit.append(call)

    def announce(self, kind: str, key: int) -> None:
        """Notify this process of a change after the transaction commits."""
        self._announced.append((kind, key))

    async def finish(self) -> None:
        """Write the audit, commit, and call the functions given to `after_commit`."""
        if not self._is_committed:
            await hit("before commit")
            await self._commit()
        await hit("after commit")
        for call in self._after_commit:
            waiting = call()
            if waiting is not None:
                await waiting
        if self.listener is not None:
            for kind, key in self._announced:
                self.listener(kind, key)

    async def _commit(self) -> None:
        self.session.add_all(self._audit)
        await self.session.commit()


class SqlTransaction(Transaction):
    """A transaction in plain SQL, without a session, for the fast paths of the queue."""

    def __init__(self, scope: Scope, connection: Connection) -> None:
        super().__init__(scope, cast("AsyncSession", None))
        self._connection = connection

    async def connection(self) -> Connection:
        """Return the psycopg connection of this transaction. Never commit on it."""
        return self._connection

    @asynccontextmanager
    async def pipelined_commit(self) -> AsyncIterator[None]:
        """Send the statements of this block together with the commit; an error undoes all of them.

        Their locks are released as soon as the database has committed, without another round trip
        to this process.
        """
        async with self._connection.pipeline():
            yield
            await hit("before commit")
            await self._commit()
        self._is_committed = True

    async def _commit(self) -> None:
        await write_audit(self._connection, self._audit)
        await self._connection.commit()


class Database:
    """The connections to PostgreSQL of one process."""

    def __init__(self, url: str, *, connections: int = 10, statement_timeout_s: float = 30) -> None:
        self.url = url
        # The database releases the locks of a machine that disappeared in the middle of a
        # transaction after a minute.
        options = (
            f"-c statement_timeout={int(statement_timeout_s * 1000)} -c timezone=UTC "
            "-c idle_in_transaction_session_timeout=60000"
        )
        # The queue sends the same statements thousands of times a minute; planning each of them
        # again took a tenth of its time.
        sql_options = f"{options} -c plan_cache_mode=force_generic_plan"
        plain_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.watchdog = ConnectionWatchdog(plain_url)
        self.listener: Listener | None = None
        self._engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={
                "async_creator_fn": self.watchdog.connection_class.connect,
                "options": options,
            },
        )
        self._sql_pool = ConnectionPool(
            self.watchdog, plain_url, size=max(2, connections // 2), options=sql_options
        )

    @asynccontextmanager
    async def sql_transaction(
        self, scope: Scope, *, each_alone: bool = False
    ) -> AsyncIterator[Transaction]:
        """Open a transaction in plain SQL, without a session; otherwise as `transaction`.

        With `each_alone` each statement is a separate transaction, which saves the statements
        `begin` and `commit` if the block only reads.
        """
        with _translate_errors(), self.watchdog.in_use():
            connection = await self._sql_pool.take()
            try:
                if connection.autocommit != each_alone:
                    await connection.set_autocommit(each_alone)
                transaction = SqlTransaction(scope, connection)
                transaction.listener = self.listener
                yield transaction
                await transaction.finish()
            finally:
                await self._sql_pool.give_back(connection)

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[Transaction]:
        """Open a transaction that commits when the block ends, and rolls back when it raises.

        Raises:
            DatabaseUnavailable: no connection, or the outcome of the commit is unknown.
            StatementTimeout: a statement took too long.
        """
        session = AsyncSession(self._engine, expire_on_commit=False)
        transaction = Transaction(scope, session)
        transaction.listener = self.listener
        with _translate_errors(), self.watchdog.in_use():
            try:
                yield transaction
                await transaction.finish()
            finally:
                await session.close()

    async def close(self) -> None:
        """Close every connection, including those that are in use."""
        await self.watchdog.close()
        await self._engine.dispose()
        await self._sql_pool.close()
        await self.watchdog.close_all()


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn errors of the drivers into DatabaseUnavailable or StatementTimeout."""
    try:
        yield
    except (
        OperationalError,
        InterfaceError,
        PoolTimeout,
        psycopg.OperationalError,
        OSError,
    ) as error:
        if _is_deliberate(error):
            raise
        if getattr(getattr(error, "orig", error), "sqlstate", None) == STATEMENT_CANCELLED:
            log.warning("the database cancelled a slow statement", error=str(error).splitlines()[0])
            raise StatementTimeout(SLOW) from error
        reason = (str(error) or type(error).__name__).splitlines()[0]
        log.warning("the database is unavailable", error=reason)
        raise DatabaseUnavailable(AWAY) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(AWAY) from error
        raise


def _is_deliberate(error: BaseException) -> bool:
    """Return whether only a statement failed, such as by a deadlock; the database is available."""
    cause = getattr(error, "orig", error)
    if isinstance(cause, OSError) and not isinstance(cause, ConnectionError):
        return True
    state = getattr(cause, "sqlstate", None)
    return isinstance(state, str) and state[:2] in ("40", "54", "55")
