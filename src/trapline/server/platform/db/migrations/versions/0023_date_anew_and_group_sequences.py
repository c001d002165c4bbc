"""Date images anew and group sequences"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# Whatever changes when an image was taken, or deletes it, takes it out of its sequence: said once, for every way.
LEAVE = """
create function leave_sequence() returns trigger language plpgsql as $$
begin
    update sequences set recheck = true where id = old.sequence_id and not recheck;
    new.sequence_id := null;
    return new;
end
$$
"""
TRIGGER = """
create trigger leave_sequence before update of captured_at, deleted_at on images for each row
when (old.sequence_id is not null and (
    new.captured_at is distinct from old.captured_at or (new.deleted_at is not null and old.deleted_at is null)
))
execute function leave_sequence()
"""


def upgrade() -> None:
    """Images of before have no sequence yet; the background process finds and groups them."""
    op.add_column(
        "deployments", sa.Column("previous_clock_offset_s", sa.BigInteger(), nullable=True)
    )
    op.add_column(
        "deployments", sa.Column("dating", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("deployments", sa.Column("dated_to", sa.Uuid(), nullable=True))
    op.create_index("ix_deployments_dating", "deployments", ["id"], postgresql_where="dating")
    op.create_table(
        "sequences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("images", sa.BigInteger(), nullable=False),
        sa.Column("recheck", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("dissolve", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            name=op.f("fk_sequences_project_id_deployment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequences")),
    )
    op.create_index("ix_sequences_project_time", "sequences", ["project_id", "started_at", "id"])
    op.create_index(
        "ix_sequences_deployment_time", "sequences", ["deployment_id", "started_at", "ended_at"]
    )
    op.create_index(
        "ix_sequences_unsettled", "sequences", ["id"], postgresql_where="recheck or dissolve"
    )
    op.add_column("images", sa.Column("sequence_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_images_sequence",
        "images",
        ["sequence_id", "captured_at", "id"],
        postgresql_where="sequence_id is not null",
    )
    op.create_index(
        "ix_images_ungrouped",
        "images",
        ["deployment_id", "captured_at", "id"],
        postgresql_where="sequence_id is null and deleted_at is null",
    )
    op.execute(LEAVE)
    op.execute(TRIGGER)
