"""Link people with an OpenID provider"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Link people with an OpenID provider"""
    op.add_column("users", sa.Column("oidc_issuer", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("oidc_subject", sa.Text(), nullable=True))
    op.create_unique_constraint(
        "uq_users_oidc_issuer_oidc_subject", "users", ["oidc_issuer", "oidc_subject"]
    )
