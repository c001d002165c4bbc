"""Lists and counts of the current observations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.review.queries.observation_rows import DETAILS, SEVERAL_SOURCES
from trapline.server.review.rules.filters import ObservationFilter
from trapline.wire.observations import ObservationGrouping

MOST_GROUPS = 10_000

_COLUMNS = """
    o.id, o.project_id, o.image_id, i.sequence_id, i.deployment_id, i.captured_at, o.annotation_id,
    o.kind, o.name, o.taxon_id, o.label, o.count, o.sex, o.life_stage, o.behaviour, o.individual_id,
    o.human, o.confidence, o.identified_by, o.identified_at, o.identification_id, o.analysis_id,
    a.model_name, a.model_version, o.needs_review
"""
_GROUPS = {
    ObservationGrouping.NAME: "c.class_name",
    ObservationGrouping.KIND: "c.kind",
    ObservationGrouping.SOURCE: "case when c.human then 'human' else 'model' end",
    ObservationGrouping.DEPLOYMENT: "c.deployment_id::text",
    ObservationGrouping.DAY: "to_char(c.captured_at at time zone i.time_zone, 'YYYY-MM-DD')",
    ObservationGrouping.MONTH: "to_char(c.captured_at at time zone i.time_zone, 'YYYY-MM')",
    ObservationGrouping.HOUR: "to_char(c.captured_at at time zone i.time_zone, 'HH24')",
    ObservationGrouping.PERSON: "c.person",
}
_IS_BY_PERSON = """exists (select from observations o where o.image_id = c.image_id
    and o.set_id = c.set_id and o.name = c.class_name and o.identified_by = %(identified_by)s)"""
_BY_PERSON = f"""(
    select c.image_id, c.deployment_id, coalesce(c.identified_by, '') as person, c.set_id,
        c.class_name, c.captured_at, c.kind, c.count, c.needs_review
    from %s c where c.identified_by is distinct from '{SEVERAL_SOURCES}'
    union all
    select c.image_id, c.deployment_id, coalesce(o.identified_by, ''), c.set_id,
        c.class_name, c.captured_at, c.kind,
        sum(case when o.kind = 'blank' then 0 else coalesce(o.count, 1) end),
        bool_or(o.needs_review)
    from %s c join observations o on o.image_id = c.image_id and o.set_id = c.set_id
        and o.name = c.class_name
    where c.identified_by = '{SEVERAL_SOURCES}' group by 1, 2, 3, 4, 5, 6, 7)"""  # noqa: S608
"""Rows of the class index by person, where %s are rows of the class index."""
_IN_TIME = frozenset({ObservationGrouping.DAY, ObservationGrouping.MONTH, ObservationGrouping.HOUR})


@dataclass(frozen=True, slots=True)
class ListedObservation:
    """A current observation with what is known about its image and its analysis."""

    id: UUID
    project_id: int
    image_id: UUID
    sequence_id: UUID | None
    deployment_id: UUID
    captured_at: datetime
    annotation_id: UUID | None
    kind: str
    name: str
    taxon_id: UUID | None
    label: str | None
    count: int | None
    sex: str | None
    life_stage: str | None
    behaviour: str | None
    individual_id: str | None
    human: bool
    confidence: float | None
    identified_by: str | None
    identified_at: datetime | None
    identification_id: UUID | None
    analysis_id: UUID | None
    model_name: str | None
    model_version: str | None
    needs_review: bool

    @property
    def place(self) -> tuple[datetime, UUID, UUID]:
        """The sort key of the list."""
        return self.captured_at, self.image_id, self.id


async def list_current_sets(scope: Scope, tx: Transaction, project_id: int | None) -> list[int]:
    """List the current sets of a project, or of all projects of the caller."""
    if project_id is not None:
        scope.check(project_id)
    ids = [project_id] if project_id is not None else scope.project_ids()
    cursor = await tx.execute(
        "select observation_set_id from projects where deleted_at is null "
        "and observation_set_id is not null and (%(ids)s::bigint[] is null or id = any(%(ids)s))",
        {"ids": None if ids is None else list(ids)},
    )
    return [key for (key,) in await cursor.fetchall()]


async def is_known_reviewer(scope: Scope, tx: Transaction, project_id: int, user_id: UUID) -> bool:
    """Whether a user is a member of a project, or decided a current observation of it."""
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select exists (select from members where project_id = %(project)s and user_id = %(user)s)
            or exists (
                select from projects p join observed_classes c on c.set_id = p.observation_set_id
                where p.id = %(project)s and c.human
                    and c.identified_by = 'user:' || %(user)s::uuid::text)
            or exists (
                select from projects p join observed_classes c on c.set_id = p.observation_set_id
                join observations o on o.image_id = c.image_id and o.set_id = c.set_id
                where p.id = %(project)s and c.human and c.identified_by = %(several)s
                    and o.identified_by = 'user:' || %(user)s::uuid::text)
        """,
        {"project": project_id, "user": user_id, "several": SEVERAL_SOURCES},
    )
    return await cursor.fetchone() == (True,)


async def list_taxon_names(scope: Scope, tx: Transaction, taxon_id: UUID) -> list[str]:
    """List the names under which observations of a taxon, or of its descendants, are stored.

    A synonym is replaced by the accepted taxon. A taxon of another project has no names.
    """
    cursor = await tx.execute(
        """
        with wanted as (
            select c.id, c.project_id, c.scientific_name from taxa t
            join taxa c on c.id = coalesce(t.accepted_id, t.id) where t.id = %s
        )
        select distinct t.scientific_name, w.project_id from wanted w
        join taxa t on t.project_id = w.project_id and t.accepted_id is null and (
            t.id = w.id
            or exists (
                select from jsonb_each_text(t.higher_ranks) h
                where lower(h.value) = lower(w.scientific_name))
            or lower(t.scientific_name) like replace(lower(w.scientific_name), '%%', '') || ' %%')
        """,
        (taxon_id,),
    )
    return [name for name, project_id in await cursor.fetchall() if scope.sees(project_id)]


async def list_class_names(
    scope: Scope, tx: Transaction, sets: Sequence[int], name: str
) -> list[str]:
    """List the stored names of a class that is given by its name or by a label that means it."""
    cursor = await tx.execute(
        "select name from name_meanings where set_id = any(%s) and key = %s", (list(sets), name)
    )
    return sorted({name} | {found for (found,) in await cursor.fetchall()})


def _list_conditions(wanted: ObservationFilter) -> tuple[list[str], list[str]]:
    """List the conditions on the class index, and those on observations and images."""
    index: list[str] = []
    rest: list[str] = ["i.deleted_at is null"]
    if wanted.kind is not None:
        index.append("c.kind = %(kind)s")
    if wanted.human is not None:
        index.append("c.human" if wanted.human else "true")
        rest.append("o.human" if wanted.human else "not o.human")
    if wanted.identified_by is not None:
        index.append("c.human and c.identified_by is not null")
        rest.append("o.identified_by = %(identified_by)s")
    if wanted.needs_review is not None:
        index.append("c.needs_review" if wanted.needs_review else "true")
        rest.append("o.needs_review" if wanted.needs_review else "not o.needs_review")
    if wanted.count_min is not None:
        index.append("c.count >= %(count_min)s")
        rest.append("o.count >= %(count_min)s")
    if wanted.individual_id is not None:
        rest.append("o.individual_id = %(individual_id)s")
    if wanted.image_id is not None:
        index.append("c.image_id = %(image_id)s")
    if wanted.sequence_ids:
        rest.append("i.sequence_id = any(%(sequence_ids)s)")
    if wanted.deployment_id is not None:
        index.append("c.deployment_id = %(deployment_id)s")
    if wanted.captured_after is not None:
        index.append("c.captured_at >= %(captured_after)s")
    if wanted.captured_before is not None:
        index.append("c.captured_at < %(captured_before)s")
    return index, rest


async def list_observation_rows(
    scope: Scope,
    tx: Transaction,
    sets: Sequence[int],
    wanted: ObservationFilter,
    names: Sequence[str] | None,
    *,
    descending: bool,
    limit: int,
    after: Sequence[Any] | None = None,
) -> list[ListedObservation]:
    """List observations by the capture times of their images; `names` are the stored names."""
    way, before = ("desc", "<") if descending else ("asc", ">")
    index, rest = _list_conditions(wanted)
    parameters: dict[str, Any] = {
        **vars(wanted), "sets": list(sets), "names": names, "limit": limit
    }  # fmt: skip
    if after is not None:
        parameters |= {"at": after[0], "image": after[1], "key": after[2]}
        step = "<=" if descending else ">="
        index.append(f"(c.captured_at, c.image_id) {step} (%(at)s, %(image)s::uuid)")
        rest.append(
            f"(c.captured_at, c.image_id, o.id) {before} (%(at)s, %(image)s::uuid, %(key)s::uuid)"
        )
    found = _render_source(index, names, way)
    cursor = await tx.execute(
        f"""
        select {_COLUMNS} from {found} c
        join observations o on o.image_id = c.image_id and o.set_id = c.set_id
            and o.name = c.class_name
        join images i on i.id = c.image_id left join analyses a on a.id = o.analysis_id
        where {" and ".join(rest)}
        order by c.captured_at {way}, c.image_id {way}, o.id {way} limit %(limit)s
        """,  # noqa: S608 - made of constants
        parameters,
    )
    return [ListedObservation(*row) for row in await cursor.fetchall()]


def _render_source(index: Sequence[str], names: Sequence[str] | None, way: str) -> str:
    """Render the rows of the class index to start from.

    Of several names each is read in the order of the list and only as far as the page needs, where
    one scan for all of them would sort every match.
    """
    conditions = "".join(f" and {one}" for one in index)
    if names is None:
        rows = "select c.* from observed_classes c where c.set_id = any(%(sets)s)"
        return f"({rows}{conditions})"
    return f"""(
        select l.* from unnest(%(names)s::text[]) as n (name) cross
            join unnest(%(sets)s::bigint[]) as s (id)
        cross join lateral (
            select c.* from observed_classes c where c.set_id = s.id
                and c.class_name = n.name{conditions}
            order by c.captured_at {way}, c.image_id {way}
        ) l)"""  # noqa: S608 - made of constants


async def count_observations(
    scope: Scope,
    tx: Transaction,
    sets: Sequence[int],
    wanted: ObservationFilter,
    names: Sequence[str] | None,
) -> tuple[int, bool]:
    """Count the observations of a list: exactly up to 10,000, beyond that an estimate."""
    index, rest = _list_conditions(wanted)
    cursor = await tx.execute(
        f"""
        select count(*) from (
            select from {_render_source(index, names, "asc")} c
            join observations o on o.image_id = c.image_id and o.set_id = c.set_id
                and o.name = c.class_name
            join images i on i.id = c.image_id where {" and ".join(rest)} limit {EXACT_UP_TO + 1}
        ) few
        """,  # noqa: S608 - made of constants
        {**vars(wanted), "sets": list(sets), "names": names},
    )
    [(count,)] = await cursor.fetchall()
    return min(count, EXACT_UP_TO), count > EXACT_UP_TO


async def count_by_group(
    scope: Scope,
    tx: Transaction,
    sets: Sequence[int],
    wanted: ObservationFilter,
    names: Sequence[str] | None,
    by: ObservationGrouping,
) -> list[tuple[str, int, int, int]]:
    """Count images, individuals and images to review by group: at most 10,000 groups."""
    index, rest = _list_conditions(wanted)
    conditions = [one for one in rest if not one.startswith(("o.", "not o."))]
    if wanted.needs_review is not None:
        conditions.append("c.needs_review" if wanted.needs_review else "not c.needs_review")
    if wanted.identified_by is not None:
        is_grouped = by is ObservationGrouping.PERSON
        conditions.append("c.person = %(identified_by)s" if is_grouped else _IS_BY_PERSON)
    order = "1" if by in _IN_TIME else "2 desc, 1"
    found = _render_source(index, names, "asc")
    if by is ObservationGrouping.PERSON:
        found = _BY_PERSON.replace("%s", found)
    cursor = await tx.execute(
        f"""
        select {_GROUPS[by]}, count(distinct c.image_id), coalesce(sum(c.count), 0)::bigint,
            count(distinct c.image_id) filter (where c.needs_review)
        from {found} c join images i on i.id = c.image_id
        where {" and ".join(conditions)} group by 1 order by {order} limit {MOST_GROUPS}
        """,  # noqa: S608 - made of constants
        {**vars(wanted), "sets": list(sets), "names": names},
    )
    return [(key or "", *counts) for key, *counts in await cursor.fetchall()]


async def count_observed_names(
    scope: Scope, tx: Transaction, project_id: int
) -> list[tuple[str, int]]:
    """Count the images of a project that show each name, the most frequent first."""
    scope.check(project_id)
    # Deleted images are few and are subtracted. A join with each of a million images was slow.
    cursor = await tx.execute(
        """
        with current as (
            select observation_set_id as id from projects where id = %(project)s
        ), deleted as (
            select c.class_name, count(*) as images from images i
            join observed_classes c on c.image_id = i.id and c.set_id = (select id from current)
            where i.project_id = %(project)s and i.deleted_at is not null group by 1
        )
        select c.class_name, c.images - coalesce(d.images, 0) from (
            select class_name, count(*) as images from observed_classes
            where set_id = (select id from current) and kind <> 'blank' and class_name <> ''
            group by 1
        ) c left join deleted d using (class_name)
        where c.images > coalesce(d.images, 0) order by 2 desc, 1 limit 1000
        """,
        {"project": project_id},
    )
    return [(name, count) for name, count in await cursor.fetchall()]


async def list_confirmable(
    scope: Scope, tx: Transaction, images: Collection[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """List the current observations of images as a confirmation records them.

    Images whose observations are not derived yet are left out.
    """
    if not images:
        return {}
    cursor = await tx.execute(
        """
        select o.image_id, o.annotation_id, o.kind, o.label, o.taxon_id, o.count, o.sex,
            o.life_stage, o.behaviour, o.individual_id
        from observations o join projects p on p.observation_set_id = o.set_id
        where o.image_id = any(%s) order by o.image_id, o.id
        """,
        (list(images),),
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for image_id, subject, kind, label, taxon_id, *details in await cursor.fetchall():
        one = {
            "subject": str(subject) if subject is not None else None,
            "kind": kind,
            "label": label,
            "taxon": str(taxon_id) if taxon_id is not None else None,
            **dict(zip(DETAILS, details, strict=True)),
        }
        found.setdefault(image_id, []).append(one)
    return found
