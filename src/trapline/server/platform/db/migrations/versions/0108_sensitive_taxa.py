"""Create sensitive taxa, whose locations are generalised by role, and what exports reveal"""

from alembic import op

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None

# The numbers are those of `images.rules.locations.Precision`: 0 is exact, 3 is withheld.
TABLES = """
create table sensitive_taxa (
    project_id bigint not null,
    taxon_id uuid not null,
    visitor smallint not null,
    viewer smallint not null,
    reviewer smallint not null,
    manager smallint not null,
    updated_at timestamptz not null default clock_timestamp(),
    constraint pk_sensitive_taxa primary key (project_id, taxon_id),
    constraint fk_sensitive_taxa_project_id foreign key (project_id)
        references projects (id) on delete cascade,
    constraint fk_sensitive_taxa_project_id_taxon_id foreign key (project_id, taxon_id)
        references taxa (project_id, id),
    constraint ck_sensitive_taxa_levels check (
        visitor between viewer and 3 and viewer >= reviewer and reviewer >= manager
            and manager >= 0)
);
create table sensitive_sightings (
    deployment_id uuid not null constraint fk_sensitive_sightings_deployment_id
        references deployments (id) on delete cascade,
    taxon_id uuid not null,
    image_id uuid not null,
    project_id bigint not null,
    constraint pk_sensitive_sightings primary key (deployment_id, taxon_id, image_id),
    constraint fk_sensitive_sightings_project_id_taxon_id foreign key (project_id, taxon_id)
        references sensitive_taxa (project_id, taxon_id) on delete cascade
);
create index ix_sensitive_sightings_taxon on sensitive_sightings (project_id, taxon_id);
create index ix_sensitive_sightings_image on sensitive_sightings (image_id);
create index ix_name_meanings_name on name_meanings (set_id, name);
alter table exports add column audience text, add column precisions jsonb;
"""

# Which of these names of a set does a sensitive taxon cover? A name is compared by its words: the
# name, the parts of a class string, its first words, its lineage in `name_meanings`, and the taxon
# of that name or label with its higher ranks. Sets that an upgrade copied have no `name_meanings`.
# A common name covers only names that are not of a taxon.
NAMES = """
create function list_sensitive_names(wanted bigint, used bigint, names text[])
returns table (name text, taxon_id uuid)
language sql stable as $$
    with rules as materialized (
        select s.taxon_id, a.id, a.scientific_name, a.common_names
        from sensitive_taxa s join taxa g on g.id = s.taxon_id
        join taxa a on a.id = coalesce(g.accepted_id, g.id) where s.project_id = wanted
    ), rule_words as materialized (
        select r.taxon_id, lower(r.scientific_name) as word, false as is_common from rules r
        union select r.taxon_id, lower(y.scientific_name), false
        from rules r join taxa y on y.project_id = wanted and y.accepted_id = r.id
        union select r.taxon_id, lower(n.value), true
        from rules r cross join lateral jsonb_each(r.common_names) l
        cross join lateral jsonb_array_elements_text(
            case when jsonb_typeof(l.value) = 'array' then l.value else '[]' end) n (value)
    ), given as materialized (
        select distinct g.name, replace(lower(g.name), '_', ' ') as plain,
            string_to_array(replace(lower(g.name), '_', ' '), ';') as parts
        from unnest(names) g (name) where g.name <> ''
    ), binomials as materialized (
        select g.name, split_part(g.plain, ' ', 1) || ' ' || split_part(g.plain, ' ', 2) as word
        from given g
        union select g.name, trim(g.parts[5]) || ' ' || trim(g.parts[6]) from given g
    ), keys as materialized (
        select name, lower(name) as word from given union select name, plain from given
        union select name, word from binomials union select name, name from given
    ), of_taxa as materialized (
        select t.name, c.id, c.scientific_name, c.higher_ranks
        from (
            select k.name, t.id, t.accepted_id from keys k
            join taxa t on t.project_id = wanted and t.name_key = k.word
            union select k.name, t.id, t.accepted_id from keys k
            join taxon_labels l on l.project_id = wanted and l.label = k.word
            join taxa t on t.id = l.taxon_id
        ) t join taxa c on c.id = coalesce(t.accepted_id, t.id)
    ), words as (
        select g.name, g.plain as word, false as is_of_taxon from given g
        union select g.name, trim(part), false from given g cross join unnest(g.parts) p (part)
        union select b.name, b.word, true from binomials b
        union select g.name, split_part(g.plain, ' ', 1), true from given g
        union select m.name, lower(w), m.taxon_id is not null
        from given g join name_meanings m on m.set_id = used and m.name = g.name
        cross join unnest(m.lineage) l (w)
        union select o.name, lower(o.scientific_name), true from of_taxa o
        union select o.name, split_part(lower(o.scientific_name), ' ', 1), true from of_taxa o
        union select o.name, lower(h.value), true
        from of_taxa o cross join jsonb_each_text(o.higher_ranks) h
    )
    select w.name, r.taxon_id from words w join rule_words r on r.word = w.word
    where w.word <> '' and not (r.is_common and w.is_of_taxon)
    union select o.name, r.taxon_id from of_taxa o join rules r on r.id = o.id
    union select m.name, r.taxon_id from rules r join name_meanings m
        on m.set_id = used and m.name = any(names) and m.taxon_id = r.id
$$;
"""

# Observations of sensitive taxa are recorded when they are stored, in any set, and remain when the
# observation does not: the locations depend on these records alone. The lock orders observations
# and changes of the rules, so that each sees what the other has stored.
SIGHTINGS = """
create function note_sensitive_sightings() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('sensitive taxa', a.project_id))
        from (select distinct project_id from added order by 1) a;
    if exists (select from sensitive_taxa s where s.project_id in (select project_id from added))
    then
        insert into sensitive_sightings (deployment_id, taxon_id, image_id, project_id)
        select distinct a.deployment_id, n.taxon_id, a.image_id, a.project_id
        from (
            select project_id, set_id, array_agg(distinct class_name) as names from added
            group by 1, 2
        ) g cross join lateral list_sensitive_names(g.project_id, g.set_id, g.names) n
        join added a on a.project_id = g.project_id and a.set_id = g.set_id
            and a.class_name = n.name
        order by 1, 2, 3 on conflict do nothing;
    end if;
    return null;
end
$$;
create trigger note_sensitive_sightings after insert on observed_classes
    referencing new table as added for each statement execute function note_sensitive_sightings();
create function record_sensitive_sightings(wanted bigint) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('sensitive taxa', wanted));
    if not exists (select from sensitive_taxa s where s.project_id = wanted) then
        return;
    end if;
    insert into sensitive_sightings (deployment_id, taxon_id, image_id, project_id)
    select distinct c.deployment_id, n.taxon_id, c.image_id, wanted
    from observation_sets o cross join lateral (
        with recursive found as (
            (select class_name from observed_classes where set_id = o.id order by 1 limit 1)
            union all
            select (select c.class_name from observed_classes c
                where c.set_id = o.id and c.class_name > f.class_name order by 1 limit 1)
            from found f where f.class_name is not null
        )
        select array_agg(class_name) as names from found where class_name is not null
    ) g cross join lateral list_sensitive_names(wanted, o.id, g.names) n
    join observed_classes c on c.set_id = o.id and c.class_name = n.name
    where o.project_id = wanted and o.state <> 'retired'
    order by 1, 2, 3 on conflict do nothing;
end
$$;
"""

FUNCTION = """
create function list_sensitive_deployments(wanted bigint[], chosen uuid[])
returns table (project_id bigint, deployment_id uuid,
    visitor smallint, viewer smallint, reviewer smallint, manager smallint)
language sql stable as $$
    select d.project_id, d.id, max(s.visitor), max(s.viewer), max(s.reviewer), max(s.manager)
    from sensitive_taxa s join deployments d on d.project_id = s.project_id
    where s.project_id = any(wanted) and (chosen is null or d.id = any(chosen))
        and exists (select from sensitive_sightings g
            where g.deployment_id = d.id and g.taxon_id = s.taxon_id)
    group by 1, 2
$$;
"""


def upgrade() -> None:
    """Create the tables, the functions and the columns."""
    for statements in (TABLES, NAMES, SIGHTINGS, FUNCTION):
        op.execute(statements)


def downgrade() -> None:
    """Drop them."""
    op.execute("""
        drop function list_sensitive_deployments(bigint[], uuid[]);
        drop trigger note_sensitive_sightings on observed_classes;
        drop function note_sensitive_sightings();
        drop function record_sensitive_sightings(bigint);
        drop function list_sensitive_names(bigint, bigint, text[]);
        drop index ix_name_meanings_name;
        drop table sensitive_sightings;
        drop table sensitive_taxa;
        alter table exports drop column audience, drop column precisions;
    """)
