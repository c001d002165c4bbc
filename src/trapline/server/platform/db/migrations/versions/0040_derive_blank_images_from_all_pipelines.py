"""Derive blank images from all pipelines"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

AT_ONCE = 1_000
LOCK_IMAGES = "select 1 from images where id = any(:images) order by id for no key update"
LOCK_CLASSES = """
    select 1 from image_classes where image_id = any(:images) order by image_id, class_name for no key update
"""
BLANK = (
    r"^(([^;]*;){6})?\s*(blank|empty|nothing|none|no animal|background|misfire|false trigger)\s*$"
)
REFRESH = f"""
    with current as materialized (
        select distinct on (image_id, model_name) id, image_id from analyses
        where image_id = any(:images) and state = 'completed'
        order by image_id, model_name, created_at desc, id desc
    ), rows as materialized (
        select z.image_id, z.id as analysis_id, n.id, n.annotation_type as type, n.parent_id, n.data,
            jsonb_exists(n.data, 'terminal') as of_worker, n.class_name as given_name,
            coalesce(n.class_name, guess.name) as name,
            coalesce(n.confidence\\:\\:text\\:\\:float8, guess.confidence) as confidence
        from current z left join annotations n on n.analysis_id = z.id
        left join lateral (
            select one->>'class' as name, (one->>'confidence')\\:\\:float8 as confidence
            from jsonb_array_elements(case when jsonb_typeof(n.data->'topk') = 'array' then n.data->'topk' end)
                with ordinality as topk (one, place)
            order by confidence desc nulls last, place limit 1
        ) guess on n.annotation_type = 'classification' and n.class_name is null
    ), names as (
        select distinct on (analysis_id, parent_id) analysis_id, parent_id, given_name as name from rows
        where type = 'classification' and parent_id is not null and given_name is not null and not of_worker
        order by analysis_id, parent_id, confidence desc nulls last, id
    ), judged as materialized (
        select r.*, coalesce(case when r.type = 'bounding_box' then coalesce(m.name, given_name) else given_name end
                ~* '{BLANK}', false)
            or (r.type = 'bounding_box' and coalesce(r.data->'empty' = 'true', false)) as is_blank
        from rows r left join names m on m.analysis_id = r.analysis_id and m.parent_id = r.id
    ), analysed as (
        select image_id, case when count(id) > 0 and bool_and(type = 'custom') then null else coalesce(bool_or(
                not is_blank and (type not in ('custom', 'classification')
                or (type = 'classification' and parent_id is null and data->'terminal' is distinct from 'false'))
            ), false) end as has_findings
        from judged group by image_id, analysis_id
    ), states as (
        select image_id, not bool_or(has_findings) as blank from analysed group by 1
    ), classes as (
        select image_id, name as class_name, max(coalesce(confidence, 0)) as confidence from judged
        where not is_blank and name is not null and name !~* '{BLANK}' and type <> 'custom'
            and (not of_worker or type <> 'classification' or (parent_id is null and data->'terminal' = 'true'))
        group by 1, 2
    ), obsolete as (
        delete from image_classes c where c.image_id = any(:images)
            and not exists (select from classes k where k.image_id = c.image_id and k.class_name = c.class_name)
        returning c.image_id
    ), changed as (
        update images i set blank = s.blank
        from unnest(:images) as w(id) left join states s on s.image_id = w.id
        where i.id = w.id and i.blank is distinct from s.blank
        returning i.id
    )
    insert into dirty_days (project_id, deployment_id, day)
    select distinct i.project_id, i.deployment_id, (i.captured_at at time zone i.time_zone)\\:\\:date from images i
    where i.id in (select image_id from obsolete union select id from changed)
"""  # noqa: S608 - made of constants


def upgrade() -> None:
    """Derive anew which images are blank, and remove classes that no current analysis names, some images at a time.

    Each batch is a transaction that locks its images first, so that results that arrive meanwhile are not overwritten.
    The same again changes nothing. The background process counts the days that changed.
    """
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        # It waits for whoever writes to an image meanwhile, a thousandth of a second or so.
        op.execute("set lock_timeout = 0")
        after = None
        while True:
            images = connection.execute(
                sa.text(
                    "select id from images where cast(:after as uuid) is null or id > :after order by id limit :n"
                ),
                {"after": after, "n": AT_ONCE},
            ).scalars()
            batch = list(images)
            if not batch:
                return
            after = batch[-1]
            connection.exec_driver_sql("begin")
            for statement in (LOCK_IMAGES, LOCK_CLASSES, REFRESH):
                named = sa.text(statement).bindparams(
                    sa.bindparam("images", type_=sa.ARRAY(sa.Uuid()))
                )
                connection.execute(named, {"images": batch})
            connection.exec_driver_sql("commit")
