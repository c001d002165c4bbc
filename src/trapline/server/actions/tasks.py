"""Tasks: which jobs have some, and leasing them."""

from collections.abc import Sequence

from trapline.server.actions.images import sign_file
from trapline.server.db.base import Transaction
from trapline.server.db.line.claim import LeasableJob, get_leasable_job, list_claimable_jobs
from trapline.server.db.line.holders import Contact, count_held, touch_caller, touch_holder, touch_services
from trapline.server.db.line.job_row import begin_job
from trapline.server.db.line.lease import LeasedTask, Wish, lease_tasks, note_lease
from trapline.server.errors import Forbidden
from trapline.server.rules.access import Scope
from trapline.server.rules.lease_tokens import make_lease_token
from trapline.server.rules.leasing import tasks_per_lease
from trapline.server.system import Leases, System
from trapline.wire.jobs import JobState
from trapline.wire.tasks import ClaimableJob, ClaimableJobs, Task, Tasks

LEASE_TOKENS = "lease tokens"
"""The purpose of the keys that lease tokens are made with."""

LONGEST_CONTACT_S = 20.0


def contact_every_s(leases: Leases) -> float:
    """How seldom a worker's sign of life is written: often enough for its lease, and for people who watch it."""
    return min(leases.lease_s / 6, LONGEST_CONTACT_S)


async def claim_jobs(system: System, scope: Scope, slugs: Sequence[str] | None, limit: int) -> ClaimableJobs:
    """List jobs of these pipelines that have something to lease now, best first."""
    async with system.database.transaction(scope) as tx:
        if slugs is not None and (projects := scope.project_ids()):
            await touch_services(scope, tx, projects, slugs=list(slugs))
            await touch_caller(scope, tx, projects)
        found = await list_claimable_jobs(scope, tx, list(slugs) if slugs is not None else None, limit)
    return ClaimableJobs(results=[ClaimableJob(id=job_id, pipeline_slug=slug) for job_id, slug in found])


async def hand_out_tasks(system: System, scope: Scope, job_id: int, wanted: int) -> Tasks:
    """Lease about so many tasks of a job to the caller; none of a job that is final or paused. Raises NotFound."""
    if scope.token_id is None:
        raise Forbidden("Tasks are for workers: call with an API token.")
    async with system.database.transaction(scope) as tx:
        job = await get_leasable_job(scope, tx, job_id)
        if job.is_final or job.paused:
            return Tasks(tasks=[])
        leased = await _lease(system, scope, tx, job, wanted)
    key = system.secrets.derive(LEASE_TOKENS)
    return Tasks(
        tasks=[
            Task(
                id=str(task.analysis_id),
                image_id=str(task.image_id),
                image_url=sign_file(system, task.key),
                reply_subject=make_lease_token(key, task.analysis_id, task.attempt),
            )
            for task in leased
        ]
    )


async def _lease(system: System, scope: Scope, tx: Transaction, job: LeasableJob, wanted: int) -> list[LeasedTask]:
    leases = system.leases
    contact = Contact(job.id, job.project_id, job.pipeline_id, contact_every_s(leases))
    holder_id = await touch_holder(scope, tx, contact)
    held = await count_held(scope, tx, job.id, holder_id, leases.held_at_most)
    limit = tasks_per_lease(wanted, job.classes, held, leases.held_at_most)
    mark = system.remembered.find_mark(job.id)
    leased = await lease_tasks(scope, tx, Wish(job.id, holder_id, limit, leases.lease_s, mark))
    if not leased and mark is not None:
        # What came back to the line since lies before the mark.
        leased = await lease_tasks(scope, tx, Wish(job.id, holder_id, limit, leases.lease_s, None))
    ahead = [task.analysis_id for task in leased if not task.suspect]
    system.remembered.set_mark(job.id, ahead[-1] if ahead else None)
    if leased and job.status == JobState.QUEUED:
        await begin_job(scope, tx, job.id, scope.actor)
    elif leased:
        await note_lease(scope, tx, job.id)
    return leased
