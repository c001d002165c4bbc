"""Identify the process of a caller that did not register, and return leases of an earlier one.

The number of the process is a part of the User-Agent in the scope that these functions return.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.client_processes import (
    expire_holder_leases,
    get_leasing_process,
    list_callers_of_holders,
    list_client_processes,
    list_holders_with_leases,
    lock_caller,
    mark_single,
    record_claim,
    record_first_lease,
)
from trapline.server.queue.queries.holders import get_caller_key
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.server.queue.queries.lease_expiry import PAGE
from trapline.server.queue.rules.client_processes import (
    decide_claimer,
    join_caller,
    names_process,
    split_caller,
)

log = structlog.get_logger(__name__)


def _is_identified(scope: Scope) -> bool:
    """Return whether a caller is a registered worker, or names its process."""
    return (
        scope.origin.worker_id is not None
        or scope.token_id is None
        or names_process(scope.origin.user_agent)
    )


def _connection(scope: Scope) -> Hashable | None:
    if scope.origin.connection is None:
        return None
    return (get_caller_key(scope), scope.origin.connection)


def _with_process(scope: Scope, process: int) -> Scope:
    if process == 1:
        return scope
    user_agent = join_caller(scope.origin.user_agent, process)
    return replace(scope, origin=replace(scope.origin, user_agent=user_agent))


@dataclass(frozen=True)
class Claimer:
    """The process that asks for a job, and the processes whose leases return to the queue.

    `process` is None if the caller is identified otherwise.
    """

    scope: Scope
    process: int | None = None
    is_new: bool = False
    has_leased: bool = False
    ended: tuple[int, ...] = ()


async def identify_claimer(system: AppContext, scope: Scope, tx: Transaction) -> Claimer:
    """Identify the process that asks for a job; requests of the caller wait for each other."""
    if _is_identified(scope):
        return Claimer(scope)
    remembered, connection = system.part(LeaseCache), _connection(scope)
    known = remembered.get_process(connection) if connection else None
    if connection and known is not None:
        remembered.set_process(connection, known)
        return Claimer(_with_process(scope, known), known, has_leased=True)
    await lock_caller(scope, tx)
    processes = await list_client_processes(scope, tx) or []
    decision = decide_claimer(processes, system.leases.lease_s)
    if decision is None:
        await mark_single(scope, tx)
        return Claimer(scope, 1)
    number = decision.number
    if connection:
        tx.after_commit(lambda: remembered.set_process(connection, number))
    is_new = number in decision.ended or number not in {one.number for one in processes}
    return Claimer(_with_process(scope, number), number, is_new=is_new, ended=decision.ended)


async def record_given_job(
    system: AppContext, scope: Scope, tx: Transaction, claimer: Claimer
) -> None:
    """Record that a process was given a job, so that its leases are known as its own."""
    if claimer.process is None:
        return
    await record_claim(
        scope, tx, claimer.process, is_new=claimer.is_new, has_leased=claimer.has_leased
    )
    key = get_caller_key(claimer.scope)
    tx.after_commit(lambda: system.part(LeaseCache).set_pending(key))


async def return_leases_of_ended(system: AppContext, scope: Scope, claimer: Claimer) -> int:
    """Return the leases of processes that ended to the queue, counted as lost."""
    return sum([await _return_leases(system, scope, number) for number in claimer.ended])


async def _return_leases(system: AppContext, scope: Scope, process: int) -> int:
    ended = _with_process(scope, process)
    async with system.database.sql_transaction(ended) as tx:
        holdings = await list_holders_with_leases(ended, tx)
    returned = 0
    for job_id, holder_id in holdings:
        taken = PAGE
        while taken == PAGE:
            try:
                async with system.database.sql_transaction(ended) as tx:
                    taken = await expire_holder_leases(
                        ended, tx, job_id, holder_id, system.leases.losses
                    )
            except JobClosed:
                break
            returned += taken
        system.part(LeaseCache).set_low_water_mark(job_id, None)
    if returned:
        log.info("a client was restarted; its leases returned", process=process, tasks=returned)
    return returned


async def identify_leaser(system: AppContext, scope: Scope) -> Scope:
    """Identify the process that leases tasks."""
    if _is_identified(scope):
        return scope
    remembered, connection = system.part(LeaseCache), _connection(scope)
    process = remembered.get_process(connection) if connection else None
    if process is None:
        async with system.database.sql_transaction(scope) as tx:
            process = await get_leasing_process(scope, tx)
    elif remembered.take_pending(get_caller_key(_with_process(scope, process))):
        async with system.database.sql_transaction(scope) as tx:
            await record_first_lease(scope, tx, process)
    if connection:
        remembered.set_process(connection, process)
    return _with_process(scope, process)


async def identify_poster(system: AppContext, scope: Scope, holders: Sequence[int]) -> Scope:
    """Identify the process that posts results: the one that leased most of their tasks.

    `holders` are the holders of the leases. A caller that returns tasks of several of its processes
    in one request, or over a connection of another one of them, is a single process.
    """
    if _is_identified(scope) or not holders:
        return scope
    remembered, connection = system.part(LeaseCache), _connection(scope)
    unknown = [one for one in set(holders) if remembered.get_caller(one) is None]
    if unknown:
        async with system.database.sql_transaction(scope, each_alone=True) as tx:
            for holder_id, caller in await list_callers_of_holders(scope, tx, unknown):
                remembered.set_caller(holder_id, caller)
    counted = Counter(
        caller[2]
        for one in holders
        if isinstance(caller := remembered.get_caller(one), tuple)
        and caller[:2] == (scope.token_id, scope.origin.address)
    )
    if not counted:
        return scope
    numbers = {
        number
        for user_agent, number in map(split_caller, counted)
        if user_agent == scope.origin.user_agent
    }
    known = remembered.get_process(connection) if connection else None
    if len(numbers | ({known} if known and numbers else set())) > 1:
        async with system.database.sql_transaction(scope) as tx:
            await lock_caller(scope, tx)
            await mark_single(scope, tx)
        remembered.clear_processes()
    elif connection and numbers:
        remembered.set_process(connection, min(numbers))
    [(identity, _)] = counted.most_common(1)
    return replace(scope, origin=replace(scope.origin, user_agent=identity))
