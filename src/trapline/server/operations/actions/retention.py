"""Purging of expired rows, in batches."""

from trapline.server.accounts.queries.sign_in_failures import purge_failure_batch
from trapline.server.external.queries.callback_keys import purge_signature_batch
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.host_rate_limits import purge_host_slots
from trapline.server.platform.db.idempotency import purge_response_batch
from trapline.server.queue.queries.client_processes import purge_client_processes
from trapline.server.queue.queries.job_downloads import purge_download_batch

BATCH = 1000


async def purge_saved_responses(system: AppContext, scope: Scope) -> bool:
    """Purge responses with expired Idempotency-Keys; return whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_response_batch(scope, tx, BATCH) == BATCH


async def purge_used_signatures(system: AppContext, scope: Scope) -> bool:
    """Purge signatures that have expired anyway; return whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_signature_batch(scope, tx, BATCH) == BATCH


async def purge_sign_in_failures(system: AppContext, scope: Scope) -> bool:
    """Purge expired failures to sign in; return whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_failure_batch(scope, tx, BATCH) == BATCH


async def purge_download_urls(system: AppContext, scope: Scope) -> bool:
    """Purge unused download URLs of images; return whether there may be more."""
    async with system.database.transaction(scope) as tx:
        await purge_host_slots(scope, tx)
        await purge_client_processes(scope, tx)
        return await purge_download_batch(scope, tx, BATCH) == BATCH
