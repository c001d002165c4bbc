"""Answers of a model version compared with those of people, by random audit sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trapline.server.insights.rules.class_answers import AnswerGroup, parse_answer
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.answer_pairs import ComparedSources
from trapline.server.review.rules.observation_inputs import Meaning
from trapline.wire.observations import ObservationKind
from trapline.wire.review_sets import ReviewSetKind

_AUDITED = f"""
    audited as materialized (
        select m.image_id, array_agg(distinct coalesce(s.audit_class, '')) as samples
        from review_sets s join review_set_items t on t.set_id = s.id and t.is_done
        join review_set_images m on m.set_id = t.set_id and m.position = t.position
        where s.project_id = %(project)s and s.kind = '{ReviewSetKind.RANDOM_AUDIT}'
            and (s.audit_source is null or s.audit_source = any(%(sources)s))
        group by 1
    )
"""  # noqa: S608 - made of constants
_GROUPS = f"""
    with {_AUDITED}
    select i.deployment_id, a.first_answer, a.second_answer, coalesce(u.samples, '{{}}'),
        not a.differs, count(*)
    from answer_pairs a join images i on i.id = a.image_id and i.deleted_at is null
    left join audited u on u.image_id = a.image_id
    where a.set_id = %(set)s and a.pair_id = %(pair)s
    group by 1, 2, 3, 4, 5
"""  # noqa: S608 - made of constants
_IMAGES = f"""
    with {_AUDITED}
    select a.image_id, a.second_answer, coalesce('' = any(u.samples), false)
    from answer_pairs a join images i on i.id = a.image_id and i.deleted_at is null
    left join audited u on u.image_id = a.image_id
    where a.set_id = %(set)s and a.pair_id = %(pair)s
    order by 3 desc, a.image_id desc limit %(most)s
"""  # noqa: S608 - made of constants
_COMPARED = f"""
    with {_AUDITED}
    select coalesce('' = any(u.samples), false), not a.differs, not b.differs, count(*)
    from answer_pairs a
    join answer_pairs b on b.image_id = a.image_id and b.set_id = a.set_id
        and b.pair_id = %(other)s
    join images i on i.id = a.image_id and i.deleted_at is null
    left join audited u on u.image_id = a.image_id
    where a.set_id = %(set)s and a.pair_id = %(pair)s
    group by 1, 2, 3
"""  # noqa: S608 - made of constants
_IN_ORDER = """
    (select i.id from images i
    where i.project_id = %(project)s and i.deleted_at is null
        and left(md5(i.id::text), 8) {side} %(start)s and {analysed} exists (
            select from analyses a where a.image_id = i.id and a.state = 'completed'
                and not a.simulated)
        and not exists (select from review_set_images m join review_sets s on s.id = m.set_id
            where m.image_id = i.id and s.kind = 'random_audit' and s.audit_class is null)
    order by left(md5(i.id::text), 8), i.id limit %(most)s)
"""
_DRAWS = tuple(
    " union all ".join(_IN_ORDER.format(side=side, analysed=analysed) for side in (">=", "<"))
    + " limit %(most)s"
    for analysed in ("", "not")
)
"""Analysed images, and the others: in the order of a hash of their IDs, from a start to itself.

The hash says nothing about an image, so that a run from a random start is a random sample. An index
has this order: a project of a million images is not sorted.
"""
_DRAW_CLASS = """
    select i.id from (
        select c.image_id from observed_classes c
        where c.set_id = %(set)s and c.class_name = any(%(names)s) and not c.human and exists (
            select from observations o join analyses a on a.id = o.analysis_id
            where o.image_id = c.image_id and o.set_id = c.set_id and o.name = c.class_name
                and 'model:' || a.model_name || '/' || a.model_version = %(source)s)
        union
        select p.image_id from answer_pairs p
        where p.set_id = %(set)s and p.pair_id = %(pair)s
            and string_to_array(p.first_answer, ' + ') && %(names)s::text[]
    ) f join images i on i.id = f.image_id and i.deleted_at is null
    where not exists (select from review_set_images m join review_sets s on s.id = m.set_id
        where m.image_id = i.id and s.kind = 'random_audit'
            and (s.audit_class is null
                or (s.audit_class = %(class)s and s.audit_source = %(source)s)))
    order by left(md5(i.id::text), 8) < %(start)s, left(md5(i.id::text), 8), i.id limit %(most)s
"""


@dataclass(frozen=True)
class ComparedImage:
    """A reviewed image: what people answered, and whether it was drawn from all images."""

    id: UUID
    true: frozenset[str]
    is_random: bool


async def list_answer_groups(
    scope: Scope, tx: Transaction, project_id: int, set_id: int, pair: ComparedSources
) -> list[tuple[UUID, AnswerGroup]]:
    """Count the reviewed images by deployment, answers, and random audit samples."""
    scope.check(project_id)
    cursor = await tx.execute(_GROUPS, _name(project_id, set_id, pair))
    return [
        (
            deployment,
            AnswerGroup(
                parse_answer(predicted), parse_answer(true), frozenset(samples), agrees, images
            ),
        )
        for deployment, predicted, true, samples, agrees, images in await cursor.fetchall()
    ]


async def list_compared_images(
    scope: Scope, tx: Transaction, project_id: int, set_id: int, pair: ComparedSources, most: int
) -> list[ComparedImage]:
    """List reviewed images: those of random audit samples first, then the newest."""
    scope.check(project_id)
    cursor = await tx.execute(_IMAGES, {**_name(project_id, set_id, pair), "most": most})
    return [
        ComparedImage(key, parse_answer(true), is_random)
        for key, true, is_random in await cursor.fetchall()
    ]


async def count_agreements(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    set_id: int,
    pair: ComparedSources,
    other: ComparedSources,
) -> list[tuple[bool, bool, bool, int]]:
    """Count images with two models: whether drawn from all, and whether each is correct."""
    scope.check(project_id)
    parameters = {**_name(project_id, set_id, pair, other), "other": other.id}
    return list(await (await tx.execute(_COMPARED, parameters)).fetchall())


def _name(project_id: int, set_id: int, *pairs: ComparedSources) -> dict[str, Any]:
    return {
        "project": project_id,
        "set": set_id,
        "pair": pairs[0].id,
        "sources": [one.first for one in pairs],
    }


async def list_meanings(
    scope: Scope, tx: Transaction, project_id: int, set_id: int
) -> dict[str, Meaning]:
    """List the meanings of the names of a set."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select distinct on (name) name, kind, taxon_id, lineage, specificity, detection_threshold "
        "from name_meanings where set_id = %s order by name, key",
        (set_id,),
    )
    return {
        name: Meaning(name, ObservationKind(kind), taxon, frozenset(lineage), specificity, least)
        for name, kind, taxon, lineage, specificity, least in await cursor.fetchall()
    }


async def list_named_keys(
    scope: Scope, tx: Transaction, project_id: int, set_id: int, name: str
) -> list[str]:
    """List the labels that mean a name."""
    scope.check(project_id)
    cursor = await tx.execute(
        "select key from name_meanings where set_id = %s and name = %s", (set_id, name)
    )
    return [key for (key,) in await cursor.fetchall()]


async def draw_images(
    scope: Scope, tx: Transaction, project_id: int, most: int, start: str
) -> list[UUID]:
    """Draw random images that are in no sample of all images, analysed ones first.

    `start` are eight random hexadecimal digits; the same digits draw the same images.
    """
    scope.check(project_id)
    drawn: list[UUID] = []
    for draw in _DRAWS:
        if len(drawn) < most:
            parameters = {"project": project_id, "start": start, "most": most - len(drawn)}
            drawn += [key for (key,) in await (await tx.execute(draw, parameters)).fetchall()]
    return drawn


async def draw_class_images(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    set_id: int,
    pair: ComparedSources | None,
    *,
    source: str,
    class_name: str,
    names: Sequence[str],
    most: int,
    start: str,
) -> list[UUID]:
    """Draw images at random on which a model found a class, or names within it.

    Reviewed images take part, because people chose them for what the model found. Images of random
    audit samples of all images, and of this class, are left out. `start` is as in `draw_images`.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        _DRAW_CLASS,
        {
            "set": set_id,
            "pair": pair.id if pair is not None else -1,
            "source": source,
            "class": class_name,
            "names": list(names),
            "most": most,
            "start": start,
        },
    )
    return [key for (key,) in await cursor.fetchall()]
