"""SQL conditions for tasks that can be leased now, shared by claim and lease.

All conditions are about `a`, a row of analyses. The queue has a separate index for new tasks and
for suspects (tasks whose lease was lost). A condition over both would read every row of the job, so
each is queried separately.
"""

OTHER_WORKER_S = 60
OWN_ERROR_S = 30

WAITED = "(a.not_before is null or a.not_before <= now())"
"""The retry delay has passed."""


def build_queued_condition(job: str, *, suspect: bool, also: str = "true") -> str:
    """Build the condition for the new or suspect tasks of a job whose retry delay has passed."""
    lost = ">" if suspect else "="
    return f"a.job_id = {job} and a.state = 'queued' and a.lost {lost} 0 and {WAITED} and {also}"


def build_any_queued_condition(job: str, also: str = "true") -> str:
    """Build the condition that a job has a task whose retry delay has passed."""
    fresh, suspect = (
        build_queued_condition(job, suspect=suspect, also=also) for suspect in (False, True)
    )
    return (
        f"(exists (select 1 from analyses a where {fresh}) "  # noqa: S608
        f"or exists (select 1 from analyses a where {suspect}))"
    )


def build_holder_condition(job: str, holder: str, worker: str) -> str:
    """Build the condition that a holder may lease a task.

    A failed task is leased to another holder, if there is one.

    The other holder works on this job, or is a worker that waits for any job of the pipeline.
    """
    return f"""(
        a.errors = 0 or a.holder_id is distinct from {holder}
        or coalesce(a.not_before, a.updated_at) < now() - interval '{OWN_ERROR_S} seconds'
        or not exists (
            select 1 from holders h left join workers w on w.id = h.worker_id
            where h.job_id = {job} and h.id <> {holder} and w.ended_at is null
              and coalesce(w.last_contact_at,
                  h.last_contact_at) > now() - interval '{OTHER_WORKER_S} seconds'
        )
        and not exists (
            select 1 from jobs o
            join service_pipelines sp on sp.pipeline_id = o.pipeline_id
            join workers w on w.service_id = sp.service_id and w.ended_at is null
              and w.last_contact_at > now() - interval '{OTHER_WORKER_S} seconds'
            where o.id = {job} and w.id is distinct from {worker}
                and o.pipeline_slug = any(w.pipelines)
        )
    )"""  # noqa: S608 - made of constants
