"""The number of SQL statements of a lease."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from tests.integration.queue.test_leases import field
from tests.support.api_project import make_field
from tests.support.registered_worker import greet

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database, Transaction

__all__ = ["field"]


class CountingDatabase(Database):
    """A database that counts the statements of the queue, without begin and commit."""

    statements = 0

    @asynccontextmanager
    async def sql_transaction(
        self, scope: Scope, *, each_alone: bool = False
    ) -> AsyncIterator[Transaction]:
        """Open a transaction that is counted."""
        async with super().sql_transaction(scope, each_alone=each_alone) as tx:
            yield cast("Transaction", _Counted(tx, self))


class _Counted:
    """A transaction whose statements are counted."""

    def __init__(self, tx: Transaction, database: CountingDatabase) -> None:
        self._tx, self._database = tx, database

    async def execute(self, query: str, parameters: Any = None) -> Any:
        self._database.statements += 1
        return await self._tx.execute(query, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


async def test_a_usual_lease_is_few_statements(system: AppContext) -> None:
    counting = CountingDatabase(system.database.url)
    try:
        field = await make_field(replace(system, database=counting), images=40)
        job = await field.run_job()
        worker = await greet(field)
        for leases, expected in (
            (
                lambda: worker.lease(1),
                3,
            ),  # which jobs; the job, the worker and what it holds; the lease
            (lambda: field.lease(job, 1), 2),  # the job and what the caller holds; the lease
        ):
            assert await leases(), "the first one notes who is at work"
            counts = []
            for _ in range(4):
                before = counting.statements
                assert await leases()
                counts.append(counting.statements - before)
            # On a busy machine one of them comes so late that it notes it again.
            assert min(counts) == expected
    finally:
        await counting.close()
