"""What is kept for a time goes when the time is over."""

from trapline.server.accounts.queries.sign_in_failures import forget_failures
from trapline.server.external.queries.callback_keys import forget_signatures
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.server.platform.db.host_rate_limits import forget_turns
from trapline.server.platform.db.idempotency import forget_answers
from trapline.server.queue.queries.job_downloads import forget_downloads

BATCH = 1000


async def forget_old_answers(system: System, scope: Scope) -> bool:
    """Delete a batch of answers whose Idempotency-Keys are good no longer; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await forget_answers(scope, tx, BATCH) == BATCH


async def forget_old_signatures(system: System, scope: Scope) -> bool:
    """Delete a batch of signatures that nobody could use again anyway; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await forget_signatures(scope, tx, BATCH) == BATCH


async def forget_old_failures(system: System, scope: Scope) -> bool:
    """Delete a batch of failures to sign in that count no longer; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await forget_failures(scope, tx, BATCH) == BATCH


async def forget_old_addresses(system: System, scope: Scope) -> bool:
    """Delete a batch of addresses of pictures that nobody tried again; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        await forget_turns(scope, tx)
        return await forget_downloads(scope, tx, BATCH) == BATCH
