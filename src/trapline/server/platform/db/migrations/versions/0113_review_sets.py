"""Create review sets, and record which items people reviewed"""

from alembic import op

revision = "0113"
down_revision = "0111"
branch_labels = None
depends_on = None

TABLES = """
create table review_sets (
    id uuid not null constraint pk_review_sets primary key,
    project_id bigint not null constraint fk_review_sets_project_id
        references projects (id) on delete cascade,
    name text not null,
    unit text not null constraint ck_review_sets_unit check (unit in ('sequence', 'image')),
    reviews smallint not null constraint ck_review_sets_reviews check (reviews between 1 and 5),
    item_order text not null,
    filter text not null,
    created_by text not null,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    constraint uq_review_sets_project_id unique (project_id, id)
);
create index ix_review_sets_project_time on review_sets (project_id, created_at, id);

create table review_set_people (
    set_id uuid not null,
    user_id uuid not null constraint fk_review_set_people_user_id
        references users (id) on delete cascade,
    project_id bigint not null,
    constraint pk_review_set_people primary key (set_id, user_id),
    constraint fk_review_set_people_project_id foreign key (project_id, set_id)
        references review_sets (project_id, id) on delete cascade
);
create index ix_review_set_people_user_id on review_set_people (user_id);

create table review_set_items (
    set_id uuid not null,
    position integer not null,
    project_id bigint not null,
    is_done boolean not null default false,
    claimed_by uuid,
    claimed_until timestamptz,
    answer text[],
    control_image_id uuid,
    constraint pk_review_set_items primary key (set_id, position),
    constraint fk_review_set_items_project_id foreign key (project_id, set_id)
        references review_sets (project_id, id) on delete cascade
);
create index ix_review_set_items_claimable on review_set_items (set_id, position)
    where not is_done or answer is not null;
create index ix_review_set_items_claimed on review_set_items (set_id, claimed_by)
    where claimed_by is not null;

create table review_set_images (
    set_id uuid not null,
    position integer not null,
    image_id uuid not null,
    project_id bigint not null,
    constraint pk_review_set_images primary key (set_id, position, image_id),
    constraint fk_review_set_images_set_id foreign key (set_id, position)
        references review_set_items (set_id, position) on delete cascade,
    constraint fk_review_set_images_project_id foreign key (project_id, image_id)
        references images (project_id, id) on delete cascade
);
create index ix_review_set_images_image on review_set_images (image_id);

create table review_set_reviews (
    set_id uuid not null,
    position integer not null,
    user_id uuid not null,
    project_id bigint not null,
    decided_at timestamptz not null,
    answer text[],
    constraint pk_review_set_reviews primary key (set_id, position, user_id),
    constraint fk_review_set_reviews_set_id foreign key (set_id, position)
        references review_set_items (set_id, position) on delete cascade
);
create index ix_review_set_reviews_person on review_set_reviews (set_id, user_id);
create index ix_review_set_reviews_pending on review_set_reviews (set_id) where answer is null;
"""

# The items are locked in one order, so that two transactions that decide about several items wait
# for each other instead of blocking each other.
RECORD = """
create function record_set_reviews() returns trigger language plpgsql as $$
begin
    if not exists (
        select from changed c join review_set_images m on m.image_id = c.image_id
    ) then
        return null;
    end if;
    perform 1 from review_set_items i where (i.set_id, i.position) in (
        select m.set_id, m.position from review_set_images m
        join changed c on c.image_id = m.image_id
    ) order by i.set_id, i.position for no key update;
    with people as (
        select distinct m.set_id, m.position, m.project_id, c.made_by
        from changed c join review_set_images m on m.image_id = c.image_id
        where c.made_by like 'user:%' and c.kind <> 'comment'
    ), decided as materialized (
        select p.set_id, p.position, p.project_id, substr(p.made_by, 6)::uuid as user_id,
            max(d.created_at) as decided_at
        from people p join review_sets s on s.id = p.set_id
        join review_set_images m on m.set_id = p.set_id and m.position = p.position
        left join identifications d on d.image_id = m.image_id and d.made_by = p.made_by
            and d.withdrawn_at is null and d.kind <> 'comment' and d.created_at >= s.created_at
        group by 1, 2, 3, 4
    ), removed as (
        delete from review_set_reviews r using decided d
        where r.set_id = d.set_id and r.position = d.position and r.user_id = d.user_id
            and d.decided_at is null
    ), added as (
        insert into review_set_reviews (set_id, position, user_id, project_id, decided_at)
        select set_id, position, user_id, project_id, decided_at from decided
        where decided_at is not null
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
            join changed c on c.image_id = m.image_id
        ) m join review_sets s on s.id = m.set_id
    ) n where i.set_id = n.set_id and i.position = n.position and i.is_done <> n.is_done;
    return null;
end
$$;
create trigger record_set_reviews after insert on identifications
    referencing new table as changed for each statement execute function record_set_reviews();
create trigger record_withdrawn_reviews after update on identifications
    referencing new table as changed for each statement execute function record_set_reviews();
"""


def upgrade() -> None:
    """Create the tables, and the trigger that records reviews."""
    op.execute(TABLES)
    op.execute(RECORD)


def downgrade() -> None:
    """Drop the triggers and the tables."""
    op.execute("""
        drop trigger record_withdrawn_reviews on identifications;
        drop trigger record_set_reviews on identifications;
        drop function record_set_reviews();
        drop table review_set_reviews, review_set_images, review_set_items, review_set_people,
            review_sets;
    """)
