"""The one place that opens transactions, commits, and writes the audit."""

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
    "The database gave this up, because it took too long. Nothing was changed. "
    "Ask for less at once, or send the same request again when there is less to do."
)
STATEMENT_CANCELLED = "57014"
AWAY = "The database does not answer. Send the same request again in a few seconds."


class Transaction:
    """One transaction: a session, the raw connection under it for the line, and what it will leave in the audit."""

    def __init__(self, scope: Scope, session: AsyncSession) -> None:
        self.scope = scope
        self.session = session
        self._audit: list[AuditRow] = []
        self._after_commit: list[Callable[[], Awaitable[None] | None]] = []
        self._is_committed = False

    async def connection(self) -> Connection:
        """Give the psycopg connection of this very transaction, for COPY and plain SQL.

        Never commit on it.
        """
        await self.session.flush()
        raw = await (await self.session.connection()).get_raw_connection()
        return cast("Connection", raw.driver_connection)

    async def execute(self, query: str, parameters: Any = None) -> psycopg.AsyncCursor[TupleRow]:
        """Run one plain statement on this transaction's connection; answers its cursor."""
        connection = await self.connection()
        cursor = connection.cursor(row_factory=tuple_row)
        return await cursor.execute(query.encode(), parameters)

    @asynccontextmanager
    async def pipelined(self) -> AsyncIterator[None]:
        """Send the statements of this block without waiting for each one's answer; none of them may be a COPY."""
        async with (await self.connection()).pipeline():
            yield

    @asynccontextmanager
    async def pipelined_commit(self) -> AsyncIterator[None]:
        """The same for the last statements of a transaction; those of the line take the commit along."""
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
        """Leave a line in the audit if this transaction commits."""
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
        """Leave a line for each of these projects; without any, one that the installation's owner reads."""
        for project_id in project_ids or (None,):
            self.audit(action, subject_type, subject_id, project_id, **details)

    def list_audited(self) -> list[int]:
        """List the projects that the audit names so far."""
        return sorted({row.project_id for row in self._audit if row.project_id is not None})

    def after_commit(self, call: Callable[[], Awaitable[None] | None]) -> None:
        """Call this once the transaction is committed; it is forgotten if it rolls back."""
        self._after_commit.append(call)

    async def finish(self) -> None:
        """Write the audit, commit, and run what waited for the commit."""
        if not self._is_committed:
            await hit("before commit")
            await self._commit()
        await hit("after commit")
        for call in self._after_commit:
            waiting = call()
            if waiting is not None:
                await waiting

    async def _commit(self) -> None:
        self.session.add_all(self._audit)
        await self.session.commit()


class SqlTransaction(Transaction):
    """A transaction in plain SQL, without a session: what the line is quick with."""

    def __init__(self, scope: Scope, connection: Connection) -> None:
        super().__init__(scope, cast("AsyncSession", None))
        self._connection = connection

    async def connection(self) -> Connection:
        """Give the psycopg connection of this very transaction. Never commit on it."""
        return self._connection

    @asynccontextmanager
    async def pipelined_commit(self) -> AsyncIterator[None]:
        """Send the statements of this block and the commit behind them; an error of one of them
        leaves nothing done.

        What they lock is free as soon as the database has committed, and waits for nothing that
        this process does.
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
        # What a machine that vanished in the middle of a transaction had locked is free again after
        # a minute.
        options = (
            f"-c statement_timeout={int(statement_timeout_s * 1000)} -c timezone=UTC "
            "-c idle_in_transaction_session_timeout=60000"
        )
        # The line asks the same questions thousands of times a minute; planning each anew took a
        # tenth of its time.
        line_options = f"{options} -c plan_cache_mode=force_generic_plan"
        plain_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self.pulse = ConnectionWatchdog(plain_url)
        self._engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            connect_args={
                "async_creator_fn": self.pulse.connection_class.connect,
                "options": options,
            },
        )
        self._line = ConnectionPool(
            self.pulse, plain_url, size=max(2, connections // 2), options=line_options
        )

    @asynccontextmanager
    async def sql_transaction(
        self, scope: Scope, *, each_alone: bool = False
    ) -> AsyncIterator[Transaction]:
        """Open a transaction in plain SQL, without a session; otherwise as `transaction`.

        With `each_alone` each statement is committed by itself: what only looks needs not ask for
        begin and commit.
        """
        with _away_in_words(), self.pulse.in_use():
            connection = await self._line.take()
            try:
                if connection.autocommit != each_alone:
                    await connection.set_autocommit(each_alone)
                transaction = SqlTransaction(scope, connection)
                yield transaction
                await transaction.finish()
            finally:
                await self._line.give_back(connection)

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[Transaction]:
        """Open a transaction for a scope; it commits when the block ends and rolls back when the
        block raises.

        Raises DatabaseAway where the database cannot be reached, and where the fate of the commit
        is unknown.
        """
        session = AsyncSession(self._engine, expire_on_commit=False)
        transaction = Transaction(scope, session)
        with _away_in_words(), self.pulse.in_use():
            try:
                yield transaction
                await transaction.finish()
            finally:
                await session.close()

    async def close(self) -> None:
        """Close every connection, also those that somebody still holds."""
        await self.pulse.close()
        await self._engine.dispose()
        await self._line.close()
        await self.pulse.close_all()


@contextmanager
def _away_in_words() -> Iterator[None]:
    """Turn every sign of a database that is away into DatabaseAway, and of one that took too long into DatabaseSlow."""
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
            log.warning("the database gave a statement up", error=str(error).splitlines()[0])
            raise StatementTimeout(SLOW) from error
        log.warning(
            "the database is away", error=(str(error) or type(error).__name__).splitlines()[0]
        )
        raise DatabaseUnavailable(AWAY) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(AWAY) from error
        raise


def _is_deliberate(error: BaseException) -> bool:
    """Tell a statement that failed by itself (a deadlock, a lock not to be had) from a database that is away."""
    cause = getattr(error, "orig", error)
    if isinstance(cause, OSError) and not isinstance(cause, ConnectionError):
        return True
    state = getattr(cause, "sqlstate", None)
    return isinstance(state, str) and state[:2] in ("40", "54", "55")
