"""Tell of events"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TELL = """
create function tell_webhooks(project bigint, kind text, told jsonb, of_job boolean) returns void language sql as $$
    insert into webhook_deliveries
        (id, project_id, webhook_id, event_type, data, state, created_at, next_attempt_at, give_up_at)
    select gen_random_uuid(), w.project_id, w.id, kind, jsonb_build_object('project_id', project) || told,
        case kind when 'image.created' then 'gathering' else 'waiting' end,
        clock_timestamp(), clock_timestamp(), clock_timestamp() + interval '1 day'
    from webhooks w
    where w.project_id = project and w.is_active and (w.event_types = '{}' or kind = any(w.event_types))
      and (w.analyses_of_jobs or not of_job)
    -- One that is being deleted needs no news: nobody waits for its row.
    for key share of w skip locked
$$
"""
JOB = """
create function tell_of_job() returns trigger language plpgsql as $$
begin
    if exists (select from webhooks w where w.project_id = new.project_id and w.is_active) then
        perform tell_webhooks(new.project_id, 'job.' || new.to_state, (
            select jsonb_build_object('id', j.id, 'state', new.to_state, 'move', new.number, 'open', j.open,
                'completed', j.completed, 'failed', j.failed)
            from jobs j where j.id = new.job_id
        ), false);
    end if;
    return null;
end
$$
"""
ANALYSIS = """
create function tell_of_analysis() returns trigger language plpgsql as $$
begin
    if exists (
        select from webhooks w where w.project_id = new.project_id and w.is_active
        and (w.analyses_of_jobs or new.job_id is null)
    ) then
        perform tell_webhooks(new.project_id, 'analysis.' || new.state, jsonb_build_object('id', new.id,
            'state', new.state, 'image_id', new.image_id, 'job_id', new.job_id, 'model_name', new.model_name,
            'model_version', new.model_version), new.job_id is not null);
    end if;
    return null;
end
$$
"""
IMAGES = """
create function tell_of_images() returns trigger language plpgsql as $$
begin
    if exists (select from webhooks w where w.is_active) then
        perform tell_webhooks(i.project_id, 'image.created',
            jsonb_build_object('count', count(*), 'ids', to_jsonb((array_agg(i.id order by i.id))[1:100])), false)
        from added i group by i.project_id;
    end if;
    return null;
end
$$
"""
SOURCE = """
create function tell_of_source() returns trigger language plpgsql as $$
begin
    perform tell_webhooks(new.project_id,
        case when new.consecutive_failures > 0 then 'source.failing' else 'source.recovered' end,
        jsonb_build_object('id', new.id,
            'state', case when new.consecutive_failures > 0 then 'failing' else 'well' end), false);
    return null;
end
$$
"""
RUN = """
create function tell_of_run() returns trigger language plpgsql as $$
begin
    perform tell_webhooks(new.project_id, 'source.run.completed', jsonb_build_object('id', new.source_id,
        'run_id', new.id, 'state', new.state, 'imported', new.imported, 'duplicate', new.duplicate,
        'skipped', new.skipped, 'failed', new.failed, 'remaining', new.remaining), false);
    return null;
end
$$
"""
WORKER = """
create function tell_of_worker() returns trigger language plpgsql as $$
declare
    now_is text := case
        when new.ended_why = 'evicted' then 'evicted'
        when new.ended_at is not null or new.offline_since is not null then 'offline'
        else 'online'
    end;
begin
    perform tell_webhooks(p.project_id, 'worker.' || now_is, jsonb_build_object('id', new.id, 'state', now_is,
        'why', coalesce(new.ended_why, case now_is when 'offline' then 'silent' end)), false)
    from (
        select project_id from service_projects where service_id = new.service_id
        union select project_id from holders where worker_id = new.id
    ) p;
    return null;
end
$$
"""
TRIGGERS = (
    "create trigger tell_of_job after insert on job_moves for each row execute function tell_of_job()",
    """
    create trigger tell_of_analysis after update of state on analyses for each row
    when (new.state in ('completed', 'failed') and old.state is distinct from new.state)
    execute function tell_of_analysis()
    """,
    """
    create trigger tell_of_images after insert on images referencing new table as added
    for each statement execute function tell_of_images()
    """,
    """
    create trigger tell_of_source after update of consecutive_failures on pull_sources for each row
    when ((old.consecutive_failures > 0) <> (new.consecutive_failures > 0)) execute function tell_of_source()
    """,
    """
    create trigger tell_of_run after update of state on pull_runs for each row
    when (old.state = 'running' and new.state = 'completed') execute function tell_of_run()
    """,
    "create trigger tell_of_new_worker after insert on workers for each row execute function tell_of_worker()",
    """
    create trigger tell_of_worker after update of service_id, ended_at, offline_since on workers for each row
    when (
        (old.ended_at is null and new.ended_at is not null)
        or (old.ended_at is null and (old.offline_since is null) <> (new.offline_since is null))
        or (old.service_id is null and new.service_id is not null and new.ended_at is null)
    )
    execute function tell_of_worker()
    """,
)


def upgrade() -> None:
    """Tell of events"""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("event_types", ARRAY(sa.Text()), nullable=False),
        sa.Column("analyses_of_jobs", sa.Boolean(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_webhooks_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("project_id", "id", name="uq_webhooks_project_id_id"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("response_excerpt", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state in ('gathering', 'waiting', 'delivered', 'failed')",
            name=op.f("ck_webhook_deliveries_state"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "webhook_id"],
            ["webhooks.project_id", "webhooks.id"],
            name="fk_webhook_deliveries_project_id_webhook_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )
    op.create_index(
        "ix_webhook_deliveries_time", "webhook_deliveries", ["webhook_id", "created_at", "id"]
    )
    for state, column in (
        ("waiting", "next_attempt_at"),
        ("gathering", "created_at"),
        ("failed", "created_at"),
    ):
        op.create_index(
            f"ix_webhook_deliveries_{state}",
            "webhook_deliveries",
            ["webhook_id", column],
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.add_column("workers", sa.Column("offline_since", sa.DateTime(timezone=True), nullable=True))
    for function in (TELL, JOB, ANALYSIS, IMAGES, SOURCE, RUN, WORKER):
        op.execute(function)
    for trigger in TRIGGERS:
        op.execute(trigger)
