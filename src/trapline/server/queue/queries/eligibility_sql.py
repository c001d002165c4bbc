"""Ready: which tasks of a job can be leased now, in SQL. Claim and lease say it with the same
words.

All of it is about `a`, a row of analyses. Each way into the line has an index of its own (fresh
tasks, suspects): a condition over both would walk every row of the job, so each is asked for by
itself.
"""

OTHER_WORKER_S = 60
OWN_ERROR_S = 30

WAITED = "(a.not_before is null or a.not_before <= now())"
"""Its backoff is over."""


def build_queued_condition(job: str, *, suspect: bool, also: str = "true") -> str:
    """Tasks in one of the two lines of a job whose backoff is over."""
    return f"a.job_id = {job} and a.state = 'queued' and a.lost {'>' if suspect else '='} 0 and {WAITED} and {also}"


def build_any_queued_condition(job: str, also: str = "true") -> str:
    """Whether a job has a task in either of its lines whose backoff is over."""
    fresh, suspect = (
        build_queued_condition(job, suspect=suspect, also=also) for suspect in (False, True)
    )
    return f"(exists (select 1 from analyses a where {fresh}) or exists (select 1 from analyses a where {suspect}))"  # noqa: S608


def build_holder_condition(job: str, holder: str, worker: str) -> str:
    """Whether a holder may have a task: one that failed goes to another while there is one.

    That is one who is at this job, or a worker that waits for any job of the pipeline.
    """
    return f"""(
        a.errors = 0 or a.holder_id is distinct from {holder}
        or coalesce(a.not_before, a.updated_at) < now() - interval '{OWN_ERROR_S} seconds'
        or not exists (
            select 1 from holders h left join workers w on w.id = h.worker_id
            where h.job_id = {job} and h.id <> {holder} and w.ended_at is null
              and coalesce(w.last_contact_at, h.last_contact_at) > now() - interval '{OTHER_WORKER_S} seconds'
        )
        and not exists (
            select 1 from jobs o
            join service_pipelines sp on sp.pipeline_id = o.pipeline_id
            join workers w on w.service_id = sp.service_id and w.ended_at is null
              and w.last_contact_at > now() - interval '{OTHER_WORKER_S} seconds'
            where o.id = {job} and w.id is distinct from {worker} and o.pipeline_slug = any(w.pipelines)
        )
    )"""  # noqa: S608 - made of constants
