"""Query the facts that determine the health of pull sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.sources.rules.pushed_events import BACKLOG, EVENT

COUNTED_AT_MOST = 1_000
"""The limit for counting failed and skipped files."""
RECENT_RUNS = 5
"""The number of ended runs that are used to estimate the time for a backlog."""


@dataclass(frozen=True)
class SourceFacts:
    """Facts from the runs and files of one source, at its current location.

    `listed`, `left_out` and `unlisted_folders` are of the last listing; `listed` is None without
    one. `failed` counts failed files that were first listed after the last import. `not_images` and
    `is_open` are set only for a source without imports: the number of files that are not images,
    and whether files in other states exist. `waiting` counts due files if the last run left some.
    `seconds_per_file` is the average of recent runs.
    """

    has_ended: bool
    has_imported: bool
    listed: int | None
    left_out: Mapping[str, int]
    unlisted_folders: int
    failed: int
    failure: tuple[str, str] | None
    not_images: int
    not_image: tuple[str, str] | None
    is_open: bool
    waiting: int
    seconds_per_file: float | None
    is_running: bool


_FACTS = """
select s.id, last.id is not null, success.at is not null, listing.listed,
    coalesce(listing.left_out, '{}'), coalesce(listing.unlisted_folders, 0),
    failed.many, failed.paths[1], failed.errors[1],
    coalesce(other.many, 0), other.paths[1], other.errors[1],
    success.at is null and exists (
        select from pulled_files f where f.source_id = s.id and f.kind = 'file'
            and f.state in ('seen', 'imported', 'duplicate') and f.updated_at >= place.since
    ),
    case when last.remaining > 0 then (
        select count(*) from pulled_files f where f.source_id = s.id and f.kind = 'file'
            and f.state in ('seen', 'failed') and f.updated_at >= place.since
            and (f.next_attempt_at is null or f.next_attempt_at <= now())
    ) else 0 end,
    pace.seconds_per_file,
    exists (select from pull_runs r where r.source_id = s.id and r.state = 'running')
from pull_sources s
cross join lateral (select coalesce(s.moved_at, '-infinity') as since) place
left join lateral (
    select r.id, r.remaining from pull_runs r
    where r.source_id = s.id and r.state <> 'running' and r.started_at >= place.since
    order by r.started_at desc limit 1
) last on true
left join lateral (
    select r.listed, r.left_out, r.unlisted_folders from pull_runs r
    where r.source_id = s.id and r.state = 'completed' and r.trigger <> all(%(unlisted)s)
        and r.started_at >= place.since
    order by r.started_at desc limit 1
) listing on true
left join lateral (
    select coalesce(r.finished_at, now()) as at from pull_runs r
    where r.source_id = s.id and r.imported + r.duplicate > 0 and r.started_at >= place.since
    order by r.started_at desc limit 1
) success on true
left join lateral (
    select count(*) as many, array_agg(path) as paths, array_agg(error) as errors from (
        select f.path, f.error from pulled_files f
        where f.source_id = s.id and f.kind = 'file' and f.state in ('failed', 'quarantined')
            and f.updated_at >= place.since and f.first_seen_at > coalesce(success.at, '-infinity')
        order by f.updated_at desc limit %(most)s
    ) newest
) failed on true
left join lateral (
    select count(*) as many, array_agg(path) as paths, array_agg(error) as errors from (
        select f.path, f.error from pulled_files f
        where f.source_id = s.id and f.kind = 'file' and f.state = 'skipped'
            and f.updated_at >= place.since
        limit %(most)s
    ) any_of_them
) other on success.at is null
left join lateral (
    select extract(epoch from sum(finished_at - started_at)) / nullif(sum(files), 0)
        as seconds_per_file
    from (
        select r.started_at, r.finished_at, r.imported + r.duplicate + r.skipped + r.failed as files
        from pull_runs r
        where r.source_id = s.id and r.state <> 'running' and r.started_at >= place.since
        order by r.started_at desc limit %(runs)s
    ) recent
) pace on true
where s.id = any(%(ids)s)
"""


async def list_source_facts(
    scope: Scope, tx: Transaction, source_ids: Sequence[UUID]
) -> dict[UUID, SourceFacts]:
    """Return the facts of these sources by source ID, in one query."""
    parameters = {
        "ids": list(source_ids),
        "unlisted": [EVENT, BACKLOG],
        "most": COUNTED_AT_MOST,
        "runs": RECENT_RUNS,
    }
    cursor = await tx.execute(_FACTS, parameters)
    return {
        row[0]: SourceFacts(
            has_ended=row[1],
            has_imported=row[2],
            listed=row[3],
            left_out=row[4],
            unlisted_folders=row[5],
            failed=row[6],
            failure=(row[7], row[8] or "") if row[6] else None,
            not_images=row[9],
            not_image=(row[10], row[11] or "") if row[9] else None,
            is_open=row[12],
            waiting=row[13],
            seconds_per_file=None if row[14] is None else float(row[14]),
            is_running=row[15],
        )
        for row in await cursor.fetchall()
    }
