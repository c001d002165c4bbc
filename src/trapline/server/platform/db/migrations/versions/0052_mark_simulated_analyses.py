"""Mark simulated analyses"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0050"
branch_labels = None
depends_on = None

AT_ONCE = 1_000
LOCK_IMAGES = "select 1 from images where id = any(%(images)s) order by id for no key update"
LOCK_CLASSES = """
    select 1 from image_classes where image_id = any(%(images)s) order by image_id, class_name for no key update
"""
FIRST = "00000000-0000-0000-0000-000000000000"
FIND = """
    select d.analysis_id, a.image_id from (
        select analysis_id, provenance from analysis_details where analysis_id > %(after)s::uuid
        order by analysis_id limit %(most)s
    ) d left join analyses a on a.id = d.analysis_id and d.provenance->>'made_by' = 'trapline simulate'
        and not a.simulated and a.job_id is null
    order by d.analysis_id
"""
MARK = "update analyses set simulated = true where id = any(%(analyses)s)"
BLANK = (
    r"^(([^;]*;){6})?\s*(blank|empty|nothing|none|no animal|background|misfire|false trigger)\s*$"
)
ROWS = f"""
    rows as (
        select n.id, n.annotation_type as type, n.parent_id, n.data, n.data ? 'terminal' as of_worker,
            n.class_name as given_name, coalesce(n.class_name, guess.name) as name,
            coalesce(n.confidence::text::float8, guess.confidence) as confidence
        from annotations n left join lateral (
            select one->>'class' as name, (one->>'confidence')::float8 as confidence
            from jsonb_array_elements(case when jsonb_typeof(n.data->'topk') = 'array' then n.data->'topk' end)
                with ordinality as topk (one, place)
            order by confidence desc nulls last, place limit 1
        ) guess on n.annotation_type = 'classification' and n.class_name is null
        where n.analysis_id = z.id
    ), names as (
        select distinct on (parent_id) parent_id, given_name as name from rows
        where type = 'classification' and parent_id is not null and given_name is not null and not of_worker
        order by parent_id, confidence desc nulls last, id
    ), named as (
        select r.*,
            case when r.type = 'bounding_box' then coalesce(m.name, given_name) else given_name end as final_name
        from rows r left join names m on m.parent_id = r.id
    ), judged as (
        select *, coalesce(final_name ~* '{BLANK}', false)
            or (type = 'bounding_box' and coalesce(data->'empty' = 'true', false)) as is_blank
        from named
    )
"""  # noqa: S608 - made of constants
REFRESH = f"""
    with current as materialized (
        select distinct on (image_id, model_name) id, image_id from analyses
        where image_id = any(%(images)s::uuid[]) and state = 'completed' and not simulated
        order by image_id, model_name, created_at desc, id desc
    ), classes as materialized (
        select z.image_id, f.name as class_name, max(f.confidence) as confidence from current z cross join lateral (
            with {ROWS}
            select name, coalesce(confidence, 0) as confidence from judged
            where not is_blank and name is not null and name !~* '{BLANK}' and type <> 'custom'
                and (not of_worker or type <> 'classification' or (parent_id is null and data->'terminal' = 'true'))
        ) f group by 1, 2
    ), states as (
        select z.image_id, not bool_or((
            with {ROWS}
            select case when count(*) > 0 and bool_and(type = 'custom') then null
                else coalesce(bool_or(not is_blank and (type not in ('custom', 'classification')
                    or (type = 'classification' and parent_id is null and data->'terminal' is distinct from 'false')
                )), false) end
            from judged
        )) as blank from current z group by 1
    ), obsolete as (
        delete from image_classes c where c.image_id = any(%(images)s)
            and not exists (select from classes k where k.image_id = c.image_id and k.class_name = c.class_name)
    ), written as (
        insert into image_classes (image_id, class_name, project_id, captured_at, confidence)
        select k.image_id, k.class_name, i.project_id, i.captured_at, k.confidence
        from classes k join images i on i.id = k.image_id order by k.image_id, k.class_name
        on conflict (image_id, class_name) do update set confidence = excluded.confidence
            where image_classes.confidence is distinct from excluded.confidence
    )
    update images i set blank = s.blank
    from unnest(%(images)s::uuid[]) as w(id) left join states s on s.image_id = w.id
    where i.id = w.id and i.blank is distinct from s.blank
"""  # noqa: S608 - made of constants
NOTE_DAYS = """
    insert into dirty_days (project_id, deployment_id, day)
    select distinct project_id, deployment_id, (captured_at at time zone time_zone)::date from images
    where id = any(%(images)s)
"""


def upgrade() -> None:
    """Mark the analyses that `trapline simulate` created, and derive the findings of their images again.

    It reads the details of analyses once, in batches by their primary key.
    Each batch is a transaction that locks its analyses and then their images, so that results that arrive at the same
    time are not overwritten. A second run continues where the first one ended. The background process counts the
    days again.
    """
    op.execute(
        sa.text(
            "alter table analyses add column if not exists simulated boolean default false not null"
        )
    )
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        # A batch waits for transactions that write to the same images; it holds no lock on a table.
        connection.exec_driver_sql("set lock_timeout = 0")
        after = FIRST
        while read := connection.exec_driver_sql(FIND, {"after": after, "most": AT_ONCE}).all():
            after = str(read[-1][0])
            found = [(analysis, image) for analysis, image in read if image is not None]
            if not found:
                continue
            images = sorted({image for _, image in found})
            connection.exec_driver_sql("begin")
            connection.exec_driver_sql(MARK, {"analyses": [analysis for analysis, _ in found]})
            for statement in (LOCK_IMAGES, LOCK_CLASSES, REFRESH, NOTE_DAYS):
                connection.exec_driver_sql(statement, {"images": images})
            connection.exec_driver_sql("commit")


def downgrade() -> None:
    """Drop the mark."""
    op.drop_column("analyses", "simulated")
