"""The current observations and the images of a project as arrays, and the version of both."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from trapline.server.images.queries.images import WITHOUT_CAMERA_TIME
from trapline.server.images.rules.locations import Location
from trapline.server.insights.rules.local_times import Moments, to_moment
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

_HEADER = 20
"""Bytes of the header of an array with one dimension in PostgreSQL's binary format."""
_TIMES = np.dtype([("length", ">i4"), ("value", ">i8")])
_COUNTS = np.dtype([("length", ">i4"), ("value", ">i4")])


@dataclass(frozen=True)
class SurveyDeployment:
    """A deployment with the sorted capture times of its images, in microseconds since 2000.

    `location` is exact: `FilteredSurvey.locations` has those that the caller may see.
    """

    id: UUID
    name: str
    time_zone: str
    started_at: datetime | None
    ended_at: datetime | None
    inactive: tuple[tuple[datetime, datetime], ...]
    images: Moments
    without_camera_time: int
    location: Location = field(default_factory=Location)


@dataclass(frozen=True)
class NameAtDeployment:
    """The observations of a name at a deployment: time and number of individuals of each image.

    They are sorted by time, so that each request finds a period without reading all of them.
    """

    deployment_id: UUID
    name: str
    kind: str
    times: Moments
    counts: Moments

    def __post_init__(self) -> None:
        order = np.argsort(self.times, kind="stable")
        object.__setattr__(self, "times", self.times[order])
        object.__setattr__(self, "counts", self.counts[order])


@dataclass(frozen=True)
class Survey:
    """All that insights of a project are calculated from."""

    deployments: Sequence[SurveyDeployment]
    observed: Sequence[NameAtDeployment]
    taxa: dict[str, UUID]
    reviewed: int
    specificities: dict[str, int] = field(default_factory=dict)
    """Ranks of the names as numbers, see `review.rules.name_meanings`."""


async def get_survey_version(scope: Scope, tx: Transaction, project_id: int) -> tuple[Any, ...]:
    """Return a value that differs after each change of images, observations or deployments.

    Each change of an image or of what it shows adds a row to `dirty_days` in its transaction. When
    the day is counted, the row is replaced by a new time of the count, or by a smaller sum.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select p.observation_set_id, d.*, c.*, l.* from projects p
        cross join lateral (
            select count(*), sum(id) from dirty_days where project_id = p.id) d
        cross join lateral (
            select max(counted_at), (select sum(images) from day_counts
                where project_id = p.id and class_name = '')
            from day_counts where project_id = p.id) c
        cross join lateral (
            select count(*), sum(extract(epoch from updated_at)) from deployments
            where project_id = p.id) l
        where p.id = %s
        """,
        (project_id,),
    )
    return tuple(await cursor.fetchone() or ())


async def load_survey(scope: Scope, tx: Transaction, project_id: int) -> Survey:
    """Load the arrays of a project: a million images take about a second."""
    scope.check(project_id)
    deleted = await _list_deleted(tx, project_id)
    meanings = await _list_meanings(tx, project_id)
    return Survey(
        await _list_deployments(tx, project_id, deleted),
        await _list_observed(tx, project_id),
        {name: taxon for name, taxon, _ in meanings if taxon is not None},
        await _count_reviewed(tx, project_id),
        {name: specificity for name, _, specificity in meanings},
    )


async def list_deployment_names(scope: Scope, tx: Transaction, project_id: int) -> dict[UUID, str]:
    """List the names of the deployments of a project."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select id, name from deployments where project_id = %s", (project_id,)
    )
    return dict(await cursor.fetchall())


async def _list_deleted(tx: Transaction, project_id: int) -> dict[UUID, list[int]]:
    cursor = await tx.execute(
        "select deployment_id, captured_at from images where project_id = %s"
        " and deleted_at is not null",
        (project_id,),
    )
    deleted: dict[UUID, list[int]] = {}
    for deployment_id, captured_at in await cursor.fetchall():
        deleted.setdefault(deployment_id, []).append(to_moment(captured_at))
    return deleted


async def _list_deployments(
    tx: Transaction, project_id: int, deleted: dict[UUID, list[int]]
) -> list[SurveyDeployment]:
    # The times are read from the index alone, so deleted images are subtracted here.
    cursor = await tx.execute(
        f"""
        with undated as (
            select deployment_id, count(*) as images from images
            where project_id = %(project)s and {WITHOUT_CAMERA_TIME} group by 1
        )
        select d.id, d.name, d.time_zone, d.started_at, d.ended_at, d.inactive_periods,
            (select array_send(array_agg(i.captured_at)) from images i
                where i.deployment_id = d.id),
            coalesce(u.images, 0), d.latitude, d.longitude
        from deployments d left join undated u on u.deployment_id = d.id
        where d.project_id = %(project)s order by d.name
        """,  # noqa: S608 - made of constants
        {"project": project_id},
    )
    return [
        SurveyDeployment(
            key,
            name,
            zone,
            start,
            end,
            tuple(
                (datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"]))
                for one in inactive
            ),
            _subtract(_decode(images, _TIMES), deleted.get(key, [])),
            undated,
            Location(*place),
        )
        for key, name, zone, start, end, inactive, images, undated, *place in (
            await cursor.fetchall()
        )
    ]


async def _list_observed(tx: Transaction, project_id: int) -> list[NameAtDeployment]:
    cursor = await tx.execute(
        """
        select c.deployment_id, c.class_name, c.kind, array_send(array_agg(c.captured_at)),
            array_send(array_agg(c.count))
        from observed_classes c
        where c.set_id = (select observation_set_id from projects where id = %(project)s)
            and not exists (
                select from images i where i.project_id = %(project)s and i.id = c.image_id
                    and i.deleted_at is not null)
        group by 1, 2, 3
        """,
        {"project": project_id},
    )
    return [
        NameAtDeployment(
            deployment, name or "unknown", kind, _decode(times, _TIMES), _decode(counts, _COUNTS)
        )
        for deployment, name, kind, times, counts in await cursor.fetchall()
    ]


async def _list_meanings(tx: Transaction, project_id: int) -> list[tuple[str, UUID | None, int]]:
    # A name can also be a label that is not mapped: its taxon decides.
    cursor = await tx.execute(
        "select distinct on (m.name) m.name, m.taxon_id, m.specificity from name_meanings m"
        " join projects p on p.observation_set_id = m.set_id where p.id = %s"
        " order by m.name, m.taxon_id nulls last, m.specificity desc",
        (project_id,),
    )
    return await cursor.fetchall()


async def _count_reviewed(tx: Transaction, project_id: int) -> int:
    # Deleted images are few: without them, the index of reviewed images has the answer.
    cursor = await tx.execute(
        "select count(*) - (select count(*) from images"
        " where project_id = %(project)s and reviewed and deleted_at is not null)"
        " from images where project_id = %(project)s and reviewed",
        {"project": project_id},
    )
    [count] = await cursor.fetchone() or (0,)
    return int(count)


def _decode(array: bytes | None, kind: np.dtype[Any]) -> Moments:
    if array is None:
        return np.zeros(0, np.int64)
    return np.frombuffer(array, kind, offset=_HEADER)["value"].astype(np.int64)


def _subtract(times: Moments, deleted: list[int]) -> Moments:
    times = np.sort(times)
    if not deleted:
        return times
    values, counts = np.unique(np.array(deleted, np.int64), return_counts=True)
    first = np.searchsorted(times, values)
    gone = np.concatenate([np.arange(a, a + b) for a, b in zip(first, counts, strict=True)])
    return np.delete(times, gone)
