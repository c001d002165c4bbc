"""The demo's own account, made without anybody typing a password."""

import asyncio
import secrets
from pathlib import Path

from trapline.cli.local_server import ensure_token, open_local
from trapline.server.accounts.actions.one_time_links import address_of, make_first_link, make_sign_in_link, use_link
from trapline.server.accounts.queries.accounts import find_operator, list_roles
from trapline.server.platform.access import Origin, Scope
from trapline.wire.auth import LinkUse, NewToken

EMAIL = "demo@trapline.example"


def open_account(data: Path) -> tuple[str, str]:
    """An API token of the demo's owner, kept in the data folder, and a new one-time link that signs in as them."""
    return asyncio.run(_open(data))


async def _open(data: Path) -> tuple[str, str]:
    async with open_local(data) as system:
        first = await make_first_link(system)
        if first is not None:
            password = secrets.token_urlsafe(24)
            await use_link(system, Origin(), LinkUse(link=first, email=EMAIL, name="Demo", password=password))
        scope = Scope.system("demo")
        async with system.database.transaction(scope) as tx:
            owner = await find_operator(scope, tx)
            assert owner is not None
            roles, _ = await list_roles(scope, tx, owner.id)
        owned = Scope("demo", roles=roles, user_id=owner.id)
        token = await ensure_token(system, data, "demo-token", owned, NewToken(name="demo"))
        return token, address_of(system, await make_sign_in_link(system))
