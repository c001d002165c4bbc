"""Wakes the loops that have work, so that an idle process sends one query per second."""

import asyncio
from collections.abc import Mapping

from trapline.server.app.queries.waiting_work import CONDITIONS, list_waiting_work
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

SCOPE = Scope.system()
LOOK_EVERY_S = 0.9
"""Less than a second, within which a connection is reused without a check."""


class WorkWatch:
    """Queries the database for waiting work, and sets the events of the loops that have some."""

    def __init__(self, system: AppContext) -> None:
        self._system = system
        self.wakes: Mapping[str, asyncio.Event] = {name: asyncio.Event() for name in CONDITIONS}
        """Events by the name of the loop."""

    async def step(self) -> bool:
        """Query once."""
        async with self._system.database.sql_transaction(SCOPE, each_alone=True) as tx:
            waiting = await list_waiting_work(SCOPE, tx)
        for name in waiting:
            self.wakes[name].set()
        return False
