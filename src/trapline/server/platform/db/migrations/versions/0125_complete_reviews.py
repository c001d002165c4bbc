"""Record who said what a box shows, and reviews only of whole items by people of the set"""

from alembic import op

revision = "0125"
down_revision = "0123"
branch_labels = None
depends_on = None

# A change of the corners alone, by a person who did not draw the box, does not say what it shows.
STATED = """
alter table human_boxes add column stated_by text, add column stated_at timestamptz;
with states as (
    select c.box_id, c.changed_by, c.changed_at, c.version,
        array[c.previous->>'label', c.previous->>'taxon_id', c.previous->>'count',
            c.previous->>'sex', c.previous->>'life_stage', c.previous->>'behaviour',
            c.previous->>'individual_id'] as named,
        array[(c.previous->>'x_min')::float8, (c.previous->>'y_min')::float8,
            (c.previous->>'x_max')::float8, (c.previous->>'y_max')::float8] as corners,
        c.previous->>'polygon' as polygon
    from human_box_changes c
    union all
    select b.id, null, null, b.version + 1,
        array[b.label, b.taxon_id::text, b.count::text, b.sex, b.life_stage, b.behaviour,
            b.individual_id],
        array[b.x_min, b.y_min, b.x_max, b.y_max], b.polygon::text
    from human_boxes b
), changes as (
    select s.*, lead(s.named) over w is distinct from s.named as is_named,
        (lead(s.corners) over w, lead(s.polygon) over w)
            is distinct from (s.corners, s.polygon) as is_moved
    from states s window w as (partition by s.box_id order by s.version)
), stated as (
    select distinct on (c.box_id) c.box_id, c.changed_by, c.changed_at
    from changes c join human_boxes b on b.id = c.box_id
    where c.changed_by is not null
        and (c.is_named or not c.is_moved or c.changed_by = b.made_by)
    order by c.box_id, c.version desc
)
update human_boxes b set stated_by = coalesce(s.changed_by, b.made_by),
    stated_at = coalesce(s.changed_at, b.created_at)
from human_boxes o left join stated s on s.box_id = o.id where o.id = b.id;
"""

# The items are locked in one order, so that two transactions that decide about several items wait
# for each other instead of blocking each other.
RECORD = """
create function record_set_decisions(images uuid[], people text[]) returns void
language plpgsql as $$
begin
    if not exists (select from review_set_images m where m.image_id = any(images)) then
        return;
    end if;
    perform 1 from review_set_items i where (i.set_id, i.position) in (
        select m.set_id, m.position from review_set_images m where m.image_id = any(images)
    ) order by i.set_id, i.position for no key update;
    with people_of as materialized (
        select distinct m.set_id, m.position, m.project_id, c.person,
            substr(c.person, 6)::uuid as user_id
        from unnest(images, people) as c (image_id, person)
        join review_set_images m on m.image_id = c.image_id
        where c.person like 'user:%'
    ), reviewers as materialized (
        select p.* from people_of p
        where not exists (select from review_set_people o where o.set_id = p.set_id)
            or exists (select from review_set_people o
                where o.set_id = p.set_id and o.user_id = p.user_id)
            or exists (select from review_set_reviews r where r.set_id = p.set_id
                and r.position = p.position and r.user_id = p.user_id)
    ), own as materialized (
        select p.set_id, p.position, p.user_id, m.image_id, d.at, d.sequence_id
        from reviewers p
        join review_set_images m on m.set_id = p.set_id and m.position = p.position
        cross join lateral (
            select i.created_at as at, i.sequence_id from identifications i
            where i.image_id = m.image_id and i.made_by = p.person and i.withdrawn_at is null
                and i.kind <> 'comment' and i.bulk_id is null
            union all
            select coalesce(b.stated_at, b.updated_at), null from human_boxes b
            where b.image_id = m.image_id and b.withdrawn_at is null
                and coalesce(b.stated_by, b.made_by) = p.person
        ) d
    ), unreviewed as materialized (
        select distinct p.set_id, p.position, p.user_id from reviewers p
        join review_set_images m on m.set_id = p.set_id and m.position = p.position
        join images g on g.id = m.image_id and g.deleted_at is null
        left join (select distinct set_id, position, user_id, image_id from own) o
            on o.set_id = p.set_id and o.position = p.position and o.user_id = p.user_id
                and o.image_id = m.image_id
        left join (
            select distinct set_id, position, user_id, sequence_id from own
            where sequence_id is not null
        ) q on q.set_id = p.set_id and q.position = p.position and q.user_id = p.user_id
            and q.sequence_id = g.sequence_id
        where o.image_id is null and q.sequence_id is null and exists (
            select from projects j join observation_pipelines c
                on c.set_id = j.observation_set_id and c.counts
            join analyses a on a.image_id = g.id and a.model_name = c.model_name
                and a.state = 'completed' and not a.simulated
            where j.id = g.project_id
        )
    ), decided as materialized (
        select p.set_id, p.position, p.project_id, p.user_id, max(o.at) as decided_at
        from reviewers p join review_sets s on s.id = p.set_id
        left join unreviewed u on u.set_id = p.set_id and u.position = p.position
            and u.user_id = p.user_id
        left join own o on o.set_id = p.set_id and o.position = p.position
            and o.user_id = p.user_id and o.at >= s.created_at and u.set_id is null
        group by 1, 2, 3, 4
    ), removed as (
        delete from review_set_reviews r using decided d
        where r.set_id = d.set_id and r.position = d.position and r.user_id = d.user_id
            and d.decided_at is null
    ), added as (
        insert into review_set_reviews (set_id, position, user_id, project_id, decided_at)
        select set_id, position, user_id, project_id, decided_at from decided
        where decided_at is not null order by set_id, position, user_id
        on conflict (set_id, position, user_id)
            do update set decided_at = excluded.decided_at, answer = null
    )
    update review_set_items i set claimed_by = null, claimed_until = null from decided d
    where i.set_id = d.set_id and i.position = d.position and i.claimed_by = d.user_id
        and d.decided_at is not null;
    update review_set_items i set is_done = n.is_done from (
        select m.set_id, m.position, s.reviews <= (
            select count(*) from review_set_reviews r
            where r.set_id = m.set_id and r.position = m.position
        ) as is_done
        from (
            select distinct m.set_id, m.position from review_set_images m
            where m.image_id = any(images)
        ) m join review_sets s on s.id = m.set_id
    ) n where i.set_id = n.set_id and i.position = n.position and i.is_done <> n.is_done;
end
$$;
create function record_set_identifications() returns trigger language plpgsql as $$
begin
    perform record_set_decisions(array_agg(c.image_id), array_agg(c.made_by)) from (
        select distinct image_id, made_by from changed
        where kind <> 'comment' and made_by like 'user:%'
    ) c having count(*) > 0;
    return null;
end
$$;
drop trigger record_set_reviews on identifications;
drop trigger record_withdrawn_reviews on identifications;
create trigger record_set_reviews after insert on identifications
    referencing new table as changed for each statement
    execute function record_set_identifications();
create trigger record_withdrawn_reviews after update on identifications
    referencing new table as changed for each statement
    execute function record_set_identifications();
create function record_set_boxes() returns trigger language plpgsql as $$
begin
    perform record_set_decisions(array_agg(c.image_id), array_agg(c.person)) from (
        select image_id, made_by as person from changed
        union select image_id, updated_by from changed
        union select image_id, stated_by from changed where stated_by is not null
        union select c.image_id, 'user:' || r.user_id from changed c
        join review_set_images m on m.image_id = c.image_id
        join review_set_reviews r on r.set_id = m.set_id and r.position = m.position
    ) c having count(*) > 0;
    return null;
end
$$;
create trigger record_drawn_boxes after insert on human_boxes
    referencing new table as changed for each statement execute function record_set_boxes();
create trigger record_changed_boxes after update on human_boxes
    referencing new table as changed for each statement execute function record_set_boxes();
create function reset_set_answers() returns trigger language plpgsql as $$
begin
    update review_set_reviews r set answer = null from review_set_images m
    where m.image_id = new.id and r.set_id = m.set_id and r.position = m.position
        and r.answer is not null;
    return null;
end
$$;
create trigger reset_set_answers after update of deleted_at on images for each row
    when ((old.deleted_at is null) <> (new.deleted_at is null))
    execute function reset_set_answers();
"""

# The function of revision 0113 is kept for this.
RECORD_BEFORE = """
drop trigger reset_set_answers on images;
drop trigger record_changed_boxes on human_boxes;
drop trigger record_drawn_boxes on human_boxes;
drop trigger record_withdrawn_reviews on identifications;
drop trigger record_set_reviews on identifications;
drop function reset_set_answers();
drop function record_set_boxes();
drop function record_set_identifications();
drop function record_set_decisions(uuid[], text[]);
create trigger record_set_reviews after insert on identifications
    referencing new table as changed for each statement execute function record_set_reviews();
create trigger record_withdrawn_reviews after update on identifications
    referencing new table as changed for each statement execute function record_set_reviews();
"""


def upgrade() -> None:
    """Add the columns, and record reviews of whole items."""
    op.execute(STATED)
    op.execute(RECORD)


def downgrade() -> None:
    """Record reviews as before, and drop the columns."""
    op.execute(RECORD_BEFORE)
    op.execute("alter table human_boxes drop column stated_by, drop column stated_at")
