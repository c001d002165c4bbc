"""The SQL that derives observations of images which need no decision between sources.

These are the images about which people said nothing, whose findings come from one pipeline or are
kept apart, that one version of a model analysed, and whose pipelines and labels the set knows
already. The same statement returns all other images. They are derived by
`review.rules.observations`, which defines what this statement must return.
"""

from trapline.server.findings.queries.annotations import CONFIDENCE
from trapline.server.review.queries.observation_rows import SEVERAL_SOURCES

FIELDS = (
    "image_id, id, annotation_id, kind, name, label, taxon_id, count, sex, life_stage, behaviour, "
    "individual_id, human, confidence, analysis_id, identification_id, identified_by, "
    "identified_at, needs_review"
)
"""The columns of `observations` that a derivation computes."""

_NAMED = "deployment_id, captured_at, kind, count, confidence, human, needs_review, identified_by"

CURRENT_ANALYSES = """
    current as materialized (
        select z.id, z.image_id, z.rank from (
            select distinct on (a.image_id, a.model_name) a.id, a.image_id, p.rank
            from analyses a join observation_pipelines p
                on p.set_id = %(set)s and p.model_name = a.model_name and p.counts
            where a.image_id = any(%(images)b::uuid[]) and a.state = 'completed' and not a.simulated
            order by a.image_id, a.model_name, a.created_at desc, a.id desc
        ) z where exists (
            select from annotations n where n.analysis_id = z.id
                and n.annotation_type not in ('custom', 'heatmap', 'mask')
        ) or not exists (select from annotations n where n.analysis_id = z.id)
    )
"""
"""The newest completed analysis of each pipeline that counts; one with other findings alone, such
as heatmaps, states nothing."""

_COMPLETED = """
    completed as materialized (
        select a.id, a.image_id, a.model_name, a.model_version, a.created_at,
            p.rank, p.counts
        from analyses a left join observation_pipelines p
            on p.set_id = %(set)s and p.model_name = a.model_name
        where a.image_id = any(%(images)b::uuid[]) and a.state = 'completed' and not a.simulated
    ), newest as materialized (
        select distinct on (image_id, model_name) id, image_id, rank from completed
        where counts order by image_id, model_name, created_at desc, id desc
    )
"""
_CURRENT = """
    current as materialized (
        select z.id, z.image_id, z.rank from newest z
            left join (select distinct analysis_id from findings) f on f.analysis_id = z.id
        where f.analysis_id is not null
            or not exists (select from annotations n where n.analysis_id = z.id)
    )
"""
"""As CURRENT_ANALYSES, from the findings that have been read already."""

_COMPLEX = """
    complex as materialized (
        select image_id from current where %(combines)s group by image_id having count(*) > 1
        union select image_id from completed where counts is null
        union select image_id from completed group by image_id
            having count(distinct (model_name, model_version)) > 1
        union select image_id from findings where label is not null and specificity is null
        union select d.image_id from identifications d
            where d.image_id = any(%(images)b) and d.withdrawn_at is null and d.kind <> 'comment'
        union select b.image_id from human_boxes b
            where b.image_id = any(%(images)b) and b.withdrawn_at is null
        union select w.image_id from (
            select f.image_id, count(*) as classes from findings f
            where %(combines)s and f.classifies and not exists (select from findings p
                where p.id = f.parent_id and p.analysis_id = f.analysis_id) group by 1
        ) w where w.classes > 1 or exists (
            select from findings f where f.image_id = w.image_id and not f.classifies)
    )
"""


def _render_choice(column: str, otherwise: str) -> str:
    """Choose what names a box: the final classification, another one, or the detector's label."""
    of_box = f"when f.id is null and b.name is not null then b.{column}"
    return (
        f"case when f.is_sure then f.{column} when o.id is not null then o.{column} "
        f"when d.id is not null then d.{column} {of_box} else {otherwise} end"
    )


def _choose(column: str, otherwise: str) -> str:
    name = "namer_id" if column == "id" else column
    return f"{_render_choice(column, otherwise)} as {name}"


_GUESS = """(
    select one from jsonb_array_elements(case when jsonb_typeof(n.data->'topk') = 'array'
        then n.data->'topk' end) with ordinality as topk (one, place)
    order by (one->>'confidence')::float8 desc nulls last, place limit 1)"""
"""The most probable class of a classification without a class."""

SIMPLE_ROWS = f"""
    {_COMPLETED}, findings as materialized (
        select n.id, n.image_id, n.analysis_id, n.classifies,
            case when n.annotation_type = 'bounding_box' then null
                else n.parent_id end as parent_id,
            coalesce(n.ordering, 0) as ordering,
            case when n.classifies then case n.data->'terminal' when 'true' then true
                when 'false' then false end end as terminal,
            n.algorithm_id, n.label,
            coalesce({CONFIDENCE}, (n.guess->>'confidence')::float8) as score,
            n.data->>'empty' = 'true' as empty,
            m.name, m.kind, m.taxon_id, m.specificity, m.detection_threshold
        from (
            select *, coalesce(class_name, guess->>'class') as label from (
                select n.*, n.annotation_type = 'classification' as classifies,
                    case when n.annotation_type = 'classification' and n.class_name is null
                        then {_GUESS} end as guess
                from annotations n where n.analysis_id = any(array(select id from newest))
                    and n.annotation_type not in ('custom', 'heatmap', 'mask') offset 0
            ) n
        ) n
        left join name_meanings m on m.set_id = %(set)s and m.key = n.label
    ), {_CURRENT}, {_COMPLEX}, plain as not materialized (
        select f.* from findings f
        where not exists (select from complex x where x.image_id = f.image_id)
    ), roots as not materialized (
        select f.*, coalesce(f.score, 1) as counted from plain f
        where f.parent_id is null and f.empty is not true
        union all
        select f.*, coalesce(f.score, 1) from plain f left join findings p on p.id = f.parent_id
            and p.analysis_id = f.analysis_id
        where f.parent_id is not null and p.id is null and f.empty is not true
    ), children as (
        select c.*, coalesce(c.score, 1) as counted, b.algorithm_id = c.algorithm_id as by_detector
        from plain c join findings b on b.id = c.parent_id and b.analysis_id = c.analysis_id
        where c.classifies and c.parent_id is not null
    ), finals as (
        select distinct on (parent_id) *, name is not null
            and counted >= %(classification_threshold)s as is_sure
        from children where terminal order by parent_id, ordering desc, id desc
    ), detectors as (
        select distinct on (parent_id) * from children
        where terminal is not null and by_detector and name is not null
        order by parent_id, counted desc, id
    ), others as (
        select distinct on (parent_id) * from children
        where terminal is null and name is not null and counted >= %(classification_threshold)s
        order by parent_id, case when %(combines)s then specificity else 0 end desc,
            counted desc, id
    ), judged as materialized (
        select b.image_id, b.id, b.id as annotation_id, 1 as count, b.analysis_id,
            {_choose("kind", "'unknown'")}, {_choose("name", "''")},
            {_choose("label", "null")}, {_choose("taxon_id", "null")},
            {_choose("score", "b.score")}, {_choose("counted", "b.counted")},
            {_choose("id", "b.id")}
        from roots b left join finals f on f.parent_id = b.id
        left join detectors d on d.parent_id = b.id
        left join others o on o.parent_id = b.id and f.id is null
            and (o.specificity > 0 or coalesce(d.specificity, b.specificity, 0) = 0)
        where not b.classifies and b.counted >= coalesce(
            {_render_choice("detection_threshold", "null")},
            case when d.id is not null then d.detection_threshold
                when f.id is null then b.detection_threshold end, %(detection_threshold)s)
        union all
        select r.image_id, r.id, null, null, r.analysis_id, r.kind, r.name, r.label, r.taxon_id,
            r.score, r.counted, r.id
        from roots r where r.classifies and r.terminal is not false and r.name is not null
            and r.counted >= %(classification_threshold)s
    ), blanks as (
        select distinct on (image_id) * from (
            select image_id, analysis_id, label, score, 0 as place, -counted as weight, namer_id
            from judged where kind = 'blank'
            union all
            select c.image_id, c.id, null, null, 1, c.rank, c.id from current c
            where not exists (select from complex x where x.image_id = c.image_id)
        ) b order by image_id, place, weight, namer_id
    ), simple as (
        select image_id, id, annotation_id, kind, name, label, taxon_id, count, score as confidence,
            analysis_id, counted < %(review_threshold)s as needs_review
        from judged where kind <> 'blank'
        union all
        select b.image_id, md5(b.image_id::text || 'blank')::uuid, null, 'blank', 'blank',
            b.label, null, null, b.score, b.analysis_id, false
        from blanks b where not exists (
            select from judged r where r.image_id = b.image_id and r.kind <> 'blank')
    )
"""  # noqa: S608 - made of constants
"""Common table expressions of `simple`, the observations of all `images` but those in `complex`."""


_FRESH_SIMPLE = """
    fresh as materialized (
        select image_id, id, annotation_id, kind, name, label, taxon_id, count::integer as count,
            null::text as sex, null::text as life_stage, null::text as behaviour,
            null::text as individual_id, false as human, confidence, analysis_id,
            null::uuid as identification_id, null::text as identified_by,
            null::timestamptz as identified_at, needs_review
        from simple
    )"""
_FRESH_GIVEN = f"""
    fresh as materialized (
        select {FIELDS} from jsonb_to_recordset(%(rows)s::jsonb) as (
            image_id uuid, id uuid, annotation_id uuid, kind text, name text, label text,
            taxon_id uuid, count integer, sex text, life_stage text, behaviour text,
            individual_id text, human boolean, confidence double precision, analysis_id uuid,
            identification_id uuid, identified_by text, identified_at timestamptz,
            needs_review boolean)
    )"""  # noqa: S608 - made of constants
_NAMES = f"""
    classes as materialized (
        select f.image_id, f.name as class_name, min(f.kind) as kind,
            sum(case when f.kind = 'blank' then 0 else coalesce(f.count, 1) end)::integer as count,
            coalesce(max(f.confidence), 0) as confidence, bool_or(f.human) as human,
            bool_or(f.needs_review) as needs_review,
            case when min(f.identified_by) <> max(f.identified_by)
                or bool_or(f.human) <> bool_and(f.human) then '{SEVERAL_SOURCES}'
                else max(f.identified_by) end as identified_by
        from fresh f group by 1, 2
    )"""  # noqa: S608 - made of constants
_INSERT = f"""
    insert into observations (set_id, project_id, {FIELDS})
    select %(set)s, %(project)s, {FIELDS} from fresh order by image_id, id
"""  # noqa: S608 - made of constants
_INSERT_NAMES = """
    insert into observed_classes (image_id, class_name, set_id, project_id, deployment_id,
        captured_at, kind, count, confidence, human, needs_review, identified_by)
    select k.image_id, k.class_name, %(set)s, i.project_id, i.deployment_id, i.captured_at, k.kind,
        k.count, k.confidence, k.human, k.needs_review, k.identified_by
    from classes k join images i on i.id = k.image_id and i.id = any(%(images)b::uuid[])
    order by k.image_id, k.class_name"""


def _update(table: str, columns: str) -> str:
    """Update the columns of a row that exists already and differs."""
    given = ", ".join(f"excluded.{one}" for one in columns.split(", "))
    stored = ", ".join(f"{table}.{one}" for one in columns.split(", "))
    return f"do update set ({columns}) = ({given}) where ({stored}) is distinct from ({given})"


def _replace_rows(fresh: str, keep: str) -> str:
    """Store `fresh` as the rows of the images, except of those that `keep` selects."""
    return f"""
    {fresh}, obsolete as (
        delete from observations o where o.image_id = any(%(images)b::uuid[]) and o.set_id = %(set)s
            and not exists (select from fresh f where f.image_id = o.image_id and f.id = o.id)
            {keep.format("o")}
    ), written as (
        {_INSERT}
        on conflict (image_id, id, set_id)
            {_update("observations", FIELDS.removeprefix("image_id, id, "))}
    ), {_NAMES}, gone as (
        delete from observed_classes c where c.image_id = any(%(images)b::uuid[])
            and c.set_id = %(set)s
            and not exists (
                select from classes k where k.image_id = c.image_id and k.class_name = c.class_name)
            {keep.format("c")}
    ), named as (
        {_INSERT_NAMES}
        on conflict (image_id, class_name, set_id)
            {_update("observed_classes", _NAMED)}
    )"""  # noqa: S608 - made of constants


def _insert_rows(fresh: str) -> str:
    return f"{fresh}, written as ({_INSERT}), {_NAMES}, named as ({_INSERT_NAMES})"


HASH_JOINS = "set local enable_nestloop = off"
"""For DERIVE: the planner expects one finding where there are thousands, which it would compare
each with each. No table is read as a whole for it, because their rows are selected by arrays."""
ANY_JOINS = "set local enable_nestloop to default"
"""Ends HASH_JOINS."""

_NOT_COMPLEX = "and not exists (select from complex x where x.image_id = {}.image_id)"
_SELECT_COMPLEX = "select image_id from complex"

DERIVE = f"with {SIMPLE_ROWS}, {_replace_rows(_FRESH_SIMPLE, _NOT_COMPLEX)} {_SELECT_COMPLEX}"
"""Derives images, stores what changed, and returns the images that it left unchanged."""

STORE = f"with {_replace_rows(_FRESH_GIVEN, '')} select 1 where false"
"""Stores the rows that `review.rules.observations` derived, as far as they changed."""

CLEAR = (
    "delete from observations where image_id = any(%(images)b::uuid[]) and set_id = %(set)s",
    "delete from observed_classes where image_id = any(%(images)b::uuid[]) and set_id = %(set)s",
)
"""Delete the rows of images in a set."""

DERIVE_CLEARED = f"with {SIMPLE_ROWS}, {_insert_rows(_FRESH_SIMPLE)} {_SELECT_COMPLEX}"
"""As DERIVE, for images without rows: comparing each with what is stored takes longer."""

STORE_CLEARED = f"with {_insert_rows(_FRESH_GIVEN)} select 1 where false"
"""As STORE, for images without rows."""
