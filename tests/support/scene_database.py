"""Direct access of a fault test to the database of its scene."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

OPEN = """select a.job_id, a.state, a.attempt, a.errors, a.lost, a.not_before - now(),
a.deadline - now(), h.address
    from analyses a left join holders h on h.id = a.holder_id where a.state in ('queued',
    'processing') limit 20"""


class SceneDatabase:
    """Queries on the database of a scene, without the proxy."""

    _asking: psycopg.Connection | None = None

    @property
    def database_url(self) -> str:
        """URL of PostgreSQL itself, without the proxy."""
        raise NotImplementedError

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a query on PostgreSQL without the proxy; wait for a restart in progress."""
        if self._asking is not None:
            return _ask(self._asking, query, parameters)
        deadline = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(self.database_url, connect_timeout=2) as connection:
                    return _ask(connection, query, parameters)
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database did not come back"
                time.sleep(0.1)

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Run the queries of the block in one transaction, and roll it back at the end."""
        with psycopg.connect(self.database_url) as connection:
            self._asking = connection
            try:
                yield
            finally:
                self._asking = None
                connection.rollback()

    def count_open(self) -> int:
        """Count the tasks of live jobs that are neither completed nor failed."""
        return int(
            self.ask("select count(*) from analyses where state in ('queued', 'processing')")[0][0]
        )

    def count_held(self) -> int:
        """Count the tasks that are leased."""
        return int(self.ask("select count(*) from analyses where state = 'processing'")[0][0])

    def drain(self, within_s: float) -> float:
        """Wait until every job has ended; return the duration in seconds."""
        began = time.monotonic()
        while live := self.ask(
            "select id, status, expanded, open from jobs where status in ('queued', 'processing')"
        ):
            assert time.monotonic() - began < within_s, (
                f"not over after {within_s} s: {live}, {self.ask(OPEN)}"
            )
            time.sleep(0.05)
        return time.monotonic() - began


def _ask(
    connection: psycopg.Connection, query: str, parameters: tuple[Any, ...]
) -> list[tuple[Any, ...]]:
    cursor = connection.execute(query.encode(), parameters or None)
    return list(cursor.fetchall()) if cursor.description else []
