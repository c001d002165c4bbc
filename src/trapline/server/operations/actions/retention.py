"""What is kept for a time goes when the time is over."""

from trapline.server.accounts.queries.sign_in_failures import purge_failure_batch
from trapline.server.external.queries.callback_keys import purge_signature_batch
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.host_rate_limits import purge_host_slots
from trapline.server.platform.db.idempotency import purge_response_batch
from trapline.server.queue.queries.job_downloads import purge_download_batch

BATCH = 1000


async def purge_saved_responses(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of answers whose Idempotency-Keys are good no longer; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_response_batch(scope, tx, BATCH) == BATCH


async def purge_used_signatures(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of signatures that nobody could use again anyway; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_signature_batch(scope, tx, BATCH) == BATCH


async def purge_sign_in_failures(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of failures to sign in that count no longer; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_failure_batch(scope, tx, BATCH) == BATCH


async def purge_download_urls(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of addresses of pictures that nobody tried again; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        await purge_host_slots(scope, tx)
        return await purge_download_batch(scope, tx, BATCH) == BATCH
