"""Grant source folders, and count what listings leave out"""

import os
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

REASON = (
    "An operator has not granted this folder to the project. An operator can grant it with `trapline source grant "
    "PATH --project PROJECT` or on the page under Settings, People; then resume the source."
)


def upgrade() -> None:
    """Any owner could read any folder below the allowed ones: sources that no operator created pause."""
    op.create_table(
        "source_folders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name="pk_source_folders"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_source_folders_project_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("project_id", "path", name="uq_source_folders_project_id_path"),
    )
    _grant_or_pause(op.get_bind())
    op.add_column(
        "pulled_files", sa.Column("kind", sa.Text(), server_default="file", nullable=False)
    )
    # Validation reads the whole table; revision 0061 does it without a lock that writers wait for.
    op.create_check_constraint(
        "ck_pulled_files_kind",
        "pulled_files",
        "kind in ('file', 'folder')",
        postgresql_not_valid=True,
    )
    op.add_column(
        "pull_runs", sa.Column("left_out", postgresql.JSONB(), server_default="{}", nullable=False)
    )
    op.add_column(
        "pull_runs",
        sa.Column("unlisted_folders", sa.BigInteger(), server_default="0", nullable=False),
    )


def _grant_or_pause(connection: sa.Connection) -> None:
    sources = connection.execute(
        sa.text(
            """
            select s.id, s.project_id, s.base_url, (
                select coalesce(bool_and(coalesce(u.is_operator, false)), false)
                from audit a
                left join tokens t on a.actor = 'token:' || t.id::text
                left join users u on a.actor = 'user:' || u.id::text or u.id = t.user_id
                where a.subject_type = 'source' and a.subject_id = s.id::text and a.action in ('create', 'change')
            ) as is_of_operators
            from pull_sources s where s.gateway = 'folder'
            """
        )
    ).all()
    for source_id, project_id, base_url, is_of_operators in sources:
        if is_of_operators:
            connection.execute(
                sa.text(
                    "insert into source_folders (id, project_id, path, granted_by) values "
                    "(gen_random_uuid(), :project, :path, 'migration') on conflict do nothing"
                ),
                {"project": project_id, "path": os.path.realpath(unquote(urlsplit(base_url).path))},
            )
        else:
            connection.execute(
                sa.text(
                    "update pull_sources set is_active = false, last_error = :reason, updated_at = clock_timestamp() "
                    "where id = :id"
                ),
                {"reason": REASON, "id": source_id},
            )
