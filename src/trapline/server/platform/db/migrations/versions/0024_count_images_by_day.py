"""Count images by day"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# What is found on images is noted where it is written (mark_images): a trigger for each row took too long there.
CAME = """
create or replace function note_days_of_new_images() returns trigger language plpgsql as $$
begin
    insert into dirty_days (project_id, deployment_id, day)
    select distinct project_id, deployment_id, (captured_at at time zone time_zone)::date from came;
    return null;
end
$$
"""
CAME_TRIGGER = """
create or replace trigger note_days_of_new_images after insert on images referencing new table as came
for each statement execute function note_days_of_new_images()
"""
MOVED = """
create or replace function note_days_of_moved_image() returns trigger language plpgsql as $$
begin
    insert into dirty_days (project_id, deployment_id, day) values
        (old.project_id, old.deployment_id, (old.captured_at at time zone old.time_zone)::date),
        (new.project_id, new.deployment_id, (new.captured_at at time zone new.time_zone)::date);
    return null;
end
$$
"""
MOVED_TRIGGER = """
create or replace trigger note_days_of_moved_image after update of captured_at, time_zone, deleted_at on images
for each row when (new.captured_at is distinct from old.captured_at or new.time_zone is distinct from old.time_zone
    or (new.deleted_at is null) is distinct from (old.deleted_at is null))
execute function note_days_of_moved_image()
"""


def upgrade() -> None:
    """Every day that has images is noted as not counted yet; the background process counts them.

    The locks of the first part end before all images are read, and all of it may be done again.
    """
    op.create_table(
        "dirty_days",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dirty_days")),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_dirty_days_project_id"), "dirty_days", ["project_id"], if_not_exists=True
    )
    op.create_table(
        "day_counts",
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("class_name", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("blank", sa.BigInteger(), nullable=False),
        sa.Column("hours", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column(
            "counted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            name=op.f("fk_day_counts_project_id_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("deployment_id", "class_name", "day", name=op.f("pk_day_counts")),
        if_not_exists=True,
    )
    for name, columns in (
        ("ix_day_counts_class", ["project_id", "class_name", "day"]),
        (op.f("ix_day_counts_project_id_counted_at"), ["project_id", "counted_at"]),
    ):
        op.create_index(name, "day_counts", columns, if_not_exists=True)
    for statement in (CAME, CAME_TRIGGER, MOVED, MOVED_TRIGGER):
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute(
            """
            insert into dirty_days (project_id, deployment_id, day)
            select distinct project_id, deployment_id, (captured_at at time zone time_zone)::date from images
            """
        )
