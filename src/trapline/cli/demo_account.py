"""Account of the demo, created without a password prompt."""

import asyncio
import secrets
from pathlib import Path

from trapline.cli.local_server import ensure_token, open_local_context
from trapline.server.accounts.actions.one_time_links import (
    build_link_url,
    create_first_owner_link,
    create_sign_in_link,
    use_link,
)
from trapline.server.accounts.queries.accounts import find_first_operator
from trapline.server.accounts.queries.memberships import list_roles
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.wire.auth import LinkSignInRequest, NewToken

EMAIL = "demo@trapline.example"


def ensure_demo_account(data: Path) -> tuple[str, str]:
    """Return an API token of the demo's owner and a new one-time link that signs the owner in.

    The token is stored in the data folder.
    """
    return asyncio.run(_ensure_account(data))


async def _ensure_account(data: Path) -> tuple[str, str]:
    async with open_local_context(data) as system:
        first = await create_first_owner_link(system)
        if first is not None:
            password = secrets.token_urlsafe(24)
            await use_link(
                system,
                RequestOrigin(),
                LinkSignInRequest(link=first, email=EMAIL, name="Demo", password=password),
            )
        scope = Scope.system("demo")
        async with system.database.transaction(scope) as tx:
            owner = await find_first_operator(scope, tx)
            assert owner is not None
            roles, _ = await list_roles(scope, tx, owner.id)
        owned = Scope("demo", roles=roles, user_id=owner.id)
        token = await ensure_token(system, data, "demo-token", owned, NewToken(name="demo"))
        return token, build_link_url(system, await create_sign_in_link(system))
