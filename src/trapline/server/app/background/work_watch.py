"""Wakes the loops that there is work for, so that an idle process asks one question a second for all of them."""

import asyncio
from collections.abc import Mapping

from trapline.server.app.queries.waiting_work import CONDITIONS, list_waiting_work
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext

SCOPE = Scope.system()
LOOK_EVERY_S = 0.9
"""Less than the second within which a connection is used again without asking whether it still works."""


class WorkWatch:
    """Asks the database for waiting work, and sets the event of each loop that there is some for."""

    def __init__(self, system: AppContext) -> None:
        self._system = system
        self.wakes: Mapping[str, asyncio.Event] = {name: asyncio.Event() for name in CONDITIONS}
        """By the name of the loop."""

    async def step(self) -> bool:
        """Look once."""
        async with self._system.database.sql_transaction(SCOPE, each_alone=True) as tx:
            waiting = await list_waiting_work(SCOPE, tx)
        for name in waiting:
            self.wakes[name].set()
        return False
