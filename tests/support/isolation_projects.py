"""Two equal projects with every kind of caller, for the isolation tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from tests.conftest import open_own_system
from tests.support.api_application import application_of
from tests.support.isolation_rows import (
    Caller,
    People,
    furnish,
    let_in,
    make_dead_tokens,
    make_operator,
    make_people,
    make_restricted,
)
from tests.support.project_with_roles import House, build_house, fingerprint
from trapline.server.app.http.access_table import ACCESS
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import (
    AppContext,
    CallbackSettings,
    build_token_buckets,
)
from trapline.server.platform.http.route_access import TOKENS_THAT_WORK, RouteAccess
from trapline.server.platform.postgres.postgres import Postgres
from trapline.wire.auth import Role, TokenKind

LEAST = {"DELETE /projects/{project_id}/members/{user_id}": Role.OWNER}
"""The least role to do it to others, on a route where every user may do it to themselves."""
CALLERS = ("owner", "manager", "reviewer", "viewer", "session", "worker", "pipeline")


@dataclass
class Grounds:
    """Data of all isolation tests. Calls of a stranger change nothing, so one database is enough.

    `spare` is a project for calls that are allowed, and that change the data they are about.
    """

    system: AppContext
    app_client: httpx2.AsyncClient
    house: House
    stranger: House
    spare: House
    people: dict[str, People]
    restricted: Caller
    operator: Caller
    dead: dict[str, dict[str, str]]
    _seen: dict[str, str] = field(default_factory=dict)

    def pick_least(self, key: str) -> Caller:
        """Return the caller with the least role that a route requires, in the spare project."""
        access = ACCESS[key]
        if access.operators:
            return self.operator
        return self._pick(access, LEAST.get(key, access.role))

    def pick_most(self, key: str) -> Caller:
        """The same, but for an owner where others may, too."""
        access = ACCESS[key]
        return self.operator if access.operators else self._pick(access, Role.OWNER)

    def _pick(self, access: RouteAccess, role: Role) -> Caller:
        name = role.value if TokenKind.USER in (access.kinds or ()) else "session"
        return self.people["spare"].call_as("worker" if access.kinds == TOKENS_THAT_WORK else name)

    async def expect_unchanged(self) -> None:
        """Fail if a row of any table changed since this was asked last."""
        before, self._seen = self._seen, await fingerprint(self.system.database)
        changed = [table for table, digest in self._seen.items() if before.get(table) != digest]
        assert not changed, f"rows changed in {changed}"

    async def note_changes(self) -> None:
        """Record the present state; changes up to now were intended."""
        self._seen = await fingerprint(self.system.database)


@asynccontextmanager
async def make_grounds(postgres: Postgres, template: str, store: Path) -> AsyncIterator[Grounds]:
    """Return a server that accepts tokens in place of signatures: only projects limit access."""
    async with open_own_system(postgres, template, store) as own:
        # All callers have one IP address here: on a fast machine, the calls without valid
        # credentials come near its limit.
        rates = replace(own.rates, strangers=build_token_buckets(1_000_000))
        system = replace(own, callbacks=CallbackSettings(require_signature=False), rates=rates)
        transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://trapline.test"
        ) as client:
            houses: dict[str, House] = {}
            people: dict[str, People] = {}
            for name in ("house", "stranger", "spare"):
                people[name] = await make_people(system, name)
                houses[name] = await build_house(system, name)
                await let_in(system, people[name], houses[name])
                await furnish(system, client, houses[name], people[name], name)
            # On a slow machine a heartbeat is written now and then, independent of any call.
            async with system.database.transaction(Scope.system()) as tx:
                await tx.execute(
                    "update workers set last_contact_at = clock_timestamp() + interval '1 day'"
                )
            restricted = await make_restricted(system, houses["house"], houses["stranger"])
            dead = await make_dead_tokens(system, houses["house"])
            yield Grounds(
                system,
                client,
                house=houses["house"],
                stranger=houses["stranger"],
                spare=houses["spare"],
                people=people,
                restricted=restricted,
                operator=await make_operator(system),
                dead=dead,
            )
