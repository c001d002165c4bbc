"""Write to people"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NOTE = """
create function note_for_people(project bigint, wanted text, told jsonb) returns void language sql as $$
    insert into notice_events (id, notice_id, data, created_at)
    select gen_random_uuid(), n.id, told, clock_timestamp()
    from notices n where n.project_id = project and n.kind = wanted
    -- One that is being deleted needs no news: nobody waits for its row.
    for key share of n skip locked
$$
"""
JOB = """
create function note_failed_job() returns trigger language plpgsql as $$
begin
    if exists (select from notices n where n.project_id = new.project_id and n.kind = 'job_failed') then
        perform note_for_people(new.project_id, 'job_failed', (
            select jsonb_build_object('id', j.id, 'name', coalesce(nullif(j.name, ''), j.pipeline_slug),
                'completed', j.completed, 'failed', j.failed)
            from jobs j where j.id = new.job_id
        ));
    end if;
    return null;
end
$$
"""
SEEN = """
create function note_seen_class(project bigint, seen text, sure float8, highest float8, many bigint, images jsonb)
returns void language sql as $$
    insert into notice_events (id, notice_id, data, created_at)
    select gen_random_uuid(), n.id, jsonb_build_object('class_name', seen, 'count', many, 'confidence', highest,
        'ids', images), clock_timestamp()
    from notices n where n.project_id = project and n.kind = 'class_seen' and n.class_name = seen
      and n.confidence_min = sure
    for key share of n skip locked
$$
"""
# One look at the notices for a whole statement; each class and least confidence that somebody asked for is one event.
CLASSES = """
create function note_seen_classes() returns trigger language plpgsql as $$
begin
    if exists (select from notices where kind = 'class_seen') then
        perform note_seen_class(s.project_id, s.class_name, s.sure, max(s.confidence), count(*),
            to_jsonb((array_agg(s.image_id order by s.confidence desc))[1:5]))
        from (
            select c.project_id, c.class_name, c.image_id, c.confidence, n.confidence_min as sure
            from {rows} c {before} cross join lateral (
                select distinct w.confidence_min from notices w where w.kind = 'class_seen'
                  and w.project_id = c.project_id and w.class_name = c.class_name and w.confidence_min <= c.confidence
            ) n {where}
        ) s group by s.project_id, s.class_name, s.sure;
    end if;
    return null;
end
$$
"""
ADDED = CLASSES.format(rows="added", before="", where="")
CHANGED = CLASSES.replace("note_seen_classes", "note_surer_classes").format(
    rows="changed",
    before="join formerly b on b.image_id = c.image_id and b.class_name = c.class_name",
    where="where b.confidence < n.confidence_min",
)
TRIGGERS = (
    """
    create trigger note_failed_job after insert on job_moves for each row when (new.to_state = 'failed')
    execute function note_failed_job()
    """,
    """
    create trigger note_seen_classes after insert on image_classes referencing new table as added
    for each statement execute function note_seen_classes()
    """,
    """
    create trigger note_surer_classes after update on image_classes
    referencing old table as formerly new table as changed
    for each statement execute function note_surer_classes()
    """,
)


def upgrade() -> None:
    """Write to people"""
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("silent_for_h", sa.Integer(), nullable=True),
        sa.Column("class_name", sa.Text(), server_default="", nullable=False),
        sa.Column("confidence_min", sa.Double(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "case kind when 'deployment_silent' then silent_for_h is not null "
            "when 'source_silent' then silent_for_h is not null when 'job_failed' then true "
            "when 'class_seen' then class_name <> '' and confidence_min is not null else false end",
            name=op.f("ck_notices_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "user_id"],
            ["members.project_id", "members.user_id"],
            name="fk_notices_project_id_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("project_id", "user_id", "kind", "class_name", name="uq_notices_wish"),
    )
    op.create_index(
        "ix_notices_classes",
        "notices",
        ["project_id", "class_name"],
        postgresql_where=sa.text("kind = 'class_seen'"),
    )
    op.create_table(
        "notice_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name="fk_notice_events_notice_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notice_events"),
    )
    op.create_index("ix_notice_events_notice_id", "notice_events", ["notice_id"])
    op.create_table(
        "notice_silences",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name="fk_notice_silences_notice_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("notice_id", "about", name="pk_notice_silences"),
    )
    op.create_table(
        "notice_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("items", JSONB(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'delivered', 'failed')", name=op.f("ck_notice_mails_state")
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "user_id"],
            ["members.project_id", "members.user_id"],
            name="fk_notice_mails_project_id_user_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notice_mails"),
    )
    op.create_index(
        "ix_notice_mails_of", "notice_mails", ["project_id", "user_id", "kind", "created_at"]
    )
    op.create_index(
        "ix_notice_mails_waiting",
        "notice_mails",
        ["next_attempt_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_images_deployment_arrival", "images", ["deployment_id", "created_at"])
    for function in (NOTE, JOB, SEEN, ADDED, CHANGED):
        op.execute(function)
    for trigger in TRIGGERS:
        op.execute(trigger)
