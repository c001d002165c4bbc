"""Names on images of public projects: names of models, replaced by those of reviewers.

An image is visible only if every name on it is a known animal or blank. The conditions are SQL on a
row of `images`.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    bindparam,
    column,
    select,
    text,
    true,
)

from trapline.server.findings.rules.blank_labels import BLANK_PATTERN
from trapline.server.findings.rules.people_words import NAMES_PEOPLE
from trapline.server.images.queries.images import ImageRow
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.public.rules.known_animals import APES, CLASSES, TAXONOMIC, list_animal_labels
from trapline.server.review.queries.observation_rows import ObservedClassRow

_MAY_BE_ANIMAL = f"""(lower(split_part({{taxon}}.scientific_name, ' ', 1)) !~ '^({APES})$'
    and coalesce(lower({{taxon}}.higher_ranks->>'genus'), '') <> 'homo'
    and lower(coalesce({{taxon}}.higher_ranks->>'kingdom', 'animalia')) = 'animalia'
    and {{taxon}}.scientific_name !~* :people)"""
_STATES_ANIMAL = f"""(coalesce(lower({{taxon}}.higher_ranks->>'kingdom'), '') = 'animalia'
    or coalesce(lower({{taxon}}.higher_ranks->>'class'), '') ~ '^({CLASSES})$'
    or lower({{taxon}}.scientific_name) ~ '^(animalia|{CLASSES})$'
    or lower({{taxon}}.scientific_name) in (select unnest(cast(:labels as text[]))))"""


def _is_animal(taxon: str, accepted: str) -> str:
    """Return SQL that a taxon is an animal.

    The taxon or its accepted taxon must be stated as an animal, and neither may be anything else.
    """
    both = [
        _MAY_BE_ANIMAL.format(taxon=taxon),
        f"({accepted}.id is null or {_MAY_BE_ANIMAL.format(taxon=accepted)})",
    ]
    stated = [_STATES_ANIMAL.format(taxon=one) for one in (taxon, accepted)]
    return (
        f"({' and '.join(both)} and ({stated[0]} or ({accepted}.id is not null and {stated[1]})))"
    )


# Without a reference to the current row, so that PostgreSQL evaluates it once per statement.
_KNOWN = f"""
    select unnest(cast(:labels as text[]))
    union all select lower(replace(l.label, '_', ' '))
        from taxon_labels l join taxa t on t.id = l.taxon_id
        left join taxa c on c.id = t.accepted_id
        where l.project_id = :project and {_is_animal("t", "c")}
    union all select lower(t.scientific_name) from taxa t left join taxa c on c.id = t.accepted_id
        where t.project_id = :project and {_is_animal("t", "c")}
    union all select lower(replace(e->>'label', '_', ' ')) from algorithms g
        join category_maps m on m.sha256 = g.map_sha256
        cross join jsonb_array_elements(
            case when jsonb_typeof(m.content->'data') = 'array' then m.content->'data' end) e
        where g.project_id = :project and e->>'label' is not null
            and (lower(e->>'class') ~ '^({CLASSES})$' or lower(e->>'kingdom') = 'animalia')
            and coalesce(lower(e->>'genus'), '') <> 'homo'
            and not (lower(coalesce(e->>'family', '')) = 'hominidae'
                and coalesce(e->>'genus', '') = '')
            and not (lower(coalesce(e->>'order', '')) = 'primates'
                and coalesce(e->>'family', '') = '')
    union all select lower(replace(b.label, '_', ' ')) from projects p
        join observation_sets s on s.id = p.observation_set_id
        cross join jsonb_array_elements_text(coalesce(s.settings->'blank_labels', '[]')) b (label)
        where p.id = :project
"""  # noqa: S608 - constants


def _is_known(name: str) -> str:
    return f"""({name} !~* :people and ({name} ~* :blank or {name} ~* :taxonomic
        or lower(replace({name}, '_', ' ')) in ({_KNOWN})))"""


_LATEST = """
    select d.id, d.kind, d.created_at from identifications d
    where d.image_id = images.id and {about} and d.withdrawn_at is null and d.kind <> 'comment'
    order by d.created_at desc, d.id desc limit 1
"""
_OWN, _WHOLE = (
    _LATEST.format(about="d.annotation_id in (n.id, n.parent_id)"),
    _LATEST.format(about="d.annotation_id is null"),
)
# A newer completed result of a pipeline replaces an older one; incomplete results count too. The
# names of replaced results still hide an image until a reviewer decides otherwise.
_MODEL_NAMES = f"""
    select n.id, n.analysis_id, n.class_name as name, n.annotation_type as type, n.parent_id,
        n.data,
        o.kind as own, w.kind as whole,
        a.state = 'completed' and exists (
            select from analyses b where b.image_id = a.image_id and b.model_name = a.model_name
                and b.state = 'completed' and not b.simulated
                and (b.created_at, b.id) > (a.created_at, a.id)
        ) as is_replaced
    from analyses a join annotations n on n.analysis_id = a.id
    left join lateral ({_OWN}) o on images.reviewed
    left join lateral ({_WHOLE}) w on images.reviewed
    where a.image_id = images.id and not a.simulated
        and coalesce(o.kind, '') not in ('correct', 'blank')
        and not (coalesce(w.kind, '') in ('correct', 'blank')
            and (o.id is null or (w.created_at, w.id) > (o.created_at, o.id)))
        and not (n.annotation_type = 'bounding_box' and coalesce(n.data->'empty' = 'true', false))
        and not (images.reviewed and exists (
            select from human_boxes b
            where b.supersedes in (n.id, n.parent_id) and b.withdrawn_at is null))
"""  # noqa: S608 - constants
_STATED = """
    select t.name, t.taxon_id from identifications d cross join lateral (
        select d.label as name, d.taxon_id where d.taxa is null
        union all
        select one->>'label', cast(one->>'taxon' as uuid) from jsonb_array_elements(d.taxa) one
    ) t
    where images.reviewed and d.image_id = images.id and d.kind = 'correct'
        and d.withdrawn_at is null
        and not exists (
            select from identifications e where e.image_id = d.image_id and e.withdrawn_at is null
                and e.kind <> 'comment' and (e.created_at, e.id) > (d.created_at, d.id)
                and (e.annotation_id is not distinct from d.annotation_id
                    or (e.annotation_id is null and e.kind in ('correct', 'blank'))))
    union all
    select b.label, b.taxon_id from human_boxes b
    where images.reviewed and b.image_id = images.id and b.withdrawn_at is null
        and not exists (
            select from identifications e where e.image_id = b.image_id and e.withdrawn_at is null
                and e.kind in ('correct', 'blank')
                and (e.annotation_id = b.id and e.created_at > b.named_at
                    or e.annotation_id is null and e.created_at > b.updated_at))
"""
# An annotation that is not terminal has no final name: only words for people count there.
_IS_UNKNOWN = f"""(m.own = 'unsure' or m.whole = 'unsure' or case
    when m.name is null then m.type in ('bounding_box', 'classification', 'segmentation',
        'keypoint')
        and m.parent_id is null and not m.is_replaced and not (m.type = 'bounding_box'
            and m.has_names)
    when m.data->'terminal' = 'false' then m.name ~* :people
    else not {_is_known("m.name")} end)"""
_PUBLIC = f"""
    (exists (select from observed_classes c join projects p on p.observation_set_id = c.set_id
        where c.image_id = images.id) or exists (select from identifications d where images.reviewed
        and d.image_id = images.id and d.annotation_id is null and d.withdrawn_at is null
        and d.kind in ('correct', 'blank')))
    and not (images.reviewed and exists (select from ({_WHOLE}) w where w.kind = 'unsure'))
    and not exists (
        select from (select q.*, exists (select from annotations c
            where c.analysis_id = q.analysis_id
            and c.parent_id = q.id and c.class_name is not null) as has_names from (
            {_MODEL_NAMES}
        ) q) m where {_IS_UNKNOWN} offset 0)
    and not exists (select from ({_STATED}) s left join taxa t on t.id = s.taxon_id
        left join taxa c on c.id = t.accepted_id
        where not coalesce(case when t.id is null then {_is_known("s.name")}
            else {_is_animal("t", "c")} end, false) offset 0)
"""  # noqa: S608 - constants


def _values(project_id: int) -> dict[str, Any]:
    return {
        "project": project_id,
        "people": NAMES_PEOPLE,
        "blank": BLANK_PATTERN,
        "taxonomic": TAXONOMIC,
    }


def _bind(condition: str, project_id: int) -> ColumnElement[bool]:
    labels = bindparam("labels", list(list_animal_labels()), type_=ARRAY(Text))
    clause = text(f"({condition})")
    return clause.bindparams(labels, **_values(project_id))  # type: ignore[return-value]


def shows_known_animals(project_id: int) -> ColumnElement[bool]:
    """Return the condition that each name on an image is a known animal or blank."""
    return _bind(_PUBLIC, project_id)


def select_unknown_classes(
    project_id: int, images: Select[tuple[UUID]]
) -> CompoundSelect[UUID, str]:
    """Select the classes on these images that are not known animals.

    Classes that only a replaced analysis named are included.
    """
    current = (
        select(ObservedClassRow.image_id, ObservedClassRow.class_name)
        .join(ProjectRow, ProjectRow.observation_set_id == ObservedClassRow.set_id)
        .where(
            ObservedClassRow.image_id.in_(images),
            ObservedClassRow.class_name != "",
            _bind(f"not {_is_known('observed_classes.class_name')}", project_id),
        )
    )
    replaced = f"""
        select m.name from ({_MODEL_NAMES}) m where m.is_replaced and m.name is not null
            and case when m.data->'terminal' = 'false' then m.name ~* :people
                else not {_is_known("m.name")} end
    """  # noqa: S608 - constants
    labels = bindparam("labels", list(list_animal_labels()), type_=ARRAY(Text))
    names = (
        text(replaced)
        .bindparams(labels, **_values(project_id))
        .columns(column("name", Text))
        .lateral("names")
    )
    return current.union(
        select(ImageRow.id, names.c.name).join(names, true()).where(ImageRow.id.in_(images))
    )
