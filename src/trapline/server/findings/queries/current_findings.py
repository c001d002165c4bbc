"""Current analyses of images, their findings, and the columns and rows derived from them.

The current analyses of an image are the newest completed ones, one for each pipeline
(`model_name`), whether a worker, an external pipeline or an import stored them. Simulated analyses
are never current. An image is blank if a current analysis found nothing and no current one has a
finding. A label such as `blank` is not a finding. An analysis with only custom data has no
findings and does not make an image blank.
"""

from collections.abc import Collection
from uuid import UUID

from trapline.server.findings.queries.annotations import CONFIDENCE
from trapline.server.findings.rules.blank_labels import BLANK_PATTERN
from trapline.server.images.queries.image_locks import lock_findings
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

_ROWS = """
    rows as (
        select n.id, n.annotation_type as type, n.parent_id, n.data,
            n.data ? 'terminal' as of_worker,
            n.class_name as given_name, coalesce(n.class_name, guess.name) as name,
            coalesce({confidence}, guess.confidence) as confidence
        from annotations n left join lateral (
            select one->>'class' as name, (one->>'confidence')::float8 as confidence
            from jsonb_array_elements(case when jsonb_typeof(n.data->'topk') = 'array'
                then n.data->'topk' end)
                with ordinality as topk (one, place)
            order by confidence desc nulls last, place limit 1
        ) guess on n.annotation_type = 'classification' and n.class_name is null
        where n.analysis_id = {analysis}
    ), names as (
        select distinct on (parent_id) parent_id, given_name as name from rows
        where type = 'classification' and parent_id is not null and given_name is not null
            and not of_worker
        order by parent_id, confidence desc nulls last, id
    ), named as (
        select r.*,
            case when r.type = 'bounding_box' then coalesce(m.name, given_name)
                else given_name end as final_name
        from rows r left join names m on m.parent_id = r.id
    ), judged as (
        select *, coalesce(final_name ~* '{pattern}', false)
            or (type = 'bounding_box' and coalesce(data->'empty' = 'true', false)) as is_blank
        from named
    )
"""
_IS_FINDING = """not is_blank and (type not in ('custom', 'classification')
    or (type = 'classification' and parent_id is null
        and data->'terminal' is distinct from 'false'))"""
_HAS_FINDINGS = f"""case when count(*) > 0 and bool_and(type = 'custom') then null
    else coalesce(bool_or({_IS_FINDING}), false) end"""


def render_has_findings(analysis: str) -> str:
    """Render a subquery: whether the analysis in column `analysis` has findings.

    The result is null if the analysis has only custom data.
    """
    rows = _ROWS.format(analysis=analysis, pattern=BLANK_PATTERN, confidence=CONFIDENCE)
    return f"(with {rows} select {_HAS_FINDINGS} from judged)"  # noqa: S608 - made of constants


CURRENT = """
    select distinct on (image_id, model_name) id, image_id, project_id, model_name, created_at
        from analyses
    where image_id = any({images}) and state = 'completed' and not simulated
    order by image_id, model_name, created_at desc, id desc
"""
"""The current analyses of `images`, an array."""

# In results of workers, `terminal` marks the classifications that are findings; a box is named by
# its classification. If a classifier labels a box as blank, the label of the detector is left out
# as well.
_REFRESH = f"""
    with current as materialized ({CURRENT.format(images="%(images)b::uuid[]")}),
    classes as materialized (
        select z.image_id, f.name as class_name, max(f.confidence) as confidence
            from current z cross join lateral (
            with {_ROWS.format(analysis="z.id", pattern=BLANK_PATTERN, confidence=CONFIDENCE)}
            select name, coalesce(confidence, 0) as confidence from judged
            where not is_blank and name is not null and name !~* '{BLANK_PATTERN}'
                and type <> 'custom'
                and (not of_worker or type <> 'classification'
                    or (parent_id is null and data->'terminal' = 'true'))
        ) f group by 1, 2
    ), obsolete as (
        delete from image_classes c where c.image_id = any(%(images)b)
            and not exists (select from classes k where k.image_id = c.image_id
                and k.class_name = c.class_name)
    )
    insert into image_classes (image_id, class_name, project_id, captured_at, confidence)
    select k.image_id, k.class_name, i.project_id, i.captured_at, k.confidence
    from classes k join images i on i.id = k.image_id order by k.image_id, k.class_name
    on conflict (image_id, class_name) do update set confidence = excluded.confidence
        where image_classes.confidence is distinct from excluded.confidence
"""  # noqa: S608 - made of constants


_SHOWN = f"""
    select distinct on (image_id) image_id, id from (
        select z.*, count(*) over (partition by image_id) as analyses
            from ({CURRENT.format(images="%b::uuid[]")}) z
    ) z
    order by image_id, case when analyses > 1
        then coalesce({render_has_findings("z.id")}, false) end desc,
        created_at desc, id desc
"""  # noqa: S608 - made of constants


async def list_shown_analyses(
    scope: Scope, tx: Transaction, images: Collection[UUID]
) -> dict[UUID, UUID]:
    """List the shown analysis of each image: the newest current one with findings, else the newest.

    Images without a completed analysis are left out.
    """
    cursor = await tx.execute(_SHOWN, (list(images),))
    return {image: analysis for image, analysis in await cursor.fetchall()}


async def lock_images_with_results(
    scope: Scope, tx: Transaction, images: Collection[UUID]
) -> set[UUID]:
    """Lock images, and return those with a completed analysis.

    Results of a transaction that this one waited for are included.
    """
    if not images:
        return set()
    ordered = (sorted(images),)
    await tx.execute(
        "select 1 from images where id = any(%b) order by id for no key update", ordered
    )
    # A separate statement, which sees results that were committed during the wait for the lock.
    cursor = await tx.execute(
        "select i.id from unnest(%b::uuid[]) as i (id) where exists (select from analyses a "
        "where a.image_id = i.id and a.state = 'completed' and not a.simulated)",
        ordered,
    )
    return {image_id for (image_id,) in await cursor.fetchall()}


async def refresh_findings(scope: Scope, tx: Transaction, images: Collection[UUID]) -> None:
    """Update the classes that models found on images, from their current analyses.

    The images are locked before their analyses are read, so the later of two transactions sees both
    results.
    """
    if images:
        await lock_findings(tx, images)
        await tx.execute(_REFRESH, {"images": sorted(images)})
