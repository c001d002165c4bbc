"""Record sightings of sensitive taxa in chunks, and restrict all deployments until that ends"""

from alembic import op

revision = "0110"
down_revision = "0109"
branch_labels = None
depends_on = None

COLUMNS = """
alter table sensitive_taxa add column is_recorded boolean not null default false,
    add column recorded_to uuid;
update sensitive_taxa set is_recorded = true;
"""

# A process of the earlier version calls it in the transaction that changes rules or names.
RECORD = """
create or replace function record_sensitive_sightings(wanted bigint) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('sensitive taxa', wanted));
    update sensitive_taxa set is_recorded = false, recorded_to = null where project_id = wanted;
end
$$;
"""

# Two branches, so that the database searches the sightings once and not once for each deployment.
FUNCTION = """
create or replace function list_sensitive_deployments(wanted bigint[], chosen uuid[])
returns table (project_id bigint, deployment_id uuid,
    visitor smallint, viewer smallint, reviewer smallint, manager smallint)
language sql stable as $$
    select r.project_id, r.deployment_id,
        max(r.visitor), max(r.viewer), max(r.reviewer), max(r.manager)
    from (
        select d.project_id, d.id as deployment_id, s.visitor, s.viewer, s.reviewer, s.manager
        from sensitive_taxa s join deployments d on d.project_id = s.project_id
        where s.project_id = any(wanted) and (chosen is null or d.id = any(chosen))
            and s.is_recorded and exists (select from sensitive_sightings g
                where g.deployment_id = d.id and g.taxon_id = s.taxon_id)
        union all
        select d.project_id, d.id, s.visitor, s.viewer, s.reviewer, s.manager
        from sensitive_taxa s join deployments d on d.project_id = s.project_id
        where s.project_id = any(wanted) and (chosen is null or d.id = any(chosen))
            and not s.is_recorded
    ) r group by 1, 2
$$;
"""

# As before, with `covered` materialized: a join with the rows first would look up the names for
# each row.
ADDED = """
create or replace function note_sensitive_sightings() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('sensitive taxa', a.project_id))
        from (select distinct project_id from added order by 1) a;
    if exists (select from sensitive_taxa s where s.project_id in (select project_id from added))
    then
        with covered as materialized (
            select g.project_id, g.set_id, n.name, n.taxon_id from (
                select project_id, set_id, array_agg(distinct class_name) as names from added
                group by 1, 2
            ) g cross join lateral list_sensitive_names(g.project_id, g.set_id, g.names) n
        )
        insert into sensitive_sightings (deployment_id, taxon_id, image_id, project_id)
        select distinct a.deployment_id, n.taxon_id, a.image_id, a.project_id
        from covered n join added a on a.project_id = n.project_id and a.set_id = n.set_id
            and a.class_name = n.name
        order by 1, 2, 3 on conflict do nothing;
    end if;
    return null;
end
$$;
"""

# An observation that is deleted before the search reaches its image is recorded first, for example
# if an image is corrected or purged. The lock is that of `note_sensitive_sightings`.
REMOVED = """
create function note_removed_sightings() returns trigger language plpgsql as $$
begin
    if not exists (select from sensitive_taxa where not is_recorded) then
        return null;
    end if;
    perform pg_advisory_xact_lock_shared(hashtextextended('sensitive taxa', r.project_id))
        from (
            select distinct d.project_id from removed d
            join observation_sets o on o.id = d.set_id and o.state <> 'retired' order by 1
        ) r;
    with covered as materialized (
        select g.project_id, g.set_id, n.name, n.taxon_id from (
            select d.project_id, d.set_id, array_agg(distinct d.class_name) as names from removed d
            join observation_sets o on o.id = d.set_id and o.state <> 'retired'
            where d.project_id in (select project_id from sensitive_taxa where not is_recorded)
            group by 1, 2
        ) g cross join lateral list_sensitive_names(g.project_id, g.set_id, g.names) n
    )
    insert into sensitive_sightings (deployment_id, taxon_id, image_id, project_id)
    select distinct r.deployment_id, n.taxon_id, r.image_id, r.project_id
    from covered n join sensitive_taxa s on s.project_id = n.project_id
        and s.taxon_id = n.taxon_id and not s.is_recorded
    join removed r on r.project_id = n.project_id and r.set_id = n.set_id and r.class_name = n.name
    order by 1, 2, 3 on conflict do nothing;
    return null;
end
$$;
create trigger note_removed_sightings after delete on observed_classes
    referencing old table as removed for each statement execute function note_removed_sightings();
"""

EARLIER = """
drop trigger note_removed_sightings on observed_classes;
drop function note_removed_sightings();
create or replace function record_sensitive_sightings(wanted bigint) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('sensitive taxa', wanted));
    if not exists (select from sensitive_taxa s where s.project_id = wanted) then
        return;
    end if;
    insert into sensitive_sightings (deployment_id, taxon_id, image_id, project_id)
    select distinct c.deployment_id, n.taxon_id, c.image_id, wanted
    from observation_sets o cross join lateral (
        select array_agg(distinct class_name) as names from observed_classes where set_id = o.id
    ) g cross join lateral list_sensitive_names(wanted, o.id, g.names) n
    join observed_classes c on c.set_id = o.id and c.class_name = n.name
    where o.project_id = wanted and o.state <> 'retired'
    order by 1, 2, 3 on conflict do nothing;
end
$$;
create or replace function list_sensitive_deployments(wanted bigint[], chosen uuid[])
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
select record_sensitive_sightings(project_id)
    from (select distinct project_id from sensitive_taxa where not is_recorded) p;
alter table sensitive_taxa drop column is_recorded, drop column recorded_to;
"""


def upgrade() -> None:
    """Add the progress, let the functions use it, and record what is deleted meanwhile."""
    for statements in (COLUMNS, RECORD, FUNCTION, ADDED, REMOVED):
        op.execute(statements)


def downgrade() -> None:
    """Record what is missing, restore the functions, and drop the progress."""
    op.execute(EARLIER)
